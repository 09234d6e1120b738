package sibil_test

import (
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestAnEveningIsDeclared(t *testing.T) {
	t.Parallel()
	app := institution(t)
	var s seq
	send(t, app.Client, s.evening()...)
	app.Patch(settings, m{"domain_labels": m{"theatre": "Théâtre"}}).Is(200)
	d := declarations(app, "2026-Q4")["soir"]
	require.Regexp(t, `^[0-9a-f]{8}_[0-9a-f]{8}$`, d["external_key"])
	require.Empty(t, d["anomalies"])
	shows(t, d, m{
		"quarter": "2026-Q4", "source": "principale", "starts_at": "2026-10-24T18:30:00Z", "local_start": "2026-10-24T20:30", "title": "La Mouette", "domain": "Théâtre",
		"young_audience": false, "venue_name": "Théâtre des Arcades", "venue_city": "Nantes", "venue_type": "THEATRE", "capacity": 480.0,
		"tickets": 5.0, "paid_tickets": 4.0, "full_price_tickets": 2.0, "reduced_tickets": 1.0, "subscription_tickets": 1.0, "exempt_tickets": 1.0,
		"revenue": "90.99", "full_price_revenue": "56.00", "reduced_revenue": "19.99", "subscription_revenue": "15.00",
		"average_price": "22.75", "full_price_average": "28.00", "spread_refunds": "0.00", "currency": "EUR", "status": "undeclared", "blocking_anomalies": 0.0,
	})
	q := app.Get(quarter).Is(200).JSON()
	shows(t, q, m{
		"starts_on": "2026-10-01", "ends_on": "2026-12-31", "due_before": "2027-01-10", "is_closed": true, "is_ready": true, "declarations": 1.0, "blocked_declarations": 0.0,
		"tickets": 5.0, "paid_tickets": 4.0, "exempt_tickets": 1.0, "revenue": "90.99", "undeclared": 1.0,
	})
	require.Equal(t, d["external_key"], declarations(app, "2026-Q4")["soir"]["external_key"])
	require.Equal(t, 0.0, app.Get(base + "/quarters/2026-Q3").Is(200).JSON()["declarations"])
	require.Equal(t, false, app.Get(base + "/quarters/2027-Q1").Is(200).JSON()["is_closed"])
	for _, no := range []string{"2026-Q5", "2026-4", "2026-q4", "0000-Q1", "20261-Q1", "x"} {
		app.Get(base+"/quarters/"+no).Problem(404, "not-found")
		app.Get(base+"/quarters/"+no+"/declarations").Problem(404, "not-found")
	}
}

func TestWhatDoesNotCountIsLeftOut(t *testing.T) {
	t.Parallel()
	app := institution(t)
	var s seq
	send(t, app.Client, s.evening()...)
	lost := line("t6", "28.00", "plein", "soir")
	blocked := with(line("t7", "10.00", "reduit", "soir"), m{"state": "blocked"})
	send(t, app.Client,
		s.record("order", "test", order([]m{line("x1", "28.00", "plein", "soir")}, m{"test": true})),
		s.record("order", "held", order([]m{line("x2", "28.00", "plein", "soir")}, m{"commercial_state": "reserved"})),
		s.record("order", "gone", order([]m{line("x3", "28.00", "plein", "soir")}, m{"commercial_state": "cancelled"})),
		s.record("order", "late", order([]m{line("x4", "28.00", "plein", "soir")}, m{"commercial_state": "expired"})),
		s.record("order", "deleted", order([]m{line("x5", "28.00", "plein", "soir")}, nil)),
		s.record("order", "mixed", order([]m{with(lost, m{"state": "cancelled"}), blocked, with(line("t8", "5.00", "plein", "soir"), m{"kind": "goods"}),
			with(line("t9", "28.00", "plein", "soir"), m{"state": "exchanged"}), with(line("t10", "28.00", "plein", "soir"), m{"state": "resold"})}, nil)),
		s.record("performance", "annulee", performance(m{"status": "cancelled"})),
		s.record("performance", "reportee", performance(m{"status": "postponed"})),
		s.record("performance", "sans-date", performance(m{"starts_at": nil})),
		s.record("performance", "effacee", performance(nil)),
		s.record("order", "autres", order([]m{line("y1", "9.00", "plein", "annulee"), line("y2", "9.00", "plein", "jamais-decrite"), line("y3", "9.00", "plein", "sans-date")}, nil)),
	)
	for kind, id := range map[string]string{"order": "deleted", "performance": "effacee"} {
		app.Delete("/v1/ticketing/sources/principale/records/" + kind + "/" + id + "?source_modified_at=2026-12-01T10:00:00Z").Is(200)
	}
	all := declarations(app, "2026-Q4")
	require.Len(t, all, 1)
	require.Equal(t, 6.0, all["soir"]["tickets"])
	require.Equal(t, "100.99", all["soir"]["revenue"])
}

func TestRefundsBeyondCancelledTicketsAreSpread(t *testing.T) {
	t.Parallel()
	app := institution(t)
	var s seq
	send(t, app.Client, s.season()...)
	refund := func(amount string) m {
		return m{"refunds": []m{{"external_id": "r1", "amount": amount, "state": "settled", "method": "card"}}}
	}
	three := []m{line("a1", "10.00", "plein", "soir"), line("a2", "10.00", "reduit", "soir"), line("a3", "10.00", "abo", "apres")}
	send(t, app.Client, s.record("performance", "soir", performance(nil)), s.record("performance", "apres", performance(m{"starts_at": "2026-10-25T20:30:00+01:00"})),
		// Ten euros over three tickets of ten: 3.33, 3.34, 3.33.
		s.record("order", "a", order(three, with(refund("10.00"), m{"payments": paid("30.00")}))),
		// The refund is that of the cancelled ticket: nothing more is taken off.
		s.record("order", "b", order([]m{line("b1", "20.00", "plein", "soir"), with(line("b2", "20.00", "plein", "soir"), m{"state": "cancelled"})}, with(refund("20.00"), m{"payments": paid("40.00")}))),
		// All of it came back, the fee too, and no ticket was cancelled.
		s.record("order", "c", order([]m{line("c1", "30.00", "plein", "apres")}, with(refund("31.50"), m{"payments": paid("31.50"), "fees": []m{{"external_id": "f", "kind": "service", "amount": "1.50"}}}))),
		// Refunded and paid anew: nothing is missing.
		s.record("order", "d", order([]m{line("d1", "12.00", "plein", "apres")}, with(refund("12.00"), m{"payments": []m{{"external_id": "p1", "amount": "24.00", "state": "settled"}}}))),
	)
	all := declarations(app, "2026-Q4")
	require.Equal(t, []any{"33.33", "26.67", "6.66", "6.67"}, []any{all["soir"]["revenue"], all["soir"]["full_price_revenue"], all["soir"]["reduced_revenue"], all["soir"]["spread_refunds"]})
	require.Equal(t, []any{"18.67", "12.00", "33.33", 3.0}, []any{all["apres"]["revenue"], all["apres"]["full_price_revenue"], all["apres"]["spread_refunds"], all["apres"]["paid_tickets"]})
	require.Equal(t, []string{"refunds_spread"}, codes(all["soir"]))
	require.Equal(t, 0.0, all["soir"]["blocking_anomalies"])
	q := app.Get(quarter).Is(200).JSON()
	require.Equal(t, []any{"52.00", "40.00"}, []any{q["revenue"], q["spread_refunds"]})
}

func TestRefundsAreTakenOffTheTicketsTheyName(t *testing.T) {
	t.Parallel()
	app := institution(t)
	var s seq
	send(t, app.Client, s.season()...)
	refunds := func(list ...m) m {
		for i, r := range list {
			r["external_id"], r["state"], r["method"] = fmt.Sprint("r", i), "settled", "card"
		}
		return m{"refunds": list}
	}
	two := func(id string) []m {
		return []m{line(id+"1", "30.00", "plein", "soir"), line(id+"2", "20.00", "abo", "apres")}
	}
	send(t, app.Client, s.record("performance", "soir", performance(nil)), s.record("performance", "apres", performance(m{"starts_at": "2026-10-25T20:30:00+01:00"})),
		// All of it is for the evening.
		s.record("order", "a", order(two("a"), with(refunds(m{"amount": "12.00", "lines": []string{"a1"}}), m{"payments": paid("50.00")}))),
		// Ten for the second evening, and five of which nothing is said: 3.75 and 1.25.
		s.record("order", "b", order(two("b"), with(refunds(m{"amount": "10.00", "lines": []string{"b2"}}, m{"amount": "5.00"}), m{"payments": paid("50.00")}))),
		// More than it cost: the two euros beyond are spread over what is left.
		s.record("order", "c", order(two("c"), with(refunds(m{"amount": "22.00", "lines": []string{"c2"}}), m{"payments": paid("50.00")}))),
		// Of a cancelled ticket and a gesture on the other.
		s.record("order", "d", order([]m{line("d1", "30.00", "plein", "soir"), with(line("d2", "20.00", "abo", "apres"), m{"state": "cancelled"})},
			with(refunds(m{"amount": "24.00", "lines": []string{"d1", "d2"}}), m{"payments": paid("50.00")}))),
	)
	all := declarations(app, "2026-Q4")
	require.Equal(t, []any{"98.25", "5.75"}, []any{all["soir"]["revenue"], all["soir"]["spread_refunds"]})
	require.Equal(t, []any{"28.75", "1.25"}, []any{all["apres"]["revenue"], all["apres"]["spread_refunds"]})
}

func TestWhatBlocks(t *testing.T) {
	t.Parallel()
	app := institution(t)
	app.Patch(settings, m{"domain_labels": m{"theatre": "Théâtre"}}).Is(200)
	var s seq
	send(t, app.Client, s.season()...)
	bare := m{"starts_at": "2026-11-02T20:30:00+01:00", "time_zone": "Europe/Paris"}
	send(t, app.Client,
		s.record("performance", "nue", bare),
		s.record("venue", "petite", m{"name": m{"fr": "Petite salle"}, "parent": "grande", "capacity": 90}),
		s.record("venue", "vague", m{"name": m{"fr": "Place"}, "address": m{"city": "Nantes"}}),
		s.record("performance", "salle", performance(m{"venue": "petite", "capacity": nil})),
		s.record("performance", "dehors", performance(m{"venue": "vague"})),
		s.record("performance", "ailleurs", performance(m{"venue": "jamais-decrit"})),
		s.record("performance", "inconnu", performance(m{"sibil_domain": "pantomime"})),
		s.record("performance", "libelle", performance(m{"sibil_domain": "Théâtre", "young_audience": true})),
		s.record("performance", "tarifs", performance(nil)),
		s.record("price_type", "mystere", m{"name": m{"fr": "Mystère"}}),
		s.record("order", "o1", order([]m{line("t1", "12.00", "mystere", "tarifs"), line("t2", "12.00", "jamais-decrit", "tarifs"), line("t3", "0.00", "mystere", "tarifs"),
			{"external_id": "t4", "amount": "9.00", "performance": "tarifs"}}, nil)),
		s.record("order", "o2", order([]m{line("t5", "12.00", "plein", "tarifs")}, m{"currency": "CHF"})),
		s.record("order", "o3", order([]m{line("t6", "-12.00", "plein", "tarifs")}, nil)),
	)
	all := declarations(app, "2026-Q4")
	require.Equal(t, []string{"title_missing", "domain_missing", "capacity_missing", "venue_missing"}, codes(all["nue"]))
	require.Equal(t, []string{"domain_unknown"}, codes(all["inconnu"]))
	require.Nil(t, all["inconnu"]["domain"])
	require.Empty(t, codes(all["libelle"]))
	require.Equal(t, true, all["libelle"]["young_audience"])
	require.Empty(t, codes(all["salle"]))
	require.Equal(t, []any{"Petite salle", "3 quai des Forges", "THEATRE", 90.0}, []any{all["salle"]["venue_name"], all["salle"]["venue_street"], all["salle"]["venue_type"], all["salle"]["capacity"]})
	require.Equal(t, []any{m{"code": "venue_incomplete", "is_blocking": true, "fields": []any{"street", "postal_code", "sibil_type"}, "count": 0.0}}, all["dehors"]["anomalies"])
	require.Equal(t, []string{"venue_incomplete"}, codes(all["ailleurs"]))
	require.Equal(t, []any{
		m{"code": "price_type_unmapped", "is_blocking": true, "fields": []any{}, "count": 3.0}, m{"code": "currency_unsupported", "is_blocking": true, "fields": []any{}, "count": 1.0},
		m{"code": "amount_negative", "is_blocking": true, "fields": []any{}, "count": 1.0},
	}, all["tarifs"]["anomalies"])
	q := app.Get(quarter).Is(200).JSON()
	require.Equal(t, []any{7.0, 5.0, 10.0, false}, []any{q["declarations"], q["blocked_declarations"], q["blocking_anomalies"], q["is_ready"]})
	require.Contains(t, q["anomalies"], m{"code": "venue_incomplete", "is_blocking": true, "declarations": 2.0})
	send(t, app.Client, s.record("price_type", "mystere", m{"name": m{"fr": "Mystère"}, "class": "reduced"}))
	require.Equal(t, 2.0, declarations(app, "2026-Q4")["tarifs"]["anomalies"].([]any)[0].(m)["count"])
}

func TestTheQuarterIsThatOfTheDateAtThePlace(t *testing.T) {
	t.Parallel()
	app := institution(t)
	var s seq
	send(t, app.Client, s.season()...)
	at := func(id, starts, zone string) m {
		return s.record("performance", id, performance(m{"starts_at": starts, "time_zone": zone}))
	}
	send(t, app.Client,
		at("cayenne", "2027-01-01T02:30:00Z", "America/Cayenne"),      // 31 December, 23:30
		at("noumea", "2026-09-30T14:00:00Z", "Pacific/Noumea"),        // 1 October, 01:00
		at("paris-avant", "2026-09-30T21:59:00Z", "Europe/Paris"),     // 30 September, 23:59
		at("paris-premier", "2026-09-30T22:00:00Z", "Europe/Paris"),   // 1 October, 00:00
		at("paris-dernier", "2026-12-31T22:59:00Z", "Europe/Paris"),   // 31 December, 23:59
		at("paris-apres", "2026-12-31T23:00:00Z", "Europe/Paris"),     // 1 January
		at("heure-d-hiver", "2026-10-25T00:30:00Z", "Europe/Paris"),   // 02:30, the first of the two
		at("heure-d-hiver-2", "2026-10-25T01:30:00Z", "Europe/Paris"), // 02:30 again
	)
	q4 := declarations(app, "2026-Q4")
	require.Len(t, q4, 6)
	require.Contains(t, declarations(app, "2026-Q3"), "paris-avant")
	require.Contains(t, declarations(app, "2027-Q1"), "paris-apres")
	for id, local := range map[string]string{"cayenne": "2026-12-31T23:30", "noumea": "2026-10-01T01:00", "paris-premier": "2026-10-01T00:00", "paris-dernier": "2026-12-31T23:59",
		"heure-d-hiver": "2026-10-25T02:30", "heure-d-hiver-2": "2026-10-25T02:30"} {
		require.Equal(t, local, q4[id]["local_start"], id)
	}
}

func TestDeclarationsAreWalkedAndToBeHadAsCSV(t *testing.T) {
	t.Parallel()
	app := institution(t)
	var s seq
	send(t, app.Client, s.evening()...)
	var more []m
	for i := range 7 {
		more = append(more, s.record("performance", fmt.Sprint("p", i), performance(m{"starts_at": "2026-11-02T20:30:00+01:00"}))) // all at once
	}
	send(t, app.Client, append(more, s.record("production", "mouette", m{"name": m{"fr": "=HYPERLINK(\"http://x\")"}, "sibil_domain": "@theatre"}))...)
	require.Len(t, app.Walk(quarter+"/declarations?limit=3"), 8)
	app.Get(quarter+"/declarations?cursor=zzz").Problem(400, "cursor-invalid")
	read := func(query string) []map[string]string {
		a := app.Get(quarter+"/declarations"+query, parvistest.Header("Accept", "text/csv")).Is(200)
		require.Equal(t, "text/csv; charset=utf-8; header=present", a.Header.Get("Content-Type"))
		rows, err := csv.NewReader(strings.NewReader(string(a.Body))).ReadAll()
		require.NoError(t, err)
		var out []map[string]string
		for _, row := range rows[1:] {
			one := map[string]string{}
			for i, name := range rows[0] {
				one[name] = row[i]
			}
			out = append(out, one)
		}
		return out
	}
	plain := read("")
	require.Len(t, plain, 8)
	require.Equal(t, []string{"90.99", "22.75", "5", "2026-10-24T20:30", "=HYPERLINK(\"http://x\")", "[]"},
		[]string{plain[0]["revenue"], plain[0]["average_price"], plain[0]["tickets"], plain[0]["local_start"], plain[0]["title"], plain[0]["anomalies"]})
	safe := read("?csv_safe=true")[0]
	require.Equal(t, []string{"'=HYPERLINK(\"http://x\")", "'@theatre", "90.99"}, []string{safe["title"], safe["domain"], safe["revenue"]})
	for _, value := range safe {
		require.False(t, value != "" && strings.ContainsRune("=+-@\t\r", rune(value[0])), value)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	app := institution(t)
	none := app.Get(settings).Is(200)
	require.Equal(t, `"0"`, none.Header.Get("ETag"))
	require.Equal(t, m{"object": "sibil_settings", "base_url": nil, "username": nil, "has_password": false, "multiple_managers": false, "registers": true, "domain_labels": m{},
		"is_enabled": false, "created_at": nil, "updated_at": nil, "version": 0.0}, none.JSON())
	app.Patch(settings, m{"is_enabled": true}).Points("#/password")
	app.Patch(settings, m{"base_url": "http://user:word@127.0.0.1/"}).Points("#/base_url")
	app.Patch(settings, m{"base_url": "ftp://example.org"}).Points("#/base_url")
	app.Patch(settings, m{"base_url": "https://example.org/?a=1"}).Points("#/base_url")
	made := app.Patch(settings, m{"base_url": "http://127.0.0.1:9/sibil/", "username": "u", "password": "tres-secret-ici", "domain_labels": m{"a": "A", "b": "B"}, "is_enabled": true}).Is(200)
	require.Equal(t, []any{"http://127.0.0.1:9/sibil", true, true, 1.0}, []any{made.JSON()["base_url"], made.JSON()["has_password"], made.JSON()["is_enabled"], made.JSON()["version"]})
	require.NotContains(t, string(made.Body), "tres-secret")
	app.Patch(settings, m{"username": "v"}, parvistest.IfMatch(`"7"`)).Problem(412, "stale-version")
	require.Equal(t, `"1"`, app.Patch(settings, m{"username": "u"}).Is(200).ETag(), "nothing changed, nothing numbered")
	changed := app.Patch(settings, m{"domain_labels": m{"a": nil, "c": "C"}, "registers": false}, parvistest.IfMatch(`"1"`)).Is(200)
	require.Equal(t, m{"b": "B", "c": "C"}, changed.JSON()["domain_labels"])
	app.Patch(settings, m{"password": nil}).Points("#/password")
	require.Equal(t, false, app.Patch(settings, m{"password": nil, "is_enabled": false}).Is(200).JSON()["has_password"])
	app.Get(settings, parvistest.Header("If-None-Match", `"3"`)).Is(304)
	events := told(t, app, "statutory.sibil.settings_updated")
	require.Len(t, events, 3)
	require.NotContains(t, fmt.Sprint(events), "secret")
}

func TestAQuarterThatCanBeDeclaredIsToldOnce(t *testing.T) {
	t.Parallel()
	now := january()
	app := institution(t, parvistest.WithClock(now))
	var s seq
	send(t, app.Client, s.evening()...)
	note := func() []m {
		require.NoError(t, app.Sibil().NoteReady(t.Context()))
		return told(t, app, "statutory.sibil.ready")
	}
	require.Empty(t, note(), "sending is off")
	app.Patch(settings, m{"base_url": "http://127.0.0.1:9", "username": "u", "password": "p", "domain_labels": m{"danse": "Danse"}, "is_enabled": true}).Is(200)
	require.Empty(t, note(), "the domain is unknown")
	app.Patch(settings, m{"domain_labels": m{"theatre": "Théâtre"}}).Is(200)
	require.Equal(t, []m{{"quarter": "2026-Q4", "due_before": "2027-01-10", "declarations": 1.0}}, note())
	require.Len(t, note(), 1)
	now.Advance(90 * 24 * 3600e9)
	require.Len(t, note(), 1, "a quarter without performances is none to declare")
}

func TestSubmissionsThatAreRefused(t *testing.T) {
	t.Parallel()
	app := institution(t)
	var s seq
	send(t, app.Client, s.evening()...)
	app.Post(sends, m{"quarter": "2026-Q4"}).Problem(409, "sibil-off")
	app.Patch(settings, m{"base_url": "http://127.0.0.1:9", "username": "u", "password": "p", "is_enabled": true}).Is(200)
	app.Post(sends, m{"quarter": "2026-Q1"}).Problem(409, "sibil-nothing-to-declare")
	app.Post(sends, m{"quarter": "2026-Q5"}).Points("#/quarter")
	soir := declarations(app, "2026-Q4")["soir"]["id"]
	app.Post(sends, m{"quarter": "2026-Q4", "performance_ids": []any{soir, uuid.NewString()}}).Points("#/performance_ids/1")
	app.Post(sends, m{"quarter": "2026-Q3", "performance_ids": []any{soir}}).Points("#/performance_ids/0")
	send(t, app.Client, s.record("performance", "nue", performance(m{"capacity": nil, "starts_at": "2026-12-02T20:30:00+01:00"})),
		s.record("performance", "demain", performance(m{"starts_at": "2027-01-06T20:30:00+01:00"})))
	p := app.Post(sends, m{"quarter": "2026-Q4"}).Problem(409, "sibil-blocked")
	require.Contains(t, p["detail"], "1 of the 2")
	app.Post(sends, m{"quarter": "2027-Q1"}).Problem(409, "sibil-not-begun")
	require.Empty(t, app.Get(sends).Is(200).Data())
	app.Get(sends+"/"+uuid.NewString()).Problem(404, "not-found")
}
