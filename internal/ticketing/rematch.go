package ticketing

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	rematchEvery  = time.Second
	rematchAtOnce = 500
)

// Jobs is what of the queue is used.
type Jobs interface {
	InsertTx(ctx context.Context, tx pgx.Tx, args river.JobArgs, opts *river.InsertOpts) error
}

// SetJobs is called once at wiring time.
func (s *Service) SetJobs(j Jobs) { s.jobs = j }

// RematchArgs is the job of looking again at what a contact may have bought.
type RematchArgs struct {
	Tenant  uuid.UUID `json:"tenant"`
	Contact uuid.UUID `json:"contact"`
}

// Kind implements river.JobArgs.
func (RematchArgs) Kind() string { return "ticketing_rematch" }

// RematchWorker looks again after a contact changed.
type RematchWorker struct {
	river.WorkerDefaults[RematchArgs]
	service *Service
}

// NewRematchWorker makes the worker.
func NewRematchWorker(s *Service) *RematchWorker { return &RematchWorker{service: s} }

// Work implements river.Worker.
func (w *RematchWorker) Work(ctx context.Context, job *river.Job[RematchArgs]) error {
	return w.service.Rematch(web.WithActor(ctx, web.SystemActor(job.Args.Tenant, "matching")), job.Args.Contact)
}

// RunRematching turns what was noted of contacts into jobs until the context
// ends. Any number of processes may run it.
func (s *Service) RunRematching(ctx context.Context, log *slog.Logger) error {
	timer := time.NewTicker(rematchEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		rows, err := s.db.Unscoped().Query(ctx, "select tenants_with_rematches()")
		var tenants []uuid.UUID
		if err == nil {
			tenants, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		}
		for _, tenant := range tenants {
			if errQueued := s.queueRematches(web.WithActor(ctx, web.SystemActor(tenant, "matching")), tenant); errQueued != nil {
				err = errQueued
			}
		}
		if err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "matching: will look again", "error", err)
		}
	}
}

func (s *Service) queueRematches(ctx context.Context, tenant uuid.UUID) error {
	return pg.InTx(pg.Quiet(ctx), s.db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		alone, err := pg.TryLock(ctx, tx, "rematches "+tenant.String())
		if err != nil || !alone {
			return err
		}
		named, err := s.q.TakeRematches(ctx, tx, tenant, rematchAtOnce)
		if err != nil {
			return err
		}
		due := map[uuid.UUID]bool{}
		var others []uuid.UUID
		for _, n := range named {
			if due[n.ContactID] = n.Merged; !n.Merged {
				others = append(others, n.ContactID)
			}
		}
		// After an import of a million contacts next to none of them has anything
		// that waits.
		if err := pg.AsEverything(ctx, tx, func(ctx context.Context) error {
			found, err := s.q.FindAwaiting(ctx, tx, tenant, some(others))
			for _, f := range found {
				due[f.ContactID] = true
			}
			return err
		}); err != nil {
			return err
		}
		for _, id := range sortedKeys(due) {
			if !due[id] {
				continue
			}
			if err := s.jobs.InsertTx(ctx, tx, RematchArgs{Tenant: tenant, Contact: id}, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// Rematch looks again at the orders of nobody that a contact may have bought and
// at the tickets of nobody that may be for it, now that it has changed or was
// met for the first time, and tells of orders that a merge or its revert moved.
// What people decided stands. Doing it again changes nothing.
func (s *Service) Rematch(ctx context.Context, contact uuid.UUID) error {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return err
	}
	return pg.InTx(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		return pg.AsEverything(ctx, tx, func(ctx context.Context) error {
			family, err := s.q.FindMergedFamily(ctx, tx, actor.Tenant, contact)
			if err != nil || len(family) == 0 {
				return err
			}
			found, err := s.q.FindAwaiting(ctx, tx, actor.Tenant, []uuid.UUID{family[0].Survivor})
			if err != nil {
				return err
			}
			t := affected{}
			for _, r := range found {
				if r.OfNobody {
					t.at(r.SourceID).orders = append(t.at(r.SourceID).orders, r.ID)
				} else {
					t.at(r.SourceID).guests = append(t.at(r.SourceID).guests, r.ID)
				}
			}
			if err := s.lockSources(ctx, tx, actor.Tenant, t); err != nil {
				return err
			}
			if err := s.tellMoves(ctx, tx, actor.Tenant, family); err != nil {
				return err
			}
			return s.attributeTouched(ctx, tx, t)
		})
	})
}

// tellMoves records for each order of a contact that now lives on in another, or
// by itself again, that it is somebody else's.
func (s *Service) tellMoves(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, family []ticketingdb.FindMergedFamilyRow) error {
	for _, p := range family {
		told := or(p.ToldID, p.ID)
		if told == p.Survivor {
			continue
		}
		if err := s.q.TellMove(ctx, tx, tenant, p.ID, p.Survivor); err != nil {
			return err
		}
		after := uuid.Nil
		for {
			orders, err := s.q.FindOrdersOfContact(ctx, tx, ticketingdb.FindOrdersOfContactParams{TenantID: tenant, ContactID: &p.ID, AfterID: after, PageSize: 500})
			if err != nil {
				return err
			}
			var out []events.Entry
			for _, o := range orders {
				after = o.ID
				out = append(out, events.Entry{Type: "ticketing.order.relinked", Subject: events.Subject{Kind: "order", ID: o.ID, Version: o.Version},
					Facts:   map[string]any{"contact_id": p.Survivor, "previous_contact_id": told, "rule": "merge", "confidence": 1},
					Changes: []events.Change{{Pointer: "/contact_id", Before: told, After: p.Survivor}}})
			}
			if err := events.RecordTx(ctx, tx, out...); err != nil {
				return err
			}
			if len(orders) < 500 {
				break
			}
		}
	}
	return nil
}

// survivors replaces the contacts of orders and holders that were merged by who
// lives on for them.
func (s *Service) survivors(ctx context.Context, db pg.DBTX, tenant uuid.UUID, places ...**uuid.UUID) error {
	var named []uuid.UUID
	for _, p := range places {
		if *p != nil {
			named = append(named, **p)
		}
	}
	if len(named) == 0 {
		return nil
	}
	rows, err := s.q.FindSurvivors(ctx, db, tenant, named)
	if err != nil || len(rows) == 0 {
		return err
	}
	lives := map[uuid.UUID]uuid.UUID{}
	for _, r := range rows {
		lives[r.ID] = r.Survivor
	}
	for _, p := range places {
		if *p == nil {
			continue
		}
		if id, merged := lives[**p]; merged {
			*p = &id
		}
	}
	return nil
}
