package siem_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestAnotherInstitutionsLogsGoNowhereElse(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	r := newReceiving(t, func(int, http.ResponseWriter) bool { return false })
	path := a.Post("/v1/audit/forwarders", map[string]any{"name": "SOC", "url": r.URL, "ca_certificates": r.authority(), "start": "beginning"}).Is(http.StatusCreated).Header.Get("Location")
	other := a.OtherTenant()
	other.Get(path).Problem(http.StatusNotFound, "not-found")
	other.Patch(path, map[string]any{"status": "paused"}).Problem(http.StatusNotFound, "not-found")
	other.Delete(path, parvistest.IfMatch(`"1"`)).Problem(http.StatusNotFound, "not-found")
	require.Empty(t, other.Get("/v1/audit/forwarders").Is(http.StatusOK).Data())
	happen(t, a, 5)
	parvistest.Eventually(t, "everything has been taken", func() bool {
		health := a.Get(path).JSON()["health"].(map[string]any)
		return health["delivered"].(float64) >= 6 && health["oldest_undelivered_at"] == nil
	})
	mine := map[string]bool{}
	for _, id := range everything(t, a)["events"] {
		mine[id] = true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range r.ids {
		require.True(t, mine[id], "only this institution's")
	}
	for _, record := range other.Get("/v1/audit/stream").Is(http.StatusOK).JSON()["data"].([]any) {
		require.False(t, mine[record.(map[string]any)["event"].(map[string]any)["id"].(string)])
	}
}
