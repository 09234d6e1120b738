package contacts_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestContactPoints(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	at := "/v1/contacts/" + app.Post("/v1/contacts", person("Ana", "Costa")).Is(201).ID() + "/contact-points"
	first := app.Post(at, object{"kind": "email", "value": "ana@example.org"}).Is(201)
	require.Equal(t, true, first.JSON()["is_primary"], "the first of its kind")
	require.Equal(t, first.ID(), app.Post(at, object{"kind": "email", "value": "ANA@Example.ORG"}).Problem(409, "already-exists")["existing_id"])
	second := app.Post(at, object{"kind": "email", "value": "costa@example.org", "is_primary": true}).Is(201)
	require.Equal(t, false, app.Get(at + "/" + first.ID()).JSON()["is_primary"], "the place has changed hands")
	app.Post(at, object{"kind": "social", "value": "@Ana"}).Problem(422, "invalid")
	social := app.Post(at, object{"kind": "social", "platform": "Mastodon", "value": "@Ana"}).Is(201).JSON()
	require.Equal(t, "mastodon:ana", social["normalized"])
	require.Len(t, app.Walk(at+"?limit=2"), 3)

	app.Patch(at+"/"+second.ID(), object{"is_primary": false}).Problem(422, "invalid")
	verified := app.Patch(at+"/"+second.ID(), object{"status": "valid"}).Is(200).JSON()
	require.NotNil(t, verified["verified_at"])
	out := app.Patch(at+"/"+second.ID(), object{"status": "opted_out", "status_reason": "par courrier"}).Is(200)
	app.Patch(at+"/"+second.ID(), object{"status": "bounced"}).Problem(409, "contact-point-status")
	require.Equal(t, "par courrier", app.Get(at + "/" + second.ID()).JSON()["status_reason"])
	app.Patch(at+"/"+second.ID(), object{"label": "work"}, parvistest.IfMatch(`"1"`)).Problem(412, "stale-version")
	moved := app.Patch(at+"/"+second.ID(), object{"value": "ana.costa@example.org"}, parvistest.IfMatch(out.ETag())).Is(200).JSON()
	require.Equal(t, "unverified", moved["status"], "another mailbox starts again")
	require.Nil(t, moved["verified_at"])
	app.Patch(at+"/"+second.ID(), object{"value": "ana@example.org"}).Problem(409, "already-exists")

	app.Delete(at+"/"+second.ID()).Problem(428, "precondition-required")
	app.Delete(at+"/"+second.ID(), parvistest.IfMatch(`"1"`)).Problem(412, "stale-version")
	app.Delete(at+"/"+second.ID(), parvistest.IfMatch(app.Get(at+"/"+second.ID()).ETag())).Is(204)
	app.Get(at+"/"+second.ID()).Problem(404, "not-found")
	require.Equal(t, true, app.Get(at + "/" + first.ID()).JSON()["is_primary"], "the oldest takes the place")
	one := app.Get(at + "/" + first.ID())
	app.Get(at+"/"+first.ID(), parvistest.Header("If-None-Match", one.ETag())).Is(304)
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	at := "/v1/contacts/" + app.Post("/v1/contacts", object{"kind": "organisation", "legal_name": "Théâtre des Arcades"}).Is(201).ID() + "/addresses"
	app.Post(at, object{"recipient": "x"}).Problem(422, "invalid")
	app.Post(at, object{"city": "Namur", "country": "XX"}).Points("#/country")
	first := app.Post(at, object{"recipient": "Service billetterie", "street": "3, place de l’Œuvre", "locality": "CS 12345", "postal_code": "75 901", "city": "Paris Cedex 09"}).Is(201)
	require.Equal(t, []any{"Théâtre des Arcades", "Service billetterie", "3 PLACE DE L OEUVRE", "CS 12345", "75901 PARIS CEDEX 09"}, first.JSON()["postal_lines"])
	require.Equal(t, "3, place de l’Œuvre", first.JSON()["street"], "kept as typed")
	second := app.Post(at, object{"street": "10 Downing Street", "city": "London", "postal_code": "SW1A 2AA", "country": "GB", "is_primary": true}).Is(201)
	require.Equal(t, []any{"Théâtre des Arcades", "10 DOWNING STREET", "LONDON", "SW1A 2AA", "ROYAUME UNI"}, second.JSON()["postal_lines"])
	require.Equal(t, false, app.Get(at + "/" + first.ID()).JSON()["is_primary"])
	npai := app.Patch(at+"/"+first.ID(), object{"status": "undeliverable", "status_reason": "NPAI"}).Is(200).JSON()
	require.Equal(t, "undeliverable", npai["status"])
	require.Equal(t, "unverified", app.Patch(at+"/"+first.ID(), object{"street": "4 place de l'Œuvre", "locality": nil}).Is(200).JSON()["status"])
	require.Len(t, app.Walk(at+"?limit=1"), 2)
	app.Delete(at+"/"+second.ID()).Problem(428, "precondition-required")
	app.Delete(at+"/"+second.ID(), parvistest.IfMatch(`"1"`)).Is(204)
	require.Equal(t, true, app.Get(at + "/" + first.ID()).JSON()["is_primary"])
}

func TestTags(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	friend := app.Post("/v1/tags", object{"name": "Ami du théâtre"}).Is(201)
	require.Equal(t, friend.ID(), app.Post("/v1/tags", object{"name": "AMI DU THEATRE"}).Problem(409, "already-exists")["existing_id"])
	friends := app.Post("/v1/tags", object{"name": "Amis"}).Is(201)
	both := app.Post("/v1/contacts", person("Ana", "Costa")).Is(201).ID()
	one := app.Post("/v1/contacts", person("Léa", "Martin")).Is(201).ID()
	for _, path := range []string{both + "/tags/" + friend.ID(), both + "/tags/" + friends.ID(), one + "/tags/" + friend.ID(), one + "/tags/" + friend.ID()} {
		app.Put("/v1/contacts/"+path, nil).Is(204)
	}
	app.Patch("/v1/tags/"+friend.ID(), object{"name": "Amis"}).Problem(409, "already-exists")
	app.Patch("/v1/tags/"+friend.ID(), object{"name": "Ami des Arcades", "description": "Soutien"}).Is(200)
	require.Len(t, app.Get("/v1/contacts?tag_id="+friend.ID()).Data(), 2, "renaming loses nobody")

	app.Post("/v1/tags/"+friend.ID()+"/merge", object{"into": friends.ID()}).Problem(428, "precondition-required")
	app.Post("/v1/tags/"+friend.ID()+"/merge", object{"into": friend.ID()}, parvistest.IfMatch(`"2"`)).Problem(422, "invalid")
	require.Equal(t, friends.ID(), app.Post("/v1/tags/"+friend.ID()+"/merge", object{"into": friends.ID()}, parvistest.IfMatch(`"2"`)).Is(200).ID())
	require.Len(t, app.Get("/v1/contacts?tag_id="+friends.ID()).Data(), 2)
	require.Empty(t, app.Get("/v1/contacts?tag_id="+friend.ID()).Data())
	require.Equal(t, friends.ID(), app.Get("/v1/tags/" + friend.ID()).JSON()["merged_into"])
	app.Put("/v1/contacts/"+one+"/tags/"+friend.ID(), nil).Problem(409, "tag-in-other-hands")
	require.Len(t, app.Get("/v1/tags").Data(), 1)

	app.Delete("/v1/tags/"+friends.ID()).Problem(428, "precondition-required")
	app.Delete("/v1/tags/"+friends.ID(), parvistest.IfMatch(`"1"`)).Is(204)
	require.Empty(t, app.Get("/v1/tags").Data())
	require.Len(t, app.Get("/v1/contacts?tag_id="+friends.ID()).Data(), 2, "whoever bears it keeps it")
	app.Put("/v1/contacts/"+one+"/tags/"+friends.ID(), nil).Problem(409, "tag-in-other-hands")
	app.Post("/v1/tags/"+friends.ID()+"/restore", nil).Is(200)
	app.Delete("/v1/contacts/" + one + "/tags/" + friends.ID()).Is(204)
	app.Delete("/v1/contacts/" + one + "/tags/" + friends.ID()).Is(204)
	require.Len(t, app.Get("/v1/contacts?tag_id="+friends.ID()).Data(), 1)
	app.Put("/v1/contacts/"+one+"/tags/"+one, nil).Problem(404, "not-found")
	app.Post("/v1/tags", object{"name": "Zénith"}).Is(201)
	require.Len(t, app.Get("/v1/tags?name_prefix=ZE").Data(), 1)
	require.Len(t, app.Walk("/v1/tags?limit=1"), 2)
}
