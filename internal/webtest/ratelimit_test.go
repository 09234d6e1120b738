package webtest_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// process is what a process of its own would be: a limiter with its own memory
// and its own connections.
type process struct {
	guarded echo.HandlerFunc
	echo    *echo.Echo
}

func newProcess(t testing.TB, url string, policies map[string]int, places int, rate string, hold <-chan struct{}, patience ...time.Duration) process {
	t.Helper()
	db, err := pg.Open(t.Context(), url, pg.Options{MaxConns: 4})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	named := map[string]web.Policy{}
	for name, n := range policies {
		named[name] = web.Policy{Name: name, Requests: n}
	}
	l := web.NewLimiter(db, clock.System{}, web.LimiterConfig{Secret: []byte("of all processes"), Policies: named, BulkPlaces: places, Patience: append(patience, time.Minute)[0], Log: slog.New(slog.DiscardHandler)})
	guard := l.Guard(api.OperationSpec{ID: "any", Rate: rate})
	return process{echo: echo.New(), guarded: l.GuardAddress(guard(func(c echo.Context) error {
		if hold != nil {
			<-hold
		}
		return c.NoContent(http.StatusOK)
	}))}
}

// ask tells which policy refused a request, nothing where none did.
func (p process) ask(t testing.TB, actor *web.Actor, address string) (refusedBy string, h http.Header) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = address
	if actor != nil {
		r = r.WithContext(web.WithActor(r.Context(), *actor))
	}
	rec := httptest.NewRecorder()
	err := p.guarded(p.echo.NewContext(r, rec))
	if f, ok := fault.As(err); ok {
		require.Equal(t, fault.TooMany, f.Kind)
		require.Positive(t, f.RetryAfter)
		return f.Params["policy"].(string), rec.Header()
	}
	require.NoError(t, err)
	return "", rec.Header()
}

func credential(tenant uuid.UUID) *web.Actor {
	return &web.Actor{Kind: web.APIKey, ID: uuid.NewString(), Tenant: tenant}
}

// storm asks n times of each process at once and counts what was let through.
func storm(t *testing.T, n int, processes []process, who func(i int) (*web.Actor, string)) int {
	t.Helper()
	var passed atomic.Int64
	var all sync.WaitGroup
	for _, p := range processes {
		for i := range n {
			all.Go(func() {
				actor, address := who(i)
				if by, _ := p.ask(t, actor, address); by == "" {
					passed.Add(1)
				}
			})
		}
	}
	all.Wait()
	return int(passed.Load())
}

const home = "192.0.2.7:1000"

// Three processes that share a database let through one quota, not three.
func TestAQuotaHoldsOverAllProcesses(t *testing.T) {
	t.Parallel()
	db := parvistest.Database(t)
	var processes []process
	for range 3 {
		processes = append(processes, newProcess(t, db.AppURL, map[string]int{"default": 100, web.InstitutionPolicy: 250, web.AddressPolicy: 100_000}, 0, "default", nil))
	}
	began := time.Now()
	one := credential(uuid.New())
	passed := storm(t, 100, processes, func(int) (*web.Actor, string) { return one, home })
	refilled := int(100*time.Since(began).Minutes()) + 1
	// What a process has leased and not spent is lost to the others: a twentieth each.
	require.LessOrEqual(t, passed, 100+refilled)
	require.GreaterOrEqual(t, passed, 90)

	// Another credential of the institution has its own quota, and a tenth has none:
	// together they stay below what the institution may.
	tenant := uuid.New()
	began = time.Now()
	crowd := make([]*web.Actor, 10)
	for i := range crowd {
		crowd[i] = credential(tenant)
	}
	passed = storm(t, 150, processes, func(i int) (*web.Actor, string) { return crowd[i%10], home })
	require.LessOrEqual(t, passed, 250+int(250*time.Since(began).Minutes())+1)
	require.GreaterOrEqual(t, passed, 200)
	// A process may still hold a twentieth that it leased, and something flows back
	// meanwhile; then it is the institution that is refused, whoever asks for it.
	by, h := "", http.Header(nil)
	for asked := 0; by == "" && asked < 250/20+25; asked++ {
		by, h = processes[0].ask(t, credential(tenant), home)
	}
	require.Equal(t, web.InstitutionPolicy, by)
	require.Contains(t, h.Get("RateLimit"), `"institution";r=0;t=`)
	by, _ = processes[0].ask(t, credential(uuid.New()), home)
	require.Empty(t, by, "another institution does not starve")
}

// An address is one address for IPv4 and a /64 for IPv6.
func TestAnAddressHasAQuotaWhoeverItSaysItIs(t *testing.T) {
	t.Parallel()
	p := newProcess(t, parvistest.Database(t).AppURL, map[string]int{"default": 100_000, web.InstitutionPolicy: 100_000, web.AddressPolicy: 20}, 0, "default", nil)
	for _, addresses := range [][]string{{"192.0.2.9:1"}, {"[2001:db8:1:1::1]:1", "[2001:db8:1:1:ffff::2]:2"}} {
		passed := storm(t, 40, []process{p}, func(i int) (*web.Actor, string) { return credential(uuid.New()), addresses[i%len(addresses)] })
		require.InDelta(t, 20, passed, 1)
	}
	by, _ := p.ask(t, credential(uuid.New()), "[2001:db8:1:2::1]:1")
	require.Empty(t, by, "the next /64 is another line")
	by, _ = p.ask(t, nil, "192.0.2.9:2")
	require.Equal(t, web.AddressPolicy, by)
}

// Where the ledger does not answer, requests are answered all the same, and no
// process gives more than half of a quota.
func TestWithoutALedgerEachProcessCountsByItself(t *testing.T) {
	t.Parallel()
	db := parvistest.Database(t)
	p := newProcess(t, db.AppURL, map[string]int{"default": 100, web.InstitutionPolicy: 100_000, web.AddressPolicy: 100_000}, 0, "default", nil, 100*time.Millisecond)
	conn, err := pgx.Connect(t.Context(), db.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	lock, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = lock.Exec(t.Context(), "lock table crm.quota_buckets in access exclusive mode")
	require.NoError(t, err)

	one := credential(uuid.New())
	began := time.Now()
	passed := storm(t, 200, []process{p}, func(int) (*web.Actor, string) { return one, home })
	took := time.Since(began)
	require.LessOrEqual(t, passed, 50+int(50*took.Minutes())+1)
	require.GreaterOrEqual(t, passed, 45)
	require.Less(t, took, 5*time.Second, "a ledger that hangs makes nobody hang")

	require.NoError(t, lock.Rollback(t.Context()))
	other := credential(uuid.New())
	parvistest.Eventually(t, "the ledger counts again", func() bool {
		_, _ = p.ask(t, other, home)
		var n int
		require.NoError(t, conn.QueryRow(t.Context(), "select count(*) from crm.quota_buckets").Scan(&n))
		return n >= 2
	})
}

// An institution does so much bulk work at once, over all processes, and a place
// that nobody renews runs out.
func TestBulkWorkHasPlaces(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	hold := make(chan struct{})
	policies := map[string]int{"bulk": 100_000, web.InstitutionPolicy: 100_000}
	var processes []process
	for range 2 {
		processes = append(processes, newProcess(t, app.DB.AppURL, policies, 2, "bulk", hold))
	}
	conn, err := pgx.Connect(t.Context(), app.DB.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	held := func() (n int) {
		require.NoError(t, conn.QueryRow(t.Context(), "select count(*) from crm.bulk_places where held_until > now()").Scan(&n))
		return n
	}
	var working sync.WaitGroup
	for _, p := range processes {
		working.Go(func() {
			by, _ := p.ask(t, credential(app.Tenant), home)
			require.Empty(t, by)
		})
	}
	parvistest.Eventually(t, "both work", func() bool { return held() == 2 })
	for _, p := range processes {
		by, _ := p.ask(t, credential(app.Tenant), home)
		require.Equal(t, web.BulkPlaces, by)
	}
	_, err = conn.Exec(t.Context(), "update crm.bulk_places set held_until = now() where place = 1")
	require.NoError(t, err)
	working.Go(func() {
		by, _ := processes[0].ask(t, credential(app.Tenant), home)
		require.Empty(t, by, "the place of a process that died is free again")
	})
	parvistest.Eventually(t, "the place is taken anew", func() bool { return held() == 2 })
	close(hold)
	working.Wait()
	require.Zero(t, held())
}

// What is refused says so in the header of the draft, and an operation of the
// contract is held to its places.
func TestBulkIsBoundInTheProgram(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, parvistest.WithConfig(func(c *config.Config) { c.BulkPlaces = 1 }))
	conn, err := pgx.Connect(t.Context(), app.DB.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	_, err = conn.Exec(t.Context(), "insert into crm.bulk_places values ($1, 1, $2, now() + interval '1 minute')", app.Tenant, uuid.New())
	require.NoError(t, err)
	batch := map[string]any{"items": []any{}}
	p := app.Post("/v1/contacts/batch", batch).Problem(429, "quota-exceeded")
	require.Equal(t, []any{web.BulkPlaces}, p["violated-policies"])
}

func BenchmarkGuard(b *testing.B) {
	p := newProcess(b, parvistest.Database(b).AppURL, map[string]int{"default": 1_000_000_000, web.InstitutionPolicy: 1_000_000_000, web.AddressPolicy: 1_000_000_000}, 0, "default", nil)
	actor := credential(uuid.New())
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = home
	r = r.WithContext(web.WithActor(r.Context(), *actor))
	rec := httptest.NewRecorder()
	c := p.echo.NewContext(r, rec)
	b.ReportAllocs()
	for b.Loop() {
		c.Response().Committed = false
		if err := p.guarded(c); err != nil {
			b.Fatal(err)
		}
	}
}

// What a request would cost that asked the ledger each time.
func BenchmarkGuardAskingEachTime(b *testing.B) {
	p := newProcess(b, parvistest.Database(b).AppURL, map[string]int{"default": 1_000_000_000}, 0, "default", nil)
	b.ReportAllocs()
	for b.Loop() {
		if by, _ := p.ask(b, credential(uuid.New()), home); by != "" {
			b.Fatal(by)
		}
	}
}
