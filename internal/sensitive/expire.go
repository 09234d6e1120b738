package sensitive

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	expireEvery = time.Hour
	// expiredAtOnce is how many facts one transaction removes.
	expiredAtOnce = 200
)

// Run removes what has lapsed, hourly, until the context ends. Several processes
// may do it beside each other.
func (s *Service) Run(ctx context.Context, log *slog.Logger) error {
	for {
		if err := s.expireAll(ctx); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "sensitive facts that have lapsed could not be removed; will try again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(expireEvery):
		}
	}
}

func (s *Service) expireAll(ctx context.Context) error {
	rows, err := s.db.Unscoped().Query(ctx, "select active_tenants()")
	if err != nil {
		return err
	}
	tenants, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return err
	}
	var failed []error
	for _, tenant := range tenants {
		_, err := s.Expire(ctx, tenant)
		failed = append(failed, err) // what fails for one holds up no other
	}
	return errors.Join(failed...)
}

// Expire removes an institution's facts whose last day is over (GDPR art. 5 (1)
// (e)), from the log too, and returns how many.
func (s *Service) Expire(ctx context.Context, tenant uuid.UUID) (int, error) {
	ctx = web.WithActor(ctx, web.SystemActor(tenant, "sensitive-facts"))
	removed := 0
	for ctx.Err() == nil {
		n, err := pg.InTxValue(ctx, s.db, tenant, func(ctx context.Context, tx pgx.Tx) (int, error) {
			rows, err := s.q.LockExpired(ctx, tx, tenant, s.clock.Now(), expiredAtOnce)
			if err != nil {
				return 0, err
			}
			gone := make([]uuid.UUID, 0, len(rows))
			for _, row := range rows {
				if err := s.q.DeleteFact(ctx, tx, tenant, row.ID); err != nil {
					return 0, err
				}
				if err := events.RecordTx(ctx, tx, events.Entry{
					Type: "sensitive_fact.removed", Subject: events.Subject{Kind: "sensitive_fact", ID: row.ID, Version: row.Version + 1},
					Facts: map[string]any{"contact_id": row.ContactID.String(), "reason": "expired"},
				}); err != nil {
					return 0, err
				}
				gone = append(gone, row.ID)
			}
			_, err = events.EraseChangesOfTx(ctx, tx, tenant, gone)
			return len(gone), err
		})
		if removed += n; err != nil || n < expiredAtOnce {
			return removed, err
		}
	}
	return removed, ctx.Err()
}
