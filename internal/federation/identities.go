package federation

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/federation/internal/federationdb"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Link is a further identity of a user.
type Link = federationdb.IdentityLink

// LinkIdentity says that whoever has an issuer's subject is a user.
func (s *Service) LinkIdentity(ctx context.Context, user uuid.UUID, issuer, subject string) (Link, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Link{}, err
	}
	if actor.Source != "" {
		return Link{}, fault.New(fault.Forbidden, "rights-exceeded").Extra("required_scope", "*")
	}
	out, err := pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Link, error) {
		if _, err := s.access.LockTouchableTx(ctx, tx, user); err != nil {
			return Link{}, err
		}
		trusted, err := s.q.IssuerTrusted(ctx, tx, actor.Tenant, issuer)
		if err != nil {
			return Link{}, err
		}
		if !trusted {
			return Link{}, fault.Invalid().At("#/issuer", "unknown-reference")
		}
		held, err := s.q.IdentityTaken(ctx, tx, actor.Tenant, issuer, subject)
		if err != nil {
			return Link{}, err
		}
		if held {
			return Link{}, identityTaken()
		}
		row, err := s.q.InsertIdentity(ctx, tx, federationdb.InsertIdentityParams{
			TenantID: actor.Tenant, ID: ids.New(), UserID: user, Issuer: issuer, Subject: subject,
		})
		if err != nil {
			return Link{}, err
		}
		return row, recordIdentity(ctx, tx, "identity.linked", row, nil, identityRecord(row))
	})
	if pg.Violated(err, "identity_links_tenant_id_issuer_subject_key") {
		return out, identityTaken()
	}
	return out, err
}

func identityTaken() error {
	return fault.New(fault.Conflict, "already-exists").At("#/subject", "not-unique")
}

// Identities lists at most limit further identities of a user after one, newest
// first.
func (s *Service) Identities(ctx context.Context, user uuid.UUID, after *uuid.UUID, limit int) ([]Link, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := s.access.GetUser(ctx, user); err != nil {
		return nil, err
	}
	return s.q.ListIdentities(ctx, s.db.Tenant(actor.Tenant), federationdb.ListIdentitiesParams{TenantID: actor.Tenant, UserID: user, After: after, PageSize: int32(limit)})
}

// UnlinkIdentity takes a further identity from a user.
func (s *Service) UnlinkIdentity(ctx context.Context, user, id uuid.UUID) error {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return err
	}
	return pg.InTx(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := s.access.LockTouchableTx(ctx, tx, user); err != nil {
			return err
		}
		row, err := s.q.DeleteIdentity(ctx, tx, actor.Tenant, id, user)
		if err != nil {
			return err
		}
		row.Version++
		return recordIdentity(ctx, tx, "identity.unlinked", row, identityRecord(row), nil)
	})
}

func identityRecord(l Link) map[string]any {
	return map[string]any{"issuer": l.Issuer, "subject": l.Subject}
}

func recordIdentity(ctx context.Context, tx pgx.Tx, kind string, l Link, before, after map[string]any) error {
	changes, err := events.Diff(before, after)
	if err != nil {
		return err
	}
	return events.RecordTx(ctx, tx, events.Entry{
		Type: kind, Subject: events.Subject{Kind: "identity", ID: l.ID, Version: l.Version}, Facts: map[string]any{"user_id": l.UserID.String()}, Changes: changes,
	})
}
