package quotas_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestQuotasOfAnotherInstitutionAreNotThere(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	other := app.OtherTenant()
	theirs := key(other)
	other.Patch(path(theirs), object{"default": 7}).Is(200)
	app.Get(path(theirs)).Problem(404, "not-found")
	app.Patch(path(theirs), object{"default": 1}).Problem(404, "not-found")
	require.Empty(t, app.Get("/v1/quotas").Is(200).Data())
	require.EqualValues(t, 7, other.Get(path(theirs)).Is(200).JSON()["default"])
}
