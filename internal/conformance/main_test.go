package conformance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/examples/box-office/boxoffice"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

type m = map[string]any

// backoff is how long the vendor waits before it tries for the second time.
const backoff = 60 * time.Millisecond

// vendor starts the reference vendor, with a defect if one is named.
func vendor(t *testing.T, defect string, watch ...func(http.Handler) http.Handler) string {
	t.Helper()
	d, known := boxoffice.Named()[defect]
	require.True(t, known, defect)
	var handler http.Handler = boxoffice.New(t.Context(), backoff, d)
	for _, w := range watch {
		handler = w(handler)
	}
	return serve(t, handler)
}

func serve(t *testing.T, hook http.Handler) string {
	t.Helper()
	server := httptest.NewServer(hook)
	t.Cleanup(server.Close)
	return server.URL
}

// byScenario hands each call to the hook of its scenario.
func byScenario(hooks map[string]http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		var in struct {
			Scenario string `json:"scenario"`
		}
		if err == nil {
			err = json.Unmarshal(raw, &in)
		}
		if err != nil || hooks[in.Scenario] == nil {
			http.Error(w, "no such scenario", http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(raw))
		hooks[in.Scenario].ServeHTTP(w, r)
	})
}

// calls are what a hook was told, by scenario.
type calls struct {
	mutex sync.Mutex
	all   map[string][]boxoffice.Step
}

// keep notes each call on its way to the hook.
func (c *calls) keep(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var in struct {
			Scenario string          `json:"scenario"`
			Action   string          `json:"action"`
			Facts    json.RawMessage `json:"facts"`
		}
		if err := json.Unmarshal(raw, &in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if in.Action != "connect" { // which differs each time
			c.mutex.Lock()
			if c.all == nil {
				c.all = map[string][]boxoffice.Step{}
			}
			c.all[in.Scenario] = append(c.all[in.Scenario], boxoffice.Step{Action: in.Action, Facts: in.Facts})
			c.mutex.Unlock()
		}
		r.Body = io.NopCloser(bytes.NewReader(raw))
		next.ServeHTTP(w, r)
	})
}

func (c *calls) of(scenario string) []boxoffice.Step {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.all[scenario]
}

// begunTrial goes on until it is asked for its end.
type begunTrial struct {
	sandbox *parvistest.Client
	id      string
}

// begin has scenarios played, all if none is named.
func begin(t *testing.T, sandbox *parvistest.Client, hook string, patience int, scenarios ...string) *begunTrial {
	t.Helper()
	in := m{"hook_url": hook, "connector": m{"name": "Guichet", "version": "1.0"}, "patience_seconds": patience, "parallel": 10}
	if len(scenarios) > 0 {
		in["scenarios"] = scenarios
	}
	return &begunTrial{sandbox, sandbox.Post("/v1/conformance-runs", in).Is(202).ID()}
}

// end waits for it and gives the run.
func (b *begunTrial) end(t *testing.T) m {
	t.Helper()
	deadline, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for {
		o := b.sandbox.Get("/v1/operations/" + b.id).Is(200).JSON()
		if o["status"] == "succeeded" {
			break
		}
		require.NotEqual(t, "failed", o["status"], "%v", o["problem"])
		require.NotEqual(t, "cancelled", o["status"])
		select {
		case <-deadline.Done():
			require.Fail(t, "the run did not end")
		case <-time.After(200 * time.Millisecond):
		}
	}
	return b.sandbox.Get("/v1/conformance-runs/" + b.id).Is(200).JSON()
}

// trial plays scenarios and gives the run.
func trial(t *testing.T, sandbox *parvistest.Client, hook string, patience int, scenarios ...string) m {
	t.Helper()
	return begin(t, sandbox, hook, patience, scenarios...).end(t)
}

// failed are the scenarios that failed, with the codes of their findings.
func failed(run m) map[string][]string {
	out := map[string][]string{}
	for _, s := range run["report"].(m)["scenarios"].([]any) {
		if s := s.(m); s["verdict"] != "passed" {
			codes := []string{}
			for _, f := range s["findings"].([]any) {
				codes = append(codes, f.(m)["code"].(string)+": "+f.(m)["text"].(string))
			}
			out[s["id"].(string)] = codes
		}
	}
	return out
}

// few connections: each plans by itself what it is asked, which costs more than
// what these tests have it read and write.
func few(c *config.Config) { c.MaxConns = 4 }
