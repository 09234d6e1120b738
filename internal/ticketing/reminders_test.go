package ticketing_test

import (
	"context"
	"fmt"
	"os"
	osexec "os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/parvis-crm/parvis/internal/app"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/web"
)

// tellDue does what the hourly look at the clock does.
func tellDue(t require.TestingT, app *parvistest.App) {
	ctx := web.WithActor(context.Background(), web.SystemActor(app.Tenant, "memberships"))
	for {
		n, err := app.Ticketing().TellDue(ctx, app.Tenant)
		require.NoError(t, err)
		if n == 0 {
			return
		}
	}
}

// reminded are the reminders told so far, of which membership and how many days
// before its end, by name.
func reminded(t *testing.T, app *parvistest.App) []string {
	t.Helper()
	return strings.Fields(parvistest.Ask[string](t, app, `select coalesce(string_agg(r.external_id || ':' || (e.facts ->> 'days'), ' ' order by r.external_id, (e.facts ->> 'days')::int desc), '')
		from crm.events e join crm.ticketing_records r on r.tenant_id = e.tenant_id and r.id = e.subject_id where e.tenant_id = $1 and e.type = 'membership.expiring'`, app.Tenant))
}

func reminding(t *testing.T, days any) (*parvistest.App, *clock.Fixed) {
	t.Helper()
	now := clock.NewFixed(time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC))
	app := parvistest.New(t, parvistest.WithClock(now))
	source := m{"code": "principale", "name": "Billetterie", "kind": "generic"}
	if days != nil {
		source["reminder_days"] = days
	}
	app.Post("/v1/ticketing/sources", source).Is(201)
	return app, now
}

func TestMembershipsAreRemindedOfOnceForEachThreshold(t *testing.T) {
	t.Parallel()
	app, now := reminding(t, nil)
	require.Equal(t, []any{30.0, 7.0}, app.Get(base).JSON()["reminder_days"])
	year := m{"valid_from": "2025-09-01", "valid_to": "2026-08-31"}
	send(app.Client,
		record("product", "carte", t1, m{"name": m{"fr": "Carte"}, "kind": "membership", "reminder_days": []int{3}}),
		record("customer", "C1", t1, m{"given_name": "Nora", "family_name": "Castellan", "email": "nora@courrier.example"}),
		record("membership", "plain", t1, parvistest.With(year, m{"customer": "C1"})),
		record("membership", "auto", t1, parvistest.With(year, m{"auto_renew": true})),
		record("membership", "product", t1, parvistest.With(year, m{"product": "carte"})),
		record("membership", "week", t1, m{"valid_from": "2026-08-25", "valid_to": "2026-08-31"}),
		record("membership", "over", t1, m{"valid_from": "2025-07-01", "valid_to": "2026-07-31"}),
		record("membership", "ended", t1, m{"valid_from": "2025-07-01", "valid_to": "2026-07-30"}),
		record("membership", "cancelled", t1, parvistest.With(year, m{"state": "cancelled"})),
		record("membership", "trial", t1, parvistest.With(year, m{"test": true})),
		record("membership", "open", t1, m{"valid_from": "2025-07-01"}))
	require.Empty(t, reminded(t, app), "thirty days before the end is 2 August in Paris")
	days := func(n float64) []string {
		now.Advance(time.Duration(n * 24 * float64(time.Hour)))
		tellDue(t, app)
		tellDue(t, app)
		return reminded(t, app)
	}
	require.Equal(t, []string{"auto:30", "plain:30"}, days(0.5))
	require.Equal(t, []string{"auto:30", "plain:30"}, days(1))
	require.Len(t, days(21), 2)
	require.Equal(t, []string{"auto:30", "auto:7", "plain:30", "plain:7"}, days(2))
	require.Equal(t, []string{"auto:30", "auto:7", "plain:30", "plain:7", "product:3"}, days(4))
	require.Len(t, days(40), 5, "what has ended is not about to end")

	e := app.Get("/v1/events?types=membership.expiring&limit=1000").Is(200).Data()
	require.Len(t, e, 5)
	plain := at(app.Client, "membership", "plain")
	for _, x := range e {
		if d := x["data"].(m); d["id"] == plain["id"] {
			d = d["facts"].(m)
			require.Equal(t, plain["contact_id"], d["contact_id"], x)
			require.Equal(t, "2026-08-31T22:00:00Z", d["valid_until"])
			require.Equal(t, false, d["auto_renew"])
		}
	}
	require.Equal(t, []any{3.0}, at(app.Client, "product", "carte")["reminder_days"])
}

func TestWhatWasRenewedIsNotRemindedOf(t *testing.T) {
	t.Parallel()
	app, now := reminding(t, []int{10})
	old, next := m{"valid_from": "2025-09-01", "valid_to": "2026-08-31", "product": "carte"}, m{"valid_from": "2026-09-01", "valid_to": "2027-08-31", "product": "carte"}
	person := func(name string) m {
		return record("customer", name, t1, m{"given_name": name, "family_name": "Castellan", "email": strings.ToLower(name) + "@courrier.example"})
	}
	send(app.Client, person("Nora"), person("Ida"), person("Ada"), person("Eva"), person("Mia"),
		record("membership", "renewed", t1, parvistest.With(old, m{"customer": "Nora"})), record("membership", "renews", t1, parvistest.With(next, m{"renews": "renewed"})),
		record("membership", "again", t1, parvistest.With(old, m{"customer": "Ida"})), record("membership", "next", t1, parvistest.With(next, m{"customer": "Ida"})),
		record("membership", "elsewhere", t1, parvistest.With(old, m{"customer": "Ada"})), record("membership", "other", t1, parvistest.With(next, m{"customer": "Ada", "product": "pass"})),
		record("membership", "given-up", t1, parvistest.With(old, m{"customer": "Eva"})), record("membership", "not-taken", t1, parvistest.With(next, m{"renews": "given-up"})),
		record("membership", "moved", t1, parvistest.With(old, m{"customer": "Mia"})), record("membership", "goes", t1, parvistest.With(next, m{"renews": "moved"})))
	now.Advance(25 * 24 * time.Hour)
	tellDue(t, app)
	require.Equal(t, []string{"elsewhere:10"}, reminded(t, app))
	// The renewal that fell through leaves it to be reminded of; so does one that turns out to be of another.
	send(app.Client, record("membership", "not-taken", t2, parvistest.With(next, m{"renews": "given-up", "state": "cancelled"})))
	require.Equal(t, []string{"elsewhere:10", "given-up:10"}, reminded(t, app))
	send(app.Client, record("membership", "goes", t2, parvistest.With(next, m{"renews": "renewed"})))
	require.Equal(t, []string{"elsewhere:10", "given-up:10", "moved:10"}, reminded(t, app))
	// Merged with whoever bought the next one: nobody to be reminded.
	ada, eva := at(app.Client, "membership", "elsewhere")["contact_id"], at(app.Client, "membership", "again")["contact_id"]
	exec(t, app, "update contacts set merged_into = $2 where id = $1", eva, ada)
	app.Patch(base, m{"reminder_days": []int{10, 5}}).Is(200)
	now.Advance(2 * 24 * time.Hour)
	tellDue(t, app)
	require.NotContains(t, reminded(t, app), "again:5")
	require.NotContains(t, reminded(t, app), "elsewhere:5")
	require.Contains(t, reminded(t, app), "given-up:5")
}

func TestRemindersFollowTheirSettingsAndTheEnd(t *testing.T) {
	t.Parallel()
	app, now := reminding(t, []int{})
	said := func(at, end string) {
		send(app.Client, record("membership", "m1", at, m{"valid_from": "2025-09-01", "valid_to": end}))
	}
	said(t1, "2026-08-10")
	now.Advance(time.Hour)
	tellDue(t, app)
	require.Empty(t, reminded(t, app))
	app.Patch(base, m{"reminder_days": []int{7, 30, 15}}).Is(200)
	require.Equal(t, []any{30.0, 15.0, 7.0}, app.Get(base).JSON()["reminder_days"])
	before := app.Get(base).JSON()["version"]
	app.Patch(base, m{"reminder_days": []int{15, 7, 30}}).Is(200)
	require.Equal(t, before, app.Get(base).JSON()["version"], "in another order it is the same")
	tellDue(t, app)
	require.Equal(t, []string{"m1:15"}, reminded(t, app), "the last of those whose day has come")
	said(t2, "2026-08-10")
	said(t1, "2026-09-09")
	require.Len(t, reminded(t, app), 1)
	said(t3, "2027-08-31")
	now.Advance(15 * 24 * time.Hour)
	tellDue(t, app)
	require.Len(t, reminded(t, app), 1, "it lasts a year longer")
	now.Advance(352 * 24 * time.Hour)
	tellDue(t, app)
	require.Equal(t, []string{"m1:30", "m1:15"}, reminded(t, app))
	app.Patch(base, m{"reminder_days": []int{}}).Is(200)
	now.Advance(28 * 24 * time.Hour)
	tellDue(t, app)
	require.Len(t, reminded(t, app), 2)
	for _, wrong := range []any{[]int{0}, []int{7, 7}, []int{4000}, []any{"7"}, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, nil} {
		app.Patch(base, m{"reminder_days": wrong}).Problem(400, "invalid-request")
	}
	got := app.Do("POST", imports+"?kind=product", "external_id,name.fr,kind,reminder_days\ncarte,Carte,membership,30|7\n", media("text/csv")).Is(202)
	parvistest.Eventually(t, "the file was taken in", func() bool { return app.Get("/v1/operations/" + got.ID()).JSON()["finished_at"] != nil })
	require.Equal(t, []any{30.0, 7.0}, at(app.Client, "product", "carte")["reminder_days"])
}

// Whatever happens in whatever order, and however many processes look at the
// clock at once: of no membership, end and threshold it is told twice, nothing is
// told of what was renewed, and what a look finds due is told by it.
func TestNoReminderIsToldTwice(t *testing.T) {
	t.Parallel()
	app, now := reminding(t, []int{30, 7})
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		thresholds := rapid.SliceOfNDistinct(rapid.SampledFrom([]int{3, 7, 15, 30}), 0, 3, rapid.ID).Draw(rt, "thresholds")
		product := fmt.Sprint("p", round)
		stamp := 0
		say := func(kind, name string, data m) {
			stamp++
			r := record(kind, name, now.Now().Add(time.Duration(stamp)*time.Millisecond).Format(time.RFC3339Nano), data)
			require.NotContains(rt, statuses(send(app.Client, r, r)), "failed")
		}
		say("product", product, m{"name": m{"fr": "C"}, "kind": "membership", "reminder_days": thresholds})
		names := []string{fmt.Sprint("a", round), fmt.Sprint("b", round)}
		ends, renewed := map[string]time.Time{}, map[string]bool{}
		want := map[string]bool{}
		look := func() {
			for name, end := range ends {
				day := 0
				for _, d := range thresholds {
					if !now.Now().Before(end.AddDate(0, 0, -d)) && (day == 0 || d < day) {
						day = d
					}
				}
				if day > 0 && now.Now().Before(end) && !renewed[name] {
					want[fmt.Sprintf("%s %s %d", name, end.Format(time.DateOnly), day)] = true
				}
			}
		}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			name := rapid.SampledFrom(names).Draw(rt, "membership")
			switch rapid.IntRange(0, 3).Draw(rt, "what") {
			case 0:
				// Ends only ever move on, as they do where somebody pays for more.
				end := now.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, rapid.IntRange(2, 60).Draw(rt, "days"))
				if end.Before(ends[name]) {
					continue
				}
				ends[name] = end
				say("membership", name, m{"product": product, "valid_from": "2020-01-01", "time_zone": "UTC", "valid_to": end.AddDate(0, 0, -1).Format(time.DateOnly)})
				look()
			case 1:
				if ends[name].IsZero() {
					continue
				}
				on := rapid.Bool().Draw(rt, "renewed")
				renewed[name] = on
				say("membership", "next-"+name, m{"product": product, "valid_from": ends[name].Format(time.DateOnly), "renews": name, "state": map[bool]string{true: "active", false: "cancelled"}[on]})
				look()
			default:
				now.Advance(time.Duration(rapid.IntRange(1, 9*24).Draw(rt, "hours")) * time.Hour)
				var processes sync.WaitGroup
				for range rapid.IntRange(1, 3).Draw(rt, "processes") {
					processes.Go(func() { tellDue(t, app) })
				}
				processes.Wait()
				look()
			}
		}
		told := map[string]int{}
		for line := range strings.SplitSeq(parvistest.Ask[string](t, app, `select coalesce(string_agg(r.external_id || ' ' || left(e.facts ->> 'valid_until', 10) || ' ' || (e.facts ->> 'days'), '|'), '')
			from crm.events e join crm.ticketing_records r on r.tenant_id = e.tenant_id and r.id = e.subject_id where e.type = 'membership.expiring' and r.external_id = any(string_to_array($1, ','))`, strings.Join(names, ",")), "|") {
			if line != "" {
				told[line]++
			}
		}
		for line, n := range told {
			require.Equal(rt, 1, n, line)
			require.True(rt, want[line], "%s was not due: %v", line, want)
		}
		require.Len(rt, told, len(want), "%v %v", told, want)
	})
}

// TestReminderProcess is no test: it is the process that TestAKilledProcessRemindsOnce kills.
func TestReminderProcess(t *testing.T) {
	t.Parallel()
	owner := os.Getenv("PARVIS_TEST_REMINDER_OWNER")
	if owner == "" {
		t.Skip("run by TestAKilledProcessRemindsOnce")
	}
	parvistest.NewOn(t, &parvistest.DB{OwnerURL: owner, AppURL: os.Getenv("PARVIS_TEST_REMINDER_APP")}, parvistest.WithMasterKey([]byte(os.Getenv("PARVIS_TEST_REMINDER_KEY"))),
		func(_ *config.Config, o *app.Options) { o.Settle = time.Millisecond })
	<-t.Context().Done()
}

// Processes that are killed again and again while they tell leave nothing untold
// and tell nothing twice.
func TestAKilledProcessRemindsOnce(t *testing.T) {
	t.Parallel()
	db := parvistest.Database(t)
	master := []byte(strings.Repeat("k", 32))
	app := parvistest.NewOn(t, db, parvistest.WithMasterKey(master), parvistest.WithConfig(func(c *config.Config) { c.Workers = false }))
	app.Post("/v1/ticketing/sources", m{"code": "principale", "name": "Billetterie", "kind": "generic", "reminder_days": []int{}}).Is(201)
	const memberships, batches = 6000, 12
	end := time.Now().AddDate(0, 0, 5).Format(time.DateOnly)
	for b := range batches {
		records := make([]m, 0, memberships/batches)
		for i := range memberships / batches {
			records = append(records, record("membership", fmt.Sprintf("m%d-%d", b, i), t1, m{"valid_from": "2020-01-01", "valid_to": end}))
		}
		app.Post(base+"/batches", m{"records": records}).Is(207)
	}
	app.Patch(base, m{"reminder_days": []int{30, 7}}).Is(200)
	told := func() int {
		return parvistest.Ask[int](t, app, "select count(*)::int from crm.events where type = 'membership.expiring'")
	}
	require.Zero(t, told())
	start := func() (kill func()) {
		cmd := osexec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0], "-test.run=^TestReminderProcess$", "-test.timeout=5m")
		cmd.Env = append(os.Environ(), "PARVIS_TEST_REMINDER_OWNER="+db.OwnerURL, "PARVIS_TEST_REMINDER_APP="+db.AppURL, "PARVIS_TEST_REMINDER_KEY="+string(master))
		require.NoError(t, cmd.Start())
		return func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	middle, last := 0, 0
	for range 3 {
		kill := start()
		parvistest.Eventually(t, "it goes on", func() bool { return told() > last || told() == memberships })
		kill()
		if last = told(); last < memberships {
			middle++
		}
	}
	require.Positive(t, middle, "it was killed in the middle")
	kill := start()
	defer kill()
	parvistest.Eventually(t, "all are told of", func() bool { return told() >= memberships })
	parvistest.Eventually(t, "all are numbered", func() bool {
		return parvistest.Ask[int](t, app, "select count(distinct subject_id)::int from crm.events where type = 'membership.expiring'") == memberships
	})
	require.Equal(t, memberships, told())
}
