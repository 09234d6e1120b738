package siem_test

import (
	"net/http"
	"testing"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestWhoMaySendTheLogsSomewhere(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	body := map[string]any{"name": "SOC", "url": "https://127.0.0.1:1/in"}
	path := a.Post("/v1/audit/forwarders", body).Is(http.StatusCreated).Header.Get("Location")
	reader, stranger := a.As("audit:read"), a.As("contacts:read", "events:read")
	for _, address := range []string{path, "/v1/audit/forwarders", "/v1/audit/stream"} {
		a.Anonymous().Get(address).Problem(http.StatusUnauthorized, "unauthenticated")
		stranger.Get(address).Problem(http.StatusForbidden, "insufficient-scope")
	}
	reader.Get(path).Is(http.StatusOK)
	reader.Post("/v1/audit/forwarders", body).Problem(http.StatusForbidden, "insufficient-scope")
	reader.Patch(path, map[string]any{"status": "paused"}).Problem(http.StatusForbidden, "insufficient-scope")
	reader.Delete(path, parvistest.IfMatch(`"1"`)).Problem(http.StatusForbidden, "insufficient-scope")
	// The stream is the whole institution's: who does not see all of it has the list.
	reader.Get("/v1/audit/stream").Problem(http.StatusForbidden, "verb-not-held")
	a.Limited(parvistest.Limits{Scopes: []string{"audit:read"}, Departments: []string{a.Department("press", "")}}).Get("/v1/audit/stream").Problem(http.StatusForbidden, "verb-not-held")
	a.Get("/v1/audit/stream").Is(http.StatusOK)
}
