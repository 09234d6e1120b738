package webhooks_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// BenchmarkDeliveries measures durable, signed, logged deliveries to ten
// endpoints of a loopback sink, from commit of the events to the last record:
//
//	go test ./internal/webhooks/ -run '^$' -bench Deliveries -benchtime 1x
func BenchmarkDeliveries(b *testing.B) {
	const receivers, each = 10, 4000
	program := parvistest.New(b)
	var got atomic.Int64
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		got.Add(1)
		w.WriteHeader(http.StatusNoContent)
	}))
	b.Cleanup(sink.Close)
	for range receivers {
		subscribe(b, program.Client, sink.URL, nil)
	}
	conn := owner(b, program)
	for b.Loop() {
		got.Store(0)
		start := time.Now()
		for range 4 {
			emit(b, program.App.DB, program.Tenant, "tag.happened", each/4)
		}
		for got.Load() < receivers*each {
			time.Sleep(5 * time.Millisecond)
		}
		for left := 1; left > 0; {
			if err := conn.QueryRow(b.Context(), "select count(*) from crm.webhook_deliveries where status = 'pending'").Scan(&left); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(receivers*each)/time.Since(start).Seconds(), "deliveries/s")
		b.ReportMetric(float64(got.Load()-receivers*each), "repetitions")
	}
}
