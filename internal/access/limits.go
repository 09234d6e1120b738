package access

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

// Limits are what is said on a program's credential besides its scopes.
type Limits struct {
	// Departments in which the verbs are held, those below included; none: all.
	Departments []uuid.UUID
	// Verbs; nil: all but to see restricted contacts.
	Verbs []string
	// Purposes of the register that the credential is bound to; none: not bound.
	Purposes []string
	// Readable and Writable are classes of fields; nil: all but the sensitive ones.
	Readable, Writable []string
}

// LimitsPatch changes what is given.
type LimitsPatch struct {
	Departments               *[]uuid.UUID
	Verbs, Readable, Writable nullable.Nullable[[]string]
	Purposes                  *[]string
}

func (p LimitsPatch) apply(l Limits) Limits {
	replace(&l.Departments, p.Departments)
	replace(&l.Purposes, p.Purposes)
	for _, m := range []struct {
		to   *[]string
		from nullable.Nullable[[]string]
	}{{&l.Verbs, p.Verbs}, {&l.Readable, p.Readable}, {&l.Writable, p.Writable}} {
		if m.from.IsSpecified() {
			*m.to, _ = m.from.Get() // null: nil
		}
	}
	return l.tidy()
}

// tidy makes equal limits look equal.
func (l Limits) tidy() Limits {
	l.Departments = slices.Clone(nonNil(l.Departments))
	slices.SortFunc(l.Departments, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	l.Departments = slices.Compact(l.Departments)
	l.Purposes = sorted(l.Purposes)
	for _, m := range []*[]string{&l.Verbs, &l.Readable, &l.Writable} {
		if *m != nil {
			*m = sorted(*m)
		}
	}
	return l
}

type limitsRecord struct {
	DepartmentIDs   []uuid.UUID `json:"department_ids"`
	Verbs           []string    `json:"verbs"`
	Purposes        []string    `json:"purposes"`
	ReadableClasses []string    `json:"readable_classes"`
	WritableClasses []string    `json:"writable_classes"`
}

func recordOfLimits(l Limits) limitsRecord {
	return limitsRecord{nonNil(l.Departments), l.Verbs, nonNil(l.Purposes), l.Readable, l.Writable}
}

func limitsOfKey(k APIKey) Limits {
	return Limits{k.DepartmentIds, k.Verbs, k.Purposes, k.ReadableClasses, k.WritableClasses}
}

func limitsOfClient(c OAuthClient) Limits {
	return Limits{c.DepartmentIds, c.Verbs, c.Purposes, c.ReadableClasses, c.WritableClasses}
}

// givenBy are the rights of a program with these scopes and limits.
func (s *Service) givenBy(ctx context.Context, tenant uuid.UUID, scopes []string, l Limits) (Given, error) {
	sight, err := s.programSight(ctx, tenant, uuid.Nil, scopes, limits{departments: l.Departments, verbs: l.Verbs, purposes: l.Purposes})
	return Given{Scopes: scopes, Sight: sight, Readable: l.Readable, Writable: l.Writable}, err
}

// mayGiveProgram decides whether the actor may make a program with these rights:
// none wider than their own, in no direction.
func (s *Service) mayGiveProgram(ctx context.Context, actor web.Actor, scopes []string, l Limits) error {
	g, err := s.givenBy(ctx, actor.Tenant, scopes, l)
	if err != nil {
		return err
	}
	if err := s.MayGive(actor, g); err != nil {
		return err
	}
	if len(actor.Purposes) > 0 && (len(l.Purposes) == 0 || slices.ContainsFunc(l.Purposes, func(p string) bool { return !slices.Contains(actor.Purposes, p) })) {
		return fault.New(fault.Forbidden, "rights-exceeded")
	}
	return nil
}

// within decides whether what the actor makes or changes ends no later than they
// do, and may be used from no network from which they may not be.
func within(actor web.Actor, networks []netip.Prefix, ends *time.Time) error {
	longer := actor.EndsAt != nil && (ends == nil || ends.After(*actor.EndsAt))
	if longer || (len(actor.Networks) > 0 && (len(networks) == 0 || slices.ContainsFunc(networks, func(n netip.Prefix) bool { return !inside(n, actor.Networks) }))) {
		return fault.New(fault.Forbidden, "rights-exceeded")
	}
	return nil
}

func inside(n netip.Prefix, networks []netip.Prefix) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Bits() <= n.Bits() && p.Contains(n.Addr()) })
}

// mayTouchProgram decides whether the actor may change such a program.
func (s *Service) mayTouchProgram(ctx context.Context, actor web.Actor, scopes []string, l Limits, source *string) error {
	g, err := s.givenBy(ctx, actor.Tenant, scopes, l)
	if err != nil {
		return err
	}
	return mayTouchGiven(actor, g, source)
}

// checkLimits refuses departments and purposes that are not there or not in use.
func (s *Service) checkLimits(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, l Limits) error {
	f := fault.Invalid()
	if len(l.Departments) > 0 {
		known, err := s.q.DepartmentsInUse(ctx, tx, tenant, l.Departments)
		if err != nil {
			return err
		}
		for i, d := range l.Departments {
			if !slices.Contains(known, d) {
				f.At(fmt.Sprintf("#/department_ids/%d", i), "unknown-reference")
			}
		}
	}
	if len(l.Purposes) > 0 {
		known, err := s.q.PurposesInUse(ctx, tx, tenant, l.Purposes)
		if err != nil {
			return err
		}
		for i, p := range l.Purposes {
			if !slices.Contains(known, p) {
				f.At(fmt.Sprintf("#/purposes/%d", i), "unknown-purpose")
			}
		}
	}
	return f.OrNil()
}
