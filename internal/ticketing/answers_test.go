package ticketing_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func answering(t *testing.T) *parvistest.App {
	t.Helper()
	app := institution(t)
	app.Post("/v1/purposes", m{"code": "newsletter", "name": "Lettre", "legal_basis": "consent"}).Is(201)
	return app
}

func yes(channel, when string) m {
	return m{"consents": []m{{"purpose": "newsletter", "channel": channel, "value": "granted", "at": when}}}
}

// standing are a contact's consents, each with the address that it is bound to.
func standing(app *parvistest.App, contact any) map[string]string {
	values := map[any]string{nil: ""}
	for _, p := range app.Get("/v1/contacts/" + contact.(string) + "/contact-points").Data() {
		values[p["id"]] = p["value"].(string)
	}
	out := map[string]string{}
	for _, c := range app.Get("/v1/contacts/" + contact.(string) + "/consents").Is(200).Data() {
		out[fmt.Sprint(c["channel"], " ", values[c["contact_point_id"]])] = c["state"].(string)
	}
	return out
}

func TestAnAnswerIsBoundToTheAddressItWasGivenFor(t *testing.T) {
	t.Parallel()
	app := answering(t)
	id := person(app, "Nora", "Castellan", m{"contact_points": []m{{"kind": "email", "value": "n.castellan@courrier.example"}, {"kind": "email", "value": "nora.castellan@courrier.example"}, {"kind": "phone", "value": "+33612345678"}}})
	r := bought(app.Client, "o1", buyer("Nora", "Castellan", "nora.castellan@courrier.example"), yes("email", "2026-10-02T10:00:00Z"))
	require.Equal(t, id, r["contact_id"])
	require.Equal(t, map[string]string{"email nora.castellan@courrier.example": "given"}, standing(app, id))
	// By her number, with an address that was not known before.
	r = bought(app.Client, "o2", m{"given_name": "Nora", "family_name": "Castellan", "email": "nora.c@courrier.example", "phone": "06 12 34 56 78"}, yes("email", "2026-10-03T10:00:00Z"))
	require.Equal(t, id, r["contact_id"])
	require.Equal(t, map[string]string{"email nora.castellan@courrier.example": "given", "email nora.c@courrier.example": "given"}, standing(app, id))
	// Without an address, nobody knows which of three it was for; of the one number there is no doubt.
	bought(app.Client, "o3", m{"given_name": "Nora", "family_name": "Castellan", "contact_id": id}, yes("email", "2026-10-04T10:00:00Z"))
	bought(app.Client, "o4", m{"given_name": "Nora", "family_name": "Castellan", "contact_id": id}, yes("sms", "2026-10-04T10:00:00Z"))
	require.Equal(t, map[string]string{"email nora.castellan@courrier.example": "given", "email nora.c@courrier.example": "given", "sms +33612345678": "given"}, standing(app, id))
}

func TestAnAnswerGoesWithTheOrder(t *testing.T) {
	t.Parallel()
	app := answering(t)
	nora := person(app, "Nora", "Castellan", m{"contact_points": []m{{"kind": "email", "value": "nora@courrier.example"}}})
	yann := person(app, "Yann", "Castellan", m{"contact_points": []m{{"kind": "email", "value": "nora@courrier.example"}}})
	const mailbox = "email nora@courrier.example"
	r := bought(app.Client, "o1", buyer("Nora", "Castellan", "nora@courrier.example"), yes("email", "2026-10-02T10:00:00Z"))
	require.Equal(t, nora, r["contact_id"])
	require.Equal(t, "given", standing(app, nora)[mailbox])
	relink := func(to any) {
		t.Helper()
		app.Post("/v1/ticketing/orders/"+r["id"].(string)+"/relink", m{"contact_id": to}).Is(200)
	}
	relink(yann)
	require.Equal(t, []any{"withdrawn", "given"}, []any{standing(app, nora)[mailbox], standing(app, yann)[mailbox]})
	relink(nora)
	require.Equal(t, []any{"given", "withdrawn"}, []any{standing(app, nora)[mailbox], standing(app, yann)[mailbox]})
	relink(nil)
	require.Equal(t, []any{"withdrawn", "withdrawn"}, []any{standing(app, nora)[mailbox], standing(app, yann)[mailbox]})
	relink(nora)
	require.Equal(t, "given", standing(app, nora)[mailbox])
	// Told again, nothing more is recorded.
	ledger := len(app.Get("/v1/contacts/" + nora + "/consents/history").Data())
	require.Equal(t, []any{"unchanged"}, statuses([]m{bought(app.Client, "o1", buyer("Nora", "Castellan", "nora@courrier.example"), yes("email", "2026-10-02T10:00:00Z"))}))
	require.Len(t, app.Get("/v1/contacts/"+nora+"/consents/history").Data(), ledger)

	// What she said herself stays hers, and so does a no.
	point := app.Get("/v1/contacts/" + nora + "/contact-points").Data()[0]["id"]
	app.Post("/v1/contacts/"+nora+"/consents", m{"purpose": "newsletter", "channel": "email", "action": "given", "contact_point_id": point, "at": "2026-09-01T10:00:00Z", "mechanism": "paper"}).Is(201)
	relink(yann)
	require.Equal(t, "given", standing(app, nora)[mailbox])

	// The source corrects itself.
	other := send(app.Client, record("order", "o2", t1, orderData(m{"buyer": buyer("Odile", "Pastre", "odile@courrier.example"), "lines": []m{}, "consents": yes("email", "2026-10-02T10:00:00Z")["consents"]})))[0]["contact_id"]
	right := send(app.Client, record("order", "o2", t2, orderData(m{"buyer": buyer("Paul", "Ozanne", "paul@courrier.example"), "lines": []m{}, "consents": yes("email", "2026-10-02T10:00:00Z")["consents"]})))[0]["contact_id"]
	require.NotEqual(t, other, right)
	require.Equal(t, "withdrawn", standing(app, other)["email odile@courrier.example"])
	require.Equal(t, "given", standing(app, right)["email paul@courrier.example"])
}

// An answer that nothing is known to bind it to finds its address when the account
// says it, whichever comes first.
func TestAnAnswerWaitsForItsAddress(t *testing.T) {
	t.Parallel()
	order := record("order", "o1", t1, orderData(m{"buyer": m{"customer": "K1", "given_name": "Nora", "family_name": "Castellan", "phone": "0612345678"}, "lines": []m{}, "consents": yes("email", "2026-10-02T10:00:00Z")["consents"]}))
	account := record("customer", "K1", t1, m{"given_name": "Nora", "family_name": "Castellan", "phone": "0612345678", "email": "nora@courrier.example"})
	for name, arrivals := range map[string][]m{"order first": {order, account}, "account first": {account, order}} {
		app := answering(t)
		var who any
		for _, r := range arrivals {
			who = send(app.Client, r)[0]["contact_id"]
		}
		require.Equal(t, map[string]string{"email nora@courrier.example": "given"}, standing(app, who), name)
	}
}

// Whether an order is taken does not depend on whose it is, and an answer that the
// ledger does not take holds up nothing else.
func TestAnAnswerOfTomorrowIsRefusedWhoeverGaveIt(t *testing.T) {
	t.Parallel()
	app := answering(t)
	ahead := yes("email", time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	for _, who := range []m{buyer("Nora", "Castellan", "nora@courrier.example"), nil} {
		r := bought(app.Client, "o1", who, ahead)
		require.Equal(t, "failed", r["status"])
		wrong := r["problem"].(m)["errors"].([]any)[0].(m)
		require.Equal(t, []any{"in-the-future", "#/records/0/data/consents/0/at"}, []any{wrong["code"], wrong["pointer"]})
	}
	app.Patch("/v1/purposes/"+app.Get("/v1/purposes").Data()[0]["id"].(string), m{"archived": true}).Is(200)
	r := bought(app.Client, "o2", buyer("Nora", "Castellan", "nora@courrier.example"), yes("email", "2026-10-02T10:00:00Z"))
	require.Equal(t, "created", r["status"])
	require.Empty(t, standing(app, r["contact_id"]))
}
