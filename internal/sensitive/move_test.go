package sensitive_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

func move(t *testing.T, app *parvistest.App, from, to string, only ...uuid.UUID) []uuid.UUID {
	t.Helper()
	ctx := web.WithActor(t.Context(), web.SystemActor(app.Tenant, "merge"))
	moved, err := pg.InTxValue(ctx, app.App.DB, app.Tenant, func(ctx context.Context, tx pgx.Tx) ([]uuid.UUID, error) {
		return app.Sensitive().MoveTx(ctx, tx, uuid.MustParse(from), uuid.MustParse(to), only...)
	})
	require.NoError(t, err)
	return moved
}

func destroy(t *testing.T, app *parvistest.App, contact string) {
	t.Helper()
	require.NoError(t, pg.InTx(t.Context(), app.App.DB, app.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		_, err := app.Vault().DestroySubjectTx(ctx, tx, app.Tenant, uuid.MustParse(contact))
		return err
	}))
}

// Facts follow a contact into another and back, under the key of whom they are
// about at the time; what was recorded about the survivor meanwhile stays there.
func TestFactsFollowAMergeAndItsRevocation(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	from, lost := person(t, app.Client)
	to, survivor := person(t, app.Client)
	fact := app.Post(from, iban("FR7630006000011234567890189")).Is(201).ID()
	app.Post(from, need("comes in a wheelchair")).Is(201)
	app.Post(to, need("no gluten")).Is(201)

	moved := move(t, app, lost, survivor)
	require.Len(t, moved, 2)
	require.Empty(t, app.Get(from, because).Is(200).Data())
	require.Len(t, app.Get(to, because).Is(200).Data(), 3)
	found := app.Post("/v1/sensitive-facts/search", map[string]any{"scheme": "iban", "value": "FR7630006000011234567890189"}, because).Is(200).Data()
	require.Equal(t, survivor, found[0]["contact_id"])
	app.Post(to, need("recorded since")).Is(201)

	require.Len(t, move(t, app, survivor, lost, moved...), 2)
	require.Len(t, app.Get(from, because).Is(200).Data(), 2)
	require.Equal(t, "FR7630006000011234567890189", app.Get(from+"/"+fact, because).Is(200).JSON()["identifier"].(map[string]any)["value"])
	texts := []any{}
	for _, f := range app.Get(to, because).Is(200).Data() {
		texts = append(texts, f["text"])
	}
	require.ElementsMatch(t, []any{"no gluten", "recorded since"}, texts)
}

// Erasing the survivor erases what came from the other, with all that the log has
// of it, and the chain goes on to agree; erasing the other touches the survivor
// no more.
func TestErasureAfterAMerge(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	from, lost := person(t, app.Client)
	to, survivor := person(t, app.Client)
	fact := app.Post(from, need("comes in a wheelchair")).Is(201).ID()
	move(t, app, lost, survivor)
	destroy(t, app, lost)
	require.Len(t, app.Get(to, because).Is(200).Data(), 1, "it is under the survivor's key now")
	destroy(t, app, survivor)
	app.Get(to, because).Problem(http.StatusGone, "sensitive-facts-destroyed")
	var left int
	require.NoError(t, app.App.DB.Tenant(app.Tenant).QueryRow(pg.WithSight(t.Context(), pg.Everything()),
		"select count(*) from event_changes c join events e on e.tenant_id = c.tenant_id and e.id = c.event_id where e.tenant_id = $1 and e.subject_id = $2", app.Tenant, fact).Scan(&left))
	require.Zero(t, left, "nothing of it is left that another person's key could open")
	parvistest.Eventually(t, "the chain agrees", func() bool { return app.Get("/v1/audit/verification").Is(200).JSON()["intact"] == true })
}

// What has lapsed is removed, from the log too, the day after its last.
func TestWhatHasLapsedIsRemoved(t *testing.T) {
	t.Parallel()
	now := clock.NewFixed(time.Now())
	app := parvistest.New(t, parvistest.WithClock(now), nobodyRemoves)
	path, _ := person(t, app.Client)
	last := now.Now().AddDate(0, 0, 10)
	until := parvistest.With(need("on crutches"), map[string]any{"valid_until": last.Format(time.DateOnly)})
	fact := app.Post(path, until).Is(201).ID()
	app.Post(path, need("for good")).Is(201)
	expire := func() int {
		n, err := app.Sensitive().Expire(t.Context(), app.Tenant)
		require.NoError(t, err)
		return n
	}
	now.Advance(last.Sub(now.Now()))
	require.Zero(t, expire(), "its last day is not over")
	now.Advance(24 * time.Hour)
	require.Equal(t, 1, expire())
	require.Zero(t, expire())
	require.Len(t, app.Get(path+"?include_expired=true", because).Is(200).Data(), 1)
	history := app.Get(path+"/"+fact+"/history", because).Is(200).JSON()["changes"].([]any)
	require.Equal(t, "sensitive_fact.removed", history[len(history)-1].(map[string]any)["type"])
	for _, h := range history {
		require.Nil(t, h.(map[string]any)["text"], "its content is gone from the log")
	}
	parvistest.Eventually(t, "the chain agrees", func() bool { return app.Get("/v1/audit/verification").Is(200).JSON()["intact"] == true })
}
