package connectors_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/connectors/pretix/pretixtest"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/web"
)

// A source that falls behind is told of once, as is that it has caught up, and
// the connection says by how much meanwhile.
func TestASourceThatFallsBehindIsToldOfOnce(t *testing.T) {
	t.Parallel()
	at := clock.NewFixed(time.Now())
	app, vendor := connected(t, parvistest.WithClock(at))
	connect(app, vendor)
	parvistest.Eventually(t, "the first reading", func() bool { return state(app)["last_success_at"] != nil })
	require.NoError(t, app.Connectors().TellLate(t.Context(), app.Tenant))
	require.Zero(t, eventTypes(t, app)["ticketing.source.lagging"])
	require.Nil(t, state(app)["lagging_since"])

	vendor.Intercept(func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusBadGateway); return true })
	// A reading may be under way that began before: it is over when the next has failed.
	app.Post(base+"/pulls", m{}).Is(202)
	parvistest.Eventually(t, "a reading that fails", func() bool {
		return state(app)["last_error"] == "unreachable" || state(app)["last_error"] == "unexpected"
	})
	at.Advance(14 * time.Minute)
	require.NoError(t, app.Connectors().TellLate(t.Context(), app.Tenant))
	require.Zero(t, eventTypes(t, app)["ticketing.source.lagging"], "a quarter of an hour is not over")
	at.Advance(2 * time.Minute)
	for range 3 {
		require.NoError(t, app.Connectors().TellLate(t.Context(), app.Tenant))
	}
	require.Equal(t, 1, eventTypes(t, app)["ticketing.source.lagging"])
	require.NotNil(t, state(app)["lagging_since"])
	require.GreaterOrEqual(t, state(app)["lag_seconds"], 960.0)

	vendor.Intercept(nil)
	parvistest.Eventually(t, "it has caught up", func() bool {
		app.Post(base+"/pulls", m{}).Is(202)
		return state(app)["lagging_since"] == nil
	})
	require.Equal(t, 1, eventTypes(t, app)["ticketing.source.recovered"])
	require.Less(t, state(app)["lag_seconds"], 60.0)
	require.NoError(t, app.Connectors().TellLate(t.Context(), app.Tenant))
	require.Equal(t, 1, eventTypes(t, app)["ticketing.source.lagging"])
}

// What is only ever referred to is looked for during seven days, and then put before
// people; when the vendor tells of it after all, that settles it.
func TestWhatIsNeverDescribedIsGivenUpAfterSevenDays(t *testing.T) {
	t.Parallel()
	at := clock.NewFixed(time.Now())
	app, vendor := connected(t, parvistest.WithClock(at))
	vendor.Put("orders", pretixtest.Order("WEB1", now().Add(-time.Hour), m{"customer": "KX9", "positions": []any{pretixtest.Position(1, 1, 301, "42.50", nil)}}))
	connect(app, vendor)
	const waiting = "select coalesce((select attempts from crm.connector_fetches where kind = 'customer' and external_id = 'KX9' and reason = 'stub'), 0)"
	parvistest.Eventually(t, "it is looked for", func() bool { return parvistest.Ask[int](t, app, waiting) > 0 })
	again := func() {
		tried := parvistest.Ask[int](t, app, waiting)
		app.AsOwner("update crm.connector_fetches set due_at = now() where external_id = 'KX9'")
		app.Post(base+"/pulls", m{}).Is(202)
		parvistest.Eventually(t, "it is looked for again, or given up", func() bool { n := parvistest.Ask[int](t, app, waiting); return n > tried || n == 0 })
	}
	at.Advance(7*24*time.Hour - time.Hour)
	again()
	require.Empty(t, app.Get(base+"/dead-letters").Is(200).Data(), "seven days are not over")
	at.Advance(2 * time.Hour)
	again()
	letters := app.Get(base + "/dead-letters?status=open").Is(200).Data()
	require.Len(t, letters, 1)
	require.Equal(t, []any{"customer", "KX9", "never-described"}, []any{letters[0]["kind"], letters[0]["external_id"], letters[0]["problem"].(m)["code"]})
	require.Zero(t, parvistest.Ask[int](t, app, "select count(*) from crm.connector_fetches where external_id = 'KX9'"))

	vendor.Put("customers", pretixtest.Customer("KX9", "ines@courrier.example", "Inès", "Castellan", now(), nil))
	app.Post(base+"/pulls", m{"streams": []string{"customers"}}).Is(202)
	parvistest.Eventually(t, "it is settled", func() bool {
		return len(app.Get(base+"/dead-letters?status=open").Is(200).Data()) == 0
	})
	app.Get(base + "/records/customer/KX9").Is(200)
}

// A comparison that was begun again after a crash counts an absence once.
func TestAComparisonBegunAgainCountsAnAbsenceOnce(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	vendor.Put("orders", pretixtest.Order("GONE", time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), nil))
	connect(app, vendor)
	parvistest.Eventually(t, "the order", func() bool { return len(orders(app)) == 1 })
	vendor.Remove("orders", "saison/GONE")
	require.EqualValues(t, 0, compare(t, app, nil)["absent"])
	// As a process leaves it that is killed after it has counted: the operation is
	// not ended, and another process takes it up.
	app.AsOwner("update crm.operations set status = 'running', finished_at = null, result = null, updated_at = now() - interval '1 hour' where kind = 'ticketing.reconcile'")
	app.AsOwner("update river.river_job set state = 'available', finalized_at = null, scheduled_at = now(), max_attempts = 25 where args ->> 'operation' = (select id::text from crm.operations where kind = 'ticketing.reconcile')")
	parvistest.Eventually(t, "it is done again", func() bool {
		return parvistest.Ask[bool](t, app, "select finished_at is not null and attempt = 2 from crm.operations where kind = 'ticketing.reconcile'")
	})
	require.Equal(t, 1, parvistest.Ask[int](t, app, "select times from crm.connector_absences"))
	require.Equal(t, "confirmed", orders(app)["GONE"]["commercial_state"])
}

// What vendors send is kept for thirty days under the institution's key.
func TestWhatVendorsSendIsSealedAndKeptThirtyDays(t *testing.T) {
	t.Parallel()
	at := clock.NewFixed(time.Now())
	app, vendor := connected(t, parvistest.WithClock(at))
	connect(app, vendor)
	status, err := vendor.Deliver(hookAddress(app), []byte(`{"notification_id":7,"organizer":"arcades","event":"saison","code":"ZQX41","action":"pretix.event.order.paid"}`))
	require.NoError(t, err)
	require.Equal(t, http.StatusAccepted, status)
	require.Equal(t, 1, parvistest.Ask[int](t, app, "select count(*) from crm.connector_messages"))
	require.Zero(t, parvistest.Ask[int](t, app, "select count(*) from crm.connector_messages m where position(convert_to('ZQX41', 'UTF8') in m.body) > 0 or m::text like '%ZQX41%'"), "it lies there sealed")
	id := app.Get(base + "/inbound-messages").Is(200).Data()[0]["id"].(string)
	require.Contains(t, app.Get("/v1/ticketing/inbound-messages/" + id).Is(200).JSON()["content"], "ZQX41")

	ctx := web.WithActor(t.Context(), web.SystemActor(app.Tenant, "connector"))
	at.Advance(29 * 24 * time.Hour)
	require.NoError(t, app.Connectors().Tidy(ctx, app.Tenant))
	app.Get("/v1/ticketing/inbound-messages/" + id).Is(200)
	at.Advance(25 * time.Hour)
	require.NoError(t, app.Connectors().Tidy(ctx, app.Tenant))
	app.Get("/v1/ticketing/inbound-messages/"+id).Problem(404, "not-found")
	require.Zero(t, parvistest.Ask[int](t, app, "select count(*) from crm.connector_messages"))
}
