package quotas_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

type object = map[string]any

func path(credential object) string { return "/v1/quotas/" + credential["id"].(string) }

func key(c *parvistest.Client) object {
	return c.Post("/v1/api-keys", object{"name": "Connecteur", "kind": "sk", "scopes": []string{"operations:read"}}).Is(201).JSON()
}

func with(c *parvistest.Client, secret any) *parvistest.Client {
	other := *c
	other.Key, _ = secret.(string)
	return &other
}

func TestACredentialHasAQuotaOfItsOwn(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	k := key(app.Client)
	holder := with(app.Client, k["secret"])
	none := app.Get(path(k)).Is(200)
	require.Equal(t, `"0"`, none.Header.Get("ETag"))
	require.Nil(t, none.JSON()["default"])
	require.Empty(t, app.Get("/v1/quotas").Is(200).Data())

	changed := app.Patch(path(k), object{"default": 2, "reason": "Essais"}).Is(200)
	require.EqualValues(t, 2, changed.JSON()["default"])
	require.Equal(t, "api_key", changed.JSON()["credential_kind"])
	require.Len(t, app.Get("/v1/quotas").Is(200).Data(), 1)
	for range 2 {
		a := holder.Get("/v1/operations").Is(200)
		require.True(t, strings.HasPrefix(a.Header.Get("RateLimit-Policy"), `"default";q=2;w=60;pk=:`), a.Header.Get("RateLimit-Policy"))
	}
	holder.Get("/v1/operations").Problem(429, "quota-exceeded")

	app.Patch(path(k), object{"default": nil}, parvistest.Header("If-Match", `"1"`)).Is(200)
	require.Empty(t, app.Get("/v1/quotas").Is(200).Data())
	parvistest.Eventually(t, "the installation's quota is back", func() bool { return holder.Get("/v1/operations").Status == 200 })
	app.Patch(path(k), object{"default": 5}, parvistest.Header("If-Match", `"1"`)).Problem(412, "stale-version")
}

// A process takes parts of a quota; what it took of a greater one is no debt.
func TestWhoseQuotaIsLoweredWaitsAMinuteAtMost(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	k := key(app.Client)
	holder := with(app.Client, k["secret"])
	app.Patch(path(k), object{"default": 2000}).Is(200)
	parvistest.Eventually(t, "the quota is great", func() bool {
		return strings.Contains(holder.Get("/v1/operations").Is(200).Header.Get("RateLimit-Policy"), ";q=2000;")
	})
	app.Patch(path(k), object{"default": 2}, parvistest.Header("If-Match", `"1"`)).Is(200)
	var refused *parvistest.Answer
	parvistest.Eventually(t, "the quota is small and used", func() bool {
		refused = holder.Get("/v1/operations")
		return refused.Status == 429
	})
	wait, err := strconv.Atoi(refused.Header.Get("Retry-After"))
	require.NoError(t, err)
	require.LessOrEqual(t, wait, 60)
}

func TestClientsHaveQuotas(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	client := app.Post("/v1/oauth-clients", object{"name": "Site web", "scopes": []string{"events:read"}}).Is(201).JSON()
	require.Equal(t, "oauth_client", app.Patch(path(client), object{"bulk": 10, "search": 20}).Is(200).JSON()["credential_kind"])
	app.Patch("/v1/quotas/"+uuid.NewString(), object{"default": 5}).Problem(404, "not-found")
	app.Get("/v1/quotas/"+uuid.NewString()).Problem(404, "not-found")
	app.Patch(path(client), object{"default": 0}).Points("#/default")
	app.Patch(path(client), object{"version": 7}).Problem(400, "invalid-request")
	require.Nil(t, app.Patch(path(client), object{"reason": nil}).Is(200).JSON()["reason"])
}
