package operations

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/rivertype"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/pg"
)

// looks is how often abandoned operations are looked for in the time of a lease.
const looks = 4

// Run looks after operations whose worker is gone, until the context ends.
func (s *Service) Run(ctx context.Context, log *slog.Logger) error {
	t := time.NewTicker(s.lease / looks)
	defer t.Stop()
	for {
		if n, err := s.Revive(ctx); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "abandoned operations could not be looked for", "error", err)
		} else if n > 0 {
			log.InfoContext(ctx, "operations whose worker had gone were queued again", "operations", n)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// Revive queues again what a worker began and left without a word: its process
// was killed, or its machine. The queue holds such a job for running for ever.
func (s *Service) Revive(ctx context.Context) (int, error) {
	rows, err := s.jobs.RunningSince(ctx, jobKind, clock.System{}.Now().Add(-s.lease))
	if err != nil {
		return 0, err
	}
	revived := 0
	for _, row := range rows {
		again, err := s.revive(ctx, row)
		if err != nil {
			return revived, err
		}
		if again {
			revived++
		}
	}
	return revived, nil
}

func (s *Service) revive(ctx context.Context, row *rivertype.JobRow) (bool, error) {
	var args Args
	if err := json.Unmarshal(row.EncodedArgs, &args); err != nil {
		return false, err
	}
	again := false
	err := pg.InTx(ctx, s.db, args.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		o, err := s.q.ReviveOperation(ctx, tx, args.Tenant, args.Operation, s.lease.Seconds())
		if pg.IsNoRows(err) {
			o, err = s.q.GetOperation(ctx, tx, args.Tenant, args.Operation)
			if err == nil && o.FinishedAt == nil {
				return nil // alive
			}
			if err != nil && !pg.IsNoRows(err) {
				return err
			}
			return s.jobs.CancelTx(ctx, tx, row.ID) // ended, and its worker before it could say so
		}
		if err != nil {
			return err
		}
		again = true
		if err := s.jobs.CancelTx(ctx, tx, row.ID); err != nil {
			return err
		}
		return s.jobs.InsertTx(ctx, tx, args, nil)
	})
	return again && err == nil, err
}
