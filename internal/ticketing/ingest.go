package ticketing

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// What became of a record.
const (
	Created   = "created"
	Updated   = "updated"
	Applied   = "applied" // a deletion that took effect
	Unchanged = "unchanged"
	Stale     = "ignored_stale"
	Forgotten = "ignored_anonymized" // of somebody who was forgotten
	Failed    = "failed"
)

// Match is why an order or an account belongs to a contact.
type Match struct {
	Rule         string
	Confidence   float64 // 0 to 1
	InputsDigest *string // SHA-256 of what was compared, in hexadecimal
}

// Outcome is what became of one record. Problem is set when it failed.
type Outcome struct {
	Status    string
	ID        *uuid.UUID
	ContactID *uuid.UUID
	Match     *Match
	Problem   error
	Warnings  []Warning
	forgotten string // what became of the contact, of an anonymisation
}

// Receive takes records of one source. Each stands or falls by itself; the
// error is for what concerns all of them. Outcomes are in the order of inputs.
func (s *Service) Receive(ctx context.Context, reference string, inputs []Input) ([]Outcome, error) {
	return s.receive(ctx, reference, inputs, nil)
}

// receive is Receive with something to do in the same transaction, once it is
// known what became of the records; its error undoes all of it.
func (s *Service) receive(ctx context.Context, reference string, inputs []Input, also func(context.Context, pgx.Tx, []Outcome) error) ([]Outcome, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	source, err := s.GetSource(ctx, reference)
	if err != nil {
		return nil, err
	}
	if source.Status == "paused" {
		f := fault.New(fault.Conflict, "ticketing-source-paused").With("code", source.Code)
		return nil, f
	}
	now := s.clock.Now()
	messages, outcomes, err := s.understandAll(inputs, source, now)
	if err != nil {
		return nil, err
	}
	err = pg.InTx(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		// Buyers are matched against all contacts; the sender learns of those it sees.
		err := pg.AsEverything(ctx, tx, func(ctx context.Context) error {
			if err := s.lock(ctx, tx, source, messages); err != nil {
				return err
			}
			// What its codes mean may have changed until the lock was had.
			if source, err = s.q.GetSource(ctx, tx, source.TenantID, source.ID.String()); err != nil {
				return err
			}
			if err := s.receiveTx(ctx, tx, source, now, messages, outcomes); err != nil {
				return err
			}
			return s.q.NoteReceived(ctx, tx, ticketingdb.NoteReceivedParams{
				TenantID: source.TenantID, ID: source.ID, Before: now.Add(-10 * time.Second), ReceivedAt: now,
			})
		})
		if err != nil {
			return err
		}
		for i, m := range messages {
			if m != nil {
				outcomes[i].Warnings = m.warnings
			}
		}
		if also != nil {
			return also(ctx, tx, outcomes)
		}
		return nil
	})
	if err != nil {
		return outcomes, err
	}
	return outcomes, s.limitToSight(ctx, source.TenantID, outcomes)
}

// understandAll reads records, each by itself. What cannot be read has failed and
// is no message.
func (s *Service) understandAll(inputs []Input, source Source, now time.Time) ([]*message, []Outcome, error) {
	messages, outcomes := make([]*message, len(inputs)), make([]Outcome, len(inputs))
	for i, in := range inputs {
		m, err := s.understand(in, source, now)
		if err != nil {
			if _, isFault := fault.As(err); !isFault {
				return nil, nil, err
			}
			outcomes[i] = Outcome{Status: Failed, Problem: err}
			continue
		}
		messages[i] = m
	}
	return messages, outcomes, nil
}

// limitToSight takes contacts that the sender does not see out of its answer.
func (s *Service) limitToSight(ctx context.Context, tenant uuid.UUID, outcomes []Outcome) error {
	if pg.SightIn(ctx).All() {
		return nil
	}
	var named []uuid.UUID
	for _, o := range outcomes {
		if o.ContactID != nil {
			named = append(named, *o.ContactID)
		}
	}
	if len(named) == 0 {
		return nil
	}
	look, err := pg.LookAt(ctx, s.db.Tenant(tenant), tenant, named)
	if err != nil {
		return err
	}
	for i, o := range outcomes {
		if !look.Sees(o.ContactID) {
			outcomes[i].ContactID, outcomes[i].Match = nil, nil
		}
	}
	return nil
}

// ReceiveOne takes one record, whose failure is the error.
func (s *Service) ReceiveOne(ctx context.Context, reference string, in Input) (Outcome, error) {
	outcomes, err := s.Receive(ctx, reference, []Input{in})
	if err != nil {
		return Outcome{}, err
	}
	return outcomes[0], outcomes[0].Problem
}

// receiveTx takes all records together, which is fast, and one by one only
// when something in the whole fails, to find out what.
func (s *Service) receiveTx(ctx context.Context, tx pgx.Tx, source Source, now time.Time, messages []*message, outcomes []Outcome) error {
	together := func(ctx context.Context, tx pgx.Tx) error {
		return s.apply(ctx, tx, source, now, messages, outcomes)
	}
	err := pg.InSavepoint(ctx, tx, together)
	if err == nil || hopeless(ctx, err) {
		return err
	}
	for i, m := range messages {
		if m == nil {
			continue
		}
		alone := make([]*message, len(messages))
		alone[i] = m
		outcomes[i] = Outcome{}
		err := pg.InSavepoint(ctx, tx, func(ctx context.Context, tx pgx.Tx) error {
			return s.apply(ctx, tx, source, now, alone, outcomes)
		})
		if err == nil {
			continue
		}
		err = pg.Translate(err)
		if _, isFault := fault.As(err); !isFault || hopeless(ctx, err) {
			return err
		}
		outcomes[i] = Outcome{Status: Failed, Problem: err}
	}
	return nil
}

// hopeless errors concern the connection or the transaction, not a record.
func hopeless(ctx context.Context, err error) bool {
	if ctx.Err() != nil || pg.Unreachable(err) || errors.Is(err, context.Canceled) {
		return true
	}
	f, ok := fault.As(pg.Translate(err))
	return ok && (f.Kind == fault.Unavailable || f.Kind == fault.Unauthenticated)
}

// apply brings the state up to date with the messages and records what changed.
func (s *Service) apply(ctx context.Context, tx pgx.Tx, source Source, now time.Time, messages []*message, outcomes []Outcome) error {
	u := newUnit(s, tx, source, now)
	if err := u.load(ctx, messages); err != nil {
		return err
	}
	for i, m := range messages {
		if m != nil {
			u.take(m, &outcomes[i])
		}
	}
	return u.conclude(ctx, messages, outcomes)
}

// conclude derives what follows from what was taken, writes it and tells it.
func (u *unit) conclude(ctx context.Context, messages []*message, outcomes []Outcome) error {
	u.settleTickets()
	u.settleMoney()
	u.settleGiftCards()
	if err := u.attribute(ctx); err != nil {
		return err
	}
	if err := u.attributeHolders(ctx); err != nil {
		return err
	}
	if err := u.applyPolicies(ctx); err != nil {
		return err
	}
	u.settleVersions()
	u.settleOutcomes(messages, outcomes)
	if err := u.flush(ctx); err != nil {
		return err
	}
	if err := u.flushReferences(ctx); err != nil {
		return err
	}
	if err := u.settleBelongings(ctx); err != nil {
		return err
	}
	if err := u.settleAttendance(ctx); err != nil {
		return err
	}
	if err := u.recordChanges(ctx); err != nil {
		return err
	}
	if err := u.forgetContacts(ctx); err != nil {
		return err
	}
	if err := u.ask(ctx); err != nil {
		return err
	}
	if err := u.noteAwaited(ctx); err != nil {
		return err
	}
	for i, m := range messages {
		if m != nil {
			u.complete(m, &outcomes[i])
		}
	}
	if err := u.tellMemberships(ctx); err != nil {
		return err
	}
	return u.passConsents(ctx)
}

// settleOutcomes calls unchanged what says the same in other words, such as an
// instant in another zone: no version is made of it and no event tells it.
func (u *unit) settleOutcomes(messages []*message, outcomes []Outcome) {
	for i, m := range messages {
		if m != nil && outcomes[i].Status == Updated && !u.altered(m.kind, *outcomes[i].ID) {
			outcomes[i].Status = Unchanged
		}
	}
}

// altered reports whether a record is not what it was, once versions are settled.
func (u *unit) altered(kind string, id uuid.UUID) bool {
	switch kind {
	case kindOrder:
		return u.orders[id].changed
	case kindProduction:
		return u.productions[id].dirty
	case kindPerformance:
		return u.performances[id].dirty
	case kindPriceType:
		return u.priceTypes[id].dirty
	case kindCustomer:
		return u.customers[id].dirty
	}
	return u.kinds.on(kind).altered(id)
}

// Lookup finds a record by its name at the source.
func (s *Service) Lookup(ctx context.Context, reference, kind, externalID string) (Record, error) {
	source, err := s.GetSource(ctx, reference)
	if err != nil {
		return Record{}, err
	}
	return s.q.GetRecord(ctx, s.db.Tenant(source.TenantID), ticketingdb.GetRecordParams{
		TenantID: source.TenantID, SourceID: source.ID, Kind: kind, ExternalID: externalID,
	})
}
