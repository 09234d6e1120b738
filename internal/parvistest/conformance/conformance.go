// Package conformance is what every connector must do, whoever its vendor: one
// test function, played against the whole program and a fake server of the
// vendor's.
package conformance

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/app"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// M is a JSON object.
type M = map[string]any

// Vendor is a fake server of one vendor, with what the suite must know of it.
type Vendor interface { //nolint:interfacebloat // all that the suite must know of a vendor, and each member is one thing
	// Connection is the body with which a source is connected to it.
	Connection() M
	// Kind is the kind of the source.
	Kind() string
	// Secrets are texts that must be found nowhere: credentials, codes of tickets.
	Secrets() []string
	// PutOrder makes or changes an order, as of a time. Its net is one amount.
	// What else an order has of the vendor's own is the vendor's choice: members that
	// nobody knows yet, nulls.
	PutOrder(number, net string, at time.Time)
	// Fail answers the next n requests so, whatever they are. retryAfter is in
	// seconds; 0: no header.
	Fail(n, status, retryAfter int)
	// AtList lets n requests of the list of orders through and hands the next one
	// over, once: answer reports whether it answered it.
	AtList(n int, answer func(http.ResponseWriter) bool)
	// Hide keeps an order from being seen in the next n readings: the vendor tells
	// before it shows.
	Hide(number string, n int)
	// Credentials change: what was right is refused, or accepted again.
	Refuse(refuse bool)
	// Hook is a call that tells of an order: a request to the address. id is what
	// tells deliveries apart; nil: the vendor calls nobody.
	Hook(t testing.TB, address, number string, id int) *http.Request
	// ListsRead counts how often the list of orders was read from its beginning.
	ListsRead() int
	// Page is how many orders one page has.
	Page() int
}

// Named is a vendor that gives orders its own numbers.
type Named interface {
	// Named is what the suite called the order with a number; empty: none.
	Named(number string) string
}

const base = "/v1/ticketing/sources/caisse"

type suite struct {
	t      *testing.T
	vendor Vendor
	app    *parvistest.App
	log    *journal
}

// journal is everything that the program logs.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// Run plays the suite. start makes a fresh server. It is called by a test that is
// named TestConformance, which is also the process that is killed.
func Run(t *testing.T, start func(t *testing.T) Vendor) {
	if os.Getenv(processOwner) != "" {
		process(t)
		return
	}
	t.Run("a process that is killed in the middle loses nothing and repeats nothing", func(t *testing.T) {
		t.Parallel()
		survivesKills(t, start(t))
	})
	for name, play := range map[string]func(*suite){
		"everything is read, page by page":                     (*suite).readsEverything,
		"a mark is kept, and a part that failed is read again": (*suite).keepsMark,
		"a vendor that asks to wait is left in peace":          (*suite).waits,
		"a vendor that is unwell is tried again":               (*suite).backsOff,
		"refused credentials stop the source, and it recovers": (*suite).stops,
		"calls that come together are one reading":             (*suite).coalesces,
		"calls that come twice and out of order harm nothing":  (*suite).toleratesCalls,
		"what is told before it is shown is found":             (*suite).waitsForWhatWasTold,
		"what is read twice makes no event":                    (*suite).makesNoEvent,
		"what cannot be taken in waits for somebody":           (*suite).keepsDeadLetters,
		"secrets are nowhere":                                  (*suite).hidesSecrets,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &suite{t: t, vendor: start(t), log: &journal{}}
			s.app = parvistest.New(t, func(_ *config.Config, o *app.Options) {
				o.Log = slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			})
			s.app.Post("/v1/ticketing/sources", M{"code": "caisse", "name": "Billetterie", "kind": s.vendor.Kind()}).Is(201)
			play(s)
		})
	}
}

func (s *suite) connect() {
	s.app.Put(base+"/connection", s.vendor.Connection()).Is(200)
}

func (s *suite) state() M { return s.app.Get(base + "/connection").Is(200).JSON()["state"].(M) }

// settled waits until nothing is being read and the last turn went well.
func (s *suite) settled() {
	s.t.Helper()
	parvistest.Eventually(s.t, "a reading that went well", func() bool {
		st := s.state()
		return st["last_success_at"] != nil && st["status"] == "idle" && st["failures"] == 0.0
	})
}

// nets are the orders that are here, with what each comes to.
func (s *suite) nets() map[string]string {
	out := map[string]string{}
	for _, o := range s.app.Walk("/v1/ticketing/orders") {
		number, _ := o["number"].(string)
		if vendor, ok := s.vendor.(Named); ok {
			number = vendor.Named(number)
		}
		out[number] = o["totals"].(M)["net"].(M)["amount"].(string)
	}
	return out
}

func (s *suite) address() string {
	url := s.app.Post(base+"/connection/hook-address", nil).Is(201).JSON()["url"].(string)
	return s.app.URL + parvistest.Here(url)
}

// call delivers a call of the vendor and returns the status.
func (s *suite) call(address, number string, id int) int {
	s.t.Helper()
	r := s.vendor.Hook(s.t, address, number, id)
	if r == nil {
		s.t.Skip("the vendor calls nobody")
	}
	began := time.Now()
	response, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(s.t, err)
	require.NoError(s.t, response.Body.Close())
	require.Less(s.t, time.Since(began), 2*time.Second)
	return response.StatusCode
}

func (s *suite) pull() { s.app.Post(base+"/pulls", M{}).Is(202) }

var begin = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

func (s *suite) readsEverything() {
	n := 2*s.vendor.Page() + 3
	for i := range n {
		s.vendor.PutOrder(fmt.Sprintf("N%03d", i), "12.50", begin.Add(time.Duration(i)*time.Second))
	}
	s.connect()
	parvistest.Eventually(s.t, "all orders", func() bool { return len(s.nets()) == n })
	for number, net := range s.nets() {
		require.Equal(s.t, "12.50", net, number)
	}
}

func (s *suite) keepsMark() {
	n := 2*s.vendor.Page() + 1
	for i := range n {
		s.vendor.PutOrder(fmt.Sprintf("N%03d", i), "10.00", begin.Add(time.Duration(i)*time.Second))
	}
	s.vendor.AtList(1, func(w http.ResponseWriter) bool {
		w.WriteHeader(http.StatusBadGateway)
		return true
	})
	s.connect()
	parvistest.Eventually(s.t, "all orders in spite of a page that failed", func() bool { return len(s.nets()) == n })
	s.settled()
	// What changes from now on is found from the mark.
	s.vendor.PutOrder("N000", "15.00", time.Now().UTC())
	s.pull()
	parvistest.Eventually(s.t, "the change", func() bool { return s.nets()["N000"] == "15.00" })
}

func (s *suite) waits() {
	s.connect()
	s.settled()
	s.vendor.Fail(1, http.StatusTooManyRequests, 2)
	s.vendor.PutOrder("N1", "10.00", time.Now().UTC())
	began := time.Now()
	s.pull()
	parvistest.Eventually(s.t, "the order", func() bool { return s.nets()["N1"] == "10.00" })
	require.GreaterOrEqual(s.t, time.Since(began), 1900*time.Millisecond, "it said to wait two seconds")
	require.Nil(s.t, s.state()["failing_since"], "being asked to wait is no failure")
}

func (s *suite) backsOff() {
	s.connect()
	s.settled()
	s.vendor.Fail(4, http.StatusInternalServerError, 0)
	s.vendor.PutOrder("N1", "10.00", time.Now().UTC())
	s.pull()
	parvistest.Eventually(s.t, "the order", func() bool { return s.nets()["N1"] == "10.00" })
	s.settled()
	parvistest.Eventually(s.t, "the recovery", func() bool { return s.events()["ticketing.source.recovered"] == 1 })
	require.Equal(s.t, 1, s.events()["ticketing.source.failing"], "told once")
	require.Equal(s.t, "unreachable", s.state()["last_error"])
}

func (s *suite) stops() {
	s.connect()
	s.settled()
	s.vendor.Refuse(true)
	s.pull()
	parvistest.Eventually(s.t, "the stop", func() bool { return s.state()["status"] == "stopped" })
	require.Equal(s.t, "refused", s.state()["last_error"])
	read := s.vendor.ListsRead()
	parvistest.Eventually(s.t, "the event", func() bool { return s.events()["ticketing.source.failing"] == 1 })
	require.Equal(s.t, read, s.vendor.ListsRead(), "nothing is tried again by itself")
	s.vendor.Refuse(false)
	s.vendor.PutOrder("N1", "10.00", time.Now().UTC())
	s.connect() // somebody mends the connection
	parvistest.Eventually(s.t, "the order", func() bool { return s.nets()["N1"] == "10.00" })
	parvistest.Eventually(s.t, "the recovery", func() bool { return s.events()["ticketing.source.recovered"] == 1 })
}

func (s *suite) coalesces() {
	s.connect()
	s.settled()
	address := s.address()
	read := s.vendor.ListsRead()
	for i := range 3 {
		s.vendor.PutOrder("N1", fmt.Sprintf("%d.00", 10+i), time.Now().UTC())
		require.Less(s.t, s.call(address, "N1", 100+i), 300)
	}
	parvistest.Eventually(s.t, "the last state", func() bool { return s.nets()["N1"] == "12.00" })
	s.settled()
	require.LessOrEqual(s.t, s.vendor.ListsRead()-read, 3)
}

func (s *suite) toleratesCalls() {
	s.connect()
	s.settled()
	address := s.address()
	s.vendor.PutOrder("N1", "10.00", time.Now().UTC())
	for range 3 {
		status := s.call(address, "N1", 7)
		require.True(s.t, status >= 200 && status < 300, "%d", status)
	}
	parvistest.Eventually(s.t, "the order", func() bool { return s.nets()["N1"] == "10.00" })
	s.vendor.PutOrder("N1", "11.00", time.Now().UTC())
	require.Less(s.t, s.call(address, "N1", 9), 300)
	require.Less(s.t, s.call(address, "N1", 8), 300)
	require.Less(s.t, s.call(address, "UNHEARD-OF", 10), 300)
	parvistest.Eventually(s.t, "the newer state", func() bool { return s.nets()["N1"] == "11.00" })
	parvistest.Eventually(s.t, "all calls are read", func() bool { return s.state()["pending_messages"] == 0.0 })
	require.Equal(s.t, "11.00", s.nets()["N1"])
}

func (s *suite) waitsForWhatWasTold() {
	s.connect()
	s.settled()
	address := s.address()
	s.vendor.PutOrder("N1", "10.00", time.Now().UTC())
	s.vendor.Hide("N1", 2)
	require.Less(s.t, s.call(address, "N1", 1), 300)
	parvistest.Eventually(s.t, "the order", func() bool { return s.nets()["N1"] == "10.00" })
}

func (s *suite) makesNoEvent() {
	for i := range 5 {
		s.vendor.PutOrder(fmt.Sprintf("N%d", i), "10.00", begin.Add(time.Duration(i)*time.Second))
	}
	s.connect()
	parvistest.Eventually(s.t, "all orders", func() bool { return len(s.nets()) == 5 })
	s.settled()
	before := s.events()
	for range 2 {
		read := s.vendor.ListsRead()
		s.app.Post(base+"/replay", nil).Is(202)
		parvistest.Eventually(s.t, "another reading", func() bool { return s.vendor.ListsRead() > read })
		s.settled()
	}
	require.Equal(s.t, before, s.events())
}

func (s *suite) keepsDeadLetters() {
	s.vendor.PutOrder("BAD", "not money", time.Now().UTC())
	s.vendor.PutOrder("GOOD", "10.00", time.Now().UTC())
	s.connect()
	parvistest.Eventually(s.t, "the good one", func() bool { return s.nets()["GOOD"] == "10.00" })
	parvistest.Eventually(s.t, "the bad one", func() bool { return len(s.app.Get(base+"/dead-letters?status=open").Data()) == 1 })
	letter := s.app.Get(base + "/dead-letters").Data()[0]
	s.vendor.PutOrder("BAD", "13.00", time.Now().UTC())
	s.app.Post(base+"/dead-letters/"+letter["id"].(string)+"/retry", nil).Is(202)
	s.pull()
	parvistest.Eventually(s.t, "the mended one", func() bool { return s.nets()["BAD"] == "13.00" })
	parvistest.Eventually(s.t, "it is settled", func() bool { return s.state()["open_dead_letters"] == 0.0 })
}

func (s *suite) hidesSecrets() {
	s.vendor.PutOrder("N1", "10.00", time.Now().UTC())
	s.vendor.PutOrder("BAD", "not money", time.Now().UTC())
	s.connect()
	parvistest.Eventually(s.t, "the order", func() bool { return s.nets()["N1"] == "10.00" })
	address := s.address()
	key := address[strings.LastIndexByte(address, '/')+1:]
	if r := s.vendor.Hook(s.t, address, "N1", 1); r != nil {
		s.call(address, "N1", 1)
		parvistest.Eventually(s.t, "the call is read", func() bool { return s.state()["pending_messages"] == 0.0 })
	}
	s.vendor.Fail(1, http.StatusInternalServerError, 0)
	s.pull()
	parvistest.Eventually(s.t, "an error", func() bool { return s.state()["last_error"] != nil })
	secrets := append(s.vendor.Secrets(), key)
	said := s.log.String() + fmt.Sprint(s.app.Get(base+"/connection").JSON(), s.app.Get("/v1/events?limit=200").JSON(), s.app.Get(base+"/dead-letters").JSON())
	for _, secret := range secrets {
		require.NotContains(s.t, said, secret)
	}
	s.notInDatabase(secrets)
}

// notInDatabase looks through every row of every table.
func (s *suite) notInDatabase(secrets []string) {
	conn, err := pgx.Connect(s.t.Context(), s.app.DB.OwnerURL)
	require.NoError(s.t, err)
	defer func() { require.NoError(s.t, conn.Close(s.t.Context())) }()
	_, err = conn.Exec(s.t.Context(), "set app.sight = '*'")
	require.NoError(s.t, err)
	rows, err := conn.Query(s.t.Context(), "select table_schema || '.' || table_name from information_schema.tables where table_schema in ('crm', 'river') and table_type = 'BASE TABLE'")
	require.NoError(s.t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(s.t, err)
	for _, table := range tables {
		for _, secret := range secrets {
			var n int
			// bytea is shown in hexadecimal, so the text of it is looked for as well.
			require.NoError(s.t, conn.QueryRow(s.t.Context(), "select count(*) from "+table+" t where strpos(t::text, $1) > 0 or strpos(t::text, encode($1::text::bytea, 'hex')) > 0", secret).Scan(&n), table)
			require.Zero(s.t, n, "%s holds a secret in the clear", table)
		}
	}
}

// events counts what was recorded, numbered or not.
func (s *suite) events() map[string]int {
	conn, err := pgx.Connect(s.t.Context(), s.app.DB.OwnerURL)
	require.NoError(s.t, err)
	defer func() { require.NoError(s.t, conn.Close(s.t.Context())) }()
	rows, err := conn.Query(s.t.Context(), "select type, count(*) from crm.events where tenant_id = $1 group by type", s.app.Tenant)
	require.NoError(s.t, err)
	out := map[string]int{}
	var kind string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&kind, &n}, func() error { out[kind] = n; return nil })
	require.NoError(s.t, err)
	return out
}
