package pg

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Purposes are those for which something is read, as the register has them: by
// their codes, and by their identifiers those of them that are in force, apart by
// whether they rest on consent (GDPR art. 6(1)(a)).
type Purposes struct {
	codes                []string
	byConsent, otherwise []uuid.UUID
	text                 string // as members of a sight
}

// NewPurposes puts purposes together. What is no code of the register stands for
// no purpose; it could not travel inside a statement either.
func NewPurposes(codes []string, byConsent, otherwise []uuid.UUID) Purposes {
	p := Purposes{byConsent: nonNilIDs(byConsent), otherwise: nonNilIDs(otherwise),
		codes: slices.DeleteFunc(slices.Clone(codes), func(c string) bool { return !purposeForm.MatchString(c) })}
	members, err := json.Marshal(struct {
		Codes     []string    `json:"u"`
		ByConsent []uuid.UUID `json:"c,omitempty"`
		Otherwise []uuid.UUID `json:"o,omitempty"`
	}{p.codes, p.byConsent, p.otherwise})
	if err != nil {
		return Purposes{} // cannot happen: names and identifiers only
	}
	p.text = strings.Trim(string(members), "{}")
	return p
}

// bound is what a sight is held to besides rights.
type bound struct {
	purposes Purposes
	now      func() time.Time
}

var purposeForm = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,59}$`)

// ForPurposes narrows a sight to the contacts with which one of these purposes
// may be pursued, at the instant at which a statement is sent: a consent that is
// withdrawn meanwhile no longer counts. Without reach nobody's contact points are
// seen. now tells the time.
func (s Sight) ForPurposes(p Purposes, reach bool, now func() time.Time) Sight {
	switch {
	case s.all && reach:
		s = whole()
	case s.all:
		s = wholeButReach()
	case !reach && s.reachless != nil:
		s = s.reachless()
	case !reach:
		s = Sight{} // the zero value, which sees nothing
	}
	s.bound = &bound{purposes: p, now: now}
	return s
}

// Sights of everything, and of all but how to reach people, that are written out,
// as a bound one has to be: made once, since requests by the thousand ask for them.
var (
	whole         = sync.OnceValue(func() Sight { return SightOf{Everywhere: Verbs()}.Sight() })
	wholeButReach = sync.OnceValue(func() Sight { return SightOf{Everywhere: withoutReach(Verbs())}.Sight() })
)

func withoutReach(verbs []Verb) []Verb {
	return slices.DeleteFunc(slices.Clone(verbs), func(v Verb) bool { return v == SeeContactPoints })
}

// ByConsent are those that rest on consent.
func (p Purposes) ByConsent() []uuid.UUID { return p.byConsent }

// Otherwise are those that rest on another basis.
func (p Purposes) Otherwise() []uuid.UUID { return p.otherwise }

// Standing is what a contact's answers come to from one instant, included, until
// another; nil for since ever and for ever.
type Standing struct {
	From, Until *time.Time
	// Given are the purposes for which a consent stands, Refused those to which the
	// person said no.
	Given, Refused []uuid.UUID
}

// StandWith reports whether one of the purposes may be pursued at an instant with
// a contact whose answers come to this, as far as that is known of the instant.
func (p Purposes) StandWith(s Standing, at time.Time) (stands, known bool) {
	if (s.From != nil && s.From.After(at)) || (s.Until != nil && !s.Until.After(at)) {
		return false, false
	}
	return overlap(p.byConsent, s.Given) || slices.ContainsFunc(p.otherwise, func(id uuid.UUID) bool { return !slices.Contains(s.Refused, id) }), true
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
func (s Sight) Bound() (p Purposes, at time.Time, is bool) {
	if s.bound == nil {
		return Purposes{}, time.Time{}, false
	}
	return s.bound.purposes, s.bound.now(), true
}

// sent is the text of a sight as it goes out with a statement, now. A sight
// without a text, or a purpose without one, sees nothing.
func (s Sight) sent() string {
	if s.bound == nil {
		return s.text
	}
	own, ok := strings.CutSuffix(s.text, "}")
	if !ok || s.bound.purposes.text == "" {
		return ""
	}
	if own != "{" {
		own += ","
	}
	return own + s.bound.purposes.text + `,"t":"` + s.bound.now().UTC().Format(time.RFC3339Nano) + `"}`
}

// coversPurposes reports whether what o is bound to, s may pursue too.
func (s Sight) coversPurposes(o Sight) bool {
	if s.bound == nil {
		return true
	}
	return o.bound != nil && !slices.ContainsFunc(o.bound.purposes.codes, func(c string) bool { return !slices.Contains(s.bound.purposes.codes, c) })
}

// basis is has_basis as a condition on the contacts under an alias, in the
// manner of Condition: what the row says is compared, and the function called for
// instants of which the row says nothing. Empty: not bound.
func (s Sight) basis(alias string, arg func(any) string) string {
	p, at, is := s.Bound()
	if !is {
		return ""
	}
	instant, byConsent, otherwise := arg(at)+"::timestamptz", arg(p.byConsent)+"::uuid[]", arg(p.otherwise)+"::uuid[]"
	return "CASE WHEN (" + alias + ".standing_from IS NULL OR " + alias + ".standing_from <= " + instant + ")" +
		" AND (" + alias + ".standing_until IS NULL OR " + alias + ".standing_until > " + instant + ")" +
		" THEN " + alias + ".given_purposes && " + byConsent + " OR NOT " + alias + ".refused_purposes @> " + otherwise +
		" ELSE has_basis(" + alias + ".tenant_id, " + alias + ".id, " + byConsent + ", " + otherwise + ", " + instant + ") END"
}

// basisOfMany is basis for lists. Where all purposes rest on consent, those who
// gave one are named as a set, which the planner may begin with where they are
// few among many; the purposes are part of the text, so that it knows how many.
func (s Sight) basisOfMany(alias string, arg func(any) string) string {
	p, at, is := s.Bound()
	if !is || len(p.otherwise) > 0 || len(p.byConsent) == 0 {
		return s.basis(alias, arg)
	}
	ids := make([]string, len(p.byConsent))
	for i, id := range p.byConsent {
		ids[i] = "'" + id.String() + "'"
	}
	instant := arg(at) + "::timestamptz"
	return alias + ".id IN (SELECT b.contact_id FROM contact_bases b WHERE b.tenant_id = $1 AND b.purpose_id IN (" + strings.Join(ids, ", ") +
		") AND b.stance = 'given' AND b.standing_from <= " + instant + " AND b.standing_until > " + instant + ")"
}
