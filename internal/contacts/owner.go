package contacts

import (
	"context"
	"maps"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/web"
)

// CountOwnedTx counts the contacts that a user looks after.
func (s *Service) CountOwnedTx(ctx context.Context, tx pgx.Tx, owner uuid.UUID) (int64, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return 0, err
	}
	return s.q.CountContactsOfOwner(ctx, tx, actor.Tenant, owner)
}

// HandOverTx gives at most limit contacts of one user to another, with an event
// for each, and returns how many there were.
func (s *Service) HandOverTx(ctx context.Context, tx pgx.Tx, from, to uuid.UUID, limit int, facts map[string]any) (int, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return 0, err
	}
	owned, err := s.q.ListOwnedContacts(ctx, tx, actor.Tenant, from, int32(limit))
	if err != nil || len(owned) == 0 {
		return 0, err
	}
	before := make(map[uuid.UUID]Contact, len(owned))
	ids := make([]uuid.UUID, 0, len(owned))
	for _, c := range owned {
		before[c.ID] = c
		ids = append(ids, c.ID)
	}
	moved, err := s.q.SetContactOwner(ctx, tx, to, actor.Tenant, ids)
	if err != nil {
		return 0, err
	}
	entries := make([]events.Entry, 0, len(moved))
	for _, after := range moved {
		old := before[after.ID]
		entry, err := contactEntry("contact.updated", &old, after)
		if err != nil {
			return 0, err
		}
		maps.Copy(entry.Facts, facts)
		entries = append(entries, entry)
	}
	return len(moved), events.RecordTx(ctx, tx, entries...)
}
