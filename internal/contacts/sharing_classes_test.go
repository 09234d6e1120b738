package contacts_test

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestClassesOfFieldsAreMaskedAndDeclared(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	body := person("Noël", "Dupré")
	body["birth_name"], body["birthdate"] = "Kervadec", "1984-02-29"
	body["contact_points"] = []object{{"kind": "email", "value": "zoe@example.org"}}
	id := h.Post("/v1/contacts", body).Is(201).ID()
	nameless := h.Post("/v1/contacts", object{"kind": "person", "birth_name": "Kervella"}).Is(201).ID()
	scopes := []string{"contacts:read", "contacts:write", "events:read", "events:changes"}
	desk := h.Limited(parvistest.Limits{Scopes: scopes, Readable: []string{"identity"}, Writable: []string{"identity"}})

	a := desk.Get("/v1/contacts/" + id + "?expand=contact_points,addresses").Is(200)
	require.Nil(t, a.JSON()["birthdate"])
	require.Nil(t, a.JSON()["birth_name"])
	require.Nil(t, a.JSON()["contact_points"])
	require.Equal(t, "Dupré", a.JSON()["family_name"])
	for _, p := range []any{"/birthdate", "/birth_name", "/contact_points", "/addresses"} {
		require.Contains(t, a.JSON()["masked"], p)
		require.Contains(t, a.Header.Get("Parvis-Masked"), p)
	}
	require.NotContains(t, string(desk.Get("/v1/contacts/"+nameless).Is(200).Body), "ervella")
	desk.Get("/v1/contacts/" + id + "?fields=family_name,birthdate").Is(200)
	for _, media := range []string{"application/json", "text/csv", "application/x-ndjson"} {
		list := desk.Get("/v1/contacts?expand=contact_points", parvistest.Header("Accept", media)).Is(200)
		for _, secret := range []string{"1984", "ervadec", "ervella", "zoe@"} {
			require.NotContains(t, string(list.Body), secret, media)
		}
		require.Contains(t, list.Header.Get("Parvis-Masked"), "/data/*/birthdate")
	}

	for _, q := range []string{"q=Kervadec", "q=zoe@example.org", "email=zoe@example.org", "name_prefix=kervella", "q=ke"} {
		require.Empty(t, desk.Get("/v1/contacts?"+q).Is(200).Data(), q)
		require.NotEmpty(t, h.Get("/v1/contacts?"+q).Is(200).Data(), q)
	}
	require.Len(t, desk.Get("/v1/contacts?q=Dupré").Data(), 1)
	for _, f := range []object{{"field": "birthdate", "op": "eq", "value": "1984-02-29"}, {"field": "birth_name", "op": "prefix", "value": "Ker"}, {"field": "email", "op": "contains", "value": "zoe"}} {
		require.Empty(t, desk.Post("/v1/contacts/search", object{"filter": f}).Is(200).Data(), f)
		require.Len(t, desk.Post("/v1/contacts/search", object{"filter": object{"not": f}}).Is(200).Data(), 2, f)
		require.NotEmpty(t, h.Post("/v1/contacts/search", object{"filter": f}).Is(200).Data(), f)
	}

	for _, order := range []string{"name", "-name"} {
		page := desk.Get("/v1/contacts?limit=1&sort=" + order).Is(200)
		cursor, err := base64.RawURLEncoding.DecodeString(page.JSON()["next_cursor"].(string))
		require.NoError(t, err)
		for _, secret := range []string{"ervella", "dupre"} { // a position in the order, and so a name
			require.NotContains(t, string(cursor), secret)
		}
		require.Len(t, desk.Walk("/v1/contacts?limit=1&sort="+order), 2)
	}
	blind := h.Limited(parvistest.Limits{Scopes: scopes, Readable: []string{"contact_point"}})
	require.Len(t, blind.Walk("/v1/contacts?limit=1"), 2)
	blind.Get("/v1/contacts?sort=-name").Problem(403, "field-class-not-readable")
	blind.Post("/v1/contacts/search", object{"sort": []string{"name"}}).Points("#/sort/0")

	desk.Patch("/v1/contacts/"+id, object{"nickname": "Zo"}).Is(200)
	desk.Patch("/v1/contacts/"+id, object{"birthdate": nil}).Problem(403, "field-class-not-writable")
	desk.Patch("/v1/contacts/"+id, object{"birthdate": nil}).Points("#/birthdate")
	desk.Post("/v1/contacts/batch", object{"items": []object{{"op": "create", "body": object{"kind": "person", "family_name": "A", "contact_points": []object{}}}}}).Points("#/items/0/body/contact_points")

	var created string
	parvistest.Eventually(t, "the event", func() bool {
		list := desk.Get("/v1/events?types=contact.created&subject_id=" + id).Data()
		if len(list) == 1 {
			created = list[0]["id"].(string)
		}
		return created != ""
	})
	changes := desk.Get("/v1/events/" + created + "/changes").Is(200)
	require.NotContains(t, string(changes.Body), "1984")
	require.Contains(t, changes.JSON()["masked"], "/birthdate")
	require.Contains(t, string(changes.Body), "Dupré")
}
