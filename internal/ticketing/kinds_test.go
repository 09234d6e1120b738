package ticketing_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/web"
)

// at asks for what a record of the source has become.
func at(c *parvistest.Client, kind, externalID string) m {
	r := c.Get(base + "/records/" + kind + "/" + externalID).Is(200).JSON()
	return c.Get(r["url"].(string)).Is(200).JSON()
}

// eventTypes are the types recorded so far, with how many of each.
func eventTypes(t *testing.T, app *parvistest.App, globs string) map[string]int {
	t.Helper()
	out := map[string]int{}
	conn, err := pgx.Connect(t.Context(), app.DB.OwnerURL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	parvistest.Eventually(t, "the events to be numbered", func() bool {
		var waiting int
		require.NoError(t, conn.QueryRow(t.Context(), "select count(*) from crm.event_queue where tenant_id = $1", app.Tenant).Scan(&waiting))
		return waiting == 0
	})
	for _, e := range app.Get("/v1/events?limit=1000&types=" + globs).Is(200).Data() {
		out[e["type"].(string)]++
	}
	return out
}

func TestVenuesProductsAndWhatPerformancesSayOfThem(t *testing.T) {
	t.Parallel()
	app := institution(t)
	require.Equal(t, []any{"created", "created", "created", "created"}, statuses(send(app.Client,
		record("performance", "soir", t1, m{"production": "piece", "name": m{"fr": "Soir"}, "venue": "salle", "starts_at": "2026-12-04T20:00:00+01:00", "admission_at": "2026-12-04T19:00:00+01:00",
			"sibil_domain": "Théâtre", "young_audience": true, "replaces": "veille"}),
		record("venue", "salle", t1, m{"name": m{"fr": "Grande salle"}, "parent": "theatre", "address": m{"city": "Brest", "country": "FR"}, "siret": "73282932000074", "sibil_type": "THEATRE", "capacity": 320}),
		record("product", "carte", t1, m{"name": m{"fr": "Carte"}, "kind": "membership", "grace_days": 30, "benefits": []string{"priority"}}),
		record("production", "piece", t1, m{"name": m{"fr": "Pièce"}, "festival": "Automne", "sibil_domain": "Théâtre", "young_audience": false}))))
	p, v := at(app.Client, "performance", "soir"), at(app.Client, "venue", "salle")
	require.Equal(t, []any{"salle", v["id"], "2026-12-04T18:00:00Z", "Théâtre", true, "scheduled"}, []any{p["venue"], p["venue_id"], p["admission_at"], p["sibil_domain"], p["young_audience"], p["status"]})
	require.Equal(t, at(app.Client, "performance", "veille")["id"], p["replaces_id"])
	require.Equal(t, []any{"THEATRE", "73282932000074", 320.0, false, m{"street": nil, "postal_code": nil, "city": "Brest", "country": "FR"}}, []any{v["sibil_type"], v["siret"], v["capacity"], v["is_stub"], v["address"]})
	require.Equal(t, true, at(app.Client, "venue", "theatre")["is_stub"])
	require.Len(t, app.Get("/v1/ticketing/venues").Data(), 2)
	require.Len(t, app.Get("/v1/ticketing/products?kind=membership").Data(), 1)
	require.Empty(t, app.Get("/v1/ticketing/products?kind=pass").Data())
	require.Equal(t, []any{"priority"}, at(app.Client, "product", "carte")["benefits"])
	require.Equal(t, "Automne", at(app.Client, "production", "piece")["festival"])
	bad := send(app.Client, record("venue", "x", t1, m{"name": m{"fr": "X"}, "siret": "12"}), record("venue", "y", t1, m{"name": m{"fr": "Y"}, "sibil_type": "GARAGE"}), record("product", "z", t1, m{"name": m{"fr": "Z"}}))
	require.Equal(t, []any{"failed", "failed", "failed"}, statuses(bad))
}

func TestLinesNameProductsOffersAndReplacements(t *testing.T) {
	t.Parallel()
	app := institution(t)
	old, instead := line("t1", "24.00", "exchanged"), line("t2", "24.00", "valid")
	instead["replaces"], instead["product"], instead["exemption"], instead["voucher"] = "t1", "carte", "invitation", m{"code": "AUTOMNE", "campaign": "mailing-12"}
	o := orderOf(app.Client, send(app.Client, record("order", "o1", t1, orderData(m{"lines": []m{old, instead}})))[0])
	lines := o["lines"].([]any)
	require.Equal(t, "t2", lines[0].(m)["replaced_by"])
	require.Nil(t, lines[1].(m)["replaced_by"])
	second := lines[1].(m)
	require.Equal(t, []any{"invitation", "AUTOMNE", "mailing-12", at(app.Client, "product", "carte")["id"]}, []any{second["exemption"], second["voucher_code"], second["campaign"], second["product_id"]})
}

func TestMembershipIsOfWhomItsReferencesSay(t *testing.T) {
	t.Parallel()
	app := institution(t)
	// Before anything else is known of the account or the order.
	require.Equal(t, []any{"created", "created", "created"}, statuses(send(app.Client,
		record("membership", "m1", t1, m{"customer": "C1", "product": "carte", "valid_from": "2026-09-01", "valid_to": "2027-08-31", "state": "active"}),
		record("membership", "m2", t1, m{"order": "o1", "valid_from": "2026-09-01", "valid_to": "2027-08-31"}),
		record("membership", "m3", t1, m{"order": "o1", "holder": m{"given_name": "Yves", "family_name": "Autre"}}))))
	m1 := at(app.Client, "membership", "m1")
	require.Equal(t, []any{nil, "unknown", "active", "2026-08-31T22:00:00Z", "2027-08-31T22:00:00Z", "Europe/Paris"}, []any{m1["contact_id"], m1["contact_rule"], m1["status"], m1["valid_from"], m1["valid_until"], m1["time_zone"]})
	results := send(app.Client, record("customer", "C1", t1, m{"given_name": "Ada", "family_name": "Lorme", "email": "ada@courrier.example"}), record("order", "o1", t1, orderData(nil)))
	ada, nora := results[0]["contact_id"], results[1]["contact_id"]
	m1, m2, m3 := at(app.Client, "membership", "m1"), at(app.Client, "membership", "m2"), at(app.Client, "membership", "m3")
	require.Equal(t, []any{ada, "customer", 2.0}, []any{m1["contact_id"], m1["contact_rule"], m1["version"]})
	require.Equal(t, []any{nora, "buyer"}, []any{m2["contact_id"], m2["contact_rule"]})
	require.Equal(t, []any{nil, "unknown"}, []any{m3["contact_id"], m3["contact_rule"]}, "bought for somebody else")
	require.Len(t, app.Get("/v1/contacts/"+ada.(string)+"/memberships").Data(), 1)
	require.Len(t, app.Get("/v1/ticketing/memberships?contact_id="+nora.(string)).Data(), 1)
	require.Equal(t, []any{"unchanged"}, statuses(send(app.Client, record("membership", "m1", t1, m{"customer": "C1", "product": "carte", "valid_from": "2026-09-01", "valid_to": "2027-08-31", "state": "active"}))))
	require.Equal(t, ada, at(app.Client, "membership", "m1")["contact_id"])
	// A deleted one is gone, and whose it was with it.
	app.Delete(base + "/records/membership/m1").Is(200)
	app.Get("/v1/ticketing/memberships/"+m1["id"].(string)).Problem(404, "not-found")
	require.Empty(t, app.Get("/v1/contacts/"+ada.(string)+"/memberships").Data())
}

func TestStatusOfAMembershipOnADay(t *testing.T) {
	t.Parallel()
	app := institution(t)
	send(app.Client,
		record("product", "carte", t1, m{"name": m{"fr": "Carte"}, "kind": "membership", "grace_days": 30, "renewal_days": 60, "usage_limit": 3}),
		record("membership", "m1", t1, m{"product": "carte", "valid_from": "2025-09-01", "valid_to": "2026-08-31"}),
		record("membership", "m2", t1, m{"product": "carte", "valid_from": "2025-09-01", "valid_to": "2026-08-31", "usages": 3}),
		record("membership", "m3", t1, m{"product": "carte", "valid_from": "2025-09-01", "valid_to": "2026-08-31", "state": "cancelled", "cancelled_at": "2026-03-01T10:00:00Z"}),
		record("membership", "m4", t1, m{"product": "carte", "valid_from": "2025-09-01", "valid_to": "2026-08-31"}),
		record("membership", "m5", t1, m{"product": "carte", "valid_from": "2026-09-01", "valid_to": "2027-08-31", "renews": "m4"}),
		record("membership", "m6", t1, m{"state": "suspended"}),
		// The clocks change within the days of grace, and within those of renewal.
		record("membership", "m7", t1, m{"product": "carte", "valid_from": "2025-10-25", "valid_to": "2026-10-24"}),
		record("membership", "m8", t1, m{"product": "carte", "valid_from": "2025-05-01", "valid_to": "2026-04-30"}))
	for _, c := range []struct {
		membership, day, status string
		renewable               bool
	}{
		{"m1", "2025-08-31T21:59:59Z", "pending", false}, {"m1", "2025-08-31T22:00:00Z", "active", false}, {"m1", "2026-07-15T00:00:00Z", "active", true}, {"m1", "2026-08-31T21:59:59Z", "active", true},
		{"m1", "2026-08-31T22:00:00Z", "grace", true}, {"m1", "2026-09-30T21:59:59Z", "grace", true}, {"m1", "2026-09-30T22:00:00Z", "expired", false},
		{"m2", "2026-01-01T00:00:00Z", "used_up", false}, {"m3", "2026-02-01T00:00:00Z", "active", false}, {"m3", "2026-03-01T10:00:00Z", "cancelled", false},
		{"m4", "2026-08-01T00:00:00Z", "active", false}, {"m4", "2026-09-02T00:00:00Z", "renewed", false}, {"m5", "2026-08-01T00:00:00Z", "pending", false}, {"m5", "2026-09-02T00:00:00Z", "active", false},
		{"m6", "2026-09-02T00:00:00Z", "suspended", false},
		{"m7", "2026-10-24T22:00:00Z", "grace", true}, {"m7", "2026-11-23T22:59:59Z", "grace", true}, {"m7", "2026-11-23T23:00:00Z", "expired", false},
		{"m8", "2026-03-01T22:59:59Z", "active", false}, {"m8", "2026-03-01T23:00:00Z", "active", true},
	} {
		id := at(app.Client, "membership", c.membership)["id"].(string)
		got := app.Get("/v1/ticketing/memberships/" + id + "?as_of=" + c.day).Is(200).JSON()
		require.Equal(t, []any{c.status, c.renewable}, []any{got["status"], got["is_renewable"]}, c)
	}
	require.Len(t, app.Get("/v1/ticketing/memberships?status=active,grace&as_of=2026-09-02T00:00:00Z").Data(), 4)
	require.Equal(t, at(app.Client, "membership", "m5")["id"], at(app.Client, "membership", "m4")["renewed_by_id"])
}

func TestGiftCardKeepsNoCodeAndALedger(t *testing.T) {
	t.Parallel()
	app := institution(t)
	const code = "CADEAU-7788-ZQXW"
	card := func(balance string, transactions ...m) m {
		return m{"code": code, "balance": balance, "order": "o1", "expires_at": "2027-11-20", "transactions": transactions}
	}
	load, use := m{"external_id": "x1", "amount": "50.00", "at": t1}, m{"external_id": "x2", "amount": "-15.00", "at": t2, "order": "o2"}
	send(app.Client, record("order", "o1", t1, orderData(nil)), record("gift_card", "g1", t1, card("50.00", load)))
	send(app.Client, record("gift_card", "g1", t2, card("35.00", load, use)))
	g := at(app.Client, "gift_card", "g1")
	require.Equal(t, []any{m{"amount": "35.00", "currency": "EUR"}, "ZQXW", "2027-11-20T23:00:00Z", "buyer"}, []any{g["balance"], g["last_four"], g["expires_at"], g["contact_rule"]})
	require.Len(t, g["ledger"], 2)
	require.Equal(t, "-15.00", g["ledger"].([]any)[1].(m)["amount"].(m)["amount"])
	// What no transaction explains has an entry of its own; what is corrected adds one.
	send(app.Client, record("gift_card", "g1", t3, card("30.00", load, m{"external_id": "x2", "amount": "-16.00", "at": t2})))
	g = at(app.Client, "gift_card", "g1")
	var sum []any
	for _, e := range g["ledger"].([]any) {
		sum = append(sum, e.(m)["external_id"], e.(m)["amount"].(m)["amount"], e.(m)["reason"])
	}
	require.Equal(t, []any{"x1", "50.00", "recorded", "x2", "-15.00", "recorded", nil, "-4.00", "recorded", "x2", "-1.00", "corrected"}, sum)
	require.Equal(t, 3, eventTypes(t, app, "giftcard.*")["giftcard.balance_changed"])
	require.Len(t, app.Get("/v1/contacts/"+g["contact_id"].(string)+"/gift-cards").Data(), 1)
	require.Zero(t, rowsHolding(t, app, "CADEAU77"), "nowhere in the database")
	require.Zero(t, rowsHolding(t, app, code))
}

func TestFirstAcceptedEntryIsTheAttendance(t *testing.T) {
	t.Parallel()
	app := institution(t)
	scan := func(id, occurred string, changes m) m {
		d := m{"ticket": "t1", "occurred_at": occurred}
		maps.Copy(d, changes)
		return record("scan", id, occurred, d)
	}
	performance := record("performance", "soir", t1, m{"name": m{"fr": "Soir"}, "starts_at": "2026-12-04T20:00:00+01:00", "ends_at": "2026-12-04T22:00:00+01:00"})
	holder := line("t1", "24.00", "valid")
	holder["holder"] = m{"given_name": "Nora", "family_name": "Castellan"}
	// Before the order is known: a refusal, an exit, two entries.
	send(app.Client, scan("s2", "2026-12-04T18:50:00Z", nil), scan("s1", "2026-12-04T18:45:00Z", m{"result": "refused", "reason": "invalid"}), scan("s3", "2026-12-04T19:30:00Z", m{"direction": "exit"}), scan("s4", "2026-12-04T19:40:00Z", nil))
	s2 := at(app.Client, "scan", "s2")
	require.Equal(t, []any{true, false, nil}, []any{s2["is_attendance"], s2["is_attached"], s2["performance_id"]})
	order := send(app.Client, record("order", "o1", t1, orderData(m{"lines": []m{holder}})), performance)[0]
	contact := order["contact_id"].(string)
	visits := func() []m { return app.Get("/v1/contacts/" + contact + "/attendances").Is(200).Data() }
	require.Len(t, visits(), 1)
	require.Equal(t, []any{"2026-12-04T18:50:00Z", at(app.Client, "performance", "soir")["id"]}, []any{visits()[0]["attended_at"], visits()[0]["performance_id"]})
	require.Empty(t, app.Get("/v1/ticketing/scans?attached=false").Data())
	require.Len(t, app.Get("/v1/ticketing/scans?attended=true").Data(), 1)
	require.Len(t, app.Get("/v1/ticketing/scans?performance_id="+visits()[0]["performance_id"].(string)).Data(), 4)
	tickets := app.Get("/v1/contacts/" + contact + "/tickets").Is(200).Data()
	require.Equal(t, []any{[]any{"buyer", "holder"}, "2026-12-04T18:50:00Z"}, []any{tickets[0]["roles"], tickets[0]["attended_at"]})
	// A device that was off line brings an earlier entry; one that was annulled counts no more.
	send(app.Client, record("scan", "s0", t3, m{"ticket": "t1", "occurred_at": "2026-12-04T18:41:00Z", "recorded_at": "2026-12-05T08:00:00Z"}))
	require.Equal(t, "2026-12-04T18:41:00Z", visits()[0]["attended_at"])
	for _, s := range []m{
		record("scan", "s0", "2026-12-06T10:00:00Z", m{"ticket": "t1", "occurred_at": "2026-12-04T18:41:00Z", "result": "annulled"}),
		record("scan", "s2", "2026-12-06T10:00:00Z", m{"ticket": "t1", "occurred_at": "2026-12-04T18:50:00Z", "result": "annulled"}),
	} {
		send(app.Client, s)
	}
	require.Equal(t, "2026-12-04T19:40:00Z", visits()[0]["attended_at"])
	app.Delete(base + "/records/scan/s4?source_modified_at=2026-12-06T10:00:00Z").Is(200)
	require.Empty(t, visits())
	// Seven days after the end is the last time.
	send(app.Client, record("scan", "s5", t1, m{"ticket": "t1", "occurred_at": "2026-12-04T18:55:00Z", "recorded_at": "2026-12-11T21:00:01Z"}))
	require.Empty(t, visits())
	require.Equal(t, true, at(app.Client, "scan", "s5")["is_late"])
	send(app.Client, record("scan", "s6", t1, m{"ticket": "t1", "occurred_at": "2026-12-04T18:55:00Z", "recorded_at": "2026-12-11T21:00:00Z"}))
	require.Len(t, visits(), 1)
	told := eventTypes(t, app, "ticketing.attendance.*")
	require.Equal(t, 2, told["ticketing.attendance.revoked"], "%v", told)
}

func TestScansOfTestOrdersAreNoAttendance(t *testing.T) {
	t.Parallel()
	app := institution(t)
	send(app.Client, record("scan", "s1", t1, m{"ticket": "t1", "occurred_at": t1}))
	require.Equal(t, true, at(app.Client, "scan", "s1")["is_attendance"])
	send(app.Client, record("order", "o1", t1, orderData(m{"test": true})))
	require.Equal(t, false, at(app.Client, "scan", "s1")["is_attendance"])
}

func TestGroupBookingHasAnOrganisationAndAPerson(t *testing.T) {
	t.Parallel()
	app := institution(t)
	results := send(app.Client,
		record("customer", "E9", t1, m{"organisation": "Collège des Sables", "email": "contact@college-sables.example"}),
		record("customer", "E10", t1, m{"given_name": "Ama", "family_name": "Kerdraon", "email": "ama.kerdraon@courrier.example"}),
		record("group_booking", "g1", t1, m{"number": "G-12", "state": "option", "performance": "soir", "organisation": m{"customer": "E9", "organisation": "Collège des Sables"},
			"contact_person": m{"customer": "E10", "given_name": "Ama", "family_name": "Kerdraon"}, "headcount": []m{{"class": "school", "count": 28}, {"class": "staff", "count": 3}}}))
	require.Equal(t, []any{"created", "created", "created"}, statuses(results))
	b := at(app.Client, "group_booking", "g1")
	require.Equal(t, []any{"option", results[0]["contact_id"], results[1]["contact_id"], 31.0, "customer"}, []any{b["state"], b["contact_id"], b["person_contact_id"], b["headcount_total"], b["contact_rule"]})
	require.Len(t, app.Get("/v1/ticketing/group-bookings?contact_id="+results[1]["contact_id"].(string)).Data(), 1)
	require.Empty(t, app.Get("/v1/ticketing/group-bookings?state=confirmed").Data())
	send(app.Client, record("group_booking", "g1", t2, m{"state": "cancelled"}))
	require.Equal(t, 1, eventTypes(t, app, "ticketing.group_booking.*")["ticketing.group_booking.cancelled"])
	require.Equal(t, "failed", send(app.Client, record("group_booking", "g2", t1, m{"state": "option", "headcount": []m{{"class": "school", "count": 1}, {"class": "school", "count": 2}}}))[0]["status"])
}

func TestLocalTimesAreOfTheSourcesZone(t *testing.T) {
	t.Parallel()
	app := institution(t)
	for _, c := range []struct{ said, want, warning any }{
		{"2026-10-24 20:30:00", "2026-10-24T18:30:00Z", nil}, {"2026-10-25T16:00:00", "2026-10-25T15:00:00Z", nil},
		{"2026-10-25 02:30:00", "2026-10-25T00:30:00Z", "ambiguous-local-time"}, {"2027-03-28 02:30", "2027-03-28T01:30:00Z", "skipped-local-time"},
		{"2026-10-25T02:30:00+01:00", "2026-10-25T01:30:00Z", nil}, {"0000-00-00 00:00:00", nil, nil}, {"0000-00-00", nil, nil}, {"2026-12-04", "2026-12-03T23:00:00Z", nil},
	} {
		r := send(app.Client, record("performance", "p", t1, m{"name": m{"fr": "x"}, "starts_at": c.said}))[0]
		require.NotEqual(t, "failed", r["status"], c)
		if c.warning == nil {
			require.Empty(t, r["warnings"], c)
		} else {
			require.Equal(t, []any{m{"code": c.warning, "pointer": "#/data/starts_at"}}, r["warnings"], c)
		}
		app.Put(base+"/records/performance/q", m{"data": m{"name": m{"fr": "x"}, "starts_at": c.said}, "source_modified_at": t1}).Is(200)
		id := send(app.Client, record("performance", c.said.(string), t1, m{"name": m{"fr": "x"}, "starts_at": c.said}))[0]["id"].(string)
		require.Equal(t, c.want, app.Get("/v1/ticketing/performances/" + id).Is(200).JSON()["starts_at"], c)
	}
	id := send(app.Client, record("performance", "ny", t1, m{"name": m{"fr": "x"}, "starts_at": "2026-12-04 20:00", "time_zone": "America/Guadeloupe"}))[0]["id"].(string)
	require.Equal(t, "2026-12-05T00:00:00Z", app.Get("/v1/ticketing/performances/" + id).Is(200).JSON()["starts_at"])
	require.Equal(t, "failed", send(app.Client, record("performance", "bad", t1, m{"name": m{"fr": "x"}, "starts_at": "2026-13-04 20:00"}))[0]["status"])
	require.Equal(t, "failed", send(app.Client, record("scan", "bad", t1, m{"occurred_at": "0000-00-00 00:00:00"}))[0]["status"])
}

func TestMembershipsAreToldWhenTheyBeginAndEnd(t *testing.T) {
	t.Parallel()
	now := clock.NewFixed(time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC))
	app := parvistest.New(t, parvistest.WithClock(now))
	app.Post("/v1/ticketing/sources", m{"code": "principale", "name": "Billetterie", "kind": "generic", "grace_days": 10, "reminder_days": []int{}}).Is(201)
	send(app.Client,
		record("membership", "m1", t1, m{"valid_from": "2026-09-01", "valid_to": "2026-09-30"}),
		record("membership", "m2", t1, m{"valid_from": "2026-10-01", "valid_to": "2026-10-31", "renews": "m1"}),
		record("membership", "old", t1, m{"valid_from": "2020-09-01", "valid_to": "2020-09-30"}))
	tell := func() map[string]int {
		ctx := web.WithActor(t.Context(), web.SystemActor(app.Tenant, "memberships"))
		for {
			n, err := app.Ticketing().TellDue(ctx, app.Tenant)
			require.NoError(t, err)
			if n == 0 {
				return eventTypes(t, app, "membership.*")
			}
		}
	}
	require.Empty(t, tell())
	for _, step := range []struct {
		days int
		told map[string]int
	}{
		{32, map[string]int{"membership.started": 1}}, {1, map[string]int{"membership.started": 1}}, {30, map[string]int{"membership.started": 1, "membership.renewed": 1}},
		{35, map[string]int{"membership.started": 1, "membership.renewed": 1}}, {10, map[string]int{"membership.started": 1, "membership.renewed": 1, "membership.expired": 1}},
	} {
		now.Advance(time.Duration(step.days) * 24 * time.Hour)
		// The program's own worker may be telling at this moment.
		parvistest.Eventually(t, fmt.Sprint(step), func() bool { return maps.Equal(step.told, tell()) })
	}
	send(app.Client, record("membership", "m3", t1, m{"valid_from": "2026-09-01"}))
	send(app.Client, record("membership", "m3", t2, m{"valid_from": "2026-09-01", "state": "cancelled"}))
	require.Equal(t, 1, tell()["membership.cancelled"])
}
