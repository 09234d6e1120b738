package vault_test

import (
	"testing"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestWhoMaySeeAndChangeKeys(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	app.As("encryption:read").Get("/v1/encryption").Is(200)
	app.As("encryption:read").Post("/v1/encryption/rotations", nil).Problem(403, "insufficient-scope")
	app.As("encryption:rotate").Get("/v1/encryption").Problem(403, "insufficient-scope")
	app.As("encryption:rotate").Post("/v1/encryption/rotations", nil).Is(202)
}
