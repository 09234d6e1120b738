package rights_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

type object = map[string]any

var always = parvistest.IfMatch("*")

// newRole makes a role and returns its id.
func newRole(c *parvistest.Client, code string, changes object) string {
	in := object{"code": code, "name": code, "scopes": []string{"contacts:read"}, "verbs": []string{"see"}}
	return c.Post("/v1/roles", parvistest.With(in, changes)).Is(201).ID()
}

func newDepartment(c *parvistest.Client, code string, parent any) string {
	return c.Post("/v1/departments", object{"code": code, "name": code, "parent_id": parent}).Is(201).ID()
}

func give(c *parvistest.Client, user, role string, changes object) *parvistest.Answer {
	return c.Post("/v1/role-assignments", parvistest.With(object{"principal_kind": "user", "principal_id": user, "role_id": role}, changes))
}

// happened waits until all these are in the log.
func happened(t *testing.T, c *parvistest.Client, want ...string) {
	t.Helper()
	parvistest.Eventually(t, "events "+strings.Join(want, ", "), func() bool {
		var got []string
		for _, e := range c.Walk("/v1/events?limit=200") {
			got = append(got, e["type"].(string))
		}
		return !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(got, w) })
	})
}

func TestRoles(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	made := app.Post("/v1/roles", object{
		"code": "accueil", "name": "Accueil", "scopes": []string{"contacts:write", "contacts:read"}, "verbs": []string{"see", "edit"},
		"readable_classes": []string{"identity"}, "review_every_days": 365,
	}).Is(201)
	r := made.JSON()
	require.Equal(t, []any{"contacts:read", "contacts:write"}, r["scopes"])
	require.Equal(t, []any{"identity"}, r["readable_classes"])
	require.Nil(t, r["writable_classes"])
	require.Equal(t, true, r["needs_approval"])
	path := "/v1/roles/" + made.ID()
	require.Equal(t, path, made.Header.Get("Location"))
	app.Get(path, parvistest.Header("If-None-Match", made.ETag())).Is(304)
	p := app.Post("/v1/roles", object{"code": "accueil", "name": "x", "scopes": []string{}}).Problem(409, "already-exists")
	require.Equal(t, made.ID(), p["existing_id"])
	app.Post("/v1/roles", object{"code": "x", "name": "x", "scopes": []string{"planets:write"}}).Points("#/scopes/0")
	app.Post("/v1/roles", object{"code": "x", "name": "x", "scopes": []string{}, "verbs": []string{"fly"}}).Problem(400, "invalid-request")

	changed := app.Patch(path, object{"verbs": []string{"see"}, "readable_classes": nil, "longest_days": 30}, parvistest.IfMatch(made.ETag())).Is(200).JSON()
	require.Nil(t, changed["readable_classes"])
	require.EqualValues(t, 30, changed["longest_days"])
	app.Patch(path, object{"name": "x"}, parvistest.IfMatch(made.ETag())).Problem(412, "stale-version")
	app.Patch(path, object{"scopes": []string{"planets:write"}}).Problem(422, "invalid")
	other := newRole(app.Client, "autre", nil)
	app.Patch("/v1/roles/"+other, object{"code": "accueil"}).Problem(409, "already-exists")

	app.Post(path+"/archive", nil).Problem(428, "precondition-required")
	require.NotNil(t, app.Post(path+"/archive", nil, always).Is(200).JSON()["archived_at"])
	require.Len(t, app.Walk("/v1/roles"), 1)
	require.Len(t, app.Walk("/v1/roles?archived=true&limit=1"), 2)
	require.Nil(t, app.Post(path+"/restore", nil, always).Is(200).JSON()["archived_at"])
	happened(t, app.Client, "role.created", "role.updated", "role.archived", "role.restored")
}

func TestUsualRoles(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	own := newRole(app.Client, "accueil", object{"name": "Le nôtre"})
	roles := app.Post("/v1/roles/defaults", nil).Is(200).Data()
	require.Len(t, roles, 7)
	require.Len(t, app.Post("/v1/roles/defaults", nil).Is(200).Data(), 7)
	require.Len(t, app.Walk("/v1/roles"), 7)
	for _, r := range roles {
		if r["code"] == "accueil" {
			require.Equal(t, own, r["id"])
			require.Equal(t, "Le nôtre", r["name"])
		}
		require.Equal(t, r["code"] == "urgence", r["allows_break_glass"])
	}
}

func TestTeams(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	made := app.Post("/v1/teams", object{"code": "soiree", "name": "Équipe du soir", "external_id": "GRP-SOIR"}).Is(201)
	path := "/v1/teams/" + made.ID()
	app.Post("/v1/teams", object{"code": "soiree", "name": "x"}).Problem(409, "already-exists")
	app.Post("/v1/teams", object{"code": "x", "name": "x", "external_id": "GRP-SOIR"}).Problem(409, "already-exists")
	app.Post("/v1/teams", object{"code": "x", "name": "x", "department_id": uuid.NewString()}).Points("#/department_id")
	app.Patch(path, object{"external_id": nil, "department_id": newDepartment(app.Client, "rp", nil)}).Is(200)

	nora := app.Person()
	role := newRole(app.Client, "lecture", nil)
	app.Post("/v1/role-assignments", object{"principal_kind": "team", "principal_id": made.ID(), "role_id": role}).Is(201)
	nora.Get("/v1/contacts").Problem(403, "insufficient-scope")
	app.Put(path+"/members/"+nora.ID, nil).Is(200)
	app.Put(path+"/members/"+nora.ID, nil).Is(200)
	nora.Get("/v1/contacts").Is(200)
	require.Len(t, app.Walk(path+"/members"), 1)
	require.Len(t, app.Walk("/v1/teams?user_id="+nora.ID), 1)
	app.Post(path+"/archive", nil, always).Is(200)
	nora.Get("/v1/contacts").Problem(403, "insufficient-scope")
	app.Put(path+"/members/"+nora.ID, nil).Problem(409, "team-archived")
	app.Post(path+"/restore", nil, always).Is(200)
	nora.Get("/v1/contacts").Is(200)
	app.Delete(path + "/members/" + nora.ID).Is(204)
	app.Delete(path + "/members/" + nora.ID).Is(204)
	nora.Get("/v1/contacts").Problem(403, "insufficient-scope")
	app.Put(path+"/members/"+uuid.NewString(), nil).Problem(404, "not-found")
	happened(t, app.Client, "team.created", "team.updated", "team.member_added", "team.member_removed", "team.archived", "team.restored", "role_assignment.granted")
}

// A role is asked for, decided by somebody else, and counts at the very next request.
func TestRequestsAreDecidedByOthers(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	role := newRole(app.Client, "lecture", object{"review_every_days": 90})
	nora, paul := app.Person("rights:request", "rights:grant", "contacts:read"), app.Person("rights:request", "rights:read")
	in := object{"role_id": role, "reason": "Saison"}
	asked := paul.Post("/v1/role-assignments/request", in).Is(201)
	require.Equal(t, "requested", asked.JSON()["status"])
	require.Equal(t, false, asked.JSON()["is_effective"])
	waiting := paul.Post("/v1/role-assignments/request", in).Problem(409, "already-exists")
	require.Equal(t, asked.ID(), waiting["existing_id"])
	path := "/v1/role-assignments/" + asked.ID()
	paul.Get("/v1/contacts").Problem(403, "insufficient-scope")
	require.Len(t, app.Walk("/v1/role-assignments?status=requested"), 1)

	nora.Post(path+"/approve", nil).Problem(428, "precondition-required")
	got := nora.Post(path+"/approve", object{"note": "d'accord"}, parvistest.IfMatch(asked.ETag())).Is(200).JSON()
	require.Equal(t, nora.ID, got["decided_by"].(object)["id"])
	require.Equal(t, "d'accord", got["decision_note"])
	require.NotNil(t, got["review_due_at"])
	paul.Get("/v1/contacts").Is(200)
	nora.Post(path+"/approve", nil, always).Problem(409, "assignment-decided")
	nora.Post(path+"/refuse", nil, always).Problem(409, "assignment-decided")

	app.Post(path+"/revoke", nil, always).Is(200)
	paul.Get("/v1/contacts").Problem(403, "insufficient-scope")
	app.Post(path+"/revoke", nil, always).Problem(409, "assignment-decided")

	again := paul.Post("/v1/role-assignments/request", in).Is(201).ID()
	nora.Post("/v1/role-assignments/"+again+"/refuse", nil, always).Is(200)
	more := paul.Post("/v1/role-assignments/request", in).Is(201).ID()
	paul.Post("/v1/role-assignments/"+more+"/withdraw", nil, always).Is(200)
	own := give(app.Client, paul.ID, role, nil).Is(201).ID()
	paul.Get("/v1/contacts").Is(200)
	paul.Post("/v1/role-assignments/"+own+"/withdraw", nil, always).Is(200)
	paul.Get("/v1/contacts").Problem(403, "insufficient-scope")
	happened(t, app.Client, "role_assignment.requested", "role_assignment.approved", "role_assignment.refused", "role_assignment.revoked",
		"role_assignment.withdrawn", "role_assignment.granted")

	free := newRole(app.Client, "libre", object{"needs_approval": false})
	require.Equal(t, true, paul.Post("/v1/role-assignments/request", object{"role_id": free}).Is(201).JSON()["is_effective"])
	paul.Get("/v1/contacts").Is(200)
	app.Post("/v1/role-assignments/request", in).Problem(403, "users-only")
	paul.Post("/v1/role-assignments/request", object{"role_id": uuid.NewString()}).Points("#/role_id")
}

func TestAssignmentsBeginAndEnd(t *testing.T) {
	t.Parallel()
	now := clock.NewFixed(time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC))
	app := parvistest.New(t, parvistest.WithClock(now))
	role := newRole(app.Client, "lecture", nil)
	short := newRole(app.Client, "courte", object{"longest_days": 2})
	nora := app.Person("rights:request")
	day := 24 * time.Hour
	at := func(d time.Duration) string { return now.Now().Add(d).Format(time.RFC3339) }

	give(app.Client, nora.ID, role, object{"expires_at": at(-time.Hour)}).Points("#/expires_at")
	give(app.Client, nora.ID, role, object{"starts_at": at(2 * day), "expires_at": at(day)}).Points("#/expires_at")
	give(app.Client, nora.ID, short, object{"expires_at": at(3 * day)}).Points("#/expires_at")
	give(app.Client, nora.ID, role, object{"kind": "elevation"}).Points("#/reason")
	give(app.Client, nora.ID, role, object{"kind": "elevation", "reason": "Remplacement"}).Points("#/expires_at")
	give(app.Client, nora.ID, role, object{"kind": "elevation", "reason": "Remplacement", "expires_at": at(31 * day)}).Points("#/expires_at")
	give(app.Client, uuid.NewString(), role, nil).Points("#/principal_id")
	give(app.Client, nora.ID, role, object{"department_id": uuid.NewString()}).Points("#/department_id")
	require.NotNil(t, give(app.Client, nora.ID, short, object{"starts_at": at(100 * day)}).Is(201).JSON()["expires_at"])

	a := give(app.Client, nora.ID, role, object{"kind": "elevation", "reason": "Remplacement", "starts_at": at(day), "expires_at": at(3 * day)}).Is(201)
	require.Equal(t, false, a.JSON()["is_effective"])
	nora.Get("/v1/contacts").Problem(403, "insufficient-scope")
	now.Advance(day)
	nora.Get("/v1/contacts").Is(200)
	require.Len(t, app.Walk("/v1/role-assignments?is_effective=true"), 1)
	now.Advance(2 * day)
	nora.Get("/v1/contacts").Problem(403, "insufficient-scope")
	require.NoError(t, app.Rights().NoteEnds(t.Context()))
	require.NoError(t, app.Rights().NoteEnds(t.Context()))
	happened(t, app.Client, "role_assignment.expired")

	asked := nora.Post("/v1/role-assignments/request", object{"role_id": role, "expires_at": at(day)}).Is(201).ID()
	now.Advance(2 * day)
	app.Post("/v1/role-assignments/"+asked+"/approve", nil, always).Problem(409, "request-expired")
}

// What nobody confirms stops counting, thirty days after it should have been.
func TestReviews(t *testing.T) {
	t.Parallel()
	now := clock.NewFixed(time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC))
	app := parvistest.New(t, parvistest.WithClock(now))
	role := newRole(app.Client, "lecture", object{"review_every_days": 90})
	nora := app.Person()
	a := give(app.Client, nora.ID, role, nil).Is(201)
	path, day := "/v1/role-assignments/"+a.ID(), 24*time.Hour
	require.Empty(t, app.Walk("/v1/role-assignments?review=due"))
	now.Advance(91 * day)
	require.Len(t, app.Walk("/v1/role-assignments?review=due"), 1)
	require.Empty(t, app.Walk("/v1/role-assignments?review=overdue"))
	nora.Get("/v1/contacts").Is(200)
	now.Advance(29 * day)
	require.Len(t, app.Walk("/v1/role-assignments?review=overdue"), 1)
	nora.Get("/v1/contacts").Problem(403, "insufficient-scope")
	require.NoError(t, app.Rights().NoteEnds(t.Context()))
	require.Equal(t, false, app.Get(path).Is(200).JSON()["is_effective"])
	require.Equal(t, true, app.Post(path+"/review", object{"note": "toujours en poste"}, always).Is(200).JSON()["is_effective"])
	nora.Get("/v1/contacts").Is(200)
	require.Empty(t, app.Walk("/v1/role-assignments?review=due"))
	happened(t, app.Client, "role_assignment.lapsed", "role_assignment.reviewed")
}

// Break-glass counts at once, is told, and ends by itself.
func TestBreakGlass(t *testing.T) {
	t.Parallel()
	now := clock.NewFixed(time.Date(2026, 11, 25, 22, 0, 0, 0, time.UTC))
	app := parvistest.New(t, parvistest.WithClock(now))
	ordinary := newRole(app.Client, "lecture", nil)
	urgent := newRole(app.Client, "urgence", object{"allows_break_glass": true, "verbs": []string{"see", "see_restricted"}})
	answerable := app.Person("rights:grant")
	byRole := app.Person()
	give(app.Client, byRole.ID, newRole(app.Client, "droits", object{"scopes": []string{"rights:grant"}}), nil).Is(201)
	app.Person("rights:read")
	nora := app.Person("rights:break_glass", "rights:grant")
	in := object{"role_id": urgent, "reason": "Évacuation de la grande salle", "minutes": 120}
	nora.Post("/v1/role-assignments/break-glass", parvistest.With(in, object{"role_id": ordinary})).Problem(403, "no-break-glass")
	nora.Post("/v1/role-assignments/break-glass", parvistest.With(in, object{"minutes": 481})).Problem(400, "invalid-request")
	nora.Post("/v1/role-assignments/break-glass", parvistest.With(in, object{"reason": ""})).Problem(400, "invalid-request")
	app.Post("/v1/role-assignments/break-glass", in).Problem(403, "users-only")
	nora.Get("/v1/contacts").Problem(403, "insufficient-scope")
	a := nora.Post("/v1/role-assignments/break-glass", in).Is(201)
	require.NotNil(t, a.JSON()["noticed_at"])
	nora.Get("/v1/contacts").Is(200)
	require.ElementsMatch(t, []string{address(app, answerable.ID), address(app, byRole.ID)}, recipients(t, app))

	nora.Post("/v1/role-assignments/"+a.ID()+"/review", nil, always).Problem(403, "own-rights")
	require.Len(t, app.Walk("/v1/role-assignments?kind=break_glass&review=due"), 1)
	now.Advance(2 * time.Hour)
	nora.Get("/v1/contacts").Problem(403, "insufficient-scope")
	now.Advance(7 * 24 * time.Hour)
	require.Len(t, app.Walk("/v1/role-assignments?kind=break_glass&review=due"), 1)
	answerable.Post("/v1/role-assignments/"+a.ID()+"/review", object{"note": "justifié"}, always).Is(200)
	require.Empty(t, app.Walk("/v1/role-assignments?kind=break_glass&review=due"))
	happened(t, app.Client, "role_assignment.break_glass", "role_assignment.reviewed")
}

func address(app *parvistest.App, user string) string {
	return app.Get("/v1/users/" + user).Is(200).JSON()["email"].(string)
}
