package weezevent_test

import (
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/port"
	"github.com/parvis-crm/parvis/internal/connectors/weezevent"
	"github.com/parvis-crm/parvis/internal/connectors/weezevent/weezeventtest"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/parvistest/reading"
)

var day = time.Date(2026, 11, 20, 18, 12, 2, 0, time.UTC)

func house(t *testing.T) *weezeventtest.Server {
	t.Helper()
	v := weezeventtest.New(t)
	v.PutEvent(100, "Le Bal des gabians", "2026-12-05 20:30:00")
	v.PutEvent(101, "La Traversée", "0000-00-00 00:00:00", m{"id": 51, "id_event": 101, "date": "2026-10-24 20:30:00"}, m{"id": "52", "id_event": "101", "date": "2026-10-25 16:00:00"})
	v.PutPrice(100, 7, "Plein tarif", "18.00")
	v.PutPrice(100, 8, "Tarif réduit", 12.5)
	v.PutPrice(101, 9, "Tarif unique", 0)
	malo := m{"first_name": "Malo", "last_name": "Kersaho", "email": ""}
	ticket := weezeventtest.Participant
	for _, p := range []m{
		ticket(1, 100, 7, 500, nil),
		ticket(2, 100, 8, 500, m{"owner": []any{}, "control_status": m{"status": 1, "scan_date": "2026-12-05 20:11:09", "scan_user_name": "Entrée de Jeanne"}}),
		ticket(3, 100, 7, 501, m{"paid": false}),
		ticket(4, 100, 7, 502, m{"deleted": true, "refund": 1}),
		ticket(5, 100, 8, 502, m{"owner": malo}),
		ticket(6, 101, 9, 503, m{"id_date": "52", "origin": "Guichet"}),
		ticket(7, 100, 7, 504, m{"deleted": 1}),
		ticket(8, 101, 9, 0, m{"id_date": 51, "transaction_reference": nil, "id_transaction": nil}),
	} {
		v.Put(p, day)
	}
	return v
}

func TestOrdersToTheCent(t *testing.T) {
	t.Parallel()
	v := house(t)
	app := reading.Connect(t, "weezevent", v.Connection(m{"price_classes": m{"7": "full"}}))
	o := app.Order("R500")
	require.Equal(t, "confirmed", o["commercial_state"])
	require.Equal(t, "30.50", app.Totals("R500")["net"])
	require.Equal(t, "2026-11-20T18:12:02Z", o["placed_at"], "seven in the evening in Paris")
	require.NotNil(t, o["contact_id"], "the only one who is named")
	require.Equal(t, o["contact_id"], reading.Line(o, "1")["holder_contact_id"])
	require.Nil(t, reading.Line(o, "2")["holder"])
	require.Equal(t, "reserved", app.Order("R501")["commercial_state"])
	require.Equal(t, "unpaid", app.Order("R501")["payment_state"])
	o = app.Order("R502")
	require.Equal(t, "confirmed", o["commercial_state"])
	require.Equal(t, "12.50", app.Totals("R502")["net"], "one of two went back")
	require.Equal(t, "cancelled", reading.Line(o, "4")["state"])
	require.Nil(t, o["contact_id"], "two people are named: nobody is taken for the buyer")
	require.Equal(t, "other", app.Order("R503")["channel"])
	require.Equal(t, "cancelled", app.Order("R504")["commercial_state"])
	require.Equal(t, "18.00", app.Totals("R504")["paid"], "a ticket that is deleted did not go back by that")
	require.Equal(t, "confirmed", app.Order("p8")["commercial_state"], "without a transaction")
	starts := map[any]any{}
	parvistest.Eventually(t, "the performances are described", func() bool {
		for _, p := range app.Walk("/v1/ticketing/performances") {
			if p["is_stub"] == false {
				starts[p["external_id"]] = p["starts_at"]
			}
		}
		return len(starts) == 3
	})
	require.Equal(t, map[any]any{"100": "2026-12-05T19:30:00Z", "101/51": "2026-10-24T18:30:00Z", "101/52": "2026-10-25T15:00:00Z"}, starts)
	scans := app.Walk("/v1/ticketing/scans")
	require.Len(t, scans, 1)
	require.Equal(t, "2026-12-05T19:11:09Z", scans[0]["occurred_at"])
	require.Nil(t, scans[0]["gate"], "who checked is not read")
	result := app.Compare()
	require.EqualValues(t, 0, result["differing"], "%v", result["differences"])
	require.EqualValues(t, 6, result["orders_there"])
	require.Equal(t, result["there"], result["here"])

	// One ticket of two goes back: the order keeps the other.
	lists := len(v.Asked("/participant/list"))
	v.Put(weezeventtest.Participant(2, 100, 8, 500, m{"owner": []any{}, "refund": "1"}), time.Now())
	app.Pull("orders")
	parvistest.Eventually(t, "the refund", func() bool { return app.Totals("R500")["net"] == "18.00" })
	require.Equal(t, "partially_refunded", app.Order("R500")["payment_state"])
	require.Equal(t, "valid", reading.Line(app.Order("R500"), "2")["state"], "money went back, the ticket is good")
	app.Settled()
	asked := v.Asked("/participant/list")[lists:]
	require.Len(t, asked, 2, "what changed, and the transaction that it is of")
	require.Equal(t, []string{"100", "101"}, asked[0].Query["id_event[]"])
	require.Equal(t, []string{"R500"}, asked[1].Query["transaction_reference[]"])
	since, err := time.Parse(time.DateTime, asked[0].Query.Get("last_update"))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(-6*time.Minute), since, 30*time.Second, "by the clock of Greenwich, which is behind that of Paris")
}

func open(t *testing.T, v *weezeventtest.Server) port.Session {
	t.Helper()
	base, err := url.Parse(v.URL)
	require.NoError(t, err)
	zone, err := time.LoadLocation("Europe/Paris")
	require.NoError(t, err)
	s, err := weezevent.Connector{}.Open(port.Connection{
		TimeZone: zone, Currency: "EUR", BaseURL: base, Settings: json.RawMessage(`{"requests_per_minute":100000}`), Secrets: map[string]string{"api_key": v.APIKey, "username": v.Username, "password": v.Password}, HTTP: v.Client(), Now: time.Now,
	})
	require.NoError(t, err)
	return s
}

// A token is used until it is refused; who signs in wrongly is told at once and
// does not try until it is shut out.
func TestSigningIn(t *testing.T) {
	t.Parallel()
	v := house(t)
	s := open(t, v)
	read := func() error {
		_, err := s.Changes(t.Context(), "orders", port.Since{}, func(port.Page) error { return nil })
		return err
	}
	require.NoError(t, read())
	require.NoError(t, read())
	require.Len(t, v.Asked("/auth/access_token"), 1)
	v.EndTokens()
	require.NoError(t, read())
	require.Len(t, v.Asked("/auth/access_token"), 2)
	v.SetPassword("another")
	require.ErrorIs(t, read(), port.ErrRefused)
	require.Len(t, v.Asked("/auth/access_token"), 3, "once, not five times")
}

// An event of many tickets is read page by page; a price that is not known makes
// no amount up.
func TestPagesAndUnknownPrices(t *testing.T) {
	t.Parallel()
	v := house(t)
	for i := range 230 {
		v.Put(weezeventtest.Participant(1000+i, 100, 7, 1000+i, nil), day)
	}
	v.Put(weezeventtest.Participant(2000, 100, 666, 2000, nil), day)
	orders := map[string]port.OrderData{}
	_, err := open(t, v).Changes(t.Context(), "orders", port.Since{}, func(p port.Page) error {
		for _, r := range p.Records {
			if d, ok := r.Data.(port.OrderData); ok {
				orders[r.ExternalID] = d
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.Len(t, orders, 6+231)
	require.Empty(t, orders["100/2000"].Lines[0].Amount)
	require.Empty(t, orders["100/2000"].Payments)
	require.Len(t, v.Asked("/participant/list"), 4, "three pages of one event, one of the other")
}
