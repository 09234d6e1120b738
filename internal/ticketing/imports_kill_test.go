package ticketing_test

import (
	"context"
	"fmt"
	"os"
	osexec "os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// venues is a file of so many small records.
func venues(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"kind":"venue","external_id":"v%d","source_version":1,"data":{"name":{"fr":"Salle %d"}}}`+"\n", i, i)
	}
	return b.String()
}

// workerLease is after how long without a sign of life another worker takes over.
const workerLease = 5 * time.Second

// TestWorkerProcess is no test: it is the process that TestAKilledWorkerLosesNoRecord kills.
func TestWorkerProcess(t *testing.T) {
	t.Parallel()
	owner := os.Getenv("PARVIS_TEST_WORKER_OWNER")
	if owner == "" {
		t.Skip("run by TestAKilledWorkerLosesNoRecord")
	}
	parvistest.NewOn(t, &parvistest.DB{OwnerURL: owner, AppURL: os.Getenv("PARVIS_TEST_WORKER_APP")}, parvistest.WithMasterKey([]byte(os.Getenv("PARVIS_TEST_WORKER_KEY"))),
		parvistest.WithConfig(func(c *config.Config) {
			c.DataDir, c.OperationLease = os.Getenv("PARVIS_TEST_WORKER_DATA"), workerLease
		}))
	<-t.Context().Done()
}

// Killed again and again in the middle of a file, the work goes on where it was:
// every record was taken in once and told of once.
func TestAKilledWorkerLosesNoRecord(t *testing.T) {
	t.Parallel()
	db, data := parvistest.Database(t), t.TempDir()
	master := []byte(strings.Repeat("k", 32))
	app := parvistest.NewOn(t, db, parvistest.WithMasterKey(master), parvistest.WithConfig(func(c *config.Config) { c.DataDir, c.Workers, c.OperationLease = data, false, workerLease }))
	app.Post("/v1/ticketing/sources", m{"code": "principale", "name": "Billetterie", "kind": "generic"}).Is(201)
	const records = 6000
	id := app.Do("POST", imports, venues(records), media("application/x-ndjson")).Is(202).ID()
	start := func() (kill func()) {
		cmd := osexec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0], "-test.run=^TestWorkerProcess$", "-test.timeout=5m")
		cmd.Env = append(os.Environ(), "PARVIS_TEST_WORKER_OWNER="+db.OwnerURL, "PARVIS_TEST_WORKER_APP="+db.AppURL, "PARVIS_TEST_WORKER_DATA="+data, "PARVIS_TEST_WORKER_KEY="+string(master))
		require.NoError(t, cmd.Start())
		return func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	done := func() float64 {
		return app.Get("/v1/operations/" + id).Is(200).JSON()["progress"].(m)["done"].(float64)
	}
	within := func(what string, condition func() bool) {
		for deadline := time.Now().Add(2 * time.Minute); !condition(); time.Sleep(5 * time.Millisecond) {
			require.True(t, time.Now().Before(deadline), what)
		}
	}
	middle, last := 0, 0.0
	for range 2 {
		kill := start()
		within("it goes on", func() bool { return done() > last })
		kill()
		if last = done(); last < records {
			middle++
		}
	}
	require.Positive(t, middle, "it was killed in the middle")
	kill := start()
	defer kill()
	var o m
	within("it ends", func() bool {
		o = app.Get("/v1/operations/" + id).Is(200).JSON()
		return o["finished_at"] != nil
	})
	require.Equal(t, m{"created": float64(records)}, summary(succeeded(t, o)))
	require.Equal(t, records, parvistest.Ask[int](t, app, "select count(*) from crm.ticketing_records where kind = 'venue' and not stub"))
	require.Equal(t, records, parvistest.Ask[int](t, app, "select count(distinct line) from crm.ticketing_import_results where record = line"))
	require.Equal(t, records, parvistest.Ask[int](t, app, "select count(*) from crm.events where type = 'ticketing.venue.created'"))
}

// Cancelled while it waits for something, the work ends, and what was counted is
// what was done.
func TestACancelledFile(t *testing.T) {
	t.Parallel()
	app := institution(t)
	conn, err := pgx.Connect(t.Context(), app.DB.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	_, err = conn.Exec(t.Context(), `create function crm.stop_at_500() returns trigger language plpgsql as $$ begin if new.external_id = 'v500' then perform pg_advisory_xact_lock(500); end if; return new; end $$;
		create trigger stop before insert on crm.ticketing_records for each row execute function crm.stop_at_500(); select pg_advisory_lock(500)`)
	require.NoError(t, err)
	file := venues(1000)
	id := app.Do("POST", imports, file, media("application/x-ndjson")).Is(202).ID()
	parvistest.Eventually(t, "it stands still", func() bool {
		return app.Get("/v1/operations/" + id).Is(200).JSON()["progress"].(m)["done"] == 400.0
	})
	require.Len(t, waiting(t, app), 1)
	app.Post("/v1/operations/"+id+"/cancel", nil).Is(202)
	o := ended(t, app, id)
	require.Equal(t, []any{"cancelled", m{"done": 400.0, "total": 1000.0, "unit": "records"}}, []any{o["status"], o["progress"]})
	require.Equal(t, 400, parvistest.Ask[int](t, app, "select count(*) from crm.ticketing_records"))
	require.Len(t, app.Walk(imports+"/"+id+"/results?limit=200"), 400)
	parvistest.Eventually(t, "the file is removed", func() bool { return len(waiting(t, app)) == 0 })
	_, err = conn.Exec(t.Context(), "select pg_advisory_unlock(500)")
	require.NoError(t, err)
	require.Equal(t, m{"unchanged": 400.0, "created": 600.0}, summary(succeeded(t, imported(t, app, imports, "application/x-ndjson", file))))
}
