package ticketing_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

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

// Of the usual roles those that may edit contacts decide whose an order is.
func TestTheUsualRolesOfTheCounterDecide(t *testing.T) {
	t.Parallel()
	app := institution(t)
	r := bought(app.Client, "o1", buyer("Nora", "Castellan", "nora@courrier.example"), nil)
	var deciding []any
	for _, role := range app.Post("/v1/roles/defaults", nil).Is(200).Data() {
		limits := parvistest.Limits{}
		for name, into := range map[string]*[]string{"scopes": &limits.Scopes, "verbs": &limits.Verbs} {
			for _, v := range role[name].([]any) {
				*into = append(*into, v.(string))
			}
		}
		answer := app.Limited(limits).Post("/v1/ticketing/orders/"+r["id"].(string)+"/relink", m{"contact_id": nil})
		if slices.Contains(limits.Verbs, "edit") {
			answer.Is(200)
			deciding = append(deciding, role["code"])
		} else {
			answer.Problem(403, "insufficient-scope")
		}
	}
	require.ElementsMatch(t, []any{"accueil", "relations-publics", "protection-donnees", "droits"}, deciding)
}
