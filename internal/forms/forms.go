package forms

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/consents"
	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/forms/internal/formsdb"
	"github.com/parvis-crm/parvis/internal/forms/maildomain"
	"github.com/parvis-crm/parvis/internal/forms/proofofwork"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/mail"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/vault"
	"github.com/parvis-crm/parvis/internal/web"
)

type (
	// Form is a form of a website, with its draft.
	Form = formsdb.Form
	// Version is a form's definition as it was published.
	Version = formsdb.FormVersion
	// Submission is what one visitor sent.
	Submission = formsdb.FormSubmission
)

// Config is what the operator decides.
type Config struct {
	// Secret is 32 bytes, the same in every process.
	Secret []byte
	// PublicURL is the address that links in mails begin with.
	PublicURL string
	// MailCheck: whether the domains of addresses are looked up.
	MailCheck bool
	// MinimumFill is how long a person needs at least to fill a form.
	MinimumFill time.Duration
}

// Tries of a proof of work. With the default cost of 5000 iterations that is half a
// million to two million iterations, under two seconds in a browser.
const (
	minTries = 100
	maxTries = 400
)

// Service keeps forms and takes submissions.
type Service struct {
	db       *pg.DB
	q        *formsdb.Queries
	clock    clock.Clock
	log      *slog.Logger
	contacts *contacts.Service
	consents *consents.Service
	mail     *mail.Service
	config   Config
	work     *proofofwork.Issuer
	domains  maildomain.Checker
	looked   func(verdict string)
	data     vault.Sealer
}

// NewWork makes the proof of work of all forms from 32 secret bytes and the cost
// of each try.
func NewWork(secret []byte, cost int) (*proofofwork.Issuer, error) {
	return proofofwork.New(proofofwork.Config{Secret: secret, Cost: cost, MinCounter: minTries, MaxCounter: maxTries})
}

// Needs are the parts of the program that forms work with.
type Needs struct {
	Contacts *contacts.Service
	Consents *consents.Service
	Mail     *mail.Service
	Work     *proofofwork.Issuer
	// Data seals what SealedData describes.
	Data vault.Sealer
	// Domains looks up where addresses lead, Looked counts what came of it.
	Domains maildomain.Checker
	Looked  func(verdict string)
	Log     *slog.Logger
}

// NewService makes the service.
func NewService(db *pg.DB, c clock.Clock, needs Needs, config Config) *Service {
	return &Service{
		db: db, q: formsdb.New(), clock: c, log: needs.Log, contacts: needs.Contacts, consents: needs.Consents, mail: needs.Mail,
		work: needs.Work, data: needs.Data, domains: needs.Domains, looked: needs.Looked, config: config,
	}
}

// Create adds a draft.
func (s *Service) Create(ctx context.Context, slug, name string, d Definition) (Form, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Form{}, err
	}
	id := ids.New()
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Form, error) {
		if err := s.checkTx(ctx, tx, actor.Tenant, id, d); err != nil {
			return Form{}, err
		}
		known, err := s.q.FormBySlug(ctx, tx, actor.Tenant, slug)
		if err == nil {
			return Form{}, fault.New(fault.Conflict, "already-exists").Extra("existing_id", known.String())
		}
		if !pg.IsNoRows(err) {
			return Form{}, err
		}
		raw, err := json.Marshal(d)
		if err != nil {
			return Form{}, err
		}
		f, err := s.q.InsertForm(ctx, tx, formsdb.InsertFormParams{TenantID: actor.Tenant, ID: id, Slug: slug, Name: name, Definition: raw})
		if err != nil {
			return Form{}, err
		}
		return f, record(ctx, tx, "form.created", nil, f)
	})
}

// checkTx refuses a definition that names what does not exist.
func (s *Service) checkTx(ctx context.Context, tx pgx.Tx, tenant, form uuid.UUID, d Definition) error {
	if err := d.check(s.honeypot(form)); err != nil {
		return err
	}
	var codes []string
	var wordings []uuid.UUID
	for _, c := range d.Consents {
		codes, wordings = append(codes, c.Purpose), append(wordings, c.WordingIDs...)
	}
	if len(codes) == 0 {
		return nil
	}
	known, err := s.q.PurposesOf(ctx, tx, tenant, codes)
	if err != nil {
		return err
	}
	texts, err := s.q.WordingsOf(ctx, tx, tenant, wordings)
	if err != nil {
		return err
	}
	f := fault.Invalid()
	for i, c := range d.Consents {
		if !slices.Contains(known, c.Purpose) {
			f.At(fmt.Sprintf("#/definition/consents/%d/purpose", i), "unknown-purpose")
		}
		for j, id := range c.WordingIDs {
			if _, ok := find(texts, id); !ok {
				f.At(fmt.Sprintf("#/definition/consents/%d/wording_ids/%d", i, j), "unknown-reference")
			}
		}
	}
	return f.OrNil()
}

// Get returns a form.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (Form, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Form{}, err
	}
	return s.q.GetForm(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
}

// GetVersion returns a published version.
func (s *Service) GetVersion(ctx context.Context, id uuid.UUID, number int64) (Version, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Version{}, err
	}
	return s.q.GetFormVersion(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id, number)
}

// Position is where a walk through a list stands.
type Position struct {
	At time.Time `json:"a"`
	ID uuid.UUID `json:"i"`
}

// List returns at most limit forms after a position, newest first.
func (s *Service) List(ctx context.Context, statuses []string, after *Position, limit int) ([]Form, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	p := formsdb.ListFormsParams{TenantID: actor.Tenant, Statuses: statuses, PageSize: int32(limit)}
	if after != nil {
		p.AfterAt, p.AfterID = &after.At, &after.ID
	}
	return s.q.ListForms(ctx, s.db.Tenant(actor.Tenant), p)
}

// Update changes a draft's name and definition; nil members stay.
func (s *Service) Update(ctx context.Context, id uuid.UUID, want *int64, name *string, d *Definition) (Form, error) {
	return s.change(ctx, id, want, "form.updated", func(ctx context.Context, tx pgx.Tx, p *formsdb.UpdateFormParams) error {
		if name != nil {
			p.Name = *name
		}
		if d == nil {
			return nil
		}
		if err := s.checkTx(ctx, tx, p.TenantID, id, *d); err != nil {
			return err
		}
		var err error
		p.Definition, err = json.Marshal(d)
		return err
	})
}

// Publish makes the present definition the next version that visitors see.
func (s *Service) Publish(ctx context.Context, id uuid.UUID, want *int64) (Form, error) {
	return s.change(ctx, id, want, "form.published", func(ctx context.Context, tx pgx.Tx, p *formsdb.UpdateFormParams) error {
		var d Definition
		if err := json.Unmarshal(p.Definition, &d); err != nil {
			return err
		}
		if err := s.checkTx(ctx, tx, p.TenantID, id, d); err != nil {
			return err
		}
		number := int64(1)
		if p.PublishedVersion != nil {
			number = *p.PublishedVersion + 1
		}
		p.Status, p.PublishedVersion = "published", &number
		return s.q.InsertFormVersion(ctx, tx, formsdb.InsertFormVersionParams{
			TenantID: p.TenantID, FormID: id, Number: number, Definition: p.Definition, PublishedAt: s.clock.Now(),
		})
	})
}

// Close takes a form from visitors.
func (s *Service) Close(ctx context.Context, id uuid.UUID, want *int64) (Form, error) {
	return s.change(ctx, id, want, "form.updated", func(_ context.Context, _ pgx.Tx, p *formsdb.UpdateFormParams) error {
		if p.PublishedVersion == nil {
			return fault.New(fault.Conflict, "form-not-published")
		}
		p.Status = "closed"
		return nil
	})
}

func (s *Service) change(ctx context.Context, id uuid.UUID, want *int64, event string, apply func(ctx context.Context, tx pgx.Tx, p *formsdb.UpdateFormParams) error) (Form, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Form{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Form, error) {
		before, err := s.q.LockForm(ctx, tx, actor.Tenant, id)
		if err != nil {
			return Form{}, err
		}
		if err := web.CheckVersion(want, before.Version); err != nil {
			return Form{}, err
		}
		p := formsdb.UpdateFormParams{
			TenantID: actor.Tenant, ID: id, Name: before.Name, Definition: before.Definition, Status: before.Status, PublishedVersion: before.PublishedVersion,
		}
		if err := apply(ctx, tx, &p); err != nil {
			return Form{}, err
		}
		after, err := s.q.UpdateForm(ctx, tx, p)
		if err != nil {
			return Form{}, err
		}
		return after, record(ctx, tx, event, &before, after)
	})
}

// Delete removes a form that was never published.
func (s *Service) Delete(ctx context.Context, id uuid.UUID, want *int64) error {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return err
	}
	if want == nil {
		return fault.New(fault.PreconditionRequired, "precondition-required")
	}
	return pg.InTx(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		f, err := s.q.LockForm(ctx, tx, actor.Tenant, id)
		if err != nil {
			return err
		}
		if err := web.CheckVersion(want, f.Version); err != nil {
			return err
		}
		if f.PublishedVersion != nil {
			return fault.New(fault.Conflict, "form-was-published")
		}
		if err := s.q.DeleteForm(ctx, tx, actor.Tenant, id); err != nil {
			return err
		}
		f.Version++
		return record(ctx, tx, "form.deleted", nil, f)
	})
}

func record(ctx context.Context, tx pgx.Tx, kind string, before *Form, after Form) error {
	var changes []events.Change
	if before != nil {
		var err error
		if changes, err = events.Diff(described(*before), described(after)); err != nil {
			return err
		}
	}
	return events.RecordTx(ctx, tx, events.Entry{
		Type: kind, Changes: changes, Subject: events.Subject{Kind: "form", ID: after.ID, Version: after.Version},
		Facts: map[string]any{"slug": after.Slug, "status": after.Status, "published_version": after.PublishedVersion},
	})
}

func described(f Form) map[string]any {
	return map[string]any{"name": f.Name, "status": f.Status, "definition": f.Definition, "published_version": f.PublishedVersion}
}

func find(list []formsdb.WordingsOfRow, id uuid.UUID) (formsdb.WordingsOfRow, bool) {
	for _, w := range list {
		if w.ID == id {
			return w, true
		}
	}
	return formsdb.WordingsOfRow{}, false
}
