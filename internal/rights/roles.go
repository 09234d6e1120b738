package rights

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/rights/internal/rightsdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// NewRole describes a role to be made.
type NewRole struct {
	Code, Name         string
	Description        *string
	Scopes, Verbs      []string
	Readable, Writable []string // nil: all but the sensitive ones
	NeedsApproval      bool
	BreakGlass         bool
	LongestDays        *int32
	ReviewEveryDays    *int32
}

// RolePatch changes what is given.
type RolePatch struct {
	Code, Name                *string
	Description               nullable.Nullable[string]
	Scopes, Verbs             *[]string
	Readable, Writable        nullable.Nullable[[]string]
	NeedsApproval, BreakGlass *bool
	LongestDays               nullable.Nullable[int32]
	ReviewEveryDays           nullable.Nullable[int32]
}

type roleRecord struct {
	Code            string     `json:"code"`
	Name            string     `json:"name"`
	Description     *string    `json:"description"`
	Scopes          []string   `json:"scopes"`
	Verbs           []string   `json:"verbs"`
	ReadableClasses []string   `json:"readable_classes"`
	WritableClasses []string   `json:"writable_classes"`
	NeedsApproval   bool       `json:"needs_approval"`
	BreakGlass      bool       `json:"allows_break_glass"`
	LongestDays     *int32     `json:"longest_days"`
	ReviewEveryDays *int32     `json:"review_every_days"`
	ArchivedAt      *time.Time `json:"archived_at"`
}

func recordOfRole(r Role) roleRecord {
	return roleRecord{
		r.Code, r.Name, r.Description, r.Scopes, r.Verbs, r.ReadableClasses, r.WritableClasses,
		r.NeedsApproval, r.BreakGlass, r.LongestDays, r.ReviewEveryDays, r.ArchivedAt,
	}
}

// CreateRole makes a role.
func (s *Service) CreateRole(ctx context.Context, in NewRole) (Role, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Role{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Role, error) {
		r, made, err := s.makeRole(ctx, tx, actor, in)
		if err == nil && !made {
			err = fault.New(fault.Conflict, "already-exists").Extra("existing_id", r.ID).At("#/code", "not-unique")
		}
		return r, err
	})
}

// makeRole makes a role, or finds that its code is taken.
func (s *Service) makeRole(ctx context.Context, tx pgx.Tx, actor web.Actor, in NewRole) (r Role, made bool, err error) {
	if err := s.mayGive(ctx, actor, in.Scopes, in.Verbs, in.Readable, in.Writable, nil); err != nil {
		return Role{}, false, err
	}
	r, err = s.q.InsertRole(ctx, tx, rightsdb.InsertRoleParams{
		TenantID: actor.Tenant, ID: ids.New(), Code: in.Code, Name: in.Name, Description: in.Description, Scopes: sorted(in.Scopes), Verbs: sorted(in.Verbs),
		ReadableClasses: classes(in.Readable), WritableClasses: classes(in.Writable), NeedsApproval: in.NeedsApproval, BreakGlass: in.BreakGlass,
		LongestDays: in.LongestDays, ReviewEveryDays: in.ReviewEveryDays,
	})
	if pg.IsNoRows(err) {
		r, err = s.q.RoleByCode(ctx, tx, actor.Tenant, in.Code)
		return r, false, err
	}
	if err != nil {
		return Role{}, false, err
	}
	changes, err := events.Diff(nil, recordOfRole(r))
	if err != nil {
		return Role{}, false, err
	}
	return r, true, recordRole(ctx, tx, "role.created", r, changes)
}

// GetRole returns a role of the actor's institution.
func (s *Service) GetRole(ctx context.Context, id uuid.UUID) (Role, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Role{}, err
	}
	return s.q.GetRole(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
}

// ListRoles returns at most limit roles after one, newest first. archived is
// "true", "false" or "only".
func (s *Service) ListRoles(ctx context.Context, archived string, after *uuid.UUID, limit int) ([]Role, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	return s.q.ListRoles(ctx, s.db.Tenant(actor.Tenant), rightsdb.ListRolesParams{TenantID: actor.Tenant, Archived: archived, After: after, PageSize: int32(limit)})
}

// UpdateRole changes a role, for everybody who has it, at once.
func (s *Service) UpdateRole(ctx context.Context, id uuid.UUID, p RolePatch, version *int64) (Role, error) {
	return s.changeRole(ctx, id, version, "role.updated", func(r *Role) error {
		replace(&r.Code, p.Code)
		replace(&r.Name, p.Name)
		assign(&r.Description, p.Description)
		if p.Scopes != nil {
			r.Scopes = sorted(*p.Scopes)
		}
		if p.Verbs != nil {
			r.Verbs = sorted(*p.Verbs)
		}
		assignClasses(&r.ReadableClasses, p.Readable)
		assignClasses(&r.WritableClasses, p.Writable)
		replace(&r.NeedsApproval, p.NeedsApproval)
		replace(&r.BreakGlass, p.BreakGlass)
		assign(&r.LongestDays, p.LongestDays)
		assign(&r.ReviewEveryDays, p.ReviewEveryDays)
		return nil
	})
}

func assignClasses(to *[]string, from nullable.Nullable[[]string]) {
	if !from.IsSpecified() {
		return
	}
	*to = nil
	if value, err := from.Get(); err == nil {
		*to = sorted(value)
	}
}

// ArchiveRole takes a role out of use: nobody has its rights any more.
func (s *Service) ArchiveRole(ctx context.Context, id uuid.UUID, version *int64) (Role, error) {
	return s.changeRole(ctx, id, version, "role.archived", func(r *Role) error {
		if r.ArchivedAt == nil {
			r.ArchivedAt = new(s.clock.Now())
		}
		return nil
	})
}

// RestoreRole puts a role back into use, for everybody who still has it.
func (s *Service) RestoreRole(ctx context.Context, id uuid.UUID, version *int64) (Role, error) {
	return s.changeRole(ctx, id, version, "role.restored", func(r *Role) error {
		r.ArchivedAt = nil
		return nil
	})
}

// changeRole changes a role that the actor could have made before and after the
// change. Whoever gives a role at this moment waits.
func (s *Service) changeRole(ctx context.Context, id uuid.UUID, version *int64, event string, change func(*Role) error) (Role, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Role{}, err
	}
	r, err := pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Role, error) {
		if err := s.q.LockRights(ctx, tx, actor.Tenant.String()); err != nil {
			return Role{}, err
		}
		before, err := s.q.LockRole(ctx, tx, actor.Tenant, id)
		if err != nil {
			return Role{}, err
		}
		if err := web.CheckVersion(version, before.Version); err != nil {
			return Role{}, err
		}
		after := before
		if err := change(&after); err != nil {
			return Role{}, err
		}
		for _, r := range []Role{before, after} {
			if err := s.mayGive(ctx, actor, r.Scopes, r.Verbs, r.ReadableClasses, r.WritableClasses, nil); err != nil {
				return Role{}, err
			}
		}
		changes, err := events.Diff(recordOfRole(before), recordOfRole(after))
		if err != nil || len(changes) == 0 {
			return before, err
		}
		after, err = s.q.UpdateRole(ctx, tx, rightsdb.UpdateRoleParams{
			TenantID: actor.Tenant, ID: id, Code: after.Code, Name: after.Name, Description: after.Description, Scopes: after.Scopes, Verbs: after.Verbs,
			ReadableClasses: after.ReadableClasses, WritableClasses: after.WritableClasses, NeedsApproval: after.NeedsApproval, BreakGlass: after.BreakGlass,
			LongestDays: after.LongestDays, ReviewEveryDays: after.ReviewEveryDays, ArchivedAt: after.ArchivedAt,
		})
		if err != nil {
			return Role{}, err
		}
		s.access.Forget(actor.Tenant)
		return after, recordRole(ctx, tx, event, after, changes)
	})
	if pg.Violated(err, "roles_tenant_id_code_key") {
		err = fault.New(fault.Conflict, "already-exists").At("#/code", "not-unique")
	}
	return r, err
}

func recordRole(ctx context.Context, tx pgx.Tx, event string, r Role, changes []events.Change) error {
	return events.RecordTx(ctx, tx, events.Entry{
		Type: event, Subject: events.Subject{Kind: "role", ID: r.ID, Version: r.Version}, Changes: changes, Facts: map[string]any{"code": r.Code},
	})
}
