package ticketing_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/ticketing"
	"github.com/parvis-crm/parvis/internal/web"
)

// compare tells the program what a complete window of the source has.
func compare(t *testing.T, app *parvistest.App, kind string, taken time.Time, present ...string) ticketing.Absences {
	t.Helper()
	ctx := web.WithActor(t.Context(), web.SystemActor(app.Tenant, "reconciliation"))
	source, err := app.Ticketing().GetSource(ctx, "principale")
	require.NoError(t, err)
	out, err := pg.InTxValue(ctx, app.App.DB, app.Tenant, func(ctx context.Context, tx pgx.Tx) (ticketing.Absences, error) {
		return app.Ticketing().MarkAbsent(ctx, tx, source, ticketing.Window{Kind: kind, TakenAt: taken}, present)
	})
	require.NoError(t, err)
	return out
}

func TestTwiceAbsentCountsAsCancelled(t *testing.T) {
	t.Parallel()
	app := institution(t)
	first := record("order", "o1", t1, orderData(nil))
	send(app.Client, first, record("order", "o2", t1, orderData(m{"lines": []m{line("t9", "1.00", "valid")}})), record("membership", "m1", t1, m{"valid_from": "2026-01-01"}))
	order := func() []any {
		o := at(app.Client, "order", "o1")
		r := app.Get(base + "/records/order/o1").JSON()
		return []any{o["commercial_state"], o["cancellation_reason"], total(o, "net"), r["absences"]}
	}
	now := time.Now().Add(time.Second)
	require.Empty(t, compare(t, app, "order", now.Add(-time.Hour), "o2").Missing, "what came since then is not judged")
	require.Len(t, compare(t, app, "order", now, "o2").Missing, 1)
	require.Equal(t, []any{"confirmed", nil, "44.00", 1.0}, order(), "missing, and nothing else")
	require.Equal(t, ticketing.Absences{}, compare(t, app, "order", now, "o2"), "one window is counted once")
	require.Len(t, compare(t, app, "order", now.Add(time.Minute), "o2").Cancelled, 1)
	require.Equal(t, []any{"cancelled", "missing_at_source", "44.00", 2.0}, order())
	require.Empty(t, compare(t, app, "order", now.Add(2*time.Minute), "o2").Cancelled)
	// A window that has it again, or a message that says it once more, undoes that.
	require.Len(t, compare(t, app, "order", now.Add(3*time.Minute), "o1", "o2").Restored, 1)
	require.Equal(t, []any{"confirmed", nil, "44.00", 0.0}, order())
	compare(t, app, "order", now.Add(4*time.Minute), "o2")
	compare(t, app, "order", now.Add(5*time.Minute), "o2")
	require.Equal(t, "cancelled", order()[0])
	require.Equal(t, []any{"updated"}, statuses(send(app.Client, first)))
	require.Equal(t, []any{"confirmed", nil, "44.00", 0.0}, order())
	require.Equal(t, []any{"unchanged"}, statuses(send(app.Client, first)))
	// Present, absent, present: once is not twice in a row.
	compare(t, app, "order", now.Add(6*time.Minute), "o2")
	compare(t, app, "order", now.Add(7*time.Minute), "o1", "o2")
	compare(t, app, "order", now.Add(8*time.Minute), "o2")
	require.Equal(t, "confirmed", order()[0])
	told := eventTypes(t, app, "ticketing.*")
	require.Equal(t, []int{4, 2}, []int{told["ticketing.record.missing"], told["ticketing.order.cancelled"]}, "%v", told)

	compare(t, app, "membership", now)
	compare(t, app, "membership", now.Add(time.Minute))
	m1 := app.Get("/v1/ticketing/memberships/" + at(app.Client, "membership", "m1")["id"].(string) + "?as_of=2100-01-01T00:00:00Z").Is(200).JSON()
	require.Equal(t, []any{"cancelled", true}, []any{m1["status"], m1["is_missing_at_source"]})
}
