package connectors_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/pretix/pretixtest"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// A connection that leads elsewhere begins anew there: what was read at the former
// place up to an instant says nothing of this one, and what was to be written there
// is written to nobody.
func TestAConnectionThatIsPointedElsewhereBeginsAnew(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	connect(app, vendor)
	parvistest.Eventually(t, "the first reading", func() bool { return state(app)["last_success_at"] != nil })
	paused := connection(vendor)
	paused["is_enabled"] = false
	app.Put(base+"/connection", paused).Is(200)
	waiting := func() string {
		return app.Post(base+"/commands", m{"kind": "customer.upsert", "data": m{"customer": nil, "profile": m{"email": "ines@courrier.example", "name": "Inès Castellan"}}}).Is(202).ID()
	}
	moved := waiting()

	other := pretixtest.New(t)
	other.Put("events", pretixtest.Event("saison", nil))
	other.Put("events/saison/items", pretixtest.Item(301, "Plein tarif", nil))
	other.Put("events/saison/subevents", pretixtest.Subevent(51, "2026-12-04T19:30:00Z", nil))
	other.Put("orders", pretixtest.Order("OLDER", time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC), nil))
	app.Put(base+"/connection", connection(other)).Is(200)
	require.Equal(t, "rejected", app.Get(base + "/commands/" + moved).Is(200).JSON()["status"])
	parvistest.Eventually(t, "what was sold there long before", func() bool { return len(orders(app)) == 1 })
	for _, server := range []*pretixtest.Server{vendor, other} {
		for _, r := range server.Requests() {
			require.Equal(t, "GET", r.Method, r.Path)
		}
	}

	// The same place again keeps what waits; none at all does not.
	paused = connection(other)
	paused["is_enabled"] = false
	app.Put(base+"/connection", paused).Is(200)
	kept := waiting()
	stands := app.Put(base+"/connection", paused).Is(200)
	require.Equal(t, "queued", app.Get(base + "/commands/" + kept).Is(200).JSON()["status"])
	app.Delete(base+"/connection", parvistest.IfMatch(stands.ETag())).Is(204)
	require.Equal(t, "rejected", app.Get(base + "/commands/" + kept).Is(200).JSON()["status"])
}
