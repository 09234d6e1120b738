package contacts_test

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

var everyVerb = []any{"see", "see_contact_points", "act", "edit", "merge", "delete", "export", "see_restricted"}

// house is an institution with two departments and a key limited to each.
type house struct {
	*parvistest.App
	theatre, museum     string
	stage               string // below the theatre
	atTheatre, atMuseum *parvistest.Client
}

func newHouse(t *testing.T) house {
	t.Helper()
	app := parvistest.New(t)
	h := house{App: app, theatre: app.Department("theatre", ""), museum: app.Department("museum", "")}
	h.stage = app.Department("stage", h.theatre)
	h.atTheatre = app.Limited(parvistest.Limits{Scopes: []string{"contacts:read", "contacts:write", "tags:write", "events:read", "events:changes"}, Departments: []string{h.theatre}})
	h.atMuseum = app.Limited(parvistest.Limits{Scopes: []string{"contacts:read", "contacts:write", "tags:write", "events:read", "events:changes"}, Departments: []string{h.museum}})
	return h
}

func (h house) contact(family string, more object) string {
	body := person("Zoë", family)
	maps.Copy(body, more)
	return h.Post("/v1/contacts", body).Is(201).ID()
}

func TestWhoIsLimitedToADepartmentCreatesInIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made := h.atTheatre.Post("/v1/contacts", person("Zoë", "Noël")).Is(201)
	require.Equal(t, []any{h.theatre}, made.JSON()["department_ids"])
	h.atTheatre.Get("/v1/contacts/" + made.ID()).Is(200)
	h.atMuseum.Get("/v1/contacts/"+made.ID()).Problem(404, "not-found")
	list := h.atTheatre.Get("/v1/contacts/" + made.ID() + "/departments").Is(200).Data()
	require.Len(t, list, 1)
	require.Equal(t, everyVerb, list[0]["verbs"])

	h.atTheatre.Post("/v1/contacts", parvistest.With(person("A", "B"), object{"department_ids": []string{h.stage}})).Is(201)
	h.atTheatre.Post("/v1/contacts", parvistest.With(person("A", "B"), object{"department_ids": []string{h.museum}})).Problem(403, "verb-not-held")
	h.Post("/v1/contacts", parvistest.With(person("A", "B"), object{"department_ids": []string{ids.New().String()}})).Points("#/department_ids/0")

	upserted := h.atMuseum.Patch("/v1/contacts/by-external-id/caisse/1", person("Ali", "Durand")).Is(201)
	require.Equal(t, []any{h.museum}, upserted.JSON()["department_ids"])
	batch := h.atMuseum.Post("/v1/contacts/batch", object{"items": []object{{"op": "create", "body": person("Léa", "Petit")}}}).Is(207).JSON()
	require.Equal(t, []any{h.museum}, batch["results"].([]any)[0].(map[string]any)["resource"].(map[string]any)["department_ids"])
	require.Empty(t, h.Post("/v1/contacts", person("C", "D")).Is(201).JSON()["department_ids"])
}

func TestSharingLetsSeeAndNotAct(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.contact("Noël", object{"department_ids": []string{h.theatre}, "contact_points": []object{{"kind": "email", "value": "zoe@example.org"}}})
	at := "/v1/contacts/" + id
	before := h.Get(at).JSON()["version"].(float64)
	h.atTheatre.Put(at+"/departments/"+h.museum, object{"verbs": []string{"see"}}).Is(200)
	shared := h.atMuseum.Get(at + "?expand=contact_points").Is(200).JSON()
	require.Equal(t, before+1, shared["version"])
	require.Nil(t, shared["contact_points"])
	require.Equal(t, []any{"/contact_points", "/addresses"}, shared["masked"])
	require.Equal(t, "see_contact_points", h.atMuseum.Post(at+"/contact-points", object{"kind": "email", "value": "zoe@example.org"}).Problem(403, "verb-not-held")["required_verb"])
	masked := h.atMuseum.Get(at + "/contact-points").Is(200)
	require.Empty(t, masked.Data())
	require.Equal(t, "/data", masked.Header.Get("Parvis-Masked"))
	require.Equal(t, "edit", h.atMuseum.Patch(at, object{"nickname": "Z"}).Problem(403, "verb-not-held")["required_verb"])
	require.Equal(t, "delete", h.atMuseum.Post(at+"/archive", nil, parvistest.IfMatch(h.atMuseum.Get(at).ETag())).Problem(403, "verb-not-held")["required_verb"])
	require.Equal(t, "edit", h.atMuseum.Put(at+"/departments/"+h.museum, object{"verbs": everyVerb}).Problem(403, "verb-not-held")["required_verb"])

	// Nobody gives what they do not hold; with edit, the museum may share on, but not more.
	h.Put(at+"/departments/"+h.museum, object{"verbs": []string{"see", "edit"}}).Is(200)
	require.Equal(t, "delete", h.atMuseum.Put(at+"/departments/"+h.museum, object{"verbs": []string{"edit", "delete"}}).Problem(403, "verb-not-held")["required_verb"])
	h.atMuseum.Patch(at, object{"nickname": "Z"}).Is(200)

	// Nothing is found by what is masked, however it is asked.
	for _, q := range []string{"?email=zoe@example.org", "?q=zoe@example.org", "?q=zoe@"} {
		require.Empty(t, h.atMuseum.Get("/v1/contacts"+q).Is(200).Data(), q)
		require.Len(t, h.atTheatre.Get("/v1/contacts"+q).Is(200).Data(), 1, q)
	}
	filter := object{"filter": object{"field": "email", "op": "prefix", "value": "zoe"}}
	require.Empty(t, h.atMuseum.Post("/v1/contacts/search", filter).Is(200).Data())
	require.Len(t, h.atTheatre.Post("/v1/contacts/search", filter).Is(200).Data(), 1)

	h.atTheatre.Delete(at + "/departments/" + h.museum).Is(204)
	h.atMuseum.Get(at).Is(404)
	require.Equal(t, "edit", h.atTheatre.Delete(at+"/departments/"+h.theatre).Problem(403, "verb-not-held")["required_verb"], "to the whole institution")
	h.Delete(at + "/departments/" + h.theatre).Is(204)
	require.Empty(t, h.Get(at).JSON()["department_ids"])
	h.atMuseum.Get(at).Is(200)
	require.Equal(t, "edit", h.atMuseum.Put(at+"/departments/"+h.museum, object{"verbs": everyVerb}).Problem(403, "verb-not-held")["required_verb"], "out of the whole institution")
	h.Put(at+"/departments/"+ids.New().String(), object{"verbs": everyVerb}).Is(404)
	h.Delete(at + "/departments/" + h.theatre).Is(404)
}

func TestANamelessContactGoesByItsAddressOnlyToThoseWhoSeeIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.Post("/v1/contacts", object{"kind": "person", "contact_points": []object{{"kind": "email", "value": "secret@example.org"}}, "department_ids": []string{h.theatre}}).Is(201).ID()
	h.Put("/v1/contacts/"+id+"/departments/"+h.museum, object{"verbs": []string{"see"}}).Is(200)
	seen := h.atMuseum.Get("/v1/contacts/" + id).Is(200)
	require.NotContains(t, string(seen.Body), "secret@")
	require.Contains(t, seen.JSON()["masked"], "/display_name")
	for _, q := range []string{"?q=secret", "?name_prefix=secret", "?q=se"} {
		require.Empty(t, h.atMuseum.Get("/v1/contacts"+q).Is(200).Data(), q)
		require.Len(t, h.atTheatre.Get("/v1/contacts"+q).Is(200).Data(), 1, q)
	}
}

func TestARestrictedContactIsNowhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.contact("Discrète", object{"department_ids": []string{h.theatre}, "external_ids": []object{{"source": "caisse", "external_id": "9"}}})
	h.contact("Ouverte", object{"department_ids": []string{h.theatre}})
	at := "/v1/contacts/" + id
	h.atTheatre.Post(at+"/restrict", object{"reason": "x"}).Problem(403, "out-of-sight")
	h.Post(at+"/restrict", object{"reason": "x", "viewer_ids": []string{ids.New().String()}}).Points("#/viewer_ids/0")
	made := h.Post(at+"/restrict", object{"reason": "Demande de discrétion"}).Is(200)
	require.Equal(t, true, made.JSON()["is_restricted"])
	require.Equal(t, made.JSON()["version"], h.Post(at+"/restrict", object{"reason": "again"}).Is(200).JSON()["version"], "nothing new")

	h.atTheatre.Get(at).Problem(404, "not-found")
	h.atTheatre.Get("/v1/contacts/by-external-id/caisse/9").Is(404)
	h.atTheatre.Patch(at, object{"nickname": "Z"}).Is(404)
	h.atTheatre.Get(at + "/contact-points").Is(404)
	require.Len(t, h.atTheatre.Get("/v1/contacts").Data(), 1)
	require.Empty(t, h.atTheatre.Get("/v1/contacts?q=Discrete").Data())
	require.EqualValues(t, 1, h.atTheatre.Get("/v1/contacts?count=exact").JSON()["total_count"])
	require.NotContains(t, h.atTheatre.Put("/v1/contacts/"+h.contact("Autre", object{"department_ids": []string{h.theatre}})+"/external-ids/caisse/9", nil).Problem(409, "already-exists"), "existing_id")

	require.Len(t, h.Get("/v1/contacts?restricted=true").Data(), 1)
	require.Len(t, h.Get("/v1/contacts?restricted=false&department_id="+h.theatre).Data(), 2)
	parvistest.Eventually(t, "the restriction is in the log", func() bool {
		history := h.Walk("/v1/events?subject_id=" + id)
		return len(history) > 0 && history[len(history)-1]["type"] == "contact.restricted"
	})

	guardian := h.Limited(parvistest.Limits{Scopes: []string{"contacts:read", "contacts:write"}, Departments: []string{h.theatre}, Verbs: []string{"see", "edit", "see_restricted"}})
	guardian.Get(at).Is(200)
	guardian.Post(at+"/unrestrict", object{"reason": "fin"}).Is(200)
	h.atTheatre.Get(at).Is(200)
}

func TestAnOwnerIsAUser(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	user := h.Post("/v1/users", object{"email": "claire@example.org", "name": "Claire"}).Is(201).ID()
	id := h.contact("Noël", object{"owner_id": user})
	require.Equal(t, user, h.Get("/v1/contacts/" + id).JSON()["owner_id"])
	require.Len(t, h.Get("/v1/contacts?owner_id="+user).Data(), 1)
	require.Len(t, h.Post("/v1/contacts/search", object{"filter": object{"field": "owner_id", "op": "eq", "value": user}}).Data(), 1)
	h.Patch("/v1/contacts/"+id, object{"owner_id": ids.New().String()}).Points("#/owner_id")
	require.Nil(t, h.Patch("/v1/contacts/"+id, object{"owner_id": nil}).Is(200).JSON()["owner_id"])
}

func TestAFileHoldsOnlyWhoMayBeExported(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.contact("Exportable", object{"department_ids": []string{h.theatre}})
	id := h.contact("Visible", object{"department_ids": []string{h.museum}})
	h.Put("/v1/contacts/"+id+"/departments/"+h.theatre, object{"verbs": []string{"see"}}).Is(200)
	require.Len(t, h.atTheatre.Get("/v1/contacts").Data(), 2)
	for _, media := range []string{"text/csv", "application/x-ndjson"} {
		file := string(h.atTheatre.Get("/v1/contacts", parvistest.Header("Accept", media)).Is(200).Body)
		require.Contains(t, file, "Exportable")
		require.NotContains(t, file, "Visible")
		without := h.Limited(parvistest.Limits{Scopes: []string{"contacts:read"}, Verbs: []string{"see"}})
		require.Equal(t, "export", without.Get("/v1/contacts", parvistest.Header("Accept", media)).Problem(403, "verb-not-held")["required_verb"])
	}
}
