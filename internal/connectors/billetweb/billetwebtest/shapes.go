package billetwebtest

import (
	"fmt"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/fakevendor"
)

// Event has one date.
func Event(id string, changes M) M {
	return fakevendor.With(M{"id": id, "ext_id": "e" + id, "name": "Le Bal des gabians", "start": "2026-12-05 20:30:00", "end": "2026-12-05 23:30:00", "multiple": "0", "place": "Halle des Arcades, Morlaix", "tax_rate": "5.50", "online": "1", "tags": []any{""}}, changes)
}

// Date of an event that has several.
func Date(id, start string) M {
	return M{"id": id, "name": "", "start": start, "end": "0000-00-00 00:00:00", "place": "", "quota": "120", "last_update": "0000-00-00 00:00:00"}
}

// Price of an event.
func Price(id, name string) M {
	return M{"id": id, "name": name, "full_name": name, "price": 18, "tax": "", "commission": 0.79}
}

// Ticket of an order, paid on line.
func Ticket(id int, event, order, price string, changes M) M {
	return fakevendor.With(M{
		"id": fmt.Sprint(id), "ext_id": fmt.Sprintf("T%d", id), "barcode": "barcodesecret", "event": event, "used": "0", "lane": "", "used_date": "0000-00-00 00:00:00", "email": "", "firstname": "Oriane", "name": "Kersaho",
		"ticket": "Plein tarif", "category": "", "ticket_id": "7", "price": price, "seating_location": "", "reduction_code": "", "pass": "0", "disabled": "0", "product_management": "https://billets.example/managesecret", "product_download": "https://billets.example/downloadsecret",
		"order_id": order, "order_ext_id": "C" + order, "order_firstname": "Oriane", "order_name": "Kersaho", "order_email": "oriane.kersaho@courrier.example", "order_date": "2026-11-20 19:12:02", "order_paid": "1", "order_payment_type": "web", "order_origin": "web",
		"order_price": price, "order_session": "0", "session_start": "", "order_accreditation": "0", "order_management": "https://billets.example/ordersecret", "order_language": "fr", "custom_order": M{},
	}, changes)
}

// Placed is when a ticket's order was placed.
func Placed(at time.Time) M { return M{"order_date": Clock(at)} }
