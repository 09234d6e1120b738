package events

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events/internal/eventsdb"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Consumer is the durable position of a reader.
type Consumer struct {
	eventsdb.EventConsumer
	Head int64
}

// Lag is how many events the reader has not confirmed.
func (c Consumer) Lag() int64 { return max(0, c.Head-c.Sequence) }

// Consumers lists at most limit positions after a name.
func (s *Service) Consumers(ctx context.Context, tenant uuid.UUID, after *string, limit int) ([]Consumer, error) {
	rows, err := s.q.ListConsumers(ctx, s.db.Tenant(tenant), tenant, after, int32(limit))
	if err != nil {
		return nil, err
	}
	head, err := s.head(ctx, s.db.Tenant(tenant), tenant)
	return web.Map(rows, func(c eventsdb.EventConsumer) Consumer { return Consumer{c, head} }), err
}

// Consumer returns one position.
func (s *Service) Consumer(ctx context.Context, tenant uuid.UUID, name string) (Consumer, error) {
	c, err := s.q.GetConsumer(ctx, s.db.Tenant(tenant), tenant, name)
	if err != nil {
		return Consumer{}, err
	}
	head, err := s.head(ctx, s.db.Tenant(tenant), tenant)
	return Consumer{c, head}, err
}

// MoveConsumer keeps a position, makes the consumer when there is none, and
// refuses to go back unless forced, or beyond the head.
func (s *Service) MoveConsumer(ctx context.Context, tenant uuid.UUID, name string, sequence int64, force bool, version *int64) (Consumer, error) {
	return pg.InTxValue(pg.Quiet(ctx), s.db, tenant, func(ctx context.Context, tx pgx.Tx) (Consumer, error) {
		head, err := s.head(ctx, tx, tenant)
		if err != nil {
			return Consumer{}, err
		}
		if f := beyond(sequence, head); f != nil {
			return Consumer{}, f.At("#/sequence", "too-big", "limit", head)
		}
		if version == nil {
			c, err := s.q.InsertConsumer(ctx, tx, tenant, name, sequence)
			if !pg.IsNoRows(err) {
				return Consumer{c, head}, err
			}
		}
		c, err := s.q.LockConsumer(ctx, tx, tenant, name)
		if err != nil {
			return Consumer{}, err
		}
		if c.Internal {
			return Consumer{}, fault.New(fault.Conflict, "consumer-reserved")
		}
		if err := web.CheckVersion(version, c.Version); err != nil {
			return Consumer{}, err
		}
		if sequence < c.Sequence && !force {
			return Consumer{}, fault.New(fault.Conflict, "position-behind").With("sequence", c.Sequence)
		}
		c, err = s.q.MoveConsumer(ctx, tx, sequence, tenant, name)
		return Consumer{c, head}, err
	})
}

// DeleteConsumer forgets a position of this version.
func (s *Service) DeleteConsumer(ctx context.Context, tenant uuid.UUID, name string, version *int64) error {
	if version == nil {
		return fault.New(fault.PreconditionRequired, "precondition-required").AtHeader("If-Match", "required")
	}
	return pg.InTx(pg.Quiet(ctx), s.db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		c, err := s.q.LockConsumer(ctx, tx, tenant, name)
		if err != nil {
			return err
		}
		if c.Internal {
			return fault.NotFound()
		}
		if err := web.CheckVersion(version, c.Version); err != nil {
			return err
		}
		return s.q.DeleteConsumer(ctx, tx, tenant, name)
	})
}

// Position is where a reader of ours stands; zero before its first step. Names
// of our readers begin with the name of their package and a dot.
func (s *Service) Position(ctx context.Context, tenant uuid.UUID, name string) (int64, error) {
	sequence, err := s.q.GetInternalPosition(ctx, s.db.Tenant(tenant), tenant, name)
	if pg.IsNoRows(err) {
		return 0, nil
	}
	return sequence, err
}

// AdvanceTx moves a reader of ours forward as part of the transaction that makes
// its work durable. It never goes back.
func (s *Service) AdvanceTx(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, name string, sequence int64) error {
	return s.q.AdvanceInternal(ctx, tx, tenant, name, sequence)
}

func (s *Service) head(ctx context.Context, db eventsdb.DBTX, tenant uuid.UUID) (int64, error) {
	head, err := s.q.GetHead(ctx, db, tenant)
	if pg.IsNoRows(err) {
		return 0, nil
	}
	return head.Sequence, err
}
