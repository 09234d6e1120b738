package sibil

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/sibil/internal/sibildb"
	"github.com/parvis-crm/parvis/internal/web"
)

const lookEvery = time.Hour

// Run tells of quarters that can be declared, for as long as ctx lasts.
func (s *Service) Run(ctx context.Context) error {
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	for {
		if err := s.NoteReady(ctx); err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "quarters to be declared could not be looked for", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// NoteReady tells of each institution that sends declarations, once, that its
// last quarter is over and nothing stands in the way.
func (s *Service) NoteReady(ctx context.Context) error {
	tenants, err := s.Tenants(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, tenant := range tenants {
		errs = append(errs, s.noteReady(web.WithActor(ctx, web.SystemActor(tenant, "sibil")), tenant))
	}
	return errors.Join(errs...)
}

func (s *Service) noteReady(ctx context.Context, tenant uuid.UUID) error {
	db := s.DB.Tenant(tenant)
	settings, err := s.settings(ctx, db, tenant)
	if err != nil || !settings.IsEnabled {
		return err
	}
	zone, err := s.q.InstitutionTimeZone(ctx, db, tenant)
	if err != nil {
		return err
	}
	q := QuarterOf(dayOf(s.Clock.Now(), location(zone))).Previous()
	if told, err := s.q.WasReady(ctx, db, tenant, q.String()); err != nil || told {
		return err
	}
	summary, err := s.summary(ctx, tenant, q)
	if err != nil || !summary.Ready() {
		return err
	}
	return pg.InTx(ctx, s.DB, tenant, func(ctx context.Context, tx pgx.Tx) error {
		row, err := s.q.InsertReady(ctx, tx, sibildb.InsertReadyParams{TenantID: tenant, ID: ids.New(), Quarter: q.String(), ReadyAt: s.Clock.Now()})
		if pg.IsNoRows(err) {
			return nil // another process told
		}
		if err != nil {
			return err
		}
		return events.RecordTx(ctx, tx, events.Entry{
			Type: "statutory.sibil.ready", Subject: events.Subject{Kind: "sibil_quarter", ID: row.ID, Version: 1},
			Facts: map[string]any{"quarter": q.String(), "due_before": q.DueBefore().Format(time.DateOnly), "declarations": summary.Declarations},
		})
	})
}
