package ticketing_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// dump is everything that a source led to, without what is given here
// (identifiers, versions, the instant of arrival) and without the attribution,
// whose evidence tells how it came about. The ledger counts by its balance: a
// correction leaves two entries where there was something to correct.
const dump = `
with
r as (select * from crm.ticketing_records where source_id = $1),
recs as (select jsonb_agg(jsonb_build_array(kind, external_id, stub, deleted, content_version, content_modified_at, content_hash, deletion_version, deletion_modified_at) order by kind, external_id) d from r),
prod as (select jsonb_agg(jsonb_build_array(external_id, name, stub, deleted) order by external_id) d from crm.ticketing_productions where source_id = $1),
perf as (select jsonb_agg(jsonb_build_array(p.external_id, p.name, p.starts_at, p.status, p.stub, p.deleted, q.external_id) order by p.external_id) d from crm.ticketing_performances p left join r q on q.id = p.production_id where p.source_id = $1),
price as (select jsonb_agg(jsonb_build_array(external_id, name, class, stub, deleted) order by external_id) d from crm.ticketing_price_types where source_id = $1),
cust as (select jsonb_agg(jsonb_build_array(external_id, profile, stub, deleted) order by external_id) d from crm.ticketing_customers where source_id = $1),
ords as (select jsonb_agg(jsonb_build_array(o.external_id, number, commercial_state, payment_state, gross_minor, due_minor, paid_minor, refunded_minor, buyer, test, o.stub, o.deleted, c.external_id, s.external_id) order by o.external_id) d
  from crm.ticketing_orders o left join r c on c.id = o.customer_id left join r s on s.id = o.split_from_id where o.source_id = $1),
lins as (select jsonb_agg(jsonb_build_array(o.external_id, l.external_id, current, rank, amount_minor, state, p.external_id, q.external_id, holder) order by o.external_id, l.external_id) d
  from crm.ticketing_lines l join r o on o.id = l.order_id left join r p on p.id = l.performance_id left join r q on q.id = l.price_type_id),
plac as (select jsonb_agg(jsonb_build_array(v.external_id, v.name, v.city, v.siret, v.capacity, v.stub, v.deleted, p.external_id) order by v.external_id) d from crm.ticketing_venues v left join r p on p.id = v.parent_id where v.source_id = $1),
good as (select jsonb_agg(jsonb_build_array(external_id, name, kind, grace_days, stub, deleted) order by external_id) d from crm.ticketing_products where source_id = $1),
memb as (select jsonb_agg(jsonb_build_array(m.external_id, m.valid_from, m.valid_until, usages, stated_state, m.holder, m.stub, m.deleted, p.external_id, c.external_id, o.external_id, t.external_id, n.external_id) order by m.external_id) d
  from crm.ticketing_memberships m left join r p on p.id = m.product_id left join r c on c.id = m.customer_id left join r o on o.id = m.order_id left join r t on t.id = m.ticket_id left join r n on n.id = m.renews_id where m.source_id = $1),
gift as (select jsonb_agg(jsonb_build_array(g.external_id, code_hash, last_four, balance_minor, currency, transactions, g.stub, g.deleted, o.external_id) order by g.external_id) d from crm.ticketing_gift_cards g left join r o on o.id = g.order_id where g.source_id = $1),
gled as (select jsonb_agg(jsonb_build_array(e, x, total) order by e, x) d from (select g.external_id e, v.external_id x, sum(amount_minor) total from crm.ticketing_gift_card_entries v join r g on g.id = v.gift_card_id group by 1, 2 having sum(amount_minor) <> 0) z),
scan as (select jsonb_agg(jsonb_build_array(s.external_id, t.external_id, p.external_id, q.external_id, occurred_at, recorded_at, direction, result, late, attended, s.stub, s.deleted) order by s.external_id) d
  from crm.ticketing_scans s left join r t on t.id = s.ticket_id left join r p on p.id = s.performance_id left join r q on q.id = s.entered_id where s.source_id = $1),
grou as (select jsonb_agg(jsonb_build_array(b.external_id, state, organisation, person, headcount, b.stub, b.deleted, o.external_id, p.external_id) order by b.external_id) d from crm.ticketing_group_bookings b left join r o on o.id = b.order_id left join r p on p.id = b.performance_id where b.source_id = $1),
fee as (select jsonb_agg(jsonb_build_array(o.external_id, f.external_id, f.kind, amount_minor, state) order by o.external_id, f.external_id) d from crm.ticketing_fees f join r o on o.id = f.order_id),
pay as (select jsonb_agg(jsonb_build_array(o.external_id, p.kind, p.external_id, amount_minor, state) order by o.external_id, p.kind, p.external_id) d from crm.ticketing_payments p join r o on o.id = p.order_id),
led as (select jsonb_agg(jsonb_build_array(e, k, x, total) order by e, k, x) d from (select o.external_id e, v.kind k, v.external_id x, sum(amount_minor) total
  from crm.ticketing_movements v join r o on o.id = v.order_id group by 1, 2, 3 having sum(amount_minor) <> 0) g)
select jsonb_build_object('records', recs.d, 'productions', prod.d, 'performances', perf.d, 'price_types', price.d, 'customers', cust.d, 'orders', ords.d, 'lines', lins.d, 'fees', fee.d, 'payments', pay.d, 'ledger', led.d, 'venues', plac.d, 'products', good.d, 'memberships', memb.d, 'gift_cards', gift.d, 'gift_ledger', gled.d, 'scans', scan.d, 'group_bookings', grou.d)::text
from recs, prod, perf, price, cust, ords, lins, fee, pay, led, plac, good, memb, gift, gled, scan, grou`

// tallies are what counting a source's records gives, and what is kept of it.
const tallies = `select
(select coalesce(jsonb_agg(to_jsonb(r) order by kind), '[]')::text from (select kind, count(*) filter (where not stub and not deleted) described,
  count(*) filter (where stub and not deleted) stubs, count(*) filter (where deleted) deleted from crm.ticketing_records where source_id = $1 and kind <> 'ticket' group by kind) r),
(select coalesce(jsonb_agg(to_jsonb(c) - 'tenant_id' - 'source_id' order by kind), '[]')::text from crm.ticketing_counts c where source_id = $1)`

// history draws what a source could have sent over time about a few orders:
// sales, cancellations, refunds, splits, deletions, resurrections, and the
// catalogue they refer to.
func history(t *rapid.T) []m {
	var out []m
	clock := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	versioned := rapid.Bool().Draw(t, "versioned")
	version := 0
	stamp := func(r m) {
		clock = clock.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "seconds")) * time.Second)
		r["source_modified_at"] = clock.Format(time.RFC3339Nano)
		if version++; versioned {
			r["source_version"] = version
		}
		out = append(out, r)
	}
	tickets := rapid.SampledFrom([]string{"ta", "tb", "tc", "td", "te"})
	orders := rapid.SampledFrom([]string{"A", "B", "C"})
	day := func(name string) string {
		return rapid.SampledFrom([]string{"2026-12-01 20:00:00", "2026-12-05T20:00:00+01:00", "2026-12-20T19:00:00Z"}).Draw(t, name)
	}
	for range rapid.IntRange(3, 18).Draw(t, "messages") {
		kind := rapid.IntRange(0, 16).Draw(t, "kind")
		switch kind {
		case 0:
			stamp(m{"kind": "performance", "external_id": "soir", "data": m{"name": m{"fr": rapid.SampledFrom([]string{"X", "Y"}).Draw(t, "name")}, "production": "prod", "venue": "salle", "starts_at": day("starts")}})
			continue
		case 1:
			stamp(m{"kind": rapid.SampledFrom([]string{"performance", "customer", "order", "scan", "membership", "gift_card", "group_booking", "venue", "product"}).Draw(t, "deleted"), "op": "delete",
				"external_id": rapid.SampledFrom([]string{"soir", "K", "A", "B", "x1", "x2"}).Draw(t, "gone")})
			continue
		case 10, 11, 12:
			stamp(m{"kind": "scan", "external_id": rapid.SampledFrom([]string{"x1", "x2", "x3"}).Draw(t, "scan"), "data": m{"ticket": tickets.Draw(t, "read"), "occurred_at": day("occurred"), "recorded_at": day("recorded"),
				"result": rapid.SampledFrom([]string{"accepted", "refused", "annulled"}).Draw(t, "result"), "direction": rapid.SampledFrom([]string{"entry", "entry", "exit"}).Draw(t, "direction")}})
			continue
		case 13:
			stamp(m{"kind": "membership", "external_id": rapid.SampledFrom([]string{"x1", "x2"}).Draw(t, "membership"), "data": m{"product": "x1", "order": orders.Draw(t, "sold"), "ticket": tickets.Draw(t, "line"), "usages": rapid.IntRange(0, 3).Draw(t, "uses"),
				"customer": rapid.SampledFrom([]any{"K", nil}).Draw(t, "holder"), "renews": rapid.SampledFrom([]any{"x3", nil}).Draw(t, "renews"), "valid_from": "2026-09-01", "valid_to": "2027-08-31", "state": rapid.SampledFrom([]string{"active", "cancelled"}).Draw(t, "stated")}})
			continue
		case 14:
			stamp(m{"kind": "gift_card", "external_id": "x1", "data": m{"code": "CADEAU-0001-AAAA", "balance": fmt.Sprintf("%d.00", rapid.IntRange(0, 50).Draw(t, "balance")), "order": orders.Draw(t, "bought"),
				"currency": rapid.SampledFrom([]string{"EUR", "CHF"}).Draw(t, "currency"), "transactions": []m{{"external_id": "l", "amount": "50.00"}, {"external_id": "u", "amount": fmt.Sprintf("-%d.00", rapid.IntRange(1, 20).Draw(t, "spent"))}}}})
			continue
		case 15:
			stamp(m{"kind": "group_booking", "external_id": "x1", "data": m{"state": rapid.SampledFrom([]string{"option", "confirmed", "cancelled"}).Draw(t, "booking"), "order": orders.Draw(t, "group"), "performance": "soir",
				"organisation": m{"customer": "K", "organisation": "Collège"}, "headcount": []m{{"class": "school", "count": rapid.IntRange(1, 30).Draw(t, "children")}}}})
			continue
		case 16:
			stamp(m{"kind": "venue", "external_id": rapid.SampledFrom([]string{"salle", "x1"}).Draw(t, "venue"), "data": m{"name": m{"fr": "S"}, "parent": "x2", "capacity": rapid.IntRange(1, 3).Draw(t, "capacity")}})
			stamp(m{"kind": "product", "external_id": "x1", "data": m{"name": m{"fr": "C"}, "kind": "membership", "grace_days": rapid.IntRange(0, 30).Draw(t, "grace")}})
			continue
		case 2:
			stamp(m{"kind": "customer", "external_id": "K", "data": m{"given_name": "Ada", "family_name": "Lorme", "email": "ada@courrier.example"}})
			continue
		}
		id := orders.Draw(t, "order")
		var lines, payments, refunds []m
		for _, ticket := range rapid.SliceOfNDistinct(tickets, 0, 4, rapid.ID).Draw(t, "tickets") {
			lines = append(lines, line(ticket, fmt.Sprintf("%d.50", rapid.IntRange(1, 40).Draw(t, "amount")), rapid.SampledFrom([]string{"valid", "cancelled", "exchanged"}).Draw(t, "state")))
		}
		for i := range rapid.IntRange(0, 2).Draw(t, "payments") {
			payments = append(payments, payment(fmt.Sprintf("p%d", i), fmt.Sprintf("%d.00", rapid.IntRange(1, 60).Draw(t, "paid"))))
		}
		for i := range rapid.IntRange(0, 1).Draw(t, "refunds") {
			refunds = append(refunds, payment(fmt.Sprintf("r%d", i), fmt.Sprintf("%d.00", rapid.IntRange(1, 30).Draw(t, "refunded"))))
		}
		d := m{"number": id, "commercial_state": rapid.SampledFrom([]string{"reserved", "confirmed", "cancelled"}).Draw(t, "commercial"), "buyer": buyer("Nora", "Castellan", "nora@courrier.example"),
			"lines": lines, "payments": payments, "refunds": refunds}
		if lines == nil {
			d["lines"] = []m{}
		}
		for _, name := range []string{"payments", "refunds"} {
			if len(d[name].([]m)) == 0 {
				delete(d, name)
			}
		}
		if rapid.Bool().Draw(t, "split") {
			d["split_from"] = orders.Draw(t, "from")
		}
		if rapid.Bool().Draw(t, "account") {
			d["buyer"].(m)["customer"] = "K"
		}
		stamp(m{"kind": "order", "external_id": id, "data": d})
	}
	return out
}

// TestAnyOrderOfArrivalConverges: the same messages shuffled, repeated and cut
// into other batches lead to the same state and the same money, and a replay
// of all of them changes nothing and tells nobody.
func TestAnyOrderOfArrivalConverges(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	conn, err := pgx.Connect(t.Context(), app.DB.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(t.Context())) })
	count := 0
	arrive := func(rt *rapid.T, messages []m) (string, string, func() int) {
		count++
		code := fmt.Sprintf("s%d", count)
		id := app.Post("/v1/ticketing/sources", m{"code": code, "name": code, "kind": "generic"}).Is(201).ID()
		for len(messages) > 0 {
			n := rapid.IntRange(1, len(messages)).Draw(rt, "batch")
			for _, r := range app.Post("/v1/ticketing/sources/"+code+"/batches", m{"records": messages[:n]}).Is(207).JSON()["results"].([]any) {
				require.NotEqual(t, "failed", r.(m)["status"], "%v", r)
			}
			messages = messages[n:]
		}
		var state string
		require.NoError(t, conn.QueryRow(t.Context(), dump, id).Scan(&state))
		var kept, counted string
		require.NoError(t, conn.QueryRow(t.Context(), tallies, id).Scan(&kept, &counted))
		require.Equal(t, kept, counted, "the counts are what counting would give")
		events := func() (n int) {
			require.NoError(t, conn.QueryRow(t.Context(), "select count(*) from crm.events where source = $1", "ticketing:"+code).Scan(&n))
			return n
		}
		return state, code, events
	}
	rapid.Check(t, func(rt *rapid.T) {
		messages := history(rt)
		want, code, events := arrive(rt, messages)
		before := events()
		for _, r := range app.Post("/v1/ticketing/sources/"+code+"/batches", m{"records": messages}).Is(207).JSON()["results"].([]any) {
			require.Contains(t, []any{"unchanged", "ignored_stale"}, r.(m)["status"])
		}
		if told := events(); told != before {
			var types []string
			require.NoError(t, conn.QueryRow(t.Context(), "select array_agg(type || ' ' || subject_id) from (select * from crm.events where source = $1 order by id desc limit $2) e", "ticketing:"+code, told-before).Scan(&types))
			sent, _ := json.MarshalIndent(messages, "", " ")
			rt.Fatalf("a replay tells nobody, and this one told %v:\n%s", types, sent)
		}
		late := rapid.Permutation(append(append([]m{}, messages...), messages[:len(messages)/2]...)).Draw(rt, "arrival")
		got, _, _ := arrive(rt, late)
		if want != got {
			sent, _ := json.MarshalIndent(late, "", " ")
			rt.Fatalf("in order:\n%s\nshuffled:\n%s\nsent:\n%s", want, got, sent)
		}
	})
}
