package access_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestEachOperationAsksForItsScope(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	id := uuid.NewString()
	whatever := parvistest.IfMatch("*")
	for scope, requests := range map[string]map[string]func(*parvistest.Client) *parvistest.Answer{
		"institution:read": {"": func(c *parvistest.Client) *parvistest.Answer { return c.Get("/v1/institution") }},
		"institution:write": {
			"": func(c *parvistest.Client) *parvistest.Answer { return c.Patch("/v1/institution", object{"name": "x"}) },
			"sandbox": func(c *parvistest.Client) *parvistest.Answer {
				return c.Post("/v1/institution/sandbox", object{"name": "x"})
			},
		},
		"departments:read": {"": func(c *parvistest.Client) *parvistest.Answer { return c.Get("/v1/departments") },
			"one": func(c *parvistest.Client) *parvistest.Answer { return c.Get("/v1/departments/" + id) }},
		"departments:write": {
			"": func(c *parvistest.Client) *parvistest.Answer {
				return c.Post("/v1/departments", object{"code": "x", "name": "x"})
			},
			"change": func(c *parvistest.Client) *parvistest.Answer {
				return c.Patch("/v1/departments/"+id, object{"name": "x"})
			},
			"archive": func(c *parvistest.Client) *parvistest.Answer {
				return c.Post("/v1/departments/"+id+"/archive", nil, whatever)
			},
			"restore": func(c *parvistest.Client) *parvistest.Answer {
				return c.Post("/v1/departments/"+id+"/restore", nil, whatever)
			}},
		"users:read": {"": func(c *parvistest.Client) *parvistest.Answer { return c.Get("/v1/users") },
			"one": func(c *parvistest.Client) *parvistest.Answer { return c.Get("/v1/users/" + id) }},
		"users:write": {
			"": func(c *parvistest.Client) *parvistest.Answer {
				return c.Post("/v1/users", object{"email": "x@y.example", "name": "x"})
			},
			"change": func(c *parvistest.Client) *parvistest.Answer { return c.Patch("/v1/users/"+id, object{"name": "x"}) },
			"deactivate": func(c *parvistest.Client) *parvistest.Answer {
				return c.Post("/v1/users/"+id+"/deactivate", nil, whatever)
			},
			"reactivate": func(c *parvistest.Client) *parvistest.Answer {
				return c.Post("/v1/users/"+id+"/reactivate", nil, whatever)
			}},
		"api_keys:read": {"": func(c *parvistest.Client) *parvistest.Answer { return c.Get("/v1/api-keys") },
			"one": func(c *parvistest.Client) *parvistest.Answer { return c.Get("/v1/api-keys/" + id) }},
		"api_keys:write": {
			"": func(c *parvistest.Client) *parvistest.Answer {
				return c.Post("/v1/api-keys", object{"name": "x", "kind": "sk", "scopes": []string{}})
			},
			"change": func(c *parvistest.Client) *parvistest.Answer { return c.Patch("/v1/api-keys/"+id, object{"name": "x"}) },
			"revoke": func(c *parvistest.Client) *parvistest.Answer {
				return c.Post("/v1/api-keys/"+id+"/revoke", nil, whatever)
			},
			"rotate": func(c *parvistest.Client) *parvistest.Answer { return c.Post("/v1/api-keys/"+id+"/rotate", nil) }},
		"oauth_clients:read": {"": func(c *parvistest.Client) *parvistest.Answer { return c.Get("/v1/oauth-clients") },
			"one": func(c *parvistest.Client) *parvistest.Answer { return c.Get("/v1/oauth-clients/" + id) }},
		"oauth_clients:write": {
			"": func(c *parvistest.Client) *parvistest.Answer {
				return c.Post("/v1/oauth-clients", object{"name": "x", "scopes": []string{}})
			},
			"change": func(c *parvistest.Client) *parvistest.Answer {
				return c.Patch("/v1/oauth-clients/"+id, object{"name": "x"})
			},
			"revoke": func(c *parvistest.Client) *parvistest.Answer {
				return c.Post("/v1/oauth-clients/"+id+"/revoke", nil, whatever)
			},
			"rotate": func(c *parvistest.Client) *parvistest.Answer {
				return c.Post("/v1/oauth-clients/"+id+"/rotate-secret", nil)
			}},
	} {
		without, holder := app.As("operations:read"), app.As(scope)
		for name, send := range requests {
			p := send(without).Problem(403, "insufficient-scope")
			require.Equal(t, scope, p["required_scope"], name)
			send(app.Anonymous()).Problem(401, "unauthenticated")
			require.Contains(t, []int{200, 201, 404}, send(holder).Status, "%s %s", scope, name)
		}
	}
}

// Nobody makes anything stronger than themselves, by whatever way.
func TestNobodyGivesRightsThatTheyLack(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	keeper := app.As("api_keys:write", "api_keys:read", "users:write", "oauth_clients:write", "operations:read")
	for _, scopes := range [][]string{{"*"}, {"operations:read", "operations:write"}, {"users:read"}} {
		keeper.Post("/v1/api-keys", object{"name": "k", "kind": "sk", "scopes": scopes}).Problem(403, "insufficient-scope")
		keeper.Post("/v1/users", object{"email": "a@b.example", "name": "k", "scopes": scopes}).Problem(403, "insufficient-scope")
		keeper.Post("/v1/oauth-clients", object{"name": "k", "scopes": scopes}).Problem(403, "insufficient-scope")
	}
	own := newKey(keeper, nil)
	keeper.Patch("/v1/api-keys/"+own["id"].(string), object{"scopes": []string{"*"}}).Problem(403, "insufficient-scope")
	user := keeper.Post("/v1/users", object{"email": "a@b.example", "name": "k", "scopes": []string{"operations:read"}}).Is(201).ID()
	keeper.Patch("/v1/users/"+user, object{"scopes": []string{"users:read"}}).Problem(403, "insufficient-scope")
	client := newClient(keeper, object{"scopes": []string{"operations:read"}})
	keeper.Patch("/v1/oauth-clients/"+idOf(client), object{"scopes": []string{"*"}}).Problem(403, "insufficient-scope")

	// A token passes on no more than it has itself.
	strong := newClient(app.Client, object{"scopes": []string{"*"}})
	narrow := with(app.Client, tokenFor(app.Client, strong, "scope", "api_keys:write operations:read"))
	narrow.Post("/v1/api-keys", object{"name": "k", "kind": "sk", "scopes": []string{"users:read"}}).Problem(403, "insufficient-scope")
	newKey(narrow, nil)
}

// The secret of a stronger key would be its rights; its end would be a way to
// lock its holder out.
func TestNobodyTouchesWhatIsStronger(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	keeper := app.As("api_keys:write", "users:write", "oauth_clients:write")
	whatever := parvistest.IfMatch("*")
	key := "/v1/api-keys/" + newKey(app.Client, nil)["id"].(string)
	keeper.Post(key+"/rotate", nil).Problem(403, "rights-exceeded")
	keeper.Post(key+"/revoke", nil, whatever).Problem(403, "rights-exceeded")
	keeper.Patch(key, object{"name": "x"}).Problem(403, "rights-exceeded")
	keeper.Patch(key, object{"scopes": []string{}}).Problem(403, "rights-exceeded")
	client := "/v1/oauth-clients/" + idOf(newClient(app.Client, nil))
	keeper.Post(client+"/rotate-secret", nil).Problem(403, "rights-exceeded")
	keeper.Post(client+"/revoke", nil, whatever).Problem(403, "rights-exceeded")
	keeper.Patch(client, object{"name": "x"}).Problem(403, "rights-exceeded")
	user := "/v1/users/" + app.Post("/v1/users", object{"email": "a@b.example", "name": "k", "scopes": []string{"operations:read"}}).Is(201).ID()
	keeper.Patch(user, object{"email": "mine@b.example"}).Problem(403, "rights-exceeded")
	keeper.Post(user+"/deactivate", nil, whatever).Problem(403, "rights-exceeded")
}

// What is bound to a source makes nothing that is not.
func TestBoundKeysStayBound(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	bound := app.AsSource("billetterie", "api_keys:write", "users:write", "oauth_clients:write", "institution:write", "operations:read")
	in := object{"name": "k", "kind": "rk", "scopes": []string{"operations:read"}}
	bound.Post("/v1/api-keys", parvistest.With(in, object{"kind": "sk"})).Problem(403, "rights-exceeded")
	bound.Post("/v1/api-keys", parvistest.With(in, object{"source": "autre"})).Problem(403, "rights-exceeded")
	mine := bound.Post("/v1/api-keys", parvistest.With(in, object{"source": "billetterie"})).Is(201).ID()
	bound.Patch("/v1/api-keys/"+mine, object{"source": "autre"}).Problem(403, "rights-exceeded")
	free := newKey(app.Client, nil)["id"].(string)
	bound.Post("/v1/api-keys/"+free+"/rotate", nil).Problem(403, "rights-exceeded")
	bound.Post("/v1/oauth-clients", object{"name": "k", "scopes": []string{}}).Problem(403, "rights-exceeded")
	bound.Post("/v1/users", object{"email": "a@b.example", "name": "k"}).Problem(403, "rights-exceeded")
	bound.Post("/v1/institution/sandbox", object{"name": "k"}).Problem(403, "rights-exceeded")

	client := newClient(app.Client, object{"source": "billetterie"})
	token := with(app.Client, tokenFor(app.Client, client))
	require.Equal(t, "billetterie", token.Get("/v1/me").Is(200).JSON()["source"])
}
