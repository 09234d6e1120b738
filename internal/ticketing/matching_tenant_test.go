package ticketing_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnotherInstitutionDecidesNothing(t *testing.T) {
	t.Parallel()
	app := institution(t)
	who := person(app, "Nora", "Castellan", m{"addresses": home("12 rue Haute", "44000"), "contact_points": []m{{"kind": "email", "value": "nora@courrier.example"}}})
	r := bought(app.Client, "o1", m{"given_name": "Nora", "family_name": "Castellan", "address": m{"postal_code": "44000", "city": "Nantes"}}, nil)
	review := app.Get("/v1/ticketing/reviews").Data()[0]["id"].(string)
	app.Post("/v1/ticketing/orders/"+r["id"].(string)+"/relink", m{"contact_id": who}).Is(200)
	decision := app.Get("/v1/ticketing/decisions").Data()[0]["id"].(string)
	other := app.OtherTenant()
	other.Get("/v1/ticketing/orders/"+r["id"].(string)+"/match").Problem(404, "not-found")
	other.Post("/v1/ticketing/orders/"+r["id"].(string)+"/relink", m{"contact_id": nil}).Problem(404, "not-found")
	other.Get("/v1/ticketing/reviews/"+review).Problem(404, "not-found")
	other.Post("/v1/ticketing/reviews/"+review+"/decide", m{"action": "reject"}).Problem(404, "not-found")
	other.Post("/v1/ticketing/decisions/"+decision+"/revert", m{}).Problem(404, "not-found")
	for _, path := range []string{"/v1/ticketing/reviews", "/v1/ticketing/decisions", "/v1/ticketing/household-proposals", "/v1/ticketing/mailboxes"} {
		require.Empty(t, other.Get(path).Is(200).Data(), path)
	}
	require.Empty(t, other.Post("/v1/contacts/lookup", m{"email": "nora@courrier.example"}).Is(200).JSON()["data"])
}
