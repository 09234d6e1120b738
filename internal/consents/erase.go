package consents

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/web"
)

// EraseTx leaves of the answers of erased contacts that they were given, when,
// for which purpose and by which channel, under the contacts' identifiers. What
// was typed, shown, reached and referred to goes, and with it the proof. The
// register marks the contacts as erased before; it returns how many entries were
// emptied.
func (s *Service) EraseTx(ctx context.Context, tx pgx.Tx, contacts []uuid.UUID) (int64, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return 0, err
	}
	n, err := s.q.EraseConsents(ctx, tx, actor.Tenant, contacts)
	if err != nil {
		return 0, err
	}
	return n, s.q.KeepBases(ctx, tx, actor.Tenant, contacts)
}

// OpposeTx enters in the ledger that an address or number is not to be used: it
// was somebody's who was erased at an instant (GDPR art. 21(3)). It counts as
// said then, so that what an import tells of before changes nothing, and a consent
// that the person gives afterwards does.
func (s *Service) OpposeTx(ctx context.Context, tx pgx.Tx, contact, point uuid.UUID, kind string, since time.Time) error {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return err
	}
	codes, err := s.q.PurposesToOppose(ctx, tx, actor.Tenant)
	if err != nil {
		return err
	}
	channels := []string{Email}
	if kind != "email" {
		channels = []string{SMS, Phone}
	}
	for _, code := range codes {
		for _, channel := range channels {
			if _, err := s.RecordTx(ctx, tx, Entry{
				Contact: contact, Purpose: code, Channel: channel, Action: Refused, ContactPoint: &point, When: since,
				Source: "opposition", Reference: point.String(), Mechanism: "other",
			}); err != nil {
				return err
			}
		}
	}
	return nil
}
