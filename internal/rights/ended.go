package rights

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/rights/internal/rightsdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// NoteEnds tells the log which assignments ended by themselves. They ended at
// their instant, whenever this runs.
func (s *Service) NoteEnds(ctx context.Context) error {
	tenants, err := s.access.TenantIDs(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, tenant := range tenants {
		errs = append(errs, s.noteEnds(web.WithActor(ctx, web.SystemActor(tenant, "rights")), tenant))
	}
	return errors.Join(errs...)
}

func (s *Service) noteEnds(ctx context.Context, tenant uuid.UUID) error {
	const atOnce = 200
	now := s.clock.Now()
	for more := true; more; {
		err := pg.InTx(ctx, s.db, tenant, func(ctx context.Context, tx pgx.Tx) error {
			rows, err := s.q.EndedAssignments(ctx, tx, rightsdb.EndedAssignmentsParams{
				TenantID: tenant, Now: &now, Lapsed: now.Add(-access.ReviewGrace), PageSize: atOnce,
			})
			if err != nil {
				return err
			}
			more = len(rows) == atOnce
			noted := make([]uuid.UUID, 0, len(rows))
			for _, a := range rows {
				event := "role_assignment.expired"
				if a.ExpiresAt == nil || a.ExpiresAt.After(now) {
					event = "role_assignment.lapsed"
				}
				if err := record(ctx, tx, event, a, Role{}, nil); err != nil {
					return err
				}
				noted = append(noted, a.ID)
			}
			return s.q.NoteEnd(ctx, tx, &now, tenant, noted)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Run notes ends for as long as ctx lasts. What fails is tried again.
func (s *Service) Run(ctx context.Context) error {
	t := time.NewTicker(time.Minute)
	defer t.Stop()
	for {
		if err := s.NoteEnds(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "ended role assignments could not be noted", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}
