package indicators

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/indicators/internal/indicatorsdb"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

const atOnce = 200

// Run counts anew whoever was noted, in every institution, until the context
// ends. Any number of processes may run it.
func (s *Service) Run(ctx context.Context) error {
	timer := time.NewTicker(s.every)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		rows, err := s.db.Unscoped().Query(ctx, "select tenants_with_indicator_work($1)", s.clock.Now())
		var tenants []uuid.UUID
		if err == nil {
			tenants, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		}
		// Where many wait, such as after a file of orders, the next are counted at
		// once; the institutions take turns.
		for len(tenants) > 0 && ctx.Err() == nil {
			tenants = slices.DeleteFunc(tenants, func(tenant uuid.UUID) bool {
				taken, errKept := s.Keep(ctx, tenant)
				if errKept != nil {
					err = errKept
				}
				return errKept != nil || taken < atOnce
			})
		}
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "indicators: will try again", "error", err)
		}
	}
}

// Keep counts anew some of those who were noted, and reports how many notes it
// took. It does nothing while another process is at it.
func (s *Service) Keep(ctx context.Context, tenant uuid.UUID) (int, error) {
	taken := 0
	ctx = web.WithActor(pg.Quiet(ctx), web.SystemActor(tenant, "indicators"))
	err := pg.InTx(ctx, s.db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		alone, err := pg.TryLock(ctx, tx, "indicators "+tenant.String())
		if err != nil || !alone {
			return err
		}
		noted, err := s.q.TakeNotes(ctx, tx, tenant, atOnce)
		if err != nil {
			return err
		}
		now := s.clock.Now()
		stale, err := s.q.FindStale(ctx, tx, tenant, now, atOnce)
		if err != nil {
			return err
		}
		taken = len(noted) + len(stale)
		return s.keep(ctx, tx, tenant, append(noted, stale...), now)
	})
	return taken, err
}

// keep counts contacts anew. The notes were taken before: whatever is written
// meanwhile is noted again.
func (s *Service) keep(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, named []uuid.UUID, now time.Time) error {
	if len(named) == 0 {
		return nil
	}
	slices.SortFunc(named, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	named = slices.Compact(named)
	persons, err := s.personsOf(ctx, tx, tenant, named)
	if err != nil {
		return err
	}
	var gone []uuid.UUID
	for _, id := range named {
		if persons[id] == nil {
			gone = append(gone, id)
		}
	}
	for survivor, all := range persons {
		f, err := s.factsOf(ctx, tx, tenant, all)
		if err != nil {
			return err
		}
		if len(f.orders)+len(f.tickets) == 0 {
			gone = append(gone, survivor)
			continue
		}
		figures, next := f.figures(now)
		raw, err := json.Marshal(figures)
		if err != nil {
			return err
		}
		err = s.q.KeepFigures(ctx, tx, indicatorsdb.KeepFiguresParams{
			TenantID: tenant, ContactID: survivor, Figures: raw, Orders: figures.Orders, OrdersLastYear: figures.OrdersLastYear, Tickets: figures.Tickets,
			Visits: figures.Visits, MissedVisits: figures.Missed, Subscriptions: figures.Subscriptions,
			LastOrderAt: figures.LastOrderAt, FirstVisitAt: figures.FirstVisitAt, LastVisitAt: figures.LastVisitAt, CountedAt: now, StaleAt: next,
		})
		if err != nil {
			return err
		}
		if err := s.keepNets(ctx, tx, tenant, survivor, figures); err != nil {
			return err
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return s.q.DropFigures(ctx, tx, tenant, gone)
}

// keepNets keeps the amounts, one row a currency.
func (s *Service) keepNets(ctx context.Context, tx pgx.Tx, tenant, contact uuid.UUID, f Figures) error {
	p := indicatorsdb.KeepNetsParams{TenantID: tenant, ContactID: contact, Currencies: []string{}}
	for _, currency := range currencies(f.Net, f.NetLastYear) {
		p.Currencies, p.Nets, p.LastYear = append(p.Currencies, currency), append(p.Nets, f.Net[currency]), append(p.LastYear, f.NetLastYear[currency])
	}
	if err := s.q.DropOtherNets(ctx, tx, tenant, contact, p.Currencies); err != nil || len(p.Currencies) == 0 {
		return err
	}
	return s.q.KeepNets(ctx, tx, p)
}

// Recount starts the operation that counts everybody anew.
func (s *Service) Recount(ctx context.Context) (operations.Operation, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return operations.Operation{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (operations.Operation, error) {
		return s.operations.StartTx(ctx, tx, operations.Start{Kind: recountKind, Unit: "contacts", Parameters: map[string]any{}})
	})
}

// recount notes everybody and works until nobody is left. Taken up again, it
// notes everybody again, which harms nothing.
func (s *Service) recount(ctx context.Context, run *operations.Run) (any, error) {
	tenant := run.Tenant()
	var total int64
	err := pg.InTx(ctx, s.db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		n, err := s.q.NoteEverybody(ctx, tx, tenant)
		total = n
		return err
	})
	if err != nil {
		return nil, err
	}
	for {
		left, err := s.q.CountNotes(ctx, s.db.Tenant(tenant), tenant)
		if err != nil {
			return nil, err
		}
		if err := run.Progress(ctx, max(total-left, 0), &total); err != nil {
			return nil, err
		}
		if left == 0 {
			return map[string]any{"contacts": total}, nil
		}
		taken, err := s.Keep(ctx, tenant)
		if err != nil {
			return nil, err
		}
		if taken > 0 {
			continue
		}
		select { // the worker is at it
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}
