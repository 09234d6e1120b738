package vault_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/seal"
	"github.com/parvis-crm/parvis/internal/vault"
)

// enough values for several batches.
const enough = 450

// kept is a request whose answer is kept, and the answer.
type kept struct{ key, id string }

// load makes an institution have sealed values of several kinds.
func load(t *testing.T, app *parvistest.App) []kept {
	t.Helper()
	app.Post("/v1/webhook-endpoints", map[string]any{"url": "https://hooks.example/in", "event_types": []string{"contact.created"}}).Is(201)
	out := make([]kept, 0, enough)
	for range enough {
		k := kept{key: ids.New().String()}
		k.id = k.post(app.Client).Is(201).ID()
		out = append(out, k)
	}
	return out
}

func (k kept) post(c *parvistest.Client) *parvistest.Answer {
	return c.Post("/v1/tags", map[string]any{"name": "tag " + k.key}, parvistest.Header("Idempotency-Key", k.key))
}

// replayed requires that every kept answer can still be opened.
func replayed(t *testing.T, c *parvistest.Client, all []kept) {
	t.Helper()
	for _, k := range all {
		a := k.post(c).Is(201)
		require.Equal(t, k.id, a.ID())
		require.Equal(t, "true", a.Header.Get("Idempotency-Replayed"))
	}
}

func ended(t *testing.T, c *parvistest.Client, location, status string) map[string]any {
	t.Helper()
	var o map[string]any
	parvistest.Eventually(t, "the rotation "+status, func() bool {
		o = c.Get(location).Is(200).JSON()
		return o["finished_at"] != nil
	})
	require.Equal(t, status, o["status"], "%v", o)
	return o
}

func TestTheInstitutionsKeyIsChangedWhileEverythingIsRead(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	conn := owner(t, app)
	all := load(t, app)
	before := under(t, conn, app.Vault().Columns(), app.Tenant)
	require.Greater(t, before[1], enough)

	started := app.Post("/v1/encryption/rotations", nil).Is(202)
	replayed(t, app.Client, all[:50]) // meanwhile
	o := ended(t, app.Client, started.Header.Get("Location"), "succeeded")
	result := o["result"].(map[string]any)
	require.EqualValues(t, 2, result["key_version"])
	require.GreaterOrEqual(t, result["values"], float64(before[1]))
	require.Equal(t, o["progress"].(map[string]any)["done"], o["progress"].(map[string]any)["total"])
	after := under(t, conn, app.Vault().Columns(), app.Tenant)
	require.Zero(t, after[0]+after[1], "%v", after)
	require.GreaterOrEqual(t, after[2], before[1])
	replayed(t, app.Client, all)

	state := app.Get("/v1/encryption").Is(200).JSON()
	require.EqualValues(t, 2, state["key_version"])
	versions := state["versions"].([]any)
	require.Len(t, versions, 2)
	require.NotNil(t, versions[1].(map[string]any)["retired_at"])
	require.NoError(t, app.Vault().KeepHouse(t.Context(), time.Now()))
	require.Len(t, app.Get("/v1/encryption").Is(200).JSON()["versions"], 2, "a retired version stays for an hour")
	require.NoError(t, app.Vault().KeepHouse(t.Context(), time.Now().Add(2*time.Hour)))
	require.Len(t, app.Get("/v1/encryption").Is(200).JSON()["versions"], 1)
	replayed(t, app.Client, all[:5])
}

// lock holds a row that the rotation has to wait for; the returned function lets
// it go.
func lock(t *testing.T, conn *pgx.Conn) func() {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "select 1 from idempotency_keys order by key_hash limit 1 for update")
	require.NoError(t, err)
	return func() { require.NoError(t, tx.Rollback(t.Context())) }
}

func TestARotationIsCancelledAndTheNextOneEndsIt(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	conn := owner(t, app)
	all := load(t, app)
	release := lock(t, conn)
	started := app.Post("/v1/encryption/rotations", nil).Is(202)
	second := app.Post("/v1/encryption/rotations", nil)
	require.Equal(t, started.ID(), second.Problem(409, "rotation-under-way")["operation_id"])
	location := started.Header.Get("Location")
	parvistest.Eventually(t, "the rotation waits for one row", func() bool {
		return under(t, owner(t, app), app.Vault().Columns(), app.Tenant)[1] == 1
	})
	require.Equal(t, started.ID(), app.Get("/v1/encryption").Is(200).JSON()["rotation_operation_id"])
	app.Post(location+"/cancel", nil).Is(202)
	ended(t, app.Client, location, "cancelled")
	release()
	replayed(t, app.Client, all)
	ended(t, app.Client, app.Post("/v1/encryption/rotations", nil).Is(202).Header.Get("Location"), "succeeded")
	left := under(t, conn, app.Vault().Columns(), app.Tenant)
	require.Zero(t, left[1]+left[2], "%v", left)
	replayed(t, app.Client, all[:5])
}

// The process ends in the middle; another one goes on where it was.
func TestARotationOutlivesItsProcess(t *testing.T) {
	t.Parallel()
	db, master := parvistest.Database(t), seal.Generate()
	app := parvistest.NewOn(t, db, parvistest.WithMasterKey(master))
	conn := owner(t, app)
	all := load(t, app)
	release := lock(t, conn)
	started := app.Post("/v1/encryption/rotations", nil).Is(202)
	parvistest.Eventually(t, "the rotation waits for one row", func() bool {
		return under(t, owner(t, app), app.Vault().Columns(), app.Tenant)[1] == 1
	})
	client, tenant := *app.Client, app.Tenant
	app.Stop()
	release()
	require.Equal(t, 1, under(t, conn, app.Vault().Columns(), tenant)[1])
	_, err := conn.Exec(t.Context(), "update operations set updated_at = now() - interval '1 minute'")
	require.NoError(t, err)
	next := parvistest.NewOn(t, db, parvistest.WithMasterKey(master))
	ended(t, next.Acting(&client), "/v1/operations/"+started.ID(), "succeeded")
	require.Zero(t, under(t, conn, next.Vault().Columns(), tenant)[1])
	replayed(t, next.Acting(&client), all[:20])
}

// Another process goes on sealing under the version before for a while; what it
// seals so is brought over before that version is deleted.
func TestASlowProcessLosesNothing(t *testing.T) {
	t.Parallel()
	db, master := parvistest.Database(t), seal.Generate()
	app := parvistest.NewOn(t, db, parvistest.WithMasterKey(master))
	slow := parvistest.NewOn(t, db, parvistest.WithMasterKey(master), parvistest.WithConfig(func(c *config.Config) { c.Workers = false }))
	there := slow.Acting(app.Client)
	first := kept{key: ids.New().String()}
	first.id = first.post(there).Is(http.StatusCreated).ID()
	// The maker of a key does not remember it; the next to seal does.
	kept{key: ids.New().String()}.post(there).Is(http.StatusCreated)
	ended(t, app.Client, app.Post("/v1/encryption/rotations", nil).Is(202).Header.Get("Location"), "succeeded")
	late := kept{key: ids.New().String()}
	late.id = late.post(there).Is(http.StatusCreated).ID()
	conn := owner(t, app)
	require.Equal(t, 1, under(t, conn, []vault.Column{app.Vault().Columns()[columnOf(app, "idempotency_keys")]}, app.Tenant)[1])
	require.NoError(t, app.Vault().KeepHouse(t.Context(), time.Now().Add(2*time.Hour)))
	require.Zero(t, under(t, conn, app.Vault().Columns(), app.Tenant)[1])
	replayed(t, app.Client, []kept{first, late})
	replayed(t, there, []kept{first, late})
}

func columnOf(app *parvistest.App, table string) int {
	for i, c := range app.Vault().Columns() {
		if c.Table == table {
			return i
		}
	}
	return -1
}
