package access

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/access/apikey"
	"github.com/parvis-crm/parvis/internal/access/internal/accessdb"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// HeldRole is a role that a user has now, and whence.
type HeldRole struct {
	AssignmentID, RoleID uuid.UUID
	Code, Kind           string
	// Team by which the user has it; nil: the user's own.
	Team *uuid.UUID
	// DepartmentID where it holds; nil: everywhere.
	DepartmentID       *uuid.UUID
	StartsAt           time.Time
	EndsAt             *time.Time
	Scopes, Verbs      []string
	Readable, Writable []string
}

func heldRole(r accessdb.ListHeldRolesRow) HeldRole {
	out := HeldRole{
		AssignmentID: r.ID, RoleID: r.RoleID, Code: r.Code, Kind: r.Kind, DepartmentID: r.DepartmentID, StartsAt: r.StartsAt, EndsAt: r.ExpiresAt,
		Scopes: r.Scopes, Verbs: r.Verbs, Readable: r.ReadableClasses, Writable: r.WritableClasses,
	}
	if r.PrincipalKind == "team" {
		out.Team = &r.PrincipalID
	}
	if r.ReviewDueAt != nil {
		lapse := r.ReviewDueAt.Add(ReviewGrace)
		out.EndsAt = sooner(out.EndsAt, &lapse)
	}
	return out
}

// HeldVerb is where a verb is held.
type HeldVerb struct {
	Verb        string
	Everywhere  bool
	Departments []uuid.UUID
}

// HeldVerbs lists the verbs of a sight.
func HeldVerbs(s pg.Sight) []HeldVerb {
	out := []HeldVerb{}
	for _, v := range pg.Verbs() {
		if s.HoldsAnywhere(v) {
			h := HeldVerb{Verb: string(v), Everywhere: s.Holds(v)}
			if !h.Everywhere {
				h.Departments = s.Departments(v)
			}
			out = append(out, h)
		}
	}
	return out
}

// Principal is who or what may act, as its credential would let it act now.
type Principal struct {
	Actor web.Actor
	// Ended says why the credential no longer stands, empty when it does:
	// "revoked", "expired", "deactivated" or "publishable".
	Ended string
	// Allowed are the networks from which it may be used; none: any.
	Allowed []netip.Prefix
	// Direct are the scopes that it has itself; Roles add more to a user's.
	Direct []string
	Roles  []HeldRole
	EndsAt *time.Time
}

// Admits reports whether the credential may be used from an address.
func (p Principal) Admits(a netip.Addr) bool { return (&credential{allowed: p.Allowed}).admits(a) }

// PrincipalOf is a principal of the caller's institution, whether it may act or not.
func (s *Service) PrincipalOf(ctx context.Context, kind web.ActorKind, id uuid.UUID) (Principal, error) {
	return s.principalOf(ctx, kind, id, nil)
}

// principalOf is PrincipalOf for a client's token that was given some of its
// scopes; nil: all.
func (s *Service) principalOf(ctx context.Context, kind web.ActorKind, id uuid.UUID, granted web.Scopes) (Principal, error) {
	caller, err := web.ActorFrom(ctx)
	if err != nil {
		return Principal{}, err
	}
	now := s.clock.Now()
	p := Principal{Actor: web.Actor{Kind: kind, ID: id.String(), Tenant: caller.Tenant, Test: caller.Test}}
	db := s.db.Tenant(caller.Tenant)
	switch kind {
	case web.User:
		u, err := s.q.GetUser(ctx, db, caller.Tenant, id)
		if err != nil {
			return Principal{}, err
		}
		if u.Status != "active" {
			p.Ended = "deactivated"
		}
		p.EndsAt, p.Direct = u.ExpiresAt, u.Scopes
		r, err := s.rightsOf(ctx, db, caller.Tenant, id, u.Scopes, now)
		if err != nil {
			return Principal{}, err
		}
		p.Actor.Scopes, p.Actor.Sight, p.Actor.Readable, p.Actor.Writable = ofPerson(r.Scopes), r.Sight, r.Readable, r.Writable
		p.Roles = web.Map(r.Roles, heldRole)
	case web.APIKey:
		k, err := s.q.GetAPIKey(ctx, db, caller.Tenant, id)
		if err != nil {
			return Principal{}, err
		}
		if k.Kind == string(apikey.Publishable) {
			p.Ended = "publishable"
		}
		if k.RevokedAt != nil && !now.Before(*k.RevokedAt) {
			p.Ended = "revoked"
		}
		p.EndsAt, p.Allowed = k.ExpiresAt, k.AllowedCidrs
		if err := s.programActor(ctx, &p, k.Scopes, limitsOfKey(k), k.Source); err != nil {
			return Principal{}, err
		}
	case web.OAuthClient:
		c, err := s.q.GetOAuthClient(ctx, db, caller.Tenant, id)
		if err != nil {
			return Principal{}, err
		}
		if c.RevokedAt != nil && !now.Before(*c.RevokedAt) {
			p.Ended = "revoked"
		}
		p.EndsAt, p.Allowed = c.ExpiresAt, c.AllowedCidrs
		scopes := c.Scopes
		if granted != nil {
			scopes = slices.DeleteFunc(slices.Clone([]string(granted)), func(scope string) bool { return !web.Scopes(c.Scopes).Allow(scope) })
		}
		if err := s.programActor(ctx, &p, scopes, limitsOfClient(c), c.Source); err != nil {
			return Principal{}, err
		}
	default:
		return Principal{}, fault.NotFound()
	}
	p.Actor.Networks, p.Actor.EndsAt = p.Allowed, p.EndsAt
	if p.Ended == "" && p.EndsAt != nil && !now.Before(*p.EndsAt) {
		p.Ended = "expired"
	}
	return p, nil
}

func (s *Service) programActor(ctx context.Context, p *Principal, scopes []string, l Limits, source *string) (err error) {
	p.Direct = scopes
	p.Actor.Scopes, p.Actor.Purposes, p.Actor.Readable, p.Actor.Writable = withSelf(scopes), l.Purposes, l.Readable, l.Writable
	if source != nil {
		p.Actor.Source = *source
	}
	p.Actor.Sight, err = s.programSight(ctx, p.Actor.Tenant, uuid.MustParse(p.Actor.ID), scopes, limits{departments: l.Departments, verbs: l.Verbs, purposes: l.Purposes})
	return err
}
