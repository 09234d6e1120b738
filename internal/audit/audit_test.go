package audit_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/audit"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// written boots a program whose log has n events.
func written(t *testing.T, n int) *parvistest.App {
	t.Helper()
	a := parvistest.New(t)
	ctx := web.WithActor(context.Background(), web.SystemActor(a.Tenant, "test"))
	var entries []events.Entry
	for i := range n - 1 { // the first is the administrator's key
		entries = append(entries, events.Entry{
			Type: "contact.updated", Subject: events.Subject{Kind: "contact", ID: ids.New(), Version: int64(i + 1)}, Facts: map[string]any{"n": i},
			Changes: []events.Change{{Pointer: "/weight", Before: 0.1, After: 1e30}, {Pointer: "/name", Before: "é", After: "<&\u2028>"}},
		})
	}
	require.NoError(t, pg.InTx(ctx, a.App.DB, a.Tenant, func(ctx context.Context, tx pgx.Tx) error { return events.RecordTx(ctx, tx, entries...) }))
	parvistest.Eventually(t, "all events are numbered", func() bool {
		return a.Get("/v1/events?limit=1").JSON()["head"] == float64(n)
	})
	return a
}

func owner(t *testing.T, a *parvistest.App, statement string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), a.App.Config.MigrationURL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	tag, err := conn.Exec(context.Background(), "set search_path = crm; set app.sight = '*'; "+fmt.Sprintf(statement, args...), pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	require.EqualValues(t, 1, tag.RowsAffected(), "the row to alter is there")
}

func TestAnUntouchedLogIsIntact(t *testing.T) {
	t.Parallel()
	a := written(t, 2500)
	whole := a.Get("/v1/audit/verification").Is(http.StatusOK).JSON()
	require.Equal(t, true, whole["intact"])
	require.EqualValues(t, 2500, whole["verified"])
	require.Equal(t, a.Get("/v1/events/digest").JSON()["digest"], whole["digest"])
	part := a.Get("/v1/audit/verification?from=100&to=200").Is(http.StatusOK).JSON()
	require.EqualValues(t, 101, part["verified"])
	require.Equal(t, a.Get("/v1/events/digest?from=100&to=200").JSON()["digest"], part["digest"])
	a.Get("/v1/audit/verification?from=2502").Problem(http.StatusUnprocessableEntity, "invalid")

	log := events.NewService(a.App.DB, events.NewHub())
	stepwise, err := audit.NewService(a.App.DB, log).Verify(t.Context(), a.Tenant, 1, nil, 1000, nil)
	require.NoError(t, err)
	require.True(t, stepwise.Intact())
	require.Equal(t, int64(1001), *stepwise.NextFrom)

	owner(t, a, `delete from event_changes where event_id = (select event_id from event_sequence where tenant_id = '%[1]s' and sequence = 7)`, a.Tenant)
	erased := a.Get("/v1/audit/verification").JSON()
	require.Equal(t, true, erased["intact"], "erasure breaks nothing")
	require.EqualValues(t, 1, erased["erased"])
}

func TestWhatWasAlteredIsFoundWhereItIs(t *testing.T) {
	t.Parallel()
	const at = `(select event_id from event_sequence where tenant_id = '%[1]s' and sequence = 7)`
	alterations := map[string]struct{ statement, kind string }{
		"the time":             {`update events set occurred_at = occurred_at + interval '1 microsecond' where id = ` + at, audit.EventAltered},
		"the actor":            {`update events set actor_id = 'nobody' where id = ` + at, audit.EventAltered},
		"a fact":               {`update events set facts = '{"n": 99}' where id = ` + at, audit.EventAltered},
		"the version":          {`update events set subject_version = 99 where id = ` + at, audit.EventAltered},
		"what changed":         {`update events set changed = '{/nothing}' where id = ` + at, audit.EventAltered},
		"a value before":       {`update event_changes set changes = jsonb_set(changes, '{0,before}', '0.10000000001') where event_id = ` + at, audit.ChangesAltered},
		"the kept digest":      {`update event_sequence set digest = sha256('x') where tenant_id = '%[1]s' and sequence = 7`, audit.EventAltered},
		"an event gone":        {`delete from events where id = ` + at, audit.EventMissing},
		"a number gone":        {`delete from event_sequence where tenant_id = '%[1]s' and sequence = 7`, audit.NumberMissing},
		"which event":          {`update event_sequence set event_id = gen_random_uuid() where tenant_id = '%[1]s' and sequence = 7`, audit.EventMissing},
		"the trace of changes": {`update events set changes_digest = null where id = ` + at, audit.EventAltered},
	}
	for name, alteration := range alterations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := written(t, 12)
			owner(t, a, alteration.statement, a.Tenant)
			r := a.Get("/v1/audit/verification").Is(http.StatusOK).JSON()
			require.Equal(t, false, r["intact"])
			require.EqualValues(t, 6, r["verified"])
			first := r["first_break"].(map[string]any)
			require.EqualValues(t, 7, first["sequence"])
			require.Equal(t, alteration.kind, first["kind"])
		})
	}
	t.Run("the end cut off", func(t *testing.T) {
		t.Parallel()
		a := written(t, 12)
		owner(t, a, `delete from event_sequence where tenant_id = '%[1]s' and sequence = 12`, a.Tenant)
		require.Equal(t, audit.NumberMissing, a.Get("/v1/audit/verification").JSON()["first_break"].(map[string]any)["kind"])
		owner(t, a, `update event_heads set sequence = 11 where tenant_id = '%[1]s'`, a.Tenant)
		require.Equal(t, audit.HeadAltered, a.Get("/v1/audit/verification").JSON()["first_break"].(map[string]any)["kind"])
	})
	t.Run("an event put beside", func(t *testing.T) {
		t.Parallel()
		a := written(t, 12)
		owner(t, a, `insert into events (tenant_id, id, type, subject_kind, subject_id, subject_version, occurred_at, actor_kind, actor_id)
			values ('%[1]s', gen_random_uuid(), 'contact.created', 'contact', gen_random_uuid(), 1, now(), 'user', 'x')`, a.Tenant)
		service := audit.NewService(a.App.DB, events.NewService(a.App.DB, events.NewHub()))
		r, err := service.VerifyAll(t.Context(), a.Tenant, nil)
		require.NoError(t, err)
		require.Equal(t, audit.EventUnnumbered, r.Break.Kind)
	})
}

func TestReadsAreNoted(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	for _, name := range []string{"Noël", "Dorval"} {
		a.Post("/v1/contacts", map[string]any{"kind": "person", "family_name": name}).Is(http.StatusCreated)
	}
	parvistest.Eventually(t, "all events are numbered", func() bool { return a.Get("/v1/events?limit=1").JSON()["head"] == 3.0 })
	page := a.Get("/v1/events").Data()
	path, contact := "/v1/events/"+page[1]["id"].(string)+"/changes", page[1]["data"].(map[string]any)["id"].(string)
	curious := a.As("*") // the events are about contacts that are not there, whom only such a credential sees
	a.Get(path).Is(http.StatusOK)
	curious.Get(path).Is(http.StatusOK)
	curious.Get("/v1/events/" + page[2]["id"].(string) + "/changes").Is(http.StatusOK)
	curious.Get("/v1/events/" + ids.New().String() + "/changes").Is(http.StatusNotFound)

	var reads []map[string]any
	parvistest.Eventually(t, "three reads are noted", func() bool {
		reads = a.Get("/v1/audit/reads").Is(http.StatusOK).Data()
		return len(reads) >= 3
	})
	require.Len(t, reads, 3, "a read that gave nothing is none")
	require.Equal(t, "getEventChanges", reads[0]["operation"])
	require.NotEmpty(t, reads[0]["request_id"])
	of := a.Get("/v1/audit/reads?contact_id=" + contact).Data()
	require.Len(t, of, 2)
	require.Equal(t, []any{contact}, of[0]["contact_ids"])
	actor := of[0]["actor"].(map[string]any)["id"].(string)
	require.Len(t, a.Get("/v1/audit/reads?actor_id="+actor).Data(), 2)
	require.Len(t, a.Get("/v1/audit/reads?actor_id="+actor+"&contact_id="+contact).Data(), 1)
	require.Len(t, a.Walk("/v1/audit/reads?limit=1"), 3)
	require.Len(t, a.Walk("/v1/audit/reads?limit=1&contact_id="+contact), 2)
	until := "occurred_at_lt=2001-01-01T00:00:00Z"
	require.Empty(t, a.Get("/v1/audit/reads?"+until).Data())
	require.Len(t, a.Get("/v1/audit/reads?occurred_at_gte=2001-01-01T00:00:00Z&contact_id="+contact).Data(), 2)
}
