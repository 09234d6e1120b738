package audit_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestAnotherInstitutionsAuditIsItsOwn(t *testing.T) {
	t.Parallel()
	a := written(t, 3)
	event := a.Get("/v1/events").Data()[1]
	a.Get("/v1/events/" + event["id"].(string) + "/changes").Is(http.StatusOK)
	parvistest.Eventually(t, "the read is noted", func() bool { return len(a.Get("/v1/audit/reads").Data()) == 1 })
	other := a.OtherTenant()
	require.Empty(t, other.Get("/v1/audit/reads").Data())
	require.Empty(t, other.Get("/v1/audit/reads?contact_id="+event["data"].(map[string]any)["id"].(string)).Data())
	parvistest.Eventually(t, "its first event is numbered", func() bool {
		return other.Get("/v1/audit/verification").Is(http.StatusOK).JSON()["head"] == float64(1)
	})
	a.As("contacts:read").Get("/v1/audit/entries").Problem(http.StatusForbidden, "insufficient-scope")
	refusals(t, a, "")
	for _, e := range other.Get("/v1/audit/entries").Is(http.StatusOK).Data() {
		require.NotEqual(t, "refusal", e["kind"])
		require.NotEqual(t, event["id"], e["id"])
	}
	require.Empty(t, other.Get("/v1/audit/entries?subject_id="+event["data"].(map[string]any)["id"].(string)).Data())
}
