package ticketing_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/ticketing"
	"github.com/parvis-crm/parvis/internal/web"
)

// held is all that a source led to and that a reader can tell: its records with
// their money, whose each of them is, and what is counted of those people. It is
// without what only says how it came about: identifiers, versions, instants of
// arrival, rules of attribution, what an older description alone referred to,
// the ledger's corrections (it counts by its balance), and what a deleted or
// forgotten record last said.
const held = `
with
src as (select * from crm.ticketing_sources where id = $1),
r as (select id, kind, external_id is null or external_id like 'anonymized-%' as forgotten, case when external_id like 'anonymized-%' then 'anonymized' else external_id end as name, stub, deleted, content_version, content_modified_at, content_hash, least(absences, 2) absences
  from crm.ticketing_records where source_id = $1),
live as (select * from r where not stub and not deleted),
recs as (select jsonb_agg(jsonb_build_array(kind, name, deleted, case when not deleted then content_version end, case when not deleted then content_modified_at end, absences) order by kind, name)
  from r where kind <> 'ticket' and (not stub or deleted) and not (kind = 'customer' and forgotten)),
prod as (select jsonb_agg(jsonb_build_array(external_id, p.name, discipline) order by external_id) from crm.ticketing_productions p join live using (id)),
perf as (select jsonb_agg(jsonb_build_array(p.external_id, p.name, starts_at, status, q.name, v.name) order by p.external_id) from crm.ticketing_performances p join live using (id) left join r q on q.id = p.production_id left join r v on v.id = p.venue_id),
price as (select jsonb_agg(jsonb_build_array(external_id, p.name, class) order by external_id) from crm.ticketing_price_types p join live using (id)),
cust as (select jsonb_agg(jsonb_build_array(external_id, profile) order by external_id) from crm.ticketing_customers join live using (id)),
plac as (select jsonb_agg(jsonb_build_array(v.external_id, v.name, capacity, q.name) order by v.external_id) from crm.ticketing_venues v join live using (id) left join r q on q.id = v.parent_id),
good as (select jsonb_agg(jsonb_build_array(external_id, p.name, p.kind, grace_days) order by external_id) from crm.ticketing_products p join live using (id)),
o as (select o.* from crm.ticketing_orders o join live using (id)),
ords as (select jsonb_agg(jsonb_build_array(o.external_id, number, commercial_state, cancellation_reason, payment_state, gross_minor, due_minor, paid_minor, refunded_minor, buyer, payer, o.anonymized_at is not null, c.name, s.name) order by o.external_id)
  from o left join r c on c.id = o.customer_id left join r s on s.id = o.split_from_id),
l as (select o.external_id as sold, l.* from crm.ticketing_lines l join o on o.id = l.order_id where current),
lins as (select jsonb_agg(jsonb_build_array(sold, l.external_id, rank, amount_minor, l.state, p.name, q.name, holder) order by sold, l.external_id) from l left join r p on p.id = l.performance_id left join r q on q.id = l.price_type_id),
fee as (select jsonb_agg(jsonb_build_array(o.external_id, f.external_id, f.kind, amount_minor, f.state) order by o.external_id, f.external_id) from crm.ticketing_fees f join o on o.id = f.order_id),
pay as (select jsonb_agg(jsonb_build_array(o.external_id, p.kind, p.external_id, amount_minor, p.state) order by o.external_id, p.kind, p.external_id) from crm.ticketing_payments p join o on o.id = p.order_id),
led as (select jsonb_agg(jsonb_build_array(e, k, x, total) order by e, k, x) from (select o.external_id e, v.kind k, v.external_id x, sum(amount_minor) total
  from crm.ticketing_movements v join o on o.id = v.order_id group by 1, 2, 3 having sum(amount_minor) <> 0) g),
mem as (select m.* from crm.ticketing_memberships m join live using (id)),
memb as (select jsonb_agg(jsonb_build_array(m.external_id, m.valid_from, m.valid_until, usages, stated_state, absent_at is not null, m.holder, p.name, c.name, o.name, n.name) order by m.external_id)
  from mem m left join r p on p.id = m.product_id left join r c on c.id = m.customer_id left join r o on o.id = m.order_id left join r n on n.id = m.renews_id),
card as (select g.* from crm.ticketing_gift_cards g join live using (id)),
gift as (select jsonb_agg(jsonb_build_array(g.external_id, code_hash, last_four, balance_minor, currency, transactions, absent_at is not null, o.name) order by g.external_id) from card g left join r o on o.id = g.order_id),
gled as (select jsonb_agg(jsonb_build_array(e, x, currency, total) order by e, x, currency) from (select g.external_id e, v.external_id x, v.currency, sum(amount_minor) total from crm.ticketing_gift_card_entries v join card g on g.id = v.gift_card_id group by 1, 2, 3 having sum(amount_minor) <> 0) z),
scan as (select jsonb_agg(jsonb_build_array(s.external_id, t.name, q.name, occurred_at, recorded_at, direction, result, late, attended, absent_at is not null) order by s.external_id)
  from crm.ticketing_scans s join live using (id) left join r t on t.id = s.ticket_id left join r q on q.id = s.entered_id),
book as (select b.* from crm.ticketing_group_bookings b join live using (id)),
grou as (select jsonb_agg(jsonb_build_array(b.external_id, state, organisation, person, headcount, o.name, p.name) order by b.external_id) from book b left join r o on o.id = b.order_id left join r p on p.id = b.performance_id),
links as (
  select contact_id as who, 'order ' || external_id as what from o union all select contact_id, 'account ' || external_id from crm.ticketing_customers join live using (id)
  union all select holder_contact_id, 'ticket ' || external_id from l union all select contact_id, 'membership ' || external_id from mem
  union all select contact_id, 'card ' || external_id from card union all select contact_id, 'booking ' || external_id from book union all select person_contact_id, 'person of booking ' || external_id from book),
people as (select c.id, c.given_name, c.family_name, jsonb_agg(k.what order by k.what) as has,
    (select jsonb_agg(p.normalized order by p.normalized) from crm.contact_points p where p.tenant_id = c.tenant_id and p.contact_id = c.id) as points,
    (select jsonb_agg(distinct x.external_id) from crm.contact_external_ids x join live on live.kind = 'customer' and live.name = x.external_id where x.tenant_id = c.tenant_id and x.contact_id = c.id and x.source = 'ticketing:' || (select code from src)) as accounts,
    (select jsonb_agg(z order by z) from (select distinct on (purpose_id, channel) channel || ' ' || action as z from crm.consents e where e.tenant_id = c.tenant_id and e.contact_id = c.id order by purpose_id, channel, occurred_at desc) q) as answers
  from links k join crm.contacts c on c.id = k.who group by c.tenant_id, c.id),
folk as (select jsonb_agg(jsonb_build_array(given_name, family_name, points, accounts, has, answers) order by has) from people),
none as (select jsonb_agg(what order by what) from links where who is null)
select jsonb_pretty(jsonb_build_object('records', (table recs), 'productions', (table prod), 'performances', (table perf), 'price_types', (table price), 'customers', (table cust), 'orders', (table ords), 'lines', (table lins), 'fees', (table fee),
  'payments', (table pay), 'ledger', (table led), 'venues', (table plac), 'products', (table good), 'memberships', (table memb), 'gift_cards', (table gift), 'gift_ledger', (table gled), 'scans', (table scan), 'group_bookings', (table grou), 'people', (table folk), 'of nobody', (table none))),
  coalesce((select array_agg(id::text order by has) from people), '{}')`

// season is what happened at a source: what it says of each change, in their
// order, and what it still has at the end.
type season struct {
	said []m
	last map[[2]string]m // the newest message about each record
	gone map[[2]string]bool
	// tells: whether the source tells of what it removes, or only no longer has it.
	tells bool
}

func keyOf(r m) [2]string { return [2]string{r["kind"].(string), r["external_id"].(string)} }

// present are the records that the source has at the end, by kind.
func (s season) present() map[string][]string {
	out := map[string][]string{}
	for _, key := range slices.SortedFunc(maps.Keys(s.last), func(a, b [2]string) int { return strings.Compare(a[0]+a[1], b[0]+b[1]) }) {
		if s.last[key]["op"] == nil && !s.gone[key] {
			out[key[0]] = append(out[key[0]], key[1])
		}
	}
	return out
}

// backfill is what reading the source from its beginning gives.
func (s season) backfill() []m {
	var out []m
	for _, key := range slices.SortedFunc(maps.Keys(s.last), func(a, b [2]string) int { return strings.Compare(a[0]+a[1], b[0]+b[1]) }) {
		if !s.gone[key] {
			out = append(out, s.last[key])
		}
	}
	return out
}

// cast are those who buy. Two share an address and not a name; § and ¤ are
// replaced in each run, so that runs know different people.
func cast() []m {
	return []m{
		{"given_name": "Nora", "family_name": "Castellan§", "email": "famille.§@courrier.example"},
		{"given_name": "Yann", "family_name": "Ozanne§", "email": "famille.§@courrier.example", "phone": "+3363998¤"},
		{"given_name": "Ada", "family_name": "de Lorme§", "email": "ada.§@courrier.example", "address": m{"street": "12 rue Haute", "postal_code": "44000", "city": "Nantes"}},
	}
}

// aSeason draws one. Each person describes themselves in one way, since who is
// who cannot be told from descriptions that contradict each other.
func aSeason(t *rapid.T) season {
	s := season{last: map[[2]string]m{}, gone: map[[2]string]bool{}, tells: rapid.Bool().Draw(t, "tells")}
	clock := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	versioned := rapid.Bool().Draw(t, "versioned")
	forgets := rapid.IntRange(0, 3).Draw(t, "forgets") == 0
	version := 0
	say := func(r m) {
		key := keyOf(r)
		if s.last[key]["op"] == "anonymize" {
			return // the source itself has nothing more to say of them
		}
		clock = clock.Add(time.Duration(rapid.IntRange(1, 3).Draw(t, "seconds")) * time.Second)
		r["source_modified_at"] = clock.Format(time.RFC3339Nano)
		if version++; versioned {
			r["source_version"] = version
		}
		if r["op"] == "anonymize" {
			delete(r, "source_modified_at")
			delete(r, "source_version")
		}
		s.last[key] = r
		delete(s.gone, key)
		s.said = append(s.said, r)
	}
	people := cast()
	buyerOf := map[string]m{}
	for _, id := range []string{"A", "B", "C", "D"} {
		n := rapid.IntRange(0, 2).Draw(t, "who")
		b := maps.Clone(people[n])
		if rapid.Bool().Draw(t, "account") {
			b["customer"] = fmt.Sprint("K", n)
		}
		if n == 2 && rapid.IntRange(0, 2).Draw(t, "by address only") == 0 {
			delete(b, "email")
			delete(b, "customer")
		}
		buyerOf[id] = b
	}
	tickets := []string{"ta", "tb", "tc", "td", "te"}
	holderOf := map[string]any{}
	for _, id := range tickets {
		switch n := rapid.IntRange(0, 4).Draw(t, "held"); n {
		case 0, 1, 2:
			h := maps.Clone(people[n])
			delete(h, "phone")
			delete(h, "address")
			if rapid.Bool().Draw(t, "named only") {
				delete(h, "email")
			}
			holderOf[id] = h
		case 3:
			holderOf[id] = m{"given_name": "Zoé", "family_name": "Castellan§"}
		}
	}
	day := func(name string) string {
		return rapid.SampledFrom([]string{"2026-10-02 20:00:00", "2026-11-05T20:00:00+01:00", "2027-12-20T19:00:00Z"}).Draw(t, name)
	}
	name := func(of ...string) string { return rapid.SampledFrom(of).Draw(t, "name") }
	for range rapid.IntRange(4, 24).Draw(t, "messages") {
		switch kind := rapid.IntRange(0, 20).Draw(t, "kind"); kind {
		case 0:
			say(m{"kind": "performance", "external_id": name("soir", "nuit"), "data": m{"name": m{"fr": name("X", "Y")}, "production": "prod", "venue": "salle", "starts_at": day("starts")}})
		case 1:
			say(m{"kind": "production", "external_id": "prod", "data": m{"name": m{"fr": "P"}, "discipline": name("theatre", "danse")}})
		case 2, 3:
			n := rapid.IntRange(0, 2).Draw(t, "whose")
			say(m{"kind": "customer", "external_id": fmt.Sprint("K", n), "data": people[n]})
		case 4:
			say(m{"kind": "scan", "external_id": name("s1", "s2", "s3"), "data": m{"ticket": name(tickets...), "occurred_at": day("occurred"), "recorded_at": day("recorded"),
				"result": name("accepted", "accepted", "refused", "annulled"), "direction": name("entry", "entry", "exit")}})
		case 5:
			d := m{"product": "carte", "order": name("A", "B"), "usages": rapid.IntRange(0, 3).Draw(t, "uses"), "valid_from": "2026-09-01", "valid_to": "2027-08-31", "state": name("active", "cancelled")}
			if n := rapid.IntRange(0, 3).Draw(t, "member"); n < 3 {
				d["customer"] = fmt.Sprint("K", n)
			}
			if rapid.Bool().Draw(t, "renewal") {
				d["renews"] = "m3"
			}
			say(m{"kind": "membership", "external_id": name("m1", "m2"), "data": d})
		case 6:
			say(m{"kind": "gift_card", "external_id": "g1", "data": m{"code": "CADEAU-0001-AAAA", "balance": fmt.Sprintf("%d.00", rapid.IntRange(0, 50).Draw(t, "balance")), "order": name("A", "B"),
				"currency": name("EUR", "CHF"), "transactions": []m{{"external_id": "l", "amount": "50.00"}, {"external_id": "u", "amount": fmt.Sprintf("-%d.00", rapid.IntRange(1, 20).Draw(t, "spent"))}}}})
		case 7:
			say(m{"kind": "group_booking", "external_id": "b1", "data": m{"state": name("option", "confirmed"), "order": name("A", "B"), "performance": "soir",
				"contact_person": m{"customer": "K1", "given_name": "Yann", "family_name": "Ozanne§"}, "headcount": []m{{"class": "school", "count": rapid.IntRange(1, 30).Draw(t, "children")}}}})
		case 8:
			say(m{"kind": "venue", "external_id": "salle", "data": m{"name": m{"fr": "S"}, "capacity": rapid.IntRange(1, 3).Draw(t, "capacity")}})
		case 9:
			say(m{"kind": "product", "external_id": "carte", "data": m{"name": m{"fr": "C"}, "kind": "membership", "grace_days": rapid.IntRange(0, 30).Draw(t, "grace")}})
		case 10, 11:
			if len(s.said) == 0 {
				continue
			}
			key := keyOf(rapid.SampledFrom(s.said).Draw(t, "removed"))
			switch {
			case s.last[key]["op"] != nil || s.gone[key]:
			case s.tells:
				say(m{"kind": key[0], "external_id": key[1], "op": "delete"})
			case slices.Contains([]string{"order", "membership", "gift_card", "scan", "group_booking"}, key[0]):
				s.gone[key] = true
			}
		case 12:
			if forgets {
				say(m{"kind": "customer", "external_id": name("K0", "K1"), "op": "anonymize"})
			}
		default:
			id := name("A", "B", "C", "D")
			d := m{"number": id, "commercial_state": name("reserved", "confirmed", "confirmed", "cancelled"), "placed_at": "2026-10-01T10:00:00Z", "buyer": maps.Clone(buyerOf[id])}
			lines := []m{}
			for _, ticket := range rapid.SliceOfNDistinct(rapid.SampledFrom(tickets), 0, 3, rapid.ID).Draw(t, "tickets") {
				l := line(ticket, fmt.Sprintf("%d.50", rapid.IntRange(1, 40).Draw(t, "amount")), name("valid", "valid", "cancelled", "exchanged"))
				l["performance"] = name("soir", "nuit")
				// Who is known by name alone is known through the buyer, of whom an older
				// description may have told more than there is in the end.
				if h, ok := holderOf[ticket].(m); ok && (h["email"] != nil || (h["given_name"] == "Ada") == (buyerOf[id]["given_name"] == "Ada")) {
					l["holder"] = h
				}
				lines = append(lines, l)
			}
			d["lines"] = lines
			for i, of := range []string{"payments", "refunds"} {
				if rapid.Bool().Draw(t, of) {
					d[of] = []m{payment(of[:1]+"1", fmt.Sprintf("%d.00", rapid.IntRange(1, 60-20*i).Draw(t, "amount")))}
				}
			}
			if rapid.Bool().Draw(t, "fee") {
				d["fees"] = []m{{"external_id": "f1", "kind": "service", "amount": "1.50"}}
			}
			if rapid.Bool().Draw(t, "split") {
				d["split_from"] = name("A", "B", "C")
			}
			say(m{"kind": "order", "external_id": id, "data": d})
		}
	}
	s.knowPeople(buyerOf, people)
	// What is said of an order that is there to the end is there in its last
	// description; what somebody said before they were forgotten is with nobody.
	if !forgets {
		for _, r := range s.said {
			if key := keyOf(r); key[0] == "order" && r["op"] == nil && s.last[key]["op"] == nil && !s.gone[key] {
				r["data"].(m)["consents"] = []m{{"purpose": "newsletter", "channel": "email", "value": map[string]string{"A": "granted", "B": "refused", "C": "granted", "D": "refused"}[key[1]],
					"at": "2026-10-0" + map[string]string{"A": "1", "B": "2", "C": "3", "D": "4"}[key[1]] + "T08:00:00Z"}}
			}
		}
	}
	return s
}

// knowPeople takes out of a season what would refer to somebody of whom nothing
// that the source still has tells who they are: of them only what was lost did.
func (s season) knowPeople(buyerOf map[string]m, people []m) {
	known, accounts := map[any]bool{}, map[any]bool{}
	for key, r := range s.last {
		if r["op"] != nil || s.gone[key] {
			continue
		}
		switch key[0] {
		case "customer":
			known[r["data"].(m)["given_name"]], accounts[key[1]] = true, true
		case "order":
			b := buyerOf[key[1]]
			if account, ok := b["customer"].(string); ok && s.last[[2]string{"customer", account}]["op"] == "anonymize" {
				continue
			}
			known[b["given_name"]] = known[b["given_name"]] || b["email"] != nil
			accounts[b["customer"]] = true
		}
	}
	for _, r := range s.said {
		d, _ := r["data"].(m)
		if d == nil {
			continue
		}
		switch r["kind"] {
		case "order":
			if b := d["buyer"].(m); b["email"] == nil && !known[b["given_name"]] {
				b["email"] = people[2]["email"]
			}
			for _, l := range d["lines"].([]m) {
				if h, ok := l["holder"].(m); ok && h["given_name"] != "Zoé" && !known[h["given_name"]] {
					delete(l, "holder")
				}
			}
		case "membership":
			if !accounts[d["customer"]] {
				delete(d, "customer")
			}
		case "group_booking":
			if !accounts["K1"] {
				delete(d, "contact_person")
			}
		}
	}
}

// arrival is where seasons arrive: cut into batches, between which the source may
// be compared with what is held.
type arrival struct {
	app  *parvistest.App
	conn *pgx.Conn
	runs *int
}

type reached struct{ state, people, code, id string }

// receive sends records in batches of any size, and requires that a batch that
// changed nothing told nobody anything.
func (a arrival) receive(t *testing.T, rt *rapid.T, code string, suffix *strings.Replacer, messages []m) {
	for len(messages) > 0 {
		n := rapid.IntRange(1, min(len(messages), 12)).Draw(rt, "batch")
		raw, err := json.Marshal(m{"records": messages[:n]})
		require.NoError(t, err)
		messages = messages[n:]
		a.quiet(t)
		before := a.events(t, code)
		changed := false
		answer := a.app.Post("/v1/ticketing/sources/"+code+"/batches", suffix.Replace(string(raw)), parvistest.Header("Content-Type", "application/json")).Is(207).JSON()
		for _, r := range answer["results"].([]any) {
			status := r.(m)["status"]
			require.NotEqual(t, "failed", status, "%v", r)
			changed = changed || !slices.Contains([]any{"unchanged", "ignored_stale", "ignored_anonymized"}, status)
		}
		if !changed {
			a.quiet(t)
			if after := a.events(t, code); after != before {
				rt.Fatalf("%d events of a batch that changed nothing: %s", after-before, raw)
			}
		}
	}
}

func (a arrival) events(t *testing.T, code string) (n int) {
	require.NoError(t, a.conn.QueryRow(t.Context(), "select count(*) from crm.events where source = $1 or type like 'ticketing.order.%linked'", "ticketing:"+code).Scan(&n))
	return n
}

// quiet waits until nobody has anything to look at again.
func (a arrival) quiet(t *testing.T) {
	parvistest.Eventually(t, "what waits to be looked at again", func() bool {
		var n int
		require.NoError(t, a.conn.QueryRow(t.Context(), `select (select count(*) from crm.ticketing_rematches) + (select count(*) from river.river_job where kind = 'ticketing_rematch' and finalized_at is null)`).Scan(&n))
		return n == 0
	})
}

// compared has the source compared with what is held, in all kinds that it could
// have lost something of without saying so.
func (a arrival) compared(t *testing.T, code string, s season, taken time.Time) {
	ctx := web.WithActor(t.Context(), web.SystemActor(a.app.Tenant, "reconciliation"))
	source, err := a.app.Ticketing().GetSource(ctx, code)
	require.NoError(t, err)
	there := s.present()
	for _, kind := range []string{"order", "membership", "gift_card", "scan", "group_booking"} {
		_, err := pg.InTxValue(ctx, a.app.App.DB, a.app.Tenant, func(ctx context.Context, tx pgx.Tx) (ticketing.Absences, error) {
			return a.app.Ticketing().MarkAbsent(ctx, tx, source, ticketing.Window{Kind: kind, TakenAt: taken}, there[kind])
		})
		require.NoError(t, err)
	}
}

// season lets one arrive, by parts, with a comparison after each, and two at the end.
func (a arrival) season(t *testing.T, rt *rapid.T, s season, parts ...[]m) reached {
	*a.runs++
	tag := "zq" + string(rune('a'+*a.runs/676%26)) + string(rune('a'+*a.runs/26%26)) + string(rune('a'+*a.runs%26))
	number := fmt.Sprintf("%04d", *a.runs)
	out := reached{code: tag}
	suffix, back := strings.NewReplacer("§", tag, "¤", number), strings.NewReplacer(tag, "§", "3363998"+number, "3363998¤")
	out.id = a.app.Post("/v1/ticketing/sources", m{"code": tag, "name": tag, "kind": "generic"}).Is(201).ID()
	taken := time.Now().Add(time.Hour)
	for _, part := range parts {
		a.receive(t, rt, tag, suffix, part)
		taken = taken.Add(time.Minute)
		a.compared(t, tag, s, taken)
	}
	for range 2 {
		taken = taken.Add(time.Minute)
		a.compared(t, tag, s, taken)
	}
	a.quiet(t)
	var ids []string
	require.NoError(t, a.conn.QueryRow(t.Context(), held, out.id).Scan(&out.state, &ids))
	for _, id := range ids {
		figures := a.app.Get("/v1/contacts/" + id + "/indicators").Is(200).JSON()
		for _, name := range []string{"contact_id", "as_of", "counted_at"} {
			delete(figures, name)
		}
		raw, err := json.MarshalIndent(figures, "", " ")
		require.NoError(t, err)
		out.people += string(raw) + "\n"
	}
	out.state, out.people = back.Replace(out.state), back.Replace(out.people)
	_, err := uuid.Parse(out.id)
	require.NoError(t, err)
	return out
}

// TestWhatWasLostComesWithAReading: of the messages of a season any may be lost,
// come twice, too late, or in another order; once the source was read from the
// beginning and compared, everything is as if all had come in order: records and
// money, whose orders, tickets, memberships, cards and bookings are, what is
// counted of people. What changed nothing is told nobody.
func TestWhatWasLostComesWithAReading(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	app.Post("/v1/purposes", m{"code": "newsletter", "name": "Lettre", "legal_basis": "consent"}).Is(201)
	conn, err := pgx.Connect(t.Context(), app.DB.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.Background())) })
	runs := 0
	a := arrival{app: app, conn: conn, runs: &runs}
	// Eight seasons take long enough; who asks for a number of them gets it.
	most, checks := 8, flag.Lookup("rapid.checks")
	if checks.Value.String() != checks.DefValue {
		most = math.MaxInt
	}
	rapid.Check(t, func(rt *rapid.T) {
		if runs/2 >= most {
			return
		}
		s := aSeason(rt)
		want := a.season(t, rt, s, s.said)
		var early, late []m
		for _, r := range s.said {
			lost := !s.gone[keyOf(r)] && rapid.IntRange(0, 2).Draw(rt, "lost") == 0
			if lost {
				continue
			}
			if rapid.IntRange(0, 3).Draw(rt, "late") == 0 {
				late = append(late, r)
			} else {
				early = append(early, r)
			}
			if rapid.IntRange(0, 3).Draw(rt, "twice") == 0 {
				late = append(late, r)
			}
		}
		shuffled := func(list []m, name string) []m {
			if len(list) == 0 {
				return nil
			}
			return rapid.Permutation(list).Draw(rt, name)
		}
		early, late, again := shuffled(early, "early"), shuffled(late, "late"), shuffled(s.backfill(), "backfill")
		got := a.season(t, rt, s, early, again, late)
		if want.state != got.state || want.people != got.people {
			arrived, _ := json.MarshalIndent([]any{early, again, late}, "", " ")
			inOrder, _ := json.MarshalIndent(s.said, "", " ")
			require.Equal(rt, want.state, got.state, "in order: %s\narrived: %s\ngone: %v", inOrder, arrived, s.gone)
			require.Equal(rt, want.people, got.people, "in order: %s\narrived: %s\ngone: %v", inOrder, arrived, s.gone)
		}
	})
}
