package connectors

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/connectors/internal/connectorsdb"
	"github.com/parvis-crm/parvis/internal/connectors/port"
	"github.com/parvis-crm/parvis/internal/egress"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/vault"
	"github.com/parvis-crm/parvis/internal/web"
)

// Outcome is what became of one record that was handed over. Problem is set
// when it was refused.
type Outcome struct {
	Status  string
	Problem error
}

// Ingest takes records of a source in, by the same rules as those that are sent
// to the API. Outcomes are in the order of the records; the error is for what
// concerns all of them.
type Ingest interface {
	Receive(ctx context.Context, source string, records []port.Record) ([]Outcome, error)
	// MarkAbsent tells which orders a complete window of the vendor's had: what is
	// here and was not in it, twice in a row, counts as cancelled. Nothing is deleted.
	MarkAbsent(ctx context.Context, source string, w Window, present []string) error
}

// Window is when what a vendor was asked for was placed, and when it was asked.
type Window struct{ From, To, TakenAt time.Time }

// Issue is whom a code was issued to and what for.
type Issue struct {
	SourceID       uuid.UUID
	ExternalID     string // of the code at its source
	Command        uuid.UUID
	ContactID      *uuid.UUID
	Campaign, Kind *string
}

// Needs are what the service is made from.
type Needs struct {
	DB         *pg.DB
	Clock      clock.Clock
	Log        *slog.Logger
	Ingest     Ingest
	Operations *operations.Service
	Reads      web.ReadLog
	Client     *egress.Client
	// Schemas hold the settings of every connector.
	Schemas                        web.Schemas
	Secrets, Messages, DeadLetters vault.Sealer
	Commands                       vault.Sealer
	// Ended is told, in the transaction that notes it, what came of a command;
	// unsupported: the vendor has no such thing. It may be nil.
	Ended func(ctx context.Context, tx pgx.Tx, command uuid.UUID, status string, unsupported bool) error
	// Issued is told, in that transaction, of a code that a vendor made because it
	// was asked to.
	Issued func(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, i Issue) error
	// KnownContact refuses a contact that is not there, or not for whoever asks.
	KnownContact func(ctx context.Context, contact uuid.UUID) error
}

// Options tune the service; zero values take the defaults named.
type Options struct {
	// PublicURL is the address by which vendors reach us.
	PublicURL string
	// Debounce is how long calls of a vendor are gathered; 1.5 s.
	Debounce time.Duration
	// Backoff is the first pause after a failure; 5 s. It doubles up to an hour.
	Backoff time.Duration
	// LagAfter is when a source counts as behind; 15 min.
	LagAfter time.Duration
	// Overlap is how far before the mark reading begins; 5 min.
	Overlap time.Duration
	// Lease is how long a silent process keeps a source; 20 s, by which the sales of
	// an opening morning wait after a crash.
	Lease time.Duration
}

func (o Options) withDefaults() Options {
	set := func(d *time.Duration, otherwise time.Duration) {
		if *d == 0 {
			*d = otherwise
		}
	}
	set(&o.Debounce, 1500*time.Millisecond)
	set(&o.Backoff, 5*time.Second)
	set(&o.LagAfter, 15*time.Minute)
	set(&o.Overlap, 5*time.Minute)
	set(&o.Lease, 20*time.Second)
	return o
}

// Service reads from vendors and takes their calls.
type Service struct {
	Needs
	o          Options
	q          *connectorsdb.Queries
	connectors map[string]port.Connector
	routes     routes

	mu       sync.Mutex
	sessions map[uuid.UUID]kept
	paces    map[uuid.UUID]*port.Pace
	bell     chan struct{}
}

// NewService makes the service with the connectors that it knows.
func NewService(n Needs, o Options, connectors ...port.Connector) *Service {
	s := &Service{
		Needs: n, o: o.withDefaults(), q: connectorsdb.New(), connectors: map[string]port.Connector{}, routes: routes{known: map[[32]byte]route{}},
		sessions: map[uuid.UUID]kept{}, paces: map[uuid.UUID]*port.Pace{}, bell: make(chan struct{}, 1),
	}
	for _, c := range connectors {
		s.connectors[c.Describe().Name] = c
	}
	s.Operations.Register(ReconcileKind, s.reconcile)
	return s
}

// SettingsSchemas are the components of the contract that the settings of
// connectors follow.
func SettingsSchemas(connectors ...port.Connector) []string {
	var out []string
	for _, c := range connectors {
		out = append(out, c.Describe().SettingsSchema)
	}
	return out
}

// Known lists the connectors by name.
func (s *Service) Known() []port.Connector {
	out := make([]port.Connector, 0, len(s.connectors))
	for _, name := range slices.Sorted(maps.Keys(s.connectors)) {
		out = append(out, s.connectors[name])
	}
	return out
}

// source is the part of a ticketing source that is needed here.
type source = connectorsdb.FindSourceRow

// source finds a source that the actor may use, by its code or id.
func (s *Service) source(ctx context.Context, db connectorsdb.DBTX, actor web.Actor, reference string) (source, error) {
	out, err := s.q.FindSource(ctx, db, actor.Tenant, strings.ToLower(reference))
	if err != nil {
		return out, err
	}
	only := strings.TrimPrefix(actor.Source, "ticketing:")
	if only != "" && only != out.Code && only != out.ID.String() {
		return out, fault.NotFound()
	}
	return out, nil
}

// ring lets the scheduler of this process look at once.
func (s *Service) ring() {
	select {
	case s.bell <- struct{}{}:
	default:
	}
}

// capabilities are what a connector can do.
func capabilities(c port.Connector) []string {
	d := c.Describe()
	var out []string
	if len(d.Streams) > 0 {
		out = append(out, "pull")
	}
	if len(d.Fetches) > 0 {
		out = append(out, "fetch")
	}
	if len(d.Commands) > 0 {
		out = append(out, "write")
	}
	return append(out, d.Capabilities...)
}
