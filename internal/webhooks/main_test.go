package webhooks_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(childVariable); url != "" {
		os.Exit(child(url))
	}
	os.Exit(m.Run())
}

// delivery is one request as a receiver saw it.
type delivery struct {
	header http.Header
	body   []byte
}

func (d delivery) id() string { return d.header.Get("webhook-id") }

func (d delivery) members(t testing.TB) map[string]any {
	t.Helper()
	var m map[string]any
	require.NoError(t, json.Unmarshal(d.body, &m), "%s", d.body)
	return m
}

func (d delivery) eventType() string {
	var m struct{ Type string }
	_ = json.Unmarshal(d.body, &m)
	return m.Type
}

// receiver is a webhook receiver that keeps all it gets and answers as told;
// verifications are answered with 204 unless it is told otherwise for them too.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []delivery
	answer func(w http.ResponseWriter, d delivery)
	all    bool // answer also decides on verifications
}

func newReceiver(t testing.TB) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		d := delivery{req.Header.Clone(), body}
		r.mu.Lock()
		r.got = append(r.got, d)
		answer := r.answer
		if d.eventType() == "webhook_endpoint.verification" && !r.all {
			answer = nil
		}
		r.mu.Unlock()
		if answer == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		answer(w, d)
	}))
	t.Cleanup(r.Close)
	return r
}

// answers makes the receiver answer so from now on.
func (r *receiver) answers(f func(w http.ResponseWriter, d delivery)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = f
}

func status(code int) func(http.ResponseWriter, delivery) {
	return func(w http.ResponseWriter, _ delivery) { w.WriteHeader(code) }
}

// of are the requests of one event type, in the order they came.
func (r *receiver) of(eventType string) []delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []delivery
	for _, d := range r.got {
		if d.eventType() == eventType {
			out = append(out, d)
		}
	}
	return out
}

// distinct counts the different events of a type.
func (r *receiver) distinct(eventType string) int {
	seen := map[string]bool{}
	for _, d := range r.of(eventType) {
		seen[d.id()] = true
	}
	return len(seen)
}

// quickly makes every delay a few milliseconds.
func quickly(attempts int) parvistest.Option {
	return parvistest.WithConfig(func(c *config.Config) {
		c.WebhookSchedule = make([]time.Duration, attempts)
		for i := 1; i < attempts; i++ {
			c.WebhookSchedule[i] = time.Duration(i) * 10 * time.Millisecond
		}
	})
}

const endpoints = "/v1/webhook-endpoints"

// subscribe makes an endpoint and waits until it is active.
func subscribe(t testing.TB, c *parvistest.Client, url string, over map[string]any) map[string]any {
	t.Helper()
	body := parvistest.With(map[string]any{"url": url, "event_types": []string{"tag.*"}}, over)
	made := c.Post(endpoints, body).Is(http.StatusCreated).JSON()
	awaitStatus(t, c, made["id"].(string), "active")
	return made
}

func awaitStatus(t testing.TB, c *parvistest.Client, id, want string) map[string]any {
	t.Helper()
	var e map[string]any
	parvistest.Eventually(t, "the endpoint becomes "+want, func() bool {
		e = c.Get(endpoints + "/" + id).Is(http.StatusOK).JSON()
		return e["status"] == want
	})
	return e
}

// emit records n events of a type and returns their subjects.
func emit(t testing.TB, db *pg.DB, tenant uuid.UUID, eventType string, n int) []uuid.UUID {
	t.Helper()
	ctx := web.WithActor(context.Background(), web.SystemActor(tenant, "test"))
	entries := make([]events.Entry, n)
	subjects := make([]uuid.UUID, n)
	for i := range entries {
		subjects[i] = ids.New()
		entries[i] = events.Entry{Type: eventType, Subject: events.Subject{Kind: "tag", ID: subjects[i], Version: 1}}
	}
	require.NoError(t, pg.InTx(ctx, db, tenant, func(ctx context.Context, tx pgx.Tx) error { return events.RecordTx(ctx, tx, entries...) }))
	return subjects
}

func path(e map[string]any) string { return endpoints + "/" + e["id"].(string) }
