package indicators_test

import "testing"

func TestScopes(t *testing.T) {
	t.Parallel()
	app := institution(t)
	who := send(app.Client, "order", "o1", order(nil))["contact_id"].(string)
	reader, manager := app.As("ticketing:read"), app.As("ticketing:manage")
	reader.Get("/v1/contacts/" + who + "/indicators").Is(200)
	reader.Post("/v1/indicators/recount", nil).Problem(403, "insufficient-scope")
	manager.Get("/v1/contacts/"+who+"/indicators").Problem(403, "insufficient-scope")
	manager.Post("/v1/indicators/recount", nil).Is(202)
}
