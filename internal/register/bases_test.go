package register_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/pg"
)

// What the ledger says of a contact at an instant, by the function that derives
// it: whether a consent stands anywhere, and whether a refusal does. An answer
// that waits for its confirmation, or that nobody confirmed, decides nothing:
// what was decided before it is looked up just before it was given, and may have
// ended since.
const oracle = `
with recursive at (instant, purpose_id, channel, point_value, state, action, since, occurred_at, ends) as (
    select $3::timestamptz, s.purpose_id, s.channel, s.point_value, s.state, e.action, s.since, e.occurred_at, e.expires_at
    from consent_states($1, $2, $3) s join consents e on e.tenant_id = $1 and e.id = s.consent_id
    where s.controller = '' and s.purpose_id = $4
    union all
    select n.instant, n.purpose_id, n.channel, n.point_value, n.state, n.action, n.since, n.occurred_at, n.expires_at
    from at, lateral (
        select at.occurred_at - interval '1 microsecond' as instant, s.purpose_id, s.channel, s.point_value, s.state, e.action, s.since, e.occurred_at, e.expires_at
        from consent_states($1, $2, at.occurred_at - interval '1 microsecond') s join consents e on e.tenant_id = $1 and e.id = s.consent_id
        where at.action = 'pending' and s.controller = '' and s.purpose_id = at.purpose_id and s.channel = at.channel and s.point_value is not distinct from at.point_value) n
)
select coalesce(bool_or(state = 'given' and (ends is null or ends > $3)), false), coalesce(bool_or(state in ('withdrawn', 'refused')), false) from at where action <> 'pending'`

// The intervals kept beside the ledger say at every instant what the ledger
// says, through late answers, ends of consents, merges and their reversal.
func TestBasesEqualTheLedgerAtEveryInstant(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	purposes := []string{
		app.Post("/v1/purposes", map[string]any{"code": "letter", "name": "x", "legal_basis": "consent"}).Is(http.StatusCreated).ID(),
		app.Post("/v1/purposes", map[string]any{"code": "interest", "name": "x", "legal_basis": "legitimate_interests"}).Is(http.StatusCreated).ID(),
	}
	conn, err := pgx.Connect(t.Context(), app.DB.AppURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	_, err = conn.Exec(t.Context(), "set role parvis_app; set search_path = crm; set app.sight = '*'; set app.tenant = '"+app.Tenant.String()+"'")
	require.NoError(t, err)
	ctx := t.Context()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	given, known := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		tx, err := conn.Begin(ctx)
		require.NoError(t, err)
		defer func() { _ = tx.Rollback(ctx) }()
		exec := func(sql string, args ...any) {
			_, err := tx.Exec(ctx, sql, args...)
			require.NoError(t, err)
		}
		persons := []string{ids.New().String(), ids.New().String(), ids.New().String()}
		for _, id := range persons {
			exec(`insert into contacts (tenant_id, id, kind, family_name, display_name, sort_name) values ($1, $2, 'person', 'x', 'x', 'x')`, app.Tenant, id)
		}
		merged := map[int]bool{}
		for i := range rapid.IntRange(1, 14).Draw(t, "steps") {
			who := rapid.IntRange(0, 2).Draw(t, "who")
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0: // into the next person
				if !merged[who] && who < 2 {
					merged[who] = true
					exec(`update contacts set merged_into = $3 where tenant_id = $1 and id = $2`, app.Tenant, persons[who], persons[who+1])
				}
				continue
			case 1:
				if merged[who] {
					merged[who] = false
					exec(`update contacts set merged_into = null where tenant_id = $1 and id = $2`, app.Tenant, persons[who])
				}
				continue
			}
			action := rapid.SampledFrom([]string{"given", "given", "withdrawn", "refused", "pending", "expired"}).Draw(t, "action")
			at := start.Add(time.Duration(rapid.IntRange(0, 8).Draw(t, "hour")) * time.Hour)
			var point *string
			if action == "given" || action == "pending" || rapid.Bool().Draw(t, "one point") {
				p := rapid.SampledFrom([]string{"a@example.org", "b@example.org"}).Draw(t, "point")
				point = &p
			}
			var ends *time.Time
			if (action == "given" || action == "pending") && rapid.Bool().Draw(t, "ends") {
				e := at.Add(time.Duration(rapid.IntRange(1, 4).Draw(t, "after")) * time.Hour)
				ends = &e
			}
			exec(`insert into consents (tenant_id, id, contact_id, point_value, purpose_id, channel, controller, action, occurred_at, recorded_at, expires_at,
				actor_kind, actor_id, mechanism, purpose_copy, controller_name, sequence, previous_digest, digest)
				values ($1, $2, $3, $4, $5, $6, $7, $8, $9, now(), $10, 'system', 'test', 'other', '{}', 'x', $11, sha256(''), sha256(''))`,
				app.Tenant, ids.New(), persons[who], point, rapid.SampledFrom(purposes).Draw(t, "purpose"),
				rapid.SampledFrom([]string{"email", "sms"}).Draw(t, "channel"), rapid.SampledFrom([]string{"", "", "", "Partenaire"}).Draw(t, "controller"), action, at, ends, i+1)
		}
		var living []string
		for i, id := range persons {
			if !merged[i] {
				living = append(living, id)
			}
		}
		for range 3 {
			instant := start.Add(time.Duration(rapid.IntRange(-1, 26).Draw(t, "half hour")) * 30 * time.Minute)
			// What stands on the rows was summed up when the last answer was written, is
			// summed up around the instant that is asked about, or around another.
			var summed time.Time
			if at := rapid.IntRange(-2, 26).Draw(t, "summed up at half hour"); at > -2 {
				summed = start.Add(time.Duration(at) * 30 * time.Minute)
				if rapid.Bool().Draw(t, "at the instant") {
					summed = instant
				}
				exec(`select keep_standing($1, $2, $3)`, app.Tenant, persons, summed)
			}
			for j, code := range []string{"letter", "interest"} {
				rests := []string{"c", "o"}[j] // as a sight says: on consent, on another basis
				var want []string
				for _, id := range living {
					var yes, against, has bool
					require.NoError(t, tx.QueryRow(ctx, "select o.*, has_basis($1, $2, case $5 when 'c' then array[$4::uuid] else '{}' end, case $5 when 'o' then array[$4::uuid] else '{}' end, $3) from ("+oracle+") o",
						app.Tenant, id, instant, purposes[j], rests).Scan(&yes, &against, &has))
					if code == "interest" {
						yes = !against
					} else if yes {
						given++
					}
					require.Equal(t, yes, has, "%s for %s at %s", code, id, instant)
					if yes {
						want = append(want, id)
					}
				}
				// And the policy of the database lets through whom the function does.
				exec(`select set_config('app.sight', $1, true)`, fmt.Sprintf(`{"i":["see"],"u":["%s"],"%s":["%s"],"t":"%s"}`, code, rests, purposes[j], instant.Format(time.RFC3339Nano)))
				rows, err := tx.Query(ctx, `select id::text from contacts where id = any($1::uuid[])`, persons)
				require.NoError(t, err)
				seen, err := pgx.CollectRows(rows, pgx.RowTo[string])
				require.NoError(t, err)
				exec(`select set_config('app.sight', '*', true)`)
				require.ElementsMatch(t, want, seen, "the policy: %s at %s", code, instant)
				// As the program compares the row, too: what it knows of an instant it knows rightly.
				for _, id := range persons {
					var s pg.Standing
					require.NoError(t, tx.QueryRow(ctx, `select standing_from, standing_until, given_purposes, refused_purposes from contacts where id = $1`, id).
						Scan(&s.From, &s.Until, &s.Given, &s.Refused))
					stands, knows := []pg.Purposes{pg.NewPurposes(nil, []uuid.UUID{uuid.MustParse(purposes[j])}, nil),
						pg.NewPurposes(nil, nil, []uuid.UUID{uuid.MustParse(purposes[j])})}[j].StandWith(s, instant)
					if summed.Equal(instant) {
						require.True(t, knows)
					}
					if knows && slices.Contains(living, id) {
						known++
						require.Equal(t, slices.Contains(want, id), stands, "the row of %s at %s: %+v", id, instant, s)
					}
				}
				// What rests on consent is not opened by being called something else.
				exec(`select set_config('app.sight', $1, true)`, fmt.Sprintf(`{"i":["see"],"u":["letter"],"o":["%s"],"t":"%s"}`, purposes[0], instant.Format(time.RFC3339Nano)))
				var none int
				require.NoError(t, tx.QueryRow(ctx, `select count(*) from contacts where id = any($1::uuid[])`, persons).Scan(&none))
				exec(`select set_config('app.sight', '*', true)`)
				require.Zero(t, none, "a purpose by consent under the name of another basis")
			}
		}
	})
	require.NotZero(t, given, "some consents stood")
	require.NotZero(t, known, "the rows said so")
}
