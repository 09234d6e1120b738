package access

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Belongings are what hangs on a user.
type Belongings struct {
	Contacts                                 int64
	Assignments, Teams, APIKeys, OAuthClient []uuid.UUID
}

// deactivated is the event by which somebody can act no more.
const deactivated = "user.deactivated"

// counted is how much of each there is, for the log.
func (b Belongings) counted() map[string]any {
	return map[string]any{
		"contacts": b.Contacts, "role_assignments": len(b.Assignments), "teams": len(b.Teams), "api_keys": len(b.APIKeys), "oauth_clients": len(b.OAuthClient),
	}
}

// ForSomebody reports whether there is something that somebody else has to see
// to: roles and teams end with the account, contacts and keys do not.
func (b Belongings) ForSomebody() bool {
	return b.Contacts > 0 || len(b.APIKeys) > 0 || len(b.OAuthClient) > 0
}

// Leaving hears, as part of tx, that a directory has ended a user, and what they
// leave: nobody who could be told was there when it happened.
type Leaving func(ctx context.Context, tx pgx.Tx, u User, left Belongings) error

// SetLeaving is called once at wiring time.
func (s *Service) SetLeaving(f Leaving) { s.leaving = f }

// Succession begins, as part of tx, to hand over to another user what one owns,
// and returns the operation that does it.
type Succession func(ctx context.Context, tx pgx.Tx, from, to uuid.UUID) (uuid.UUID, error)

// SetSuccession is called once at wiring time.
func (s *Service) SetSuccession(f Succession) { s.succession = f }

// Departure is a user who acts no more, with what they leave.
type Departure struct {
	User         User
	Belongings   Belongings
	Reassignment *uuid.UUID
}

// Deactivate ends what a user may do, tells what they leave, and hands it over
// if somebody is to have it.
func (s *Service) Deactivate(ctx context.Context, id uuid.UUID, to *uuid.UUID, version *int64) (Departure, error) {
	var d Departure
	u, err := s.changeUser(ctx, id, version, deactivated, func(ctx context.Context, tx pgx.Tx, actor web.Actor, u *User) (err error) {
		u.Status = "deactivated"
		if d.Belongings, err = s.belongings(ctx, tx, actor.Tenant, id); err != nil || to == nil {
			return err
		}
		operation, err := s.succession(ctx, tx, id, *to)
		d.Reassignment = &operation
		return err
	})
	d.User = u
	return d, err
}

// Belongings are what hangs on a user, whether or not they may still act.
func (s *Service) Belongings(ctx context.Context, id uuid.UUID) (Departure, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Departure{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (d Departure, err error) {
		if d.User, err = s.q.GetUser(ctx, tx, actor.Tenant, id); err != nil {
			return d, err
		}
		d.Belongings, err = s.belongings(ctx, tx, actor.Tenant, id)
		return d, err
	})
}

func (s *Service) belongings(ctx context.Context, tx pgx.Tx, tenant, user uuid.UUID) (b Belongings, err error) {
	now := s.clock.Now()
	if b.Contacts, err = s.q.CountOwnedContacts(ctx, tx, tenant, user); err != nil {
		return b, err
	}
	if b.Assignments, err = s.q.ListOwnAssignments(ctx, tx, tenant, user, &now); err != nil {
		return b, err
	}
	if b.Teams, err = s.q.ListTeamsOf(ctx, tx, tenant, user); err != nil {
		return b, err
	}
	if b.APIKeys, err = s.q.ListMadeKeys(ctx, tx, tenant, user.String()); err != nil {
		return b, err
	}
	b.OAuthClient, err = s.q.ListMadeClients(ctx, tx, tenant, user.String())
	return b, err
}

// CheckSuccessionTx decides whether what a user owns may be handed to another
// one: both are there, they differ, and the other one is active. pointer names
// where the other one stands in the request.
func (s *Service) CheckSuccessionTx(ctx context.Context, tx pgx.Tx, from, to uuid.UUID, pointer string) error {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return err
	}
	u, err := s.q.GetUser(ctx, tx, actor.Tenant, from)
	if err != nil {
		return err
	}
	if err := s.mayTouchUser(ctx, tx, actor, u); err != nil {
		return err
	}
	heir, err := s.q.GetUser(ctx, tx, actor.Tenant, to)
	if err != nil && !pg.IsNoRows(err) {
		return err
	}
	if err != nil || heir.Status != "active" || from == to {
		return fault.Invalid().At(pointer, "unknown-reference")
	}
	return nil
}

// IsActiveTx reports whether a user may own what somebody else hands over.
func (s *Service) IsActiveTx(ctx context.Context, tx pgx.Tx, tenant, user uuid.UUID) (bool, error) {
	u, err := s.q.GetUser(ctx, tx, tenant, user)
	return err == nil && u.Status == "active", err
}
