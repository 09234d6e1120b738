package ticketing_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestAnotherInstitutionHasItsOwnVocabularies(t *testing.T) {
	t.Parallel()
	app := institution(t)
	v := app.Post(vocabularies, m{"code": "disciplines", "name": "Disciplines"}).Is(201).ID()
	x := app.Post(mappings, mapped("discipline", "theatre", "D-01", nil)).Is(201).ID()
	send(app.Client, record("production", "piece", t1, m{"name": m{"fr": "Pièce"}, "discipline": "theatre", "references": []m{reference("isni", "1")}}))
	production := "/v1/ticketing/productions/" + at(app.Client, "production", "piece")["id"].(string)
	other := app.OtherTenant()
	for _, path := range []string{vocabularies + "/" + v, mappings + "/" + x} {
		other.Get(path).Problem(404, "not-found")
		other.Patch(path, m{"name": "X", "term_id": "X"}).Is(400)
		other.Delete(path, parvistest.IfMatch("*")).Problem(404, "not-found")
	}
	other.Patch(vocabularies+"/"+v, m{"name": "X"}).Problem(404, "not-found")
	other.Patch(mappings+"/"+x, m{"term_id": "X"}).Problem(404, "not-found")
	other.Patch(production, m{"references": []m{reference("isni", "2")}}).Problem(404, "not-found")
	other.Post(mappings, mapped("discipline", "theatre", "D-01", nil)).Problem(422, "invalid")
	require.Empty(t, other.Get(vocabularies).Data())
	require.Empty(t, other.Get(mappings).Data())
	require.Empty(t, other.Get("/v1/ticketing/productions?reference=isni:1").Data())
	// The same word there stands for what that institution says.
	other.Post("/v1/ticketing/sources", m{"code": "principale", "name": "X", "kind": "csv"}).Is(201)
	other.Post(vocabularies, m{"code": "disciplines", "name": "Les leurs"}).Is(201)
	other.Post(mappings, mapped("discipline", "theatre", "Z", nil)).Is(201)
	require.Equal(t, []any{[]any{"discipline", "theatre", "disciplines", "D-01"}}, stands(app.Get(production).JSON()))
}
