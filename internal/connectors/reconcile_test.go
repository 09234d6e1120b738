package connectors_test

import (
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/pretix/pretixtest"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// compare runs a comparison of November and returns its result.
func compare(t *testing.T, app *parvistest.App, more m) m {
	t.Helper()
	body := m{"from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z"}
	maps.Copy(body, more)
	id := app.Post(base+"/reconciliations", body).Is(202).ID()
	var o m
	parvistest.Eventually(t, "the comparison", func() bool {
		o = app.Get("/v1/operations/" + id).Is(200).JSON()
		return o["status"] != "queued" && o["status"] != "running"
	})
	require.Equal(t, "succeeded", o["status"], "%v", o["problem"])
	return o["result"].(m)
}

func TestAComparisonIsToTheCent(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	at := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	vendor.Put("orders", pretixtest.Order("SAME", at, m{"positions": []any{pretixtest.Position(1, 1, 301, "42.50", nil)}}))
	vendor.Put("orders", pretixtest.Order("ALTERED", at, m{"positions": []any{pretixtest.Position(2, 1, 301, "42.50", nil)}}))
	connect(app, vendor)
	parvistest.Eventually(t, "both", func() bool { return len(orders(app)) == 2 })
	result := compare(t, app, nil)
	require.Empty(t, result["differences"])
	require.Equal(t, result["there"], result["here"])
	require.Equal(t, "88.00", result["here"].(m)["net"])

	// A refund of a cent that moves no time of change, and an order that nobody told of.
	vendor.Put("orders", pretixtest.Order("ALTERED", at, m{"positions": []any{pretixtest.Position(2, 1, 301, "42.50", nil)}, "refunds": []any{pretixtest.Refund(1, "done", "0.01", m{"created": "2026-11-19T10:00:00Z", "execution_date": "2026-11-19T10:00:00Z"})}}))
	vendor.Put("orders", pretixtest.Order("LOST", at.AddDate(0, 0, -9), m{"positions": []any{pretixtest.Position(3, 1, 301, "42.50", nil)}}))
	result = compare(t, app, m{"repair": false})
	require.ElementsMatch(t, []any{
		m{"external_id": "saison/ALTERED", "field": "refunded", "there": "0.01", "here": "0.00"},
		m{"external_id": "saison/LOST", "field": "order", "there": "exists", "here": nil},
	}, result["differences"])
	require.Equal(t, "131.99", result["there"].(m)["net"])
	require.Equal(t, "88.00", result["here"].(m)["net"])
	require.Len(t, orders(app), 2, "nothing was repaired")

	result = compare(t, app, nil)
	require.EqualValues(t, 2, result["repaired"])
	require.Empty(t, compare(t, app, nil)["differences"])
	require.Equal(t, "43.99", orders(app)["ALTERED"]["totals"].(m)["net"].(m)["amount"])
	require.EqualValues(t, 0, state(app)["reconciled_with"])
	require.GreaterOrEqual(t, eventTypes(t, app)["ticketing.source.reconciled"], 4)
}

func TestAmountsOfTwoCurrenciesAreNoSum(t *testing.T) {
	t.Parallel()
	app, _ := connected(t)
	sold := func(id, currency, amount string) m {
		return m{"kind": "order", "external_id": id, "source_version": 1, "data": m{"commercial_state": "confirmed", "placed_at": "2026-11-20T09:00:00Z", "currency": currency,
			"lines": []m{{"external_id": id, "amount": amount}}, "payments": []m{{"external_id": id, "amount": amount, "state": "settled"}}}}
	}
	app.Post(base+"/batches", m{"records": []m{sold("paris", "EUR", "42.50"), sold("papeete", "XPF", "2865"), sold("zurich", "CHF", "10.00")}}).Is(207)
	figures := func(id, currency, amount string) m {
		return m{"external_id": id, "currency": currency, "gross": amount, "due": amount, "paid": amount, "refunded": "0"}
	}
	result := compare(t, app, m{"orders": []m{figures("paris", "EUR", "42.50"), figures("papeete", "XPF", "2865"), figures("zurich", "EUR", "10.00")}})
	require.Equal(t, []any{m{"external_id": "zurich", "field": "currency", "there": "EUR", "here": "CHF"}}, result["differences"])
	sums := func(amount, nothing string) m {
		return m{"gross": amount, "due": amount, "paid": amount, "refunded": nothing, "net": amount}
	}
	require.Equal(t, sums("42.50", "0.00"), result["here"])
	require.Equal(t, sums("52.50", "0.00"), result["there"])
	require.Equal(t, []any{
		m{"currency": "CHF", "there": sums("0.00", "0.00"), "here": sums("10.00", "0.00")},
		m{"currency": "XPF", "there": sums("2865", "0"), "here": sums("2865", "0")},
	}, result["other_currencies"])
}

// An absence is told each time and counts from the second in a row on; a
// comparison that finds the order again begins anew.
func TestAbsentOrders(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	vendor.Put("orders", pretixtest.Order("GONE", time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), nil))
	connect(app, vendor)
	parvistest.Eventually(t, "the order", func() bool { return len(orders(app)) == 1 })
	order := vendor.Object("orders", "saison/GONE")
	vendor.Remove("orders", "saison/GONE")
	first := compare(t, app, nil)
	require.Equal(t, []any{m{"external_id": "saison/GONE", "field": "order", "there": nil, "here": "exists"}}, first["differences"])
	require.EqualValues(t, 0, first["absent"])
	vendor.Put("orders", order)
	require.Empty(t, compare(t, app, nil)["differences"])
	vendor.Remove("orders", "saison/GONE")
	require.EqualValues(t, 0, compare(t, app, nil)["absent"])
	require.EqualValues(t, 1, compare(t, app, nil)["absent"])
	require.Equal(t, "cancelled", orders(app)["GONE"]["commercial_state"], "it is not deleted")
	require.Equal(t, "44.00", orders(app)["GONE"]["totals"].(m)["net"].(m)["amount"])
}

// What a vendor has and nobody can read is there all the same.
func TestAnUnreadableOrderIsNotAbsent(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	at := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	vendor.Put("orders", pretixtest.Order("ODD", at, nil))
	connect(app, vendor)
	parvistest.Eventually(t, "the order", func() bool { return len(orders(app)) == 1 })
	vendor.Put("orders", pretixtest.Order("ODD", at, m{"positions": []any{pretixtest.Position(1, 1, 301, "a lot", nil)}}))
	for range 2 {
		require.EqualValues(t, 0, compare(t, app, nil)["absent"])
	}
	require.Equal(t, "confirmed", orders(app)["ODD"]["commercial_state"])
}

// A vendor without a connector of ours sends its own figures.
func TestAComparisonByFigures(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	app.Post("/v1/ticketing/sources", m{"code": "guichet", "name": "Guichet", "kind": "generic"}).Is(201)
	app.Post(base+"/reconciliations", m{"from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z"}).Problem(409, "ticketing-source-not-connected")
	app.Put(base+"/records/order/o1", m{"source_modified_at": "2026-11-20T09:00:00Z", "data": m{"commercial_state": "confirmed", "placed_at": "2026-11-20T09:00:00Z", "lines": []any{m{"external_id": "t1", "amount": "20.00"}}, "payments": []any{m{"external_id": "p1", "amount": "20.00", "state": "settled"}}}}).Is(200)
	result := compare(t, app, m{"orders": []any{m{"external_id": "o1", "commercial_state": "confirmed", "valid_lines": 1, "due": "20.00", "paid": "20.00"}}})
	require.Empty(t, result["differences"])
	require.Equal(t, "figures", result["read_from"])
	result = compare(t, app, m{"orders": []any{m{"external_id": "o1", "valid_lines": 2, "paid": "20.01"}, m{"external_id": "o2", "paid": "5.00"}}})
	require.ElementsMatch(t, []any{
		m{"external_id": "o1", "field": "paid", "there": "20.01", "here": "20.00"},
		m{"external_id": "o1", "field": "valid_lines", "there": "2", "here": "1"},
		m{"external_id": "o2", "field": "order", "there": "exists", "here": nil},
	}, result["differences"])
	for range 2 { // they are no complete window of what the vendor has, and change nothing
		result = compare(t, app, m{"orders": []any{m{"external_id": "o2", "paid": "5.00"}}})
		require.Contains(t, result["differences"], m{"external_id": "o1", "field": "order", "there": nil, "here": "exists"})
		require.EqualValues(t, 0, result["absent"])
	}
	require.Equal(t, []any{"confirmed", 0.0}, []any{app.Walk("/v1/ticketing/orders")[0]["commercial_state"], app.Get(base + "/records/order/o1").Is(200).JSON()["absences"]})
	app.Post(base+"/reconciliations", m{"from": "2026-12-01T00:00:00Z", "to": "2026-11-01T00:00:00Z"}).Points("#/to")
	app.Post(base+"/reconciliations", m{"from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z", "orders": []any{m{"external_id": "o1", "paid": "20.001"}}}).Points("#/orders/0/paid")
	app.Post(base+"/reconciliations", m{"from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z", "orders": []any{m{"external_id": "o1", "paid": "10.00"}, m{"external_id": "o2"}, m{"external_id": "o1", "paid": "1.00"}}}).Points("#/orders/2/external_id")
}

// What figures leave out is not remembered as missed by the reading that follows.
func TestFiguresCountNoAbsence(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	vendor.Put("orders", pretixtest.Order("GONE", time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), nil))
	connect(app, vendor)
	parvistest.Eventually(t, "the order", func() bool { return len(orders(app)) == 1 })
	vendor.Remove("orders", "saison/GONE")
	require.EqualValues(t, 0, compare(t, app, m{"orders": []any{}})["absent"])
	require.EqualValues(t, 0, compare(t, app, nil)["absent"])
	require.EqualValues(t, 0, compare(t, app, m{"orders": []any{m{"external_id": "saison/GONE", "paid": "44.00"}}})["absent"])
	require.EqualValues(t, 1, compare(t, app, nil)["absent"], "nor as found")
}

// A ticket that was transferred is no longer valid here, and due all the same.
func TestTicketsThatWereTransferredAreNotValid(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	app.Post("/v1/ticketing/sources", m{"code": "guichet", "name": "Guichet", "kind": "generic"}).Is(201)
	lines := []any{m{"external_id": "t1", "amount": "10.00"}, m{"external_id": "t2", "amount": "5.00", "state": "transferred"}, m{"external_id": "t3", "amount": "5.00", "state": "blocked"}}
	app.Put(base+"/records/order/o1", m{"source_version": 1, "data": m{"commercial_state": "confirmed", "placed_at": "2026-11-20T09:00:00Z", "lines": lines}}).Is(200)
	require.Empty(t, compare(t, app, m{"orders": []any{m{"external_id": "o1", "valid_lines": 2, "due": "20.00"}}})["differences"])
}

// Trial orders are no sales, on either side.
func TestTestOrdersAreInNoFigure(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	at := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	vendor.Put("orders", pretixtest.Order("SOLD", at, nil))
	vendor.Put("orders", pretixtest.Order("TRIAL", at, m{"testmode": true, "positions": []any{pretixtest.Position(2, 1, 301, "42.50", nil)}}))
	connect(app, vendor)
	parvistest.Eventually(t, "both", func() bool {
		return parvistest.Ask[int](t, app, `select count(*)::int from crm.ticketing_orders where not stub`) == 2
	})
	onlySold := func(result m, differing int) {
		t.Helper()
		require.Equal(t, []any{1.0, 1.0, "44.00", "44.00", float64(differing), 0.0}, []any{result["orders_there"], result["orders_here"], result["there"].(m)["net"], result["here"].(m)["net"], result["differing"], result["absent"]}, "%v", result)
	}
	onlySold(compare(t, app, nil), 0)
	sold := m{"external_id": "saison/SOLD", "paid": "44.00"}
	onlySold(compare(t, app, m{"orders": []any{sold}}), 0)
	onlySold(compare(t, app, m{"orders": []any{sold, m{"external_id": "saison/TRIAL", "paid": "42.50"}}}), 0)
	vendor.Remove("orders", "saison/TRIAL")
	for range 2 {
		onlySold(compare(t, app, nil), 0)
	}
	// One that turns out to be real is an order of the vendor's alone, until it is taken in.
	vendor.Put("orders", pretixtest.Order("TRIAL", at, m{"positions": []any{pretixtest.Position(2, 1, 301, "42.50", nil)}}))
	result := compare(t, app, nil)
	require.Equal(t, []any{m{"external_id": "saison/TRIAL", "field": "order", "there": "exists", "here": nil}}, result["differences"])
	require.Equal(t, []any{2.0, 1.0}, []any{result["orders_there"], result["orders_here"]})
	result = compare(t, app, nil)
	require.Equal(t, []any{2.0, 2.0, 0.0}, []any{result["orders_there"], result["orders_here"], result["differing"]})
}
