package eventbritetest

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/fakevendor"
)

// Stamp writes a time as Eventbrite does.
func Stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05Z") }

// Money writes an amount twice.
func Money(major string) M {
	out := M{"display": major + " EUR", "currency": "EUR", "major_value": major, "value": major}
	if f, err := strconv.ParseFloat(major, 64); err == nil {
		out["value"] = int(math.Round(f * 100))
	}
	return out
}

// Costs are a price, Eventbrite's two fees, and what was paid.
func Costs(base, service, payment, gross string) M {
	return M{"base_price": Money(base), "eventbrite_fee": Money(service), "payment_fee": Money(payment), "tax": Money("0.00"), "gross": Money(gross)}
}

// Order is of one organization's event, with its attendees.
func Order(id string, at time.Time, costs M, changes M, attendees ...any) M {
	for _, a := range attendees {
		a.(M)["order_id"] = id
	}
	return fakevendor.With(M{
		"id": id, "event_id": "770", "changed": Stamp(at), "created": Stamp(at), "name": "Oriane Kersaho", "first_name": "Oriane", "last_name": "Kersaho", "email": "oriane.kersaho@courrier.example", "status": "placed", "time_remaining": nil,
		"costs": costs, "resource_uri": "https://www.eventbriteapi.com/v3/orders/" + id + "/", "attendees": append([]any{}, attendees...),
	}, changes)
}

// Attendee is the buyer.
func Attendee(id string, at time.Time, costs M, changes M) M {
	return fakevendor.With(M{
		"id": id, "event_id": "770", "changed": Stamp(at), "created": Stamp(at), "quantity": 1, "variant_id": nil, "team": nil, "answers": []any{}, "checked_in": false, "cancelled": false, "refunded": false, "status": "Attending",
		"profile":  M{"first_name": "Oriane", "last_name": "Kersaho", "email": "oriane.kersaho@courrier.example", "name": "Oriane Kersaho", "addresses": M{}},
		"barcodes": []any{M{"status": "unused", "barcode": "barcodesecret", "created": Stamp(at), "changed": Stamp(at)}}, "costs": costs, "ticket_class_id": "881", "ticket_class_name": "Plein tarif",
	}, changes)
}

// Event is a date, with its place and prices.
func Event(id string, changes M) M {
	return fakevendor.With(M{
		"id": id, "name": M{"text": "Le Bal des gabians", "html": "Le Bal des gabians"}, "start": M{"timezone": "Europe/Paris", "local": "2026-12-05T20:30:00", "utc": "2026-12-05T19:30:00Z"}, "end": M{"timezone": "Europe/Paris", "local": "2026-12-05T23:30:00", "utc": "2026-12-05T22:30:00Z"},
		"status": "live", "currency": "EUR", "capacity": 240, "series_id": nil, "venue": M{"id": "5501", "name": "Halle des Arcades", "address": M{"address_1": "12 quai des Brumes", "city": "Morlaix", "postal_code": "29600", "country": "FR"}},
		"ticket_classes": []any{M{"id": "881", "name": "Plein tarif", "free": false}},
	}, changes)
}

// Notice is a call: what happened, and an address.
func Notice(action, address string) []byte {
	raw, _ := json.Marshal(M{"config": M{"action": action, "webhook_id": "8801", "user_id": "1", "endpoint_url": "https://crm.example.org"}, "api_url": address})
	return raw
}
