package ticketing_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestForgottenCustomerComesBackByNothing(t *testing.T) {
	t.Parallel()
	app := institution(t)
	buyer := m{"customer": "C1", "given_name": "Nora", "family_name": "Zqcastellan", "email": "nora.zq@courrier.example"}
	other, own := line("t1", "24.00", "valid"), line("t2", "18.50", "valid")
	other["holder"], own["holder"] = m{"given_name": "Yves", "family_name": "Autre"}, m{"given_name": "Nora", "family_name": "Zqcastellan"}
	all := []m{
		record("customer", "C1", t1, m{"given_name": "Nora", "family_name": "Zqcastellan", "email": "nora.zq@courrier.example"}),
		record("order", "o1", t1, orderData(m{"buyer": buyer, "payer": buyer, "lines": []m{other, own}})),
		record("membership", "m1", t1, m{"customer": "C1", "number": "ZQ-0042", "holder": m{"given_name": "Nora", "family_name": "Zqcastellan"}, "valid_from": "2026-01-01", "valid_to": "2027-12-31"}),
		record("group_booking", "g1", t1, m{"state": "option", "contact_person": buyer}),
	}
	results := send(app.Client, all...)
	contact := results[0]["contact_id"].(string)
	require.Equal(t, contact, results[1]["contact_id"])
	done := app.Post(base+"/records/customer/C1/anonymize", nil).Is(200).JSON()
	require.Equal(t, []any{"applied", "blanked", results[0]["id"]}, []any{done["status"], done["contact"], done["id"]})
	require.Equal(t, "unchanged", app.Post(base+"/records/customer/C1/anonymize", nil).Is(200).JSON()["status"])

	blank := func() {
		t.Helper()
		o := at(app.Client, "order", "o1")
		require.Equal(t, []any{nil, nil, nil, results[0]["id"], "44.00", "paid"}, []any{o["buyer"], o["payer"], o["contact_id"], o["customer_id"], total(o, "net"), o["payment_state"]}, "the account is there without a name")
		require.NotNil(t, o["lines"].([]any)[0].(m)["holder"], "somebody else")
		require.Nil(t, o["lines"].([]any)[1].(m)["holder"])
		member := at(app.Client, "membership", "m1")
		require.Equal(t, []any{nil, nil, nil}, []any{member["holder"], member["number"], member["contact_id"]})
		require.Nil(t, at(app.Client, "group_booking", "g1")["contact_person"])
		c := app.Get("/v1/contacts/" + contact).Is(200).JSON()
		require.Equal(t, []any{"Anonymisé", nil, nil}, []any{c["display_name"], c["given_name"], c["family_name"]})
		require.Empty(t, app.Get("/v1/contacts?q=zqcastellan").Data())
		for _, table := range []string{"ticketing_customers", "ticketing_orders", "ticketing_lines", "ticketing_memberships", "ticketing_group_bookings", "ticketing_awaited", "contacts", "contact_points", "contact_search"} {
			require.Zero(t, rowsOf(t, app, table, "qcastellan"), table)
		}
	}
	blank()
	// The next polls tell the same again, and something newer.
	require.Equal(t, []any{"ignored_anonymized", "unchanged", "unchanged", "unchanged"}, statuses(send(app.Client, all...)))
	blank()
	for i := range all {
		all[i]["source_modified_at"] = t2
	}
	require.Equal(t, "ignored_anonymized", send(app.Client, all...)[0]["status"])
	blank()
	// So does a new order of that account.
	fresh := send(app.Client, record("order", "o2", t3, orderData(m{"buyer": buyer, "lines": []m{}})))[0]
	require.Nil(t, fresh["contact_id"])
	require.Equal(t, results[0]["id"], at(app.Client, "order", "o2")["customer_id"])
	require.Nil(t, at(app.Client, "order", "o2")["buyer"])
	require.Equal(t, 1, eventTypes(t, app, "ticketing.record.*")["ticketing.record.anonymized"])
}

func TestForgettingComesOutTheSameWhateverArrivedFirst(t *testing.T) {
	t.Parallel()
	app := institution(t)
	app.Post("/v1/ticketing/sources", m{"code": "autre", "name": "Autre", "kind": "generic"}).Is(201)
	order := record("order", "o1", t1, orderData(m{"buyer": m{"customer": "C1", "given_name": "Nora", "family_name": "Castellan", "email": "nora@courrier.example"}}))
	customer := record("customer", "C1", t1, m{"given_name": "Nora", "family_name": "Castellan", "email": "nora@courrier.example"})
	gone := m{"kind": "customer", "external_id": "C1", "op": "anonymize"}
	look := func(source string, batch ...m) m {
		summary := app.Post("/v1/ticketing/sources/"+source+"/batches", m{"records": batch}).Is(207).JSON()["summary"].(m)
		require.Zero(t, summary["failed"])
		id := app.Get("/v1/ticketing/sources/" + source + "/records/order/o1").Is(200).JSON()["id"].(string)
		o := app.Get("/v1/ticketing/orders/" + id).Is(200).JSON()
		for _, name := range []string{"id", "source_id", "customer_id", "created_at", "updated_at", "version", "movements", "lines"} {
			delete(o, name)
		}
		return o
	}
	require.Equal(t, look("principale", order, customer, gone), look("autre", gone, customer, order))
}

func TestContactThatOthersKnowIsKept(t *testing.T) {
	t.Parallel()
	app := institution(t)
	app.Post("/v1/ticketing/sources", m{"code": "musee", "name": "Musée", "kind": "generic"}).Is(201)
	person := m{"given_name": "Nora", "family_name": "Castellan", "email": "nora@courrier.example", "email_verified": true}
	contact := send(app.Client, record("customer", "C1", t1, person))[0]["contact_id"].(string)
	other := app.Post("/v1/ticketing/sources/musee/batches", m{"records": []m{record("customer", "M7", t1, person)}}).Is(207).JSON()["results"].([]any)[0].(m)
	require.Equal(t, contact, other["contact_id"])
	require.Equal(t, "kept", app.Post(base+"/records/customer/C1/anonymize", nil).Is(200).JSON()["contact"])
	require.Equal(t, "Castellan", app.Get("/v1/contacts/" + contact).Is(200).JSON()["family_name"])
	app.Get("/v1/contacts/by-external-id/ticketing:principale/C1").Problem(404, "not-found")
	app.Get("/v1/contacts/by-external-id/ticketing:musee/M7").Is(200)
	// One that was never there is refused to come.
	require.Equal(t, []any{"applied", "none"}, []any{app.Post(base+"/records/customer/C9/anonymize", nil).Is(200).JSON()["status"], "none"})
	require.Equal(t, "ignored_anonymized", send(app.Client, record("customer", "C9", t1, person))[0]["status"])
	// An order can be forgotten by itself; a performance has nobody in it.
	send(app.Client, record("order", "o1", t1, orderData(nil)))
	app.Post(base+"/records/order/o1/anonymize", nil).Is(200)
	require.Nil(t, at(app.Client, "order", "o1")["buyer"])
	require.Equal(t, "44.00", total(at(app.Client, "order", "o1"), "net"))
	app.Post(base+"/records/performance/soir/anonymize", nil).Problem(400, "invalid-request")
}

func TestAnAccountThatWasNeverDescribedIsForgottenToo(t *testing.T) {
	t.Parallel()
	app := institution(t)
	send(app.Client, record("membership", "m1", t1, m{"customer": "C1", "valid_from": "2026-01-01"}))
	order := send(app.Client, record("order", "o1", t1, orderData(m{"buyer": m{"customer": "C1", "given_name": "Nora", "family_name": "Castellan", "email": "nora@courrier.example"}})))[0]
	contact := order["contact_id"].(string)
	require.Equal(t, []any{contact, "customer"}, []any{at(app.Client, "membership", "m1")["contact_id"], at(app.Client, "membership", "m1")["contact_rule"]})
	require.Equal(t, "blanked", app.Post(base+"/records/customer/C1/anonymize", nil).Is(200).JSON()["contact"])
	require.Equal(t, "Anonymisé", app.Get("/v1/contacts/" + contact).Is(200).JSON()["display_name"])
	require.Nil(t, at(app.Client, "membership", "m1")["contact_id"])
}

// An account that is forgotten goes out of the orders of others too, whose payer it
// was or whose tickets it held, and does not come back with them.
func TestAForgottenAccountLeavesTheOrdersOfOthers(t *testing.T) {
	t.Parallel()
	app := institution(t)
	her := m{"customer": "C1", "given_name": "Nora", "family_name": "Zqcastellan", "email": "nora.zq@courrier.example"}
	buyer := m{"customer": "C2", "given_name": "Yann", "family_name": "Ozanne", "email": "yann@courrier.example"}
	paid := record("order", "o1", t1, orderData(m{"buyer": buyer, "payer": her, "lines": []m{}}))
	held := record("order", "o2", t1, orderData(m{"buyer": buyer, "lines": []m{
		{"external_id": "t1", "amount": "10.00", "state": "valid", "holder": her}, {"external_id": "t2", "amount": "10.00", "state": "valid", "holder": m{"given_name": "Lou", "family_name": "Ozanne"}}}}))
	send(app.Client, record("customer", "C1", t1, m{"given_name": "Nora", "family_name": "Zqcastellan", "email": "nora.zq@courrier.example"}), paid, held)
	app.Post(base+"/records/customer/C1/anonymize", nil).Is(200)
	gone := func() {
		t.Helper()
		require.Nil(t, at(app.Client, "order", "o1")["payer"])
		require.NotNil(t, at(app.Client, "order", "o1")["buyer"], "somebody else")
		lines := at(app.Client, "order", "o2")["lines"].([]any)
		require.Equal(t, []any{nil, nil}, []any{lines[0].(m)["holder"], lines[0].(m)["holder_contact_id"]})
		require.NotNil(t, lines[1].(m)["holder"], "somebody else")
		for _, table := range []string{"ticketing_orders", "ticketing_lines"} {
			require.Zero(t, rowsOf(t, app, table, "qcastellan"), table)
		}
	}
	gone()
	send(app.Client, paid, held)
	gone()
	paid["source_modified_at"], held["source_modified_at"] = t2, t2
	send(app.Client, paid, held)
	gone()
	send(app.Client, record("order", "o3", t3, orderData(m{"buyer": buyer, "payer": her, "lines": []m{{"external_id": "t3", "amount": "10.00", "state": "valid", "holder": her}}})))
	require.Nil(t, at(app.Client, "order", "o3")["payer"])
	require.Nil(t, at(app.Client, "order", "o3")["lines"].([]any)[0].(m)["holder"])
}
