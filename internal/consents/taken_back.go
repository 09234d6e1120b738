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

// Heard is what was recorded under a reference.
type Heard = consentsdb.ListHeardRow

// HeardTx lists what a source has said under these references, as part of tx.
func (s *Service) HeardTx(ctx context.Context, tx pgx.Tx, source string, references []string) ([]Heard, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	return s.q.ListHeard(ctx, tx, actor.Tenant, source, references)
}

// RestateTx is RecordTx for what a source hands on again and again. Where the
// answer was taken back in between, it counts from just after that.
func (s *Service) RestateTx(ctx context.Context, tx pgx.Tx, in Entry) error {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return err
	}
	in.When = in.When.UTC().Truncate(time.Microsecond)
	last, err := s.q.LatestByReference(ctx, tx, consentsdb.LatestByReferenceParams{TenantID: actor.Tenant, Source: in.Source, Reference: in.Reference,
		ContactID: in.Contact, Purpose: in.Purpose, Channel: in.Channel})
	if err != nil && !pg.IsNoRows(err) {
		return err
	}
	if err == nil && in.Action == Given && !in.When.After(last.OccurredAt) {
		switch last.Action {
		case Given:
			return nil
		case Withdrawn: // by TakeBackTx: a source says yes or no
			in.When = last.OccurredAt.Add(time.Microsecond)
		}
	}
	_, err = s.RecordTx(ctx, tx, in)
	return err
}

// TakeBackTx takes back, as part of tx, the consents that a source said a contact
// gave, under a reference that turned out to be of somebody else: nobody may be
// reached on a yes that is not theirs (GDPR art. 4 (11)). A yes that the person
// gave otherwise as well stays, and so does a no.
func (s *Service) TakeBackTx(ctx context.Context, tx pgx.Tx, contact uuid.UUID, source, reference, note string) error {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return err
	}
	given, err := s.q.ListGivenByReference(ctx, tx, consentsdb.ListGivenByReferenceParams{TenantID: actor.Tenant, Source: source, Reference: reference,
		ContactID: contact, Instant: s.clock.Now()})
	if err != nil {
		return err
	}
	for _, g := range given {
		if g.Own || !g.Held { // an address that is gone is reached by nobody
			continue
		}
		if _, err := s.RecordTx(ctx, tx, Entry{Contact: contact, Purpose: g.Purpose, Channel: g.Channel, Action: Withdrawn, ContactPoint: g.ContactPointID, PostalAddress: g.AddressID,
			Controller: g.Controller, When: g.OccurredAt, Zone: g.Zone, Source: source, Reference: reference, Mechanism: g.Mechanism, Evidence: Evidence{Note: note}}); err != nil {
			return err
		}
	}
	return nil
}
