package ticketing_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

const vouchers = "/v1/ticketing/vouchers"

// boughtWith is an order of one ticket that was bought with an offer.
func boughtWith(name, ticket string, buyer, offer m) m {
	l := line(ticket, "10.00", "valid")
	l["voucher"] = offer
	return record("order", name, t1, orderData(m{"number": name, "buyer": buyer, "lines": []m{l}}))
}

func givenTo(app *parvistest.App, given string) string {
	return app.Post("/v1/contacts", m{"kind": "person", "given_name": given, "family_name": "Castellan"}).Is(201).ID()
}

func TestACodeIsTracedFromItsIssueToItsUse(t *testing.T) {
	t.Parallel()
	app := institution(t)
	nora, paul := givenTo(app, "Nora"), givenTo(app, "Paul")
	send(app.Client,
		record("voucher", "v1", t1, m{"code": "AUTOMNE-1", "campaign": "automne", "kind": "discount", "max_uses": 2, "uses": 1, "valid_until": "2099-12-31", "issued_at": "2026-10-01T10:00:00Z"}),
		record("voucher", "v2", t1, m{"code": "AUTOMNE-2", "campaign": "automne"}),
		record("voucher", "v3", t1, m{"code": "VIEUX", "valid_until": "2020-01-01T00:00:00Z"}),
		record("voucher", "v4", t1, m{"code": "PRESSE", "kind": "invitation", "max_uses": 1, "uses": 1}))
	v1 := at(app.Client, "voucher", "v1")
	require.Equal(t, []any{"voucher", "AUTOMNE-1", "discount", "automne", nil, 2.0, 1.0, "active", 0.0, "2026-10-01T10:00:00Z"},
		[]any{v1["object"], v1["code"], v1["kind"], v1["campaign"], v1["contact_id"], v1["max_uses"], v1["uses"], v1["state"], v1["redemptions"], v1["issued_at"]})
	require.Equal(t, "2099-12-31T23:00:00Z", v1["valid_until"], "the end of that day, where the source is")
	require.Equal(t, []any{"expired", "used_up"}, []any{at(app.Client, "voucher", "v3")["state"], at(app.Client, "voucher", "v4")["state"]})
	url1 := vouchers + "/" + v1["id"].(string)
	issued := app.Patch(url1, m{"contact_id": nora}, parvistest.IfMatch(`"1"`)).Is(200).JSON()
	require.Equal(t, []any{nora, "automne", 2.0}, []any{issued["contact_id"], issued["campaign"], issued["version"]})
	require.Equal(t, 2.0, app.Patch(url1, m{"contact_id": nora}).Is(200).JSON()["version"])
	app.Patch(url1, m{"contact_id": paul}, parvistest.IfMatch(`"1"`)).Problem(412, "stale-version")
	app.Patch(url1, m{"contact_id": "0199c0de-7b11-7e0a-9d1f-5b8f0a3b9fff"}).Problem(422, "invalid")
	app.Patch(url1, m{"code": "X"}).Problem(400, "invalid-request")

	// Used by whom it was issued to, by somebody else, by nobody known; once by its
	// code, once by its name at the source; one was cancelled, one is a trial.
	cancelled := line("t5", "10.00", "cancelled")
	cancelled["voucher"] = m{"code": "AUTOMNE-1"}
	trial := line("t6", "10.00", "valid")
	trial["voucher"] = m{"code": "AUTOMNE-1"}
	require.Equal(t, []any{"created", "created", "created", "created", "created"}, statuses(send(app.Client,
		boughtWith("o1", "t1", m{"contact_id": nora}, m{"code": "AUTOMNE-1"}),
		boughtWith("o2", "t2", m{"contact_id": paul}, m{"record": "v1"}),
		boughtWith("o3", "t3", nil, m{"code": "AUTOMNE-1"}),
		record("order", "o5", t1, orderData(m{"buyer": m{"contact_id": nora}, "lines": []m{cancelled}})),
		record("order", "o6", t1, orderData(m{"test": true, "lines": []m{trial}})))))
	uses := app.Get(url1 + "/redemptions").Is(200).Data()
	by := map[string]any{}
	for _, u := range uses {
		by[u["external_id"].(string)] = []any{u["by"], u["is_counted"], u["contact_id"]}
	}
	require.Equal(t, map[string]any{"t1": []any{"issued_to", true, nora}, "t2": []any{"other", true, paul}, "t3": []any{"unknown", true, nil}, "t5": []any{"issued_to", false, nora}}, by)
	first := app.Get(url1 + "/redemptions?limit=3").JSON()
	require.Len(t, app.Get(url1+"/redemptions?limit=3&cursor="+first["next_cursor"].(string)).Data(), 1)
	v1 = at(app.Client, "voucher", "v1")
	require.Equal(t, []any{3.0, 1.0}, []any{v1["redemptions"], v1["redemptions_by_others"]})
	require.Equal(t, m{"object": "voucher_campaign", "campaign": "automne", "issued": 2.0, "issued_to_contacts": 1.0, "redeemed": 1.0, "redemptions": 3.0, "by_issued_to": 1.0, "by_others": 1.0, "by_unknown": 1.0},
		app.Get("/v1/ticketing/voucher-campaigns/automne").Is(200).JSON())
	// An order says the code that its source did not say with it, and is found by it.
	l := at(app.Client, "order", "o2")["lines"].([]any)[0].(m)
	require.Equal(t, []any{"AUTOMNE-1", "automne", v1["id"]}, []any{l["voucher_code"], l["campaign"], l["voucher_id"]})
	require.Len(t, app.Get("/v1/ticketing/orders?voucher_code=AUTOMNE-1").Data(), 4)
	require.Len(t, app.Get("/v1/ticketing/orders?campaign=automne").Data(), 1, "what orders say of campaigns by codes alone is as before")

	// What its source says later leaves the issue alone; a campaign of ours goes before.
	app.Patch(url1, m{"campaign": "fidèles", "kind": "invitation"}).Is(200)
	send(app.Client, record("voucher", "v1", t2, m{"code": "AUTOMNE-1", "campaign": "automne 2", "kind": "discount", "max_uses": 2, "uses": 2}))
	v1 = at(app.Client, "voucher", "v1")
	require.Equal(t, []any{nora, "fidèles", "automne 2", "invitation", "used_up"}, []any{v1["contact_id"], v1["campaign"], v1["stated_campaign"], v1["kind"], v1["state"]})
	require.Equal(t, 1.0, app.Get("/v1/ticketing/voucher-campaigns/" + url.PathEscape("fidèles")).JSON()["issued"])
	// Where nobody says a campaign, the settings of the source do.
	app.Patch(base, m{"campaign_codes": m{"PRESSE": "relations presse"}}).Is(200)
	require.Equal(t, "relations presse", at(app.Client, "voucher", "v4")["campaign"])
	require.Equal(t, 1.0, app.Get("/v1/ticketing/voucher-campaigns/relations%20presse").JSON()["issued"])
	require.Len(t, app.Get(vouchers+"?campaign=relations%20presse").Data(), 1)

	count := func(query string) int { return len(app.Get(vouchers + "?" + query).Is(200).Data()) }
	require.Equal(t, []int{4, 1, 1, 1, 2, 1, 1, 0}, []int{count(""), count("contact_id=" + nora), count("voucher_code=PRESSE"), count("campaign=automne"), count("kind=invitation"), count("state=expired"), count("state=active"), count("contact_id=" + paul)})
	require.Equal(t, 4, count("source=principale"))
	// Gone at its source: it was issued all the same.
	app.Delete(base + "/records/voucher/v2?source_version=9").Is(200)
	require.Equal(t, "withdrawn", at(app.Client, "voucher", "v2")["state"])
	require.Equal(t, 1, count("state=withdrawn"))
	require.Equal(t, []any{"failed"}, statuses(send(app.Client, record("voucher", "v9", t1, m{"kind": "gift"}))))
	require.Equal(t, []any{"failed"}, statuses(send(app.Client, boughtWith("o9", "t9", nil, m{}))))
	types := eventTypes(t, app, "ticketing.voucher.*")
	require.Equal(t, map[string]int{"ticketing.voucher.created": 4, "ticketing.voucher.updated": 3, "ticketing.voucher.deleted": 1}, types)
}

func TestCodesFollowMergesAndAreNobodysAfterAnErasure(t *testing.T) {
	t.Parallel()
	app := institution(t)
	nora, honora := app.Post("/v1/contacts", m{"kind": "person", "given_name": "Nora", "family_name": "Castellan"}).Is(201), app.Post("/v1/contacts", m{"kind": "person", "given_name": "Honora", "family_name": "Castellan"}).Is(201)
	send(app.Client, record("voucher", "v1", t1, m{"code": "A", "campaign": "automne"}), boughtWith("o1", "t1", m{"contact_id": honora.ID()}, m{"record": "v1"}))
	v := vouchers + "/" + at(app.Client, "voucher", "v1")["id"].(string)
	app.Patch(v, m{"contact_id": nora.ID()}).Is(200)
	require.Equal(t, 1.0, app.Get(v).JSON()["redemptions_by_others"])
	exec(t, app, "update contacts set merged_into = $2 where id = $1", nora.ID(), honora.ID())
	x := app.Get(v).Is(200).JSON()
	require.Equal(t, []any{honora.ID(), 0.0, 1.0}, []any{x["contact_id"], x["redemptions_by_others"], x["redemptions"]})
	require.Len(t, app.Get(vouchers+"?contact_id="+honora.ID()).Data(), 1)
	require.Equal(t, "issued_to", app.Get(v + "/redemptions").Data()[0]["by"])
}
