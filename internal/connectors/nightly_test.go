package connectors_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/connectors/pretix/pretixtest"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// A source is compared in the night of its own clocks, once; on the first of the
// month all the way back. What the vendor dates nowhere is found so.
func TestNights(t *testing.T) {
	t.Parallel()
	paris, err := time.LoadLocation("Europe/Paris")
	require.NoError(t, err)
	noon := time.Now().In(paris).AddDate(0, 0, 2)
	for noon.Day() == 1 || noon.AddDate(0, 0, 1).Day() == 1 { // nights of the middle of a month
		noon = noon.AddDate(0, 0, 1)
	}
	at := func(days, hour int) time.Time {
		return time.Date(noon.Year(), noon.Month(), noon.Day()+days, hour, 20, 0, 0, paris)
	}
	hands := clock.NewFixed(time.Now())
	app, vendor := connected(t, parvistest.WithClock(hands))
	placed := noon.AddDate(0, -3, 0).UTC()
	vendor.Put("orders", pretixtest.Order("OLD", placed, m{"datetime": placed.Format(time.RFC3339)}))
	connect(app, vendor)
	parvistest.Eventually(t, "the order", func() bool { return len(orders(app)) == 1 })
	told := func() int { return eventTypes(t, app)["ticketing.source.reconciled"] }
	look := func(when time.Time) {
		hands.Advance(when.Sub(hands.Now()))
		require.NoError(t, app.Connectors().CompareNightly(t.Context(), app.Tenant))
	}
	look(at(0, 4))
	parvistest.Eventually(t, "the first night", func() bool { return told() == 1 })
	look(at(0, 5))
	look(at(1, 1))
	require.Equal(t, 1, told(), "not twice a night, and not before it is night again")
	// A change of three months ago that moves no time: no night looks so far back.
	vendor.Put("orders", pretixtest.Order("OLD", placed, m{"datetime": placed.Format(time.RFC3339), "refunds": []any{pretixtest.Refund(1, "done", "4.00", m{"created": "2026-01-02T03:04:05Z", "execution_date": "2026-01-02T03:04:05Z"})}}))
	look(at(1, 4))
	parvistest.Eventually(t, "the second night", func() bool { return told() == 2 })
	require.Equal(t, "44.00", orders(app)["OLD"]["totals"].(m)["net"].(m)["amount"])
	look(at(2, 14))
	parvistest.Eventually(t, "the night that was missed", func() bool { return told() == 3 })
	look(time.Date(noon.Year(), noon.Month()+1, 1, 4, 0, 0, 0, paris))
	parvistest.Eventually(t, "the first of the month", func() bool { return told() == 4 })
	require.Equal(t, "40.00", orders(app)["OLD"]["totals"].(m)["net"].(m)["amount"])
}

// A source that was not read for a while is behind, which is told once, as is
// that it is not any more.
func TestASourceThatIsBehind(t *testing.T) {
	t.Parallel()
	hands := clock.NewFixed(time.Now())
	app, vendor := connected(t, parvistest.WithClock(hands))
	connect(app, vendor)
	parvistest.Eventually(t, "the first reading", func() bool { return state(app)["last_success_at"] != nil })
	require.NoError(t, app.Connectors().TellLate(t.Context(), app.Tenant))
	require.Zero(t, eventTypes(t, app)["ticketing.source.lagging"])
	vendor.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusBadGateway)
		return true
	})
	hands.Advance(16 * time.Minute)
	for range 2 {
		require.NoError(t, app.Connectors().TellLate(t.Context(), app.Tenant))
	}
	require.Equal(t, 1, eventTypes(t, app)["ticketing.source.lagging"])
	require.NotNil(t, state(app)["lagging_since"])
	hands.Advance(-16 * time.Minute)
	vendor.Intercept(nil)
	app.Post(base+"/pulls", m{}).Is(202)
	parvistest.Eventually(t, "it has caught up", func() bool { return eventTypes(t, app)["ticketing.source.recovered"] == 1 })
	require.Nil(t, state(app)["lagging_since"])
}
