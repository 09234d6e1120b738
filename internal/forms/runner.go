package forms

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	applyEvery = 300 * time.Millisecond
	// unconfirmed is how long the data of a submission that nobody confirms is kept.
	unconfirmed = 7 * 24 * time.Hour
)

// Run applies submissions that need no confirmation, so that answering a
// visitor takes as long whether or not the register knows the address, and
// empties those that nobody confirmed. It works until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	for {
		if err := s.once(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "submissions will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(applyEvery):
		}
	}
}

func (s *Service) once(ctx context.Context) error {
	before := s.clock.Now().Add(-unconfirmed)
	rows, err := s.db.Unscoped().Query(ctx, "select tenants_with_due_submissions($1)", before)
	if err != nil {
		return err
	}
	tenants, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return err
	}
	for _, tenant := range tenants {
		due, err := s.q.SubmissionsToApply(ctx, s.db.Tenant(tenant), tenant)
		if err != nil {
			return err
		}
		for _, id := range due {
			if _, err := s.settle(ctx, published{tenant: tenant}, id, false); err != nil {
				return err
			}
		}
		if err := s.expire(ctx, tenant, before); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) expire(ctx context.Context, tenant uuid.UUID, before time.Time) error {
	ctx = web.WithActor(ctx, web.SystemActor(tenant, "forms"))
	return pg.InTx(ctx, s.db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		expired, err := s.q.ExpireSubmissions(ctx, tx, tenant, before)
		if err != nil {
			return err
		}
		for _, sub := range expired {
			if err := recordSubmission(ctx, tx, "form_submission.expired", sub); err != nil {
				return err
			}
		}
		return s.q.DeleteNonces(ctx, tx, tenant, s.clock.Now().Add(-time.Hour))
	})
}
