package access_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

type object = map[string]any

// eventTypes are the types of all events of the client's institution, oldest first.
func eventTypes(t *testing.T, c *parvistest.Client, want ...string) {
	t.Helper()
	parvistest.Eventually(t, "events "+strings.Join(want, ", "), func() bool {
		var got []string
		for _, e := range c.Get("/v1/events?limit=200").Is(200).Data() {
			got = append(got, e["type"].(string))
		}
		for _, w := range want {
			if !slices.Contains(got, w) {
				return false
			}
		}
		return true
	})
}

func TestInstitution(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	a := app.Get("/v1/institution").Is(200)
	require.Equal(t, app.Tenant.String(), a.ID())
	require.Equal(t, "Europe/Paris", a.JSON()["time_zone"])
	app.Get("/v1/institution", parvistest.Header("If-None-Match", a.ETag())).Is(304)

	changed := app.Patch("/v1/institution", object{"name": "Théâtre des Voûtes", "time_zone": "America/Cayenne", "currency": "XPF", "locale": "fr-PF"},
		parvistest.IfMatch(a.ETag())).Is(200)
	require.Equal(t, "America/Cayenne", changed.JSON()["time_zone"])
	require.NotEqual(t, a.ETag(), changed.ETag())
	app.Patch("/v1/institution", object{"name": "x"}, parvistest.IfMatch(a.ETag())).Problem(412, "stale-version")
	require.Equal(t, changed.ETag(), app.Patch("/v1/institution", object{"locale": "fr-PF"}).Is(200).ETag(), "nothing changed")

	for _, zone := range []string{"Mars/Olympus", "Local", "local", "../etc/passwd", "/etc/localtime"} {
		app.Patch("/v1/institution", object{"time_zone": zone}).Problem(422, "invalid")
	}
	app.Patch("/v1/institution", object{"time_zone": "Nowhere", "currency": "ZZZ"}).Points("#/currency")
	app.Patch("/v1/institution", object{"name": nil}).Problem(400, "invalid-request")
	app.Patch("/v1/institution", object{"status": "suspended"}).Problem(400, "invalid-request")
	eventTypes(t, app.Client, "tenant.updated")
}

func TestSandbox(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	app.Patch("/v1/institution", object{"time_zone": "Indian/Reunion"}).Is(200)
	a := app.Post("/v1/institution/sandbox", object{"name": "Essais"}).Is(201).JSON()
	sandbox, key := a["institution"].(object), a["api_key"].(object)
	require.Equal(t, "test", sandbox["mode"])
	require.Equal(t, app.Tenant.String(), sandbox["sandbox_of"])
	require.Equal(t, "Indian/Reunion", sandbox["time_zone"])
	secret := key["secret"].(string)
	require.True(t, strings.HasPrefix(secret, "pv_test_sk_"), secret)

	inside := *app.Client
	inside.Key = secret
	require.Equal(t, sandbox["id"], inside.Get("/v1/institution").Is(200).ID())
	require.Len(t, inside.Walk("/v1/api-keys"), 1)
	require.Nil(t, inside.Get("/v1/api-keys/" + key["id"].(string)).Is(200).JSON()["secret"])
	inside.Post("/v1/institution/sandbox", object{"name": "Essais"}).Problem(409, "sandbox-of-sandbox")
	eventTypes(t, app.Client, "tenant.sandbox_created")
	eventTypes(t, &inside, "api_key.created")
	app.Get("/v1/api-keys/"+key["id"].(string)).Problem(404, "not-found")
}

func TestWhoAmI(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	me := app.AsSource("box-office", "operations:read").Get("/v1/me").Is(200).JSON()
	require.Equal(t, "api_key", me["actor"].(object)["kind"])
	require.Contains(t, me["scopes"], "operations:read")
	require.Equal(t, "box-office", me["source"])
	require.Equal(t, app.Tenant.String(), me["institution"].(object)["id"])
	app.As().Get("/v1/me").Is(200)
	app.Anonymous().Get("/v1/me").Problem(401, "unauthenticated")
}

func TestFactsAreOpen(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	open := app.Anonymous()
	policies := open.Get("/v1/limits").Is(200).JSON()["policies"].([]any)
	names := []string{}
	for _, p := range policies {
		names = append(names, p.(object)["name"].(string))
	}
	require.Equal(t, []string{"address", "bulk", "default", "inbound", "institution", "oauth", "public-form", "search", "sign-in"}, names)
	require.EqualValues(t, 7, open.Get("/v1/meta").Is(200).JSON()["idempotency_retention_days"])
	for _, s := range open.Get("/v1/scopes").Is(200).Data() {
		if s["scope"] == "operations:read" {
			require.Equal(t, []any{"getOperation", "listOperations"}, s["operations"])
			return
		}
	}
	require.Fail(t, "the catalogue lacks a scope of the contract")
}

func TestDepartments(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	add := func(code string, parent any) string {
		return app.Post("/v1/departments", object{"code": code, "name": code, "parent_id": parent}).Is(201).ID()
	}
	top := add("direction", nil)
	middle := add("accueil", top)
	bottom := add("billetterie", middle)
	p := app.Post("/v1/departments", object{"code": "accueil", "name": "Double"}).Problem(409, "already-exists")
	require.Equal(t, middle, p["existing_id"])
	app.Post("/v1/departments", object{"code": "x", "name": "x", "parent_id": uuid.NewString()}).Points("#/parent_id")
	app.Post("/v1/departments", object{"code": "Not A Code", "name": "x"}).Problem(400, "invalid-request")

	for _, below := range []string{top, middle, bottom} {
		app.Patch("/v1/departments/"+top, object{"parent_id": below}).Problem(422, "invalid")
	}
	app.Patch("/v1/departments/"+bottom, object{"code": "accueil"}).Problem(409, "already-exists")
	app.Patch("/v1/departments/"+bottom, object{"parent_id": nil, "name": "Billetterie"}).Is(200)
	require.Nil(t, app.Get("/v1/departments/" + bottom).Is(200).JSON()["parent_id"])
	app.Patch("/v1/departments/"+top, object{"parent_id": bottom}).Is(200)

	archive := func(id string, options ...parvistest.RequestOption) *parvistest.Answer {
		return app.Post("/v1/departments/"+id+"/archive", nil, options...)
	}
	archive(middle).Problem(428, "precondition-required")
	archive(middle, parvistest.IfMatch(`"99"`)).Problem(412, "stale-version")
	archive(top, parvistest.IfMatch("*")).Problem(409, "department-in-use")
	archive(middle, parvistest.IfMatch("*")).Is(200)
	app.Post("/v1/departments", object{"code": "y", "name": "y", "parent_id": middle}).Points("#/parent_id")
	require.Len(t, app.Walk("/v1/departments?limit=1"), 2)
	require.Len(t, app.Walk("/v1/departments?archived=only"), 1)
	require.Len(t, app.Walk("/v1/departments?archived=true&limit=2"), 3)
	require.Len(t, app.Walk("/v1/departments?parent_id="+bottom), 1)
	app.Post("/v1/departments/"+middle+"/restore", nil, parvistest.IfMatch("*")).Is(200)
	eventTypes(t, app.Client, "department.created", "department.updated", "department.archived", "department.restored")
}

// Two moves that would close a circle together: one of them is refused.
func TestDepartmentsMovedAtOnceMakeNoCircle(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	for range 5 {
		a := app.Post("/v1/departments", object{"code": "a" + uuid.NewString()[:8], "name": "a"}).Is(201).ID()
		b := app.Post("/v1/departments", object{"code": "b" + uuid.NewString()[:8], "name": "b"}).Is(201).ID()
		statuses := make(chan int, 2)
		for _, move := range [][2]string{{a, b}, {b, a}} {
			go func() { statuses <- app.Patch("/v1/departments/"+move[0], object{"parent_id": move[1]}).Status }()
		}
		got := []int{<-statuses, <-statuses}
		require.ElementsMatch(t, []int{200, 422}, got)
	}
}

func TestUsers(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	department := app.Post("/v1/departments", object{"code": "rp", "name": "Relations publiques"}).Is(201).ID()
	a := app.Post("/v1/users", object{"email": "Ines.Marchand@Arcades.example", "name": "Inès Marchand", "department_id": department,
		"scopes": []string{"operations:read", "events:read"}, "issuer": "https://idp.example", "subject": "42"}).Is(201)
	require.Equal(t, "ines.marchand@arcades.example", a.JSON()["email"])
	require.Equal(t, []any{"events:read", "operations:read"}, a.JSON()["scopes"])
	path := "/v1/users/" + a.ID()
	require.Equal(t, path, a.Header.Get("Location"))

	p := app.Post("/v1/users", object{"email": "INES.marchand@arcades.example", "name": "Double"}).Problem(409, "already-exists")
	require.Equal(t, a.ID(), p["existing_id"])
	app.Post("/v1/users", object{"email": "b@arcades.example", "name": "B", "issuer": "https://idp.example", "subject": "42"}).Problem(409, "already-exists")
	app.Post("/v1/users", object{"email": "b@arcades.example", "name": "B", "issuer": "https://idp.example"}).Points("#/subject")
	app.Post("/v1/users", object{"email": "b@arcades.example", "name": "B", "scopes": []string{"nothing:known"}}).Points("#/scopes/0")
	app.Post("/v1/users", object{"email": "b@arcades.example", "name": "B", "department_id": uuid.NewString()}).Points("#/department_id")
	app.Post("/v1/users", object{"email": "no address", "name": "B"}).Problem(400, "invalid-request")
	other := app.Post("/v1/users", object{"email": "b@arcades.example", "name": "B"}).Is(201)
	app.Patch("/v1/users/"+other.ID(), object{"email": "INES.marchand@arcades.example"}).Problem(409, "already-exists")

	changed := app.Patch(path, object{"name": "Inès M.", "department_id": nil, "issuer": nil, "subject": nil}, parvistest.IfMatch(a.ETag())).Is(200).JSON()
	require.Equal(t, "Inès M.", changed["name"])
	require.Nil(t, changed["department_id"])
	require.Nil(t, changed["issuer"])
	app.Patch(path, object{"name": "x"}, parvistest.IfMatch(a.ETag())).Problem(412, "stale-version")

	app.Post(path+"/deactivate", nil).Problem(428, "precondition-required")
	require.Equal(t, "deactivated", app.Post(path+"/deactivate", nil, parvistest.IfMatch("*")).Is(200).JSON()["status"])
	require.Len(t, app.Walk("/v1/users?status=deactivated"), 1)
	require.Len(t, app.Walk("/v1/users?email=B@arcades.example"), 1)
	require.Len(t, app.Walk("/v1/users?limit=1"), 2)
	require.Equal(t, "active", app.Post(path+"/reactivate", nil, parvistest.IfMatch("*")).Is(200).JSON()["status"])
	eventTypes(t, app.Client, "user.created", "user.updated", "user.deactivated", "user.reactivated")
}

// The log is readable by integrators and outlives erasure.
func TestEventsOfUsersHoldNoPersonalFacts(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	id := app.Post("/v1/users", object{"email": "secret.person@arcades.example", "name": "Secret Person"}).Is(201).ID()
	eventTypes(t, app.Client, "user.created")
	body := string(app.Get("/v1/events?limit=200").Is(http.StatusOK).Body)
	require.Contains(t, body, id)
	require.NotContains(t, strings.ToLower(body), "secret")
}
