package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/labstack/echo/v4"
	"github.com/riverqueue/river"
	"golang.org/x/sync/errgroup"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/audit"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/rights"
	"github.com/parvis-crm/parvis/internal/seal"
	"github.com/parvis-crm/parvis/internal/sensitive"
	"github.com/parvis-crm/parvis/internal/telemetry"
	"github.com/parvis-crm/parvis/internal/ticketing"
	"github.com/parvis-crm/parvis/internal/transfers"
	"github.com/parvis-crm/parvis/internal/vault"
	"github.com/parvis-crm/parvis/internal/web"
	"github.com/parvis-crm/parvis/internal/webhooks"
)

// Version is the running version of the program and of the contract.
const Version = "0.1.0"

// App is the whole program as a value that tests can boot.
type App struct {
	Config config.Config
	DB     *pg.DB
	Log    *slog.Logger
	Clock  clock.Clock

	master        seal.Master
	former        []seal.Master
	vault         *vault.Vault
	hub           *events.Hub
	sequencer     *events.Sequencer
	domains       domains
	runners       []runner
	workers       *river.Workers
	jobs          *river.Client[pgx.Tx]
	echo          *echo.Echo
	metrics       *telemetry.Metrics
	resolver      *net.Resolver
	quotaPatience time.Duration
	patience      time.Duration
	settle        time.Duration // until what is done hourly begins
	// indicatorsEvery is how often whoever bought something is looked for; the
	// service's own if 0.
	indicatorsEvery time.Duration
	traces          *telemetry.Tracing
	latest          uint        // the newest migration of this program
	working         atomic.Bool // the workers run, where this process has any
	leaving         atomic.Bool // the program has been told to end
}

// runner is work that goes on as long as the program.
type runner struct {
	name string
	run  func(context.Context) error
}

// Options are what a caller may replace.
type Options struct {
	Log       *slog.Logger
	Clock     clock.Clock
	MasterKey []byte        // overrides the configuration's
	Resolver  *net.Resolver // looks domains of addresses up; the system's if nil
	// QuotaPatience is how long a request waits for the ledger of quotas before the
	// process goes on by itself; 100 ms if 0.
	QuotaPatience time.Duration
	// Patience is how long a request may take before it is answered with 503; zero
	// is twenty seconds.
	Patience time.Duration
	// Settle is how long the program serves before it begins what it does every hour
	// or so, and once more as long at most; half a minute if 0.
	Settle time.Duration
	// IndicatorsEvery is how often whoever bought something is looked for; the
	// service's own if 0.
	IndicatorsEvery time.Duration
	// Authenticator puts another way to know who calls in front of the program's own.
	Authenticator func(*access.Service) web.Authenticator
	// Purposes puts another register of purposes in front of the program's own.
	Purposes func(web.Purposes) web.Purposes
	// NestedConnection is told of whoever asks for a connection to the database while
	// holding one.
	NestedConnection func(stack string)
}

// New connects to the database at cfg.DatabaseURL, which must already have the
// present schema, and builds everything. Nothing runs until Run.
func New(ctx context.Context, cfg config.Config, o Options) (*App, error) {
	a := &App{Config: cfg, Log: o.Log, Clock: o.Clock, workers: river.NewWorkers(), resolver: o.Resolver, quotaPatience: o.QuotaPatience, patience: cmp.Or(o.Patience, 20*time.Second), indicatorsEvery: o.IndicatorsEvery, settle: cmp.Or(o.Settle, 30*time.Second)}
	if a.Log == nil {
		a.Log = slog.New(slog.DiscardHandler)
	}
	if a.Clock == nil {
		a.Clock = clock.System{}
	}
	var err error
	if a.latest, err = pg.Latest(); err != nil {
		return nil, err
	}
	if a.traces, err = telemetry.NewTracing(ctx, cfg.TraceEndpoint, Version); err != nil {
		return nil, err
	}
	if a.DB, err = pg.Open(ctx, cfg.DatabaseURL, pg.Options{MaxConns: cfg.MaxConns, Tracer: a.traces.Queries(), Nested: o.NestedConnection}); err != nil {
		return nil, err
	}
	built := false
	defer func() {
		if !built {
			a.DB.Close()
		}
	}()
	key := o.MasterKey
	if key == nil {
		if key, err = masterKey(ctx, cfg, a.DB); err != nil {
			return nil, err
		}
	}
	if a.master, err = seal.NewMaster(key); err != nil {
		return nil, err
	}
	if a.former, err = formerKeys(cfg); err != nil {
		return nil, err
	}
	wraps, err := wrapper(cfg, a.master, a.former)
	if err != nil {
		return nil, err
	}
	a.vault = vault.New(a.DB, wraps, a.Log)
	if o.MasterKey == nil { // whoever gives one otherwise answers for it
		if err := a.judgeMasterKey(ctx); err != nil {
			return nil, err
		}
	}
	a.metrics = telemetry.NewMetrics(Version)
	a.metrics.Pool(a.DB.Pool())
	a.metrics.Ask("queues", a.queueFigures, a.Log)
	a.metrics.Ask("sequencer", a.sequencerFigures, a.Log)
	if a.domains.access, err = access.NewService(a.DB, a.Clock, a.accessConfig()); err != nil {
		return nil, err
	}
	h, err := a.wire()
	if err != nil {
		return nil, err
	}
	if err := a.setUpJobs(); err != nil {
		return nil, err
	}
	var auth web.Authenticator = a.domains.access
	if o.Authenticator != nil {
		auth = o.Authenticator(a.domains.access)
	}
	var purposes web.Purposes = a.domains.register
	if o.Purposes != nil {
		purposes = o.Purposes(purposes)
	}
	if err := a.setUpHTTP(h, auth, purposes); err != nil {
		return nil, err
	}
	built = true
	return a, nil
}

// listenToEvents hears of the batches that other processes numbered.
func (a *App) listenToEvents(ctx context.Context) error {
	url := a.Config.ListenURL
	if url == "" {
		url = a.Config.DatabaseURL
	}
	return a.hub.Listen(ctx, url, a.Log)
}

// Handler is the server's root handler.
func (a *App) Handler() http.Handler {
	// A sign-in is finished by its callback, and only once.
	return web.HeadAsGet(a.echo, func(path string) bool { return streams(path) || path == "/v1/sign-ins/callback" })
}

// Access gives the access domain, for the administration commands.
func (a *App) Access() *access.Service { return a.domains.access }

// Ticketing gives what ticketing systems have sent.
func (a *App) Ticketing() *ticketing.Service { return a.domains.ticketing }

// Rights gives the domain of roles and their assignments.
func (a *App) Rights() *rights.Service { return a.domains.rights }

// Sensitive gives the domain of sensitive facts.
func (a *App) Sensitive() *sensitive.Service { return a.domains.sensitive }

// Auditing gives what reads and verifies the logs.
func (a *App) Auditing() *audit.Service { return a.domains.auditing }

// Webhooks gives the webhooks domain, for wiring and tests.
func (a *App) Webhooks() *webhooks.Service { return a.domains.webhooks }

// Transfers gives export and import, for the commands.
func (a *App) Transfers() *transfers.Engine { return a.domains.transfers }

// Exports gives the archives that are offered, for tests of their end.
func (a *App) Exports() *transfers.Service { return a.domains.exports }

// Close gives back what New took.
func (a *App) Close() {
	a.DB.Close()
	a.vault.Close()
}

// Run serves on listener (nil: no server) and works (if the configuration says
// so) until ctx ends, then lets requests in flight finish.
func (a *App) Run(ctx context.Context, listener net.Listener) error {
	overTLS, err := serverTLS(a.Config)
	if err != nil {
		return err
	}
	// Workers outlive the server: what an ending request commits is still
	// numbered before the program leaves.
	workCtx, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	work, workCtx := errgroup.WithContext(workCtx)
	for _, r := range a.runners {
		work.Go(func() error {
			if err := r.run(workCtx); err != nil && workCtx.Err() == nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			return nil
		})
	}
	if a.Config.Workers {
		if err := a.startJobs(workCtx); err != nil {
			return err
		}
		a.working.Store(true)
	}
	serve := &http.Server{Handler: a.Handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(a.Log.Handler(), slog.LevelWarn), TLSConfig: overTLS}
	failed := make(chan error, 1)
	if listener != nil {
		go func() {
			over := serve.Serve
			if serve.TLSConfig != nil {
				over = func(l net.Listener) error { return serve.ServeTLS(l, "", "") }
			}
			if err := over(listener); !errors.Is(err, http.ErrServerClosed) {
				failed <- err
			}
		}()
	}
	var cause error
	select {
	case <-ctx.Done():
	case <-workCtx.Done():
	case cause = <-failed:
	}
	a.leaving.Store(true)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.Config.ShutdownGrace)
	defer cancel()
	if listener != nil {
		a.hub.Close()
		if err := serve.Shutdown(grace); err != nil {
			_ = serve.Close()
		}
	}
	if a.Config.Workers {
		a.stopJobs(grace)
	}
	stopWork()
	if err := work.Wait(); err != nil {
		cause = errors.Join(cause, err)
	}
	if err := a.traces.Stop(grace); err != nil {
		a.Log.WarnContext(ctx, "the last traces could not be sent", "error", err)
	}
	return cause
}
