package privacy_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func at(c *parvistest.Client, kind, name string) m {
	list := map[string]string{"order": "orders", "membership": "memberships", "group_booking": "group-bookings"}[kind]
	id := c.Get(base + "/records/" + kind + "/" + name).Is(http.StatusOK).ID()
	return c.Get("/v1/ticketing/" + list + "/" + id).Is(http.StatusOK).JSON()
}

func people(t *testing.T, app *parvistest.App) int {
	t.Helper()
	return parvistest.Ask[int](t, app, "select count(*)::int from crm.contacts where erased_at is null")
}

// What a source goes on to send of somebody who was erased keeps the sale and
// brings nobody back; each record is answered as done, so that it is not sent for ever.
func TestWhatASourceSendsBringsNobodyBack(t *testing.T) {
	t.Parallel()
	app := institution(t)
	nora := m{"customer": "C1", "given_name": "Nora", "family_name": "Castellan", "email": "nora@courrier.example"}
	guest := m{"given_name": "Nora", "family_name": "Castellan", "email": "nora@courrier.example"}
	yves := m{"given_name": "Yves", "family_name": "Autrement", "email": "yves@courrier.example"}
	all := func(when string) []m {
		return []m{
			record("customer", "C1", when, guest),
			record("order", "o1", when, orderData(nora, line("t1", nil), line("t2", yves))),
			record("order", "o2", when, orderData(guest, line("t3", guest), line("t4", yves))),
			record("order", "o3", when, orderData(yves, line("t5", guest))),
			record("membership", "m1", when, m{"customer": "C1", "holder": guest, "valid_from": "2026-01-01", "valid_to": "2027-01-01"}),
			record("group_booking", "g1", when, m{"state": "option", "contact_person": nora, "organisation": m{"organisation": "Amis du musée", "email": "amis@musee.example"}}),
		}
	}
	first := send(app.Client, all(t1)...)
	contact := first[0]["contact_id"].(string)
	require.Equal(t, contact, first[2]["contact_id"], "by address and name")
	holder := app.Get("/v1/ticketing/orders/" + first[3]["id"].(string)).JSON()["lines"].([]any)[0].(m)
	require.Equal(t, contact, holder["holder_contact_id"], "%v", holder)
	require.EqualValues(t, 2, counts(erase(app, contact)["kept"])["orders"])
	left := people(t, app)

	nobody := func() {
		t.Helper()
		require.Equal(t, left, people(t, app))
		for _, name := range []string{"o1", "o2"} {
			o := at(app.Client, "order", name)
			require.Nil(t, o["contact_id"], name)
			require.Nil(t, o["buyer"], name)
			require.Equal(t, "24.00", o["totals"].(m)["paid"].(m)["amount"], "the sale is kept")
			require.Equal(t, "Yves", o["lines"].([]any)[1].(m)["holder"].(m)["given_name"], "others in it stay")
			require.Nil(t, o["lines"].([]any)[0].(m)["holder"])
		}
		o := at(app.Client, "order", "o3")
		require.Equal(t, "Yves", o["buyer"].(m)["given_name"])
		require.Nil(t, o["lines"].([]any)[0].(m)["holder"])
		require.Nil(t, at(app.Client, "membership", "m1")["contact_id"])
		require.Nil(t, at(app.Client, "group_booking", "g1")["contact_person"])
	}
	nobody()
	// The next reading, one of changes, and one from the beginning.
	for _, when := range []string{t1, t2, t1, t3} {
		for _, r := range send(app.Client, all(when)...) {
			require.Contains(t, []any{"unchanged", "updated", "ignored_stale", "ignored_anonymized"}, r["status"], "%v", r)
		}
		nobody()
	}
	require.Equal(t, "ignored_anonymized", send(app.Client, record("customer", "C1", t3, guest))[0]["status"])
	// A new order of that account is of nobody; so is one that names the contact.
	fresh := send(app.Client, record("order", "o8", t3, orderData(nora, line("t8", nil))), record("order", "o9", t3, orderData(m{"contact_id": contact, "given_name": "Nora", "family_name": "Castellan", "email": "nora@courrier.example"}, line("t9", nil))))
	require.Equal(t, []any{"created", "created", nil, nil}, []any{fresh[0]["status"], fresh[1]["status"], fresh[0]["contact_id"], fresh[1]["contact_id"]}, "%v", fresh)
	require.Equal(t, left, people(t, app))
	// A file from before says nothing else.
	file := `{"kind":"customer","external_id":"C1","source_modified_at":"` + t1 + `","data":{"given_name":"Nora","family_name":"Castellan","email":"nora@courrier.example"}}`
	backfill := app.Post(base+"/imports", file, parvistest.Header("Content-Type", "application/x-ndjson")).Is(http.StatusAccepted).ID()
	parvistest.Eventually(t, "the file", func() bool { return app.Get("/v1/operations/" + backfill).JSON()["status"] == "succeeded" })
	require.Equal(t, "ignored_anonymized", app.Get(base + "/imports/" + backfill + "/results").Is(http.StatusOK).Data()[0]["status"])
	require.Equal(t, left, people(t, app))
}

// Other systems are refused the names that were the person's, for good.
func TestNamesOfWhoWasErasedAreRefused(t *testing.T) {
	t.Parallel()
	app := institution(t)
	key := m{"source": "site", "external_id": "u-17"}
	contact := app.Post("/v1/contacts", m{"kind": "person", "family_name": "Castellan", "external_ids": []m{key, {"source": "card", "external_id": "K-1"}}}).Is(http.StatusCreated).ID()
	other := app.Post("/v1/contacts", m{"kind": "person", "family_name": "Autrement"}).Is(http.StatusCreated).ID()
	erase(app, contact)
	left := people(t, app)
	app.Patch("/v1/contacts/by-external-id/site/u-17", m{"family_name": "Castellan"}).Problem(http.StatusGone, "contact-erased")
	app.Post("/v1/contacts", m{"kind": "person", "family_name": "Castellan", "external_ids": []m{key}}).Problem(http.StatusGone, "contact-erased")
	app.Put("/v1/contacts/"+other+"/external-ids/site/u-17", nil).Problem(http.StatusGone, "contact-erased")
	batch := app.Post("/v1/contacts/batch", m{"items": []m{
		{"op": "upsert", "source": "site", "external_id": "u-17", "body": m{"family_name": "Castellan"}},
		{"op": "upsert", "source": "site", "external_id": "u-18", "body": m{"family_name": "Nouvelle"}},
	}}).Is(http.StatusMultiStatus).JSON()["results"].([]any)
	require.EqualValues(t, http.StatusGone, batch[0].(m)["status"])
	require.Equal(t, "contact-erased", batch[0].(m)["problem"].(m)["code"])
	require.EqualValues(t, http.StatusCreated, batch[1].(m)["status"])
	require.Equal(t, left+1, people(t, app))
	// The card of the person leads to nobody either.
	sale := send(app.Client, record("order", "o1", t1, orderData(m{"card_number": "K-1", "given_name": "Nora", "family_name": "Castellan", "email": "nora@courrier.example"})))
	require.Nil(t, sale[0]["contact_id"])
	require.Equal(t, left+1, people(t, app))
	// Nothing of the names is in the clear.
	require.Zero(t, parvistest.Ask[int](t, app, "select count(*)::int from crm.contact_external_ids where external_id = 'u-17'"))
	require.Equal(t, 2, parvistest.Ask[int](t, app, "select count(*)::int from crm.contact_erased_names"))
}

// Somebody who comes back by an import under the same address, however it is
// written, is not written to; a consent that they give themselves counts.
func TestWhoComesBackUnaskedIsNotWrittenTo(t *testing.T) {
	t.Parallel()
	app := institution(t)
	for code, basis := range map[string]string{"lettre": "consent", "mecenat": "legitimate_interests", "billets": "contract"} {
		app.Post("/v1/purposes", m{"code": code, "name": code, "legal_basis": basis}).Is(http.StatusCreated)
	}
	contact := app.Post("/v1/contacts", m{"kind": "person", "family_name": "Castellan", "contact_points": []m{{"kind": "email", "value": "Nora@Courrier.example"}, {"kind": "phone", "value": "+33639980001"}}}).Is(http.StatusCreated).ID()
	erase(app, contact)
	require.Zero(t, parvistest.Ask[int](t, app, "select count(*)::int from crm.contact_oppositions o where o::text ilike '%courrier%'"))

	body := m{"kind": "person", "family_name": "Castellan", "contact_points": []m{{"kind": "email", "value": "NORA@courrier.EXAMPLE"}, {"kind": "phone", "value": "06 39 98 00 01"}, {"kind": "email", "value": "autre@courrier.example"}}}
	back := app.Patch("/v1/contacts/by-external-id/import/1", body).Is(http.StatusCreated).ID()
	later := app.Post("/v1/contacts/"+app.Post("/v1/contacts", m{"kind": "person", "family_name": "Autrement"}).ID()+"/contact-points", m{"kind": "email", "value": "nora@courrier.example"}).Is(http.StatusCreated).JSON()
	require.Equal(t, "opted_out", later["status"], "also where it is added later")
	status := map[string]any{}
	points := map[string]string{}
	for _, p := range app.Get("/v1/contacts/" + back + "/contact-points").Is(http.StatusOK).Data() {
		status[strings.ToLower(p["value"].(string))], points[strings.ToLower(p["value"].(string))] = p["status"], p["id"].(string)
	}
	require.Equal(t, map[string]any{"nora@courrier.example": "opted_out", "06 39 98 00 01": "opted_out", "autre@courrier.example": "unverified"}, status)
	state := func(purpose, channel string) any {
		for _, s := range app.Get("/v1/contacts/" + back + "/consents").Is(http.StatusOK).Data() {
			if s["purpose"] == purpose && s["channel"] == channel {
				return s["state"]
			}
		}
		return nil
	}
	for _, c := range [][2]string{{"lettre", "email"}, {"mecenat", "email"}, {"lettre", "sms"}, {"mecenat", "phone"}} {
		require.Equal(t, "refused", state(c[0], c[1]), c)
	}
	require.Nil(t, state("billets", "email"), "what a contract needs is not prospecting")
	// What the import says of the time before changes nothing; what the person says now does.
	say := func(at string) {
		app.Post("/v1/contacts/"+back+"/consents", m{"purpose": "lettre", "channel": "email", "action": "given", "mechanism": "import", "contact_point_id": points["nora@courrier.example"], "at": at}).Is(http.StatusCreated)
	}
	say("2024-01-01T10:00:00Z")
	require.Equal(t, "refused", state("lettre", "email"))
	say(parvistest.Ask[string](t, app, `select to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`))
	require.Equal(t, "given", state("lettre", "email"))
}
