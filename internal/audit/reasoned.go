package audit

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

const insertReasoned = `
insert into access_log (tenant_id, id, occurred_at, actor_kind, actor_id, operation, request_id, subjects, reason)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

// RecordReadTx notes a reading with its reason in the transaction that reads:
// what cannot be noted is not answered. The actor comes from the context.
func RecordReadTx(ctx context.Context, tx pgx.Tx, operation, reason string, subjects ...uuid.UUID) error {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return err
	}
	if subjects == nil {
		subjects = []uuid.UUID{}
	}
	mark, err := sharedMark(ctx, tx, actor.Tenant)
	if err != nil {
		return err
	}
	id, now := ids.New(), clock.System{}.Now()
	if _, err := tx.Exec(ctx, insertReasoned, actor.Tenant, id, now, string(actor.Kind), actor.ID, operation, web.RequestID(ctx), subjects, reason); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, leaveUnsealed, actor.Tenant, id); err != nil {
		return err
	}
	var late fold
	for _, subject := range subjects {
		if now.UnixMicro() <= mark {
			late.add(subject[:], now.UnixMicro(), id[:])
		}
	}
	return late.write(ctx, tx, actor.Tenant)
}

// sharedMark is how far reads have been folded into the index, which goes no
// further until tx ends.
func sharedMark(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (mark int64, err error) {
	err = tx.QueryRow(ctx, shareMark, tenant).Scan(&mark)
	if pg.IsNoRows(err) {
		if _, err = tx.Exec(ctx, makeMark, tenant); err == nil {
			err = tx.QueryRow(ctx, shareMark, tenant).Scan(&mark)
		}
	}
	return mark, err
}
