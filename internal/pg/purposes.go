package pg

import (
	"encoding/json"
	"regexp"
	"slices"
	"time"
)

// bound is what a sight is held to besides rights: the purposes for which
// something is read.
type bound struct {
	codes []string
	now   func() time.Time
}

var purposeForm = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,59}$`)

// ForPurposes narrows a sight to the contacts with which one of these purposes
// of the register may be pursued, at the instant at which a statement is sent: a
// consent that is withdrawn meanwhile no longer counts. Without reach nobody's
// contact points are seen. now tells the time.
func (s Sight) ForPurposes(codes []string, reach bool, now func() time.Time) Sight {
	narrowed := SightOf{Everywhere: s.everywhere, Departments: s.departments, Principals: s.principals}
	if s.all {
		narrowed.Everywhere = Verbs()
	}
	if !reach {
		narrowed.Everywhere = slices.DeleteFunc(slices.Clone(narrowed.Everywhere), func(v Verb) bool { return v == SeeContactPoints })
		narrowed.Departments = cloneWithout(narrowed.Departments, SeeContactPoints)
	}
	out := narrowed.Sight()
	// What is no code of the register stands for no purpose; it could not travel
	// inside a statement either.
	out.bound = &bound{codes: slices.DeleteFunc(slices.Clone(codes), func(c string) bool { return !purposeForm.MatchString(c) }), now: now}
	return out
}

func cloneWithout[K comparable, V any](m map[K]V, without K) map[K]V {
	out := make(map[K]V, len(m))
	for k, v := range m {
		if k != without {
			out[k] = v
		}
	}
	return out
}

// Bound reports whether a sight is held to purposes, and gives them with the
// instant at which a legal basis has to stand.
func (s Sight) Bound() (codes []string, at time.Time, is bool) {
	if s.bound == nil {
		return nil, time.Time{}, false
	}
	return s.bound.codes, s.bound.now(), true
}

// sent is the text of a sight as it goes out with a statement, now.
func (s Sight) sent() string {
	codes, at, is := s.Bound()
	if !is {
		return s.text
	}
	members, err := json.Marshal(struct {
		Purposes []string `json:"u"`
		At       string   `json:"t"`
	}{codes, at.UTC().Format(time.RFC3339Nano)})
	if err != nil || len(s.text) < 2 {
		return "" // cannot happen; without a sight nothing is seen
	}
	if s.text == "{}" {
		return string(members)
	}
	return s.text[:len(s.text)-1] + "," + string(members[1:])
}

// coversPurposes reports whether what o is bound to, s may pursue too.
func (s Sight) coversPurposes(o Sight) bool {
	if s.bound == nil {
		return true
	}
	return o.bound != nil && !slices.ContainsFunc(o.bound.codes, func(c string) bool { return !slices.Contains(s.bound.codes, c) })
}

// basis is has_basis as a condition on the contacts under an alias, in the
// manner of Condition. Empty: not bound.
func (s Sight) basis(alias string, arg func(any) string) string {
	codes, at, is := s.Bound()
	if !is {
		return ""
	}
	purposes, instant := arg(codes)+"::text[]", arg(at)+"::timestamptz"
	standing := func(stance, purpose string) string {
		return "EXISTS (SELECT 1 FROM contact_bases b WHERE b.tenant_id = " + alias + ".tenant_id AND b.contact_id = " + alias + ".id AND b.stance = '" + stance +
			"' AND " + purpose + " AND b.standing_from <= " + instant + " AND b.standing_until > " + instant + ")"
	}
	registered := func(basis string) string {
		return "SELECT p.id FROM purposes p WHERE p.tenant_id = $1 AND p.code = ANY(" + purposes + ") AND p.archived_at IS NULL AND p.legal_basis " + basis
	}
	return "(" + standing("given", "b.purpose_id = ANY(ARRAY("+registered("= 'consent'")+"))") +
		" OR EXISTS (SELECT 1 FROM unnest(ARRAY(" + registered("<> 'consent'") + ")) AS o(id) WHERE NOT " + standing("refused", "b.purpose_id = o.id") + "))"
}
