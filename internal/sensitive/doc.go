// Package sensitive keeps what only those may know who need it for its purpose:
// access needs, disability, diet, health, guardianship, identifiers (GDPR art. 9
// and 32).
//
// A fact lies in the database under the key of the person whom it is about
// (package vault), in its row and in the history alike. It appears in the
// answers of this package's operations and nowhere else; writing does not show
// what is there; and each reading is noted with its reason before it is
// answered.
package sensitive
