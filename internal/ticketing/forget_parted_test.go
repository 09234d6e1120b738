package ticketing_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// Somebody who was forgotten with an order does not come back by one that is split
// from it, or that has one of its tickets.
func TestWhoWasForgottenDoesNotComeBackByASplitOrder(t *testing.T) {
	t.Parallel()
	nora := buyer("Nora", "Zqcastellan", "nora.zq@courrier.example")
	held := func(ticket string) m {
		return parvistest.With(line(ticket, "10.00", "valid"), m{"holder": m{"given_name": "Yves", "family_name": "Zqautre"}})
	}
	whole := record("order", "o1", t1, orderData(m{"buyer": nora, "lines": []m{held("t1"), held("t2")}}))
	split := func(at string, more m) m {
		return record("order", "o2", at, orderData(parvistest.With(m{"buyer": nora, "payer": nora, "lines": []m{held("t2")}}, more)))
	}
	anonymize := func(app *parvistest.App) { app.Post(base+"/records/order/o1/anonymize", nil).Is(200) }
	erase := func(app *parvistest.App) {
		contact := app.Get("/v1/contacts/" + at(app.Client, "order", "o1")["contact_id"].(string)).Is(200)
		app.Post("/v1/contacts/"+contact.ID()+"/erase", m{"reason": "Demande", "instruction_reference": "DPO-1"}, parvistest.IfMatch(contact.ETag())).Is(200)
	}
	for name, c := range map[string]struct {
		before func(app *parvistest.App)
		more   m
		stays  bool // whoever holds the ticket and is not the buyer
	}{
		"split": {func(app *parvistest.App) {
			send(app.Client, whole)
			anonymize(app)
		}, m{"split_from": "o1"}, false},
		"split, and its ticket is in the other no more": {func(app *parvistest.App) {
			send(app.Client, whole)
			anonymize(app)
			send(app.Client, record("order", "o1", t2, orderData(m{"buyer": nora, "lines": []m{held("t1")}})))
		}, m{"split_from": "o1"}, false},
		"forgotten before it arrives": {anonymize, m{"split_from": "o1"}, false},
		"with a ticket of the other":  {func(app *parvistest.App) { send(app.Client, whole); anonymize(app) }, m{}, false},
		"of somebody who was erased":  {func(app *parvistest.App) { send(app.Client, whole); erase(app) }, m{"split_from": "o1"}, true},
		"of an account that is forgotten": {func(app *parvistest.App) {
			send(app.Client, record("order", "o1", t1, orderData(m{"buyer": parvistest.With(nora, m{"customer": "C1"}), "lines": []m{held("t1")}})))
			app.Post(base+"/records/customer/C1/anonymize", nil).Is(200)
		}, m{"split_from": "o1"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := institution(t)
			c.before(app)
			known := parvistest.Ask[int](t, app, "select count(*)::int from crm.contacts")
			empty := func(version m) {
				t.Helper()
				require.Equal(t, []any{nil, "anonymous"}, []any{version["contact_id"], rule(version)})
				o := at(app.Client, "order", "o2")
				holder := o["lines"].([]any)[0].(m)["holder"]
				require.Equal(t, []any{nil, nil, nil, c.stays}, []any{o["buyer"], o["payer"], o["contact_id"], holder != nil})
				require.Equal(t, "11.50", o["totals"].(m)["gross"].(m)["amount"], "what was sold stays")
				require.Zero(t, rowsOf(t, app, "ticketing_orders", "qcastellan"))
				require.Equal(t, known, parvistest.Ask[int](t, app, "select count(*)::int from crm.contacts"))
			}
			empty(send(app.Client, split(t2, c.more))[0])
			// For good, also once it no longer says where it comes from.
			empty(send(app.Client, split(t3, m{"lines": []m{held("t9")}}))[0])
		})
	}
	t.Run("another order", func(t *testing.T) {
		t.Parallel()
		app := institution(t)
		send(app.Client, whole)
		anonymize(app)
		require.NotNil(t, send(app.Client, split(t2, m{"lines": []m{held("t9")}}))[0]["contact_id"], "she came by herself")
	})
}

// What says something of somebody in a text goes with them, and does not come back
// with the next version. What was sold stays in the words of the source.
func TestTextsAboutSomebodyForgottenGoToo(t *testing.T) {
	t.Parallel()
	order := func(at string) m {
		sold, named := line("t1", "24.00", "valid"), line("t2", "10.00", "valid")
		sold["label"], named["label"] = "Plein tarif, parterre", "Place de Mme ZQCASTELLAN"
		back := payment("r1", "1.00")
		back["reason"] = "Nora Zqcastellan est malade"
		return record("order", "o1", at, orderData(m{"buyer": m{"customer": "C1", "given_name": "Nora", "family_name": "Zqcastellan", "email": "nora.zq@courrier.example"},
			"lines": []m{sold, named}, "fees": []m{{"external_id": "f1", "kind": "service", "amount": "1.00", "label": "Frais de Nora"}}, "refunds": []m{back}}))
	}
	for name, forget := range map[string]func(app *parvistest.App){
		"the order":   func(app *parvistest.App) { app.Post(base+"/records/order/o1/anonymize", nil).Is(200) },
		"the account": func(app *parvistest.App) { app.Post(base+"/records/customer/C1/anonymize", nil).Is(200) },
		"the contact": func(app *parvistest.App) {
			contact := app.Get("/v1/contacts/" + at(app.Client, "order", "o1")["contact_id"].(string)).Is(200)
			app.Post("/v1/contacts/"+contact.ID()+"/erase", m{"reason": "Demande", "instruction_reference": "DPO-1"}, parvistest.IfMatch(contact.ETag())).Is(200)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := institution(t)
			send(app.Client, order(t1))
			gone := func() {
				t.Helper()
				o := at(app.Client, "order", "o1")
				lines := o["lines"].([]any)
				require.Equal(t, []any{"Plein tarif, parterre", nil, nil}, []any{lines[0].(m)["label"], lines[1].(m)["label"], o["fees"].([]any)[0].(m)["label"]})
				for _, table := range []string{"ticketing_orders", "ticketing_lines", "ticketing_fees", "ticketing_payments"} {
					require.Zero(t, rowsOf(t, app, table, "qcastellan")+rowsOf(t, app, table, "QCASTELLAN"), table)
				}
			}
			forget(app)
			gone()
			send(app.Client, order(t2))
			gone()
		})
	}
}
