package scim_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestUserFromJoinerToLeaver(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	made := d.scim.Post(users, object{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": "Claire.Martin@arcades.example", "externalId": "e-1",
		"name": object{"givenName": "Claire", "familyName": "Martin"}, "emails": []any{object{"value": "c.martin@arcades.example", "type": "work", "primary": true}},
		"password": "passed over", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": object{"department": "Publics"},
	}, media).Is(201)
	require.Equal(t, "application/scim+json", made.Header.Get("Content-Type"))
	u := made.JSON()
	require.Equal(t, true, u["active"])
	require.Equal(t, "Claire.Martin@arcades.example", u["userName"])
	require.NotContains(t, u, "password")
	require.Regexp(t, `^https?://[^/]+/v1/scim/v2/Users/`+made.ID()+`$`, made.Header.Get("Location"))
	require.Equal(t, u["meta"].(object)["location"], made.Header.Get("Location"))
	require.Equal(t, u["meta"].(object)["version"], made.ETag())
	path := users + "/" + made.ID()
	d.scim.Get(path, parvistest.Header("If-None-Match", made.ETag())).Is(304)
	here := d.Get("/v1/users/" + made.ID()).Is(200).JSON()
	require.Equal(t, "c.martin@arcades.example", here["email"])
	require.Equal(t, "Claire Martin", here["name"])

	a := d.scim.Post(users, object{"userName": "claire.martin@ARCADES.example"}, media)
	refused(t, a, 409, "uniqueness")
	a.Points("#/userName")
	refused(t, d.scim.Post(users, object{"userName": "other@arcades.example", "externalId": "e-1"}, media), 409, "uniqueness")
	refused(t, d.scim.Post(users, object{"userName": "other@arcades.example", "emails": []any{object{"value": "c.martin@arcades.example"}}}, media), 409, "uniqueness")
	require.Equal(t, []string{"Claire.Martin@arcades.example"}, d.found(users+"?filter="+url.QueryEscape(`externalId eq "e-1"`)))

	// Whoever leaves in the directory acts no more with the next request, and
	// comes back the same way.
	claire := d.AsUser(made.ID())
	claire.Get("/v1/me").Is(200)
	d.patch(path, object{"op": "Replace", "path": "active", "value": "False"}).Is(200)
	claire.Get("/v1/me").Is(401)
	require.Equal(t, "deactivated", d.Get("/v1/users/" + made.ID()).JSON()["status"])
	d.patch(path, object{"op": "replace", "value": object{"active": true}}).Is(200)
	claire.Get("/v1/me").Is(200)

	put := d.scim.Put(path, object{"userName": "claire.durand@arcades.example"}, media, parvistest.IfMatch("*")).Is(200)
	require.NotContains(t, put.JSON(), "emails")
	require.Equal(t, true, put.JSON()["active"])
	require.Equal(t, "claire.durand@arcades.example", d.Get("/v1/users/" + made.ID()).JSON()["email"])

	d.scim.Delete(path).Is(204)
	claire.Get("/v1/me").Is(401)
	d.scim.Get(path).Problem(404, "not-found")
	d.scim.Delete(path).Problem(404, "not-found")
	d.patch(path, object{"op": "replace", "path": "active", "value": true}).Problem(404, "not-found")
	require.Empty(t, d.found(users+"?filter="+url.QueryEscape(`userName sw "claire"`)))
	d.Get("/v1/users/" + made.ID()).Is(200)

	again := d.scim.Post(users, object{"userName": "claire.durand@arcades.example"}, media).Is(201)
	require.Equal(t, made.ID(), again.ID())
	claire.Get("/v1/me").Is(200)
}

func TestGroupsGiveRoles(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	nora, ali := d.user("nora@arcades.example", nil), d.user("ali@arcades.example", nil)
	made := d.scim.Post(groups, object{"displayName": "Relations avec les publics", "externalId": "g-1", "members": []any{object{"value": nora}, object{"value": nora}}}, media).Is(201)
	path := groups + "/" + made.ID()
	require.Len(t, made.JSON()["members"], 1)
	role := d.Post("/v1/roles", object{"code": "lecture", "name": "Lecture", "scopes": []string{"contacts:read"}, "verbs": []string{"see"}}).Is(201).ID()
	d.Post("/v1/role-assignments", object{"principal_kind": "team", "principal_id": made.ID(), "role_id": role}).Is(201)
	d.AsUser(nora).Get("/v1/contacts").Is(200)
	d.AsUser(ali).Get("/v1/contacts").Is(403)

	changed := d.patch(path, object{"op": "Add", "path": "members", "value": []any{object{"value": ali}}}, object{"op": "Remove", "path": `members[value eq "` + nora + `"]`}).Is(200)
	require.NotEqual(t, made.ETag(), changed.ETag())
	require.Len(t, changed.JSON()["members"], 1)
	d.AsUser(nora).Get("/v1/contacts").Is(403)
	d.AsUser(ali).Get("/v1/contacts").Is(200)
	require.Equal(t, "Relations avec les publics", d.scim.Get(users + "/" + ali).JSON()["groups"].([]any)[0].(object)["display"])
	require.Equal(t, []string{"ali@arcades.example"}, d.found(users+"?filter="+url.QueryEscape(`groups[value eq "`+made.ID()+`"]`)))
	require.Equal(t, []string{"Relations avec les publics"}, d.found(groups+"?filter="+url.QueryEscape(`members.value eq "`+ali+`"`)))
	require.NotContains(t, d.scim.Get(path+"?excludedAttributes=members").Is(200).JSON(), "members")

	// Entra takes members away by their value, and renames; Okta sends the id.
	d.patch(path, object{"op": "remove", "path": "members", "value": []any{object{"value": ali}}}).Is(200)
	d.AsUser(ali).Get("/v1/contacts").Is(403)
	d.patch(path, object{"op": "replace", "value": object{"id": made.ID(), "displayName": "Publics"}}).Is(200)
	require.Equal(t, "Publics", d.Get("/v1/teams/" + made.ID()).JSON()["name"])

	refused(t, d.scim.Post(groups, object{"displayName": "Other", "externalId": "g-1"}, media), 409, "uniqueness")
	d.patch(path, object{"op": "add", "path": "members", "value": []any{object{"value": ali}}}).Is(200)
	d.scim.Delete(path).Is(204)
	d.scim.Get(path).Problem(404, "not-found")
	d.AsUser(ali).Get("/v1/contacts").Is(403)
	again := d.scim.Post(groups, object{"displayName": "Publics", "externalId": "g-1"}, media).Is(201)
	require.NotEqual(t, made.ID(), again.ID())
}

// Whoever is deleted loses what they were given, and does not get it back by
// coming back.
func TestDeletedUserComesBackWithoutRights(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	id := d.user("nora@arcades.example", nil)
	role := d.Post("/v1/roles", object{"code": "lecture", "name": "Lecture", "scopes": []string{"contacts:read"}, "verbs": []string{"see"}}).Is(201).ID()
	d.Post("/v1/role-assignments", object{"principal_kind": "user", "principal_id": id, "role_id": role}).Is(201)
	d.Patch("/v1/users/"+id, object{"scopes": []string{"events:read"}}).Is(200)
	team := d.Post("/v1/teams", object{"code": "own", "name": "Own"}).Is(201).ID()
	d.Put("/v1/teams/"+team+"/members/"+id, nil).Is(200)
	nora := d.AsUser(id)
	nora.Get("/v1/contacts").Is(200)
	nora.Get("/v1/events").Is(200)
	d.scim.Delete(users + "/" + id).Is(204)
	require.Equal(t, id, d.user("nora@arcades.example", nil))
	nora.Get("/v1/contacts").Is(403)
	nora.Get("/v1/events").Is(403)
	require.Empty(t, d.Walk("/v1/teams/"+team+"/members"))
}

func TestPaging(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	for _, name := range []string{"b@x.example", "a@x.example", "c@x.example"} {
		d.user(name, object{"title": "T"})
	}
	all := users + "?filter=" + url.QueryEscape(`title eq "t"`)
	require.Equal(t, []string{"b@x.example", "a@x.example", "c@x.example"}, d.found(all))
	require.Equal(t, []string{"a@x.example", "b@x.example", "c@x.example"}, d.found(all+"&sortBy=userName"))
	require.Equal(t, []string{"c@x.example", "b@x.example", "a@x.example"}, d.found(all+"&sortBy=userName&sortOrder=descending"))
	require.Equal(t, []string{"a@x.example"}, d.found(all+"&startIndex=2&count=1"))
	page := d.scim.Get(all + "&startIndex=-7&count=-1").Is(200).JSON()
	require.EqualValues(t, 3, page["totalResults"])
	require.EqualValues(t, 1, page["startIndex"])
	require.Empty(t, page["Resources"])
	require.EqualValues(t, 3, d.scim.Get(all + "&startIndex=100").Is(200).JSON()["totalResults"])
	one := d.scim.Get(all + "&attributes=userName,name.givenName").Is(200).JSON()["Resources"].([]any)[0].(object)
	require.Contains(t, one, "id")
	require.NotContains(t, one, "title")
	refused(t, d.scim.Get(users+"?sortBy=emails"), 400, "invalidValue")
	refused(t, d.scim.Get(users+"?filter="+url.QueryEscape(`nothing eq 1`)), 400, "invalidFilter")
	refused(t, d.scim.Get(users+"?attributes=a&excludedAttributes=b"), 400, "invalidSyntax")
}

func TestVersions(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	for _, path := range []string{users + "/" + d.user("v@x.example", nil), groups + "/" + d.group("V")} {
		first := d.scim.Get(path).ETag()
		require.Regexp(t, `^W/"`, first)
		body := object{"Operations": []any{object{"op": "replace", "path": "displayName", "value": "W"}}}
		second := d.scim.Patch(path, body, media, parvistest.IfMatch(first)).Is(200)
		require.NotEqual(t, first, second.ETag())
		refused(t, d.scim.Patch(path, body, media, parvistest.IfMatch(first)), 412, "")
		refused(t, d.scim.Delete(path, parvistest.IfMatch(first)), 412, "")
		require.Equal(t, second.ETag(), d.scim.Patch(path, body, media, parvistest.IfMatch(second.ETag())).Is(200).ETag(), "nothing changes")
		d.scim.Delete(path, parvistest.IfMatch(second.ETag())).Is(204)
	}
}

func TestWhatIsNotUnderstoodIsRefused(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	path := users + "/" + d.user("r@x.example", nil)
	group := groups + "/" + d.group("R")
	for _, c := range []struct {
		op   object
		kind string
	}{
		{object{"op": "move", "path": "title"}, "invalidSyntax"},
		{object{"op": "replace", "path": "titel", "value": "x"}, "invalidPath"},
		{object{"op": "replace", "path": `emails[type eq "work"`, "value": "x"}, "invalidPath"},
		{object{"op": "replace", "path": `emails[type xx "work"]`, "value": "x"}, "invalidFilter"},
		{object{"op": "replace", "path": `emails[type eq "work"].value`, "value": "x@y.example"}, "noTarget"},
		{object{"op": "remove"}, "noTarget"},
		{object{"op": "replace", "path": "id", "value": "x"}, "mutability"},
		{object{"op": "remove", "path": "userName"}, "mutability"},
		{object{"op": "replace", "path": "active", "value": "perhaps"}, "invalidValue"},
		{object{"op": "replace", "path": "emails", "value": []any{object{"value": "nowhere"}}}, "invalidValue"},
	} {
		refused(t, d.patch(path, object{"op": "replace", "path": "title", "value": "half"}, c.op), 400, c.kind)
	}
	require.NotContains(t, d.scim.Get(path).JSON(), "title", "all or none")
	for _, member := range []string{"nobody", "0199c0de-7b11-7e0a-9d1f-5b8f0a3b9e01"} {
		refused(t, d.patch(group, object{"op": "add", "path": "members", "value": []any{object{"value": member}}}), 400, "invalidValue")
	}
	a := d.scim.Post(users, object{"displayName": "x"}, media)
	refused(t, a, 400, "invalidValue")
	a.Points("#/userName")
	refused(t, d.scim.Post(users, object{"userName": "x@y.example", "userNaem": "x"}, media), 400, "invalidSyntax")
	refused(t, d.scim.Post(groups, object{"members": []any{}}, media), 400, "invalidValue")
	d.scim.Get("/v1/scim/v2/Nothing").Problem(404, "not-found")
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	const base = "/v1/scim/v2"
	require.Equal(t, true, d.scim.Get(base + "/ServiceProviderConfig").Is(200).JSON()["bulk"].(object)["supported"])
	for _, list := range []string{"/ResourceTypes", "/Schemas"} {
		page := d.scim.Get(base + list).Is(200).JSON()
		require.EqualValues(t, 2, page["totalResults"])
		for _, r := range page["Resources"].([]any) {
			require.Equal(t, r, any(d.scim.Get(base+list+"/"+r.(object)["id"].(string)).Is(200).JSON()))
		}
		d.scim.Get(base+list+"?filter=x").Problem(403, "scim-filter")
		d.scim.Get(base+list+"/nothing").Problem(404, "not-found")
	}
	// Plain JSON is taken, asked for or sent (RFC 7644 §3.8).
	d.scim.Post(users, object{"userName": "j@x.example"}, parvistest.Header("Accept", "application/json")).Is(201)
}
