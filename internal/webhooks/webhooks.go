package webhooks

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/egress"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/mail"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/vault"
	"github.com/parvis-crm/parvis/internal/web"
	"github.com/parvis-crm/parvis/internal/webhooks/internal/webhooksdb"
)

// Renderer gives a record in the form of the contract, for full payloads. A
// record that is no longer there is fault.NotFound.
type Renderer interface {
	// Render reads with the rights of the actor.
	Render(ctx context.Context, actor web.Actor, kind string, id uuid.UUID) (json.RawMessage, error)
}

// Options tune deliveries; zero values take the defaults named.
type Options struct {
	// Schedule is the delay before each attempt; standardSchedule if empty.
	Schedule []time.Duration
	// ThrottleWait is the least wait after 429, 502, 503, 504 and timeouts: a
	// minute, and none under a schedule of the operator's own.
	ThrottleWait time.Duration
	// Concurrency is the number of open requests to one endpoint; 8.
	Concurrency int
	// Lease is how long a silent process keeps an endpoint's queue; 45 s, which
	// is longer than any request.
	Lease time.Duration
	// FailingAfter and DisableAfter: nothing but failures for so long makes an
	// endpoint failing (24 h), then disabled (5 days).
	FailingAfter, DisableAfter time.Duration
	// Origin is the name under which receivers know this installation; localhost.
	Origin string
	// Keep is how long finished deliveries are listed; 30 days.
	Keep time.Duration
}

func (o Options) withDefaults() Options {
	if len(o.Schedule) == 0 {
		o.Schedule = standardSchedule()
		if o.ThrottleWait == 0 {
			o.ThrottleWait = throttleWait
		}
	}
	set := func(d *time.Duration, otherwise time.Duration) {
		if *d == 0 {
			*d = otherwise
		}
	}
	set(&o.Lease, 45*time.Second)
	set(&o.FailingAfter, 24*time.Hour)
	set(&o.DisableAfter, 5*24*time.Hour)
	set(&o.Keep, 30*24*time.Hour)
	if o.Origin == "" {
		o.Origin = "localhost"
	}
	if o.Concurrency == 0 {
		o.Concurrency = 8
	}
	return o
}

// Needs are what the service is made from.
type Needs struct {
	DB         *pg.DB
	Events     *events.Service
	Hub        *events.Hub
	Operations *operations.Service
	Mail       *mail.Service
	// Acting is a principal as it may act now, with no more than these scopes and
	// bound to its purposes; ended says why it may not any more.
	Acting func(ctx context.Context, tenant uuid.UUID, kind web.ActorKind, id string, granted web.Scopes) (actor web.Actor, ended string, err error)
	// Client makes every call to a receiver.
	Client *egress.Client
	// Secrets and PrivateKeys keep what deliveries are signed with.
	Secrets, PrivateKeys vault.Sealer
	Log                  *slog.Logger
}

// Service is the domain's rules over its tables.
type Service struct {
	db         *pg.DB
	q          *webhooksdb.Queries
	events     *events.Service
	hub        *events.Hub
	operations *operations.Service
	mail       *mail.Service
	acting     func(ctx context.Context, tenant uuid.UUID, kind web.ActorKind, id string, granted web.Scopes) (actor web.Actor, ended string, err error)
	client     *egress.Client
	secrets    vault.Sealer
	privates   vault.Sealer
	log        *slog.Logger
	o          Options
	renderers  map[string]Renderer

	// generation moves when an endpoint may have changed; lanes then read it
	// anew.
	generation atomic.Int64
	mu         sync.Mutex
	changing   map[uuid.UUID]time.Time
	dispatcher *dispatcher
	bell       chan struct{}
	messages   *messageCache
}

// NewService makes the service and registers its kind of operation.
func NewService(n Needs, o Options) *Service {
	s := &Service{
		db: n.DB, q: webhooksdb.New(), events: n.Events, hub: n.Hub, operations: n.Operations, mail: n.Mail, acting: n.Acting, client: n.Client, secrets: n.Secrets, privates: n.PrivateKeys, log: n.Log,
		o: o.withDefaults(), renderers: map[string]Renderer{}, changing: map[uuid.UUID]time.Time{}, bell: make(chan struct{}, 1),
		messages: newMessageCache(),
	}
	n.Operations.Register(recoveryKind, s.recover)
	n.DB.OnCommit(s.committed)
	return s
}

// Render makes the records of a kind ("contact") available to full payloads, at
// wiring time. Kinds without a renderer are sent thin.
func (s *Service) Render(kind string, r Renderer) { s.renderers[kind] = r }

// changed notes that the running transaction of a tenant changes endpoints or
// fills queues: its commit makes this process look at once. Other processes see
// it within configAge and pollEvery.
func (s *Service) changed(tenant uuid.UUID) {
	s.mu.Lock()
	s.changing[tenant] = clock.Mark()
	s.mu.Unlock()
}

func (s *Service) committed(tenant uuid.UUID) {
	s.mu.Lock()
	at, ok := s.changing[tenant]
	if ok && time.Since(at) > 2*time.Second {
		delete(s.changing, tenant)
		ok = false
	}
	s.mu.Unlock()
	if ok {
		s.generation.Add(1)
		s.ring()
	}
}

// ring makes the dispatcher look for work.
func (s *Service) ring() {
	select {
	case s.bell <- struct{}{}:
	default:
	}
}

// inTx is a transaction of the program's own.
func (s *Service) inTx(ctx context.Context, tenant uuid.UUID, fn func(ctx context.Context, tx pgx.Tx) error) error {
	return pg.InTx(system(ctx, tenant), s.db, tenant, fn)
}

// system is the context of what no request does.
func system(ctx context.Context, tenant uuid.UUID) context.Context {
	return web.WithActor(ctx, web.SystemActor(tenant, "webhooks"))
}
