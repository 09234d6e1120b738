package pretix_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ahead is the machine's clock, put forward when it should be night.
type ahead struct{ by atomic.Int64 }

// Now implements clock.Clock.
func (a *ahead) Now() time.Time {
	return time.Now().Add(time.Duration(a.by.Load())).UTC().Truncate(time.Microsecond)
}

// night puts the clock to four in Paris in the next night that is far enough from
// the comparisons that were made by hand.
func (a *ahead) night(t *testing.T) {
	t.Helper()
	paris, err := time.LoadLocation("Europe/Paris")
	require.NoError(t, err)
	now := time.Now().In(paris)
	night := time.Date(now.Year(), now.Month(), now.Day()+1, 4, 0, 0, 0, paris)
	if night.Sub(now) < 7*time.Hour {
		night = night.AddDate(0, 0, 1)
	}
	a.by.Store(int64(night.Sub(now)))
}

// reconciled counts the comparisons that were told of.
func (a reader) reconciled() int {
	return len(a.Walk("/v1/events?types=ticketing.source.reconciled&limit=200"))
}

// products: dates with their place and what quotas let in, prices, and nothing
// that a record could not be made of.
func (r *realPretix) products(app reader) {
	t := r.t
	for _, p := range app.Walk("/v1/ticketing/performances") {
		p = app.Get("/v1/ticketing/performances/" + p["id"].(string)).Is(200).JSON()
		require.EqualValues(t, 200, p["capacity"], "%v", p)
		require.Equal(t, "Europe/Paris", p["time_zone"])
		require.Equal(t, "scheduled", p["status"])
		require.Contains(t, []any{"La Traversée", "Les Gabians"}, p["name"].(m)["fr"])
	}
	names := fmt.Sprint(app.Walk("/v1/ticketing/price-types"))
	for _, name := range []string{"Plein tarif", "Full price", "Tarif réduit", "Programme"} {
		require.Contains(t, names, name)
	}
}

func (r *realPretix) state(app reader, code string) any { return app.order(code)["commercial_state"] }

// lives of an order: what its owner changes, cancelled and valid again, expired,
// denied, a test that is thrown away. All of it is told by pretix' own webhooks.
func (r *realPretix) lives(app reader) {
	t := r.t
	o := r.order(nil, r.position(r.seed.Full, nil))
	code := o["code"].(string)
	app.soon("the order", func() bool { return r.state(app, code) == "confirmed" })
	require.Equal(t, "28.00", amount(app.order(code), "net"))
	require.EqualValues(t, 550, app.order(code)["lines"].([]any)[0].(m)["tax_rate_bp"])
	r.call("PATCH", r.at(o), m{"email": "gwenn.tanguy@courrier.example"})
	app.soon("the other address", func() bool {
		return strings.Contains(fmt.Sprint(app.order(code)["buyer"]), "gwenn.tanguy@courrier.example")
	})
	r.call("POST", r.at(o)+"mark_canceled/", m{"send_email": false})
	app.soon("it is cancelled", func() bool { return r.state(app, code) == "cancelled" })
	require.Equal(t, "28.00", amount(app.order(code), "net"), "the money is not back")
	r.call("POST", r.at(o)+"reactivate/", m{})
	app.soon("it is valid again", func() bool { return r.state(app, code) == "confirmed" })
	require.Equal(t, "valid", app.order(code)["lines"].([]any)[0].(m)["state"])

	late := r.order(m{"status": "n"}, r.position(r.seed.Reduced, nil))
	r.call("POST", r.at(late)+"mark_expired/", m{})
	app.soon("it has expired", func() bool { return r.state(app, late["code"].(string)) == "expired" })

	asked := r.order(m{"status": "n", "require_approval": true}, r.position(r.seed.Full, nil))
	app.soon("it waits for approval", func() bool { return r.state(app, asked["code"].(string)) == "reserved" })
	r.call("POST", r.at(asked)+"deny/", m{"send_email": false, "comment": "complet"})
	app.soon("it is denied", func() bool { return r.state(app, asked["code"].(string)) == "cancelled" })

	trial := r.order(m{"testmode": true}, r.position(r.seed.Full, nil))
	record := func() m {
		return app.Get(base + "/records/order/" + r.seed.Event + "%2F" + trial["code"].(string)).JSON()
	}
	app.soon("the test", func() bool { return record()["id"] != nil })
	require.Equal(t, true, app.Get("/v1/ticketing/orders/" + record()["id"].(string)).Is(200).JSON()["is_test"])
	r.call("DELETE", r.at(trial), nil)
	app.soon("the test is thrown away", func() bool { return record()["is_deleted"] == true })
}

// cards: money that goes back onto a gift card has no payment that it was of; the
// ledger of a card tells each movement, and its code is nowhere.
func (r *realPretix) cards(app reader) {
	t := r.t
	o := r.order(nil, r.position(r.seed.Full, nil))
	code := o["code"].(string)
	app.soon("the order", func() bool { return amount(app.order(code), "net") == "28.00" })
	r.call("POST", r.at(o)+"refunds/", m{"state": "done", "source": "admin", "amount": "9.50", "payment": nil, "provider": "giftcard"})
	app.soon("the refund", func() bool { return amount(app.order(code), "net") == "18.50" })
	var back []m
	for _, entry := range app.order(code)["movements"].([]any) {
		if entry := entry.(m); entry["kind"] == "refund" {
			back = append(back, entry)
		}
	}
	require.Len(t, back, 1)
	require.Equal(t, "gift_card", back[0]["method"])

	const secret = "HJ4-KAERELL-77"
	card := r.call("POST", "/giftcards/", m{"secret": secret, "value": "20.00", "currency": "EUR", "testmode": false})
	id := fmt.Sprint(int(card["id"].(float64)))
	held := func() m {
		for _, c := range app.Walk("/v1/ticketing/gift-cards") {
			if c["external_id"] == id {
				return app.Get("/v1/ticketing/gift-cards/" + c["id"].(string)).Is(200).JSON()
			}
		}
		return m{}
	}
	app.soon("the card, by its webhook", func() bool { return held()["id"] != nil })
	r.call("POST", "/giftcards/"+id+"/transact/", m{"value": "-3.20", "text": "Bar"})
	app.soon("what was spent, by its webhook", func() bool { return strings.Contains(fmt.Sprint(held()["balance"]), "16.80") })
	require.NotContains(t, fmt.Sprint(held()), secret)
	notInDatabase(t, app, secret)
}

// doors: a refused entry, an exit and an annulled entry are scans too; attendance
// is the first good entry.
func (r *realPretix) doors(app reader, order m) {
	t := r.t
	positions := r.call("GET", r.at(order), nil)["positions"].([]any)
	redeem := func(position int, kind, nonce string) any {
		return r.call400("POST", "/checkinrpc/redeem/", m{"secret": positions[position].(m)["secret"], "lists": []any{r.seed.CheckinLists[0]}, "source_type": "barcode", "type": kind, "force": false, "ignore_unpaid": false, "nonce": nonce, "questions_supported": false})["status"]
	}
	require.Equal(t, "error", redeem(0, "entry", "n2"), "it was scanned before")
	require.Equal(t, "ok", redeem(0, "exit", "n3"))
	require.Equal(t, "ok", redeem(1, "entry", "n4"))
	scans := func() map[string]int {
		out := map[string]int{}
		for _, s := range app.Walk("/v1/ticketing/scans") {
			out[fmt.Sprint(s["direction"], " ", s["result"])]++
		}
		return out
	}
	app.Post(base+"/pulls", m{"streams": []string{"checkins"}}).Is(202)
	app.soon("four scans", func() bool {
		s := scans()
		return s["entry accepted"] == 2 && s["entry refused"] == 1 && s["exit accepted"] == 1
	})
	r.call("POST", "/checkinrpc/annul/", m{"lists": []any{r.seed.CheckinLists[0]}, "nonce": "n4"})
	app.Post(base+"/pulls", m{"streams": []string{"checkins"}}).Is(202)
	app.soon("the annulment", func() bool { return scans()["entry annulled"] == 1 && scans()["entry accepted"] == 1 })
}

// anonymised: what is done at pretix is told by its webhook.
func (r *realPretix) anonymised(app reader, customer string) {
	record := func() m { return app.Get(base + "/records/customer/" + customer).JSON() }
	app.soon("the account", func() bool { return record()["id"] != nil })
	require.NotEqual(r.t, true, record()["is_deleted"])
	r.call("POST", "/customers/"+customer+"/anonymize/", m{})
	app.soon("the account is blank", func() bool { return record()["is_deleted"] == true })
}

// unheard: with its webhooks off, what pretix says when it is asked is enough: a
// refund that puts a paid order back, a membership that ends earlier.
func (r *realPretix) unheard(app reader, other m) {
	t := r.t
	for _, hook := range r.call("GET", "/webhooks/", nil)["results"].([]any) {
		r.call("PATCH", fmt.Sprintf("/webhooks/%d/", int(hook.(m)["id"].(float64))), m{"enabled": false})
	}
	o := r.order(nil, r.position(r.seed.Full, nil))
	code := o["code"].(string)
	r.call("POST", r.at(o)+"refunds/", m{"state": "done", "source": "admin", "amount": "28.00", "payment": 1, "provider": "manual", "mark_canceled": false, "mark_pending": true})
	require.Equal(t, "n", r.call("GET", r.at(o), nil)["status"])
	first := r.call("GET", r.at(other), nil)["positions"].([]any)[0].(m)
	r.call("POST", r.at(other)+"change/", m{"patch_positions": []any{m{"position": first["id"], "body": m{"price": "26.00"}}}, "send_email": false, "recalculate_taxes": "keep_gross"})
	membership := r.call("GET", "/memberships/", nil)["results"].([]any)[0].(m)
	r.call("PATCH", fmt.Sprintf("/memberships/%d/", int(membership["id"].(float64))), m{"date_end": "2027-03-31T23:59:59+02:00"})
	app.Post(base+"/pulls", m{"streams": []string{"orders", "memberships"}}).Is(202)
	app.soon("what nobody told of", func() bool {
		return r.state(app, code) == "reserved" && app.order(code)["payment_state"] == "refunded" && amount(app.order(other["code"].(string)), "due") == "54.00"
	})
	app.soon("the membership's end", func() bool {
		return strings.Contains(fmt.Sprint(app.Walk("/v1/ticketing/memberships")), "2027-03-31T21:59:59")
	})
}
