package ticketing_test

import "testing"

func TestWhoMaySendFiles(t *testing.T) {
	t.Parallel()
	app := institution(t)
	app.Post("/v1/ticketing/sources", m{"code": "musee", "name": "Musée", "kind": "generic"}).Is(201)
	file := ndjson(t, record("venue", "v", t1, m{"name": m{"fr": "X"}}))
	reader, writer := app.As("ticketing:read"), app.As("ticketing:write")
	reader.Do("POST", imports, file, media("application/x-ndjson")).Problem(403, "insufficient-scope")
	app.Anonymous().Do("POST", imports, file, media("application/x-ndjson")).Problem(401, "unauthenticated")
	id := writer.Do("POST", imports, file, media("application/x-ndjson")).Is(202).ID()
	succeeded(t, ended(t, app, id))
	reader.Get(imports + "/" + id + "/results").Is(200)
	writer.Get(imports+"/"+id+"/results").Problem(403, "insufficient-scope")

	// A key of one source neither sends to another nor reads what came of it, nor is that under another's name.
	other := app.AsSource("musee", "ticketing:read", "ticketing:write")
	other.Do("POST", imports, file, media("application/x-ndjson")).Problem(404, "not-found")
	other.Get(imports+"/"+id+"/results").Problem(404, "not-found")
	other.Get("/v1/ticketing/sources/musee/imports/"+id+"/results").Problem(404, "not-found")
	app.AsSource("principale", "ticketing:read").Get(imports + "/" + id + "/results").Is(200)
}
