package siem_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/siem"
	"github.com/parvis-crm/parvis/internal/vault"
)

// Following by the API, from any position, meets the same as the logs have.
func TestTheStreamIsFollowedFromWhereOneIs(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	a.As("contacts:read").Get("/v1/audit/entries").Is(403)
	happen(t, a, 500)
	parvistest.Eventually(t, "the refusal is sealed and the events numbered", func() bool {
		all := everything(t, a)
		return len(all["refusals"]) == 1 && len(all["events"]) >= 501
	})
	want := everything(t, a)
	got := map[string][]string{}
	position := ""
	for {
		path := "/v1/audit/stream?limit=97"
		if position != "" {
			path += "&after=" + position
		}
		answer := a.Get(path).Is(http.StatusOK)
		body := answer.JSON()
		require.Equal(t, body["position"], answer.Header.Get("Parvis-Position"))
		records := body["data"].([]any)
		lines := 0
		ndjson := a.Get(path, parvistest.Header("Accept", "application/x-ndjson")).Is(http.StatusOK)
		for scanner := bufio.NewScanner(bytes.NewReader(ndjson.Body)); scanner.Scan(); lines++ {
			var line any
			require.NoError(t, json.Unmarshal(scanner.Bytes(), &line))
			require.Equal(t, records[lines], line, "the same in both forms")
		}
		if len(records) == 0 {
			break
		}
		require.Equal(t, len(records), lines)
		for _, r := range records {
			event, own := r.(map[string]any)["event"].(map[string]any), r.(map[string]any)["parvis"].(map[string]any)
			got[own["log"].(string)] = append(got[own["log"].(string)], event["id"].(string))
			position = own["position"].(string)
		}
	}
	for _, log := range []string{"events", "refusals"} {
		require.Equal(t, want[log], got[log][:len(want[log])], log)
	}
	a.Get("/v1/audit/stream?after=e01-r0.0-f0.0").Problem(http.StatusBadRequest, "invalid-request")
	a.Get("/v1/audit/stream?after=beginning").Problem(http.StatusBadRequest, "invalid-request")
}

// receiving is an HTTPS receiver that fails as it is told.
type receiving struct {
	*httptest.Server
	mu     sync.Mutex
	ids    []string
	tokens map[string]bool
	batch  int
}

func newReceiving(t *testing.T, fail func(batch int, w http.ResponseWriter) bool) *receiving {
	t.Helper()
	r := &receiving{tokens: map[string]bool{}}
	r.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.batch++
		r.tokens[request.Header.Get("Authorization")] = true
		if err != nil || fail(r.batch, w) {
			return
		}
		for scanner := bufio.NewScanner(bytes.NewReader(body)); scanner.Scan(); {
			var s sent
			if json.Unmarshal(scanner.Bytes(), &s) == nil && s.Parvis.Log == "events" {
				r.ids = append(r.ids, s.Event.ID)
			}
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiving) authority() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate().Raw}))
}

// What an HTTPS receiver refuses or breaks off is sent again, in order, and the
// token goes with it.
func TestAnHTTPSReceiverThatFailsMissesNothing(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	r := newReceiving(t, func(batch int, w http.ResponseWriter) bool {
		switch batch {
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 3:
			panic(http.ErrAbortHandler)
		default:
			return false
		}
		return true
	})
	happen(t, a, 1200)
	made := a.Post("/v1/audit/forwarders", map[string]any{
		"name": "SOC", "url": r.URL, "ca_certificates": r.authority(), "token": "s3cret-token-of-the-receiver", "start": "beginning",
	}).Is(201)
	require.NotContains(t, string(made.Body), "s3cret")
	require.Equal(t, true, made.JSON()["has_token"])
	path := made.Header.Get("Location")
	parvistest.Eventually(t, "everything has been taken", func() bool {
		health := a.Get(path).JSON()["health"].(map[string]any)
		return health["delivered"].(float64) >= 1200 && health["oldest_undelivered_at"] == nil
	})
	want := everything(t, a)["events"]
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Equal(t, want, r.ids, "each once: what was refused was not taken")
	require.Equal(t, map[string]bool{"Bearer s3cret-token-of-the-receiver": true}, r.tokens)
}

// A receiver that stays away is told once, and once more when it is back.
func TestFarBehindIsTold(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t, parvistest.WithConfig(func(c *config.Config) { c.Workers = false }))
	service := siem.NewService(siem.Needs{
		DB: a.App.DB, Audit: a.Auditing(), Secrets: a.Vault().Sealer(siem.Secrets()), Log: slog.New(slog.DiscardHandler), Host: "parvis.example",
		AllowCIDRs: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}, siem.Options{Poll: 20 * time.Millisecond, LagAfter: time.Millisecond, FirstPause: 10 * time.Millisecond, LongestPause: 50 * time.Millisecond})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	defer func() { stop(); require.NoError(t, <-ended) }()
	r := newReceiver(t)
	path := a.Post("/v1/audit/forwarders", map[string]any{"name": "SOC", "url": "syslog+tls://" + r.address, "ca_certificates": r.authority, "start": "beginning"}).Is(201).Header.Get("Location")
	told := func(kind string) int {
		return len(a.Get("/v1/events?types=" + kind).Is(http.StatusOK).Data())
	}
	parvistest.Eventually(t, "it is told", func() bool { return told("siem_forwarder.lagging") == 1 })
	_, failing, lag, err := service.Figures(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, failing)
	require.Positive(t, lag)
	require.Positive(t, a.Get(path).JSON()["health"].(map[string]any)["failing_since"])
	kill := r.start(t)
	defer kill()
	parvistest.Eventually(t, "it is told that it is back", func() bool { return told("siem_forwarder.recovered") == 1 })
	require.Equal(t, 1, told("siem_forwarder.lagging"))
	_, failing, _, err = service.Figures(t.Context())
	require.NoError(t, err)
	require.Zero(t, failing)
}

func TestAForwarderIsMadeChangedPausedAndRemoved(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	r := newReceiving(t, func(int, http.ResponseWriter) bool { return false })
	with := func(changes map[string]any) map[string]any {
		return parvistest.With(map[string]any{"name": "SOC", "url": r.URL, "ca_certificates": r.authority(), "token": "t"}, changes)
	}
	for pointer, changes := range map[string]map[string]any{
		"#/url":                {"url": "https://10.0.0.1/in"},
		"#/ca_certificates":    {"ca_certificates": "none"},
		"#/client_certificate": {"client_certificate": r.authority()},
		"#/token":              {"url": "syslog+tls://127.0.0.1:6514"},
	} {
		a.Post("/v1/audit/forwarders", with(changes)).Is(http.StatusUnprocessableEntity).Points(pointer)
	}
	a.Post("/v1/audit/forwarders", with(map[string]any{"url": "syslog+tls://siem.example:25"})).Is(http.StatusUnprocessableEntity)
	a.Post("/v1/audit/forwarders", with(map[string]any{"url": "http://127.0.0.1/"})).Problem(http.StatusBadRequest, "invalid-request")
	made := a.Post("/v1/audit/forwarders", with(nil)).Is(http.StatusCreated)
	path := made.Header.Get("Location")
	require.Len(t, a.Get("/v1/audit/forwarders").Is(http.StatusOK).Data(), 1)
	parvistest.Eventually(t, "it is sent to", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.ids) > 0 })

	paused := a.Patch(path, map[string]any{"status": "paused"}, parvistest.IfMatch(made.ETag())).Is(http.StatusOK)
	a.Patch(path, map[string]any{"name": "x"}, parvistest.IfMatch(made.ETag())).Problem(http.StatusPreconditionFailed, "stale-version")
	a.Patch(path, map[string]any{"url": r.URL + "/elsewhere"}).Is(http.StatusUnprocessableEntity).Points("#/url")
	moved := a.Patch(path, map[string]any{"url": r.URL + "/elsewhere", "token": nil}).Is(http.StatusOK).JSON()
	require.Equal(t, false, moved["has_token"])
	a.Patch(path, map[string]any{"token": "another"}).Is(http.StatusOK)

	var sealed []byte
	require.NoError(t, a.App.DB.Tenant(a.Tenant).QueryRow(t.Context(), "select secret from siem_forwarders where tenant_id = $1", a.Tenant).Scan(&sealed))
	require.True(t, vault.IsSealed(sealed))
	happen(t, a, 10)
	r.mu.Lock()
	before := len(r.ids)
	r.mu.Unlock()
	require.NotNil(t, paused)
	a.Patch(path, map[string]any{"status": "active"}).Is(http.StatusOK)
	parvistest.Eventually(t, "it goes on where it was", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.ids) >= before+10 })
	a.Delete(path).Problem(http.StatusPreconditionRequired, "precondition-required")
	a.Delete(path, parvistest.IfMatch(a.Get(path).ETag())).Is(http.StatusNoContent)
	a.Get(path).Problem(http.StatusNotFound, "not-found")
}
