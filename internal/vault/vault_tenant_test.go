package vault_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestEachInstitutionHasItsOwnKeys(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	other := app.OtherTenant()
	app.Post("/v1/tags", map[string]any{"name": "one"}).Is(201)
	other.Post("/v1/tags", map[string]any{"name": "one"}).Is(201)
	ended(t, app.Client, app.Post("/v1/encryption/rotations", nil).Is(202).Header.Get("Location"), "succeeded")
	require.EqualValues(t, 2, app.Get("/v1/encryption").Is(200).JSON()["key_version"])
	theirs := other.Get("/v1/encryption").Is(200).JSON()
	require.EqualValues(t, 1, theirs["key_version"])
	require.Len(t, theirs["versions"], 1)
	require.Nil(t, theirs["rotation_operation_id"])
}
