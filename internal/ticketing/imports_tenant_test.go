package ticketing_test

import "testing"

func TestAnotherInstitutionSeesNoFile(t *testing.T) {
	t.Parallel()
	app := institution(t)
	id := app.Do("POST", imports, ndjson(t, record("venue", "v", t1, m{"name": m{"fr": "X"}})), media("application/x-ndjson")).Is(202).ID()
	succeeded(t, ended(t, app, id))
	other := app.OtherTenant()
	other.Do("POST", imports, "{}", media("application/x-ndjson")).Problem(404, "not-found")
	other.Get(imports+"/"+id+"/results").Problem(404, "not-found")
	other.Post("/v1/ticketing/sources", m{"code": "principale", "name": "X", "kind": "csv"}).Is(201)
	other.Get(imports+"/"+id+"/results").Problem(404, "not-found")
}
