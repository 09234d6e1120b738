package ticketing

import (
	"slices"

	"github.com/parvis-crm/parvis/internal/contacts"
)

// scoreOfSeveral is how sure one can be of each of several persons who can
// equally well be the one described.
const scoreOfSeveral = 0.75

// closest finds among those who are reached at one address or number the one
// whom a description fits best: Julie Blanc herself before J. Blanc, who opened
// the household's account earlier, and who is born on the day that is said before
// a namesake. Of several whom it fits equally the oldest is taken where they can
// all be the same person, met twice; a father and son of one name, or Marie and
// Michel for "M. Petit", cannot, and a person is asked. Who is in the trash counts
// only where nobody else can be meant.
func closest(reached []candidate, d description, rule string, score float64, evidence ...string) (finding, bool) {
	var best []candidate
	var how []string
	top := -1
	for _, c := range reached {
		on := c.agrees(d)
		if on == nil || slices.ContainsFunc(best, func(b candidate) bool { return b.id == c.id }) {
			continue
		}
		fits := fit(on)
		if !c.archived {
			fits += 1000
		}
		switch {
		case fits > top:
			best, how, top = []candidate{c}, on, fits
		case fits == top:
			best = append(best, c)
		}
	}
	if len(best) == 0 {
		return finding{}, false
	}
	if alike(best) {
		return finding{contact: &best[0].id, rule: rule, score: score, evidence: append(slices.Clone(evidence), how...)}, true
	}
	var candidates []suggestion
	for _, c := range best {
		candidates = append(candidates, suggestion{c.id, rule, scoreOfSeveral, append(slices.Clone(evidence), c.agrees(d)...)})
	}
	return among(candidates), true
}

// among asks which of several persons it is.
func among(candidates []suggestion) finding {
	return finding{rule: "review", score: scoreOfSeveral, evidence: []string{"several_candidates"}, candidates: candidates, reason: "several_candidates"}
}

// fit says how closely a name fits: the date of birth counts most, then the given
// name, which tells those of one home apart, then the family name.
func fit(how []string) int {
	out := 0
	for _, word := range how {
		switch word {
		case "birthdate":
			out += 100
		case "given_name":
			out += 20
		case "given_name_short":
			out += 10
		case "family_name":
			out += 2
		case "family_name_spelling":
			out++
		}
	}
	return out
}

// alike reports whether persons can all be one and the same.
func alike(all []candidate) bool {
	for i, a := range all {
		for _, b := range all[i+1:] {
			if contacts.HowNamesAgree(a.name, b.name) == nil || a.birthdate != "" && b.birthdate != "" && a.birthdate != b.birthdate {
				return false
			}
		}
	}
	return true
}
