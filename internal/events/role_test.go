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
