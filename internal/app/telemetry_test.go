package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/app"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// buffer may be written by several goroutines.
type buffer struct {
	mu    sync.Mutex
	bytes bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes.String()
}

func TestMetricsTellWhatHappensAndNotToWhom(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	a.Get("/v1/operations").Is(http.StatusOK)
	a.Get("/v1/operations?limit=zero").Is(http.StatusBadRequest)
	a.Anonymous().Get("/v1/operations").Is(http.StatusUnauthorized)
	a.Get("/nowhere/" + a.Tenant.String()).Is(http.StatusNotFound)

	text := string(a.Anonymous().Get("/metrics").Is(http.StatusOK).Body)
	for _, line := range []string{
		`parvis_http_requests_total{operation="listOperations",status="200"} 1`,
		`parvis_http_requests_total{operation="listOperations",status="400"} 1`,
		`parvis_http_requests_total{operation="listOperations",status="401"} 1`,
		`parvis_http_requests_total{operation="none",status="404"} 1`,
		`parvis_http_request_duration_seconds_count{operation="listOperations"} 3`,
		`parvis_http_requests_in_flight 0`,
		`parvis_build_info{`, `parvis_db_pool_connections `, `parvis_events_unnumbered `, `parvis_events_lag_seconds `,
	} {
		require.Contains(t, text, line)
	}
	require.NotContains(t, text, a.Tenant.String())
	require.NotContains(t, text, "tenant=")
}

// The log of a run in which everything personal was sent to every place that
// a client can fill.
func TestTheLogHoldsNothingPersonal(t *testing.T) {
	t.Parallel()
	var log buffer
	a := parvistest.New(t, func(_ *config.Config, o *app.Options) {
		o.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	const address = "jeanne.moreau@exemple.fr"
	a.Post("/v1/purposes", map[string]any{"code": "x", "name": address, "surprise": address})
	a.Post("/v1/purposes", `{"name": "`+address)
	a.Post("/v1/purposes", "email="+address, parvistest.Header("Content-Type", address))
	a.Get("/v1/operations?search=" + address)
	a.Get("/v1/contacts/" + address)
	a.Get("/"+address, parvistest.Header("User-Agent", address), parvistest.Header("Request-Id", address))
	a.Get("/v1/operations", parvistest.Header("Authorization", "Bearer "+address))
	a.Do("MOREAU", "/v1/operations", nil)
	created := a.Post("/v1/events/nothing", map[string]any{"email": address})
	require.GreaterOrEqual(t, created.Status, 400)
	a.Get("/v1/operations").Is(http.StatusOK)
	a.Stop()

	text := log.String()
	for _, secret := range []string{address, "jeanne", "moreau", "MOREAU", "exemple.fr", a.Key} {
		require.NotContains(t, text, secret)
	}
	var last map[string]any
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		var entry map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &entry))
		if entry["msg"] == "request" && entry["status"] == float64(200) {
			last = entry
		}
	}
	require.NotNil(t, last)
	require.Equal(t, "listOperations", last["operation"])
	require.Equal(t, "api_key", last["actor_kind"])
	require.Equal(t, a.Tenant.String(), last["tenant"])
	require.NotEmpty(t, last["request_id"])
	require.Positive(t, last["duration"])
}

func TestTracesJoinTheCallersTrace(t *testing.T) {
	t.Parallel()
	var sent buffer
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/traces" {
			_, _ = io.Copy(&sent, r.Body)
		}
	}))
	t.Cleanup(collector.Close)
	a := parvistest.New(t, parvistest.WithConfig(func(c *config.Config) { c.TraceEndpoint = collector.URL }))
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	answer := a.Get("/v1/operations", parvistest.Header("Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")).Is(http.StatusOK)
	require.Contains(t, answer.Header.Get("Traceparent"), trace)
	a.Stop()
	require.Contains(t, sent.String(), "listOperations")
	require.Contains(t, sent.String(), "\x4b\xf9\x2f\x35\x77\xb3\x4d\xa6\xa3\xce\x92\x9d\x0e\x0e\x47\x36")
	require.Contains(t, sent.String(), "FROM operations", "the statements are traced too")
	require.NotContains(t, sent.String(), a.Key)
}

func TestReadyMeansDatabaseSchemaAndWorkers(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	parvistest.Eventually(t, "ready", func() bool { return a.Anonymous().Get("/readyz").Status == http.StatusOK })
	a.Anonymous().Get("/healthz").Is(http.StatusOK)

	ctx := context.Background()
	owner, err := pgx.Connect(ctx, a.DB.OwnerURL)
	require.NoError(t, err)
	defer func() { _ = owner.Close(ctx) }()
	for _, state := range []string{"version = version - 1", "version = version + 1, dirty = true"} {
		_, err = owner.Exec(ctx, "update crm.schema_migrations set "+state)
		require.NoError(t, err)
		answer := a.Anonymous().Get("/readyz")
		require.Equal(t, "migrations", answer.Problem(http.StatusServiceUnavailable, "unavailable")["missing"])
		require.NotEmpty(t, answer.Header.Get("Retry-After"))
	}
	_, err = owner.Exec(ctx, "update crm.schema_migrations set dirty = false")
	require.NoError(t, err)
	a.Anonymous().Get("/readyz").Is(http.StatusOK)
}
