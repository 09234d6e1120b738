package events_test

import (
	"net/http"
	"testing"

	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestEachOperationNeedsItsScope(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	id := ids.New().String()
	reader, curious, nobody := a.As("events:read"), a.As("events:changes"), a.As("contacts:read")
	for _, path := range []string{"/v1/events", "/v1/events/stream", "/v1/events/digest", "/v1/events/" + id, "/v1/event-types", "/v1/event-consumers", "/v1/event-consumers/x"} {
		nobody.Get(path).Problem(http.StatusForbidden, "insufficient-scope")
		curious.Get(path).Problem(http.StatusForbidden, "insufficient-scope")
		a.Anonymous().Get(path).Problem(http.StatusUnauthorized, "unauthenticated")
	}
	reader.Get("/v1/events/"+id+"/changes").Problem(http.StatusForbidden, "insufficient-scope")
	curious.Get("/v1/events/"+id+"/changes").Problem(http.StatusNotFound, "not-found")
	nobody.Put("/v1/event-consumers/x", map[string]any{"sequence": 0}).Problem(http.StatusForbidden, "insufficient-scope")
	nobody.Delete("/v1/event-consumers/x").Problem(http.StatusForbidden, "insufficient-scope")
}

// The log is of all sources: a key of one reads none of it, by no way.
func TestAKeyOfOneSourceReadsNoLog(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	a.Post("/v1/ticketing/sources", map[string]any{"code": "x", "name": "Guichet", "kind": "generic"}).Is(http.StatusCreated)
	key := a.AsSource("x", "events:read", "events:changes", "webhooks:write", "webhooks:read", "ticketing:read")
	feed(t, a.Client, 2)
	for _, path := range []string{"/v1/events", "/v1/events/stream", "/v1/events/digest?to=1", "/v1/event-consumers"} {
		key.Get(path).Problem(http.StatusForbidden, "events-beyond-source")
	}
	key.Post("/v1/webhook-endpoints", map[string]any{"url": "https://vendor.example/hook", "event_types": []string{"ticketing.*"}}).Problem(http.StatusForbidden, "events-beyond-source")
}
