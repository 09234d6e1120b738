package helloasso_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/fakevendor"
	"github.com/parvis-crm/parvis/internal/connectors/helloasso/helloassotest"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/parvistest/reading"
)

// family is an order of two tickets with a programme, a donation and something
// left to HelloAsso: 20.00 + 2.50 + 9.00 + 5.00.
func family(changes m) m {
	return helloassotest.Order(501, day, fakevendor.With(m{
		"items": []any{
			helloassotest.Item(5011, 2000, m{"customFields": []any{m{"id": 1, "name": "E-mail de la personne", "type": "TextInput", "answer": "oriane.kersaho@courrier.example"}}, "options": []any{m{"optionId": 77, "name": "Programme", "amount": 250}}}),
			helloassotest.Item(5012, 900, m{"name": "Tarif réduit", "tierId": 5101, "initialAmount": 1200, "discount": m{"code": "VOISINS", "amount": 300}, "user": m{"firstName": "Malo", "lastName": "Kersaho"}}),
			helloassotest.Item(5013, 500, m{"name": nil, "type": "Donation", "user": nil, "tierId": 5109}),
		},
		"payments": []any{helloassotest.Payment(5015, 3650, day, m{"amountTip": 300, "items": []any{m{"id": 5011, "shareAmount": 2250}, m{"id": 5012, "shareAmount": 900}, m{"id": 5013, "shareAmount": 500}}})},
	}, changes))
}

func vendor(t *testing.T) *helloassotest.Server {
	t.Helper()
	v := helloassotest.New(t)
	v.PutForm(helloassotest.Form("bal-des-gabians", nil))
	return v
}

func TestOrdersToTheCent(t *testing.T) {
	t.Parallel()
	v := vendor(t)
	v.PutForm(helloassotest.Form("adhesion-2027", m{"formType": "Membership", "title": "Adhésion 2027", "startDate": nil, "place": nil, "tiers": []any{m{"id": 5200, "label": "Membre", "tierType": "Membership", "price": 1500}}}))
	v.PutForm(helloassotest.Form("vente-ouverte", m{"title": "Billet ouvert", "startDate": nil, "endDate": nil, "place": nil, "tiers": []any{}}))
	v.PutOrder(family(nil))
	// HelloAsso's tip is in the amount of this payment, and was in that of the other.
	v.PutOrder(helloassotest.Order(502, day, m{"payments": []any{helloassotest.Payment(5025, 2000, day, m{"amountTip": 200, "items": []any{m{"id": 5021, "shareAmount": 1800}}})}}))
	v.PutOrder(helloassotest.Order(503, day, m{"formType": "Membership", "formSlug": "adhesion-2027", "items": []any{helloassotest.Item(5031, 1500, m{"type": "Membership", "name": "Membre", "tierId": 5200})}, "payments": []any{
		helloassotest.Payment(5035, 500, day, nil), helloassotest.Payment(5036, 500, day, m{"state": "Refused"}), helloassotest.Payment(5037, 1000, day, m{"state": "Pending"}),
	}}))
	v.PutOrder(helloassotest.Order(504, day, m{"items": []any{helloassotest.Item(5041, 0, nil)}, "payments": []any{helloassotest.Payment(5045, 0, day, nil)}, "payer": m{}}))
	v.PutOrder(helloassotest.Order(505, day, m{"payments": []any{helloassotest.Payment(5055, 1800, day, m{"paymentMeans": "None", "paymentOffLineMean": "Cash", "type": "Offline", "state": "Registered"})}}))
	v.PutOrder(helloassotest.Order(506, day, m{"organizationSlug": "another"}))
	v.PutOrder(helloassotest.Order(507, day, m{"formType": "CrowdFunding"}))
	app := reading.Connect(t, "helloasso", v.Connection(m{"price_classes": m{"5100": "full", "5101": "reduced"}}))

	o := app.Order("501")
	require.Equal(t, "confirmed", o["commercial_state"])
	require.Equal(t, "paid", o["payment_state"])
	totals := app.Totals("501")
	require.Equal(t, "36.50", totals["due"])
	require.Equal(t, "36.50", totals["net"])
	require.Equal(t, "2026-11-20T18:12:02Z", o["placed_at"])
	require.Equal(t, "web", o["channel"])
	for id, want := range map[string][3]string{"5011": {"ticket", "20.00", ""}, "5011/77": {"goods", "2.50", "5011"}, "5012": {"ticket", "9.00", ""}, "5013": {"donation", "5.00", ""}} {
		l := reading.Line(o, id)
		require.Equal(t, want[0], l["kind"], id)
		require.Equal(t, want[1], l["amount"].(m)["amount"], id)
		if want[2] != "" {
			require.Equal(t, want[2], l["parent"], id)
		}
	}
	buyer := app.Get("/v1/contacts/" + o["contact_id"].(string)).Is(200).JSON()
	require.Equal(t, "Kersaho", buyer["family_name"])
	require.Equal(t, o["contact_id"], reading.Line(o, "5011")["holder_contact_id"], "the buyer by name and address")
	require.NotEqual(t, o["contact_id"], reading.Line(o, "5012")["holder_contact_id"])
	require.Equal(t, "Malo", reading.Line(o, "5012")["holder"].(m)["given_name"])

	require.Equal(t, "18.00", app.Totals("502")["paid"], "what was left to HelloAsso is not the association's")
	require.Equal(t, "partial", app.Order("503")["payment_state"])
	require.Equal(t, "5.00", app.Totals("503")["paid"], "instalments count when they are made")
	require.Equal(t, "membership", app.Order("503")["lines"].([]any)[0].(m)["kind"])
	require.Equal(t, "confirmed", app.Order("504")["commercial_state"], "free, and of nobody")
	require.Nil(t, app.Order("504")["contact_id"])
	require.Equal(t, "offline", app.Order("505")["channel_code"])
	require.Empty(t, app.Order("506"), "of another association")
	require.Empty(t, app.Order("507"), "of a form that is not read")

	var dated, undated m
	parvistest.Eventually(t, "the performances are described", func() bool {
		for _, p := range app.Walk("/v1/ticketing/performances") {
			switch p["external_id"] {
			case "Event/bal-des-gabians":
				dated = p
			case "Event/vente-ouverte":
				undated = p
			}
		}
		return dated["is_stub"] == false && undated["is_stub"] == false
	})
	require.Equal(t, "2026-12-05T19:30:00Z", dated["starts_at"])
	require.Nil(t, undated["starts_at"], "a shop that is called an event")
	classes := map[any]any{}
	for _, p := range app.Walk("/v1/ticketing/price-types") {
		classes[p["external_id"]] = p["class"]
	}
	require.Equal(t, "full", classes["5100"])
	require.Equal(t, "reduced", classes["5101"])
	result := app.Compare()
	require.EqualValues(t, 0, result["differing"], "%v", result["differences"])
	require.EqualValues(t, 5, result["orders_there"])
	require.Equal(t, result["there"], result["here"])
}

// Money that goes back, tickets that are cancelled and the order are three
// things; a call wakes us, and nothing that it holds is believed.
func TestRefundsAndCancellations(t *testing.T) {
	t.Parallel()
	v := vendor(t)
	v.PutOrder(family(nil))
	v.PutOrder(helloassotest.Order(502, day, nil))
	v.PutOrder(helloassotest.Order(503, day, m{"items": []any{helloassotest.Item(5031, 0, nil)}, "payments": []any{}}))
	app := reading.Connect(t, "helloasso", v.Connection(nil))
	address := app.Address()
	require.Equal(t, "36.50", app.Totals("501")["net"])

	// Part of it goes back; the tickets stay good, and the order does not say that it changed.
	refunded := family(m{"payments": []any{helloassotest.Payment(5015, 3650, day, m{"state": "Authorized", "refundOperations": []any{helloassotest.Refund(71, 900, "Processed", time.Now()), helloassotest.Refund(72, 500, "Refused", time.Now())}})}})
	v.PutOrder(refunded)
	payment := fakevendor.With(m{"order": m{"id": 501, "organizationSlug": "les-arcades"}}, m{"id": 5015, "state": "Refunded", "amount": 3650})
	body := helloassotest.Notice("Payment", payment)
	require.Equal(t, http.StatusAccepted, app.Deliver(address, body, v.Signed(body)))
	parvistest.Eventually(t, "the refund", func() bool { return app.Totals("501")["net"] == "27.50" })
	o := app.Order("501")
	require.Equal(t, "confirmed", o["commercial_state"])
	require.Equal(t, "partially_refunded", o["payment_state"])
	require.Equal(t, "valid", reading.Line(o, "5012")["state"])

	// All of it goes back and HelloAsso does not list how; nobody calls.
	v.PutOrder(helloassotest.Order(502, day, m{"items": []any{helloassotest.Item(5021, 1800, m{"state": "Canceled"})}, "payments": []any{helloassotest.Payment(5025, 1800, day, m{"state": "Refunded", "refundOperations": nil, "meta": m{"createdAt": helloassotest.Stamp(day), "updatedAt": helloassotest.Stamp(time.Now())}})}}))
	app.Pull("changes")
	parvistest.Eventually(t, "the cancellation", func() bool { return app.Order("502")["commercial_state"] == "cancelled" })
	require.Equal(t, "0.00", app.Totals("502")["net"])
	require.Equal(t, "refunded", app.Order("502")["payment_state"])
	require.Equal(t, "cancelled", reading.Line(app.Order("502"), "5021")["state"])

	// A free ticket is cancelled: no payment tells, the nightly look back does.
	v.PutOrder(helloassotest.Order(503, day, m{"items": []any{helloassotest.Item(5031, 0, m{"state": "Canceled"})}, "payments": []any{}}))
	app.Pull("changes")
	app.Settled()
	app.Pull("look_back")
	parvistest.Eventually(t, "the other cancellation", func() bool { return app.Order("503")["commercial_state"] == "cancelled" })
}

// Calls that are not signed as they should be are refused; those of another
// association harm nothing.
func TestForgedCalls(t *testing.T) {
	t.Parallel()
	v := vendor(t)
	app := reading.Connect(t, "helloasso", v.Connection(nil))
	address := app.Address()
	body := helloassotest.Notice("Order", family(nil))
	for name, header := range map[string]http.Header{"none": {}, "wrong": {"X-Ha-Signature": {"00ff"}}, "of another body": v.Signed([]byte("{}"))} {
		require.Equal(t, http.StatusUnauthorized, app.Deliver(address, body, header), name)
	}
	other := helloassotest.Notice("Order", family(m{"organizationSlug": "another"}))
	require.Equal(t, http.StatusAccepted, app.Deliver(address, other, v.Signed(other)))
	form := helloassotest.Notice("Form", m{"formSlug": "bal-des-gabians"})
	v.PutForm(helloassotest.Form("bal-des-gabians", m{"title": "Le Grand Bal", "meta": m{"updatedAt": helloassotest.Stamp(time.Now())}}))
	require.Equal(t, http.StatusAccepted, app.Deliver(address, form, v.Signed(form)))
	parvistest.Eventually(t, "the new title", func() bool {
		p := app.Walk("/v1/ticketing/performances")
		return len(p) == 1 && p[0]["name"].(m)["fr"] == "Le Grand Bal"
	})
	require.Empty(t, app.Orders(), "there is no such order, whatever a call says")
}
