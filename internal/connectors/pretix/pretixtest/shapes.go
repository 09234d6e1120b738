package pretixtest

import (
	"maps"
	"time"
)

// Event is an event in pretix' form.
func Event(slug string, changes M) M {
	return with(M{
		"slug": slug, "name": M{"fr": "Saison " + slug, "en": "Season " + slug}, "live": true, "testmode": false, "currency": "EUR",
		"date_from": "2026-12-04T19:30:00Z", "date_to": nil, "location": M{"fr": "Salle des Arcades\n3 quai de la Fosse"}, "has_subevents": true, "timezone": "Europe/Paris", "plugins": []any{}, "meta_data": M{},
	}, changes)
}

// Subevent is a date.
func Subevent(id int, from string, changes M) M {
	return with(M{
		"id": id, "name": M{"fr": "La Traversée"}, "event": "saison", "active": true, "is_public": true, "date_from": from, "date_to": nil, "location": nil, "last_modified": "2026-11-01T08:00:00Z",
	}, changes)
}

// Item is a product.
func Item(id int, name string, changes M) M {
	return with(M{
		"id": id, "name": M{"fr": name}, "admission": true, "issue_giftcard": false, "grant_membership_type": nil, "default_price": "24.00", "variations": []any{}, "active": true,
	}, changes)
}

// Order is a paid order of two tickets, 24.00 and 18.50, and a fee of 1.50.
func Order(code string, modified time.Time, changes M) M {
	return with(M{
		"code": code, "event": "saison", "status": "p", "testmode": false, "secret": "ordersecret" + code, "email": "mael.lebihan@courrier.example", "phone": "+33639980177", "locale": "fr",
		"customer": nil, "datetime": "2026-11-20T08:58:00Z", "expires": "2026-12-04T22:59:59Z", "payment_date": "2026-11-20", "payment_provider": "stripe", "sales_channel": "web",
		"fees":  []any{M{"id": 4400, "fee_type": "service", "value": "1.50", "description": "Frais", "internal_type": "", "tax_rate": "20.00", "tax_value": "0.25", "tax_rule": 1, "canceled": false}},
		"total": "44.00", "comment": "", "api_meta": M{}, "checkin_attention": false,
		"invoice_address": M{
			"is_business": false, "company": "", "name": "Maël Le Bihan", "name_parts": M{"_scheme": "given_family", "given_name": "Maël", "family_name": "Le Bihan"},
			"street": "8 rue du Port", "zipcode": "29200", "city": "Brest", "country": "FR", "state": "", "vat_id": "",
		},
		"positions": []any{
			Position(70001, 1, 301, "24.00", nil),
			Position(70002, 2, 302, "18.50", nil),
		},
		"downloads": []any{M{"output": "pdf", "url": "https://tickets.example.org/download/secret"}}, "url": "https://tickets.example.org/arcades/saison/order/" + code + "/ordersecret/",
		"require_approval": false, "valid_if_pending": false,
		"payments": []any{Payment(1, "confirmed", "44.00", nil)}, "refunds": []any{},
		"last_modified": modified.UTC().Format(time.RFC3339Nano), "cancellation_date": nil, "plugin_data": M{},
	}, changes)
}

// Voucher is a code of an event.
func Voucher(id int, code string, changes M) M {
	return with(M{
		"id": id, "created": "2026-11-01T09:00:00Z", "code": code, "max_usages": 1, "redeemed": 0, "min_usages": 1, "valid_until": nil, "block_quota": false, "allow_ignore_quota": false,
		"price_mode": "none", "value": nil, "item": nil, "variation": nil, "quota": nil, "tag": "", "comment": "", "subevent": nil, "show_hidden_items": true, "seat": nil,
		"all_addons_included": false, "all_bundles_included": false, "budget": nil, "budget_used": "0.00",
	}, changes)
}

// Position is a ticket of 5.5 % tax.
func Position(id, rank, item int, price string, changes M) M {
	return with(M{
		"id": id, "order": "X", "positionid": rank, "item": item, "variation": nil, "price": price, "attendee_name": nil, "attendee_name_parts": M{}, "attendee_email": nil,
		"company": nil, "street": nil, "zipcode": nil, "city": nil, "country": nil, "tax_rate": "5.50", "tax_value": "1.25", "tax_rule": 2, "secret": "ticketsecret", "addon_to": nil,
		"subevent": 51, "voucher": nil, "seat": nil, "blocked": nil, "checkins": []any{}, "downloads": []any{}, "answers": []any{}, "canceled": false, "valid_from": nil, "valid_until": nil,
	}, changes)
}

// Payment is by card.
func Payment(id int, state, amount string, changes M) M {
	return with(M{
		"local_id": id, "state": state, "amount": amount, "created": "2026-11-20T08:58:00Z", "payment_date": "2026-11-20T08:59:00Z", "provider": "stripe", "payment_url": nil, "details": M{"payment_method": "card"},
	}, changes)
}

// Refund goes back the way a payment came.
func Refund(id int, state, amount string, changes M) M {
	return with(M{
		"local_id": id, "state": state, "source": "admin", "amount": amount, "payment": 1, "created": "2026-11-21T10:00:00Z", "execution_date": "2026-11-21T10:00:05Z", "comment": "", "provider": "stripe", "details": M{},
	}, changes)
}

// Customer is an account.
func Customer(identifier, email, given, family string, modified time.Time, changes M) M {
	return with(M{
		"identifier": identifier, "external_identifier": nil, "email": email, "phone": nil, "name": given + " " + family, "name_parts": M{"_scheme": "given_family", "given_name": given, "family_name": family},
		"is_active": true, "is_verified": true, "last_login": nil, "date_joined": "2026-10-01T08:00:00Z", "locale": "fr", "last_modified": modified.UTC().Format(time.RFC3339Nano), "notes": nil,
	}, changes)
}

func with(m, changes M) M {
	maps.Copy(m, changes)
	return m
}
