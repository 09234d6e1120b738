package indicators_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

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

// A key of one source learns nothing of what others sold; of what can be told of
// one source alone, that of its own.
func TestAKeyOfOneSourceLearnsNothingOfOthers(t *testing.T) {
	t.Parallel()
	app := institution(t)
	catalogue(app.Client)
	who := send(app.Client, "order", "o1", order(m{"channel": m{"kind": "web"}}))["contact_id"].(string)
	app.Post("/v1/ticketing/sources", m{"code": "x", "name": "Autre", "kind": "generic"}).Is(201)
	settled(t, app, owner(t, app))
	const rates = "/v1/indicators/capture-rates?placed_at_gte=2026-10-01T00:00:00Z&placed_at_lt=2026-12-01T00:00:00Z"
	tickets := app.Get(rates).Is(200).JSON()["total"].(m)["tickets"]
	require.Positive(t, tickets)
	for source, want := range map[string]any{"x": 0.0, "principale": tickets} {
		key := app.AsSource(source, "ticketing:read")
		for _, path := range []string{"/v1/contact-indicators", "/v1/contacts/" + who + "/indicators", "/v1/contacts/" + who + "/indicators/net/facts"} {
			key.Get(path).Problem(403, "indicators-beyond-source")
		}
		require.Equal(t, want, key.Get(rates).Is(200).JSON()["total"].(m)["tickets"], source)
	}
}

// Amounts are for those who read amounts, as filters and as an order too; a
// contact out of sight is in no list.
func TestContactsAreListedToWhoSeesThemAndReadsTheFigure(t *testing.T) {
	t.Parallel()
	app := institution(t)
	catalogue(app.Client)
	who := send(app.Client, "order", "o1", order(nil))["contact_id"].(string)
	settled(t, app, owner(t, app))
	require.Len(t, app.Get("/v1/contact-indicators?net_gte=40.00").Is(200).Data(), 1)
	clerk := app.Limited(parvistest.Limits{Scopes: []string{"ticketing:read"}, Verbs: []string{"see"}, Readable: []string{"identity"}})
	listed := clerk.Get("/v1/contact-indicators").Is(200).Data()
	require.Equal(t, who, listed[0]["contact_id"])
	require.Nil(t, listed[0]["net"], "it is masked")
	for _, query := range []string{"net_gte=0", "net_last_year_lte=1000", "sort=-net", "sort=net_last_year"} {
		require.Empty(t, clerk.Get("/v1/contact-indicators?"+query).Is(200).Data(), query)
	}
	elsewhere := app.Limited(parvistest.Limits{Scopes: []string{"ticketing:read"}, Departments: []string{app.Department("musee", "")}})
	app.AsOwner("update crm.contacts set department_ids = array[gen_random_uuid()] where id = $1", who)
	for _, query := range []string{"", "?orders_gte=1", "?sort=-net"} {
		require.Empty(t, elsewhere.Get("/v1/contact-indicators"+query).Is(200).Data(), query)
	}
	app.As("contacts:read").Get("/v1/contact-indicators").Problem(403, "insufficient-scope")
}
