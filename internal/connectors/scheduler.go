package connectors

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/connectors/internal/connectorsdb"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	// lookEvery is how often sources that are due are looked for.
	lookEvery = 250 * time.Millisecond
	// turnsAtOnce bounds how many sources one process reads at a time.
	turnsAtOnce = 8
	// watchEvery is how often sources that are behind are looked for.
	watchEvery = 15 * time.Second
)

// Run gives turns to the sources that are due until the context ends. Any
// number of processes may run it.
func (s *Service) Run(ctx context.Context) error {
	worker := ids.New()
	var turns sync.WaitGroup
	defer turns.Wait()
	places := make(chan struct{}, turnsAtOnce)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return nil
		case <-s.bell:
		case <-timer.C:
			timer.Reset(lookEvery)
		}
		s.giveTurns(ctx, worker, places, &turns)
	}
	return nil
}

type place struct{ tenant, source uuid.UUID }

func (s *Service) giveTurns(ctx context.Context, worker uuid.UUID, places chan struct{}, turns *sync.WaitGroup) {
	room := cap(places) - len(places)
	if room == 0 {
		return
	}
	rows, err := s.DB.Unscoped().Query(ctx, "select tenant_id, source_id from connectors_due($1)", room)
	if err != nil {
		s.complain(ctx, err)
		return
	}
	due, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p place, err error) { return p, row.Scan(&p.tenant, &p.source) })
	if err != nil {
		s.complain(ctx, err)
		return
	}
	by := map[uuid.UUID][]uuid.UUID{}
	for _, p := range due {
		by[p.tenant] = append(by[p.tenant], p.source)
	}
	for tenant, sources := range by {
		claimed, err := s.q.Claim(ctx, s.DB.Tenant(tenant), connectorsdb.ClaimParams{Worker: &worker, LeaseSeconds: s.o.Lease.Seconds(), TenantID: tenant, Ids: sources})
		if err != nil {
			s.complain(ctx, err)
			continue
		}
		for _, c := range claimed {
			places <- struct{}{}
			turns.Go(func() {
				defer func() { <-places }()
				s.take(ctx, worker, tenant, c.SourceID, c.Wakes)
			})
		}
	}
}

func (s *Service) complain(ctx context.Context, err error) {
	if ctx.Err() == nil {
		s.Log.WarnContext(ctx, "connectors: will try again", "error", err)
	}
}

// Watch tells of sources that are behind, and removes what has had its time,
// until the context ends.
func (s *Service) Watch(ctx context.Context) error {
	tidied := time.Time{}
	for {
		tenants, err := s.tenants(ctx)
		if err != nil {
			s.complain(ctx, err)
		}
		tidy := tidied.IsZero() || s.Clock.Now().Sub(tidied) >= time.Hour
		for _, tenant := range tenants {
			ctx := web.WithActor(ctx, web.SystemActor(tenant, "connector"))
			if err := s.tellLate(ctx, tenant); err != nil {
				s.complain(ctx, err)
			}
			if err := s.compareNightly(ctx, tenant); err != nil {
				s.complain(ctx, err)
			}
			if tidy {
				if err := s.Tidy(ctx, tenant); err != nil {
					s.complain(ctx, err)
				}
			}
		}
		if tidy && err == nil {
			tidied = s.Clock.Now()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(watchEvery):
		}
	}
}

func (s *Service) tenants(ctx context.Context) ([]uuid.UUID, error) {
	rows, err := s.DB.Unscoped().Query(ctx, "select tenants_with_connectors()")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// Tidy removes of an institution what has had its time: calls of vendors after
// thirty days, their names after seven, settled letters and commands after ninety.
func (s *Service) Tidy(ctx context.Context, tenant uuid.UUID) error {
	db, now := s.DB.Tenant(tenant), s.Clock.Now()
	if _, err := s.q.PurgeMessages(ctx, db, tenant, now.Add(-keepMessages)); err != nil {
		return err
	}
	if _, err := s.q.PurgeDeliveries(ctx, db, tenant, now.Add(-keepDeliveries)); err != nil {
		return err
	}
	if _, err := s.q.PurgeCommands(ctx, db, tenant, now.Add(-keepDeadLetters)); err != nil {
		return err
	}
	_, err := s.q.PurgeDeadLetters(ctx, db, tenant, now.Add(-keepDeadLetters))
	return err
}

// TellLate looks for sources of an institution that are behind, and tells it
// once for each.
func (s *Service) TellLate(ctx context.Context, tenant uuid.UUID) error {
	return s.tellLate(web.WithActor(ctx, web.SystemActor(tenant, "connector")), tenant)
}

func (s *Service) tellLate(ctx context.Context, tenant uuid.UUID) error {
	for _, c := range s.Known() {
		d := c.Describe()
		if len(d.Streams) == 0 {
			continue
		}
		main := d.Streams[0]
		before := s.Clock.Now().Add(-max(s.o.LagAfter, 3*main.Every))
		late, err := s.q.ListLate(ctx, s.DB.Tenant(tenant), connectorsdb.ListLateParams{TenantID: tenant, Connector: d.Name, Stream: main.Name, Before: &before})
		if err != nil {
			return err
		}
		for _, l := range late {
			err := pg.InTx(ctx, s.DB, tenant, func(ctx context.Context, tx pgx.Tx) error {
				n, err := s.q.SetLagging(ctx, tx, s.Clock.Now(), tenant, l.SourceID)
				if err != nil || n == 0 {
					return err
				}
				return s.tell(ctx, tx, tenant, l.SourceID, "ticketing.source.lagging", map[string]any{"read_at": l.ReadAt})
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// failing tells once that a source cannot be read.
func (t *turn) failing(ctx context.Context, reason string) error {
	return pg.InTx(ctx, t.s.DB, t.row.TenantID, func(ctx context.Context, tx pgx.Tx) error {
		n, err := t.s.q.SetFailing(ctx, tx, t.row.TenantID, t.row.SourceID)
		if err != nil || n == 0 {
			return err
		}
		return t.s.tell(ctx, tx, t.row.TenantID, t.row.SourceID, "ticketing.source.failing", map[string]any{"reason": reason})
	})
}

// recovered tells once that a source is well again. A turn in which the main
// stream was not due says nothing of lag.
func (t *turn) recovered(ctx context.Context) error {
	streams, err := t.s.q.ListStreams(ctx, t.db, t.row.TenantID, t.row.SourceID)
	if err != nil {
		return err
	}
	behind := len(t.d.Streams) > 0 && slices.ContainsFunc(streams, func(r connectorsdb.ConnectorStream) bool {
		return r.Stream == t.d.Streams[0].Name && (r.ReadAt == nil || t.s.Clock.Now().Sub(*r.ReadAt) > max(t.s.o.LagAfter, 3*t.d.Streams[0].Every))
	})
	if behind {
		return nil
	}
	return pg.InTx(ctx, t.s.DB, t.row.TenantID, func(ctx context.Context, tx pgx.Tx) error {
		n, err := t.s.q.SetWell(ctx, tx, t.row.TenantID, t.row.SourceID)
		if err != nil || n == 0 {
			return err
		}
		return t.s.tell(ctx, tx, t.row.TenantID, t.row.SourceID, "ticketing.source.recovered", nil)
	})
}

func (s *Service) tell(ctx context.Context, tx pgx.Tx, tenant, sourceID uuid.UUID, kind string, facts map[string]any) error {
	src, err := s.q.FindSource(ctx, tx, tenant, sourceID.String())
	if err != nil {
		return err
	}
	all := map[string]any{"code": src.Code}
	maps.Copy(all, facts)
	return events.RecordTx(ctx, tx, events.Entry{Type: kind, Subject: events.Subject{Kind: "ticketing_source", ID: src.ID, Version: src.Version}, Facts: all, Source: "ticketing:" + src.Code})
}
