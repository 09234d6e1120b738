package parvistest

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/access/apikey"
	"github.com/parvis-crm/parvis/internal/app"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/seal"
	"github.com/parvis-crm/parvis/internal/web"
)

// App is the whole program, serving on a loopback port from a database of its
// own. Its Client acts with every right in its institution.
type App struct {
	*Client
	*app.App
	DB     *DB
	URL    string
	Tenant uuid.UUID
	Stop   func() // ends the program as SIGTERM does, and waits; also done at cleanup
}

// Option changes how a test's program is built.
type Option func(*config.Config, *app.Options)

// WithClock replaces the clock of business rules.
func WithClock(c clock.Clock) Option { return func(_ *config.Config, o *app.Options) { o.Clock = c } }

// WithConfig changes the configuration.
func WithConfig(change func(*config.Config)) Option {
	return func(c *config.Config, _ *app.Options) { change(c) }
}

// WithResolver replaces what looks names up.
func WithResolver(r *net.Resolver) Option {
	return func(_ *config.Config, o *app.Options) { o.Resolver = r }
}

// WithMasterKey gives programs that share a database the same master key.
func WithMasterKey(key []byte) Option {
	return func(_ *config.Config, o *app.Options) { o.MasterKey = key }
}

// New boots the program on a fresh database.
func New(tb testing.TB, options ...Option) *App {
	tb.Helper()
	return NewOn(tb, Database(tb), options...)
}

// NewOn boots a program on an existing database; several may share one. Each
// makes an institution of its own.
func NewOn(tb testing.TB, db *DB, options ...Option) *App {
	tb.Helper()
	ctx := context.Background()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	url := "http://" + listener.Addr().String()
	cfg := config.Config{
		Addr: listener.Addr().String(), DataDir: tb.TempDir(), DatabaseURL: db.AppURL, MigrationURL: db.OwnerURL, ListenURL: db.AppURL,
		MaxConns: 3, FreeAttempts: 1_000_000, RateDefault: 1_000_000, RateSearch: 1_000_000, RateBulk: 1_000_000, RateForm: 1_000_000, RateOAuth: 1_000_000, RateSignIn: 1_000_000, RateInbound: 1_000_000,
		ConnectorDebounce: 50 * time.Millisecond, ConnectorBackoff: 50 * time.Millisecond,
		SessionIdle: 2 * time.Hour, SessionLifetime: 12 * time.Hour, PasswordMemory: 64,
		RateInstitution: 1_000_000, RateAddress: 1_000_000, MetricsCIDRs: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		WebhookAllowCIDRs: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		ConformanceAddr:   "127.0.0.1:0",
		MailFrom:          "Parvis <no-reply@parvis.example>", FormWorkCost: 50, ShutdownGrace: 10 * time.Second, LogFormat: "text", Workers: true,
	}
	o := app.Options{
		// A machine that is busy with other tests may answer late; quotas hold all the same.
		QuotaPatience: time.Minute, Patience: 2 * time.Minute,
		Log: slog.New(slog.DiscardHandler), MasterKey: seal.Generate(),
		Authenticator: func(a *access.Service) web.Authenticator { return people{a} },
	}
	nested := newNested(tb)
	o.NestedConnection = nested.note
	if os.Getenv("PARVIS_TEST_LOG") == "1" {
		o.Log = slog.New(slog.NewTextHandler(tb.Output(), nil))
	}
	for _, option := range options {
		option(&cfg, &o)
	}
	program, err := app.New(ctx, cfg, o)
	require.NoError(tb, err)
	a := &App{App: program, DB: db, URL: url}
	key, err := program.Bootstrap(ctx, access.NewTenant{Name: "Théâtre des Arcades"})
	require.NoError(tb, err)
	a.Client = &Client{tb: tb, url: url, Key: key, contract: contract(tb)}
	actor, err := program.Access().Authenticate(ctx, key, netip.IPv4Unspecified())
	require.NoError(tb, err)
	a.Tenant = actor.Tenant

	runCtx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- program.Run(runCtx, listener) }()
	stopped := false
	a.Stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-ended:
			require.NoError(tb, err)
		case <-time.After(30 * time.Second):
			require.Fail(tb, "the program did not stop")
		}
		program.Close()
		nested.none()
	}
	tb.Cleanup(a.Stop)
	return a
}

// As returns a client with a new key that has only these scopes.
func (a *App) As(scopes ...string) *Client {
	a.tb.Helper()
	return a.client(a.Tenant, access.NewKey{Name: "test", Kind: apikey.Secret, Scopes: scopes})
}

// AsSource returns a client with a key bound to one ticketing source.
func (a *App) AsSource(source string, scopes ...string) *Client {
	a.tb.Helper()
	return a.client(a.Tenant, access.NewKey{Name: "test", Kind: apikey.Restricted, Scopes: scopes, Source: &source})
}

func (a *App) client(tenant uuid.UUID, in access.NewKey) *Client {
	a.tb.Helper()
	ctx := web.WithActor(context.Background(), web.SystemActor(tenant, "test"))
	_, key, err := a.Access().CreateKey(ctx, in)
	require.NoError(a.tb, err)
	return &Client{tb: a.tb, url: a.URL, Key: key, contract: a.contract}
}

// OtherTenant makes another institution in the same database and returns a
// client with every right in it.
func (a *App) OtherTenant() *Client {
	a.tb.Helper()
	key, err := a.Bootstrap(context.Background(), access.NewTenant{Name: "Musée des Ailleurs"})
	require.NoError(a.tb, err)
	return &Client{tb: a.tb, url: a.URL, Key: key, contract: a.contract}
}

// Sandbox makes a test institution in the same database and returns a client
// with every right in it.
func (a *App) Sandbox() *Client {
	a.tb.Helper()
	key, err := a.Bootstrap(context.Background(), access.NewTenant{Name: "Bac à sable", Test: true})
	require.NoError(a.tb, err)
	return &Client{tb: a.tb, url: a.URL, Key: key, contract: a.contract}
}

// Acting returns a client of this program with the key of another's, where both
// are on one database.
func (a *App) Acting(as *Client) *Client {
	return &Client{tb: a.tb, url: a.URL, Key: as.Key, contract: a.contract}
}

// Anonymous returns a client without a credential.
func (a *App) Anonymous() *Client { return &Client{tb: a.tb, url: a.URL, contract: a.contract} }
