package webhooks

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/webhooks/internal/webhooksdb"
)

const (
	recordBatch = 1000
	// recordGather is how long results are waited for after the first, so that
	// one transaction records many.
	recordGather = 4 * time.Millisecond
	// recordTenants bounds the connections that recording takes.
	recordTenants = 4
)

// recorder writes the results of all lanes of a process, many at a time.
type recorder struct {
	s  *Service
	in chan recording
}

type recording struct {
	lane   *lane
	result result
}

func newRecorder(s *Service) *recorder { return &recorder{s: s, in: make(chan recording, recordBatch)} }

// add hands a result over. One that nobody takes any more is lost, and its
// delivery is made again.
func (r *recorder) add(ctx context.Context, l *lane, res result) {
	select {
	case r.in <- recording{l, res}:
	case <-ctx.Done():
		l.recorded(res.delivery.EventID)
	}
}

func (r *recorder) run(ctx context.Context) {
	for {
		var first recording
		select {
		case <-ctx.Done():
			return
		case first = <-r.in:
		}
		by := map[uuid.UUID][]recording{first.lane.tenant: {first}}
		timer := time.NewTimer(recordGather)
		for n, full := 1, false; n < recordBatch && !full; n++ {
			select {
			case next := <-r.in:
				by[next.lane.tenant] = append(by[next.lane.tenant], next)
			case <-timer.C:
				full = true
			}
		}
		timer.Stop()
		var group errgroup.Group
		group.SetLimit(recordTenants)
		for tenant, list := range by {
			group.Go(func() error { r.insist(ctx, tenant, list); return nil })
		}
		_ = group.Wait()
	}
}

// insist records until it succeeds or the process leaves.
func (r *recorder) insist(ctx context.Context, tenant uuid.UUID, list []recording) {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		err := r.s.record(ctx, tenant, list)
		if err == nil || ctx.Err() != nil {
			break
		}
		r.s.log.WarnContext(ctx, "webhook attempts cannot be recorded; will try again", "tenant", tenant, "attempts", len(list), "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	for _, rec := range list {
		rec.lane.recorded(rec.result.delivery.EventID)
	}
}

// record writes attempts, what they mean for their endpoints, and how these
// fare, in one transaction.
func (s *Service) record(ctx context.Context, tenant uuid.UUID, list []recording) error {
	ctx = system(ctx, tenant)
	p := webhooksdb.RecordAttemptsParams{TenantID: tenant}
	for _, rec := range list {
		if err := s.append(&p, rec); err != nil {
			return err
		}
	}
	var sick []webhooksdb.RecordHealthRow
	err := pg.InTx(ctx, s.db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		// Endpoints first, then deliveries, then queues: everywhere in one
		// order, or two writers wait for each other.
		for _, rec := range list {
			if err := s.consequence(ctx, tx, rec); err != nil {
				return err
			}
		}
		if err := s.q.RecordAttempts(ctx, tx, p); err != nil {
			return err
		}
		health := healthOf(tenant, list)
		if len(health.EndpointIds) == 0 {
			return nil
		}
		var err error
		sick, err = s.q.RecordHealth(ctx, tx, health)
		return err
	})
	if err != nil {
		return err
	}
	for _, h := range sick {
		if h.FailingSince != nil {
			s.judgeHealth(ctx, tenant, h)
		}
	}
	return nil
}

func (s *Service) append(p *webhooksdb.RecordAttemptsParams, rec recording) error {
	r := rec.result
	entry, err := json.Marshal(r.attempt)
	if err != nil {
		return err
	}
	status, delay, made := "succeeded", time.Duration(0), int(r.delivery.Step)+1
	if !r.succeeded {
		status = "failed"
		if next, again := s.o.delayBefore(made, r, chance()); again && !r.abort && r.disable == "" {
			status, delay = pending, next
		}
	}
	p.EndpointIds, p.EventIds = append(p.EndpointIds, rec.lane.endpoint.String()), append(p.EventIds, r.delivery.EventID.String())
	p.Before, p.Steps = append(p.Before, r.delivery.Attempts), append(p.Steps, int32(made))
	p.Statuses, p.Delays = append(p.Statuses, status), append(p.Delays, delay.Seconds())
	p.ResponseStatuses, p.Entries = append(p.ResponseStatuses, int32(r.attempt.Status)), append(p.Entries, string(entry))
	return nil
}

// consequence is what an attempt means for its endpoint: a verification makes
// it active or, after the last attempt, unverified; a receiver can end it.
func (s *Service) consequence(ctx context.Context, tx pgx.Tx, rec recording) error {
	r, l := rec.result, rec.lane
	verification := r.delivery.Kind == "verification"
	switch {
	case r.disable != "":
		return s.disableTx(ctx, tx, l.tenant, l.endpoint, r.disable, nil)
	case verification && r.succeeded:
		e, err := s.q.ActivateEndpoint(ctx, tx, webhooksdb.ActivateEndpointParams{
			TenantID: l.tenant, ID: l.endpoint, VerificationID: r.delivery.EventID, AllowedRate: r.rate,
		})
		if pg.IsNoRows(err) {
			return nil // the address has changed meanwhile, or it was verified twice
		}
		if err != nil {
			return err
		}
		s.changed(l.tenant)
		if err := s.q.PushQueues(ctx, tx, l.tenant, []uuid.UUID{l.endpoint}); err != nil {
			return err
		}
		return events.RecordTx(ctx, tx, events.Entry{Type: "webhook_endpoint.verified", Subject: subject(e)})
	case verification && !r.succeeded:
		if _, again := s.o.delayBefore(int(r.delivery.Step)+1, r, 0); again && !r.abort {
			return nil
		}
		return s.disableTx(ctx, tx, l.tenant, l.endpoint, "unverified", nil)
	}
	return nil
}

// healthOf sums up the results of each endpoint: its last success, and the
// first failure after it.
func healthOf(tenant uuid.UUID, list []recording) webhooksdb.RecordHealthParams {
	type sum struct{ success, failure time.Time }
	by := map[uuid.UUID]*sum{}
	for _, rec := range list {
		if rec.result.delivery.Kind != "event" {
			continue
		}
		h := by[rec.lane.endpoint]
		if h == nil {
			h = &sum{}
			by[rec.lane.endpoint] = h
		}
		at := rec.result.attempt.At
		if rec.result.succeeded && at.After(h.success) {
			h.success = at
		}
	}
	for _, rec := range list {
		h, at := by[rec.lane.endpoint], rec.result.attempt.At
		if h == nil || rec.result.delivery.Kind != "event" || rec.result.succeeded || !at.After(h.success) {
			continue
		}
		if h.failure.IsZero() || at.Before(h.failure) {
			h.failure = at
		}
	}
	p := webhooksdb.RecordHealthParams{TenantID: tenant}
	for id, h := range by {
		p.EndpointIds = append(p.EndpointIds, id)
		p.Succeeded, p.SucceededAts = append(p.Succeeded, !h.success.IsZero()), append(p.SucceededAts, h.success)
		p.Failed, p.FailedAts = append(p.Failed, !h.failure.IsZero()), append(p.FailedAts, h.failure)
	}
	return p
}
