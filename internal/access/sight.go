package access

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/access/internal/accessdb"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// limits are what a program's credential says about itself besides its scopes.
type limits struct {
	departments        []uuid.UUID
	verbs              []string
	purposes           []string
	readable, writable []string
}

// programSight is what a key or client sees: with the right to everything and
// no limit everything, otherwise its verbs in its departments or everywhere.
// Restricted contacts are seen only by a program of which that is said.
func (s *Service) programSight(ctx context.Context, tenant, id uuid.UUID, scopes web.Scopes, l limits) (pg.Sight, error) {
	if scopes.Allow(everything) && len(l.departments) == 0 && l.verbs == nil && len(l.purposes) == 0 {
		return pg.Everything(), nil
	}
	verbs := ordinaryVerbs()
	if l.verbs != nil {
		verbs = verbsOf(l.verbs)
	}
	held := pg.SightOf{Principals: []uuid.UUID{id}}
	if len(l.departments) == 0 {
		held.Everywhere = verbs
		return held.Sight(), nil
	}
	below, err := s.q.DepartmentsBelow(ctx, s.db.Tenant(tenant), tenant, l.departments)
	if err != nil {
		return pg.Sight{}, err
	}
	held.Departments = map[pg.Verb][]uuid.UUID{}
	for _, v := range verbs {
		for _, d := range below {
			held.Departments[v] = append(held.Departments[v], d.ID)
		}
	}
	return held.Sight(), nil
}

// ordinaryVerbs are all verbs but to see restricted contacts.
func ordinaryVerbs() []pg.Verb {
	return slices.DeleteFunc(pg.Verbs(), func(v pg.Verb) bool { return v == pg.SeeRestricted })
}

func verbsOf(names []string) []pg.Verb {
	out := make([]pg.Verb, len(names))
	for i, name := range names {
		out[i] = pg.Verb(name)
	}
	return out
}

// UserActor is a user as a principal, with what the user's roles allow now.
// Whoever is deactivated, or unknown, is nobody: ok is false.
func (s *Service) UserActor(ctx context.Context, tenant, user uuid.UUID) (actor web.Actor, ok bool, err error) {
	c, err := s.known.get(ctx, "user:"+tenant.String()+":"+user.String(), func(ctx context.Context) (*credential, error) {
		return s.resolveUser(ctx, tenant, user)
	})
	if err != nil || c == nil || !c.stands(s.clock.Now()) {
		return web.Actor{}, false, err
	}
	return c.actor, true, nil
}

// Forget makes a change of rights in an institution effective at once in this
// process; in others it is within a second.
func (s *Service) Forget(tenant uuid.UUID) { s.known.forget(tenant) }

func (s *Service) resolveUser(ctx context.Context, tenant, user uuid.UUID) (*credential, error) {
	c := credential{id: user, kind: string(web.User)}
	var status, mode, locale string
	var scopes []string
	var department *uuid.UUID
	err := s.db.Unscoped().QueryRow(ctx, `select status, scopes, department_id, locale, mode, tenant_status, expires_at from resolve_user($1, $2)`, tenant, user).
		Scan(&status, &scopes, &department, &locale, &mode, &c.tenantStatus, &c.expiresAt)
	switch {
	case errors.Is(err, pgx.ErrNoRows), err == nil && status != "active":
		return nil, nil
	case err != nil:
		return nil, err
	}
	now := s.clock.Now()
	rights, err := s.rightsOf(ctx, s.db.Tenant(tenant), tenant, user, scopes, now)
	if err != nil {
		return nil, err
	}
	c.actor = web.Actor{
		Kind: web.User, ID: user.String(), Tenant: tenant, Test: mode == "test", Scopes: ofPerson(rights.Scopes), Sight: rights.Sight,
		Readable: rights.Readable, Writable: rights.Writable, EndsAt: c.expiresAt,
	}
	c.freshUntil = rights.Until
	for _, r := range rights.Roles {
		c.roles = append(c.roles, r.Code)
	}
	return &c, nil
}

// ReviewGrace is how long an assignment whose review is due goes on counting.
const ReviewGrace = 30 * 24 * time.Hour

// sooner is the earlier of two instants, where nil is never.
func sooner(a, b *time.Time) *time.Time {
	if a == nil || (b != nil && b.Before(*a)) {
		return b
	}
	return a
}

// Rights are what a user may at an instant, and until when nothing of it ends.
type Rights struct {
	Scopes             []string
	Sight              pg.Sight
	Readable, Writable []string
	Roles              []accessdb.ListHeldRolesRow
	Until              *time.Time
}

// rightsOf adds up what a user holds directly and by role, their own and their
// teams'. What is held directly is held in the whole institution.
func (s *Service) rightsOf(ctx context.Context, db accessdb.DBTX, tenant, user uuid.UUID, direct []string, now time.Time) (Rights, error) {
	roles, err := s.q.ListHeldRoles(ctx, db, accessdb.ListHeldRolesParams{TenantID: tenant, Now: now, Lapsed: now.Add(-ReviewGrace), UserID: user})
	if err != nil {
		return Rights{}, err
	}
	teams, err := s.q.ListTeamsOf(ctx, db, tenant, user)
	if err != nil {
		return Rights{}, err
	}
	out := Rights{Scopes: slices.Clone(direct), Roles: roles}
	if len(direct) > 0 || len(roles) == 0 {
		out.Readable, out.Writable = nil, nil
	} else {
		out.Readable, out.Writable = []string{}, []string{}
	}
	if web.Scopes(direct).Allow(everything) {
		out.Sight = pg.Everything()
		return out, nil
	}
	held := pg.SightOf{Principals: append([]uuid.UUID{user}, teams...), Departments: map[pg.Verb][]uuid.UUID{}}
	if len(direct) > 0 {
		held.Everywhere = ordinaryVerbs()
	}
	for _, r := range roles {
		out.Scopes = append(out.Scopes, r.Scopes...)
		out.Readable, out.Writable = widen(out.Readable, r.ReadableClasses), widen(out.Writable, r.WritableClasses)
		out.Until = sooner(out.Until, r.ExpiresAt)
		if r.ReviewDueAt != nil {
			lapse := r.ReviewDueAt.Add(ReviewGrace)
			out.Until = sooner(out.Until, &lapse)
		}
		if r.DepartmentID == nil {
			held.Everywhere = append(held.Everywhere, verbsOf(r.Verbs)...)
			continue
		}
		below, err := s.q.DepartmentsBelow(ctx, db, tenant, []uuid.UUID{*r.DepartmentID})
		if err != nil {
			return Rights{}, err
		}
		for _, v := range verbsOf(r.Verbs) {
			for _, d := range below {
				held.Departments[v] = append(held.Departments[v], d.ID)
			}
		}
	}
	out.Scopes = sorted(out.Scopes)
	out.Sight = held.Sight()
	return out, nil
}

// widen adds classes of fields; nil stands for all that are not sensitive.
func widen(have, more []string) []string {
	if have == nil || more == nil {
		return nil
	}
	return sorted(append(have, more...))
}
