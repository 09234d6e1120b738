package access_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// with is a client that uses another credential.
func with(c *parvistest.Client, key any) *parvistest.Client {
	other := *c
	other.Key, _ = key.(string)
	return &other
}

func newKey(c *parvistest.Client, in object) object {
	return c.Post("/v1/api-keys", parvistest.With(object{"name": "Connecteur", "kind": "sk", "scopes": []string{"operations:read"}}, in)).Is(201).JSON()
}

func TestKeyIsShownOnceAndWorks(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	key := newKey(app.Client, nil)
	secret := key["secret"].(string)
	require.True(t, strings.HasPrefix(secret, "pv_live_sk_"+key["key_id"].(string)+"_"))
	require.Equal(t, "api_key", key["created_by"].(object)["kind"])

	holder := with(app.Client, secret)
	holder.Get("/v1/operations").Is(200)
	holder.Get("/v1/users").Problem(403, "insufficient-scope")
	path := "/v1/api-keys/" + key["id"].(string)
	for _, a := range []*parvistest.Answer{app.Get(path), app.Get("/v1/api-keys")} {
		require.NotContains(t, string(a.Is(200).Body), secret)
		require.NotContains(t, string(a.Body), "secret_hash")
	}
	parvistest.Eventually(t, "the use is noted", func() bool { return app.Get(path).JSON()["last_used_at"] != nil })

	for name, wrong := range map[string]string{
		"other secret": strings.Replace(secret, secret[25:30], "AAAAA", 1), "cut": secret[:len(secret)-1], "longer": secret + "0", "empty": " ",
		"mode": strings.Replace(secret, "live", "test", 1), "kind": strings.Replace(secret, "_sk_", "_rk_", 1),
	} {
		p := with(app.Client, wrong).Get("/v1/operations").Problem(401, "unauthenticated")
		require.NotContains(t, p["detail"], "checksum", name)
	}
	app.Anonymous().Get("/v1/operations?access_token="+secret).Problem(401, "unauthenticated")
}

func TestKindsOfKeys(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	try := func(in object) *parvistest.Answer {
		return app.Post("/v1/api-keys", parvistest.With(object{"name": "k", "kind": "sk", "scopes": []string{}}, in))
	}
	try(object{"kind": "rk"}).Points("#/source")
	try(object{"kind": "sk", "source": "billetterie"}).Points("#/source")
	try(object{"kind": "pk", "scopes": []string{"operations:read"}}).Points("#/scopes")
	try(object{"kind": "xx"}).Problem(400, "invalid-request")
	try(object{"expires_at": "2020-01-01T00:00:00Z"}).Points("#/expires_at")
	try(object{"allowed_cidrs": []string{"192.0.2.0/24", "192.0.2.1/24", "nonsense"}}).Points("#/allowed_cidrs/1")
	try(object{"scopes": []string{"nothing:known"}}).Points("#/scopes/0")

	pk := try(object{"kind": "pk"}).Is(201).JSON()
	with(app.Client, pk["secret"]).Get("/v1/me").Problem(401, "unauthenticated")
	rk := try(object{"kind": "rk", "source": "billetterie"}).Is(201).JSON()
	require.Equal(t, "billetterie", with(app.Client, rk["secret"]).Get("/v1/me").Is(200).JSON()["source"])
	app.Patch("/v1/api-keys/"+rk["id"].(string), object{"source": nil}).Points("#/source")
}

func TestChangesHoldAtOnce(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	key := newKey(app.Client, nil)
	path, holder := "/v1/api-keys/"+key["id"].(string), with(app.Client, key["secret"])
	holder.Get("/v1/operations").Is(200)
	app.Patch(path, object{"scopes": []string{"events:read"}}).Is(200)
	holder.Get("/v1/operations").Problem(403, "insufficient-scope")
	holder.Get("/v1/events").Is(200)
	app.Patch(path, object{"allowed_cidrs": []string{"192.0.2.0/24", "2001:db8::1"}}).Is(200)
	holder.Get("/v1/events").Problem(401, "unauthenticated")
	app.Patch(path, object{"allowed_cidrs": []string{"192.0.2.0/24", "127.0.0.0/8"}}).Is(200)
	holder.Get("/v1/events").Is(200)

	app.Post(path+"/revoke", nil).Problem(428, "precondition-required")
	app.Post(path+"/revoke", nil, parvistest.IfMatch(`"1"`)).Problem(412, "stale-version")
	app.Post(path+"/revoke", nil, parvistest.IfMatch("*")).Is(200)
	holder.Get("/v1/events").Problem(401, "unauthenticated")
	app.Patch(path, object{"name": "x"}).Problem(409, "already-revoked")
	app.Post(path+"/rotate", nil).Problem(409, "already-revoked")
	app.Post(path+"/revoke", nil, parvistest.IfMatch("*")).Problem(409, "already-revoked")
	require.Len(t, app.Walk("/v1/api-keys?status=revoked"), 1)
	require.Len(t, app.Walk("/v1/api-keys?status=active&limit=1"), 1)
	require.Empty(t, app.Walk("/v1/api-keys?kind=rk"))
	eventTypes(t, app.Client, "api_key.created", "api_key.updated", "api_key.revoked")
}

func TestExpiryAndRotation(t *testing.T) {
	t.Parallel()
	now := clock.NewFixed(time.Now())
	app := parvistest.New(t, parvistest.WithClock(now))
	end := now.Now().Add(100 * time.Hour).Format(time.RFC3339)
	key := newKey(app.Client, object{"expires_at": end, "allowed_cidrs": []string{"127.0.0.1"}})
	first := with(app.Client, key["secret"])
	path := "/v1/api-keys/" + key["id"].(string)

	rotated := app.Post(path+"/rotate", object{"overlap_seconds": 3600}).Is(201).JSON()
	second := with(app.Client, rotated["secret"])
	require.Equal(t, key["id"], rotated["rotated_from"])
	require.Equal(t, key["expires_at"], rotated["expires_at"])
	require.Equal(t, []any{"127.0.0.1/32"}, rotated["allowed_cidrs"])
	require.Equal(t, key["scopes"], rotated["scopes"])
	require.NotEqual(t, first.Key, second.Key)
	first.Get("/v1/operations").Is(200)
	second.Get("/v1/operations").Is(200)
	eventTypes(t, app.Client, "api_key.rotated")

	now.Advance(time.Hour - time.Second)
	first.Get("/v1/operations").Is(200)
	now.Advance(2 * time.Second)
	first.Get("/v1/operations").Problem(401, "unauthenticated")
	second.Get("/v1/operations").Is(200)
	app.Post(path+"/rotate", nil).Problem(409, "key-expired")
	now.Advance(100 * time.Hour)
	second.Get("/v1/operations").Problem(401, "unauthenticated")
	require.Len(t, app.Walk("/v1/api-keys?status=expired"), 2)
	app.Patch("/v1/api-keys/"+rotated["id"].(string), object{"expires_at": nil}).Is(200)
	second.Get("/v1/operations").Is(200)
}

func TestRotationTwiceWithOneKeyMakesOneKey(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	key := newKey(app.Client, nil)
	once := parvistest.Header("Idempotency-Key", "rotation-1")
	a := app.Post("/v1/api-keys/"+key["id"].(string)+"/rotate", nil, once).Is(201)
	b := app.Post("/v1/api-keys/"+key["id"].(string)+"/rotate", nil, once).Is(201)
	require.Equal(t, string(a.Body), string(b.Body))
	require.Len(t, app.Walk("/v1/api-keys"), 3)
}

// A suspended institution is shut out whole.
func TestSuspendedInstitution(t *testing.T) {
	t.Parallel()
	now := clock.NewFixed(time.Now())
	app := parvistest.New(t, parvistest.WithClock(now))
	app.Get("/v1/me").Is(200)
	owner(t, app, "update crm.tenants set status = 'suspended' where tenant_id = $1", app.Tenant)
	now.Advance(2 * time.Second)
	app.Get("/v1/me").Problem(401, "unauthenticated")
}

func TestAddressesBehindIPv6(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	key := newKey(app.Client, object{"allowed_cidrs": []string{"198.51.100.0/24"}})
	_, err := app.Access().Authenticate(t.Context(), key["secret"].(string), netip.MustParseAddr("::ffff:198.51.100.7"))
	require.NoError(t, err, "an IPv4 address in IPv6 clothes is that address")
	_, err = app.Access().Authenticate(t.Context(), key["secret"].(string), netip.MustParseAddr("::ffff:198.51.101.7"))
	require.Error(t, err)
}
