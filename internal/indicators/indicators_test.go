package indicators_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/parvis-crm/parvis/internal/app"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

type m = map[string]any

const source = "/v1/ticketing/sources/principale"

func institution(t *testing.T) *parvistest.App {
	t.Helper()
	// Hundreds of histories are counted one after the other.
	app := parvistest.New(t, func(_ *config.Config, o *app.Options) { o.IndicatorsEvery = 20 * time.Millisecond })
	app.Post("/v1/ticketing/sources", m{"code": "principale", "name": "Billetterie", "kind": "generic"}).Is(201)
	return app
}

func owner(t *testing.T, app *parvistest.App) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), app.DB.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	_, err = conn.Exec(t.Context(), "set search_path = crm; set app.sight = '*'; set timezone = 'UTC'")
	require.NoError(t, err)
	return conn
}

var versions int

func send(c *parvistest.Client, kind, id string, data m) m {
	versions++
	r := m{"kind": kind, "external_id": id, "source_version": versions, "data": data}
	if data == nil {
		delete(r, "data")
		r["op"] = "delete"
	}
	out := c.Post(source+"/batches", m{"records": []m{r}}).Is(207).JSON()["results"].([]any)[0].(m)
	return out
}

func order(changes m) m {
	d := m{"number": "N", "commercial_state": "confirmed", "placed_at": "2026-11-01T10:00:00Z", "buyer": m{"given_name": "Nora", "family_name": "Castellan", "email": "nora@courrier.example"},
		"lines":    []m{{"external_id": "t1", "amount": "20.00", "performance": "soir", "state": "valid"}, {"external_id": "t2", "amount": "20.00", "performance": "soir", "state": "valid"}},
		"payments": []m{{"external_id": "p1", "amount": "40.00", "state": "settled", "method": "card", "at": "2026-11-01T10:00:00Z"}}}
	maps.Copy(d, changes)
	return d
}

func catalogue(c *parvistest.Client) {
	send(c, "production", "gabians", m{"name": m{"fr": "La Nuit"}, "discipline": "theatre", "season": "2026-2027"})
	send(c, "performance", "soir", m{"production": "gabians", "starts_at": "2026-11-11T20:00:00+01:00"})
	send(c, "performance", "avenir", m{"production": "gabians", "starts_at": "2036-11-11T20:00:00+01:00"})
}

// settled waits until nobody is left to be counted.
func settled(t *testing.T, app *parvistest.App, conn *pgx.Conn) {
	t.Helper()
	parvistest.Eventually(t, "everybody is counted", func() bool {
		var left int
		require.NoError(t, conn.QueryRow(t.Context(), "select count(*) from indicator_notes where tenant_id = $1", app.Tenant).Scan(&left))
		return left == 0
	})
}

func figuresOf(c *parvistest.Client, contact any, query string) m {
	return c.Get("/v1/contacts/" + contact.(string) + "/indicators" + query).Is(200).JSON()
}

func factsOf(c *parvistest.Client, contact any, name string) []m {
	return c.Get("/v1/contacts/" + contact.(string) + "/indicators/" + name + "/facts?limit=200").Is(200).Data()
}

func TestFiguresAndTheirFacts(t *testing.T) {
	t.Parallel()
	app := institution(t)
	catalogue(app.Client)
	r := send(app.Client, "order", "o1", order(m{"refunds": []m{{"external_id": "r1", "amount": "5.50", "state": "settled", "at": "2026-11-05T10:00:00Z"}}}))
	who := r["contact_id"]
	send(app.Client, "order", "o2", order(m{"placed_at": "2026-11-20T10:00:00Z", "lines": []m{{"external_id": "t3", "amount": "9.00", "performance": "avenir", "state": "valid"}, {"external_id": "t4", "amount": "90.00", "kind": "subscription", "state": "valid"}, {"external_id": "t5", "amount": "9.00", "performance": "soir", "state": "cancelled"}}, "payments": []m{}}))
	send(app.Client, "order", "o3", order(m{"commercial_state": "cancelled", "lines": []m{}, "payments": []m{{"external_id": "fee", "amount": "2.00", "state": "settled", "at": "2026-11-02T10:00:00Z"}}}))
	send(app.Client, "order", "o4", order(m{"test": true, "lines": []m{{"external_id": "t9", "amount": "9.00", "performance": "soir"}}}))
	f := figuresOf(app.Client, who, "")
	require.Equal(t, []any{2.0, 3.0, 1.0, 1.0, 1.0}, []any{f["orders"], f["tickets"], f["visits"], f["upcoming_visits"], f["subscriptions"]})
	require.Equal(t, []any{m{"amount": "36.50", "currency": "EUR"}}, f["net"])
	require.Equal(t, []any{m{"name": "theatre", "tickets": 3.0}}, f["disciplines"])
	require.Equal(t, []any{m{"name": "2026-2027", "tickets": 3.0}}, f["seasons"])
	require.Equal(t, "2026-11-11T19:00:00Z", f["first_visit_at"])
	for name, n := range map[string]int{"orders": 2, "tickets": 3, "net": 3, "net_last_year": 3, "visits": 2, "upcoming_visits": 1, "subscriptions": 1, "disciplines": 3, "seasons": 3, "lead_time": 3, "orders_last_year": 2} {
		require.Len(t, factsOf(app.Client, who, name), n, name)
	}
	require.Equal(t, m{"amount": "-5.50", "currency": "EUR"}, factsOf(app.Client, who, "net")[2]["amount"])
	app.Get("/v1/contacts/"+who.(string)+"/indicators/nothing/facts").Problem(404, "not-found")
	one := app.Get("/v1/contacts/" + who.(string) + "/indicators/tickets/facts?limit=2").Is(200).JSON()
	require.Len(t, app.Get("/v1/contacts/"+who.(string)+"/indicators/tickets/facts?limit=2&cursor="+one["next_cursor"].(string)).Is(200).Data(), 1)

	past := figuresOf(app.Client, who, "?as_of=2026-11-03")
	require.Equal(t, []any{1.0, 2.0, 0.0, 1.0, nil}, []any{past["orders"], past["tickets"], past["visits"], past["upcoming_visits"], past["first_visit_at"]})
	require.Equal(t, []any{m{"amount": "42.00", "currency": "EUR"}}, past["net"])
	require.Equal(t, 2.0, past["days_since_last_order"])
	require.Equal(t, 0.0, figuresOf(app.Client, who, "?as_of=2026-10-31")["orders"])
}

// A source may re-date a payment, call it otherwise, or delete an order and send
// it again: on every day counts what it says of that day now.
func TestMoneyOfAPastDayIsAsItsSourceDatesItNow(t *testing.T) {
	t.Parallel()
	app := institution(t)
	catalogue(app.Client)
	paid := func(id, amount, at string) m {
		return m{"payments": []m{{"external_id": id, "amount": amount, "state": "settled", "method": "card", "at": at}}}
	}
	var who any
	nets := func(want ...string) {
		t.Helper()
		for i, day := range []string{"2026-11-02", "2026-11-06", "2026-11-11"} {
			net := figuresOf(app.Client, who, "?as_of="+day)["net"].([]any)
			if want[i] == "" {
				require.Empty(t, net, day)
			} else {
				require.Equal(t, []any{m{"amount": want[i], "currency": "EUR"}}, net, day)
			}
		}
	}
	who = send(app.Client, "order", "o1", order(paid("p1", "40.00", "2026-11-05T10:00:00Z")))["contact_id"]
	nets("", "40.00", "40.00")
	send(app.Client, "order", "o1", order(paid("p2", "40.00", "2026-11-05T10:00:00Z")))
	nets("", "40.00", "40.00")
	send(app.Client, "order", "o1", order(paid("p2", "40.00", "2026-11-10T10:00:00Z")))
	nets("", "", "40.00")
	send(app.Client, "order", "o1", order(paid("p2", "30.00", "2026-11-02T10:00:00Z")))
	nets("30.00", "30.00", "30.00")
	send(app.Client, "order", "o1", nil)
	nets("", "", "")
	send(app.Client, "order", "o1", order(paid("p2", "30.00", "2026-11-05T10:00:00Z")))
	nets("", "30.00", "30.00")
	require.Equal(t, figuresOf(app.Client, who, "?as_of=2026-11-26")["net"], figuresOf(app.Client, who, "")["net"])
}

func TestFiguresFollowWhateverChanges(t *testing.T) {
	t.Parallel()
	app := institution(t)
	conn := owner(t, app)
	catalogue(app.Client)
	who := send(app.Client, "order", "o1", order(nil))["contact_id"]
	settled(t, app, conn)
	require.Equal(t, 1.0, figuresOf(app.Client, who, "")["visits"])
	for _, calledOff := range []string{"postponed", "scheduled", "cancelled"} {
		visits := map[string]float64{"scheduled": 1}[calledOff]
		send(app.Client, "performance", "soir", m{"production": "gabians", "starts_at": "2026-11-11T20:00:00+01:00", "status": calledOff})
		require.Equal(t, visits, figuresOf(app.Client, who, "")["visits"], calledOff)
		settled(t, app, conn)
		require.Equal(t, visits, figuresOf(app.Client, who, "")["visits"], calledOff)
	}
	send(app.Client, "production", "gabians", m{"name": m{"fr": "La Nuit"}, "discipline": "danse"})
	settled(t, app, conn)
	require.Equal(t, []any{m{"name": "danse", "tickets": 2.0}}, figuresOf(app.Client, who, "")["disciplines"])
	require.Equal(t, []any{}, figuresOf(app.Client, who, "")["seasons"])
	// Deleted, it counts nowhere, also where it is described only afterwards.
	send(app.Client, "production", "gabians", nil)
	settled(t, app, conn)
	require.Equal(t, []any{}, figuresOf(app.Client, who, "")["disciplines"])
	send(app.Client, "production", "gabians", m{"name": m{"fr": "La Nuit"}, "discipline": "danse"})
	settled(t, app, conn)
	require.Equal(t, []any{m{"name": "danse", "tickets": 2.0}}, figuresOf(app.Client, who, "")["disciplines"])

	// A merge moves what was bought, its revert moves it back.
	other := app.Post("/v1/contacts", m{"kind": "person", "given_name": "N.", "family_name": "Castellan"}).Is(201).ID()
	_, err := conn.Exec(t.Context(), "update contacts set merged_into = $2 where id = $1", who, other)
	require.NoError(t, err)
	settled(t, app, conn)
	require.Equal(t, 1.0, figuresOf(app.Client, other, "")["orders"])
	require.Len(t, factsOf(app.Client, other, "tickets"), 2)
	_, err = conn.Exec(t.Context(), "update contacts set merged_into = null where id = $1", who)
	require.NoError(t, err)
	settled(t, app, conn)
	require.Equal(t, 0.0, figuresOf(app.Client, other, "")["orders"])
	require.Equal(t, 1.0, figuresOf(app.Client, who, "")["orders"])
}

func TestWhoHoldsATicketComes(t *testing.T) {
	t.Parallel()
	app := institution(t)
	catalogue(app.Client)
	friend := app.Post("/v1/contacts", m{"kind": "person", "given_name": "Yann", "family_name": "Autre", "contact_points": []m{{"kind": "email", "value": "yann@courrier.example"}}}).Is(201).ID()
	who := send(app.Client, "order", "o1", order(m{"lines": []m{{"external_id": "t1", "amount": "20.00", "performance": "soir", "state": "valid", "holder": m{"given_name": "Yann", "family_name": "Autre", "email": "yann@courrier.example"}}}}))["contact_id"]
	f := figuresOf(app.Client, friend, "")
	require.Equal(t, []any{0.0, 0.0, 1.0}, []any{f["orders"], f["tickets"], f["visits"]})
	f = figuresOf(app.Client, who, "")
	require.Equal(t, []any{1.0, 1.0, 0.0}, []any{f["orders"], f["tickets"], f["visits"]})
}

func TestCaptureRates(t *testing.T) {
	t.Parallel()
	app := institution(t)
	catalogue(app.Client)
	lines := func(id string, n int) []m {
		var out []m
		for i := range n {
			out = append(out, m{"external_id": fmt.Sprint(id, i), "amount": "1.00", "performance": "soir"})
		}
		return out
	}
	send(app.Client, "order", "a", order(m{"channel": m{"kind": "web"}, "lines": lines("a", 3)}))
	send(app.Client, "order", "b", order(m{"channel": m{"kind": "box_office"}, "lines": lines("b", 4), "buyer": m{}}))
	send(app.Client, "order", "c", order(m{"channel": m{"kind": "box_office"}, "lines": lines("c", 1), "buyer": m{"customer": "K", "given_name": "Ida", "family_name": "Morvan"}}))
	send(app.Client, "order", "d", order(m{"channel": m{"kind": "web"}, "lines": lines("d", 2), "test": true}))
	rates := app.Get("/v1/indicators/capture-rates?placed_at_gte=2026-10-01T00:00:00Z&placed_at_lt=2026-12-01T00:00:00Z&source=principale").Is(200).JSON()
	require.Equal(t, m{"channel": nil, "tickets": 8.0, "identified": 4.0, "reachable": 3.0, "identified_percent": 50.0, "reachable_percent": 37.5}, rates["total"])
	box := rates["channels"].([]any)[0].(m)
	require.Equal(t, []any{"box_office", 5.0, 1.0, 0.0}, []any{box["channel"], box["tickets"], box["identified"], box["reachable"]})
	require.Equal(t, 0.0, app.Get("/v1/indicators/capture-rates?source=nobody").Is(200).JSON()["total"].(m)["tickets"])
	app.Get("/v1/indicators/capture-rates?placed_at_gte=2020-10-01T00:00:00Z").Problem(422, "invalid")
}

// kept is what is kept of everybody.
func kept(t *testing.T, app *parvistest.App, conn *pgx.Conn) string {
	t.Helper()
	var out string
	require.NoError(t, conn.QueryRow(t.Context(), "select coalesce(jsonb_object_agg(contact_id, figures), '{}')::text from contact_indicators where tenant_id = $1", app.Tenant).Scan(&out))
	return out
}

// oracle counts orders and money with one statement and nothing else.
const oracle = `
select coalesce(jsonb_object_agg(s, jsonb_build_object('orders', orders, 'net', net)), '{}')::text from (
  select survivor_of(o.tenant_id, o.contact_id) s, count(*) filter (where o.commercial_state = 'confirmed') orders,
         coalesce(sum((select sum(amount_minor) from ticketing_movements v where v.tenant_id = o.tenant_id and v.order_id = o.id)), 0) net
  from ticketing_orders o where o.tenant_id = $1 and o.contact_id is not null and not o.test and not o.stub and not o.deleted group by 1) x`

// Whatever happened, what is kept is what counting anew gives.
func TestIncrementalEqualsRecount(t *testing.T) {
	t.Parallel()
	app := institution(t)
	conn := owner(t, app)
	catalogue(app.Client)
	buyers := []m{{"given_name": "Nora", "family_name": "Castellan", "email": "nora@courrier.example"}, {"given_name": "Yann", "family_name": "Ozanne", "email": "yann@courrier.example"}, {}}
	rapid.Check(t, func(rt *rapid.T) {
		for range rapid.IntRange(2, 8).Draw(rt, "steps") {
			id := rapid.SampledFrom([]string{"A", "B", "C", "D"}).Draw(rt, "order")
			switch rapid.IntRange(0, 9).Draw(rt, "kind") {
			case 0:
				send(app.Client, "performance", "soir", m{"production": rapid.SampledFrom([]string{"gabians", "autre"}).Draw(rt, "production"), "starts_at": "2026-11-11T20:00:00+01:00", "status": rapid.SampledFrom([]string{"scheduled", "cancelled", "postponed"}).Draw(rt, "status")})
			case 1:
				send(app.Client, "order", id, nil)
			case 2:
				var contacts []string
				rows, err := conn.Query(t.Context(), "select id::text from contacts where tenant_id = $1 and merged_into is null order by id", app.Tenant)
				require.NoError(t, err)
				contacts, err = pgx.CollectRows(rows, pgx.RowTo[string])
				require.NoError(t, err)
				found := app.Get("/v1/ticketing/orders").Data()
				if len(contacts) > 0 && len(found) > 0 {
					app.Post("/v1/ticketing/orders/"+found[0]["id"].(string)+"/relink", m{"contact_id": rapid.SampledFrom(contacts).Draw(rt, "contact")}).Is(200)
				}
			case 3:
				_, err := conn.Exec(t.Context(), `update contacts set merged_into = (select min(id::text)::uuid from contacts c where c.tenant_id = $1 and c.merged_into is null)
					where tenant_id = $1 and merged_into is null and id <> (select min(id::text)::uuid from contacts c where c.tenant_id = $1 and c.merged_into is null)
					and id = (select max(id::text)::uuid from contacts c where c.tenant_id = $1 and c.merged_into is null)`, app.Tenant)
				require.NoError(t, err)
			case 4:
				_, err := conn.Exec(t.Context(), "update contacts set merged_into = null where tenant_id = $1 and merged_into is not null", app.Tenant)
				require.NoError(t, err)
			default:
				changes := m{"buyer": rapid.SampledFrom(buyers).Draw(rt, "buyer"), "test": rapid.IntRange(0, 5).Draw(rt, "test") == 0,
					"commercial_state": rapid.SampledFrom([]string{"confirmed", "confirmed", "cancelled", "reserved"}).Draw(rt, "state"),
					"lines":            []m{{"external_id": rapid.SampledFrom([]string{"ta", "tb", id}).Draw(rt, "ticket"), "amount": "10.00", "performance": rapid.SampledFrom([]string{"soir", "avenir"}).Draw(rt, "performance"), "state": rapid.SampledFrom([]string{"valid", "valid", "cancelled"}).Draw(rt, "line")}},
					"payments":         []m{{"external_id": "p", "amount": fmt.Sprintf("%d.00", rapid.IntRange(1, 40).Draw(rt, "paid")), "state": "settled"}}}
				if rapid.Bool().Draw(rt, "refunded") {
					changes["refunds"] = []m{{"external_id": "r", "amount": "3.00", "state": "settled"}}
				}
				send(app.Client, "order", id, order(changes))
			}
		}
		settled(t, app, conn)
		before := kept(t, app, conn)
		at := app.Post("/v1/indicators/recount", nil).Is(202).ID()
		parvistest.Eventually(t, "the recount", func() bool { return app.Get("/v1/operations/" + at).JSON()["status"] == "succeeded" })
		require.JSONEq(t, before, kept(t, app, conn))
		var want map[string]struct{ Orders, Net int64 }
		var text string
		require.NoError(t, conn.QueryRow(t.Context(), oracle, app.Tenant).Scan(&text))
		require.NoError(t, json.Unmarshal([]byte(text), &want))
		var have map[string]struct {
			Orders int64
			Net    map[string]int64
		}
		require.NoError(t, json.Unmarshal([]byte(before), &have))
		for contact, w := range want {
			require.Equal(t, w.Orders, have[contact].Orders, contact)
			require.Equal(t, w.Net, have[contact].Net["EUR"], contact)
		}
	})
}

// A visit is missed where others were seen to come and nobody with a ticket of
// the contact was; it is counted whoever is noted, and again when it turns out
// otherwise.
func TestVisitsAreMissedWhereOthersCame(t *testing.T) {
	t.Parallel()
	app := institution(t)
	conn := owner(t, app)
	catalogue(app.Client)
	who := send(app.Client, "order", "o1", order(nil))["contact_id"]
	other := send(app.Client, "order", "o2", order(m{"buyer": m{"given_name": "Yann", "family_name": "Ozanne", "email": "yann@courrier.example"},
		"lines": []m{{"external_id": "u1", "amount": "9.00", "performance": "soir", "state": "valid"}}, "payments": []m{}}))["contact_id"]
	missed := func(contact any) []any {
		settled(t, app, conn)
		f := figuresOf(app.Client, contact, "")
		return []any{f["visits"], f["missed_visits"]}
	}
	require.Equal(t, []any{1.0, 0.0}, missed(who), "no entry is known")
	entry := func(ticket string, data m) {
		send(app.Client, "scan", "x-"+ticket, parvistest.With(m{"ticket": ticket, "occurred_at": "2026-11-11T18:41:00Z"}, data))
	}
	entry("u1", nil)
	require.Equal(t, []any{1.0, 1.0}, missed(who), "somebody else came")
	require.Equal(t, []any{1.0, 0.0}, missed(other))
	require.Len(t, factsOf(app.Client, who, "missed_visits"), 2, "two tickets")
	entry("t2", nil)
	require.Equal(t, []any{1.0, 0.0}, missed(who), "one of two tickets is enough")
	entry("t2", m{"result": "annulled"})
	require.Equal(t, []any{1.0, 1.0}, missed(who))
	entry("u1", m{"result": "annulled"})
	require.Equal(t, []any{1.0, 0.0}, missed(who), "no entry is known any more")
}

func TestPurchasesToComeAreCountedWhenTheirTimeComes(t *testing.T) {
	t.Parallel()
	app := institution(t)
	conn := owner(t, app)
	soon := time.Now().Add(2 * time.Second)
	send(app.Client, "performance", "soir", m{"starts_at": soon.Format(time.RFC3339Nano)})
	who := send(app.Client, "order", "o1", order(nil))["contact_id"]
	require.Equal(t, 1.0, figuresOf(app.Client, who, "")["upcoming_visits"])
	settled(t, app, conn)
	parvistest.Eventually(t, "the performance begins", func() bool {
		var visits int
		require.NoError(t, conn.QueryRow(t.Context(), "select (figures ->> 'visits')::int from contact_indicators where contact_id = $1", who).Scan(&visits))
		return visits == 1
	})
}
