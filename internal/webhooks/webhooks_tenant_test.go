package webhooks_test

import (
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/access/apikey"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/web"
)

func TestAnotherInstitutionSeesNothing(t *testing.T) {
	t.Parallel()
	program := parvistest.New(t)
	r := newReceiver(t)
	e := subscribe(t, program.Client, r.URL, nil)
	emit(t, program.App.DB, program.Tenant, "tag.happened", 1)
	delivery := path(e) + "/deliveries/" + awaitDelivery(t, program.Client, e, "succeeded", 1)[0]["id"].(string)
	other := program.OtherTenant()
	for _, p := range []string{path(e), path(e) + "/deliveries", delivery} {
		other.Get(p).Problem(http.StatusNotFound, "not-found")
	}
	for p, body := range map[string]any{
		path(e) + "/verify": nil, path(e) + "/rotate-secret": map[string]any{}, path(e) + "/recover": map[string]any{"since": "2026-01-01T00:00:00Z"},
		path(e) + "/test": map[string]any{"type": "tag.happened"}, delivery + "/retry": nil,
	} {
		other.Post(p, body).Problem(http.StatusNotFound, "not-found")
	}
	other.Patch(path(e), map[string]any{"status": "disabled"}).Problem(http.StatusNotFound, "not-found")
	other.Delete(path(e), parvistest.IfMatch("*")).Problem(http.StatusNotFound, "not-found")
	require.Empty(t, other.Get(endpoints).Is(http.StatusOK).Data())

	// Its own endpoint gets its own events only.
	own := newReceiver(t)
	subscribe(t, other, own.URL, map[string]any{"event_types": []string{"*"}})
	emit(t, program.App.DB, program.Tenant, "tag.happened", 5)
	awaitDelivery(t, program.Client, e, "succeeded", 6)
	require.Empty(t, own.of("tag.happened"))
}

func owner(t testing.TB, program *parvistest.App) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), program.DB.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}

// testKey is a key of an institution that has become a sandbox.
func testKey(t testing.TB, program *parvistest.App) *parvistest.Client {
	t.Helper()
	actor := web.SystemActor(program.Tenant, "test")
	actor.Test = true
	_, key, err := program.Access().CreateKey(web.WithActor(t.Context(), actor), access.NewKey{Name: "sandbox", Kind: apikey.Secret, Scopes: []string{"*"}})
	require.NoError(t, err)
	client := program.As("*")
	client.Key = key
	return client
}
