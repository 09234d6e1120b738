package rights_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// rules are those of an explanation, in their order.
func rules(a object) []string {
	var out []string
	for _, s := range a["steps"].([]any) {
		out = append(out, s.(object)["rule"].(string)+" "+s.(object)["outcome"].(string))
	}
	return out
}

func explain(c *parvistest.Client, kind, id, operation, more string) *parvistest.Answer {
	return c.Get("/v1/access/explain?principal_kind=" + kind + "&principal_id=" + id + "&operation=" + operation + more)
}

func newContact(c *parvistest.Client, name string) string {
	return c.Post("/v1/contacts", object{"kind": "person", "given_name": name, "family_name": "Arpents"}).Is(201).ID()
}

// hold puts a contact into a department that may do these things with it.
func hold(t *testing.T, app *parvistest.App, contact, department string, verbs ...string) {
	t.Helper()
	_, err := owner(t, app).Exec(t.Context(), "insert into crm.contact_departments (tenant_id, contact_id, department_id, verbs) values ($1, $2, $3, $4)",
		app.Tenant, contact, department, verbs)
	require.NoError(t, err)
}

func restrict(t *testing.T, app *parvistest.App, contact string) {
	t.Helper()
	_, err := owner(t, app).Exec(t.Context(), "update crm.contacts set restricted = true where tenant_id = $1 and id = $2", app.Tenant, contact)
	require.NoError(t, err)
}

func TestExplain(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	rp, other := newDepartment(app.Client, "rp", nil), newDepartment(app.Client, "technique", nil)
	contact, elsewhere, hidden := newContact(app.Client, "Ada"), newContact(app.Client, "Bea"), newContact(app.Client, "Cleo")
	hold(t, app, contact, rp, "see")
	hold(t, app, elsewhere, other, "see", "edit")
	restrict(t, app, hidden)
	nora := app.Person()
	give(app.Client, nora.ID, newRole(app.Client, "gestion", object{"scopes": []string{"contacts:read", "contacts:write"}, "verbs": []string{"see", "edit"}}),
		object{"department_id": rp}).Is(201)
	ask := func(operation, contact string) object {
		return explain(app.Client, "user", nora.ID, operation, "&contact_id="+contact).Is(200).JSON()
	}

	a := ask("getContact", contact)
	require.Equal(t, true, a["is_allowed"], a)
	require.Equal(t, []string{"credential passed", "scope passed", "verb passed", "sight passed", "verb passed", "field_classes noted"}, rules(a))
	source := a["steps"].([]any)[1].(object)["sources"].([]any)[0].(object)
	require.Equal(t, "gestion", source["name"])
	require.Equal(t, rp, source["department_id"])

	a = ask("updateContact", contact) // its department only lets see it
	require.Equal(t, "verb-not-held", a["code"])
	nora.Patch("/v1/contacts/"+contact, object{"given_name": "Ava"}).Problem(403, "verb-not-held")
	a = ask("getContact", elsewhere)
	require.Equal(t, "sight refused", rules(a)[len(rules(a))-1])
	require.EqualValues(t, 404, a["status"])
	a = ask("getContact", hidden)
	require.Equal(t, "restriction refused", rules(a)[len(rules(a))-1])
	nora.Get("/v1/contacts/"+hidden).Problem(404, "not-found")
	require.Equal(t, "insufficient-scope", ask("listUsers", contact)["code"])
	a = ask("archiveContact", contact)
	require.Equal(t, "verb refused", rules(a)[len(rules(a))-1])
	nora.Post("/v1/contacts/"+contact+"/archive", nil, always).Problem(403, "verb-not-held")

	// Whoever asks learns nothing of contacts that they do not see.
	paul := app.Person()
	give(app.Client, paul.ID, newRole(app.Client, "revue", object{"scopes": []string{"rights:read"}}), object{"department_id": rp}).Is(201)
	explain(paul.Client, "user", nora.ID, "getContact", "&contact_id="+elsewhere).Problem(404, "not-found")
	explain(paul.Client, "user", nora.ID, "getContact", "&contact_id="+contact).Is(200)

	explain(app.Client, "user", nora.ID, "flyAway", "").Points("operation")
	explain(app.Client, "user", uuid.NewString(), "getContact", "").Problem(404, "not-found")
	explain(app.Client, "api_key", nora.ID, "getContact", "").Problem(404, "not-found")
	explain(app.As("contacts:read"), "user", nora.ID, "getContact", "").Problem(403, "insufficient-scope")
	explain(app.OtherTenant(), "user", nora.ID, "getContact", "").Problem(404, "not-found")

	key := app.Post("/v1/api-keys", object{"name": "k", "kind": "sk", "scopes": []string{"contacts:read"}, "allowed_cidrs": []string{"192.0.2.0/24"}}).Is(201).JSON()
	id := key["id"].(string)
	require.Equal(t, true, explain(app.Client, "api_key", id, "getContact", "").Is(200).JSON()["is_allowed"])
	require.Equal(t, true, explain(app.Client, "api_key", id, "getContact", "&address=192.0.2.9").Is(200).JSON()["is_allowed"])
	require.Equal(t, []string{"credential passed", "network refused"}, rules(explain(app.Client, "api_key", id, "getContact", "&address=198.51.100.1").Is(200).JSON()))
	explain(app.Client, "api_key", id, "getContact", "&address=here").Points("address")
	app.Post("/v1/api-keys/"+id+"/revoke", nil, always).Is(200)
	require.Equal(t, []string{"credential refused"}, rules(explain(app.Client, "api_key", id, "getContact", "").Is(200).JSON()))
	client := app.Post("/v1/oauth-clients", object{"name": "c", "scopes": []string{"contacts:read"}, "purposes": []string{}}).Is(201).ID()
	require.Equal(t, true, explain(app.Client, "oauth_client", client, "getContact", "").Is(200).JSON()["is_allowed"])
}

// Purposes bound what a credential may do and whom it sees, and an archive is for
// who sees everything: the explanation says so as the request is answered.
func TestExplainHoldsToPurposes(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	purpose := app.Post("/v1/purposes", object{"code": "lettre", "name": "Lettre", "legal_basis": "consent"}).Is(201).ID()
	app.Post("/v1/processing-activities", object{"code": "lettre", "name": "Lettre", "status": "active", "purpose_ids": []string{purpose}, "field_classes": []string{"identity"}}).Is(201)
	contact := newContact(app.Client, "Ada")
	made := func(more object) (string, *parvistest.Client) {
		k := app.Post("/v1/api-keys", parvistest.With(object{"name": "k", "kind": "sk", "scopes": []string{"contacts:read", "history:read", "exports:create"}}, more)).Is(201).JSON()
		c := *app.Client
		c.Key = k["secret"].(string)
		return k["id"].(string), &c
	}
	bound, holder := made(object{"purposes": []string{"lettre"}})
	a := explain(app.Client, "api_key", bound, "getContact", "&contact_id="+contact).Is(200).JSON()
	require.Equal(t, []any{false, "not-found"}, []any{a["is_allowed"], a["code"]})
	require.Equal(t, "purpose refused", rules(a)[len(rules(a))-1])
	holder.Get("/v1/contacts/"+contact).Problem(404, "not-found")
	a = explain(app.Client, "api_key", bound, "listContactHistory", "&contact_id="+contact).Is(200).JSON()
	require.Equal(t, []any{false, "outside-purpose"}, []any{a["is_allowed"], a["code"]})
	holder.Get("/v1/contacts/"+contact+"/history").Problem(403, "outside-purpose")

	limited, other := made(object{"department_ids": []string{newDepartment(app.Client, "rp", nil)}})
	a = explain(app.Client, "api_key", limited, "createExport", "").Is(200).JSON()
	require.Equal(t, []any{false, "export-beyond-rights"}, []any{a["is_allowed"], a["code"]})
	other.Post("/v1/exports", object{}).Problem(403, "export-beyond-rights")
}

// What is explained is what happens: principals, contacts and rights made at
// random, the same operations asked about and done.
func TestExplanationsAreTrue(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	random := rand.New(rand.NewPCG(2026, 11))
	pick := func(all []string, probability float64) []string {
		return slices.DeleteFunc(slices.Clone(all), func(string) bool { return random.Float64() > probability })
	}
	top := newDepartment(app.Client, "d0", nil)
	departments := []string{top, newDepartment(app.Client, "d1", top), newDepartment(app.Client, "d2", nil)}
	verbs := []string{"see", "see_contact_points", "edit", "delete", "see_restricted"}
	scopes := []string{"contacts:read", "contacts:write", "consents:read", "ticketing:read"}

	var contacts []string
	for i := range 12 {
		c := newContact(app.Client, fmt.Sprintf("Personne %d", i))
		app.Post("/v1/contacts/"+c+"/contact-points", object{"kind": "email", "value": fmt.Sprintf("p%d@public.example", i)}).Is(201)
		for _, d := range pick(departments, 0.4) {
			hold(t, app, c, d, append([]string{"see"}, pick(verbs[1:], 0.6)...)...)
		}
		if random.Float64() < 0.3 {
			restrict(t, app, c)
		}
		contacts = append(contacts, c)
	}
	type principal struct {
		kind, id string
		client   *parvistest.Client
	}
	var principals []principal
	for i := range 10 {
		p := app.Person(pick(scopes, 0.15)...)
		for j := range random.IntN(3) + 1 {
			role := newRole(app.Client, fmt.Sprintf("r%d-%d", i, j), object{"scopes": pick(scopes, 0.7), "verbs": pick(verbs, 0.6)})
			in := object{}
			if random.Float64() < 0.7 {
				in["department_id"] = departments[random.IntN(len(departments))]
			}
			give(app.Client, p.ID, role, in).Is(201)
		}
		if i == 9 {
			app.Post("/v1/users/"+p.ID+"/deactivate", nil, always).Is(200)
		}
		principals = append(principals, principal{"user", p.ID, p.Client})
	}
	for range 6 {
		in := object{"name": "k", "kind": "sk", "scopes": pick(scopes, 0.8), "department_ids": pick(departments, 0.3)}
		if random.Float64() < 0.7 {
			in["verbs"] = pick(verbs, 0.6)
		}
		if random.Float64() < 0.2 {
			in["allowed_cidrs"] = []string{"192.0.2.0/24"}
		}
		key := app.Post("/v1/api-keys", in).Is(201).JSON()
		c := *app.Client
		c.Key = key["secret"].(string)
		principals = append(principals, principal{"api_key", key["id"].(string), &c})
	}
	operations := map[string]func(c *parvistest.Client, contact string) *parvistest.Answer{
		"getContact": func(c *parvistest.Client, contact string) *parvistest.Answer { return c.Get("/v1/contacts/" + contact) },
		"updateContact": func(c *parvistest.Client, contact string) *parvistest.Answer {
			return c.Patch("/v1/contacts/"+contact, object{"nickname": uuid.NewString()[:8]})
		},
		"listContactPoints": func(c *parvistest.Client, contact string) *parvistest.Answer {
			return c.Get("/v1/contacts/" + contact + "/contact-points")
		},
		"listContactConsents": func(c *parvistest.Client, contact string) *parvistest.Answer {
			return c.Get("/v1/contacts/" + contact + "/consents")
		},
		"listContactOrders": func(c *parvistest.Client, contact string) *parvistest.Answer {
			return c.Get("/v1/contacts/" + contact + "/orders")
		},
	}
	seen := map[int]int{}
	for _, p := range principals {
		for _, contact := range contacts {
			for operation, do := range operations {
				said := explain(app.Client, p.kind, p.id, operation, "&contact_id="+contact+"&address=127.0.0.1").Is(200).JSON()
				done := do(p.client, contact)
				seen[done.Status]++
				if said["is_allowed"] == true {
					require.Equal(t, 200, done.Status, "%s %s: %v, and %s", p.kind, operation, said, done.Body)
					if slices.Contains(rules(said), "verb noted") {
						require.Empty(t, done.Data(), "contact points that were said not to be shown")
					} else if operation == "listContactPoints" {
						require.NotEmpty(t, done.Data(), "%v", said)
					}
					continue
				}
				require.EqualValues(t, said["status"], done.Status, "%s %s: %v, and %s", p.kind, operation, said, done.Body)
				require.Equal(t, said["code"], done.JSON()["code"], "%s %s: %v", p.kind, operation, said)
			}
		}
	}
	for _, status := range []int{200, 401, 403, 404} {
		require.NotZero(t, seen[status], "the sample never met %d: %v", status, seen)
	}
}

// Effective rights are what a naive reading of the tables gives, at any instant.
func TestRightsAreTheirSum(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	now := clock.NewFixed(start)
	app := parvistest.New(t, parvistest.WithClock(now))
	random := rand.New(rand.NewPCG(5, 7))
	pick := func(all []string, probability float64) []string {
		return slices.DeleteFunc(slices.Clone(all), func(string) bool { return random.Float64() > probability })
	}
	verbs := []string{"see", "see_contact_points", "act", "edit", "merge", "delete", "export", "see_restricted"}
	scopes := []string{"contacts:read", "contacts:write", "consents:read", "rights:read", "forms:read"}
	parent := map[string]string{}
	var departments []string
	for i := range 6 {
		var above any
		if i > 0 && random.Float64() < 0.7 {
			above = departments[random.IntN(len(departments))]
		}
		d := newDepartment(app.Client, fmt.Sprintf("d%d", i), above)
		parent[d], _ = above.(string)
		departments = append(departments, d)
	}
	type role struct {
		id            string
		scopes, verbs []string
	}
	var roles []role
	for i := range 5 {
		r := role{scopes: pick(scopes, 0.4), verbs: pick(verbs, 0.4)}
		r.id = newRole(app.Client, fmt.Sprintf("r%d", i), object{"scopes": r.scopes, "verbs": r.verbs})
		roles = append(roles, r)
	}
	var users, teams []string
	members := map[string][]string{}
	direct := map[string][]string{}
	for i := range 4 {
		own := pick(scopes, 0.1)
		u := app.Person(own...).ID
		users, direct[u] = append(users, u), own
		team := app.Post("/v1/teams", object{"code": fmt.Sprintf("t%d", i), "name": "T"}).Is(201).ID()
		teams = append(teams, team)
	}
	for _, team := range teams {
		for _, u := range pick(users, 0.5) {
			app.Put("/v1/teams/"+team+"/members/"+u, nil).Is(200)
			members[team] = append(members[team], u)
		}
	}
	type assignment struct {
		kind, principal, department string
		role                        role
		from, until                 time.Time
		revoked                     bool
	}
	var given []assignment
	for range 24 {
		a := assignment{kind: "user", principal: users[random.IntN(len(users))], role: roles[random.IntN(len(roles))]}
		if random.Float64() < 0.4 {
			a.kind, a.principal = "team", teams[random.IntN(len(teams))]
		}
		a.from = start.Add(time.Duration(random.IntN(5)) * time.Hour)
		a.until = a.from.Add(time.Duration(random.IntN(6)+1) * time.Hour)
		in := object{"principal_kind": a.kind, "principal_id": a.principal, "role_id": a.role.id, "starts_at": a.from.Format(time.RFC3339), "expires_at": a.until.Format(time.RFC3339)}
		if random.Float64() < 0.7 {
			a.department = departments[random.IntN(len(departments))]
			in["department_id"] = a.department
		}
		made := app.Post("/v1/role-assignments", in).Is(201).ID()
		if random.Float64() < 0.15 {
			app.Post("/v1/role-assignments/"+made+"/revoke", nil, always).Is(200)
			a.revoked = true
		}
		given = append(given, a)
	}
	var everyone []string // what every person may: look after their own account
	for _, s := range app.Person().Get("/v1/me").Is(200).JSON()["scopes"].([]any) {
		everyone = append(everyone, s.(string))
	}
	below := func(d, above string) bool {
		for ; d != ""; d = parent[d] {
			if d == above {
				return true
			}
		}
		return false
	}
	for range 12 {
		at := now.Now()
		for _, u := range users {
			wantScopes := append(slices.Clone(everyone), direct[u]...)
			everywhere, in := map[string]bool{}, map[string]map[string]bool{}
			if len(direct[u]) > 0 {
				for _, v := range verbs[:7] {
					everywhere[v] = true
				}
			}
			for _, a := range given {
				mine := a.principal == u || (a.kind == "team" && slices.Contains(members[a.principal], u))
				if !mine || a.revoked || at.Before(a.from) || !at.Before(a.until) {
					continue
				}
				wantScopes = append(wantScopes, a.role.scopes...)
				for _, v := range a.role.verbs {
					if a.department == "" {
						everywhere[v] = true
						continue
					}
					if in[v] == nil {
						in[v] = map[string]bool{}
					}
					for _, d := range departments {
						in[v][d] = in[v][d] || below(d, a.department)
					}
				}
			}
			slices.Sort(wantScopes)
			got := app.Get("/v1/users/" + u + "/rights").Is(200).JSON()
			var gotScopes []string
			for _, s := range got["scopes"].([]any) {
				gotScopes = append(gotScopes, s.(object)["scope"].(string))
			}
			require.Equal(t, slices.Compact(wantScopes), gotScopes)
			gotVerbs := map[string]bool{}
			for _, entry := range got["verbs"].([]any) {
				v := entry.(object)
				name := v["verb"].(string)
				gotVerbs[name] = true
				require.Equal(t, everywhere[name], v["is_everywhere"], "%s at %s", name, at)
				held := map[string]bool{}
				for _, d := range v["department_ids"].([]any) {
					held[d.(string)] = true
				}
				for _, d := range departments {
					require.Equal(t, !everywhere[name] && in[name][d], held[d], "%s in %s at %s", name, d, at)
				}
			}
			for _, v := range verbs {
				require.Equal(t, everywhere[v] || len(in[v]) > 0, gotVerbs[v], "%s at %s", v, at)
			}
			// What is told is what is enforced.
			var me []string
			for _, s := range app.AsUser(u).Get("/v1/me").Is(200).JSON()["scopes"].([]any) {
				me = append(me, s.(string))
			}
			slices.Sort(me)
			require.Equal(t, gotScopes, me)
		}
		now.Advance(time.Hour)
	}
}
