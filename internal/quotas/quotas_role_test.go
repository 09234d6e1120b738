package quotas_test

import (
	"testing"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestOnlyWhoMayChangesQuotas(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	k := key(app.Client)
	reader := app.As("quotas:read")
	reader.Get(path(k)).Is(200)
	reader.Get("/v1/quotas").Is(200)
	reader.Patch(path(k), object{"default": 5}).Problem(403, "insufficient-scope")
	writer := app.As("quotas:write")
	writer.Patch(path(k), object{"default": 5}).Is(200)
	writer.Get(path(k)).Problem(403, "insufficient-scope")
	app.As("operations:read").Get("/v1/quotas").Problem(403, "insufficient-scope")
	// Nobody raises their own by holding a key.
	with(app.Client, k["secret"]).Patch(path(k), object{"default": 1000000}).Problem(403, "insufficient-scope")
}
