package sibil_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestOnlyWhoMayReadsAndDeclares(t *testing.T) {
	t.Parallel()
	app := institution(t)
	reader := app.As("statutory:read")
	for _, path := range []string{settings, quarter, quarter + "/declarations", sends} {
		reader.Get(path).Is(200)
		app.As("ticketing:read").Get(path).Problem(403, "insufficient-scope")
	}
	reader.Patch(settings, m{"username": "u"}).Problem(403, "insufficient-scope")
	reader.Post(sends, m{"quarter": "2026-Q4"}).Problem(403, "insufficient-scope")
	writer := app.As("statutory:write")
	writer.Patch(settings, m{"username": "u"}).Is(200)
	writer.Post(sends, m{"quarter": "2026-Q4"}).Problem(409, "sibil-off")
	writer.Get(settings).Problem(403, "insufficient-scope")
	// A program of one source is not told what the others sold.
	one := app.AsSource("principale", "statutory:read", "statutory:write")
	one.Get(quarter).Problem(403, "sibil-beyond-source")
	one.Get(quarter+"/declarations").Problem(403, "sibil-beyond-source")
	one.Post(sends, m{"quarter": "2026-Q4"}).Problem(403, "sibil-beyond-source")
}

// Of the usual roles the one of administration draws the return up and sends it,
// and reaches nobody; who gives that role has its scopes too.
func TestTheUsualRoleOfAdministrationDeclares(t *testing.T) {
	t.Parallel()
	app := institution(t)
	var declaring []any
	for _, role := range app.Post("/v1/roles/defaults", nil).Is(200).Data() {
		limits := parvistest.Limits{}
		for name, into := range map[string]*[]string{"scopes": &limits.Scopes, "verbs": &limits.Verbs} {
			for _, v := range role[name].([]any) {
				*into = append(*into, v.(string))
			}
		}
		who := app.Limited(limits)
		if !slices.Contains(limits.Scopes, "statutory:write") {
			who.Get(quarter).Problem(403, "insufficient-scope")
			who.Patch(settings, m{"username": "u"}).Problem(403, "insufficient-scope")
			continue
		}
		who.Get(quarter).Is(200)
		who.Patch(settings, m{"username": "u"}).Is(200)
		who.Post(sends, m{"quarter": "2026-Q4"}).Problem(409, "sibil-off")
		declaring = append(declaring, role["code"])
		if role["code"] == "administration" {
			require.Equal(t, []any{"see"}, role["verbs"])
			who.Post("/v1/contacts", m{"kind": "person", "family_name": "Sorlin"}).Problem(403, "insufficient-scope")
		}
	}
	require.ElementsMatch(t, []any{"administration", "droits"}, declaring)
}

// Figures name nobody, and the State is owed all of them, whoever asks.
func TestFiguresAreTheSameForEverybody(t *testing.T) {
	t.Parallel()
	app := institution(t)
	var s seq
	send(t, app.Client, s.evening()...)
	contact := app.Post("/v1/contacts", m{"kind": "person", "family_name": "Sorlin"}).Is(201).ID()
	hidden := order([]m{line("h1", "28.00", "plein", "soir")}, m{"buyer": m{"contact_id": contact}, "payments": paid("28.00")})
	send(t, app.Client, s.record("order", "hidden", hidden))
	department := app.Department("accueil", "")
	app.AsOwner("insert into crm.contact_departments (tenant_id, contact_id, department_id, verbs) values ($1, $2, $3, '{see}')", app.Tenant, contact, app.Department("direction", ""))
	limited := app.Limited(parvistest.Limits{Scopes: []string{"ticketing:read", "statutory:read"}, Departments: []string{department}, Verbs: []string{"see"}})
	require.Empty(t, limited.Get("/v1/ticketing/orders?contact_id="+contact).Is(200).Data())
	require.Equal(t, "118.99", limited.Get(quarter).Is(200).JSON()["revenue"])
	require.Equal(t, "118.99", limited.Get(quarter + "/declarations").Is(200).Data()[0]["revenue"])
}
