package vault_test

import (
	"encoding/hex"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/seal"
	"github.com/parvis-crm/parvis/internal/vault"
)

// What a program from before the vault left, in the clear or sealed by the
// master key itself, is brought under the institution's key and means the same.
func TestWhatIsOlderThanTheVaultIsBroughtIn(t *testing.T) {
	t.Parallel()
	db, key := parvistest.Database(t), seal.Generate()
	app := parvistest.NewOn(t, db, parvistest.WithMasterKey(key))
	sandbox := app.Sandbox()
	conn := owner(t, app)
	master := must(seal.NewMaster(key))
	exec := func(sql string, args ...any) {
		_, err := conn.Exec(t.Context(), sql, args...)
		require.NoError(t, err)
	}

	// Mails: more than one batch, in the clear.
	tenant := sandboxTenant(t, conn)
	for range 230 {
		exec(`insert into mails (tenant_id, id, recipient, subject, body_text, body_html, headers, status, message_id)
			values ($1, $2, 'odile@example.org', 'Lien', 'former text', '<p>former markup</p>', '{"X-Former": "yes"}', 'captured', $3)`, tenant, ids.New(), ids.New().String())
	}
	// Keys of an endpoint, under the master key itself.
	hook := app.Post("/v1/webhook-endpoints", map[string]any{"url": "https://hooks.example/in", "event_types": []string{"contact.created"}}).Is(201).JSON()
	var id string
	require.NoError(t, conn.QueryRow(t.Context(), "select id::text from webhook_keys").Scan(&id))
	box := master.Box("webhook keys")
	exec("update webhook_keys set secret = $1", box.Seal([]byte(hook["secret"].(string)), "secret "+id))
	// An answer that is kept.
	k := kept{key: ids.New().String()}
	k.id = k.post(app.Client).Is(201).ID()
	var hash, body []byte
	require.NoError(t, conn.QueryRow(t.Context(), "select key_hash, body from idempotency_keys order by created_at desc limit 1").Scan(&hash, &body))
	answers := sealerOf(app, "idempotency_keys")
	plain, err := answers.Open(t.Context(), app.App.DB.Tenant(app.Tenant), app.Tenant, `\x`+hex.EncodeToString(hash), body)
	require.NoError(t, err)
	exec("update idempotency_keys set body = $1 where key_hash = $2", master.Box("kept answers").Seal(plain, string(hash)), hash)

	replayed(t, app.Client, []kept{k}) // still readable as it is
	require.NoError(t, app.Vault().KeepHouse(t.Context(), time.Now()))
	left := under(t, conn, app.Vault().Columns(), app.Tenant)
	require.Equal(t, 1, left[0], "the kept answer alone stays as it is, for its few days: %v", left)
	var open int
	require.NoError(t, conn.QueryRow(t.Context(), "select count(*) from mails where body_text is not null or body_html is not null or headers <> '{}' or body_sealed is null").Scan(&open))
	require.Zero(t, open)
	mails := sandbox.Walk("/v1/test/outbox?limit=200")
	require.Len(t, mails, 230)
	for _, m := range mails {
		require.Equal(t, "former text", m["text"])
		require.Equal(t, "<p>former markup</p>", m["html"])
		require.Equal(t, map[string]any{"X-Former": "yes"}, m["headers"])
	}
	var secret []byte
	require.NoError(t, conn.QueryRow(t.Context(), "select secret from webhook_keys").Scan(&secret))
	require.True(t, vault.IsSealed(secret))
	ended(t, app.Client, app.Post("/v1/encryption/rotations", nil).Is(http.StatusAccepted).Header.Get("Location"), "succeeded")
	require.Zero(t, under(t, conn, app.Vault().Columns(), app.Tenant)[0])
	replayed(t, app.Client, []kept{k})
}

func sandboxTenant(t *testing.T, conn *pgx.Conn) (tenant string) {
	t.Helper()
	require.NoError(t, conn.QueryRow(t.Context(), "select tenant_id::text from tenants where mode = 'test'").Scan(&tenant))
	return tenant
}

func sealerOf(app *parvistest.App, table string) vault.Sealer {
	return app.Vault().Sealer(app.Vault().Columns()[columnOf(app, table)])
}
