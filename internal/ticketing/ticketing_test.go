package ticketing_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

type m = map[string]any

const base = "/v1/ticketing/sources/principale"

// institution is an app with one source.
func institution(t *testing.T) *parvistest.App {
	t.Helper()
	app := parvistest.New(t)
	app.Post("/v1/ticketing/sources", m{"code": "principale", "name": "Billetterie", "kind": "generic"}).Is(201)
	return app
}

func record(kind, id, at string, data m) m {
	return m{"kind": kind, "external_id": id, "source_modified_at": at, "data": data}
}

func line(id, amount, state string) m {
	return m{"external_id": id, "amount": amount, "state": state, "performance": "soir", "price_type": "plein"}
}

func payment(id, amount string) m {
	return m{"external_id": id, "amount": amount, "state": "settled", "method": "card"}
}

func buyer(given, family, email string) m {
	return m{"given_name": given, "family_name": family, "email": email}
}

func orderData(changes m) m {
	d := m{"number": "N1", "commercial_state": "confirmed", "placed_at": "2026-11-01T10:00:00Z", "buyer": buyer("Nora", "Castellan", "nora.castellan@courrier.example"),
		"lines": []m{line("t1", "24.00", "valid"), line("t2", "18.50", "valid")}, "fees": []m{{"external_id": "f1", "kind": "service", "amount": "1.50"}}, "payments": []m{payment("p1", "44.00")}}
	for k, v := range changes {
		if v == nil {
			delete(d, k)
			continue
		}
		d[k] = v
	}
	return d
}

// send sends a batch and returns its results.
func send(c *parvistest.Client, records ...m) []m {
	a := c.Post(base+"/batches", m{"batch_id": "b", "records": records}).Is(207)
	var out struct{ Results []m }
	a.Into(&out)
	return out.Results
}

func statuses(results []m) []any {
	var out []any
	for _, r := range results {
		out = append(out, r["status"])
	}
	return out
}

func orderOf(c *parvistest.Client, result m) m {
	return c.Get("/v1/ticketing/orders/" + result["id"].(string)).Is(200).JSON()
}

func total(o m, name string) string {
	return o["totals"].(m)[name].(m)["amount"].(string)
}

// eventCount is the number of events recorded, numbered or not.
func eventCount(t *testing.T, app *parvistest.App) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), app.DB.OwnerURL)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	require.NoError(t, conn.QueryRow(t.Context(), "select count(*) from crm.events").Scan(&n))
	return n
}

const t1, t2, t3 = "2026-11-01T10:00:00Z", "2026-11-02T10:00:00Z", "2026-11-03T10:00:00Z"

func TestSourceLifecycle(t *testing.T) {
	t.Parallel()
	app := institution(t)
	app.Post("/v1/ticketing/sources", m{"code": "principale", "name": "X", "kind": "csv"}).Problem(409, "ticketing-source-code-taken")
	app.Post("/v1/ticketing/sources", m{"code": "autre", "name": "X", "kind": "csv", "time_zone": "Europe/Atlantide"}).Problem(422, "invalid")
	s := app.Get(base).Is(200)
	app.Get("/v1/ticketing/sources/" + s.ID()).Is(200)
	app.Get(base, parvistest.Header("If-None-Match", s.ETag())).Is(304)
	p := app.Patch(base, m{"status": "paused"}, parvistest.IfMatch(s.ETag())).Is(200)
	app.Patch(base, m{"name": "Y"}, parvistest.IfMatch(s.ETag())).Problem(412, "stale-version")
	app.Post(base+"/batches", m{"records": []m{record("order", "o", t1, orderData(nil))}}).Problem(409, "ticketing-source-paused")
	require.Equal(t, p.ETag(), app.Patch(base, m{"status": "paused"}).Is(200).ETag(), "nothing changed, nothing numbered")
	app.Delete(base).Problem(428, "precondition-required")
	app.Delete(base, parvistest.IfMatch(p.ETag())).Is(204)
	app.Get(base).Problem(404, "not-found")
}

func TestUsedSourceCannotBeRemoved(t *testing.T) {
	t.Parallel()
	app := institution(t)
	send(app.Client, record("order", "o1", t1, orderData(nil)))
	app.Delete(base, parvistest.IfMatch("*")).Problem(409, "ticketing-source-in-use")
	health := app.Get(base + "/health").Is(200).JSON()
	require.NotNil(t, health["last_received_at"])
	require.Contains(t, health["counts"], m{"kind": "order", "described": 1.0, "stubs": 0.0, "deleted": 0.0})
	require.Contains(t, health["counts"], m{"kind": "performance", "described": 0.0, "stubs": 1.0, "deleted": 0.0})
}

func TestOrderWithItsMoney(t *testing.T) {
	t.Parallel()
	app := institution(t)
	results := send(app.Client, record("order", "o1", t1, orderData(nil)))
	require.Equal(t, "created", results[0]["status"])
	require.NotNil(t, results[0]["contact_id"])
	o := orderOf(app.Client, results[0])
	require.Equal(t, "paid", o["payment_state"])
	require.Equal(t, []string{"44.00", "44.00", "44.00", "0.00", "44.00"}, []string{total(o, "gross"), total(o, "due"), total(o, "paid"), total(o, "refunded"), total(o, "net")})
	require.Len(t, o["lines"], 2)
	require.Len(t, o["movements"], 1)

	// One ticket is cancelled and partly refunded: its amount stays, a fee is kept.
	results = send(app.Client, record("order", "o1", t2, orderData(m{
		"lines":   []m{line("t1", "24.00", "valid"), line("t2", "18.50", "cancelled")},
		"refunds": []m{{"external_id": "r1", "amount": "13.50", "state": "settled", "payment": "p1", "lines": []string{"t2"}}},
		"fees":    []m{{"external_id": "f1", "kind": "service", "amount": "1.50"}, {"external_id": "f2", "kind": "cancellation", "amount": "5.00"}},
	})))
	require.Equal(t, "updated", results[0]["status"])
	o = orderOf(app.Client, results[0])
	require.Equal(t, "partially_refunded", o["payment_state"])
	require.Equal(t, []string{"49.00", "30.50", "44.00", "13.50", "30.50"}, []string{total(o, "gross"), total(o, "due"), total(o, "paid"), total(o, "refunded"), total(o, "net")})
	require.Equal(t, "18.50", o["lines"].([]any)[1].(m)["amount"].(m)["amount"])

	// Cancelling does not refund, and a refund does not cancel.
	results = send(app.Client, record("order", "o2", t1, orderData(m{"commercial_state": "cancelled", "lines": []m{line("t3", "10.00", "valid")}, "fees": nil, "payments": []m{payment("p", "10.00")}})),
		record("order", "o3", t1, orderData(m{"lines": []m{line("t4", "10.00", "valid")}, "fees": nil, "payments": []m{payment("p", "10.00")}, "refunds": []m{payment("r", "10.00")}})))
	o = orderOf(app.Client, results[0])
	require.Equal(t, []any{"cancelled", "overpaid", "10.00"}, []any{o["commercial_state"], o["payment_state"], total(o, "net")})
	o = orderOf(app.Client, results[1])
	require.Equal(t, []any{"confirmed", "refunded", "0.00"}, []any{o["commercial_state"], o["payment_state"], total(o, "net")})
	require.Equal(t, "valid", o["lines"].([]any)[0].(m)["state"])
}

func TestCorrectedPaymentAddsToTheLedger(t *testing.T) {
	t.Parallel()
	app := institution(t)
	send(app.Client, record("order", "o1", t1, orderData(nil)))
	results := send(app.Client, record("order", "o1", t2, orderData(m{"payments": []m{payment("p1", "40.00")}})))
	o := orderOf(app.Client, results[0])
	require.Equal(t, "partial", o["payment_state"])
	var amounts []any
	for _, entry := range o["movements"].([]any) {
		amounts = append(amounts, entry.(m)["amount"].(m)["amount"], entry.(m)["reason"])
	}
	require.Equal(t, []any{"44.00", "recorded", "-4.00", "corrected"}, amounts)
}

func TestNegativePriceLineAndAmounts(t *testing.T) {
	t.Parallel()
	app := institution(t)
	results := send(app.Client,
		record("order", "o1", t1, orderData(m{"fees": nil, "lines": []m{line("a", "20.00", "valid"), line("b", "-5.00", "valid")}, "payments": []m{payment("p", "15.00")}})),
		record("order", "o2", t1, orderData(m{"lines": []m{line("c", "20.005", "valid")}})),
		record("order", "o3", t1, orderData(m{"lines": []m{line("d", "99999999999.00", "valid")}})),
		record("order", "o4", t1, orderData(m{"lines": []m{line("e", "1.00", "valid"), line("e", "2.00", "valid")}})),
	)
	require.Equal(t, []any{"created", "failed", "failed", "failed"}, statuses(results))
	require.Equal(t, "15.00", total(orderOf(app.Client, results[0]), "due"))
	pointer := func(i int) any { return results[i]["problem"].(m)["errors"].([]any)[0].(m)["pointer"] }
	require.Equal(t, "#/records/1/data/lines/0/amount", pointer(1))
	require.Equal(t, "#/records/2/data/lines/0/amount", pointer(2))
	require.Equal(t, "#/records/3/data/lines/1/external_id", pointer(3))
}

func TestOneBadRecordHarmsNoOther(t *testing.T) {
	t.Parallel()
	app := institution(t)
	var records []m
	for i := range 500 {
		d := orderData(m{"lines": []m{line(fmt.Sprintf("t%d", i), "10.00", "valid")}, "buyer": buyer("Anna", fmt.Sprintf("Famille%c%c", 'a'+i%26, 'a'+i/26), fmt.Sprintf("a%d@courrier.example", i))})
		if i == 3 {
			d["lines"] = []m{{"external_id": "t3"}}
		}
		records = append(records, record("order", fmt.Sprintf("o%d", i), t1, d))
	}
	a := app.Post(base+"/batches", m{"records": records}).Is(207)
	summary := a.JSON()["summary"].(m)
	require.Equal(t, []any{500.0, 499.0, 1.0}, []any{summary["total"], summary["created"], summary["failed"]})
	bad := a.JSON()["results"].([]any)[3].(m)
	require.Equal(t, "#/records/3/data/lines/0/amount", bad["problem"].(m)["errors"].([]any)[0].(m)["pointer"])
	require.Len(t, app.Walk("/v1/ticketing/orders?limit=200"), 499)
	app.Post(base+"/batches", m{"records": append(records, records[0])}).Problem(400, "invalid-request")
}

// Whatever is wrong with a record, down to its own shape, is its own affair.
func TestRecordsOfAnyShapeFailAlone(t *testing.T) {
	t.Parallel()
	app := institution(t)
	good := `{"kind":"order","external_id":"good%d","data":{"commercial_state":"confirmed","lines":[]}}`
	bad := []string{
		`{"kind":"order","external_id":"nul","data":{"commercial_state":"confirmed","lines":[],"buyer":{"family_name":"a\u0000"}}}`,
		`{"kind":"order","external_id":"half","data":{"commercial_state":"confirmed","lines":[],"buyer":{"family_name":"a\ud83d"}}}`,
		`{"kind":"order","external_id":"op","op":"upset","data":{}}`,
		`{"kind":"order","external_id":"version","source_version":1.5,"data":{}}`,
		`{"kind":5,"external_id":"kind"}`, `"text"`, `null`, `[]`, `{"kind":"order","external_id":"more","more":true,"data":{}}`,
	}
	records := []string{fmt.Sprintf(good, 0)}
	for i, b := range bad {
		records = append(records, b, fmt.Sprintf(good, i+1))
	}
	a := app.Post(base+"/batches", `{"records":[`+strings.Join(records, ",")+`]}`).Is(207)
	summary := a.JSON()["summary"].(m)
	require.Equal(t, []any{19.0, 10.0, 9.0}, []any{summary["total"], summary["created"], summary["failed"]})
	seen := []string{}
	for i, r := range a.JSON()["results"].([]any) {
		require.EqualValues(t, i, r.(m)["index"])
		if p, failed := r.(m)["problem"].(m); failed {
			first := p["errors"].([]any)[0].(m)
			seen = append(seen, first["pointer"].(string)+" "+first["code"].(string))
		}
	}
	require.Equal(t, []string{
		"#/records/1/data/buyer/family_name nul-character", "#/records/3/data/buyer/family_name invalid-utf8", "#/records/5/op enum",
		"#/records/7/source_version type", "#/records/9/kind type", "#/records/11 type", "#/records/13 type", "#/records/15 type", "#/records/17/more unknown-property",
	}, seen)
	app.Post(base+"/batches", `{"records":[{"kind":5}],"more":1}`).Problem(400, "invalid-request")
}

func TestReplayStaleAndTombstone(t *testing.T) {
	t.Parallel()
	app := institution(t)
	first := send(app.Client, record("order", "o1", t2, orderData(nil)))[0]
	o := app.Get("/v1/ticketing/orders/" + first["id"].(string)).Is(200)
	recorded := eventCount(t, app)
	require.Equal(t, "unchanged", send(app.Client, record("order", "o1", t2, orderData(nil)))[0]["status"])
	require.Equal(t, "unchanged", send(app.Client, record("order", "o1", t3, orderData(nil)))[0]["status"], "newer, saying the same")
	require.Equal(t, "ignored_stale", send(app.Client, record("order", "o1", t1, orderData(m{"number": "OLD"})))[0]["status"])
	require.Equal(t, o.ETag(), app.Get("/v1/ticketing/orders/"+first["id"].(string)).ETag())
	require.Equal(t, recorded, eventCount(t, app), "no event without a change")

	path := base + "/records/order/o1"
	require.Equal(t, "ignored_stale", app.Delete(path + "?source_modified_at=" + t2).Is(200).JSON()["status"])
	require.Equal(t, "applied", app.Delete(path + "?source_modified_at=2026-11-04T10:00:00Z").Is(200).JSON()["status"])
	app.Get("/v1/ticketing/orders/"+first["id"].(string)).Problem(404, "not-found")
	put := func(at string) any {
		return app.Put(path, m{"source_modified_at": at, "data": orderData(nil)}).Is(200).JSON()["status"]
	}
	require.Equal(t, "ignored_stale", put("2026-11-03T12:00:00Z"))
	app.Get("/v1/ticketing/orders/"+first["id"].(string)).Problem(404, "not-found")
	require.Equal(t, "created", put("2026-11-05T10:00:00Z"))
	back := orderOf(app.Client, first)
	require.Equal(t, "44.00", total(back, "net"))
	require.False(t, app.Get(path).Is(200).JSON()["is_deleted"].(bool))
}

func TestStubsAreCompleted(t *testing.T) {
	t.Parallel()
	app := institution(t)
	o := orderOf(app.Client, send(app.Client, record("order", "o1", t1, orderData(m{"split_from": "o0"})))[0])
	performance := o["lines"].([]any)[0].(m)["performance_id"].(string)
	require.Equal(t, true, app.Get("/v1/ticketing/performances/" + performance).Is(200).JSON()["is_stub"])
	app.Get("/v1/ticketing/orders/"+o["split_from_id"].(string)).Problem(404, "not-found")
	r := app.Put(base+"/records/performance/soir", m{"data": m{"name": m{"fr": "Le Phare"}, "production": "phare", "starts_at": "2026-10-25T20:30:00+01:00", "time_zone": "Europe/Paris", "capacity": 300}}).Is(200).JSON()
	require.Equal(t, performance, r["id"])
	require.Equal(t, "created", r["status"])
	got := app.Get("/v1/ticketing/performances/" + performance).Is(200).JSON()
	require.Equal(t, []any{false, "2026-10-25T19:30:00Z"}, []any{got["is_stub"], got["starts_at"]})
	app.Get("/v1/ticketing/productions/" + got["production_id"].(string)).Is(200)
	app.Put(base+"/records/performance/soir", m{"data": m{"time_zone": "Mars/Olympus"}}).Problem(422, "invalid")
	require.Len(t, app.Walk("/v1/ticketing/price-types"), 1)
	require.Len(t, app.Walk("/v1/ticketing/performances?starts_at_gte=2026-10-01T00:00:00Z"), 1)
	require.Len(t, app.Walk("/v1/ticketing/orders?performance_id="+performance), 1)
	require.Empty(t, app.Walk("/v1/ticketing/orders?performance_id="+uuid.NewString()))
}

func TestSplitMovesTheTicketAndKeepsItsID(t *testing.T) {
	t.Parallel()
	app := institution(t)
	a := send(app.Client, record("order", "A", t1, orderData(nil)))[0]
	before := orderOf(app.Client, a)["lines"].([]any)[1].(m)["id"]
	b := send(app.Client, record("order", "B", t2, orderData(m{"split_from": "A", "fees": nil, "lines": []m{line("t2", "18.50", "valid")}, "payments": []m{payment("p1", "18.50")}})))[0]
	require.Equal(t, before, orderOf(app.Client, b)["lines"].([]any)[0].(m)["id"])
	require.Len(t, orderOf(app.Client, a)["lines"], 1, "the ticket is where it was described last")
	require.Equal(t, "25.50", total(orderOf(app.Client, a), "due"))
	// The other half of the split arrives, and then the new order is cancelled away.
	send(app.Client, record("order", "A", t2, orderData(m{"lines": []m{line("t1", "24.00", "valid")}, "payments": []m{payment("p1", "25.50")}})))
	require.Equal(t, []any{"paid", "25.50"}, []any{orderOf(app.Client, a)["payment_state"], total(orderOf(app.Client, a), "net")})
	require.Equal(t, a["id"], orderOf(app.Client, b)["split_from_id"])
}

func TestEventsTellWhatHappened(t *testing.T) {
	t.Parallel()
	app := institution(t)
	send(app.Client, record("order", "o1", t1, orderData(nil)))
	send(app.Client, record("order", "o1", t2, orderData(m{"commercial_state": "cancelled", "lines": []m{line("t1", "24.00", "cancelled"), line("t2", "18.50", "exchanged")}, "refunds": []m{payment("r1", "20.00")}})))
	var types []any
	parvistest.Eventually(t, "events are numbered", func() bool {
		types = nil
		for _, e := range app.Get("/v1/events?limit=1000&types=ticketing.*").JSON()["data"].([]any) {
			types = append(types, e.(m)["type"])
		}
		return len(types) >= 9
	})
	require.Equal(t, []any{"ticketing.source.created", "ticketing.order.created", "ticketing.order.linked", "ticketing.ticket.issued", "ticketing.ticket.issued",
		"ticketing.order.cancelled", "ticketing.refund.recorded", "ticketing.ticket.cancelled", "ticketing.ticket.exchanged"}, types)
}

// rowsHolding counts the rows of all tables in which a text is found.
func rowsHolding(t *testing.T, app *parvistest.App, text string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), app.DB.OwnerURL)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	rows, err := conn.Query(t.Context(), "select relname::text from pg_class where relnamespace = 'crm'::regnamespace and relkind in ('r', 'p') and not relispartition")
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	for _, table := range tables {
		var found int
		require.NoError(t, conn.QueryRow(t.Context(), "select count(*) from crm."+pgx.Identifier{table}.Sanitize()+" x where strpos(to_jsonb(x)::text, $1) > 0", text).Scan(&found))
		n += found
	}
	return n
}

// rowsOf counts the rows of one table in which a text is found.
func rowsOf(t *testing.T, app *parvistest.App, table, text string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), app.DB.OwnerURL)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	require.NoError(t, conn.QueryRow(t.Context(), "select count(*) from crm."+pgx.Identifier{table}.Sanitize()+" x where strpos(to_jsonb(x)::text, $1) > 0", text).Scan(&n))
	return n
}
