package sensitive

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/sensitive/internal/sensitivedb"
	"github.com/parvis-crm/parvis/internal/vault"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	table = "sensitive_facts"
	// identifierCategory is the category of a fact that is its identifier.
	identifierCategory = "identifier"
)

// Row is a fact as the database has it.
type Row = sensitivedb.SensitiveFact

// Content is what is sealed of a fact.
type Content struct {
	Category   string      `json:"category"`
	Text       *string     `json:"text"`
	Identifier *Identifier `json:"identifier"`
}

// Fact is a fact as those see it who may.
type Fact struct {
	Row
	Content
}

// New describes a fact to be recorded.
type New struct {
	Content
	Purpose, Source string
	ValidUntil      *time.Time
}

// Patch changes what it names.
type Patch struct {
	Text       nullable.Nullable[string]
	Identifier nullable.Nullable[Identifier]
	ValidUntil nullable.Nullable[time.Time]
	Purpose    *string
	Source     *string
}

// Service is the domain's rules over its table.
type Service struct {
	db       *pg.DB
	q        *sensitivedb.Queries
	clock    clock.Clock
	vault    *vault.Vault
	contacts *contacts.Service
}

// NewService makes the service and tells the vault what it keeps under the keys
// of persons.
func NewService(db *pg.DB, c clock.Clock, v *vault.Vault, register *contacts.Service) *Service {
	s := &Service{db: db, q: sensitivedb.New(), clock: c, vault: v, contacts: register}
	v.RegisterPersonal(table, "sealed")
	v.OnDestroy(s.forget)
	return s
}

func inTx[T any](ctx context.Context, s *Service, fn func(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (T, error)) (T, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		var none T
		return none, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (T, error) { return fn(ctx, tx, actor.Tenant) })
}

// destroyed tells in people's terms that a person's key is gone.
func destroyed(err error) error {
	if errors.Is(err, vault.ErrDestroyed) {
		return fault.New(fault.Gone, "sensitive-facts-destroyed")
	}
	return err
}

func (c Content) check() error {
	f := fault.Invalid()
	if c.Category == identifierCategory && c.Identifier == nil {
		f.At("#/identifier", "required")
	}
	if c.Category != identifierCategory && c.Identifier != nil {
		f.At("#/identifier", "not-of-this-kind", "kind", c.Category)
	}
	if c.Category != identifierCategory && (c.Text == nil || strings.TrimSpace(*c.Text) == "") {
		f.At("#/text", "required")
	}
	if c.Identifier != nil && !c.Identifier.valid() {
		f.At("#/identifier/value", "identifier-invalid")
	}
	return f.OrNil()
}

func (s *Service) checkPurpose(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, code string) error {
	_, err := s.q.PurposeInUse(ctx, tx, tenant, code)
	if pg.IsNoRows(err) {
		return fault.Invalid().At("#/purpose", "unknown-purpose")
	}
	return err
}

// seal puts a content under the person's key and, when it has an identifier,
// into the blind index.
func (s *Service) seal(ctx context.Context, tx pgx.Tx, tenant, person, fact uuid.UUID, c Content) (sealed, lookup []byte, err error) {
	subject, err := s.vault.SubjectTx(ctx, tx, tenant, person)
	if err != nil {
		return nil, nil, destroyed(err)
	}
	defer subject.Close()
	raw, err := json.Marshal(c)
	if err != nil {
		return nil, nil, err
	}
	defer clear(raw)
	if sealed, err = subject.Seal(table, "sealed", fact.String(), raw); err != nil {
		return nil, nil, err
	}
	if c.Identifier != nil {
		lookup, err = s.vault.Index(ctx, tx, tenant, table, "lookup", c.Identifier.Scheme+":"+c.Identifier.normal())
	}
	return sealed, lookup, err
}

// Create records a fact about a contact.
func (s *Service) Create(ctx context.Context, contact uuid.UUID, n New) (Row, error) {
	if err := n.check(); err != nil {
		return Row{}, err
	}
	return inTx(ctx, s, func(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (Row, error) {
		if _, err := s.contacts.GetTx(ctx, tx, contact); err != nil {
			return Row{}, err
		}
		if err := s.checkPurpose(ctx, tx, tenant, n.Purpose); err != nil {
			return Row{}, err
		}
		p := sensitivedb.InsertFactParams{
			TenantID: tenant, ID: ids.New(), ContactID: contact, Purpose: n.Purpose, Source: n.Source, ValidUntil: n.ValidUntil, Now: s.clock.Now(),
		}
		var err error
		if p.Sealed, p.Lookup, err = s.seal(ctx, tx, tenant, contact, p.ID, n.Content); err != nil {
			return Row{}, err
		}
		row, err := s.q.InsertFact(ctx, tx, p)
		if err != nil {
			return Row{}, err
		}
		return row, record(ctx, tx, "sensitive_fact.recorded", nil, &row)
	})
}

// Update changes a fact. want is the version that the caller read, nil for none.
func (s *Service) Update(ctx context.Context, contact, id uuid.UUID, p Patch, want *int64) (Row, error) {
	return inTx(ctx, s, func(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (Row, error) {
		before, err := s.locked(ctx, tx, tenant, contact, id, want)
		if err != nil {
			return Row{}, err
		}
		fact, err := s.openOne(ctx, tx, before)
		if err != nil {
			return Row{}, err
		}
		p.apply(&fact)
		if err := fact.check(); err != nil {
			return Row{}, err
		}
		if fact.Purpose != before.Purpose {
			if err := s.checkPurpose(ctx, tx, tenant, fact.Purpose); err != nil {
				return Row{}, err
			}
		}
		u := sensitivedb.UpdateFactParams{
			TenantID: tenant, ID: id, Purpose: fact.Purpose, Source: fact.Source, ValidUntil: fact.ValidUntil, Now: s.clock.Now(),
			Sealed: before.Sealed, Lookup: before.Lookup,
		}
		if p.Text.IsSpecified() || p.Identifier.IsSpecified() {
			if u.Sealed, u.Lookup, err = s.seal(ctx, tx, tenant, contact, id, fact.Content); err != nil {
				return Row{}, err
			}
		}
		after, err := s.q.UpdateFact(ctx, tx, u)
		if err != nil {
			return Row{}, err
		}
		return after, record(ctx, tx, "sensitive_fact.updated", &before, &after)
	})
}

func (p Patch) apply(f *Fact) {
	if p.Text.IsSpecified() {
		f.Text = pointer(p.Text)
	}
	if p.Identifier.IsSpecified() {
		f.Identifier = pointer(p.Identifier)
	}
	if p.ValidUntil.IsSpecified() {
		f.ValidUntil = pointer(p.ValidUntil)
	}
	if p.Purpose != nil {
		f.Purpose = *p.Purpose
	}
	if p.Source != nil {
		f.Source = *p.Source
	}
}

func pointer[T any](n nullable.Nullable[T]) *T {
	v, err := n.Get()
	if err != nil {
		return nil
	}
	return &v
}

// Delete removes a fact. Its history stays under the person's key.
func (s *Service) Delete(ctx context.Context, contact, id uuid.UUID, want *int64) error {
	_, err := inTx(ctx, s, func(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (Row, error) {
		before, err := s.locked(ctx, tx, tenant, contact, id, want)
		if err != nil {
			return Row{}, err
		}
		if err := s.q.DeleteFact(ctx, tx, tenant, id); err != nil {
			return Row{}, err
		}
		return before, record(ctx, tx, "sensitive_fact.removed", &before, nil)
	})
	return err
}

func (s *Service) locked(ctx context.Context, tx pgx.Tx, tenant, contact, id uuid.UUID, want *int64) (Row, error) {
	if _, err := s.contacts.GetTx(ctx, tx, contact); err != nil {
		return Row{}, err
	}
	row, err := s.q.LockFact(ctx, tx, tenant, contact, id)
	if err == nil && want != nil && *want != 0 && *want != row.Version {
		err = fault.New(fault.Stale, "stale").Extra("current_version", row.Version)
	}
	return row, err
}

// record writes the event of a change. What is sealed stays sealed in it: its
// digest is that of the sealed form, so that the chain holds when the key is gone.
func record(ctx context.Context, tx pgx.Tx, kind string, before, after *Row) error {
	row, version := after, int64(0)
	if row == nil {
		row, version = before, 1
	}
	changes, err := events.Diff(visible(before), visible(after))
	if err != nil {
		return err
	}
	return events.RecordTx(ctx, tx, events.Entry{
		Type: kind, Changes: changes, Facts: map[string]any{"contact_id": row.ContactID.String()},
		Subject: events.Subject{Kind: "sensitive_fact", ID: row.ID, Version: row.Version + version},
	})
}

// visible is what the log has of a fact.
func visible(r *Row) any {
	if r == nil {
		return nil
	}
	out := map[string]any{"sealed": base64.StdEncoding.EncodeToString(r.Sealed), "purpose": r.Purpose, "source": r.Source, "valid_until": nil}
	if r.ValidUntil != nil {
		out["valid_until"] = r.ValidUntil.Format(time.DateOnly)
	}
	return out
}
