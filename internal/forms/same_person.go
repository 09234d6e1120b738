package forms

import (
	"slices"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/contacts"
)

// choose finds the person among those who are reached at the address that was
// given. An address alone is shared by families: it decides only where the
// visitor gave no name and the register has nobody else, or nobody named, at
// that address. Half a name decides where nobody else can be meant.
func choose(found []contacts.Contact, p person) (contacts.Contact, bool) {
	name := p.name()
	for _, same := range []func(a, b contacts.Name) bool{contacts.NamesCompatible, sameHalf} {
		if i := slices.IndexFunc(found, func(c contacts.Contact) bool { return same(contacts.NameOf(c), name) }); i >= 0 {
			return found[i], true
		}
	}
	if name.Given != "" || name.Family != "" {
		return lone(found, func(c contacts.Contact) bool { return halfGiven(contacts.NameOf(c), name) })
	}
	if len(found) == 1 {
		return found[0], true
	}
	for _, c := range found {
		if contacts.NameOf(c) == (contacts.Name{}) {
			return c, true
		}
	}
	return contacts.Contact{}, false
}

// mayBe reports whether what was sent can be of one of several records of one
// person: it says no name, or one that is no other's.
func mayBe(records []contacts.Contact, p person) bool {
	name := p.name()
	return name.Given == "" && name.Family == "" || slices.ContainsFunc(records, func(c contacts.Contact) bool {
		of := contacts.NameOf(c)
		return contacts.NamesCompatible(of, name) || sameHalf(of, name) || halfGiven(of, name)
	})
}

func lone(found []contacts.Contact, is func(contacts.Contact) bool) (contacts.Contact, bool) {
	var out contacts.Contact
	for _, c := range found {
		if !is(c) {
			continue
		}
		if out.ID != uuid.Nil {
			return contacts.Contact{}, false
		}
		out = c
	}
	return out, out.ID != uuid.Nil
}

// sameHalf: the same family name without a given name on either side, or the
// same given name without a family name on either.
func sameHalf(a, b contacts.Name) bool {
	if a.Given == "" && b.Given == "" {
		return sameFamily(a, b)
	}
	return !hasFamily(a) && !hasFamily(b) && contacts.Fold(a.Given) != "" && contacts.Fold(a.Given) == contacts.Fold(b.Given)
}

// halfGiven: the same family name, with a given name on one side alone.
func halfGiven(a, b contacts.Name) bool {
	return (a.Given == "") != (b.Given == "") && sameFamily(a, b)
}

func hasFamily(n contacts.Name) bool { return n.Family != "" || n.Birth != "" }

// sameFamily compares as the register does where the given names agree, so that
// particles and names of birth count as they do there.
func sameFamily(a, b contacts.Name) bool {
	a.Given, b.Given = "anybody", "anybody"
	return contacts.NamesCompatible(a, b)
}

// lacksGivenName: the register has this person by the family name alone, and the
// visitor said the given name.
func lacksGivenName(c contacts.Contact, p person) bool {
	of := contacts.NameOf(c)
	return hasFamily(of) && of.Given == "" && p.fields.GivenName != nil
}
