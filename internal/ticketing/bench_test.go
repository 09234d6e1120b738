package ticketing_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// BenchmarkNewBuyers measures a batch of 500 orders, each of somebody new:
//
//	go test ./internal/ticketing/ -run '^$' -bench NewBuyers -benchtime 10x
func BenchmarkNewBuyers(b *testing.B) {
	const orders = 500
	app := parvistest.New(b)
	app.Post("/v1/ticketing/sources", m{"code": "bench", "name": "Bench", "kind": "generic"}).Is(http.StatusCreated)
	n := 0
	batch := func() []m {
		var out []m
		for range orders {
			n++
			out = append(out, m{"kind": "order", "external_id": fmt.Sprintf("o%d", n), "source_version": 1, "data": m{
				"number": fmt.Sprintf("N%d", n), "commercial_state": "confirmed", "placed_at": "2026-03-01T18:00:00Z", "currency": "EUR",
				"buyer": m{"customer": fmt.Sprintf("c%d", n), "email": fmt.Sprintf("acheteuse.%d@courriel.example", n), "given_name": "Odile", "family_name": fmt.Sprintf("Ferrandis%d", n)},
				"lines": []m{
					{"external_id": fmt.Sprintf("o%d-1", n), "performance": fmt.Sprintf("date-%d", n%40), "price_type": "full", "amount": "24.00"},
					{"external_id": fmt.Sprintf("o%d-2", n), "performance": fmt.Sprintf("date-%d", n%40), "price_type": "full", "amount": "24.00"},
				},
				"payments": []m{{"external_id": fmt.Sprintf("o%d-p", n), "method": "card", "amount": "48.00", "state": "settled", "at": "2026-03-01T18:01:00Z"}},
			}})
		}
		return out
	}
	for b.Loop() {
		b.StopTimer()
		records := batch()
		b.StartTimer()
		app.Post("/v1/ticketing/sources/bench/batches", m{"records": records}).Is(http.StatusMultiStatus)
	}
}
