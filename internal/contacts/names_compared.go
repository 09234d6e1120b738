package contacts

import (
	"slices"
	"strings"
)

// HowNamesAgree says on what two names agree that can be one person's: one word
// for the family names and one for the given names. It is empty for names that
// are not compatible (see NamesCompatible).
//
//	family_name           the same letters
//	family_name_spelling  the same but for particles and spaces
//	family_name_of_birth  the name of birth of one is a name of the other
//	given_name            the same letters
//	given_name_short      one is the everyday form of the other
//	given_name_initial    one is the initial of the other
func HowNamesAgree(a, b Name) []string {
	if !NamesCompatible(a, b) {
		return nil
	}
	family := "family_name_of_birth"
	if sameFamily(a.Family, b.Family) {
		family = "family_name_spelling"
		if Fold(a.Family) == Fold(b.Family) {
			family = "family_name"
		}
	}
	x, y := strings.Fields(Fold(a.Given)), strings.Fields(Fold(b.Given))
	given := "given_name"
	if strings.Join(x, "") != strings.Join(y, "") {
		given = "given_name_short"
		if len(x) == len(y) {
			for i := range x {
				if x[i] != y[i] && initialOf(x[i], y[i]) {
					given = "given_name_initial"
				}
			}
		}
	}
	return []string{family, given}
}

// SortNames are the ways in which persons who can well be this one are sorted in
// the register: by the family name and every everyday form of the given name.
func SortNames(n Name) []string {
	family, given := Fold(sortFamily(n.Family)), Fold(n.Given)
	if family == "" || given == "" {
		return nil
	}
	out := []string{clip(family+" "+given, 500)}
	for _, group := range shortForms() {
		if !inGroup(group, given) {
			continue
		}
		for _, form := range group {
			if form != given {
				out = append(out, clip(family+" "+form, 500))
			}
		}
	}
	return out
}

func inGroup(group []string, given string) bool {
	return slices.Contains(group, given)
}
