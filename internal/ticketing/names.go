package ticketing

import (
	"slices"
	"strings"
	"unicode"

	"github.com/parvis-crm/parvis/internal/contacts"
)

// placeholders are words that systems put where nobody gave a name.
var placeholders = []string{
	"a", "abonne", "accompagnant", "accompagnateur", "adulte", "anonyme", "anonymous", "attendee", "beneficiaire", "billet", "comptoir", "client", "completer", "definir", "enfant", "guest", "guichet", "inconnu", "inconnue", "info", "information",
	"m", "madame", "mademoiselle", "mlle", "mme", "monsieur", "mr", "mrs", "ms", "none", "null", "of", "sans", "undefined",
	"invite", "invitee", "n", "name", "nc", "nom", "non", "participant", "participante", "personne", "place", "prenom", "renseigne", "requested", "spectateur",
	"passage", "spectatrice", "tarif", "test", "ticket", "unknown", "visiteur", "visitor", "x", "xx", "xxx",
}

// placeholder reports whether a name says nothing: "Info Requested", "Billet 2".
func placeholder(name contacts.Name) bool {
	words := strings.FieldsFunc(contacts.Fold(name.Given+" "+name.Family), func(r rune) bool { return !unicode.IsLetter(r) })
	for _, w := range words {
		if !slices.Contains(placeholders, w) {
			return false
		}
	}
	return true
}

// nameOf is the name of a person as the source divides it, or divided at the
// first space where it does not. The zero name when there is none that says
// anything.
func nameOf(p *person) contacts.Name {
	n := rawName(p)
	if placeholder(n) {
		return contacts.Name{}
	}
	return n
}

func rawName(p *person) contacts.Name {
	n := contacts.Name{Given: strings.TrimSpace(or(p.GivenName, "")), Family: strings.TrimSpace(or(p.FamilyName, ""))}
	if n.Given == "" && n.Family == "" {
		given, family, divided := strings.Cut(strings.TrimSpace(or(p.Name, "")), " ")
		n.Given, n.Family = given, strings.TrimSpace(family)
		if !divided {
			n.Given, n.Family = "", given
		}
	}
	return n
}

func named(n contacts.Name) bool { return n.Given != "" || n.Family != "" }

// mobile reports whether an E.164 number can be one person's own: in France
// numbers that begin with 06 or 07 are, and fixed ones are a household's.
func mobile(e164 string) bool {
	if rest, ok := strings.CutPrefix(e164, "+33"); ok {
		return strings.HasPrefix(rest, "6") || strings.HasPrefix(rest, "7")
	}
	return true
}
