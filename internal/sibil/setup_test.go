package sibil_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/sibil/sibiltest"
)

type m = map[string]any

const (
	base     = "/v1/statutory/sibil"
	settings = base + "/settings"
	quarter  = base + "/quarters/2026-Q4"
	sends    = base + "/submissions"
	batches  = "/v1/ticketing/sources/principale/batches"
)

// january is when the last quarter of 2026 is declared.
func january() *clock.Fixed { return clock.NewFixed(time.Date(2027, 1, 5, 9, 0, 0, 0, time.UTC)) }

// institution sells tickets of one source in January 2027.
func institution(t *testing.T, options ...parvistest.Option) *parvistest.App {
	t.Helper()
	app := parvistest.New(t, append([]parvistest.Option{parvistest.WithClock(january())}, options...)...)
	app.Post("/v1/ticketing/sources", m{"code": "principale", "name": "Billetterie", "kind": "generic"}).Is(201)
	return app
}

// seq makes each record later than the one before.
type seq struct{ n int }

func (s *seq) record(kind, id string, data m) m {
	s.n++
	at := time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC).Add(time.Duration(s.n) * time.Second).Format(time.RFC3339)
	return m{"kind": kind, "external_id": id, "source_modified_at": at, "data": data}
}

func send(t *testing.T, c *parvistest.Client, records ...m) {
	t.Helper()
	for len(records) > 0 {
		n := min(len(records), 400)
		a := c.Post(batches, m{"batch_id": "b", "records": records[:n]}).Is(207)
		for _, r := range a.JSON()["results"].([]any) {
			require.Contains(t, []any{"created", "updated", "unchanged", "ignored_stale"}, r.(m)["status"], "%v", r)
		}
		records = records[n:]
	}
}

func with(base m, changes m) m {
	out := maps.Clone(base)
	maps.Copy(out, changes)
	return out
}

func performance(changes m) m {
	return with(m{"production": "mouette", "name": m{"fr": "Soir"}, "starts_at": "2026-10-24T20:30:00+02:00", "time_zone": "Europe/Paris", "venue": "grande", "capacity": 480}, changes)
}

func line(id, amount, price, at string) m {
	return m{"external_id": id, "amount": amount, "state": "valid", "price_type": price, "performance": at}
}

func paid(amount string) []m {
	return []m{{"external_id": "p-" + amount, "amount": amount, "state": "settled", "method": "card"}}
}

func order(lines []m, changes m) m {
	return with(m{"commercial_state": "confirmed", "placed_at": "2026-09-20T10:00:00Z", "lines": lines}, changes)
}

// season is a production with all that a declaration asks for.
func (s *seq) season() []m {
	return []m{
		s.record("venue", "grande", m{"name": m{"fr": "Théâtre des Arcades"}, "siret": "73282932000074", "sibil_type": "THEATRE",
			"address": m{"street": "3 quai des Forges", "postal_code": "44000", "city": "Nantes", "country": "FR"}}),
		s.record("production", "mouette", m{"name": m{"fr": "La Mouette"}, "sibil_domain": "theatre"}),
		s.record("price_type", "plein", m{"name": m{"fr": "Plein"}, "class": "full"}),
		s.record("price_type", "reduit", m{"name": m{"fr": "Réduit"}, "class": "reduced"}),
		s.record("price_type", "abo", m{"name": m{"fr": "Abonnement"}, "class": "subscription"}),
		s.record("price_type", "invite", m{"name": m{"fr": "Invitation"}, "class": "free"}),
	}
}

// evening is one performance with five tickets.
func (s *seq) evening() []m {
	return append(s.season(),
		s.record("performance", "soir", performance(nil)),
		s.record("order", "o1", order([]m{line("t1", "28.00", "plein", "soir"), line("t2", "19.99", "reduit", "soir"), line("t3", "0.00", "invite", "soir")},
			m{"fees": []m{{"external_id": "f1", "kind": "service", "amount": "1.50"}}, "payments": paid("49.49")})),
		s.record("order", "o2", order([]m{line("t4", "15.00", "abo", "soir"), line("t5", "28.00", "plein", "soir")}, m{"payments": paid("43.00")})),
	)
}

// connect switches sending to a server on.
func connect(app *parvistest.App, server *sibiltest.Server) {
	app.Patch(settings, m{"base_url": server.URL, "username": sibiltest.Username, "password": sibiltest.Password,
		"domain_labels": m{"theatre": "Théâtre", "danse": "Danse de création"}, "is_enabled": true}).Is(200)
}

// submit declares the quarter and waits for the end.
func submit(t *testing.T, app *parvistest.App, body m) m {
	t.Helper()
	o := app.Post(sends, body).Is(202)
	ended(t, app, o.Header.Get("Location"))
	return latest(app)
}

func ended(t *testing.T, c interface {
	Get(path string, options ...parvistest.RequestOption) *parvistest.Answer
}, operation string) {
	t.Helper()
	parvistest.Eventually(t, "the operation", func() bool { return c.Get(operation).Is(200).JSON()["finished_at"] != nil })
}

// latest is the last submission with its results.
func latest(app *parvistest.App) m {
	id := app.Get(sends + "?limit=1").Is(200).Data()[0]["id"]
	return app.Get(fmt.Sprint(sends, "/", id)).Is(200).JSON()
}

func declarations(app *parvistest.App, of string) map[string]m {
	out := map[string]m{}
	for _, d := range app.Walk(base + "/quarters/" + of + "/declarations?limit=200") {
		out[d["external_id"].(string)] = d
	}
	return out
}

// told are the facts of events of a type, numbered or not.
func told(t *testing.T, app *parvistest.App, kind string) []m {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), app.DB.OwnerURL)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	rows, err := conn.Query(t.Context(), "select facts from crm.events where tenant_id = $1 and type = $2 order by occurred_at", app.Tenant, kind)
	require.NoError(t, err)
	out, err := pgx.CollectRows(rows, pgx.RowTo[map[string]any])
	require.NoError(t, err)
	return out
}

// shows compares some members.
func shows(t *testing.T, got, want m) {
	t.Helper()
	for member, value := range want {
		require.Equal(t, value, got[member], member)
	}
}

// codes are the codes of what is wrong with a declaration.
func codes(d m) []string {
	out := []string{}
	for _, a := range d["anomalies"].([]any) {
		out = append(out, a.(m)["code"].(string))
	}
	return out
}
