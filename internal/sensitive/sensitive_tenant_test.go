package sensitive_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestAnotherInstitutionSeesNothing(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	path, _ := person(t, app.Client)
	one := path + "/" + app.Post(path, iban("FR7630006000011234567890189")).Is(201).ID()
	other := app.OtherTenant()
	theirs, _ := person(t, other)
	for _, address := range []string{path, one, one + "/history"} {
		other.Get(address, because).Problem(404, "not-found")
	}
	other.Post(path, need("x")).Problem(404, "not-found")
	other.Patch(one, map[string]any{"text": "x"}).Problem(404, "not-found")
	other.Delete(one, parvistest.IfMatch(`"1"`)).Problem(404, "not-found")
	require.Empty(t, other.Post("/v1/sensitive-facts/search", map[string]any{"scheme": "iban", "value": "FR7630006000011234567890189"}, because).Is(200).Data())
	// A fact is reached through its own contact only.
	id := one[len(path):]
	other.Get(theirs+id, because).Problem(404, "not-found")
	mine, _ := person(t, app.Client)
	app.Get(mine+id, because).Problem(404, "not-found")
	app.Get(mine+id+"/history", because).Problem(404, "not-found")
}
