package eventbrite_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/eventbrite"
	"github.com/parvis-crm/parvis/internal/connectors/eventbrite/eventbritetest"
	"github.com/parvis-crm/parvis/internal/connectors/port"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/parvistest/reading"
)

var day = time.Date(2026, 11, 20, 18, 12, 2, 0, time.UTC)

// pair is an order of two tickets of 12.00, with fees of 2.60 that the buyer paid;
// the second holder was not named.
func pair(changed time.Time, second m) m {
	each := eventbritetest.Costs("12.00", "0.90", "0.40", "13.30")
	other := eventbritetest.Attendee("62", changed, each, m{"profile": m{"first_name": "Info", "last_name": "Requested", "email": "oriane.kersaho@courrier.example"}})
	maps.Copy(other, second)
	return eventbritetest.Order("501", day, eventbritetest.Costs("24.00", "1.80", "0.80", "26.60"), nil, eventbritetest.Attendee("61", day, each, nil), other)
}

func house(t *testing.T) *eventbritetest.Server {
	t.Helper()
	v := eventbritetest.New(t)
	v.PutEvent(eventbritetest.Event("770", nil))
	v.PutEvent(eventbritetest.Event("771", m{"series_id": "700", "status": "canceled", "start": m{"timezone": "Europe/Paris", "utc": "2026-10-25T15:00:00Z"}, "end": nil, "venue": nil}))
	v.PutOrder(pair(day, nil))
	free := eventbritetest.Costs("0.00", "0.00", "0.00", "0.00")
	// Fees that the organiser bears are in the price.
	v.PutOrder(eventbritetest.Order("502", day, eventbritetest.Costs("20.00", "1.50", "0.60", "20.00"), m{"event_id": "771"}, eventbritetest.Attendee("63", day, eventbritetest.Costs("20.00", "1.50", "0.60", "20.00"), m{"profile": m{"first_name": "Malo", "last_name": "Kersaho", "email": nil}})))
	v.PutOrder(eventbritetest.Order("503", day, free, m{"first_name": "", "last_name": "", "email": nil}, eventbritetest.Attendee("64", day, free, m{"profile": m{}, "checked_in": true, "barcodes": []any{m{"status": "used", "changed": "2026-12-05T19:11:09Z"}}})))
	v.PutOrder(eventbritetest.Order("504", day, free, m{"status": "started"}))
	return v
}

func TestOrdersToTheCent(t *testing.T) {
	t.Parallel()
	v := house(t)
	app := reading.Connect(t, "eventbrite", v.Connection(m{"price_classes": m{"881": "full"}}))
	o := app.Order("501")
	require.Equal(t, "confirmed", o["commercial_state"])
	require.Equal(t, "paid", o["payment_state"])
	require.Equal(t, "26.60", app.Totals("501")["net"])
	require.Equal(t, "12.00", reading.Line(o, "61")["amount"].(m)["amount"])
	require.Len(t, o["fees"], 2)
	require.Equal(t, o["contact_id"], reading.Line(o, "61")["holder_contact_id"])
	require.Nil(t, reading.Line(o, "62")["holder"], "a placeholder is nobody, and not the buyer")
	require.Equal(t, "20.00", app.Totals("502")["net"])
	require.Empty(t, app.Order("502")["fees"])
	require.Equal(t, "Malo", reading.Line(app.Order("502"), "63")["holder"].(m)["given_name"])
	require.Nil(t, app.Order("503")["contact_id"])
	require.Equal(t, "reserved", app.Order("504")["commercial_state"])
	performances := map[any]m{}
	parvistest.Eventually(t, "the performances are described", func() bool {
		for _, p := range app.Walk("/v1/ticketing/performances") {
			if p["is_stub"] == false {
				performances[p["external_id"]] = p
			}
		}
		return len(performances) == 2
	})
	require.Equal(t, "2026-12-05T19:30:00Z", performances["770"]["starts_at"])
	require.Equal(t, "cancelled", performances["771"]["status"])
	scans := app.Walk("/v1/ticketing/scans")
	require.Len(t, scans, 1)
	require.Equal(t, "2026-12-05T19:11:09Z", scans[0]["occurred_at"])
	result := app.Compare()
	require.EqualValues(t, 0, result["differing"], "%v", result["differences"])
	require.EqualValues(t, 4, result["orders_there"])
	require.Equal(t, result["there"], result["here"])

	// A ticket goes back: its price, and not the fees. The order does not say so;
	// the attendee does.
	v.PutOrder(pair(time.Now(), m{"refunded": true, "cancelled": true, "status": "Not Attending"}))
	address := app.Address()
	require.Equal(t, http.StatusAccepted, app.Deliver(address, eventbritetest.Notice("attendee.updated", "https://www.eventbriteapi.com/v3/events/770/attendees/62/"), nil))
	parvistest.Eventually(t, "the refund", func() bool { return app.Totals("501")["net"] == "14.60" })
	o = app.Order("501")
	require.Equal(t, "partially_refunded", o["payment_state"])
	require.Equal(t, "confirmed", o["commercial_state"])
	require.Equal(t, "cancelled", reading.Line(o, "62")["state"])
	require.NotEmpty(t, v.Asked("/v3/orders/501/"))

	// All of it goes back, by the order's own word.
	v.PutOrder(eventbritetest.Order("502", time.Now(), eventbritetest.Costs("20.00", "1.50", "0.60", "20.00"), m{"event_id": "771", "status": "refunded", "created": eventbritetest.Stamp(day)}, eventbritetest.Attendee("63", day, eventbritetest.Costs("20.00", "1.50", "0.60", "20.00"), nil)))
	require.Equal(t, http.StatusAccepted, app.Deliver(address, eventbritetest.Notice("order.refunded", "https://www.eventbriteapi.com/v3/orders/502/"), nil))
	parvistest.Eventually(t, "the other refund", func() bool { return app.Totals("502")["net"] == "0.00" })
	require.Equal(t, "confirmed", app.Order("502")["commercial_state"], "the ticket is good still")
}

// Where to call is registered; again replaces it.
func TestRegistering(t *testing.T) {
	t.Parallel()
	v := house(t)
	app := reading.Connect(t, "eventbrite", v.Connection(nil))
	for range 2 {
		app.Post(app.Base+"/connection/hook-registration", nil).Is(200)
		require.Len(t, v.Hooks(), 1)
		for _, h := range v.Hooks() {
			require.Contains(t, h["endpoint_url"], "/v1/ticketing/hooks/eventbrite/")
			require.Contains(t, h["actions"], "order.refunded")
		}
	}
	require.Contains(t, v.Hooks(), "8802")
}

func open(t *testing.T, v *eventbritetest.Server) port.Session {
	t.Helper()
	base, err := url.Parse(v.URL)
	require.NoError(t, err)
	settings, err := json.Marshal(v.Connection(nil)["settings"])
	require.NoError(t, err)
	s, err := eventbrite.Connector{}.Open(port.Connection{TimeZone: time.UTC, Currency: "EUR", BaseURL: base, Settings: settings, Secrets: map[string]string{"token": v.Token}, HTTP: v.Client(), Now: time.Now})
	require.NoError(t, err)
	return s
}

// The address in a call is never called, and only a number of Eventbrite's own is
// taken from it.
func TestAddressesInCalls(t *testing.T) {
	t.Parallel()
	s := open(t, house(t))
	for address, want := range map[string]string{
		"https://www.eventbriteapi.com/v3/orders/501/": "501", "https://evil.example/v3/orders/501/": "", "https://www.eventbriteapi.com.evil.example/v3/orders/501/": "", "https://www.eventbriteapi.com/v3/orders/501/../../users/me/": "",
		"https://www.eventbriteapi.com/v3/orders/5x/": "", "https://www.eventbriteapi.com/v3/events/501/": "", "::": "",
	} {
		r := s.ReadHook(port.Hook{Body: eventbritetest.Notice("order.placed", address)})
		if want == "" {
			require.Empty(t, r.Changed, address)
			require.Equal(t, []string{"orders"}, r.Streams, "whatever it names, it wakes")
			continue
		}
		require.Equal(t, []port.Ref{{Kind: port.Order, ExternalID: want}}, r.Changed)
	}
	require.True(t, s.ReadHook(port.Hook{Body: []byte("<x>")}).Ignored)
}

// Reading everything may take hours: checks at the door meanwhile are found after
// it, and those of a week where nobody remembers when it began.
func TestTheFirstAttendees(t *testing.T) {
	t.Parallel()
	v := house(t)
	costs := eventbritetest.Costs("9.00", "0.00", "0.00", "9.00")
	put := func(id string, changed time.Time) {
		v.PutOrder(eventbritetest.Order(id, day, costs, nil, eventbritetest.Attendee("1"+id, changed, costs, nil)))
	}
	put("9001", time.Now().AddDate(0, 0, -2))
	names := func(s port.Session) map[string]bool {
		out := map[string]bool{}
		_, err := s.Changes(t.Context(), "attendees", port.Since{}, func(p port.Page) error {
			for _, r := range p.Records {
				out[r.ExternalID] = true
			}
			return nil
		})
		require.NoError(t, err)
		return out
	}
	require.True(t, names(open(t, v))["9001"])
	s := open(t, v)
	_, err := s.Changes(t.Context(), "orders", port.Since{}, func(port.Page) error { return nil })
	require.NoError(t, err)
	put("9002", time.Now())
	found := names(s)
	require.True(t, found["9002"])
	require.False(t, found["9001"])
}

// Lists go on by a token; what broke off goes on by it, and from the beginning
// where it is too old. The mark is when the first reading began.
func TestLists(t *testing.T) {
	t.Parallel()
	v := house(t)
	costs := eventbritetest.Costs("9.00", "0.00", "0.00", "9.00")
	for i := range 120 {
		v.PutOrder(eventbritetest.Order(fmt.Sprint(9000+i), day, costs, nil, eventbritetest.Attendee(fmt.Sprint(19000+i), day, costs, nil)))
	}
	s := open(t, v)
	var resume string
	seen := map[string]bool{}
	take := func(p port.Page) error {
		if resume == "" {
			resume = p.Resume
		}
		for _, r := range p.Records {
			seen[r.Kind+r.ExternalID] = true
		}
		return nil
	}
	mark, err := s.Changes(t.Context(), "orders", port.Since{}, take)
	require.NoError(t, err)
	require.Len(t, seen, 125, "124 orders and a scan")
	require.Len(t, v.Asked("/orders/"), 3)
	clear(seen)
	resumed, err := s.Changes(t.Context(), "orders", port.Since{Resume: resume}, take)
	require.NoError(t, err)
	require.Equal(t, mark, resumed)
	require.Len(t, v.Asked("/orders/"), 5)
	clear(seen)
	_, err = s.Changes(t.Context(), "orders", port.Since{Resume: strings.Replace(resume, `"go50"`, `"old"`, 1)}, take)
	require.NoError(t, err)
	require.Len(t, seen, 125)
	_, err = s.Changes(t.Context(), "orders", port.Since{At: day.Add(time.Hour)}, take)
	require.NoError(t, err)
	lists := v.Asked("/orders/")
	require.Equal(t, "2026-11-20T19:12:02Z", lists[len(lists)-1].Query.Get("changed_since"))
	require.Equal(t, "attendees", lists[len(lists)-1].Query.Get("expand"))
}
