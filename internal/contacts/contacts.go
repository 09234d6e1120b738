package contacts

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/contacts/internal/contactsdb"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/vault"
	"github.com/parvis-crm/parvis/internal/web"
)

// Kinds of contacts.
const (
	Person       = "person"
	Organisation = "organisation"
)

// TrashPeriod is how long an archived contact stays restorable before it may
// be purged.
const TrashPeriod = 90 * 24 * time.Hour

type (
	// Contact is a person or an organisation.
	Contact = contactsdb.Contact
	// Point is an e-mail address or a telephone number of a contact.
	Point = contactsdb.ContactPoint
	// Address is a postal address of a contact.
	Address = contactsdb.Address
	// ExternalID is a contact's name in another system.
	ExternalID = contactsdb.ContactExternalID
	// Tag is a label of the institution's own.
	Tag = contactsdb.Tag
)

// Service is the register.
type Service struct {
	db    *pg.DB
	q     *contactsdb.Queries
	clock clock.Clock
	// What is remembered of erased contacts, and who is told.
	erasureKeys *vault.Sealer
	opposed     Opposed
}

// NewService makes the service.
func NewService(db *pg.DB, c clock.Clock) *Service {
	return &Service{db: db, q: contactsdb.New(), clock: c}
}

// Get returns a contact of the actor's tenant: archived ones too, for one that
// was merged the 410 that names the survivor, and for one that was erased a 410
// that names nobody.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (Contact, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Contact{}, err
	}
	db := s.db.Tenant(actor.Tenant)
	c, err := s.q.GetContact(ctx, db, actor.Tenant, id)
	if err != nil {
		return Contact{}, err
	}
	if err := s.seen(ctx, db, c); err != nil {
		return Contact{}, err
	}
	return c, present(c)
}

// Present implements web.Subjects.
func (s *Service) Present(ctx context.Context, id uuid.UUID) (reaches bool, err error) {
	c, err := s.Get(ctx, id)
	return err == nil && pg.SightIn(ctx).May(pg.SeeContactPoints, heldOf(c)), err
}

// seen refuses a contact that the principal of the context does not see, or with
// which nothing may be done for its purposes, in the words for one that is not
// there.
func (s *Service) seen(ctx context.Context, db pg.DBTX, c Contact) error {
	sight := pg.SightIn(ctx)
	if !sight.Sees(heldOf(c)) {
		return fault.NotFound()
	}
	purposes, at, bound := sight.Bound()
	if !bound {
		return nil
	}
	if stands, known := purposes.StandWith(standingOf(c), at); known {
		if !stands {
			return fault.NotFound()
		}
		return nil
	}
	if stands, err := s.q.HasBasis(ctx, db, contactsdb.HasBasisParams{TenantID: c.TenantID, ContactID: c.ID, ByConsent: purposes.ByConsent(), Otherwise: purposes.Otherwise(), Instant: at}); err != nil || stands {
		return err
	}
	return fault.NotFound()
}

func standingOf(c Contact) pg.Standing {
	return pg.Standing{From: c.StandingFrom, Until: c.StandingUntil, Given: c.GivenPurposes, Refused: c.RefusedPurposes}
}

// present refuses a contact that was erased, or that lives on in another.
func present(c Contact) error {
	if c.ErasedAt != nil {
		return erasedFault()
	}
	if c.MergedInto == nil {
		return nil
	}
	return fault.New(fault.Gone, "contact-merged").Extra("survivor_id", c.MergedInto.String()).
		Header("Link", "</v1/contacts/"+c.MergedInto.String()+`>; rel="canonical"`)
}

// Create adds a contact with whatever it comes with.
func (s *Service) Create(ctx context.Context, in New) (Contact, error) {
	return inTx(ctx, s, func(ctx context.Context, tx pgx.Tx) (Contact, error) { return s.CreateTx(ctx, tx, in) })
}

// Update changes the fields that the patch names. want is the version that the
// caller read, nil for none.
func (s *Service) Update(ctx context.Context, id uuid.UUID, p Patch, want *int64) (Contact, error) {
	return inTx(ctx, s, func(ctx context.Context, tx pgx.Tx) (Contact, error) {
		c, changed, err := s.UpdateTx(ctx, tx, id, p, want)
		if err == nil && !changed {
			web.NoteUnchanged(ctx, c.ID)
		}
		return c, err
	})
}

// inTx runs fn in one transaction of the actor's tenant.
func inTx[T any](ctx context.Context, s *Service, fn func(ctx context.Context, tx pgx.Tx) (T, error)) (T, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		var none T
		return none, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, fn)
}

// locked is a present contact whose row this transaction holds.
func (s *Service) locked(ctx context.Context, tx pgx.Tx, id uuid.UUID) (Contact, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Contact{}, err
	}
	c, err := s.q.LockContact(ctx, tx, actor.Tenant, id)
	if err != nil {
		return Contact{}, err
	}
	if err := s.seen(ctx, tx, c); err != nil {
		return Contact{}, err
	}
	return c, present(c)
}

// seen is the part of a look that needs nothing but the contact's row: its
// departments and its restriction.
func seen(ctx context.Context, c Contact) error {
	if pg.SightIn(ctx).Sees(heldOf(c)) {
		return nil
	}
	return fault.NotFound()
}
