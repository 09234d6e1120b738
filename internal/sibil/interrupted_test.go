package sibil_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/sibil/sibiltest"
)

// nights are performances one evening after the other.
func nights(t *testing.T, app *parvistest.App, n int) {
	t.Helper()
	var s seq
	send(t, app.Client, s.season()...)
	for i := range n {
		send(t, app.Client, s.record("performance", fmt.Sprint("p", i), performance(m{"starts_at": fmt.Sprintf("2026-11-%02dT20:30:00+01:00", i+1)})))
	}
}

// Whoever switches sending off stops what has not gone out yet: the declaration
// that is on its way is answered, no other follows it.
func TestSendingThatIsSwitchedOffStopsASubmission(t *testing.T) {
	t.Parallel()
	app := institution(t)
	server := sibiltest.New(t)
	server.Hold = make(chan struct{})
	nights(t, app, 4)
	connect(app, server)
	operation := app.Post(sends, m{"quarter": "2026-Q4"}).Is(202).Header.Get("Location")
	parvistest.Eventually(t, "the first declaration", func() bool { return server.Count("POST "+declare) == 1 })
	app.Patch(settings, m{"is_enabled": false}).Is(200)
	close(server.Hold)
	ended(t, app, operation)
	stopped := latest(app)
	shows(t, stopped, m{"status": "failed", "problem_code": "sibil-off", "created": 1.0, "pending": 3.0, "rejected": 0.0})
	require.NotNil(t, stopped["finished_at"])
	require.Equal(t, 1, server.Count("POST "+declare))
	// Switched on again, the rest goes out.
	app.Patch(settings, m{"is_enabled": true}).Is(200)
	shows(t, submit(t, app, m{"quarter": "2026-Q4"}), m{"status": "succeeded", "unchanged": 1.0, "created": 3.0})
}

// So does another address: nothing more goes to the one that was left.
func TestAnAddressThatChangesStopsASubmission(t *testing.T) {
	t.Parallel()
	app := institution(t)
	server := sibiltest.New(t)
	server.Hold = make(chan struct{})
	nights(t, app, 2)
	connect(app, server)
	operation := app.Post(sends, m{"quarter": "2026-Q4"}).Is(202).Header.Get("Location")
	parvistest.Eventually(t, "the first declaration", func() bool { return server.Count("POST "+declare) == 1 })
	app.Patch(settings, m{"base_url": sibiltest.New(t).URL}).Is(200)
	close(server.Hold)
	ended(t, app, operation)
	shows(t, latest(app), m{"status": "failed", "problem_code": "sibil-moved", "created": 1.0, "pending": 1.0})
	require.Equal(t, 1, server.Count("POST "+declare))
}

// A declaration that SIBIL forbids is rejected with what it said; those behind it
// go out.
func TestADeclarationThatIsForbiddenKeepsNoOtherBack(t *testing.T) {
	t.Parallel()
	app := institution(t)
	server := sibiltest.New(t)
	server.Forbidden = "2026-11-01T"
	nights(t, app, 3)
	connect(app, server)
	done := submit(t, app, m{"quarter": "2026-Q4"})
	shows(t, done, m{"status": "succeeded", "problem_code": nil, "created": 2.0, "rejected": 1.0, "pending": 0.0})
	shows(t, done["results"].([]any)[0].(m), m{"status": "rejected", "detail": "Forbidden Accès refusé"})
	shows(t, submit(t, app, m{"quarter": "2026-Q4"}), m{"unchanged": 2.0, "rejected": 1.0})
	require.Equal(t, []m{{"quarter": "2026-Q4", "accepted": 2.0, "unchanged": 0.0, "duplicate": 0.0, "rejected": 1.0}, {"quarter": "2026-Q4", "accepted": 0.0, "unchanged": 2.0, "duplicate": 0.0, "rejected": 1.0}}, told(t, app, "statutory.sibil.rejected"))
	server.Lock()
	server.Forbidden = ""
	server.Unlock()
	shows(t, submit(t, app, m{"quarter": "2026-Q4"}), m{"unchanged": 2.0, "created": 1.0})
}
