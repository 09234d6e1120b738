package sensitive

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/sensitive/internal/sensitivedb"
	"github.com/parvis-crm/parvis/internal/vault"
	"github.com/parvis-crm/parvis/internal/web"
)

// MoveTx brings facts from one contact to another, as part of tx, and returns
// which: all of them, or those that are named. What is moved is sealed anew under
// the key of whom it is now about, so that it lives and dies with that key. A
// merge moves them to the survivor; taking the merge back moves the same ones
// back, and what was recorded since stays where it was recorded. No operation
// merges contacts yet: whatever does has to call this in its transaction.
func (s *Service) MoveTx(ctx context.Context, tx pgx.Tx, from, to uuid.UUID, only ...uuid.UUID) ([]uuid.UUID, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	tenant := actor.Tenant
	if only == nil {
		only = []uuid.UUID{}
	}
	rows, err := s.q.LockFactsOf(ctx, tx, tenant, from, only)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	facts, err := s.open(ctx, tx, tenant, from, rows)
	if err != nil {
		if _, keyErr := s.vault.KnownSubject(ctx, tx, tenant, from); errors.Is(keyErr, vault.ErrDestroyed) {
			return nil, nil // unreadable for ever: there is nothing to move
		}
		return nil, err
	}
	moved := make([]uuid.UUID, 0, len(facts))
	for i, f := range facts {
		sealed, lookup, err := s.seal(ctx, tx, tenant, to, f.ID, f.Content)
		if err != nil {
			return nil, err
		}
		after, err := s.q.MoveFact(ctx, tx, sensitivedb.MoveFactParams{TenantID: tenant, ID: f.ID, ContactID: to, Sealed: sealed, Lookup: lookup, Now: s.clock.Now()})
		if err != nil {
			return nil, err
		}
		changes, err := events.Diff(visible(&rows[i]), visible(&after))
		if err != nil {
			return nil, err
		}
		changes = append(changes, events.Change{Pointer: "/contact_id", Before: from, After: to})
		if err := events.RecordTx(ctx, tx, events.Entry{
			Type: "sensitive_fact.updated", Subject: events.Subject{Kind: "sensitive_fact", ID: f.ID, Version: after.Version}, Changes: changes,
			Facts: map[string]any{"contact_id": to.String(), "previous_contact_id": from.String()},
		}); err != nil {
			return nil, err
		}
		moved = append(moved, f.ID)
	}
	return moved, nil
}

// forget removes what could still tell something after the person's key is gone:
// entries of the blind index, and what the log has of facts from when they were
// under another person's key.
func (s *Service) forget(ctx context.Context, tx pgx.Tx, tenant, person uuid.UUID) error {
	moved, err := s.q.ListOnceMoved(ctx, tx, tenant, person)
	if err != nil {
		return err
	}
	if _, err := events.EraseChangesOfTx(ctx, tx, tenant, moved); err != nil {
		return err
	}
	return s.q.ForgetLookups(ctx, tx, tenant, person)
}
