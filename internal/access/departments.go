package access

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/access/internal/accessdb"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// NewDepartment describes a department (service) to be made.
type NewDepartment struct {
	Code, Name string
	ParentID   *uuid.UUID
}

// DepartmentPatch changes what is given.
type DepartmentPatch struct {
	Code, Name *string
	ParentID   nullable.Nullable[uuid.UUID]
}

// DepartmentFilter narrows the list of departments.
type DepartmentFilter struct {
	Archived string // "false", "true" (also archived ones) or "only"
	ParentID *uuid.UUID
}

type departmentRecord struct {
	Code       string     `json:"code"`
	Name       string     `json:"name"`
	ParentID   *uuid.UUID `json:"parent_id"`
	ArchivedAt *time.Time `json:"archived_at"`
}

func recordOfDepartment(d Department) departmentRecord {
	return departmentRecord{d.Code, d.Name, d.ParentID, d.ArchivedAt}
}

// CreateDepartment makes a department.
func (s *Service) CreateDepartment(ctx context.Context, in NewDepartment) (Department, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Department{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Department, error) {
		if err := s.q.LockDepartments(ctx, tx, actor.Tenant.String()); err != nil {
			return Department{}, err
		}
		if err := s.departmentInUse(ctx, tx, actor.Tenant, in.ParentID, "#/parent_id"); err != nil {
			return Department{}, err
		}
		d, err := s.q.InsertDepartment(ctx, tx, accessdb.InsertDepartmentParams{
			TenantID: actor.Tenant, ID: ids.New(), Code: in.Code, Name: in.Name, ParentID: in.ParentID,
		})
		if pg.IsNoRows(err) {
			return Department{}, s.codeTaken(ctx, tx, actor.Tenant, in.Code)
		}
		if err != nil {
			return Department{}, err
		}
		return d, recordDepartment(ctx, tx, "department.created", d, nil)
	})
}

// departmentInUse refuses a reference to a department that is not there or is
// archived.
func (s *Service) departmentInUse(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, id *uuid.UUID, pointer string) error {
	if id == nil {
		return nil
	}
	d, err := s.q.GetDepartment(ctx, tx, tenant, *id)
	if pg.IsNoRows(err) || (err == nil && d.ArchivedAt != nil) {
		return fault.Invalid().At(pointer, "unknown-reference")
	}
	return err
}

func (s *Service) codeTaken(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, code string) error {
	id, err := s.q.DepartmentIDByCode(ctx, tx, tenant, code)
	if err != nil {
		return err
	}
	return fault.New(fault.Conflict, "already-exists").Extra("existing_id", id).At("#/code", "not-unique")
}

// GetDepartment returns a department of the actor's institution.
func (s *Service) GetDepartment(ctx context.Context, id uuid.UUID) (Department, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Department{}, err
	}
	return s.q.GetDepartment(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
}

// ListDepartments returns at most limit departments after one, newest first.
func (s *Service) ListDepartments(ctx context.Context, f DepartmentFilter, after *uuid.UUID, limit int) ([]Department, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	return s.q.ListDepartments(ctx, s.db.Tenant(actor.Tenant), accessdb.ListDepartmentsParams{
		TenantID: actor.Tenant, Archived: f.Archived, ParentID: f.ParentID, After: after, PageSize: int32(limit),
	})
}

// UpdateDepartment changes a department, and where it stands.
func (s *Service) UpdateDepartment(ctx context.Context, id uuid.UUID, p DepartmentPatch, version *int64) (Department, error) {
	return s.changeDepartment(ctx, id, version, "department.updated", func(ctx context.Context, tx pgx.Tx, d *Department) error {
		replace(&d.Code, p.Code)
		replace(&d.Name, p.Name)
		former := d.ParentID
		assign(&d.ParentID, p.ParentID)
		if d.ParentID == nil || equal(former, d.ParentID) {
			return nil
		}
		if err := s.departmentInUse(ctx, tx, d.TenantID, d.ParentID, "#/parent_id"); err != nil {
			return err
		}
		below, err := s.q.IsDepartmentBelow(ctx, tx, d.ID, d.TenantID, *d.ParentID)
		if err == nil && below {
			return fault.Invalid().At("#/parent_id", "department-cycle")
		}
		return err
	})
}

// ArchiveDepartment takes a department out of use.
func (s *Service) ArchiveDepartment(ctx context.Context, id uuid.UUID, version *int64) (Department, error) {
	return s.changeDepartment(ctx, id, version, "department.archived", func(ctx context.Context, tx pgx.Tx, d *Department) error {
		if d.ArchivedAt != nil {
			return nil
		}
		below, err := s.q.HasDepartmentsBelow(ctx, tx, d.TenantID, &d.ID)
		if err != nil {
			return err
		}
		if below {
			return fault.New(fault.Conflict, "department-in-use")
		}
		now := s.clock.Now()
		d.ArchivedAt = &now
		return nil
	})
}

// RestoreDepartment puts a department back into use, below one that is.
func (s *Service) RestoreDepartment(ctx context.Context, id uuid.UUID, version *int64) (Department, error) {
	return s.changeDepartment(ctx, id, version, "department.restored", func(ctx context.Context, tx pgx.Tx, d *Department) error {
		d.ArchivedAt = nil
		return s.departmentInUse(ctx, tx, d.TenantID, d.ParentID, "#/parent_id")
	})
}

func (s *Service) changeDepartment(ctx context.Context, id uuid.UUID, version *int64, event string,
	change func(context.Context, pgx.Tx, *Department) error) (Department, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Department{}, err
	}
	d, err := pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Department, error) {
		if err := s.q.LockDepartments(ctx, tx, actor.Tenant.String()); err != nil {
			return Department{}, err
		}
		before, err := s.q.LockDepartment(ctx, tx, actor.Tenant, id)
		if err != nil {
			return Department{}, err
		}
		if err := web.CheckVersion(version, before.Version); err != nil {
			return Department{}, err
		}
		after := before
		if err := change(ctx, tx, &after); err != nil {
			return Department{}, err
		}
		changes, err := events.Diff(recordOfDepartment(before), recordOfDepartment(after))
		if err != nil || len(changes) == 0 {
			return before, err
		}
		after, err = s.q.UpdateDepartment(ctx, tx, accessdb.UpdateDepartmentParams{
			TenantID: actor.Tenant, ID: id, Code: after.Code, Name: after.Name, ParentID: after.ParentID, ArchivedAt: after.ArchivedAt,
		})
		if err != nil {
			return Department{}, err
		}
		return after, recordDepartment(ctx, tx, event, after, changes)
	})
	if pg.Violated(err, "departments_tenant_id_code_key") {
		err = fault.New(fault.Conflict, "already-exists").At("#/code", "not-unique")
	}
	return d, err
}

func recordDepartment(ctx context.Context, tx pgx.Tx, event string, d Department, changes []events.Change) error {
	return events.RecordTx(ctx, tx, events.Entry{
		Type: event, Subject: events.Subject{Kind: "department", ID: d.ID, Version: d.Version}, Changes: changes,
	})
}
