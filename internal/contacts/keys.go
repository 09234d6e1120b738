package contacts

import (
	"slices"
	"strings"

	"github.com/parvis-crm/parvis/internal/contacts/namekey"
)

// words of the names of a contact as they are indexed: folded, "st" and "ste"
// written out, one space around each.
func indexWords(names ...*string) string {
	var all []string
	for _, n := range names {
		if n == nil {
			continue
		}
		for _, w := range tokens(*n) {
			if !slices.Contains(all, w) {
				all = append(all, w)
			}
		}
	}
	return " " + strings.Join(all, " ") + " "
}

// tokens are the words of a text as search compares them.
func tokens(s string) []string {
	words := strings.Fields(Fold(s))
	for i, w := range words {
		switch w {
		case "st":
			words[i] = "saint"
		case "ste":
			words[i] = "sainte"
		}
	}
	return words
}

// nameKeys are the keys under which words are found when they are misspelt:
// none, which is not null, where a name has neither letters nor digits.
func nameKeys(words string) []string {
	keys := []string{}
	for w := range strings.FieldsSeq(words) {
		keys = append(keys, namekey.Of(w)...)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
