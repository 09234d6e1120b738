package quotas

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/quotas/internal/quotasdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// Quota is a row of the table; version 0 and no times where nobody set one.
type Quota = quotasdb.Quota

// Service is the domain's rules over its table.
type Service struct {
	db *pg.DB
	q  *quotasdb.Queries
}

// NewService makes the service.
func NewService(db *pg.DB) *Service { return &Service{db: db, q: quotasdb.New()} }

// Get returns the quota of a credential of the actor's institution.
func (s *Service) Get(ctx context.Context, credential uuid.UUID) (Quota, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Quota{}, err
	}
	scope := s.db.Tenant(actor.Tenant)
	kind, err := s.q.CredentialKind(ctx, scope, actor.Tenant, credential)
	if err != nil {
		return Quota{}, err
	}
	q, err := s.q.GetQuota(ctx, scope, actor.Tenant, credential)
	if pg.IsNoRows(err) {
		return Quota{TenantID: actor.Tenant, CredentialID: credential, CredentialKind: kind}, nil
	}
	return q, err
}

// List returns at most limit quotas after one, newest credential first.
func (s *Service) List(ctx context.Context, after *uuid.UUID, limit int) ([]Quota, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	return s.q.ListQuotas(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, after, int32(limit))
}

// Patch changes what is given; null takes a quota back.
type Patch struct {
	Default, Search, Bulk nullable.Nullable[int32]
	Reason                nullable.Nullable[string]
}

// Update changes the quota of a credential.
func (s *Service) Update(ctx context.Context, credential uuid.UUID, p Patch, version *int64) (Quota, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Quota{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Quota, error) {
		kind, err := s.q.CredentialKind(ctx, tx, actor.Tenant, credential)
		if err != nil {
			return Quota{}, err
		}
		if err := s.q.EnsureQuota(ctx, tx, actor.Tenant, credential, kind); err != nil {
			return Quota{}, err
		}
		before, err := s.q.LockQuota(ctx, tx, actor.Tenant, credential)
		if err != nil {
			return Quota{}, err
		}
		if err := web.CheckVersion(version, before.Version); err != nil {
			return Quota{}, err
		}
		after := before
		assign(&after.DefaultRequests, p.Default)
		assign(&after.SearchRequests, p.Search)
		assign(&after.BulkRequests, p.Bulk)
		assign(&after.Reason, p.Reason)
		changes, err := events.Diff(recordOf(before), recordOf(after))
		if err != nil || (len(changes) == 0 && before.Version > 0) {
			return before, err
		}
		after, err = s.q.UpdateQuota(ctx, tx, quotasdb.UpdateQuotaParams{
			TenantID: actor.Tenant, CredentialID: credential, DefaultRequests: after.DefaultRequests, SearchRequests: after.SearchRequests,
			BulkRequests: after.BulkRequests, Reason: after.Reason,
		})
		if err != nil {
			return Quota{}, err
		}
		return after, events.RecordTx(ctx, tx, events.Entry{
			Type: "quota.updated", Subject: events.Subject{Kind: "quota", ID: credential, Version: after.Version}, Changes: changes,
			Facts: map[string]any{"credential_kind": kind},
		})
	})
}

type record struct {
	Default *int32  `json:"default"`
	Search  *int32  `json:"search"`
	Bulk    *int32  `json:"bulk"`
	Reason  *string `json:"reason"`
}

func recordOf(q Quota) record {
	return record{q.DefaultRequests, q.SearchRequests, q.BulkRequests, q.Reason}
}

// assign carries one member of a merge patch over: absent keeps, null clears.
func assign[T any](to **T, from nullable.Nullable[T]) {
	if !from.IsSpecified() {
		return
	}
	*to = nil
	if value, err := from.Get(); err == nil {
		*to = &value
	}
}
