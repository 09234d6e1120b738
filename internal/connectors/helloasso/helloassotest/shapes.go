package helloassotest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/fakevendor"
)

// Stamp writes a time as HelloAsso does: seven digits after the second and the
// offset of Paris.
func Stamp(at time.Time) string {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		zone = time.UTC
	}
	return at.In(zone).Format("2006-01-02T15:04:05.0000000Z07:00")
}

// Order is an order of one ticket of 18.00, paid by card.
func Order(id int, at time.Time, changes M) M {
	return fakevendor.With(M{
		"id": id, "date": Stamp(at), "formSlug": "bal-des-gabians", "formType": "Event", "organizationName": "Les Arcades", "organizationSlug": "les-arcades", "organizationType": "Association1901",
		"meta":  M{"createdAt": Stamp(at), "updatedAt": Stamp(at)},
		"payer": M{"email": "oriane.kersaho@courrier.example", "firstName": "Oriane", "lastName": "Kersaho", "address": "4 venelle des Lavoirs", "zipCode": "29600", "city": "Morlaix", "country": "FRA", "dateOfBirth": "1984-06-02T00:00:00+02:00"},
		"items": []any{Item(id*10+1, 1800, nil)}, "payments": []any{Payment(id*10+5, 1800, at, nil)}, "amount": M{"total": 1800, "vat": 0, "discount": 0},
	}, changes)
}

// Item is a ticket.
func Item(id int, cents any, changes M) M {
	return fakevendor.With(M{
		"id": id, "name": "Plein tarif", "type": "Registration", "state": "Processed", "amount": cents, "initialAmount": cents, "priceCategory": "Fixed", "tierId": 5100, "user": M{"firstName": "Oriane", "lastName": "Kersaho"},
		"customFields": []any{}, "options": []any{}, "payments": []any{}, "qrCode": "qrsecret", "ticketUrl": "https://billets.example/ticketsecret",
	}, changes)
}

// Payment is by card; its only share is all of it.
func Payment(id int, cents any, at time.Time, changes M) M {
	return fakevendor.With(M{
		"id": id, "amount": cents, "date": Stamp(at), "paymentMeans": "Card", "installmentNumber": 1, "state": "Authorized", "type": "Credit", "meta": M{"createdAt": Stamp(at), "updatedAt": Stamp(at)},
		"cashOutState": "Transfered", //nolint:misspell // as the vendor writes it
		"items":        []any{M{"id": id - 4, "shareAmount": cents, "shareItemAmount": cents}}, "refundOperations": []any{}, "paymentReceiptUrl": "https://recus.example/receiptsecret",
	}, changes)
}

// Refund is an operation on a payment.
func Refund(id, cents int, status string, at time.Time) M {
	return M{"id": id, "amount": cents, "amountTip": 0, "status": status, "meta": M{"createdAt": Stamp(at), "updatedAt": Stamp(at)}}
}

// Form is an event with two prices.
func Form(slug string, changes M) M {
	return fakevendor.With(M{
		"formSlug": slug, "formType": "Event", "title": "Le Bal des gabians", "state": "Public", "currency": "EUR", "startDate": "2026-12-05T20:30:00+01:00", "endDate": "2026-12-05T23:30:00+01:00", "organizationSlug": "les-arcades",
		"meta":  M{"createdAt": "2026-09-01T09:00:00+02:00", "updatedAt": "2026-09-02T09:00:00+02:00"},
		"place": M{"name": "Halle des Arcades", "address": "12 quai des Brumes", "city": "Morlaix", "zipCode": "29600", "country": "FRA"},
		"tiers": []any{M{"id": 5100, "label": "Plein tarif", "tierType": "Registration", "price": 1800, "vatRate": 5.5}, M{"id": 5101, "label": "Tarif réduit", "tierType": "Registration", "price": 1200, "vatRate": 5.5}},
	}, changes)
}

// Notice is a call: the kind of it and the whole object.
func Notice(kind string, data M) []byte {
	raw, _ := json.Marshal(M{"data": data, "eventType": kind})
	return raw
}

// Signed are the headers with which a call is sent.
func (s *Server) Signed(body []byte) http.Header {
	mac := hmac.New(sha256.New, []byte(s.SignatureKey))
	mac.Write(body)
	return http.Header{"X-Ha-Signature": {hex.EncodeToString(mac.Sum(nil))}, "Content-Type": {"application/json"}}
}
