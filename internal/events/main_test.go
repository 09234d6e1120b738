package events_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/web"
)

func mark(tb testing.TB, e events.Envelope) string {
	tb.Helper()
	var facts struct {
		Mark string `json:"mark"`
	}
	require.NoError(tb, json.Unmarshal(e.Data.Facts, &facts))
	return facts.Mark
}

func pauseFor(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// stream serves one stream over HTTP and gives its lines that are not empty.
func (h *house) stream(tb testing.TB, after int64, types ...string) <-chan string {
	tb.Helper()
	handlers := events.NewHandlers(h.log, web.Cursors{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := web.WithActor(r.Context(), web.SystemActor(h.tenant, "test"))
		stream, err := handlers.StreamEvents(ctx, api.StreamEventsRequestObject{Params: api.StreamEventsParams{After: &after, Types: types}})
		if err == nil {
			_ = stream.VisitStreamEventsResponse(w)
		}
	}))
	response, err := http.Get(server.URL)
	require.NoError(tb, err)
	lines := make(chan string)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(response.Body); scanner.Scan(); {
			if text := scanner.Text(); text != "" && text != "retry: 1000" {
				select {
				case lines <- text:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	tb.Cleanup(func() { cancel(); _ = response.Body.Close(); server.CloseClientConnections(); server.Close() })
	return lines
}
