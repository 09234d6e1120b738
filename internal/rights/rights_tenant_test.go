package rights_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestAnotherInstitutionSeesNothing(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	foreign := app.OtherTenant()
	role := newRole(app.Client, "lecture", nil)
	team := app.Post("/v1/teams", object{"code": "t", "name": "T"}).Is(201).ID()
	department := newDepartment(app.Client, "rp", nil)
	nora := app.Person("rights:request")
	app.Put("/v1/teams/"+team+"/members/"+nora.ID, nil).Is(200)
	asked := nora.Post("/v1/role-assignments/request", object{"role_id": role}).Is(201).ID()
	for _, path := range []string{"/v1/roles/" + role, "/v1/teams/" + team} {
		foreign.Get(path).Problem(404, "not-found")
		foreign.Patch(path, object{"name": "x"}).Problem(404, "not-found")
		foreign.Post(path+"/archive", nil, always).Problem(404, "not-found")
		foreign.Post(path+"/restore", nil, always).Problem(404, "not-found")
	}
	foreign.Get("/v1/teams/"+team+"/members").Problem(404, "not-found")
	foreign.Put("/v1/teams/"+team+"/members/"+nora.ID, nil).Problem(404, "not-found")
	foreign.Delete("/v1/teams/"+team+"/members/"+nora.ID).Problem(404, "not-found")
	foreign.Get("/v1/role-assignments/"+asked).Problem(404, "not-found")
	for _, step := range []string{"approve", "refuse", "revoke", "withdraw", "review"} {
		foreign.Post("/v1/role-assignments/"+asked+"/"+step, nil, always).Problem(404, "not-found")
	}
	for _, path := range []string{"/v1/roles?archived=true", "/v1/teams?archived=true", "/v1/role-assignments", "/v1/role-assignments?principal_id=" + nora.ID} {
		require.Empty(t, foreign.Walk(path), path)
	}
	// Codes are each institution's own; ids of another one are nobody's.
	own := newRole(foreign, "lecture", nil)
	foreign.Post("/v1/teams", object{"code": "t", "name": "T", "department_id": department}).Points("#/department_id")
	give(foreign, nora.ID, own, nil).Points("#/principal_id")
	user := foreign.Post("/v1/users", object{"email": "a@b.example", "name": "A"}).Is(201).ID()
	give(foreign, user, role, nil).Points("#/role_id")
	give(foreign, user, own, object{"department_id": department}).Points("#/department_id")
	give(foreign, user, own, nil).Is(201)
}
