package pretix_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/port"
	"github.com/parvis-crm/parvis/internal/connectors/pretix/pretixtest"
)

// The organizer's book of sales has the last word on what an order comes to:
// entries with a negative count take others back.
func TestTheBookOfSales(t *testing.T) {
	t.Parallel()
	v := shop(t)
	n, tickets := 0, 0
	book := func(code, price string, count int, created string) {
		n++
		v.Put("transactions", m{"id": n, "order": code, "event": "saison", "created": created, "datetime": created, "positionid": 1, "count": count, "item": 301, "variation": nil, "subevent": 51, "price": price, "tax_rate": "5.50", "tax_rule": 2, "tax_value": "1.25", "fee_type": nil, "internal_type": nil})
	}
	one := func(code, status, price string, changes m) {
		tickets++
		order := pretixtest.Order(code, day, m{"status": status, "fees": []any{}, "positions": []any{pretixtest.Position(8000+tickets, 1, 301, price, nil)}})
		maps.Copy(order, changes)
		v.Put("orders", order)
	}
	const at = "2026-11-20T09:00:00Z"
	one("SAME", "p", "24.00", nil)
	book("SAME", "28.00", 1, at)
	book("SAME", "28.00", -1, at)
	book("SAME", "24.00", 1, at)
	one("EXPIRED", "e", "24.00", m{"payments": []any{}})
	book("EXPIRED", "24.00", 1, at)
	book("EXPIRED", "24.00", -1, at)
	one("WAITS", "n", "24.00", m{"require_approval": true, "payments": []any{}}) // is in no book yet
	one("OLDER", "p", "24.00", nil)                                              // than the book
	one("ODD", "p", "24.00", nil)
	book("ODD", "23.99", 1, at)
	one("CHANGES", "p", "24.00", nil) // while it is compared
	book("CHANGES", "24.00", 1, at)
	book("CHANGES", "24.00", -1, time.Now().Add(time.Minute).UTC().Format(time.RFC3339))
	app := connect(t, v)
	result := app.compare()
	require.Equal(t, []any{m{"external_id": "saison/ODD", "field": "ledger", "there": "23.99", "here": "24.00"}}, result["differences"])
	require.EqualValues(t, 1, result["differing"])
	require.EqualValues(t, 3, result["in_ledger"])
	for _, r := range v.Requests() {
		if strings.HasSuffix(r.Path, "/arcades/transactions/") {
			require.Equal(t, http.StatusOK, r.Status)
			require.NotEmpty(t, r.Query.Get("created_since"))
		}
	}
	// Versions before 2025.7 have none.
	v.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		gone := strings.HasSuffix(r.URL.Path, "/transactions/")
		if gone {
			w.WriteHeader(http.StatusNotFound)
		}
		return gone
	})
	result = app.compare()
	require.Empty(t, result["differences"])
	require.EqualValues(t, 0, result["in_ledger"])
}

// A rate that a position does not say is that of its rule; a channel that has a
// name of its own is what its type says, where the token may see it.
func TestRatesAndChannels(t *testing.T) {
	t.Parallel()
	v := shop(t)
	v.Put("events/saison/taxrules", m{"id": 2, "name": m{"fr": "TVA 2,1 %"}, "rate": "2.10"})
	v.Put("saleschannels", m{"identifier": "web", "type": "web"})
	v.Put("saleschannels", m{"identifier": "api.kiosque", "type": "pretixpos"})
	v.Put("orders", pretixtest.Order("AAA", day, m{"sales_channel": "api.kiosque", "positions": []any{pretixtest.Position(1, 1, 301, "24.00", m{"tax_rate": nil})},
		"fees": []any{m{"id": 1, "fee_type": "service", "value": "1.50", "tax_rate": nil, "tax_value": nil, "tax_rule": 2, "canceled": false}}}))
	records, _ := read(t, session(t, v, nil), "orders", port.Since{})
	d := records[0].Data.(port.OrderData)
	rate := int32(210)
	require.Equal(t, &rate, d.Lines[0].TaxRateBP)
	require.Equal(t, &rate, d.Fees[0].TaxRateBP)
	require.Equal(t, &port.Channel{Kind: "box_office", Code: "api.kiosque"}, d.Channel)
	require.Equal(t, 1, v.Asked("/events/saison/taxrules/"))

	v.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		refused := strings.HasSuffix(r.URL.Path, "/saleschannels/")
		if refused {
			w.WriteHeader(http.StatusForbidden)
		}
		return refused
	})
	records, _ = read(t, session(t, v, nil), "orders", port.Since{})
	require.Equal(t, "other", records[0].Data.(port.OrderData).Channel.Kind)
}

// Many orders may have changed in one and the same instant, as after an import.
func TestManyOrdersOfOneInstant(t *testing.T) {
	t.Parallel()
	v := shop(t)
	for i := range 170 {
		at := day
		if i >= 140 {
			at = day.Add(time.Hour)
		}
		v.Put("orders", pretixtest.Order("O"+strings.Repeat("I", i), at, m{"positions": []any{}}))
	}
	records, _ := read(t, session(t, v, nil), "orders", port.Since{})
	names := map[string]bool{}
	for _, r := range records {
		names[r.ExternalID] = true
	}
	require.Len(t, names, 170)
}
