package forms_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestFormsOfOthersAreNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.send(w.visit(t, map[string]any{"email": "a@example.org"})).Is(http.StatusAccepted)
	sub := w.submissions(t)[0]["id"].(string)
	other := w.OtherTenant()
	for _, path := range []string{"/v1/forms/" + w.form, "/v1/forms/" + w.form + "/submissions", "/v1/forms/" + w.form + "/versions/1", "/v1/form-submissions/" + sub} {
		other.Get(path).Problem(http.StatusNotFound, "not-found")
	}
	require.Empty(t, other.Get("/v1/forms").Is(http.StatusOK).Data())
	other.Post("/v1/forms/"+w.form+"/close", nil).Problem(http.StatusNotFound, "not-found")
	other.Patch("/v1/forms/"+w.form, map[string]any{"name": "x"}).Problem(http.StatusNotFound, "not-found")
	other.Delete("/v1/forms/"+w.form, parvistest.IfMatch(`"2"`)).Problem(http.StatusNotFound, "not-found")
}
