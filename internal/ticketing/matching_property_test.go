package ticketing_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// Whatever families buy, in whatever order: nobody's name is ever changed by a
// sale, every link is explained, and every decision can be taken back.
func TestNobodyIsRenamedAndEveryLinkIsExplainedAndReversible(t *testing.T) {
	t.Parallel()
	app := institution(t)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		before := parvistest.Ask[string](t, app, "select coalesce(jsonb_object_agg(id, jsonb_build_array(given_name, family_name, birth_name, display_name)), '{}')::text from crm.contacts where tenant_id = $1", app.Tenant)
		var orders []m
		for range rapid.IntRange(1, 5).Draw(rt, "orders") {
			n++
			who := m{"given_name": rapid.SampledFrom([]string{"Nora", "Yann", "Léo", "N."}).Draw(rt, "given"), "family_name": rapid.SampledFrom([]string{"Castellan", "Ozanne", "de Castellan"}).Draw(rt, "family")}
			if rapid.IntRange(0, 3).Draw(rt, "reached") > 0 {
				who["email"] = rapid.SampledFrom([]string{"famille@courrier.example", "nora@courrier.example", "contact@courrier.example"}).Draw(rt, "email")
			}
			if rapid.Bool().Draw(rt, "account") {
				who["customer"] = rapid.SampledFrom([]string{"K1", "K2", "K3"}).Draw(rt, "customer")
			}
			if rapid.Bool().Draw(rt, "called") {
				who["phone"] = rapid.SampledFrom([]string{"0639984011", "0639984012"}).Draw(rt, "phone")
			}
			if rapid.Bool().Draw(rt, "born") {
				who["birthdate"] = rapid.SampledFrom([]string{"1960-01-02", "1990-05-06", "2018-03-04"}).Draw(rt, "birthdate")
			}
			if rapid.Bool().Draw(rt, "housed") {
				who["address"] = m{"street": "12 rue Haute", "postal_code": "44000", "city": "Nantes"}
			}
			orders = append(orders, bought(app.Client, fmt.Sprint("p", n), who, nil))
		}
		renamed := parvistest.Ask[int](t, app, `select count(*)::int from jsonb_each($1::text::jsonb) b join crm.contacts c on c.id = b.key::uuid
			where b.value <> jsonb_build_array(c.given_name, c.family_name, c.birth_name, c.display_name)`, before)
		require.Zero(t, renamed)
		require.Zero(t, parvistest.Ask[int](t, app, `select count(*)::int from crm.events where type = 'contact.updated'`))
		for _, o := range orders {
			match := app.Get("/v1/ticketing/orders/" + o["id"].(string) + "/match").Is(200).JSON()
			require.NotEmpty(t, match["rule"])
			require.NotEmpty(t, match["explanation"])
			require.NotEmpty(t, match["evidence"])
			require.Len(t, match["inputs_digest"], 64)
			require.Equal(t, match["contact_id"] != nil, match["confidence"].(float64) > 0 && match["rule"] != "review", match)
		}
		o := rapid.SampledFrom(orders).Draw(rt, "relinked")
		was := orderOf(app.Client, o)["contact_id"]
		at := "/v1/ticketing/orders/" + o["id"].(string)
		app.Post(at+"/relink", m{"contact_id": nil}).Is(200)
		require.Nil(t, orderOf(app.Client, o)["contact_id"])
		d := app.Get("/v1/ticketing/decisions?order_id=" + o["id"].(string)).Data()[0]
		app.Post("/v1/ticketing/decisions/"+d["id"].(string)+"/revert", m{}).Is(200)
		if was != nil {
			require.Equal(t, was, orderOf(app.Client, o)["contact_id"])
		}
	})
}
