package conformance_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestWhoMayTryOut(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	in := m{"hook_url": "http://127.0.0.1:9/", "connector": m{"name": "Guichet", "version": "1"}}
	app.Anonymous().Post("/v1/conformance-runs", in).Problem(401, "unauthenticated")
	app.As("conformance:read").Post("/v1/conformance-runs", in).Problem(403, "insufficient-scope")
	app.As("ticketing:manage").Get("/v1/conformance-runs").Problem(403, "insufficient-scope")
	app.As("conformance:write").Get("/v1/conformance-runs/"+uuid.NewString()).Problem(403, "insufficient-scope")
	app.As("conformance:read").Get("/v1/conformance-runs").Is(200)
}
