package rights

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/rights/internal/rightsdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// Wish is a role that somebody asks for, or is to be given.
type Wish struct {
	PrincipalKind string // "user" or "team"
	PrincipalID   uuid.UUID
	RoleID        uuid.UUID
	DepartmentID  *uuid.UUID
	Kind          string
	Reason        *string
	StartsAt      *time.Time
	ExpiresAt     *time.Time
}

// Assign gives a role to somebody else, who has it at once.
func (s *Service) Assign(ctx context.Context, in Wish) (Assignment, error) {
	return s.make(ctx, in, "role_assignment.granted", func(ctx context.Context, tx pgx.Tx, actor web.Actor, role Role, a *rightsdb.InsertAssignmentParams) error {
		if err := s.notForOneself(ctx, tx, actor, in.PrincipalKind, in.PrincipalID); err != nil {
			return err
		}
		if err := s.mayGive(ctx, actor, role.Scopes, role.Verbs, role.ReadableClasses, role.WritableClasses, in.DepartmentID); err != nil {
			return err
		}
		decide(a, string(actor.Kind), actor.ID, s.clock.Now())
		return nil
	})
}

// Request asks for a role for the user who acts. A role that needs no approval
// is theirs at once: whoever made it so decided for all.
func (s *Service) Request(ctx context.Context, in Wish) (Assignment, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Assignment{}, err
	}
	user, err := userOf(actor)
	if err != nil {
		return Assignment{}, err
	}
	in.PrincipalKind, in.PrincipalID = "user", user
	return s.make(ctx, in, "role_assignment.requested", func(ctx context.Context, tx pgx.Tx, _ web.Actor, role Role, a *rightsdb.InsertAssignmentParams) error {
		if !role.NeedsApproval {
			decide(a, string(web.System), "role", s.clock.Now())
			return nil
		}
		waiting, err := s.q.OpenRequest(ctx, tx, rightsdb.OpenRequestParams{TenantID: a.TenantID, PrincipalID: user, RoleID: a.RoleID, DepartmentID: a.DepartmentID})
		if pg.IsNoRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		return fault.New(fault.Conflict, "already-exists").Extra("existing_id", waiting)
	})
}

// Break takes a role that is made for it, in an emergency: without waiting for
// anybody, for hours, and told to all who answer for the rights.
func (s *Service) Break(ctx context.Context, role uuid.UUID, department *uuid.UUID, reason string, length time.Duration) (Assignment, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Assignment{}, err
	}
	user, err := userOf(actor)
	if err != nil {
		return Assignment{}, err
	}
	now := s.clock.Now()
	end := now.Add(length)
	in := Wish{
		PrincipalKind: "user", PrincipalID: user, RoleID: role, DepartmentID: department, Kind: BreakGlass, Reason: &reason, StartsAt: &now, ExpiresAt: &end,
	}
	return s.make(ctx, in, "role_assignment.break_glass", func(ctx context.Context, tx pgx.Tx, actor web.Actor, role Role, a *rightsdb.InsertAssignmentParams) error {
		if !role.BreakGlass {
			return fault.New(fault.Forbidden, "no-break-glass")
		}
		decide(a, string(actor.Kind), actor.ID, now)
		due := now.Add(reviewOfBreakGlass)
		a.ReviewDueAt = &due
		told, err := s.tell(ctx, tx, actor, role, *a)
		if told > 0 {
			a.NoticedAt = &now
		}
		return err
	})
}

// userOf is the user who acts. A program is nobody's deputy: it has its rights
// from its own credential.
func userOf(actor web.Actor) (uuid.UUID, error) {
	if actor.Kind != web.User {
		return uuid.Nil, fault.New(fault.Forbidden, "users-only")
	}
	return uuid.Parse(actor.ID)
}

func decide(a *rightsdb.InsertAssignmentParams, kind, id string, now time.Time) {
	a.Status, a.DecidedByKind, a.DecidedBy, a.DecidedAt = approved, &kind, &id, &now
}

// make writes a new assignment that permit admits.
func (s *Service) make(ctx context.Context, in Wish, event string,
	permit func(context.Context, pgx.Tx, web.Actor, Role, *rightsdb.InsertAssignmentParams) error) (Assignment, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Assignment{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Assignment, error) {
		if err := s.q.ShareLockRights(ctx, tx, actor.Tenant.String()); err != nil {
			return Assignment{}, err
		}
		role, err := s.check(ctx, tx, actor, in)
		if err != nil {
			return Assignment{}, err
		}
		now := s.clock.Now()
		a := rightsdb.InsertAssignmentParams{
			TenantID: actor.Tenant, ID: ids.New(), PrincipalKind: in.PrincipalKind, PrincipalID: in.PrincipalID, RoleID: in.RoleID, DepartmentID: in.DepartmentID,
			Kind: in.Kind, Status: requested, Reason: in.Reason, RequestedByKind: string(actor.Kind), RequestedBy: actor.ID, StartsAt: now,
		}
		if in.StartsAt != nil && in.StartsAt.After(now) {
			a.StartsAt = *in.StartsAt
		}
		if a.ExpiresAt, err = ends(role, in.Kind, a.StartsAt, in.ExpiresAt, now); err != nil {
			return Assignment{}, err
		}
		if err := permit(ctx, tx, actor, role, &a); err != nil {
			return Assignment{}, err
		}
		if a.Status == approved && in.Kind != BreakGlass {
			a.ReviewDueAt = nextReview(role, a.StartsAt)
		}
		row, err := s.q.InsertAssignment(ctx, tx, a)
		if err != nil {
			return Assignment{}, err
		}
		s.access.Forget(actor.Tenant)
		changes, err := events.Diff(nil, recordOf(row))
		if err != nil {
			return Assignment{}, err
		}
		if err := record(ctx, tx, event, row, role, changes); err != nil {
			return Assignment{}, err
		}
		if event == "role_assignment.requested" && row.Status == approved {
			err = record(ctx, tx, "role_assignment.approved", row, role, nil)
		}
		return Assignment{row, role.Code, role.ArchivedAt}, err
	})
}

// check refuses what does not exist or cannot be given.
func (s *Service) check(ctx context.Context, tx pgx.Tx, actor web.Actor, in Wish) (Role, error) {
	f := fault.Invalid()
	role, err := s.q.GetRole(ctx, tx, actor.Tenant, in.RoleID)
	switch {
	case pg.IsNoRows(err), err == nil && role.ArchivedAt != nil:
		f.At("#/role_id", "unknown-reference")
	case err != nil:
		return Role{}, err
	}
	if in.PrincipalKind == "user" {
		u, err := s.q.UserStanding(ctx, tx, actor.Tenant, in.PrincipalID)
		if pg.IsNoRows(err) || (err == nil && u.Status != "active") {
			f.At("#/principal_id", "unknown-reference")
		} else if err != nil {
			return Role{}, err
		}
	} else {
		t, err := s.q.GetTeam(ctx, tx, actor.Tenant, in.PrincipalID)
		if pg.IsNoRows(err) || (err == nil && t.ArchivedAt != nil) {
			f.At("#/principal_id", "unknown-reference")
		} else if err != nil {
			return Role{}, err
		}
	}
	if in.DepartmentID != nil {
		stands, err := s.q.DepartmentStands(ctx, tx, actor.Tenant, *in.DepartmentID)
		if err != nil {
			return Role{}, err
		}
		if !stands {
			f.At("#/department_id", "unknown-reference")
		}
	}
	if in.Kind == Elevation {
		if in.Reason == nil {
			f.At("#/reason", "required")
		}
		if in.ExpiresAt == nil {
			f.At("#/expires_at", "required")
		}
	}
	return role, f.OrNil()
}

// ends is when an assignment ends: when it should, if that is not too late, or
// as late as its role allows.
func ends(role Role, kind string, starts time.Time, wanted *time.Time, now time.Time) (*time.Time, error) {
	var latest *time.Time
	if role.LongestDays != nil {
		latest = new(starts.Add(time.Duration(*role.LongestDays) * 24 * time.Hour))
	}
	if kind == Elevation {
		if most := starts.Add(longestElevation); latest == nil || most.Before(*latest) {
			latest = &most
		}
	}
	switch {
	case wanted == nil:
		return latest, nil
	case !wanted.After(now):
		return nil, fault.Invalid().At("#/expires_at", "in-the-past")
	case !wanted.After(starts):
		return nil, fault.Invalid().At("#/expires_at", "ends-before-start")
	case latest != nil && wanted.After(*latest):
		return nil, fault.Invalid().At("#/expires_at", "lasts-too-long", "latest", latest.UTC().Format(time.RFC3339))
	}
	return wanted, nil
}

// nextReview is when somebody is to say again that an assignment is needed.
func nextReview(role Role, from time.Time) *time.Time {
	if role.ReviewEveryDays == nil {
		return nil
	}
	return new(from.Add(time.Duration(*role.ReviewEveryDays) * 24 * time.Hour))
}
