// Package vault keeps what must not lie in the clear in a database or in a copy
// of one: secrets, what waits in queues, and what is sensitive about persons.
//
// Keys are in three storeys (envelope encryption). The master key, or a key
// management service, is outside the database and wraps each institution's key.
// An institution's key seals its secrets and the keys of its persons. A
// person's key seals what is sensitive about them and the values of it in the
// history; destroying that one key makes all of it unreadable, wherever it was
// copied to (GDPR art. 17), and leaves the chain of events as it is, since the
// chain covers the sealed form.
//
// Every sealed value is bound to its institution, table, column and row, and
// says which version of the key it is under, so that the institution's key can
// be changed while everything stays readable.
package vault
