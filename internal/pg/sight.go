package pg

import (
	"context"
	"encoding/json"
	"slices"
	"sync"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Verb is something that may be done with a contact.
type Verb string

// The verbs, each held apart from the others.
const (
	See              Verb = "see"
	SeeContactPoints Verb = "see_contact_points"
	Act              Verb = "act" // write to the person, in a campaign or by hand
	Edit             Verb = "edit"
	Merge            Verb = "merge"
	Delete           Verb = "delete"
	Export           Verb = "export"
	SeeRestricted    Verb = "see_restricted"
)

// Verbs are all verbs, in the order in which they grow in weight.
func Verbs() []Verb {
	return []Verb{See, SeeContactPoints, Act, Edit, Merge, Delete, Export, SeeRestricted}
}

// Sight is which contacts a principal may see and what it may do with them. It
// travels with every statement, and row-level security holds the statement to
// it. The zero value sees nothing.
type Sight struct {
	all         bool
	everywhere  []Verb
	departments map[Verb][]uuid.UUID
	principals  []uuid.UUID
	only        Verb // only contacts with which this may be done exist
	text        string
	bound       *bound // to purposes; nil: to none
	reachless   func() Sight
}

// Everything is the sight of the program's own work and of an administrator.
func Everything() Sight { return Sight{all: true, text: "*"} }

// SightOf makes the sight of a principal.
type SightOf struct {
	// Everywhere are the verbs held in the whole institution.
	Everywhere []Verb
	// Departments are the departments in which a verb is held, those below a
	// department included.
	Departments map[Verb][]uuid.UUID
	// Principals are the principal itself and its teams.
	Principals []uuid.UUID
}

// Sight gives the form that travels.
func (o SightOf) Sight() Sight {
	return Sight{everywhere: o.Everywhere, departments: o.Departments, principals: o.Principals}.written()
}

// written gives a sight the text in which it travels.
func (s Sight) written() Sight {
	text, err := json.Marshal(struct {
		Everywhere  []Verb               `json:"i,omitempty"`
		Departments map[Verb][]uuid.UUID `json:"d,omitempty"`
		Principals  []uuid.UUID          `json:"p,omitempty"`
		Only        Verb                 `json:"x,omitempty"`
	}{s.everywhere, s.departments, s.principals, s.only})
	if err != nil {
		return Sight{} // cannot happen: names and identifiers only
	}
	s.text = string(text)
	full := s
	// Made once for a principal, since every request for a purpose asks for it.
	s.reachless = sync.OnceValue(func() Sight {
		full.everywhere, full.departments = withoutReach(full.everywhere), cloneWithout(full.departments, SeeContactPoints)
		return full.written()
	})
	return s
}

// For narrows a sight to the contacts with which a verb, Export or Act, may be
// done: the others do not exist for what is read with it.
func (s Sight) For(v Verb) Sight {
	if s.all {
		return s
	}
	s.only = v
	return s.written()
}

// All reports whether everything is seen and may be done.
func (s Sight) All() bool { return s.all }

// Holds reports whether a verb is held in the whole institution.
func (s Sight) Holds(v Verb) bool { return s.all || slices.Contains(s.everywhere, v) }

// HoldsAnywhere reports whether a verb is held at all.
func (s Sight) HoldsAnywhere(v Verb) bool { return s.Holds(v) || len(s.departments[v]) > 0 }

// Whole reports whether nothing of the institution's contacts is out of sight,
// and all of it may be taken along: what an archive of everything asks for.
func (s Sight) Whole() bool {
	return s.all || (s.Holds(See) && s.Holds(SeeContactPoints) && s.Holds(SeeRestricted) && s.Holds(Export))
}

// Departments are those in which a verb is held, when not in all.
func (s Sight) Departments(v Verb) []uuid.UUID { return s.departments[v] }

// Covers reports whether whatever o sees and may do, s does too: nobody gives
// what they do not have.
func (s Sight) Covers(o Sight) bool {
	if !s.coversPurposes(o) {
		return false
	}
	if s.all || o.all {
		return s.all
	}
	for _, v := range o.everywhere {
		if !s.Holds(v) {
			return false
		}
	}
	for v, departments := range o.departments {
		if s.Holds(v) {
			continue
		}
		for _, d := range departments {
			if !slices.Contains(s.departments[v], d) {
				return false
			}
		}
	}
	return true
}

// Held is whose a contact is: what a look at it needs to know.
type Held struct {
	Restricted bool
	Viewers    []uuid.UUID
	// Departments hold the contact: they see it. Of them Reaching see how to
	// reach the person, Acting may write to them, and Exporting may take the
	// contact out.
	Departments, Reaching, Acting, Exporting []uuid.UUID
}

func (h Held) with(v Verb) []uuid.UUID {
	switch v {
	case SeeContactPoints:
		return h.Reaching
	case Act:
		return h.Acting
	case Export:
		return h.Exporting
	}
	return h.Departments
}

// Sees is the program's own look at a contact, whatever the database let
// through: the first of two walls.
func (s Sight) Sees(h Held) bool {
	if s.all {
		return true
	}
	if h.Restricted && !s.Holds(SeeRestricted) && !overlap(h.Departments, s.departments[SeeRestricted]) && !overlap(h.Viewers, s.principals) {
		return false
	}
	return s.May(See, h) && (s.only == "" || s.May(s.only, h))
}

// May reports whether See, SeeContactPoints, Act or Export may be done with a
// contact that is seen. The other verbs are looked at by the database alone,
// where the contact is changed.
func (s Sight) May(v Verb, h Held) bool {
	return s.Holds(v) || (len(h.Departments) == 0 && s.HoldsAnywhere(v)) || overlap(h.with(v), s.departments[v])
}

// Condition is Sees as a condition on the columns of contacts under an alias,
// for statements that are written as they are needed, with the tenant as their
// first value; arg names a value. Empty: no condition.
func (s Sight) Condition(alias string, arg func(any) string) string {
	return s.condition(alias, arg, s.basisOfMany)
}

// ConditionOfOne is Condition for a statement that names the contacts that it
// reads by their identifiers.
func (s Sight) ConditionOfOne(alias string, arg func(any) string) string {
	return s.condition(alias, arg, s.basis)
}

func (s Sight) condition(alias string, arg func(any) string, basisOf func(alias string, arg func(any) string) string) string {
	if s.all {
		return ""
	}
	condition := "true"
	if basis := basisOf(alias, arg); basis != "" {
		condition = basis
	}
	if !s.Holds(SeeRestricted) {
		condition += " AND (NOT " + alias + ".restricted OR " + alias + ".viewer_ids && " + arg(nonNilIDs(s.principals)) + "::uuid[] OR " +
			alias + ".department_ids && " + arg(nonNilIDs(s.departments[SeeRestricted])) + "::uuid[])"
	}
	for _, v := range []Verb{See, s.only} {
		if v == "" {
			continue
		}
		if may := s.MayCondition(v, alias, arg); may != "" {
			condition += " AND " + may
		}
	}
	return condition
}

// MayCondition is May as a condition, in the manner of Condition.
func (s Sight) MayCondition(v Verb, alias string, arg func(any) string) string {
	switch {
	case s.Holds(v):
		return ""
	case !s.HoldsAnywhere(v):
		return "false"
	}
	column := map[Verb]string{SeeContactPoints: "reach_department_ids", Act: "act_department_ids", Export: "export_department_ids"}[v]
	if column == "" {
		column = "department_ids"
	}
	return "(" + alias + ".department_ids = '{}' OR " + alias + "." + column + " && " + arg(nonNilIDs(s.departments[v])) + "::uuid[])"
}

func nonNilIDs(ids []uuid.UUID) []uuid.UUID {
	if ids == nil {
		return []uuid.UUID{}
	}
	return ids
}

func overlap(a, b []uuid.UUID) bool {
	return slices.ContainsFunc(a, func(id uuid.UUID) bool { return slices.Contains(b, id) })
}

type sightKey struct{}

// WithSight returns a context whose statements see what s sees.
func WithSight(ctx context.Context, s Sight) context.Context {
	return context.WithValue(ctx, sightKey{}, s)
}

// SightIn is the sight of a context: that of its principal, and everything
// where no principal acts.
func SightIn(ctx context.Context) Sight {
	if s, ok := ctx.Value(sightKey{}).(Sight); ok {
		return s
	}
	return Everything()
}

// AsEverything runs fn, inside a transaction of a principal, with the sight of
// the program: for rules that must hold against all contacts, such as matching,
// and whose answers are afterwards limited to what the principal sees.
func AsEverything(ctx context.Context, tx pgx.Tx, fn func(ctx context.Context) error) error {
	own := SightIn(ctx)
	if own.all {
		return fn(ctx)
	}
	const set = "select set_config('app.sight', $1, true)"
	if _, err := tx.Exec(ctx, set, Everything().text); err != nil {
		return err
	}
	err := fn(WithSight(ctx, Everything()))
	if _, failed := tx.Exec(ctx, set, own.sent()); err == nil {
		err = failed // a transaction that fn broke is rolled back, and its scope with it
	}
	return err
}
