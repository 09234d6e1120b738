package access_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestAnotherInstitutionSeesNothing(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	foreign := app.OtherTenant()
	whatever := parvistest.IfMatch("*")
	department := app.Post("/v1/departments", object{"code": "rp", "name": "RP"}).Is(201).ID()
	user := app.Post("/v1/users", object{"email": "a@b.example", "name": "A"}).Is(201).ID()
	key := newKey(app.Client, nil)["id"].(string)
	client := idOf(newClient(app.Client, nil))
	for path, actions := range map[string][]string{
		"/v1/departments/" + department: {"/archive", "/restore"}, "/v1/users/" + user: {"/deactivate", "/reactivate"},
		"/v1/api-keys/" + key: {"/revoke", "/rotate"}, "/v1/oauth-clients/" + client: {"/revoke", "/rotate-secret"},
	} {
		foreign.Get(path).Problem(404, "not-found")
		foreign.Patch(path, object{"name": "x"}).Problem(404, "not-found")
		for _, action := range actions {
			foreign.Post(path+action, nil, func(r *http.Request) {
				if action != "/rotate" && action != "/rotate-secret" {
					whatever(r)
				}
			}).Problem(404, "not-found")
		}
	}
	require.Empty(t, foreign.Walk("/v1/departments?archived=true"))
	require.Empty(t, foreign.Walk("/v1/users"))
	require.Empty(t, foreign.Walk("/v1/oauth-clients"))
	for _, k := range foreign.Walk("/v1/api-keys") {
		require.NotEqual(t, key, k["id"])
	}
	foreign.Post("/v1/users", object{"email": "a@b.example", "name": "A", "department_id": department}).Points("#/department_id")
	foreign.Post("/v1/users", object{"email": "a@b.example", "name": "A"}).Is(201)
	foreign.Post("/v1/departments", object{"code": "rp", "name": "RP", "parent_id": department}).Points("#/parent_id")
	foreign.Post("/v1/departments", object{"code": "rp", "name": "RP"}).Is(201)
	require.NotEqual(t, app.Tenant.String(), foreign.Get("/v1/institution").Is(200).ID())
}
