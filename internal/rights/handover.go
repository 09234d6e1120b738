package rights

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Owned is what users look after, as its own domain changes it.
type Owned interface {
	CountOwnedTx(ctx context.Context, tx pgx.Tx, owner uuid.UUID) (int64, error)
	// HandOverTx gives at most limit of what one user owns to another, with an
	// event for each that carries the facts, and returns how many there were.
	HandOverTx(ctx context.Context, tx pgx.Tx, from, to uuid.UUID, limit int, facts map[string]any) (int, error)
}

const (
	handOverKind = "user_reassignment"
	// handOverBatch is how many contacts move in one transaction.
	handOverBatch = 200
)

type handOver struct {
	From uuid.UUID `json:"from"`
	To   uuid.UUID `json:"to"`
}

// handedOver is the result of the operation.
type handedOver struct {
	From     uuid.UUID `json:"from"`
	To       uuid.UUID `json:"to"`
	Contacts int64     `json:"contacts"`
}

// SetOwned is called once at wiring time.
func (s *Service) SetOwned(owned Owned, work *operations.Service) {
	s.owned, s.work = owned, work
	work.Register(handOverKind, s.handOver)
	s.access.SetSuccession(func(ctx context.Context, tx pgx.Tx, from, to uuid.UUID) (uuid.UUID, error) {
		o, err := s.handOverTx(ctx, tx, from, to, "#/reassign_to")
		return o.ID, err
	})
	s.access.SetLeaving(s.tellOfLeaving)
}

// HandOver begins to give another user what one owns.
func (s *Service) HandOver(ctx context.Context, from, to uuid.UUID) (operations.Operation, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return operations.Operation{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (operations.Operation, error) {
		return s.handOverTx(ctx, tx, from, to, "#/to")
	})
}

func (s *Service) handOverTx(ctx context.Context, tx pgx.Tx, from, to uuid.UUID, pointer string) (operations.Operation, error) {
	if err := s.access.CheckSuccessionTx(ctx, tx, from, to, pointer); err != nil {
		return operations.Operation{}, err
	}
	return s.work.StartTx(ctx, tx, operations.Start{Kind: handOverKind, Unit: "contacts", Parameters: handOver{from, to}})
}

// handOver moves batch after batch. What has moved is no longer the former
// owner's, so work that is taken up again goes on from there; the count is
// written with each batch.
func (s *Service) handOver(ctx context.Context, run *operations.Run) (any, error) {
	var in handOver
	if err := run.Parameters(&in); err != nil {
		return nil, err
	}
	done := run.Operation.ProgressDone
	facts := map[string]any{"reassignment_id": run.Operation.ID}
	for {
		moved := 0
		err := pg.InTx(ctx, s.db, run.Tenant(), func(ctx context.Context, tx pgx.Tx) error {
			active, err := s.access.IsActiveTx(ctx, tx, run.Tenant(), in.To)
			if err != nil {
				return err
			}
			if !active {
				return fault.New(fault.Conflict, "heir-inactive")
			}
			left, err := s.owned.CountOwnedTx(ctx, tx, in.From)
			if err != nil {
				return err
			}
			if moved, err = s.owned.HandOverTx(ctx, tx, in.From, in.To, handOverBatch, facts); err != nil {
				return err
			}
			total := done + max(left, int64(moved))
			return run.ProgressTx(ctx, tx, done+int64(moved), &total)
		})
		if err != nil {
			return nil, err
		}
		done += int64(moved)
		if moved < handOverBatch {
			break
		}
	}
	run.Announce("user.reassigned", map[string]any{"from": in.From, "to": in.To, "contacts": done})
	return handedOver{in.From, in.To, done}, nil
}
