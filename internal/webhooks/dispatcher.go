package webhooks

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/webhooks/internal/webhooksdb"
)

const (
	// pollEvery is how often queues are looked for without being told: retries,
	// and what other processes filled.
	pollEvery = 250 * time.Millisecond
	// maxLanes bounds the endpoints that one process works for at a time.
	maxLanes = 1024
	// leaving is how long a stopping process waits for its open requests. What
	// it cannot wait for is delivered again by another.
	leaving = 5 * time.Second
)

// dispatcher runs the lanes of one process.
type dispatcher struct {
	s        *Service
	worker   uuid.UUID
	recorder *recorder

	mu    sync.Mutex
	lanes map[uuid.UUID]*lane
	wg    sync.WaitGroup
}

// RunDispatcher delivers what is due until the context ends. Any number of
// processes may run it.
func (s *Service) RunDispatcher(ctx context.Context) error {
	d := &dispatcher{s: s, worker: ids.New(), lanes: map[uuid.UUID]*lane{}}
	// Requests and records outlive the signal to stop, for a while.
	late, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	d.recorder = newRecorder(s)
	recorded := make(chan struct{})
	go func() { d.recorder.run(late); close(recorded) }()
	s.attach(d)
	defer s.detach(d)

	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-s.bell:
			d.claim(ctx, late)
		case <-timer.C:
			d.claim(ctx, late)
			timer.Reset(pollEvery)
		}
	}
	left := make(chan struct{})
	go func() { d.wg.Wait(); close(left) }()
	select {
	case <-left:
	case <-time.After(leaving):
	}
	stop()
	d.wg.Wait()
	<-recorded
	return nil
}

// claim takes queues that are due and runs a lane for each.
func (d *dispatcher) claim(ctx, late context.Context) {
	d.mu.Lock()
	room := maxLanes - len(d.lanes)
	d.mu.Unlock()
	if room <= 0 {
		return
	}
	type queue struct{ tenant, endpoint uuid.UUID }
	rows, err := d.s.db.Unscoped().Query(ctx, "select tenant_id, endpoint_id from webhook_queues_due($1)", room)
	if err != nil {
		d.complain(ctx, err)
		return
	}
	due, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (q queue, err error) {
		return q, row.Scan(&q.tenant, &q.endpoint)
	})
	if err != nil {
		d.complain(ctx, err)
		return
	}
	by := map[uuid.UUID][]uuid.UUID{}
	for _, q := range due {
		by[q.tenant] = append(by[q.tenant], q.endpoint)
	}
	for tenant, endpoints := range by {
		claimed, err := d.s.q.ClaimQueues(ctx, d.s.db.Tenant(tenant), webhooksdb.ClaimQueuesParams{
			Worker: &d.worker, LeaseSeconds: d.s.o.Lease.Seconds(), TenantID: tenant, Ids: endpoints,
		})
		if err != nil {
			d.complain(ctx, err)
			continue
		}
		for _, q := range claimed {
			d.start(ctx, late, tenant, q)
		}
	}
}

func (d *dispatcher) start(ctx, late context.Context, tenant uuid.UUID, q webhooksdb.ClaimQueuesRow) {
	endpoint := q.EndpointID
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.lanes[endpoint]; ok {
		return // its lease ran out under it; it will notice
	}
	l := newLane(d, tenant, endpoint, q.Pushes)
	if q.PacedUntil != nil {
		l.next = *q.PacedUntil
	}
	d.lanes[endpoint] = l
	d.wg.Go(func() {
		l.run(ctx, late)
		d.mu.Lock()
		delete(d.lanes, endpoint)
		d.mu.Unlock()
	})
}

// filled wakes the lanes of endpoints whose queues have grown.
func (d *dispatcher) filled(endpoints []uuid.UUID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range endpoints {
		if l, ok := d.lanes[id]; ok {
			l.wake()
		}
	}
}

func (d *dispatcher) complain(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		d.s.log.WarnContext(ctx, "webhook dispatcher: will try again", "error", err)
	}
}

func (s *Service) attach(d *dispatcher) {
	s.mu.Lock()
	s.dispatcher = d
	s.mu.Unlock()
}

func (s *Service) detach(d *dispatcher) {
	s.mu.Lock()
	if s.dispatcher == d {
		s.dispatcher = nil
	}
	s.mu.Unlock()
}

// filled tells the dispatcher of this process, if it runs one, of new work.
func (s *Service) filled(endpoints []uuid.UUID) {
	if len(endpoints) == 0 {
		return
	}
	s.mu.Lock()
	d := s.dispatcher
	s.mu.Unlock()
	if d != nil {
		d.filled(endpoints)
	}
	s.ring()
}
