package transfers_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// barrier locks a table, so that work on it stops half way, and waits for
// somebody to stand before it when asked.
func barrier(t *testing.T, app *parvistest.App, lock string) (held, lift func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), app.DB.OwnerURL)
	require.NoError(t, err)
	lift = func() { _ = conn.Close(context.WithoutCancel(t.Context())) }
	t.Cleanup(lift)
	_, err = conn.Exec(t.Context(), "set search_path = crm; begin; "+lock)
	require.NoError(t, err)
	return func() {
		parvistest.Eventually(t, "somebody waits for the lock", func() bool {
			return count(t, app, "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'") > 0
		})
	}, lift
}

// The work stands still in the database and reports nothing: it is ended all the
// same, before the way is free.
func TestCancelledImportLeavesNothing(t *testing.T) {
	t.Parallel()
	here, there := parvistest.New(t), parvistest.New(t)
	furnish(t, here, here.Tenant)
	path, _ := export(t, here, here.Tenant)
	body, err := os.ReadFile(path)
	require.NoError(t, err)
	held, lift := barrier(t, there, "lock table webhook_endpoints in share mode")
	id := there.Do(http.MethodPost, "/v1/imports/archive", body, zipBody).Is(http.StatusAccepted).ID()
	held()
	there.Post("/v1/operations/"+id+"/cancel", nil).Is(http.StatusAccepted)
	o := finished(t, there.Client, id)
	require.Equal(t, "cancelled", o["status"])
	require.Nil(t, o["result"])
	require.Nil(t, o["problem"])
	for _, table := range []string{"tenants", "contacts", "events", "tenant_imports"} {
		require.Zero(t, count(t, there, "select count(*) from "+table+" where tenant_id = $1", here.Tenant), table)
	}
	there.Post("/v1/operations/"+id+"/cancel", nil).Problem(http.StatusConflict, "operation-finished")
	there.Post("/v1/imports/"+id+"/administrator-key", nil).Problem(http.StatusConflict, "import-unfinished")
	parvistest.Eventually(t, "the upload is removed", func() bool {
		files, err := filepath.Glob(filepath.Join(there.Config.DataDir, "imports", "*", "*"))
		require.NoError(t, err)
		return len(files) == 0
	})
	parvistest.Eventually(t, "its end is in the log, and no import", func() bool {
		return len(there.Get("/v1/events?types=operation.finished").Is(http.StatusOK).Data()) == 1
	})
	require.Empty(t, there.Get("/v1/events?types=import.finished").Is(http.StatusOK).Data())

	// Nothing is in the way of another attempt.
	lift()
	again := there.Do(http.MethodPost, "/v1/imports/archive", body, zipBody).Is(http.StatusAccepted).ID()
	require.Equal(t, "succeeded", finished(t, there.Client, again)["status"])
}

func TestCancelledExportOffersNothing(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	furnish(t, app, app.Tenant)
	held, _ := barrier(t, app, "lock table webhook_endpoints in access exclusive mode")
	id := startExport(t, app.Client, map[string]any{})
	held()
	files := func() []string {
		found, err := filepath.Glob(filepath.Join(app.Config.DataDir, "exports", "*", "*"))
		require.NoError(t, err)
		return found
	}
	// Others may stand before the lock first; the export begins its file and then does.
	parvistest.Eventually(t, "a part of the archive is there", func() bool { return len(files()) > 0 })
	app.Get("/v1/exports/"+id+"/archive").Problem(http.StatusConflict, "export-unfinished")
	app.Post("/v1/operations/"+id+"/cancel", nil).Is(http.StatusAccepted)
	o := finished(t, app.Client, id)
	require.Equal(t, "cancelled", o["status"])
	require.Nil(t, o["result"])
	require.Empty(t, files(), "a part of an archive was left")
	app.Get("/v1/exports/"+id+"/archive").Problem(http.StatusConflict, "export-unfinished")
	require.Empty(t, app.Get("/v1/events?types=export.ready").Is(http.StatusOK).Data())
}

// Who may read operations may not stop them; who belongs elsewhere sees none.
func TestCancellingNeedsItsRight(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	held, _ := barrier(t, app, "lock table webhook_endpoints in access exclusive mode")
	id := startExport(t, app.Client, map[string]any{})
	held()
	app.As("operations:read").Post("/v1/operations/"+id+"/cancel", nil).Problem(http.StatusForbidden, "insufficient-scope")
	app.OtherTenant().Post("/v1/operations/"+id+"/cancel", nil).Problem(http.StatusNotFound, "not-found")
	// Others may stand before the lock first; the export does for as long as it is held.
	parvistest.Eventually(t, "it runs, and nobody has stopped it", func() bool {
		o := app.Get("/v1/operations/" + id).Is(http.StatusOK).JSON()
		require.Contains(t, []any{"queued", "running"}, o["status"])
		return o["status"] == "running"
	})
	app.As("operations:write").Post("/v1/operations/"+id+"/cancel", nil).Is(http.StatusAccepted)
	require.Equal(t, "cancelled", finished(t, app.Client, id)["status"])
}
