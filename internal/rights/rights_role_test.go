package rights_test

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
	type client = *parvistest.Client
	post := func(path string, body any) func(client) *parvistest.Answer {
		return func(c client) *parvistest.Answer { return c.Post(path, body, always) }
	}
	plain := func(path string, body any) func(client) *parvistest.Answer {
		return func(c client) *parvistest.Answer { return c.Post(path, body) }
	}
	get := func(path string) func(client) *parvistest.Answer {
		return func(c client) *parvistest.Answer { return c.Get(path) }
	}
	for scope, requests := range map[string][]func(client) *parvistest.Answer{
		"rights:read": {
			get("/v1/roles"), get("/v1/roles/" + id), get("/v1/teams"), get("/v1/teams/" + id), get("/v1/teams/" + id + "/members"),
			get("/v1/role-assignments"), get("/v1/role-assignments/" + id),
		},
		"rights:write": {
			plain("/v1/roles", object{"code": "x", "name": "x", "scopes": []string{}}), post("/v1/roles/"+id+"/archive", nil), post("/v1/roles/"+id+"/restore", nil),
			plain("/v1/teams", object{"code": "x", "name": "x"}), post("/v1/teams/"+id+"/archive", nil), post("/v1/teams/"+id+"/restore", nil),
			func(c client) *parvistest.Answer { return c.Patch("/v1/roles/"+id, object{"name": "x"}) },
			func(c client) *parvistest.Answer { return c.Patch("/v1/teams/"+id, object{"name": "x"}) },
			func(c client) *parvistest.Answer {
				if a := c.Post("/v1/roles/defaults", nil); a.Status != 403 || a.JSON()["code"] == "insufficient-scope" && a.JSON()["required_scope"] == "rights:write" {
					return a
				}
				return c.Get("/v1/me") // it lacks what those roles give, as it should
			},
		},
		"rights:grant": {
			plain("/v1/role-assignments", object{"principal_kind": "user", "principal_id": id, "role_id": id}),
			post("/v1/role-assignments/"+id+"/approve", nil), post("/v1/role-assignments/"+id+"/refuse", nil),
			post("/v1/role-assignments/"+id+"/revoke", nil), post("/v1/role-assignments/"+id+"/review", nil),
			func(c client) *parvistest.Answer { return c.Put("/v1/teams/"+id+"/members/"+id, nil) },
			func(c client) *parvistest.Answer { return c.Delete("/v1/teams/" + id + "/members/" + id) },
		},
	} {
		without, holder := app.As("operations:read"), app.As(scope)
		for i, send := range requests {
			p := send(without).Problem(403, "insufficient-scope")
			require.Equal(t, scope, p["required_scope"], i)
			send(app.Anonymous()).Problem(401, "unauthenticated")
			require.Contains(t, []int{200, 201, 404, 422}, send(holder).Status, "%s %d", scope, i)
		}
	}
	body := object{"role_id": id, "reason": "Évacuation de la salle"}
	app.Person("rights:grant").Post("/v1/role-assignments/request", object{"role_id": id}).Problem(403, "insufficient-scope")
	app.Person("rights:request").Post("/v1/role-assignments/break-glass", body).Problem(403, "insufficient-scope")
	app.Person("rights:grant").Post("/v1/role-assignments/"+id+"/withdraw", nil, always).Problem(403, "insufficient-scope")
	app.Person("rights:break_glass").Post("/v1/role-assignments/break-glass", body).Problem(422, "invalid")
}

// Nobody decides on rights that would be theirs: not as themselves, not by a
// team, not with a key that they made.
func TestNobodyGivesThemselvesRights(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	role := newRole(app.Client, "lecture", nil)
	nora := app.Person("rights:request", "rights:grant", "rights:write", "contacts:read", "api_keys:write")
	paul := app.Person("rights:request")
	give(nora.Client, nora.ID, role, nil).Problem(403, "own-rights")
	asked := "/v1/role-assignments/" + nora.Post("/v1/role-assignments/request", object{"role_id": role}).Is(201).ID()
	nora.Post(asked+"/approve", nil, always).Problem(403, "own-rights")

	key := nora.Post("/v1/api-keys", object{"name": "la mienne", "kind": "sk", "scopes": []string{"rights:grant", "contacts:read"}}).Is(201).JSON()
	mine := *app.Client
	mine.Key = key["secret"].(string)
	mine.Post(asked+"/approve", nil, always).Problem(403, "own-rights")
	give(&mine, nora.ID, role, nil).Problem(403, "own-rights")
	give(&mine, paul.ID, role, nil).Is(201)

	team := nora.Post("/v1/teams", object{"code": "soiree", "name": "Soirée"}).Is(201).ID()
	nora.Put("/v1/teams/"+team+"/members/"+nora.ID, nil).Problem(403, "own-rights")
	mine.Put("/v1/teams/"+team+"/members/"+nora.ID, nil).Problem(403, "own-rights")
	app.Put("/v1/teams/"+team+"/members/"+nora.ID, nil).Is(200)
	nora.Post("/v1/role-assignments", object{"principal_kind": "team", "principal_id": team, "role_id": role}).Problem(403, "own-rights")
	app.Post("/v1/teams/"+team+"/archive", nil, always).Is(200)
	nora.Post("/v1/teams/"+team+"/restore", nil, always).Problem(403, "own-rights")

	own := "/v1/role-assignments/" + give(app.Client, nora.ID, role, nil).Is(201).ID()
	nora.Post(own+"/review", nil, always).Problem(403, "own-rights")
	paul.Post(own+"/withdraw", nil, always).Problem(403, "not-your-role")
	nora.Post(own+"/withdraw", nil, always).Is(200)
}

// Nobody gives scopes, verbs, departments or classes of fields that they lack.
func TestNobodyGivesMoreThanTheyHave(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	top := newDepartment(app.Client, "direction", nil)
	below := newDepartment(app.Client, "accueil", top)
	other := newDepartment(app.Client, "technique", nil)
	paul := app.Person("rights:request")

	// In their departments only, where they may read and edit.
	keeper := newRole(app.Client, "gestion", object{
		"scopes": []string{"rights:grant", "rights:write", "contacts:read", "contacts:write"}, "verbs": []string{"see", "edit"}, "readable_classes": []string{"identity"},
	})
	nora := app.Person()
	give(app.Client, nora.ID, keeper, object{"department_id": top}).Is(201)
	limited := object{"readable_classes": []string{"identity"}, "writable_classes": []string{}}
	reading := newRole(app.Client, "lecture", limited)
	give(nora.Client, paul.ID, reading, object{"department_id": top}).Is(201)
	mine := give(nora.Client, paul.ID, reading, object{"department_id": below}).Is(201).ID()
	give(nora.Client, paul.ID, reading, object{"department_id": other}).Problem(403, "rights-exceeded")
	give(nora.Client, paul.ID, reading, nil).Problem(403, "rights-exceeded")
	merging := newRole(app.Client, "fusion", parvistest.With(limited, object{"verbs": []string{"see", "merge"}}))
	give(nora.Client, paul.ID, merging, object{"department_id": top}).Problem(403, "rights-exceeded")
	wider := newRole(app.Client, "champs", object{"readable_classes": []string{"identity", "financial"}, "writable_classes": []string{}})
	give(nora.Client, paul.ID, wider, object{"department_id": top}).Problem(403, "rights-exceeded")
	more := newRole(app.Client, "cles", parvistest.With(limited, object{"scopes": []string{"api_keys:write"}}))
	p := give(nora.Client, paul.ID, more, object{"department_id": top}).Problem(403, "insufficient-scope")
	require.Equal(t, "api_keys:write", p["required_scope"])

	// What is stronger is neither approved, nor ended, nor changed by them.
	asked := "/v1/role-assignments/" + paul.Post("/v1/role-assignments/request", object{"role_id": reading}).Is(201).ID()
	nora.Post(asked+"/approve", nil, always).Problem(403, "rights-exceeded")
	strong := "/v1/role-assignments/" + give(app.Client, paul.ID, merging, nil).Is(201).ID()
	nora.Post(strong+"/revoke", nil, always).Problem(403, "rights-exceeded")
	nora.Post(strong+"/review", nil, always).Problem(403, "rights-exceeded")
	nora.Post("/v1/role-assignments/"+mine+"/revoke", nil, always).Is(200)
	nora.Patch("/v1/roles/"+reading, object{"verbs": []string{"see", "edit"}}).Problem(403, "rights-exceeded") // a role holds wherever it is given
	nora.Post("/v1/roles", object{"code": "x", "name": "x", "scopes": []string{"contacts:read"}, "verbs": []string{"see"}}).Problem(403, "rights-exceeded")
	nora.Post("/v1/roles/"+merging+"/archive", nil, always).Problem(403, "rights-exceeded")

	// A team hands its roles to its members.
	team := app.Post("/v1/teams", object{"code": "t", "name": "T"}).Is(201).ID()
	nora.Put("/v1/teams/"+team+"/members/"+paul.ID, nil).Is(200)
	app.Post("/v1/role-assignments", object{"principal_kind": "team", "principal_id": team, "role_id": merging}).Is(201)
	nora.Delete("/v1/teams/"+team+"/members/"+paul.ID).Problem(403, "rights-exceeded")
	nora.Put("/v1/teams/"+team+"/members/"+app.Person().ID, nil).Problem(403, "rights-exceeded")

	// Sensitive fields are given only by who has them by name, or has everything.
	everywhere := app.Person("rights:grant", "contacts:read")
	secret := newRole(app.Client, "secret", object{"readable_classes": []string{"sensitive"}})
	give(everywhere.Client, paul.ID, secret, nil).Problem(403, "rights-exceeded")
	hidden := newRole(app.Client, "restreint", object{"verbs": []string{"see_restricted"}})
	give(everywhere.Client, paul.ID, hidden, nil).Problem(403, "rights-exceeded")
}

// The database refuses what the program might forget.
func TestTheDatabaseHoldsTheRules(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	conn := owner(t, app)
	role, nora := newRole(app.Client, "lecture", nil), app.Person()
	insert := `insert into crm.role_assignments (tenant_id, id, principal_kind, principal_id, role_id, kind, status, reason, requested_by_kind, requested_by, decided_by_kind, decided_by, decided_at, starts_at, expires_at)
		values ($1, gen_random_uuid(), 'user', $2::uuid, $3, $4, 'approved', 'x', 'user', $5, 'user', $5, now(), now(), now() + $6::interval)`
	_, err := conn.Exec(t.Context(), insert, app.Tenant, nora.ID, role, "ordinary", nora.ID, "1 day")
	require.ErrorContains(t, err, "role_assignments_check", "nobody approves their own")
	_, err = conn.Exec(t.Context(), insert, app.Tenant, nora.ID, role, "break_glass", nora.ID, "9 hours")
	require.ErrorContains(t, err, "role_assignments_break_glass_hours", "eight hours at most")
	_, err = conn.Exec(t.Context(), insert, app.Tenant, nora.ID, role, "break_glass", nora.ID, "8 hours")
	require.NoError(t, err)
}
