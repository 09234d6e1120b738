package consents

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/consents/internal/consentsdb"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Purpose is one purpose of the register.
type Purpose = consentsdb.Purpose

// NewPurpose is what a purpose is registered with.
type NewPurpose struct {
	Code, Name, LegalBasis string
	Description            *string
}

// PurposeChange says what becomes of a purpose; nil members stay.
type PurposeChange struct {
	Name, LegalBasis *string
	Description      **string
	Archived         *bool
}

// CreatePurpose registers a purpose.
func (s *Service) CreatePurpose(ctx context.Context, in NewPurpose) (Purpose, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Purpose{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Purpose, error) {
		known, err := s.q.GetPurposeByCode(ctx, tx, actor.Tenant, in.Code)
		if err == nil {
			return Purpose{}, fault.New(fault.Conflict, "already-exists").Extra("existing_id", known.ID.String())
		}
		if !pg.IsNoRows(err) {
			return Purpose{}, err
		}
		s.purposesChange(actor.Tenant)
		p, err := s.q.InsertPurpose(ctx, tx, consentsdb.InsertPurposeParams{
			TenantID: actor.Tenant, ID: ids.New(), Code: in.Code, Name: in.Name, LegalBasis: in.LegalBasis, Description: in.Description,
		})
		if err != nil {
			return Purpose{}, err
		}
		return p, s.recordPurpose(ctx, tx, "purpose.created", nil, p)
	})
}

// GetPurpose returns a purpose.
func (s *Service) GetPurpose(ctx context.Context, id uuid.UUID) (Purpose, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Purpose{}, err
	}
	return s.q.GetPurpose(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
}

// ListPurposes returns at most limit purposes after a code. archived is "true",
// "only" or "false".
func (s *Service) ListPurposes(ctx context.Context, archived string, after *string, limit int) ([]Purpose, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	return s.q.ListPurposes(ctx, s.db.Tenant(actor.Tenant), consentsdb.ListPurposesParams{
		TenantID: actor.Tenant, Archived: archived, AfterCode: after, PageSize: int32(limit),
	})
}

// UpdatePurpose changes a purpose; want is the version it is meant for, nil for
// any. What did not change leaves no trace.
func (s *Service) UpdatePurpose(ctx context.Context, id uuid.UUID, want *int64, in PurposeChange) (Purpose, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Purpose{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Purpose, error) {
		before, err := s.q.LockPurpose(ctx, tx, actor.Tenant, id)
		if err != nil {
			return Purpose{}, err
		}
		if err := web.CheckVersion(want, before.Version); err != nil {
			return Purpose{}, err
		}
		p := consentsdb.UpdatePurposeParams{
			TenantID: actor.Tenant, ID: id, Name: before.Name, LegalBasis: before.LegalBasis, Description: before.Description, ArchivedAt: before.ArchivedAt,
		}
		if in.Name != nil {
			p.Name = *in.Name
		}
		if in.LegalBasis != nil {
			p.LegalBasis = *in.LegalBasis
		}
		if in.Description != nil {
			p.Description = *in.Description
		}
		if in.Archived != nil && *in.Archived != (before.ArchivedAt != nil) {
			p.ArchivedAt = nil
			if *in.Archived {
				now := s.clock.Now()
				p.ArchivedAt = &now
			}
		}
		if p.Name == before.Name && p.LegalBasis == before.LegalBasis && equal(p.Description, before.Description) && (p.ArchivedAt == nil) == (before.ArchivedAt == nil) {
			return before, nil
		}
		s.purposesChange(actor.Tenant)
		after, err := s.q.UpdatePurpose(ctx, tx, p)
		if err != nil {
			return Purpose{}, err
		}
		return after, s.recordPurpose(ctx, tx, "purpose.updated", &before, after)
	})
}

func (s *Service) recordPurpose(ctx context.Context, tx pgx.Tx, kind string, before *Purpose, after Purpose) error {
	var changes []events.Change
	var err error
	if before != nil {
		if changes, err = events.Diff(described(*before), described(after)); err != nil {
			return err
		}
	}
	return events.RecordTx(ctx, tx, events.Entry{
		Type: kind, Changes: changes, Subject: events.Subject{Kind: "purpose", ID: after.ID, Version: after.Version},
		Facts: map[string]any{"code": after.Code, "legal_basis": after.LegalBasis},
	})
}

func described(p Purpose) map[string]any {
	return map[string]any{"name": p.Name, "legal_basis": p.LegalBasis, "description": p.Description, "archived": p.ArchivedAt != nil}
}

func equal(a, b *string) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }

// purposeFor finds the purpose of an answer. An archived one takes no new yes;
// a no is always heard.
func (s *Service) purposeFor(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, in Entry) (Purpose, error) {
	p, err := s.q.GetPurposeByCode(ctx, tx, tenant, in.Purpose)
	if pg.IsNoRows(err) {
		return p, fault.Invalid().At("#/purpose", "unknown-purpose")
	}
	if err == nil && p.ArchivedAt != nil && (in.Action == Given || in.Action == Pending) {
		return p, fault.Invalid().At("#/purpose", "purpose-archived")
	}
	return p, err
}
