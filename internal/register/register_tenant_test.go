package register_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// The register of another institution does not exist.
func TestAnotherInstitutionsRegister(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	id := purpose(t, app, "newsletter", "consent", "identity")
	path := "/v1/processing-activities/" + app.Post("/v1/processing-activities", activity(m{"name": "Zqzq", "purpose_ids": []string{id}})).Is(http.StatusCreated).ID()
	other := app.OtherTenant()
	other.Get(path).Problem(http.StatusNotFound, "not-found")
	other.Patch(path, m{"status": "retired"}).Problem(http.StatusNotFound, "not-found")
	require.Empty(t, other.Get("/v1/processing-activities").Is(http.StatusOK).Data())
	require.NotContains(t, string(other.Get("/v1/processing-register").Is(http.StatusOK).Body), "Zqzq")
	other.Post("/v1/processing-activities", activity(m{"purpose_ids": []string{id}})).Problem(http.StatusUnprocessableEntity, "invalid")
	other.Get("/v1/contacts", parvistest.Header("Parvis-Purpose", "newsletter")).Problem(http.StatusBadRequest, "invalid-request")
}
