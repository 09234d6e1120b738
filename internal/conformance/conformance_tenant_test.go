package conformance_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestRunsAreTheInstitutions(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	run := trial(t, app.Sandbox(), "http://127.0.0.1:9/", 2, "create")
	other := app.Sandbox()
	other.Get("/v1/conformance-runs/"+run["id"].(string)).Problem(404, "not-found")
	require.Empty(t, other.Get("/v1/conformance-runs").Is(200).Data())
	app.Get("/v1/conformance-runs/"+run["id"].(string)).Problem(404, "not-found")
}
