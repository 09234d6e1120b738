package pretix_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/port"
	"github.com/parvis-crm/parvis/internal/connectors/pretix"
	"github.com/parvis-crm/parvis/internal/connectors/pretix/pretixtest"
)

// day is when the orders of these tests changed.
var day = time.Date(2026, 11, 20, 9, 0, 2, 118000000, time.UTC)

func session(t *testing.T, vendor *pretixtest.Server, settings m) port.Session {
	t.Helper()
	base, err := url.Parse(vendor.URL)
	require.NoError(t, err)
	all := m{"organizer": vendor.Organizer}
	maps.Copy(all, settings)
	raw, err := json.Marshal(all)
	require.NoError(t, err)
	zone, err := time.LoadLocation("Europe/Paris")
	require.NoError(t, err)
	s, err := pretix.Connector{}.Open(port.Connection{
		Source: "guichet", TimeZone: zone, Currency: "EUR", BaseURL: base, Settings: raw, Secrets: map[string]string{"token": vendor.Token}, HTTP: vendor.Client(), Now: time.Now,
	})
	require.NoError(t, err)
	return s
}

// shop is a pretix with a season of two dates around the end of summer time.
func shop(t *testing.T) *pretixtest.Server {
	t.Helper()
	v := pretixtest.New(t)
	v.Put("events", pretixtest.Event("saison", nil))
	v.Put("events/saison/items", pretixtest.Item(301, "Plein tarif", nil))
	v.Put("events/saison/items", pretixtest.Item(302, "Tarif réduit", m{"variations": []any{m{"id": 7, "value": m{"fr": "Étudiant", "de-informal": "Studi"}}}}))
	v.Put("events/saison/items", pretixtest.Item(303, "Carte cadeau", m{"admission": false, "issue_giftcard": true}))
	v.Put("events/saison/items", pretixtest.Item(304, "Programme", m{"admission": false}))
	v.Put("events/saison/subevents", pretixtest.Subevent(51, "2026-10-24T18:30:00Z", nil))
	v.Put("events/saison/subevents", pretixtest.Subevent(52, "2026-10-25T16:30:00+01:00", nil))
	return v
}

// read gives everything of a stream.
func read(t *testing.T, s port.Session, stream string, since port.Since) ([]port.Record, port.Mark) {
	t.Helper()
	var out []port.Record
	mark, err := s.Changes(t.Context(), stream, since, func(p port.Page) error { out = append(out, p.Records...); return nil })
	require.NoError(t, err)
	return out, mark
}

// Each shape becomes one neutral form, which is kept beside the tests
// (PARVIS_GOLDEN=1 writes them anew).
func TestShapes(t *testing.T) {
	t.Parallel()
	person := m{"_scheme": "given_family", "given_name": "Solène", "family_name": "Kermarrec"}
	shapes := map[string]m{
		"paid": pretixtest.Order("AAA11", day, m{"customer": "Q7XW", "positions": []any{
			pretixtest.Position(70001, 1, 301, "24.00", m{"attendee_name": "Solène Kermarrec", "attendee_name_parts": person, "attendee_email": "famille.kermarrec@courrier.example", "seat": m{"id": 7, "name": "Rang C, place 14"},
				"answers": []any{m{"question": 61, "answer": "True", "question_identifier": "NEWSLTR"}}}),
			pretixtest.Position(70002, 2, 302, "18.50", m{"variation": 7, "attendee_name": "Yann Kermarrec", "attendee_name_parts": m{"_legacy": "Yann Kermarrec"}, "attendee_email": "famille.kermarrec@courrier.example",
				"answers": []any{m{"question": 61, "answer": "False", "question_identifier": "NEWSLTR"}}}),
		}}),
		"nobody": pretixtest.Order("AAA12", day, m{"email": nil, "phone": nil, "invoice_address": nil, "sales_channel": "pretixpos", "fees": []any{}, "payments": []any{pretixtest.Payment(1, "confirmed", "42.50", m{"provider": "boxoffice", "details": m{"payment_type": "cash"}})}}),
		"partial_refund": pretixtest.Order("AAA13", day, m{
			"positions": []any{pretixtest.Position(70003, 1, 301, "24.00", nil), pretixtest.Position(70004, 2, 302, "18.50", m{"canceled": true})},
			"fees":      []any{m{"id": 4400, "fee_type": "service", "value": "1.50", "canceled": false}, m{"id": 4401, "fee_type": "cancellation", "value": "3.50", "tax_rate": "0.00", "tax_value": "0.00", "canceled": false}},
			"refunds":   []any{pretixtest.Refund(1, "done", "15.00", nil), pretixtest.Refund(2, "failed", "15.00", nil)},
		}),
		"fee_kept": pretixtest.Order("AAA14", day, m{
			"status": "p", "total": "5.00", "positions": []any{pretixtest.Position(70005, 1, 301, "24.00", m{"canceled": true})},
			"fees": []any{m{"id": 4402, "fee_type": "cancellation", "value": "5.00", "canceled": false}}, "payments": []any{pretixtest.Payment(1, "refunded", "24.00", nil)}, "refunds": []any{pretixtest.Refund(1, "done", "19.00", nil)}, "cancellation_date": "2026-11-21T10:00:00Z",
		}),
		"cancelled": pretixtest.Order("AAA15", day, m{"status": "c", "payments": []any{pretixtest.Payment(1, "refunded", "44.00", nil)}, "refunds": []any{pretixtest.Refund(1, "done", "44.00", nil)}}),
		"denied":    pretixtest.Order("AAA16", day, m{"status": "c", "require_approval": true, "payments": []any{}}),
		"pending":   pretixtest.Order("AAA17", day, m{"status": "n", "payments": []any{pretixtest.Payment(1, "created", "44.00", m{"provider": "banktransfer", "payment_date": nil})}}),
		"school": pretixtest.Order("AAA18", day, m{"status": "n", "valid_if_pending": true, "email": "intendance@college-des-sables.example", "payments": []any{},
			"invoice_address": m{"is_business": true, "company": "Collège des Sables", "name_parts": m{}, "street": "2 allée des Dunes", "zipcode": "29900", "city": "Concarneau", "country": "FR"}}),
		"legacy_refunded": pretixtest.Order("AAA24", day, m{"status": "r", "payments": []any{pretixtest.Payment(1, "refunded", "44.00", nil)}, "refunds": []any{pretixtest.Refund(1, "done", "44.00", nil)}}),
		"approval":        pretixtest.Order("AAA25", day, m{"status": "n", "require_approval": true, "valid_if_pending": true, "payments": []any{}}),
		"shredded": pretixtest.Order("AAA26", day, m{"email": "█", "phone": "█", "invoice_address": m{"is_business": false, "company": "█", "name": "█", "name_parts": m{"_shredded": true}, "street": "█", "zipcode": "█", "city": "█", "country": ""},
			"positions": []any{pretixtest.Position(70010, 1, 301, "44.00", m{"attendee_name": nil, "attendee_name_parts": m{"_shredded": true}, "attendee_email": "█", "answers": []any{m{"question": 61, "answer": "█", "question_identifier": "NEWSLTR"}}})}, "fees": []any{}}),
		"name_schemes": pretixtest.Order("AAA27", day, m{"fees": []any{}, "total": "40.00", "invoice_address": nil, "payments": []any{pretixtest.Payment(1, "confirmed", "40.00", m{"payment_date": nil, "created": "2026-11-20T09:58:00.125+01:00"})},
			"payment_provider": "banktransfer", "payment_date": "2019-01-01", "positions": []any{
				pretixtest.Position(70021, 1, 301, "10.00", m{"attendee_name": "Mme Solène Kermarrec", "attendee_name_parts": m{"_scheme": "title_given_family", "title": "Mme", "given_name": "Solène", "family_name": "Kermarrec"}}),
				pretixtest.Position(70022, 2, 301, "10.00", m{"attendee_name": "Yann Erwan Kermarrec", "attendee_name_parts": m{"_scheme": "given_middle_family", "given_name": "Yann", "middle_name": "Erwan", "family_name": "Kermarrec"}}),
				pretixtest.Position(70023, 3, 301, "10.00", m{"attendee_name": "Inès C", "attendee_name_parts": m{"_scheme": "full", "full_name": "Inès Castellan"}}),
				pretixtest.Position(70024, 4, 301, "10.00", m{"attendee_name": "Gwenn", "attendee_name_parts": m{"_scheme": "calling", "calling_name": "Gwenn"}}),
			}}),
		"expired":        pretixtest.Order("AAA19", day, m{"status": "e", "payments": []any{pretixtest.Payment(1, "canceled", "44.00", nil)}}),
		"gift_card":      pretixtest.Order("AAA20", day, m{"positions": []any{pretixtest.Position(70006, 1, 303, "44.00", m{"subevent": nil})}, "fees": []any{}, "payments": []any{pretixtest.Payment(1, "confirmed", "30.00", m{"provider": "giftcard", "details": m{"gift_card": m{"id": 9, "secret": "GIFTSECRET", "organizer": "arcades"}}}), pretixtest.Payment(2, "confirmed", "14.00", nil)}}),
		"refund_to_card": pretixtest.Order("AAA21", day, m{"refunds": []any{pretixtest.Refund(1, "done", "44.00", m{"provider": "giftcard", "payment": nil, "details": m{"gift_card": 9}})}}),
		"addon":          pretixtest.Order("AAA22", day, m{"testmode": true, "positions": []any{pretixtest.Position(70007, 1, 301, "24.00", m{"blocked": []any{"admin"}}), pretixtest.Position(70008, 2, 304, "5.00", m{"addon_to": 70007})}}),
		"nulls": {"code": "AAA23", "event": "saison", "status": "p", "testmode": false, "email": nil, "phone": nil, "locale": nil, "customer": nil, "datetime": nil, "sales_channel": nil, "fees": nil, "invoice_address": nil,
			"positions": []any{m{"id": 70009, "positionid": 1, "item": nil, "variation": nil, "price": "0.00", "attendee_name": nil, "attendee_name_parts": nil, "attendee_email": nil, "tax_rate": nil, "tax_value": nil, "addon_to": nil, "subevent": nil, "seat": nil, "blocked": nil, "answers": nil, "canceled": false}},
			"payments":  nil, "refunds": nil, "last_modified": nil, "api_meta": nil, "a_member_of_tomorrow": m{"deep": []any{1}}},
	}
	for name, order := range shapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := shop(t)
			v.Put("orders", order)
			records, _ := read(t, session(t, v, m{"consents": []any{m{"question": "NEWSLTR", "purpose": "newsletter", "channel": "email"}}, "price_classes": m{"301": "full", "302/7": "reduced"}}), "orders", port.Since{})
			require.Len(t, records, 1)
			raw, err := json.MarshalIndent(records[0], "", "  ")
			require.NoError(t, err)
			for _, secret := range []string{"secret", "SECRET", "download", "tickets.example.org"} {
				require.NotContains(t, string(raw), secret)
			}
			golden(t, name, raw)
		})
	}
}

func golden(t *testing.T, name string, raw []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".json")
	raw = append(bytes.TrimSpace(raw), '\n')
	if os.Getenv("PARVIS_GOLDEN") == "1" {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, raw, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(raw))
}

func TestCatalogueShape(t *testing.T) {
	t.Parallel()
	v := shop(t)
	records, _ := read(t, session(t, v, m{"price_classes": m{"301": "full", "302/7": "reduced"}}), "catalogue", port.Since{})
	raw, err := json.MarshalIndent(records, "", "  ")
	require.NoError(t, err)
	golden(t, "catalogue", raw)
	starts := map[string]string{}
	for _, r := range records {
		if p, ok := r.Data.(port.PerformanceData); ok {
			zone, err := time.LoadLocation(p.TimeZone)
			require.NoError(t, err)
			starts[r.ExternalID] = p.StartsAt.In(zone).Format("2006-01-02 15:04")
		}
	}
	// The clocks go back in the night between.
	require.Equal(t, map[string]string{"saison/51": "2026-10-24 20:30", "saison/52": "2026-10-25 16:30"}, starts)
}

func TestCustomerShapes(t *testing.T) {
	t.Parallel()
	v := shop(t)
	v.Put("customers", pretixtest.Customer("Q7XW", "solene.kermarrec@courrier.example", "Solène", "Kermarrec", day, nil))
	v.Put("customers", pretixtest.Customer("SSO1", "yann@courrier.example", "", "", day, m{"name": "Yann K", "name_parts": m{"_scheme": "full", "full_name": "Yann K"}, "external_identifier": "sso|1", "is_verified": false}))
	v.Put("customers", pretixtest.Customer("GONE", "", "", "", day, m{"email": nil, "name": "", "name_parts": m{}, "is_active": false}))
	v.Put("customers", pretixtest.Customer("OLD1", "vieux@courrier.example", "Vieux", "Compte", day.AddDate(0, -2, 0), nil))
	records, _ := read(t, session(t, v, nil), "customers", port.Since{At: day.Add(-time.Hour)})
	raw, err := json.MarshalIndent(records, "", "  ")
	require.NoError(t, err)
	golden(t, "customers", raw)
}
