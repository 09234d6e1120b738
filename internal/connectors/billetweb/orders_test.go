package billetweb_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/billetweb"
	"github.com/parvis-crm/parvis/internal/connectors/billetweb/billetwebtest"
	"github.com/parvis-crm/parvis/internal/connectors/port"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/parvistest/reading"
)

var day = time.Date(2026, 11, 20, 18, 12, 2, 0, time.UTC)

func put(v *billetwebtest.Server, tickets ...m) {
	for _, t := range tickets {
		v.PutTicket(t, day)
	}
}

// house has an event of one date, one of two around the end of summer time, and
// one that sells subscriptions.
func house(t *testing.T) *billetwebtest.Server {
	t.Helper()
	v := billetwebtest.New(t)
	prices := []m{billetwebtest.Price("7", "Plein tarif"), billetwebtest.Price("8", "Tarif réduit")}
	v.PutEvent(billetwebtest.Event("100", nil), nil, prices)
	v.PutEvent(billetwebtest.Event("101", m{"name": "La Traversée", "multiple": "1", "start": "0000-00-00 00:00:00", "end": "0000-00-00 00:00:00"}), []m{billetwebtest.Date("51", "2026-10-24 20:30:00"), billetwebtest.Date("52", "2026-10-25 16:00:00")}, prices)
	v.PutEvent(billetwebtest.Event("102", m{"name": "Abonnement"}), nil, prices)
	ticket := billetwebtest.Ticket
	put(v,
		ticket(1, "100", "500", "18.00", m{"email": "oriane.kersaho@courrier.example", "seating_location": "Parterre > Rang C > 14"}),
		ticket(2, "100", "500", "12.50", m{"firstname": "Malo", "ticket": "Tarif réduit", "ticket_id": "8", "used": "1", "used_date": "2026-12-05 20:11:09", "lane": "operateur@theatre.example"}),
		ticket(3, "101", "501", "0.00", m{"order_payment_type": "invitation", "order_session": "51", "order_email": "", "order_firstname": "", "order_name": "", "firstname": "", "name": ""}),
		ticket(4, "101", "502", "9.90", m{"order_paid": "0", "order_payment_type": "reservation", "order_session": "52"}),
		ticket(5, "102", "503", "96.00", m{"order_payment_type": "check", "order_origin": "Guichet de Jeanne"}),
		ticket(6, "100", "504", "18.00", m{"order_paid": "0", "disabled": "1"}),
		ticket(7, "100", "505", "18.00", m{"order_paid": "0", "disabled": "1", "order_payment_type": "reservation"}),
		ticket(8, "101", "506", "0.00", m{"order_accreditation": "1", "order_payment_type": "free", "order_session": "52"}),
	)
	return v
}

func TestOrdersToTheCent(t *testing.T) {
	t.Parallel()
	v := house(t)
	app := reading.Connect(t, "billetweb", v.Connection(m{"event_kinds": m{"102": "subscription"}, "price_classes": m{"100/7": "full"}, "channels": m{"Guichet de Jeanne": "box_office"}}))
	o := app.Order("C500")
	require.Equal(t, "confirmed", o["commercial_state"])
	require.Equal(t, "30.50", app.Totals("C500")["net"])
	require.Equal(t, "2026-11-20T18:12:02Z", o["placed_at"], "seven in the evening in Paris")
	require.Equal(t, "Parterre > Rang C > 14", reading.Line(o, "1")["seat"])
	require.Equal(t, o["contact_id"], reading.Line(o, "1")["holder_contact_id"])
	require.Equal(t, "Malo", reading.Line(o, "2")["holder"].(m)["given_name"])
	require.NotEqual(t, o["contact_id"], reading.Line(o, "2")["holder_contact_id"])
	require.Nil(t, app.Order("C501")["contact_id"], "an invitation of nobody")
	require.Equal(t, "confirmed", app.Order("C501")["commercial_state"])
	require.Equal(t, "reserved", app.Order("C502")["commercial_state"])
	require.Equal(t, "unpaid", app.Order("C502")["payment_state"])
	subscription := app.Order("C503")
	require.Equal(t, "subscription", subscription["lines"].([]any)[0].(m)["kind"])
	require.Equal(t, "box_office", subscription["channel"])
	require.Nil(t, subscription["channel_code"], "an origin may name somebody")
	require.Equal(t, "refunded", app.Order("C504")["payment_state"])
	require.Equal(t, "0.00", app.Totals("C504")["net"])
	require.Equal(t, "cancelled", app.Order("C505")["commercial_state"])
	require.Equal(t, "unpaid", app.Order("C505")["payment_state"], "a reservation that was let go")
	require.Equal(t, "reserved", app.Order("C506")["commercial_state"], "an accreditation that waits")
	starts := map[any]any{}
	parvistest.Eventually(t, "the performances are described", func() bool {
		for _, p := range app.Walk("/v1/ticketing/performances") {
			if p["is_stub"] == false {
				starts[p["external_id"]] = p["starts_at"]
			}
		}
		return len(starts) == 4
	})
	require.Equal(t, map[any]any{"100": "2026-12-05T19:30:00Z", "101/51": "2026-10-24T18:30:00Z", "101/52": "2026-10-25T15:00:00Z", "102": "2026-12-05T19:30:00Z"}, starts)
	scans := app.Walk("/v1/ticketing/scans")
	require.Len(t, scans, 1)
	require.Equal(t, "2026-12-05T19:11:09Z", scans[0]["occurred_at"])
	result := app.Compare()
	require.EqualValues(t, 0, result["differing"], "%v", result["differences"])
	require.Equal(t, result["there"], result["here"])
	require.EqualValues(t, 7, result["orders_there"])
}

// One ticket of two goes back: only it is told as changed, and the order keeps
// the other.
func TestARefundOfOneTicket(t *testing.T) {
	t.Parallel()
	v := house(t)
	app := reading.Connect(t, "billetweb", v.Connection(nil))
	lists := len(v.Asked("/attendees"))
	v.PutTicket(billetwebtest.Ticket(2, "100", "500", "12.50", m{"firstname": "Malo", "disabled": "1"}), time.Now())
	app.Pull("orders")
	parvistest.Eventually(t, "the refund", func() bool { return app.Totals("C500")["net"] == "18.00" })
	o := app.Order("C500")
	require.Equal(t, "confirmed", o["commercial_state"])
	require.Equal(t, "partially_refunded", o["payment_state"])
	require.Equal(t, "cancelled", reading.Line(o, "2")["state"])
	require.Equal(t, "valid", reading.Line(o, "1")["state"])
	app.Settled()
	asked := v.Asked("/attendees")[lists:]
	require.Len(t, asked, 2, "what changed, and the event that it is of")
	require.Equal(t, "/api/attendees", asked[0].Path)
	since, err := strconv.ParseInt(asked[0].Query.Get("last_update"), 10, 64)
	require.NoError(t, err)
	require.InDelta(t, time.Now().Add(-6*time.Minute).Unix(), since, 30, "a minute before the last reading, less five of overlap")
	require.Equal(t, "/api/event/100/attendees", asked[1].Path)
	for _, r := range v.Requests() {
		require.Equal(t, http.StatusOK, r.Status)
	}
}

func open(t *testing.T, v *billetwebtest.Server, changes m) port.Session {
	t.Helper()
	settings, err := json.Marshal(v.Connection(changes)["settings"])
	require.NoError(t, err)
	base, err := url.Parse(v.URL)
	require.NoError(t, err)
	zone, err := time.LoadLocation("Europe/Paris")
	require.NoError(t, err)
	s, err := billetweb.Connector{}.Open(port.Connection{TimeZone: zone, Currency: "EUR", BaseURL: base, Settings: settings, Secrets: map[string]string{"key": v.Key}, HTTP: v.Client(), Now: time.Now})
	require.NoError(t, err)
	return s
}

// A firewall that asks for a browser is left alone, whatever status it has; so
// is who says with 200 that it is too much. A key that is wrong comes with 200.
func TestErrorsThatLookLikeAnswers(t *testing.T) {
	t.Parallel()
	read := func(v *billetwebtest.Server) error {
		_, err := open(t, v, nil).Changes(t.Context(), "orders", port.Since{}, func(port.Page) error { return nil })
		return err
	}
	for _, status := range []int{200, 403, 503} {
		v := house(t)
		v.Challenge(1, status)
		var throttled *port.ThrottledError
		require.ErrorAs(t, read(v), &throttled, "%d", status)
		require.Equal(t, 2*time.Minute, throttled.Wait)
		require.NoError(t, read(v))
	}
	v := house(t)
	s := open(t, v, nil)
	v.SetKey("another")
	_, err := s.Changes(t.Context(), "orders", port.Since{}, func(port.Page) error { return nil })
	require.ErrorIs(t, err, port.ErrRefused)
}

// Only the events of the settings are read; a first reading that broke off goes
// on after the event that it had, and its mark is from when it began.
func TestResuming(t *testing.T) {
	t.Parallel()
	v := house(t)
	s := open(t, v, m{"events": []any{"100", "101"}})
	var resume string
	began := time.Now()
	mark, err := s.Changes(t.Context(), "orders", port.Since{}, func(p port.Page) error {
		if resume == "" {
			resume = p.Resume
		}
		return nil
	})
	require.NoError(t, err)
	require.WithinDuration(t, began.Add(-time.Minute), mark.At, 3*time.Second)
	require.Empty(t, v.Asked("/event/102/attendees"))
	resumed, err := s.Changes(t.Context(), "orders", port.Since{Resume: resume}, func(port.Page) error { return nil })
	require.NoError(t, err)
	require.Equal(t, mark, resumed)
	require.Len(t, v.Asked("/event/100/attendees"), 1)
	require.Len(t, v.Asked("/event/101/attendees"), 2)
}
