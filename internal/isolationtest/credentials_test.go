package isolationtest

import (
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/access/apikey"
	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/seal"
	"github.com/parvis-crm/parvis/internal/web"
)

// Whatever is wrong with a credential, every operation answers as to one that
// never was.
func TestACredentialThatDoesNotStandIsNone(t *testing.T) {
	t.Parallel()
	master := seal.Generate()
	known := func(as string) parvistest.Option {
		return parvistest.WithConfig(func(c *config.Config) { c.PublicURL = as })
	}
	app := parvistest.New(t, parvistest.WithMasterKey(master), known("https://crm.theatre.example"))
	sibling := parvistest.NewOn(t, app.DB, parvistest.WithMasterKey(master), known("https://autre.example"))
	stranger := parvistest.New(t, known("https://crm.theatre.example"))
	suspended := app.OtherTenant()
	as(t, app.DB, "update tenants set status = 'suspended' where tenant_id = (select tenant_id from tenants order by created_at desc limit 1)")

	standing := token(t, app, app.Client)
	require.Equal(t, 200, with(app, standing).Get("/v1/me").Status)
	elsewhere := token(t, sibling, app.Client)
	require.Equal(t, 200, with(sibling, elsewhere).Get("/v1/me").Status, "it stands where it is meant for")
	keys := map[string]string{
		"an expired key":                  spoilt(t, app, "expires_at = now() - interval '1 hour'"),
		"a revoked key":                   spoilt(t, app, "revoked_at = now() - interval '1 second'"),
		"a key from a foreign network":    spoilt(t, app, "allowed_cidrs = '{203.0.113.0/24}'"),
		"a key of a suspended house":      suspended.Key,
		"a key of another installation":   stranger.Key,
		"a token for another audience":    elsewhere,
		"a token of another installation": token(t, stranger, stranger.Client),
		"a token of no signature":         standing[:strings.LastIndex(standing, ".")+1] + "AAAA",
		"a key whose secret is another's": app.Key[:len(app.Key)-12] + stranger.Key[len(stranger.Key)-12:],
	}
	nobody := with(app, "pv_live_sk_000000000000_00000000000000000000000000000000000000")
	for _, id := range slices.Sorted(maps.Keys(api.Operations)) {
		op := api.Operations[id]
		if op.Public {
			continue
		}
		want := nobody.Do(op.Method, parvistest.Path(op), nil)
		require.Equal(t, http.StatusUnauthorized, want.Status, id)
		for what, key := range keys {
			got := with(app, key).Do(op.Method, parvistest.Path(op), nil)
			require.Equal(t, shape(want, nil), shape(got, nil), "%s: %s is told from a key that never was", id, what)
		}
	}
}

// with is a client that has this credential.
func with(app *parvistest.App, key string) *parvistest.Client {
	c := app.Anonymous()
	c.Key = key
	return c
}

// spoilt is a key of the institution of which something is not as it must be.
func spoilt(t *testing.T, app *parvistest.App, how string) string {
	t.Helper()
	made, key, err := app.Access().CreateKey(web.WithActor(t.Context(), web.SystemActor(app.Tenant, "test")), access.NewKey{Name: "spoilt", Kind: apikey.Secret, Scopes: []string{"*"}})
	require.NoError(t, err)
	as(t, app.DB, "update api_keys set "+how+" where tenant_id = $1 and id = $2", app.Tenant, made.ID)
	return key
}

// token has a program write an access token for a new client of an institution.
func token(t *testing.T, app *parvistest.App, of *parvistest.Client) string {
	t.Helper()
	client := app.Acting(of).Post("/v1/oauth-clients", m{"name": "Programme " + ids.New().String(), "scopes": []string{"*"}}).Is(201).JSON()
	basic := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(client["id"].(string)) + ":" + url.QueryEscape(client["secret"].(string))))
	answer := app.Anonymous().Post("/oauth/token", "grant_type=client_credentials", parvistest.Header("Content-Type", "application/x-www-form-urlencoded"),
		parvistest.Header("Authorization", "Basic "+basic)).Is(200)
	return answer.JSON()["access_token"].(string)
}
