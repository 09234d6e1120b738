package consents

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/consents/internal/consentsdb"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Unknown is the state of an address for which nobody has said anything.
const Unknown = "unknown"

// State is what counts for one purpose, channel, controller and address.
type State struct {
	Purpose    string
	Channel    string
	Controller string
	// Point is the contact point that has the address today, nil where none has
	// it or the answer is about the whole channel.
	Point     *uuid.UUID
	Address   *uuid.UUID
	State     string
	Since     time.Time
	ExpiresAt *time.Time
	Consent   uuid.UUID
}

// States derives a contact's states. With asOf the ledger is read as it stood
// then; without, an answer for an address that the contact no longer has counts
// for nothing.
func (s *Service) States(ctx context.Context, contact uuid.UUID, asOf *time.Time) ([]State, time.Time, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, time.Time{}, err
	}
	at := s.clock.Now()
	if asOf != nil {
		at = asOf.UTC()
	}
	db := s.db.Tenant(actor.Tenant)
	if err := s.present(ctx, db, actor.Tenant, contact); err != nil {
		return nil, at, err
	}
	rows, err := s.q.States(ctx, db, actor.Tenant, contact, at)
	if err != nil {
		return nil, at, err
	}
	web.NoteSubjects(ctx, contact)
	return web.Map(rows, func(r consentsdb.StatesRow) State { return stateOf(r, asOf != nil) }), at, nil
}

// StatesTx derives a contact's states of now as part of tx.
func (s *Service) StatesTx(ctx context.Context, tx pgx.Tx, contact uuid.UUID) ([]State, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := s.q.States(ctx, tx, actor.Tenant, contact, s.clock.Now())
	return web.Map(rows, func(r consentsdb.StatesRow) State { return stateOf(r, false) }), err
}

func stateOf(r consentsdb.StatesRow, past bool) State {
	out := State{
		Purpose: r.Purpose, Channel: r.Channel, Controller: r.Controller, State: r.State, Since: r.Since, Consent: r.ConsentID,
		Address: r.Consent.AddressID, ExpiresAt: r.Consent.ExpiresAt,
	}
	if r.PresentPointID != uuid.Nil {
		out.Point = &r.PresentPointID
	}
	if !past && !r.Held {
		out.State, out.ExpiresAt = Unknown, nil
	}
	return out
}

// Question asks what counts for one address. Value is its normalized form, as
// contact points have it; Controller is empty for the institution.
type Question struct {
	Contact    uuid.UUID
	Purpose    string
	Channel    string
	Controller string
	Value      string
}

// StateTx answers as part of tx: Given, Withdrawn, Refused, Pending, Expired or
// Unknown. Only Given permits anything.
func (s *Service) StateTx(ctx context.Context, tx pgx.Tx, q Question) (string, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return "", err
	}
	row, err := s.q.StateOf(ctx, tx, consentsdb.StateOfParams{
		TenantID: actor.Tenant, ContactID: q.Contact, Instant: s.clock.Now(),
		Purpose: q.Purpose, Channel: q.Channel, Controller: q.Controller, PointValue: q.Value,
	})
	if pg.IsNoRows(err) {
		return Unknown, nil
	}
	return row.State, err
}
