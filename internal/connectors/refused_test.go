package connectors_test

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/pretix/pretixtest"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

func wrong(code string) m {
	return pretixtest.Order(code, time.Now(), m{"positions": []any{pretixtest.Position(1, 1, 301, "20.005", nil)}})
}

func read(t *testing.T, app *parvistest.App) {
	t.Helper()
	parvistest.Eventually(t, "the first reading", func() bool { return state(app)["last_success_at"] != nil && state(app)["status"] == "idle" })
}

func letters(app *parvistest.App, status string) []m {
	return app.Get(base + "/dead-letters?status=" + status).Is(200).Data()
}

// A record that is refused waits for somebody to look, whichever way it came, and
// is not asked for again and again meanwhile; nor does looking again delete it.
func TestARefusedRecordWaitsForSomebody(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	connect(app, vendor)
	read(t, app)
	address := hookAddress(app)
	vendor.Put("orders", pretixtest.Order("GOOD", time.Now(), nil))
	vendor.Put("orders", wrong("WRONG"))
	for i, code := range []string{"WRONG", "GOOD"} {
		status, err := vendor.Deliver(address, notice(i+1, "pretix.event.order.paid", code))
		require.NoError(t, err)
		require.Equal(t, 202, status)
	}
	parvistest.Eventually(t, "the good one, and the wrong one put aside", func() bool {
		return len(orders(app)) == 1 && len(letters(app, "open")) == 1 && state(app)["pending_fetches"] == 0.0 && state(app)["status"] == "idle"
	})
	require.Empty(t, letters(app, "resolved"))

	letter := base + "/dead-letters/" + letters(app, "open")[0]["id"].(string)
	app.Post(letter+"/retry", nil).Is(202)
	parvistest.Eventually(t, "it is refused again", func() bool {
		return len(letters(app, "open")) == 1 && state(app)["pending_fetches"] == 0.0 && state(app)["status"] == "idle"
	})
	asked := vendor.Asked("/orders/WRONG/")
	require.LessOrEqual(t, asked, 4, "it is asked for once each time")

	// The vendor does not show it for a moment while somebody looks again.
	vendor.Remove("orders", "WRONG")
	vendor.Put("orders", pretixtest.Order("WRONG", time.Now(), nil))
	vendor.Hide("orders", "WRONG", 2)
	app.Post(letter+"/retry", nil).Is(202)
	parvistest.Eventually(t, "it is taken in", func() bool { return len(orders(app)) == 2 })
	require.Len(t, letters(app, "resolved"), 1)
	require.Equal(t, false, app.Get(base + "/records/order/saison%2FWRONG").Is(200).JSON()["is_deleted"])
}

// A single record that the vendor answers with something else is tried again later,
// and holds up nothing that is read in lists.
func TestOneRecordThatCannotBeReadHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	connect(app, vendor)
	read(t, app)
	address := hookAddress(app)
	var maintained atomic.Bool
	maintained.Store(true)
	vendor.Put("orders", pretixtest.Order("FIRST", time.Now(), nil))
	vendor.Put("orders", pretixtest.Order("OLD", time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC), m{"positions": []any{pretixtest.Position(7, 1, 301, "24.00", nil)}}))
	vendor.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/orders/OLD/") || !maintained.Load() {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"detail": "maintenance"}`))
		return true
	})
	status, err := vendor.Deliver(address, notice(1, "pretix.event.order.paid", "OLD"))
	require.NoError(t, err)
	require.Equal(t, 202, status)
	parvistest.Eventually(t, "what is in the list is read", func() bool { return len(orders(app)) == 1 })
	parvistest.Eventually(t, "the turn ends well", func() bool { return state(app)["status"] == "idle" && vendor.Asked("/orders/OLD/") > 0 })
	require.Equal(t, 0.0, state(app)["failures"])
	maintained.Store(false)
	parvistest.Eventually(t, "the other one as well in the end", func() bool { return len(orders(app)) == 2 })
}

// What a vendor does not do holds up neither what it does nor what it tells.
func TestACommandThatFailsHoldsUpNothingElse(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	vendor.Put("customers", pretixtest.Customer("Q7XW", "solene@courrier.example", "Solène", "Kermarrec", time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC), nil))
	connect(app, vendor)
	read(t, app)
	var answer atomic.Int32
	answer.Store(http.StatusForbidden)
	vendor.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost || !strings.Contains(r.URL.Path, "/vouchers/") || answer.Load() == 0 {
			return false
		}
		w.WriteHeader(int(answer.Load()))
		return true
	})
	forbidden := ended(t, app, "voucher.create", m{"performance": "saison"})
	require.Equal(t, []any{"rejected", "The vendor does not allow this to our credentials."}, []any{forbidden["status"], forbidden["error"]})
	parvistest.Eventually(t, "the source goes on", func() bool { return state(app)["status"] == "idle" })
	answer.Store(http.StatusInternalServerError)
	var waiting []string
	for range 5 {
		waiting = append(waiting, app.Post(base+"/commands", m{"kind": "voucher.create", "data": m{"performance": "saison"}}).Is(202).ID())
	}
	vendor.Put("orders", pretixtest.Order("NEW", time.Now(), nil))
	app.Post(base+"/pulls", m{}).Is(202)
	parvistest.Eventually(t, "the order is read all the same", func() bool { return len(orders(app)) == 1 })
	require.Equal(t, "confirmed", ended(t, app, "customer.upsert", m{"customer": "Q7XW", "profile": m{"email": "solene.k@courrier.example", "given_name": "Solène", "family_name": "Kermarrec"}})["status"])
	answer.Store(0)
	for _, id := range waiting {
		parvistest.Eventually(t, "the codes are made in the end", func() bool { return app.Get(base + "/commands/" + id).Is(200).JSON()["status"] == "confirmed" })
	}
}

// Of two changes of one account the later is the last, also where the first had to
// wait.
func TestCommandsForOneAccountKeepTheirOrder(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	for _, id := range []string{"Q7XW", "OTHER"} {
		vendor.Put("customers", pretixtest.Customer(id, strings.ToLower(id)+"@courrier.example", "Solène", "Kermarrec", time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC), nil))
	}
	connect(app, vendor)
	read(t, app)
	var refusals atomic.Int32
	refusals.Store(4)
	vendor.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPatch || !strings.Contains(r.URL.Path, "/Q7XW/") || refusals.Add(-1) < 0 {
			return false
		}
		w.WriteHeader(http.StatusInternalServerError)
		return true
	})
	upsert := func(customer, email string) string {
		return app.Post(base+"/commands", m{"kind": "customer.upsert", "data": m{"customer": customer, "profile": m{"email": email, "given_name": "Solène", "family_name": "Kermarrec"}}}).Is(202).ID()
	}
	ids := []string{upsert("Q7XW", "first@courrier.example"), upsert("Q7XW", "second@courrier.example"), upsert("OTHER", "other@courrier.example")}
	for _, id := range ids {
		parvistest.Eventually(t, "each is done", func() bool { return app.Get(base + "/commands/" + id).Is(200).JSON()["status"] == "confirmed" })
	}
	require.Equal(t, "second@courrier.example", vendor.Object("customers", "Q7XW")["email"])
	var patched []string
	for _, r := range vendor.Requests() {
		if r.Method == http.MethodPatch {
			patched = append(patched, r.Path[strings.LastIndex(strings.TrimSuffix(r.Path, "/"), "/")+1:])
		}
	}
	require.Equal(t, "Q7XW/", patched[len(patched)-1], "the other account waits for nobody")
}

// A connection that is switched off is read no further than the page at hand.
func TestSwitchedOffMeansAtOnce(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	connect(app, vendor)
	read(t, app)
	for i := range 130 {
		vendor.Put("orders", pretixtest.Order("A"+string(rune('A'+i/26))+string(rune('A'+i%26)), time.Now(), m{"positions": []any{pretixtest.Position(i*10+1, 1, 301, "24.00", nil)}}))
	}
	var pages atomic.Int32
	vendor.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/orders/") && pages.Add(1) == 1 {
			off := connection(vendor)
			off["is_enabled"] = false
			app.Put(base+"/connection", off).Is(200)
		}
		return false
	})
	app.Post(base+"/pulls", m{}).Is(202)
	parvistest.Eventually(t, "the turn is over", func() bool { return pages.Load() > 0 && state(app)["status"] == "disabled" && !leased(t, app) })
	require.Empty(t, orders(app), "what came after it was switched off is not taken in")
	require.Equal(t, int32(1), pages.Load())
}

func leased(t *testing.T, app *parvistest.App) bool {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), app.DB.OwnerURL)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	var n int
	require.NoError(t, conn.QueryRow(t.Context(), "select count(*) from crm.connector_states where tenant_id = $1 and leased_by is not null", app.Tenant).Scan(&n))
	return n > 0
}

// The log says that a connection changed and how, and nothing of what is secret.
func TestTheLogKnowsNoSecretOfAConnection(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	connect(app, vendor)
	off := connection(vendor)
	off["is_enabled"] = false
	app.Put(base+"/connection", off).Is(200)
	hookAddress(app)
	var told []m
	parvistest.Eventually(t, "both are told", func() bool {
		told = app.Get("/v1/events?types=ticketing.connection.*").Data()
		return len(told) >= 2
	})
	for _, e := range told {
		changes := app.Get("/v1/events/" + e["id"].(string) + "/changes").Is(200).Data()
		for _, c := range changes {
			require.Contains(t, []string{"/connector", "/base_url", "/settings", "/secret_names", "/is_enabled"}, c["pointer"])
		}
	}
	require.True(t, slices.ContainsFunc(app.Get("/v1/events/"+told[1]["id"].(string)+"/changes").Data(), func(c m) bool { return c["pointer"] == "/is_enabled" && c["after"] == false }))
}
