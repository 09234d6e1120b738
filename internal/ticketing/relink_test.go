package ticketing_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestRelinkStandsAndIsReversible(t *testing.T) {
	t.Parallel()
	app := institution(t)
	r := bought(app.Client, "o1", buyer("Nora", "Castellan", "nora@courrier.example"), nil)
	other := person(app, "Yann", "Castellan", nil)
	at := "/v1/ticketing/orders/" + r["id"].(string)
	o := app.Get(at).Is(200)
	app.Post(at+"/relink", m{"contact_id": other}, parvistest.IfMatch(`"99"`)).Problem(412, "stale-version")
	app.Post(at+"/relink", m{"contact_id": "0199c0de-7b11-7e0a-9d1f-5b8f0a3b9fff"}).Problem(404, "not-found")
	binned := person(app, "Yann", "Jeté", nil)
	app.Post("/v1/contacts/"+binned+"/archive", nil, parvistest.IfMatch(`"1"`)).Is(200)
	app.Post(at+"/relink", m{"contact_id": binned}).Problem(409, "contact-in-trash")
	app.Post(at+"/tickets/"+app.Get(at).JSON()["lines"].([]any)[0].(m)["id"].(string)+"/relink", m{"contact_id": binned}).Problem(409, "contact-in-trash")
	moved := app.Post(at+"/relink", m{"contact_id": other, "reason": "her son's"}, parvistest.IfMatch(o.ETag())).Is(200).JSON()
	require.Equal(t, []any{other, "decided"}, []any{moved["contact_id"], moved["match"].(m)["rule"]})
	require.Equal(t, []string{"Nora Castellan", "Yann Castellan", "Yann Jeté"}, contactsNamed(t, app))
	parvistest.Eventually(t, "the order is relinked", func() bool {
		return len(app.Get("/v1/events?types=ticketing.order.relinked").JSON()["data"].([]any)) == 1
	})
	// A later message of the source does not undo it.
	send(app.Client, record("order", "o1", t2, orderData(m{"buyer": buyer("Nora", "Castellan", "nora@courrier.example"), "number": "N2"})))
	send(app.Client, record("order", "o1", t3, orderData(m{"buyer": buyer("Paul", "Ozanne", "paul@courrier.example")})))
	require.Equal(t, other, app.Get(at).JSON()["contact_id"])

	nobody := app.Post(at+"/relink", m{"contact_id": nil}).Is(200).JSON()
	require.Equal(t, []any{nil, "decided_nobody"}, []any{nobody["contact_id"], nobody["match"].(m)["rule"]})
	decisions := app.Get("/v1/ticketing/decisions?order_id=" + r["id"].(string)).Is(200).Data()
	require.Len(t, decisions, 2)
	require.Equal(t, "her son's", decisions[1]["reason"])
	app.Post("/v1/ticketing/decisions/"+decisions[1]["id"].(string)+"/revert", m{}).Problem(409, "ticketing-decision-superseded")
	back := app.Post("/v1/ticketing/decisions/"+decisions[0]["id"].(string)+"/revert", m{}).Is(200).JSON()
	require.Equal(t, []any{"contact", other, decisions[0]["id"]}, []any{back["action"], back["contact_id"], back["reverts_id"]})
	require.Equal(t, other, app.Get(at).JSON()["contact_id"])
	// The revert reverted, and then reverted again: nobody, then her son.
	again := app.Post("/v1/ticketing/decisions/"+back["id"].(string)+"/revert", m{}).Is(200).JSON()
	require.Nil(t, app.Get(at).JSON()["contact_id"])
	app.Post("/v1/ticketing/decisions/"+again["id"].(string)+"/revert", m{}).Is(200)
	require.Equal(t, other, app.Get(at).JSON()["contact_id"])
}

// What was bought with an order, or with a ticket of it, is whose the order is.
func TestWhatWasBoughtGoesAlong(t *testing.T) {
	t.Parallel()
	app := institution(t)
	r := bought(app.Client, "o1", buyer("Nora", "Castellan", "nora@courrier.example"), nil)
	send(app.Client,
		record("membership", "m1", t1, m{"order": "o1", "number": "M1"}),
		record("gift_card", "g1", t1, m{"order": "o1", "balance": "10.00"}),
		record("group_booking", "b1", t1, m{"state": "confirmed", "number": "B1", "order": "o1"}))
	whose := func() []any {
		return []any{at(app.Client, "membership", "m1")["contact_id"], at(app.Client, "gift_card", "g1")["contact_id"], at(app.Client, "group_booking", "b1")["contact_id"]}
	}
	nora, yann := r["contact_id"], person(app, "Yann", "Castellan", nil)
	require.Equal(t, []any{nora, nora, nora}, whose())
	order := "/v1/ticketing/orders/" + r["id"].(string)
	app.Post(order+"/relink", m{"contact_id": yann}).Is(200)
	require.Equal(t, []any{yann, yann, yann}, whose())
	require.Len(t, app.Get("/v1/ticketing/memberships?contact_id="+yann).Data(), 1)
	require.Equal(t, 1, eventTypes(t, app, "ticketing.gift_card.*")["ticketing.gift_card.updated"])
	app.Post(order+"/relink", m{"contact_id": nil}).Is(200)
	require.Equal(t, []any{nil, nil, nil}, whose())
}

func TestRevertOfTheFirstDecisionGoesBackToTheRules(t *testing.T) {
	t.Parallel()
	app := institution(t)
	r := bought(app.Client, "o1", buyer("Nora", "Castellan", "nora@courrier.example"), nil)
	at := "/v1/ticketing/orders/" + r["id"].(string)
	app.Post(at+"/relink", m{"contact_id": nil}).Is(200)
	d := app.Get("/v1/ticketing/decisions").Is(200).Data()[0]
	require.Equal(t, "rules", app.Post("/v1/ticketing/decisions/"+d["id"].(string)+"/revert", m{}).Is(200).JSON()["action"])
	require.Equal(t, r["contact_id"], app.Get(at).JSON()["contact_id"])
	require.Len(t, contactsNamed(t, app), 1)
}

func TestTicketsAreRelinkedApart(t *testing.T) {
	t.Parallel()
	app := institution(t)
	r := bought(app.Client, "o1", buyer("Nora", "Castellan", "nora@courrier.example"), nil)
	other := person(app, "Yann", "Castellan", nil)
	at := "/v1/ticketing/orders/" + r["id"].(string)
	ticket := app.Get(at).JSON()["lines"].([]any)[0].(m)["id"].(string)
	app.Post(at+"/tickets/"+r["id"].(string)+"/relink", m{"contact_id": other}).Problem(404, "not-found")
	o := app.Post(at+"/tickets/"+ticket+"/relink", m{"contact_id": other}).Is(200).JSON()
	require.Equal(t, other, o["lines"].([]any)[0].(m)["holder_contact_id"])
	require.Equal(t, r["contact_id"], o["contact_id"])
	send(app.Client, record("order", "o1", t2, orderData(m{"buyer": buyer("Nora", "Castellan", "nora@courrier.example"), "lines": []m{line("ticket-o1", "12.00", "valid")}})))
	require.Equal(t, other, app.Get(at).JSON()["lines"].([]any)[0].(m)["holder_contact_id"])
	d := app.Get("/v1/ticketing/decisions?order_id=" + r["id"].(string)).Data()[0]
	app.Post("/v1/ticketing/decisions/"+d["id"].(string)+"/revert", m{}).Is(200)
	require.Nil(t, app.Get(at).JSON()["lines"].([]any)[0].(m)["holder_contact_id"])
}

func TestClaims(t *testing.T) {
	t.Parallel()
	app := institution(t)
	who := person(app, "Nora", "Castellan", nil)
	claim := func(number string, proof m) *parvistest.Answer {
		return app.Post("/v1/ticketing/order-claims", m{"source": "principale", "order_number": number, "contact_id": who, "proof": proof})
	}
	r := bought(app.Client, "o1", m{"email": "nora@courrier.example"}, m{"number": "A1", "claim_secret": "a-secret-of-the-order-1"})
	require.Equal(t, "anonymous", rule(r))
	claim("A2", m{"secret": "a-secret-of-the-order-1"}).Problem(422, "ticketing-claim-not-proved")
	claim("A1", m{"secret": "a-secret-of-the-order-2"}).Problem(422, "ticketing-claim-not-proved")
	claim("A1", m{"email": "autre@courrier.example"}).Problem(422, "ticketing-claim-not-proved")
	o := claim("A1", m{"secret": "a-secret-of-the-order-1"}).Is(200).JSON()
	require.Equal(t, []any{who, "claimed"}, []any{o["contact_id"], o["match"].(m)["rule"]})
	claim("A1", m{"email": "NORA@courrier.example"}).Is(200) // already hers
	require.NotContains(t, string(app.Get("/v1/ticketing/orders/"+r["id"].(string)).Body), "a-secret")
	d := app.Get("/v1/ticketing/decisions").Data()
	require.Len(t, d, 1)
	app.Post("/v1/ticketing/decisions/"+d[0]["id"].(string)+"/revert", m{}).Is(200)
	require.Nil(t, orderOf(app.Client, r)["contact_id"])

	require.Nil(t, bought(app.Client, "o2", nil, m{"number": "B1"})["contact_id"])
	claim("B1", m{"email": "nora@courrier.example"}).Problem(422, "ticketing-claim-not-proved")
	claim("B1", m{"reason": "showed the ticket"}).Is(200)
	bought(app.Client, "o3", buyer("Paul", "Ozanne", "paul@courrier.example"), m{"number": "C1"})
	claim("C1", m{"reason": "showed the ticket"}).Problem(409, "ticketing-order-attributed")
}

func TestLookup(t *testing.T) {
	t.Parallel()
	app := institution(t)
	who := person(app, "Nora", "Castellan", m{"birthdate": "1990-05-06", "addresses": home("12 rue Haute", "44000"), "external_ids": []m{{"source": "card", "external_id": "A-77"}},
		"contact_points": []m{{"kind": "email", "value": "nora@courrier.example"}, {"kind": "phone", "value": "06 39 98 40 11"}}})
	look := func(by m) []any { return app.Post("/v1/contacts/lookup", by).Is(200).JSON()["data"].([]any) }
	for _, by := range []m{{"email": "NORA@courrier.example"}, {"phone": "+33 6 39 98 40 11"}, {"card_number": "A-77"}, {"external_ref": m{"source": "card", "external_id": "A-77"}}} {
		found := look(by)
		require.Len(t, found, 1, by)
		p := found[0].(m)
		require.Equal(t, []any{who, "Nora Castellan", "44000", false, false}, []any{p["contact_id"], p["display_name"], p["postal_code"], p["is_minor"], p["has_bought"]})
	}
	require.Empty(t, look(m{"email": "autre@courrier.example"}))
	bought(app.Client, "o1", buyer("Nora", "Castellan", "nora@courrier.example"), nil)
	require.Equal(t, true, look(m{"card_number": "A-77"})[0].(m)["has_bought"])
	app.Post("/v1/contacts/lookup", m{"email": "nobody"}).Problem(422, "invalid")
	app.Post("/v1/contacts/lookup", m{"phone": "12345"}).Problem(422, "invalid")
	app.Post("/v1/contacts/lookup", m{}).Problem(400, "invalid-request")
	app.Post("/v1/contacts/lookup", m{"email": "nora@courrier.example", "card_number": "A-77"}).Problem(400, "invalid-request")
}
