package ticketing_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestWhoMayMapValues(t *testing.T) {
	t.Parallel()
	app := institution(t)
	v := app.Post(vocabularies, m{"code": "disciplines", "name": "Disciplines"}).Is(201).ID()
	all := app.Post(mappings, mapped("discipline", "theatre", "D-01", nil)).Is(201).ID()
	send(app.Client, record("production", "piece", t1, m{"name": m{"fr": "Pièce"}}))
	production := "/v1/ticketing/productions/" + at(app.Client, "production", "piece")["id"].(string)
	for _, c := range []*parvistest.Client{app.As("ticketing:read"), app.As("ticketing:write")} {
		c.Post(vocabularies, m{"code": "x", "name": "X"}).Problem(403, "insufficient-scope")
		c.Post(mappings, mapped("discipline", "x", "D", nil)).Problem(403, "insufficient-scope")
		c.Post(mappings+"/batch", m{"items": []m{mapped("discipline", "x", "D", nil)}}).Problem(403, "insufficient-scope")
		c.Patch(mappings+"/"+all, m{"term_id": "X"}).Problem(403, "insufficient-scope")
		c.Patch(production, m{"references": []m{}}).Problem(403, "insufficient-scope")
	}
	app.As("ticketing:read").Get(vocabularies + "/" + v).Is(200)
	app.As("ticketing:write").Get(mappings).Problem(403, "insufficient-scope")
}

func TestAKeyOfOneSourceMapsItsOwnValues(t *testing.T) {
	t.Parallel()
	app := institution(t)
	app.Post("/v1/ticketing/sources", m{"code": "musee", "name": "Musée", "kind": "generic"}).Is(201)
	v := app.Post(vocabularies, m{"code": "disciplines", "name": "Disciplines"}).Is(201).ID()
	all := app.Post(mappings, mapped("discipline", "theatre", "D-01", nil)).Is(201).ID()
	other := app.Post(mappings, mapped("discipline", "theatre", "D-02", m{"source": "musee"})).Is(201).ID()
	app.Put("/v1/ticketing/sources/musee/records/production/p", m{"source_version": 1, "data": m{"name": m{"fr": "P"}}}).Is(200)
	theirs := app.Get("/v1/ticketing/productions?source=musee").Data()[0]["id"].(string)
	key := app.AsSource("principale", "ticketing:read", "ticketing:manage")
	require.Len(t, key.Get(mappings).Data(), 1)
	key.Get(mappings + "/" + all).Is(200)
	key.Get(mappings+"/"+other).Problem(404, "not-found")
	key.Patch(mappings+"/"+other, m{"term_id": "X"}).Problem(404, "not-found")
	key.Delete(mappings+"/"+other, parvistest.IfMatch("*")).Problem(404, "not-found")
	key.Patch(mappings+"/"+all, m{"term_id": "X"}).Problem(404, "not-found")
	key.Post(mappings, mapped("discipline", "danse", "D", nil)).Problem(422, "invalid")
	key.Post(mappings, mapped("discipline", "danse", "D", m{"source": "musee"})).Problem(422, "invalid")
	key.Post(mappings, mapped("discipline", "danse", "D", m{"source": "principale"})).Is(201)
	key.Post(vocabularies, m{"code": "x", "name": "X"}).Problem(404, "not-found")
	key.Patch(vocabularies+"/"+v, m{"name": "X"}).Problem(404, "not-found")
	key.Delete(vocabularies+"/"+v, parvistest.IfMatch("*")).Problem(404, "not-found")
	key.Patch("/v1/ticketing/productions/"+theirs, m{"references": []m{}}).Problem(404, "not-found")
}
