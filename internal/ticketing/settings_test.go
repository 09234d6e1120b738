package ticketing_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPriceClassIsSaidAndNeverGuessed(t *testing.T) {
	t.Parallel()
	app := institution(t)
	send(app.Client, record("price_type", "p1", t1, m{"name": m{"fr": "Plein tarif"}}), record("price_type", "p2", t1, m{"name": m{"fr": "Réduit"}, "class": "reduced"}))
	class := func(id string) []any {
		p := at(app.Client, "price_type", id)
		return []any{p["class"], p["class_origin"], p["stated_class"], p["version"]}
	}
	require.Equal(t, []any{"other", "unmapped", nil, 1.0}, class("p1"))
	require.Equal(t, []any{"reduced", "stated", "reduced", 1.0}, class("p2"))
	s := app.Patch(base, m{"price_classes": m{"p1": "full", "p2": "school", "p3": "staff"}, "campaign_codes": m{"AUTOMNE": "c-1"}}).Is(200).JSON()
	require.Equal(t, m{"p1": "full", "p2": "school", "p3": "staff"}, s["price_classes"])
	require.Equal(t, []any{"full", "mapped", nil, 2.0}, class("p1"))
	require.Equal(t, []any{"school", "mapped", "reduced", 2.0}, class("p2"))
	send(app.Client, record("price_type", "p2", t2, m{"name": m{"fr": "Réduit"}, "class": "free"}), record("price_type", "p3", t2, m{"name": m{"fr": "Maison"}}))
	require.Equal(t, []any{"school", "mapped", "free", 3.0}, class("p2"))
	require.Equal(t, "staff", class("p3")[0])
	app.Patch(base, m{"price_classes": m{"p2": nil}}).Is(200)
	require.Equal(t, []any{"free", "stated", "free", 4.0}, class("p2"))
	require.Equal(t, m{"p1": "full", "p3": "staff"}, app.Get(base).JSON()["price_classes"])
	app.Patch(base, m{"price_classes": m{"p1": "cheap"}}).Problem(400, "invalid-request")

	// An offer is traced to the campaign that gave it out.
	with := line("t1", "1.00", "valid")
	with["voucher"] = m{"code": "AUTOMNE"}
	send(app.Client, record("order", "o1", t1, orderData(m{"lines": []m{with}})))
	require.Equal(t, "c-1", at(app.Client, "order", "o1")["lines"].([]any)[0].(m)["campaign"])
	require.Len(t, app.Get("/v1/ticketing/orders?campaign=c-1").Data(), 1)
	require.Len(t, app.Get("/v1/ticketing/orders?voucher_code=AUTOMNE").Data(), 1)
	app.Patch(base, m{"campaign_codes": m{"AUTOMNE": "c-2"}}).Is(200)
	require.Empty(t, app.Get("/v1/ticketing/orders?campaign=c-1").Data())
	require.Len(t, app.Get("/v1/ticketing/orders?campaign=c-2").Data(), 1)
}

func TestAnAccountChangesAContactAsItsSourceMay(t *testing.T) {
	t.Parallel()
	app := institution(t)
	account := func(at, given, locale string) m {
		return record("customer", "C1", at, m{"given_name": given, "family_name": "Castellan", "email": "nora@courrier.example", "locale": locale})
	}
	contact := send(app.Client, account(t1, "Nora", "fr"))[0]["contact_id"].(string)
	get := func() []any {
		c := app.Get("/v1/contacts/" + contact).Is(200).JSON()
		return []any{c["given_name"], c["locale"]}
	}
	require.Equal(t, []any{"Nora", "fr"}, get(), "what is empty is filled in")
	send(app.Client, account(t2, "Honora", "de"))
	require.Equal(t, []any{"Nora", "fr"}, get(), "what is there is left alone")
	app.Patch(base, m{"field_policies": m{"locale": "always", "given_name": "if_newer"}}).Is(200)
	send(app.Client, account(t3, "Honora", "br"))
	require.Equal(t, []any{"Nora", "br"}, get(), "it was said here after the account was changed at its source")
	send(app.Client, account("2099-01-01T00:00:00Z", "Honora", "oc"))
	require.Equal(t, []any{"Honora", "oc"}, get())
	app.Patch(base, m{"field_policies": m{"locale": "never"}}).Is(200)
	send(app.Client, account("2099-01-02T00:00:00Z", "Honora", "eu"))
	require.Equal(t, "oc", get()[1])
	// An order may be anybody's: it changes nobody.
	app.Patch(base, m{"field_policies": m{"given_name": "always", "family_name": "always"}}).Is(200)
	send(app.Client, record("order", "o1", t1, orderData(m{"buyer": m{"customer": "C1", "given_name": "Paul", "family_name": "Époux", "email": "nora@courrier.example"}})))
	require.Equal(t, "Honora", get()[0])
}

func TestAnswersOfAccountsReachTheLedgerUnderTheirPurpose(t *testing.T) {
	t.Parallel()
	app := institution(t)
	app.Post("/v1/purposes", m{"code": "newsletter", "name": "Lettre", "legal_basis": "consent"}).Is(201)
	app.Patch(base, m{"purpose_codes": m{"NEWSLTR": "newsletter"}}).Is(200)
	account := func(at string, consents ...m) m {
		return record("customer", "C1", at, m{"given_name": "Nora", "family_name": "Castellan", "email": "nora@courrier.example", "consents": consents})
	}
	answer := func(value, at string) m {
		return m{"purpose": "NEWSLTR", "channel": "email", "value": value, "at": at, "question": "NEWSLTR", "wording_version": "7"}
	}
	contact := send(app.Client, account(t1, answer("granted", "2026-10-02 12:00:00")))[0]["contact_id"].(string)
	ledger := func() []m { return app.Get("/v1/contacts/" + contact + "/consents/history").Is(200).Data() }
	require.Len(t, ledger(), 1)
	require.Equal(t, []any{"newsletter", "given", "2026-10-02T10:00:00Z"}, []any{ledger()[0]["purpose"], ledger()[0]["action"], ledger()[0]["at"]})
	require.Equal(t, "question NEWSLTR; wording 7", ledger()[0]["evidence"].(m)["note"])
	// Not answering is no refusal; an older no does not undo a later yes.
	send(app.Client, account(t2, answer("unanswered", "2026-10-05T12:00:00Z")))
	require.Len(t, ledger(), 1)
	send(app.Client, account(t3, answer("granted", "2026-10-02 12:00:00"), answer("refused", "2026-09-01T12:00:00Z")))
	require.Len(t, ledger(), 2)
	stand := app.Get("/v1/contacts/" + contact + "/consents").Is(200).Data()
	require.Len(t, stand, 1)
	require.Equal(t, "given", stand[0]["state"], "%v", stand[0])
}
