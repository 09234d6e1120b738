package webhooks

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/webhooks/internal/webhooksdb"
	"github.com/parvis-crm/parvis/internal/webhooks/signature"
)

const (
	laneBatch = 256
	// laneLow: with fewer deliveries than this under way, more are fetched.
	laneLow = 96
	// linger is how long an idle lane keeps its lease, since events rarely come
	// alone.
	linger = 200 * time.Millisecond
	// configAge is how long a lane believes what it knows of its endpoint, when
	// nobody in this process said that it changed.
	configAge = 500 * time.Millisecond
)

// config is what a lane knows of its endpoint.
type config struct {
	endpoint   webhooksdb.WebhookEndpoint
	keys       []signature.SigningKey
	of         reader // on whose behalf events are sent
	test       bool   // the tenant is a sandbox
	read       time.Time
	generation int64
}

// lane delivers for one endpoint while its process holds the lease.
type lane struct {
	d        *dispatcher
	tenant   uuid.UUID
	endpoint uuid.UUID
	pushes   int64
	leased   time.Time
	bell     chan struct{}
	slots    chan struct{}
	// next is when a receiver that granted a rate may have its next request; only
	// run's goroutine touches it.
	next time.Time

	mu   sync.Mutex
	busy map[uuid.UUID]int64 // fetched and not yet recorded, with their numbers

	lookMu sync.Mutex
	looked looked

	configMu sync.Mutex
	config   *config
}

func newLane(d *dispatcher, tenant, endpoint uuid.UUID, pushes int64) *lane {
	return &lane{
		d: d, tenant: tenant, endpoint: endpoint, pushes: pushes, leased: clock.Mark(), bell: make(chan struct{}, 1),
		slots: make(chan struct{}, d.s.o.Concurrency), busy: map[uuid.UUID]int64{},
	}
}

func (l *lane) wake() {
	select {
	case l.bell <- struct{}{}:
	default:
	}
}

// run delivers until the queue is empty or the process stops. Its own
// statements end with ctx, its requests and their records with late.
func (l *lane) run(ctx, late context.Context) {
	for ctx.Err() == nil {
		left, err := l.turn(ctx, late)
		if left {
			return
		}
		if err != nil {
			l.d.complain(ctx, err)
			l.rest(ctx, time.Second)
		}
	}
	for l.underWay() > 0 && late.Err() == nil {
		l.rest(late, time.Second)
	}
	release, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_ = l.d.s.q.AbandonQueue(release, l.d.s.db.Tenant(l.tenant), webhooksdb.AbandonQueueParams{
		PacedUntil: l.pacedUntil(), TenantID: l.tenant, EndpointID: l.endpoint, Worker: &l.d.worker,
	})
}

// turn fetches and starts one batch, or waits, or leaves the queue.
func (l *lane) turn(ctx, late context.Context) (left bool, err error) {
	if time.Since(l.leased) > l.d.s.o.Lease/3 {
		if kept, err := l.renew(ctx); !kept {
			return err == nil, err
		}
	}
	c, err := l.current(ctx)
	if pg.IsNoRows(err) {
		return true, nil // deleted
	}
	if err != nil {
		return false, err
	}
	if c.of.ended != "" && c.endpoint.Status != disabled {
		return false, l.d.s.orphan(ctx, l.tenant, l.endpoint, makerOf(c.endpoint), c.of.ended)
	}
	due, err := l.fetch(ctx, c)
	if err != nil {
		return false, err
	}
	for i, next := range due {
		if !l.pace(ctx, next) || !l.slot(ctx) {
			l.forget(due[i:])
			return false, nil
		}
		go l.deliver(late, next)
	}
	switch {
	case len(due) == laneBatch:
		for l.underWay() > laneLow && ctx.Err() == nil {
			l.rest(ctx, linger)
		}
		return false, nil
	case l.rest(ctx, linger) || l.underWay() > 0:
		return false, nil
	case ctx.Err() != nil:
		return false, ctx.Err()
	default:
		return l.leave(ctx, c)
	}
}

// fetch reads what is due and not yet under way, and marks it.
func (l *lane) fetch(ctx context.Context, c *config) ([]webhooksdb.ListDueRow, error) {
	s := l.d.s
	l.mu.Lock()
	busy := make([]uuid.UUID, 0, len(l.busy))
	for id := range l.busy {
		busy = append(busy, id)
	}
	l.mu.Unlock()
	var due []webhooksdb.ListDueRow
	var err error
	switch c.endpoint.Status {
	case active:
		due, err = s.q.ListDue(ctx, s.db.Tenant(l.tenant), webhooksdb.ListDueParams{TenantID: l.tenant, EndpointID: l.endpoint, Busy: busy, BatchSize: laneBatch})
	case pending:
		var found []webhooksdb.GetDueVerificationRow
		found, err = s.q.GetDueVerification(ctx, s.db.Tenant(l.tenant), webhooksdb.GetDueVerificationParams{
			TenantID: l.tenant, EndpointID: l.endpoint, EventID: c.endpoint.VerificationID, Busy: busy,
		})
		for _, row := range found {
			due = append(due, webhooksdb.ListDueRow(row))
		}
	}
	if err != nil {
		return nil, err
	}
	if err := l.prefetch(ctx, due); err != nil {
		return nil, err
	}
	l.mu.Lock()
	for _, d := range due {
		l.busy[d.EventID] = d.Sequence
	}
	l.mu.Unlock()
	return l.sendable(ctx, c, due)
}

// prefetch reads the events of a batch that are no longer in memory.
func (l *lane) prefetch(ctx context.Context, due []webhooksdb.ListDueRow) error {
	var missing []int64
	for _, d := range due {
		if d.Sequence == 0 {
			continue
		}
		if _, ok := l.d.s.messages.get(l.tenant, d.Sequence); !ok {
			missing = append(missing, d.Sequence)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	found, err := l.d.s.events.Pick(ctx, l.tenant, missing)
	if err != nil {
		return err
	}
	list := make([]message, 0, len(found))
	for _, e := range found {
		m, err := newMessage(e)
		if err != nil {
			return err
		}
		list = append(list, m)
	}
	l.d.s.messages.put(l.tenant, list)
	return nil
}

// slot waits for one of the endpoint's open requests to end.
func (l *lane) slot(ctx context.Context) bool {
	select {
	case l.slots <- struct{}{}:
		return true
	default:
	}
	for {
		select {
		case l.slots <- struct{}{}:
			return true
		case <-ctx.Done():
			return false
		case <-time.After(l.d.s.o.Lease / 3):
			if kept, err := l.renew(ctx); !kept && err == nil {
				return false
			}
		}
	}
}

// renew prolongs the lease and reports whether it was still ours.
func (l *lane) renew(ctx context.Context) (bool, error) {
	s := l.d.s
	pushes, err := s.q.RenewLease(ctx, s.db.Tenant(l.tenant), webhooksdb.RenewLeaseParams{
		LeaseSeconds: s.o.Lease.Seconds(), TenantID: l.tenant, EndpointID: l.endpoint, Worker: &l.d.worker,
	})
	if pg.IsNoRows(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	l.pushes, l.leased = pushes, clock.Mark()
	return true, nil
}

// leave gives the queue back with the time of its next delivery, unless it was
// filled since it was looked at.
func (l *lane) leave(ctx context.Context, c *config) (bool, error) {
	s := l.d.s
	var next *time.Time
	var err error
	switch c.endpoint.Status {
	case active:
		next, err = s.q.NextDue(ctx, s.db.Tenant(l.tenant), l.tenant, l.endpoint)
	case pending:
		var d Delivery
		d, err = s.q.GetDelivery(ctx, s.db.Tenant(l.tenant), l.tenant, l.endpoint, c.endpoint.VerificationID)
		next = d.DueAt
	}
	if err != nil && !pg.IsNoRows(err) {
		return false, err
	}
	n, err := s.q.ReleaseQueue(ctx, s.db.Tenant(l.tenant), webhooksdb.ReleaseQueueParams{
		DueAt: next, PacedUntil: l.pacedUntil(), TenantID: l.tenant, EndpointID: l.endpoint, Worker: &l.d.worker, Pushes: l.pushes,
	})
	if err != nil || n > 0 {
		return n > 0, err
	}
	kept, err := l.renew(ctx)
	return !kept && err == nil, err
}

// current is the endpoint as it is, at most configAge ago.
func (l *lane) current(ctx context.Context) (*config, error) {
	l.configMu.Lock()
	defer l.configMu.Unlock()
	s := l.d.s
	generation := s.generation.Load()
	if l.config != nil && l.config.generation == generation && time.Since(l.config.read) < configAge {
		return l.config, nil
	}
	c, err := s.readConfig(ctx, l.tenant, l.endpoint, l.config)
	if err != nil {
		return nil, err
	}
	c.generation = generation
	l.config = c
	return c, nil
}

// readConfig reads an endpoint with its keys. Keys are opened again only when
// the endpoint has changed.
func (s *Service) readConfig(ctx context.Context, tenant, endpoint uuid.UUID, known *config) (*config, error) {
	c := &config{read: clock.Mark()}
	var err error
	scope := s.db.Tenant(tenant)
	if c.endpoint, err = s.q.GetEndpoint(ctx, scope, tenant, endpoint); err != nil {
		return nil, err
	}
	if c.of, err = s.readerFor(ctx, tenant, makerOf(c.endpoint)); err != nil {
		return nil, err
	}
	rows, err := s.q.ListLiveKeys(ctx, scope, tenant, endpoint)
	if err != nil {
		return nil, err
	}
	if known != nil && known.endpoint.Version == c.endpoint.Version && len(known.keys) == 2*len(rows) {
		c.keys, c.test = known.keys, known.test
		return c, nil
	}
	if c.keys, err = s.signingKeys(ctx, rows); err != nil {
		return nil, err
	}
	mode, err := s.q.GetTenantMode(ctx, scope, tenant)
	c.test = mode == "test"
	return c, err
}

func (l *lane) underWay() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.busy)
}

func (l *lane) forget(due []webhooksdb.ListDueRow) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range due {
		delete(l.busy, d.EventID)
	}
}

// recorded ends deliveries whose attempts are in the database.
func (l *lane) recorded(event uuid.UUID) {
	l.mu.Lock()
	delete(l.busy, event)
	low := len(l.busy) == 0 || len(l.busy) == laneLow
	l.mu.Unlock()
	if low {
		l.wake()
	}
}

// rest waits for the bell and reports whether it rang in time.
func (l *lane) rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-l.bell:
		return true
	case <-t.C:
	case <-ctx.Done():
	}
	return false
}
