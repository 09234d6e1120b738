package access_test

import (
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/access/apikey"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

func TestProgramsHaveLimitsOfTheirOwn(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	rp := app.Post("/v1/departments", object{"code": "rp", "name": "RP"}).Is(201).ID()
	app.Post("/v1/purposes", object{"code": "billetterie", "name": "Billetterie", "legal_basis": "contract"}).Is(201)
	limits := object{
		"department_ids": []string{rp}, "verbs": []string{"see", "edit"}, "purposes": []string{"billetterie"},
		"readable_classes": []string{"identity"}, "writable_classes": []string{},
	}
	check := func(a object) {
		require.Equal(t, []any{rp}, a["department_ids"])
		require.Equal(t, []any{"edit", "see"}, a["verbs"])
		require.Equal(t, []any{"billetterie"}, a["purposes"])
		require.Equal(t, []any{"identity"}, a["readable_classes"])
		require.Equal(t, []any{}, a["writable_classes"])
	}
	key := app.Post("/v1/api-keys", parvistest.With(object{"name": "k", "kind": "sk", "scopes": []string{"contacts:read"}}, limits)).Is(201).JSON()
	check(key)
	path := "/v1/api-keys/" + key["id"].(string)
	check(app.Get(path).Is(200).JSON())
	rotated := app.Post(path+"/rotate", nil).Is(201).JSON()
	check(rotated)
	me := with(app.Client, rotated["secret"].(string)).Get("/v1/me").Is(200).JSON()
	require.Equal(t, false, me["sees_everything"])
	require.Equal(t, []any{"billetterie"}, me["purposes"])
	require.Equal(t, []any{
		object{"verb": "see", "is_everywhere": false, "department_ids": []any{rp}}, object{"verb": "edit", "is_everywhere": false, "department_ids": []any{rp}},
	}, me["verbs"])

	client := app.Post("/v1/oauth-clients", parvistest.With(object{"name": "c", "scopes": []string{"contacts:read"}}, limits)).Is(201).JSON()
	check(client)
	changed := app.Patch("/v1/oauth-clients/"+client["id"].(string), object{"verbs": nil, "department_ids": []string{}, "readable_classes": nil}).Is(200).JSON()
	require.Nil(t, changed["verbs"])
	require.Equal(t, []any{}, changed["department_ids"])
	require.Nil(t, app.Patch(path, object{"verbs": nil}).Is(200).JSON()["verbs"])

	for _, wrong := range []object{{"department_ids": []string{key["id"].(string)}}, {"purposes": []string{"espionnage"}}} {
		for member := range wrong {
			app.Post("/v1/api-keys", parvistest.With(object{"name": "k", "kind": "sk", "scopes": []string{}}, wrong)).Points("#/" + member + "/0")
			app.Patch(path, wrong).Points("#/" + member + "/0")
			app.Post("/v1/oauth-clients", parvistest.With(object{"name": "k", "scopes": []string{}}, wrong)).Points("#/" + member + "/0")
		}
	}
	app.Post("/v1/api-keys", object{"name": "k", "kind": "sk", "scopes": []string{}, "verbs": []string{"fly"}}).Problem(400, "invalid-request")
}

// Without any verb an operation is refused before it looks at anything.
func TestVerbsHeldNowhereAreRefusedEarly(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	blind := newKey(app.Client, object{"scopes": []string{"contacts:read", "contacts:write"}, "verbs": []string{"see"}})
	c := with(app.Client, blind["secret"].(string))
	c.Get("/v1/contacts").Is(200)
	p := c.Post("/v1/contacts", object{"kind": "person", "given_name": "Ada"}).Problem(403, "verb-not-held")
	require.Equal(t, "edit", p["required_verb"])
	c.Get("/v1/contacts/"+blind["id"].(string)+"/contact-points").Problem(403, "verb-not-held")
	none := newKey(app.Client, object{"scopes": []string{"contacts:read"}, "verbs": []string{}})
	with(app.Client, none["secret"].(string)).Get("/v1/contacts").Problem(403, "verb-not-held")
}

// Nobody makes or changes what is wider than themselves, in any direction.
func TestNobodyMakesAKeyWiderThanThemselves(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	rp := app.Post("/v1/departments", object{"code": "rp", "name": "RP"}).Is(201).ID()
	other := app.Post("/v1/departments", object{"code": "tech", "name": "Technique"}).Is(201).ID()
	app.Post("/v1/purposes", object{"code": "billetterie", "name": "Billetterie", "legal_basis": "contract"}).Is(201)
	own := object{
		"department_ids": []string{rp}, "verbs": []string{"see", "edit"}, "readable_classes": []string{"identity"}, "writable_classes": []string{"identity"},
	}
	in := parvistest.With(object{"name": "k", "kind": "sk", "scopes": []string{"contacts:read"}}, own)
	holder := newKey(app.Client, parvistest.With(own, object{"scopes": []string{"contacts:read", "api_keys:write", "oauth_clients:write", "users:write"}}))
	c := with(app.Client, holder["secret"].(string))
	bound := newKey(app.Client, parvistest.With(own, object{"scopes": []string{"contacts:read", "api_keys:write"}, "purposes": []string{"billetterie"}}))
	with(app.Client, bound["secret"].(string)).Post("/v1/api-keys", in).Problem(403, "outside-purpose")
	// Held to purposes, nobody makes what is held to fewer or to others, were such a
	// credential let near keys at all.
	app.Post("/v1/purposes", object{"code": "lettre", "name": "Lettre", "legal_basis": "contract"}).Is(201)
	narrow, err := app.Access().Authenticate(t.Context(), bound["secret"].(string), netip.MustParseAddr("127.0.0.1"))
	require.NoError(t, err)
	held := web.WithActor(t.Context(), narrow)
	bind := func(purposes ...string) error {
		made := access.Limits{Departments: narrow.Sight.Departments(pg.See), Verbs: []string{"see"}, Readable: []string{"identity"}, Writable: []string{"identity"}, Purposes: purposes}
		_, _, err := app.Access().CreateKey(held, access.NewKey{Name: "k", Kind: apikey.Secret, Scopes: []string{"contacts:read"}, Limits: made})
		return err
	}
	require.NoError(t, bind("billetterie"))
	for _, wider := range [][]string{nil, {"lettre"}, {"billetterie", "lettre"}} {
		f, is := fault.As(bind(wider...))
		require.True(t, is, "%v", wider)
		require.Equal(t, "rights-exceeded", f.Code, "%v", wider)
	}
	for _, purposes := range [][]string{{}, {"lettre"}, {"billetterie", "lettre"}} {
		with(app.Client, bound["secret"].(string)).Patch("/v1/api-keys/"+bound["id"].(string), object{"purposes": purposes}).Problem(403, "outside-purpose")
	}
	mine := c.Post("/v1/api-keys", in).Is(201).ID()
	client := parvistest.With(in, nil)
	delete(client, "kind")
	theirs := c.Post("/v1/oauth-clients", client).Is(201).ID()
	for _, wider := range []object{
		{"department_ids": []string{}}, {"department_ids": []string{rp, other}}, {"verbs": nil}, {"verbs": []string{"see", "merge"}}, {"verbs": []string{"see_restricted"}},
		{"readable_classes": nil}, {"readable_classes": []string{"sensitive"}}, {"writable_classes": nil},
	} {
		c.Post("/v1/api-keys", parvistest.With(in, wider)).Problem(403, "rights-exceeded")
		c.Patch("/v1/api-keys/"+mine, wider).Problem(403, "rights-exceeded")
		c.Post("/v1/oauth-clients", parvistest.With(client, wider)).Problem(403, "rights-exceeded")
		c.Patch("/v1/oauth-clients/"+theirs, wider).Problem(403, "rights-exceeded")
	}
	wide := newKey(app.Client, object{"scopes": []string{"contacts:read"}})["id"].(string)
	c.Post("/v1/api-keys/"+wide+"/rotate", nil).Problem(403, "rights-exceeded")
	c.Post("/v1/api-keys/"+wide+"/revoke", nil, parvistest.IfMatch("*")).Problem(403, "rights-exceeded")
	// What a user holds directly holds everywhere.
	c.Post("/v1/users", object{"email": "a@b.example", "name": "A", "scopes": []string{"contacts:read"}}).Problem(403, "rights-exceeded")
	c.Post("/v1/users", object{"email": "a@b.example", "name": "A"}).Is(201)
}

// What ends, or may be used from some networks only, makes nothing that lives
// longer or reaches further.
func TestWhatIsMadeEndsAndReachesAsItsMaker(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	soon, later := time.Now().Add(time.Hour).UTC().Format(time.RFC3339), time.Now().Add(2*time.Hour).UTC().Format(time.RFC3339)
	bounds := object{"expires_at": soon, "allowed_cidrs": []string{"127.0.0.0/8", "10.0.0.0/8"}}
	scopes := []string{"contacts:read", "api_keys:write", "oauth_clients:write", "webhooks:write", "events:read"}
	c := with(app.Client, newKey(app.Client, parvistest.With(bounds, object{"scopes": scopes}))["secret"].(string))
	within := object{"expires_at": soon, "allowed_cidrs": []string{"10.1.0.0/16"}}
	in := parvistest.With(object{"name": "k", "kind": "sk", "scopes": []string{"contacts:read"}}, within)
	client := parvistest.With(object{"name": "k", "scopes": []string{"contacts:read"}}, within)
	mine, theirs := c.Post("/v1/api-keys", in).Is(201).ID(), c.Post("/v1/oauth-clients", client).Is(201).ID()
	for _, wider := range []object{
		{"expires_at": nil}, {"expires_at": later}, {"allowed_cidrs": []string{}}, {"allowed_cidrs": []string{"0.0.0.0/0"}}, {"allowed_cidrs": []string{"10.1.0.0/16", "192.0.2.0/24"}},
	} {
		c.Post("/v1/api-keys", parvistest.With(in, wider)).Problem(403, "rights-exceeded")
		c.Patch("/v1/api-keys/"+mine, wider).Problem(403, "rights-exceeded")
		c.Post("/v1/oauth-clients", parvistest.With(client, wider)).Problem(403, "rights-exceeded")
		c.Patch("/v1/oauth-clients/"+theirs, wider).Problem(403, "rights-exceeded")
	}
	lasting := newKey(app.Client, object{"scopes": []string{"contacts:read"}})["id"].(string)
	c.Post("/v1/api-keys/"+lasting+"/rotate", nil).Problem(403, "rights-exceeded")
	c.Post("/v1/api-keys/"+mine+"/rotate", nil).Is(201)
	endpoint := object{"url": "http://127.0.0.1:9/", "event_types": []string{"contact.*"}}
	c.Post("/v1/webhook-endpoints", endpoint).Problem(403, "rights-exceeded")
	// One that only ends may: the endpoint ends with it.
	with(app.Client, newKey(app.Client, object{"scopes": scopes, "expires_at": soon})["secret"].(string)).Post("/v1/webhook-endpoints", endpoint).Is(201)
}

// Whoever has more by a role is not changed by who has less: the address of a
// user is their way in.
func TestNobodyTakesOverAUserWithMoreByARole(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	nora := app.Person()
	keeper := app.As("users:write")
	keeper.Patch("/v1/users/"+nora.ID, object{"name": "Nora B."}).Is(200)
	role := app.Post("/v1/roles", object{"code": "cles", "name": "Clés", "scopes": []string{"api_keys:write"}}).Is(201).ID()
	app.Post("/v1/role-assignments", object{"principal_kind": "user", "principal_id": nora.ID, "role_id": role}).Is(201)
	keeper.Patch("/v1/users/"+nora.ID, object{"email": "mine@b.example"}).Problem(403, "rights-exceeded")
	keeper.Post("/v1/users/"+nora.ID+"/deactivate", nil, parvistest.IfMatch("*")).Problem(403, "rights-exceeded")
}

func TestClientsExpireAndKeepToTheirNetworks(t *testing.T) {
	t.Parallel()
	now := clock.NewFixed(time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC))
	app := parvistest.New(t, parvistest.WithClock(now))
	exchange := func(c object) *parvistest.Answer {
		return app.Anonymous().Do(http.MethodPost, "/oauth/token", "grant_type=client_credentials", parvistest.Header("Content-Type", "application/x-www-form-urlencoded"),
			func(r *http.Request) { r.SetBasicAuth(c["client_id"].(string), c["secret"].(string)) })
	}
	in := object{"name": "c", "scopes": []string{"contacts:read"}}
	app.Post("/v1/oauth-clients", parvistest.With(in, object{"expires_at": "2020-01-01T00:00:00Z"})).Points("#/expires_at")
	app.Post("/v1/oauth-clients", parvistest.With(in, object{"allowed_cidrs": []string{"nowhere"}})).Points("#/allowed_cidrs/0")

	abroad := app.Post("/v1/oauth-clients", parvistest.With(in, object{"allowed_cidrs": []string{"192.0.2.0/24"}})).Is(201).JSON()
	require.Equal(t, "invalid_client", exchange(abroad).Is(401).JSON()["error"])
	app.Patch("/v1/oauth-clients/"+abroad["id"].(string), object{"allowed_cidrs": []string{"127.0.0.0/8"}}).Is(200)
	token := with(app.Client, exchange(abroad).Is(200).JSON()["access_token"].(string))
	token.Get("/v1/contacts").Is(200)
	app.Patch("/v1/oauth-clients/"+abroad["id"].(string), object{"allowed_cidrs": []string{"192.0.2.7"}}).Is(200)
	token.Get("/v1/contacts").Problem(401, "unauthenticated")

	brief := app.Post("/v1/oauth-clients", parvistest.With(in, object{"expires_at": now.Now().Add(5 * time.Minute).Format(time.RFC3339)})).Is(201).JSON()
	held := with(app.Client, exchange(brief).Is(200).JSON()["access_token"].(string))
	held.Get("/v1/contacts").Is(200)
	now.Advance(5 * time.Minute)
	held.Get("/v1/contacts").Problem(401, "unauthenticated")
	require.Equal(t, "invalid_client", exchange(brief).Is(401).JSON()["error"])
}

// A supplier's account ends by itself, and everything with it.
func TestAccountsEndByThemselves(t *testing.T) {
	t.Parallel()
	now := clock.NewFixed(time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC))
	app := parvistest.New(t, parvistest.WithClock(now))
	in := object{"email": "presta@b.example", "name": "Prestataire", "scopes": []string{"contacts:read"}}
	app.Post("/v1/users", parvistest.With(in, object{"expires_at": "2020-01-01T00:00:00Z"})).Points("#/expires_at")
	made := app.Post("/v1/users", parvistest.With(in, object{"expires_at": now.Now().Add(24 * time.Hour).Format(time.RFC3339)})).Is(201)
	require.Equal(t, "2026-11-26T09:00:00Z", made.JSON()["expires_at"])
	user := app.AsUser(made.ID())
	user.Get("/v1/contacts").Is(200)
	now.Advance(24 * time.Hour)
	user.Get("/v1/contacts").Problem(401, "unauthenticated")
	app.Patch("/v1/users/"+made.ID(), object{"expires_at": nil}).Is(200)
	user.Get("/v1/contacts").Is(200)
}
