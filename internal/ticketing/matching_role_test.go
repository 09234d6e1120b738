package ticketing_test

import "testing"

func TestDecidingNeedsItsOwnScope(t *testing.T) {
	t.Parallel()
	app := institution(t)
	r := bought(app.Client, "o1", buyer("Nora", "Castellan", "nora@courrier.example"), nil)
	at := "/v1/ticketing/orders/" + r["id"].(string)
	reader, writer, decider := app.As("ticketing:read"), app.As("ticketing:write", "ticketing:read"), app.As("ticketing:match", "ticketing:read")
	reader.Get(at + "/match").Is(200)
	reader.Post(at+"/relink", m{"contact_id": nil}).Problem(403, "insufficient-scope")
	writer.Post(at+"/relink", m{"contact_id": nil}).Problem(403, "insufficient-scope")
	reader.Post("/v1/contacts/lookup", m{"email": "nora@courrier.example"}).Problem(403, "insufficient-scope")
	decider.Post(at+"/relink", m{"contact_id": nil}).Is(200)
	app.AsSource("principale", "ticketing:read").Get("/v1/ticketing/decisions").Problem(404, "not-found")
}
