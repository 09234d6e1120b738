package events_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestAnotherInstitutionSeesNothing(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	record(a, entry("contact.created", "contact"))
	id := feed(t, a.Client, 2)[1]["id"].(string)
	a.Put("/v1/event-consumers/mine", map[string]any{"sequence": 2}).Is(http.StatusOK)
	other := a.OtherTenant()
	feed(t, other, 1)
	for _, e := range other.Get("/v1/events").Data() {
		require.NotEqual(t, a.Tenant.String(), e["tenant"])
	}
	require.EqualValues(t, 1, other.Get("/v1/events/digest").JSON()["head"])
	other.Get("/v1/events/"+id).Problem(http.StatusNotFound, "not-found")
	other.Get("/v1/events/"+id+"/changes").Problem(http.StatusNotFound, "not-found")
	other.Get("/v1/event-consumers/mine").Problem(http.StatusNotFound, "not-found")
	other.Delete("/v1/event-consumers/mine", parvistest.IfMatch(`"1"`)).Problem(http.StatusNotFound, "not-found")
	require.Empty(t, other.Get("/v1/event-consumers").Data())
	other.Put("/v1/event-consumers/mine", map[string]any{"sequence": 1}).Is(http.StatusOK)
	require.EqualValues(t, 2, a.Get("/v1/event-consumers/mine").JSON()["sequence"])
}
