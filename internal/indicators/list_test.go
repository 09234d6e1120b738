package indicators_test

import (
	"fmt"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// bought is an order of somebody for an amount.
func bought(c *parvistest.Client, id, given, amount, at string, changes m) string {
	d := order(m{"placed_at": at, "buyer": m{"given_name": given, "family_name": "Lagadec", "email": strings.ToLower(given) + "@courrier.example"},
		"lines":    []m{{"external_id": "t" + id, "amount": amount, "performance": "soir", "state": "valid"}},
		"payments": []m{{"external_id": "p1", "amount": amount, "state": "settled", "method": "card", "at": at}}})
	maps.Copy(d, changes)
	return send(c, "order", id, d)["contact_id"].(string)
}

func TestContactsAreFoundByTheirFigures(t *testing.T) {
	t.Parallel()
	at := clock.NewFixed(time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC))
	app := parvistest.New(t, parvistest.WithClock(at))
	app.Post("/v1/ticketing/sources", m{"code": "principale", "name": "Billetterie", "kind": "generic"}).Is(201)
	conn := owner(t, app)
	catalogue(app.Client)
	names := map[any]string{
		bought(app.Client, "a1", "Ana", "10.00", "2024-10-01T10:00:00Z", nil):                    "Ana",
		bought(app.Client, "b1", "Bruno", "20.00", "2026-10-01T10:00:00Z", nil):                  "Bruno",
		bought(app.Client, "c1", "Chloe", "30.00", "2026-11-01T10:00:00Z", nil):                  "Chloe",
		bought(app.Client, "d1", "Denis", "40.00", "2026-11-01T10:00:00Z", m{"currency": "CHF"}): "Denis",
	}
	bought(app.Client, "a2", "Ana", "15.00", "2026-09-01T10:00:00Z", nil)
	bought(app.Client, "c2", "Chloe", "90.00", "2026-11-02T10:00:00Z", m{"lines": []m{{"external_id": "s1", "kind": "subscription", "amount": "90.00", "state": "valid"}}})
	settled(t, app, conn)
	found := func(query string) string {
		t.Helper()
		var out []string
		for _, i := range app.Walk("/v1/contact-indicators?" + query) {
			out = append(out, names[i["contact_id"]])
		}
		return strings.Join(out, " ")
	}
	instant := url.QueryEscape
	for _, c := range [][2]string{
		{"last_order_at_gte=" + instant("2026-10-01T10:00:00Z"), "Bruno Denis Chloe"},
		{"last_order_at_lt=" + instant("2026-10-01T10:00:00Z"), "Ana"},
		{"sort=-last_order_at", "Chloe Denis Bruno Ana"},
		{"orders_gte=2&sort=-last_order_at", "Chloe Ana"},
		{"orders_last_year_gte=1&orders_last_year_lte=1&sort=last_order_at", "Ana Bruno Denis"},
		{"net_gte=25.00", "Ana Chloe"},
		{"net_gte=25.00&sort=-net", "Chloe Ana"},
		{"net_last_year_lte=20.00", "Ana Bruno"},
		{"net_gte=1.00&currency=CHF", "Denis"},
		{"net_gte=25.00&orders_gte=2&sort=-orders", "Chloe Ana"},
		{"net_gte=1&last_order_at_lt=" + instant("2026-11-01T00:00:00Z") + "&sort=-last_order_at", "Bruno Ana"},
		{"subscriptions_gte=1", "Chloe"},
		{"tickets_gte=2", "Ana"},
		{"visits_gte=1&sort=-net", "Chloe Ana Bruno"},
		{"discipline=theatre&sort=last_order_at&season=2026-2027", "Ana Bruno Denis Chloe"},
		{"discipline=danse", ""},
		{"missed_visits_gte=1", ""},
		{"last_visit_at_gte=" + instant("2026-11-11T00:00:00Z") + "&sort=-last_order_at", "Chloe Denis Bruno Ana"},
		{"first_visit_at_lt=" + instant("2026-11-11T00:00:00Z"), ""},
	} {
		require.Equal(t, c[1], found(c[0]), c[0])
		// Any order, one a page: each comes once.
		for _, sort := range []string{"", "&sort=-visits", "&sort=net_last_year"} {
			if strings.Contains(c[0], "sort=") {
				continue
			}
			first := app.Get("/v1/contact-indicators?limit=1&" + c[0] + sort).Is(200).JSON()
			seen := map[string]bool{}
			for {
				for _, i := range first["data"].([]any) {
					require.False(t, seen[i.(m)["contact_id"].(string)])
					seen[i.(m)["contact_id"].(string)] = true
				}
				if first["next_cursor"] == nil {
					break
				}
				first = app.Get("/v1/contact-indicators?limit=1&" + c[0] + sort + "&cursor=" + first["next_cursor"].(string)).Is(200).JSON()
			}
			if sort != "&sort=net_last_year" {
				require.Len(t, seen, len(strings.Fields(c[1])), c[0]+sort)
			}
		}
	}
	require.Len(t, app.Walk("/v1/contact-indicators?limit=1"), 4)
	listed := app.Get("/v1/contact-indicators?net_gte=100.00").Is(200).Data()[0]
	require.Equal(t, []any{m{"amount": "120.00", "currency": "EUR"}}, listed["net"])
	for _, name := range []string{"as_of", "counted_at"} {
		delete(listed, name)
	}
	alone := figuresOf(app.Client, listed["contact_id"], "")
	for _, name := range []string{"as_of", "counted_at"} {
		delete(alone, name)
	}
	require.Equal(t, alone, listed, "a list says what the contact's own page says")
	app.Get("/v1/contact-indicators?net_gte=1.001").Problem(422, "invalid")
	app.Get("/v1/contact-indicators?orders_gte=-1").Problem(400, "invalid-request")
	app.Get("/v1/contact-indicators?last_order=2026").Problem(400, "unknown-parameter")
	// Time alone takes amounts out of the last year.
	at.Advance(300 * 24 * time.Hour)
	parvistest.Eventually(t, "a year has passed", func() bool {
		return found("net_last_year_gte=1.00") == "Bruno Chloe" || found("net_last_year_gte=1.00") == "Chloe"
	})
	require.Equal(t, "Bruno Ana Chloe", found("net_gte=1.00"))
	// Who is archived, or lives on in somebody else, is left out.
	var chloe string
	for id, name := range names {
		if name == "Chloe" {
			chloe = id.(string)
		}
	}
	_, err := conn.Exec(t.Context(), "update contacts set archived_at = now() where id = $1", chloe)
	require.NoError(t, err)
	require.Equal(t, "Bruno Ana", found("net_gte=1.00"))
}

// Every filter walks an index in its order, whatever the planner takes the values for.
func TestEveryFigureHasAnIndexToWalk(t *testing.T) {
	t.Parallel()
	app := institution(t)
	conn := owner(t, app)
	_, err := conn.Exec(t.Context(), `
		with c as (insert into contacts (tenant_id, id, kind, display_name, sort_name, created_at, updated_at)
			select $1, gen_random_uuid(), 'person', 'P' || n, 'p' || n, now(), now() from generate_series(1, 4000) n returning id),
		i as (insert into contact_indicators (tenant_id, contact_id, figures, orders, orders_last_year, tickets, visits, missed_visits, subscriptions, last_order_at, first_visit_at, last_visit_at, counted_at)
			select $1, id, '{}', r, r, r, r, r, r, now() - r * interval '1 day', now() - r * interval '1 day', now() - r * interval '1 day', now() from (select id, (random() * 1000)::int r from c) s returning contact_id, orders)
		select count(*) from i`, app.Tenant)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "insert into contact_indicator_nets select tenant_id, contact_id, 'EUR', orders, orders from contact_indicators; analyze contact_indicators; analyze contact_indicator_nets; analyze contacts; set plan_cache_mode = force_generic_plan")
	require.NoError(t, err)
	for figure, index := range map[string]string{"orders": "orders", "orders_last_year": "orders_last_year", "tickets": "tickets", "visits": "visits", "missed_visits": "missed", "subscriptions": "subscriptions",
		"last_order_at": "last", "first_visit_at": "first_visit", "last_visit_at": "last_visit"} {
		rows, err := conn.Query(t.Context(), fmt.Sprintf("explain select i.contact_id from contact_indicators i join contacts c on c.tenant_id = i.tenant_id and c.id = i.contact_id where i.tenant_id = $1 and i.%[1]s >= $2 and i.%[1]s is not null order by i.%[1]s, i.contact_id limit 50", figure), app.Tenant,
			map[bool]any{true: time.Now().Add(-time.Hour), false: 900}[strings.HasSuffix(figure, "_at")])
		require.NoError(t, err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		plan := strings.Join(lines, "\n")
		require.Contains(t, plan, "contact_indicators_"+index, plan)
		require.NotContains(t, plan, "Sort", plan)
	}
	for figure, index := range map[string]string{"net_minor": "net", "net_last_year_minor": "last_year"} {
		rows, err := conn.Query(t.Context(), fmt.Sprintf("explain select i.contact_id from contact_indicator_nets n join contact_indicators i on i.tenant_id = n.tenant_id and i.contact_id = n.contact_id join contacts c on c.tenant_id = i.tenant_id and c.id = i.contact_id where i.tenant_id = $1 and n.%[1]s >= $2 and n.tenant_id = $1 and n.currency = $3 order by n.%[1]s, n.contact_id limit 50", figure), app.Tenant, 900, "EUR")
		require.NoError(t, err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		require.Contains(t, strings.Join(lines, "\n"), "contact_indicator_nets_"+index, strings.Join(lines, "\n"))
	}
}
