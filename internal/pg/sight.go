package pg

import (
	"context"
	"encoding/json"
	"slices"

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
	text        string
	bound       *bound // to purposes; nil: to none
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
	s := Sight{everywhere: o.Everywhere, departments: o.Departments, principals: o.Principals}
	text, err := json.Marshal(struct {
		Everywhere  []Verb               `json:"i,omitempty"`
		Departments map[Verb][]uuid.UUID `json:"d,omitempty"`
		Principals  []uuid.UUID          `json:"p,omitempty"`
	}{o.Everywhere, o.Departments, o.Principals})
	if err != nil {
		return Sight{} // cannot happen: names and identifiers only
	}
	s.text = string(text)
	return s
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

// Sees is the program's own look at a contact, whatever the database let
// through: the first of two walls.
func (s Sight) Sees(restricted bool, viewers, departments []uuid.UUID) bool {
	if s.all {
		return true
	}
	if restricted && !s.Holds(SeeRestricted) && !overlap(departments, s.departments[SeeRestricted]) && !overlap(viewers, s.principals) {
		return false
	}
	return s.Holds(See) || (len(departments) == 0 && s.HoldsAnywhere(See)) || overlap(departments, s.departments[See])
}

// Condition is the same as a condition on the columns of contacts under an
// alias, for statements that are written as they are needed, with the tenant as
// their first value; arg names a value. Empty: no condition.
func (s Sight) Condition(alias string, arg func(any) string) string {
	if s.all {
		return ""
	}
	condition := "true"
	if basis := s.basis(alias, arg); basis != "" {
		condition = basis
	}
	if !s.Holds(SeeRestricted) {
		condition += " AND (NOT " + alias + ".restricted OR " + alias + ".viewer_ids && " + arg(nonNilIDs(s.principals)) + "::uuid[] OR " +
			alias + ".department_ids && " + arg(nonNilIDs(s.departments[SeeRestricted])) + "::uuid[])"
	}
	switch {
	case s.Holds(See):
		return condition
	case !s.HoldsAnywhere(See):
		return "false"
	}
	return condition + " AND (" + alias + ".department_ids = '{}' OR " + alias + ".department_ids && " + arg(nonNilIDs(s.departments[See])) + "::uuid[])"
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
