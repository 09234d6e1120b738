package consents

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/consents/internal/consentsdb"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Consent is one entry of the ledger.
type Consent = consentsdb.Consent

// Service keeps the ledger, the purposes and the wordings.
type Service struct {
	db    *pg.DB
	q     *consentsdb.Queries
	clock clock.Clock
	// purposesChange is told before a change of an institution's purposes is committed.
	purposesChange func(tenant uuid.UUID)
}

// NewService makes the service.
func NewService(db *pg.DB, c clock.Clock, purposesChange func(tenant uuid.UUID)) *Service {
	return &Service{db: db, q: consentsdb.New(), clock: c, purposesChange: purposesChange}
}

// Record appends an answer in a transaction of its own; see RecordTx.
func (s *Service) Record(ctx context.Context, in Entry) (Consent, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Consent{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Consent, error) {
		return s.RecordTx(ctx, tx, in)
	})
}

// Get returns one entry.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (Consent, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Consent{}, err
	}
	c, err := s.q.GetConsent(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
	if err != nil {
		return Consent{}, err
	}
	rows, err := s.seen(ctx, actor.Tenant, []Consent{c})
	if err == nil && len(rows) == 0 {
		err = fault.NotFound()
	}
	return c, err
}

// Position is where a walk through entries stands: the time it is sorted by,
// then the id.
type Position struct {
	At time.Time `json:"a"`
	ID uuid.UUID `json:"i"`
}

// Filter chooses entries of the ledger. Empty members choose everything.
type Filter struct {
	Purpose        *string
	Channels       []string
	Actions        []string
	RecordedFrom   *time.Time
	RecordedBefore *time.Time
}

// List returns at most limit entries after a position, the last recorded first.
func (s *Service) List(ctx context.Context, f Filter, after *Position, limit int) ([]Consent, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	p := consentsdb.ListConsentsParams{
		TenantID: actor.Tenant, Purpose: f.Purpose, Channels: f.Channels, Actions: f.Actions,
		RecordedFrom: f.RecordedFrom, RecordedBefore: f.RecordedBefore, PageSize: int32(limit),
	}
	if after != nil {
		p.AfterRecordedAt, p.AfterID = &after.At, &after.ID
	}
	rows, err := s.q.ListConsents(ctx, s.db.Tenant(actor.Tenant), p)
	if err != nil {
		return nil, err
	}
	return s.seen(ctx, actor.Tenant, rows)
}

// History returns at most limit entries of a contact, the latest answer first.
func (s *Service) History(ctx context.Context, contact uuid.UUID, after *Position, limit int) ([]Consent, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.present(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, contact); err != nil {
		return nil, err
	}
	p := consentsdb.ListHistoryParams{TenantID: actor.Tenant, ContactID: contact, PageSize: int32(limit)}
	if after != nil {
		p.AfterOccurredAt, p.AfterID = &after.At, &after.ID
	}
	rows, err := s.q.ListHistory(ctx, s.db.Tenant(actor.Tenant), p)
	if err != nil {
		return nil, err
	}
	return s.seen(ctx, actor.Tenant, rows)
}

// seen leaves the entries of contacts that the reader sees, and notes them.
func (s *Service) seen(ctx context.Context, tenant uuid.UUID, rows []Consent) ([]Consent, error) {
	look, err := pg.LookAt(ctx, s.db.Tenant(tenant), tenant, web.Map(rows, func(c Consent) uuid.UUID { return c.ContactID }))
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(c Consent) bool { return !look.Sees(&c.ContactID) })
	noteSubjects(ctx, rows)
	return rows, nil
}

// present refuses a contact that is not there, was erased, or lives on in another.
func (s *Service) present(ctx context.Context, db pg.DBTX, tenant, contact uuid.UUID) error {
	c, err := s.q.ContactForConsent(ctx, db, tenant, contact)
	if pg.IsNoRows(err) {
		return fault.NotFound()
	}
	if err != nil {
		return err
	}
	look, err := pg.LookAt(ctx, db, tenant, []uuid.UUID{contact})
	if err != nil {
		return err
	}
	if !look.Sees(&contact) {
		return fault.NotFound()
	}
	if c.ErasedAt != nil {
		return fault.New(fault.Gone, "contact-erased")
	}
	if c.MergedInto != nil {
		return fault.New(fault.Gone, "contact-merged").Extra("survivor_id", c.MergedInto.String()).
			Header("Link", `</v1/contacts/`+c.MergedInto.String()+`>; rel="canonical"`)
	}
	return nil
}

func noteSubjects(ctx context.Context, rows []Consent) {
	ids := make([]uuid.UUID, 0, len(rows))
	for _, c := range rows {
		ids = append(ids, c.ContactID)
	}
	web.NoteSubjects(ctx, ids...)
}
