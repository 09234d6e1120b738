package register_test

import (
	"net/http"
	"testing"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// Who reads the register does not write it, and the other way round; a bound key
// reads it and cannot loosen its own bounds.
func TestWhoReadsAndWhoWritesTheRegister(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	purpose(t, app, "newsletter", "consent", "identity")
	path := "/v1/processing-activities/" + app.Post("/v1/processing-activities", activity(nil)).Is(http.StatusCreated).ID()
	reader, writer := app.As("register:read"), app.As("register:write")
	reader.Get(path).Is(http.StatusOK)
	reader.Get("/v1/processing-register").Is(http.StatusOK)
	reader.Get("/v1/deployment").Is(http.StatusOK)
	reader.Patch(path, m{"status": "retired"}).Problem(http.StatusForbidden, "insufficient-scope")
	writer.Get(path).Problem(http.StatusForbidden, "insufficient-scope")
	writer.Patch(path, m{"status": "retired"}).Is(http.StatusOK)
	key := bound(t, app, []string{"*"}, "newsletter")
	key.Get(path).Is(http.StatusOK)
	key.Patch(path, m{"field_classes": []string{"sensitive"}}).Problem(http.StatusForbidden, "outside-purpose")
	key.Post("/v1/api-keys", m{"name": "x", "kind": "secret", "scopes": []string{"contacts:read"}}).Problem(http.StatusForbidden, "outside-purpose")
}
