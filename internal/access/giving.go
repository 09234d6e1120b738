package access

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// sensitiveClass is the class of fields that nobody reads or writes unless it
// is said of them.
const sensitiveClass = "sensitive"

// Given are rights that somebody is about to give to somebody.
type Given struct {
	Scopes []string
	// Sight is what may be seen and done with them.
	Sight pg.Sight
	// Readable and Writable are classes of fields; nil: all but the sensitive ones.
	Readable, Writable []string
}

// MayGive decides whether an actor may give these rights to anyone: each scope
// is known and the actor's own, and so is each verb in each department, and each
// class of fields.
func (s *Service) MayGive(actor web.Actor, g Given) error {
	if err := s.mayGrant(actor, g.Scopes); err != nil {
		return err
	}
	if !covers(actor, g) {
		return fault.New(fault.Forbidden, "rights-exceeded")
	}
	return nil
}

// mayTouchGiven decides whether an actor may change who or what has these
// rights; nobody changes what is stronger than themselves.
func mayTouchGiven(actor web.Actor, g Given, source *string) error {
	if err := mayTouch(actor, g.Scopes, source); err != nil {
		return err
	}
	if !covers(actor, g) {
		return fault.New(fault.Forbidden, "rights-exceeded")
	}
	return nil
}

func covers(actor web.Actor, g Given) bool {
	if actor.Sight.All() {
		return true
	}
	return actor.Sight.Covers(g.Sight) && coversClasses(actor.Readable, g.Readable) && coversClasses(actor.Writable, g.Writable)
}

func coversClasses(own, given []string) bool {
	if given == nil {
		return own == nil
	}
	return !slices.ContainsFunc(given, func(class string) bool {
		if own == nil {
			return class == sensitiveClass
		}
		return !slices.Contains(own, class)
	})
}

// SightIn is what verbs in a department, or everywhere, let see and do.
func (s *Service) SightIn(ctx context.Context, tenant uuid.UUID, verbs []string, department *uuid.UUID) (pg.Sight, error) {
	held := pg.SightOf{}
	if department == nil {
		held.Everywhere = verbsOf(verbs)
		return held.Sight(), nil
	}
	below, err := s.q.DepartmentsBelow(ctx, s.db.Tenant(tenant), tenant, []uuid.UUID{*department})
	if err != nil {
		return pg.Sight{}, err
	}
	held.Departments = map[pg.Verb][]uuid.UUID{}
	for _, v := range verbsOf(verbs) {
		for _, d := range below {
			held.Departments[v] = append(held.Departments[v], d.ID)
		}
	}
	return held.Sight(), nil
}
