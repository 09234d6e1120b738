package scim_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyItsOwnScopeOpensIt(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	weak := d.As("users:read", "users:write", "rights:write", "rights:grant")
	for _, path := range []string{users, groups, "/v1/scim/v2/Schemas"} {
		weak.Get(path).Problem(403, "insufficient-scope")
	}
	weak.Post(users, object{"userName": "x@y.example"}, media).Problem(403, "insufficient-scope")
	// And it opens nothing else.
	d.scim.Get("/v1/users").Problem(403, "insufficient-scope")
	d.scim.Get("/v1/contacts").Problem(403, "insufficient-scope")
}

// Somebody with rights of their own whom no directory answers for is the
// institution's way in when the directory fails or is taken over.
func TestDirectoryDoesNotTouchTheInstitutionsOwnAdministrator(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	admin := d.Person("*")
	path := users + "/" + admin.ID
	d.scim.Get(path).Is(200)
	d.patch(path, object{"op": "replace", "path": "userName", "value": "thief@evil.example"}).Problem(403, "scim-other-source")
	d.patch(path, object{"op": "replace", "path": "active", "value": false}).Problem(403, "scim-other-source")
	d.scim.Put(path, object{"userName": "thief@evil.example"}, media).Problem(403, "scim-other-source")
	d.scim.Delete(path).Problem(403, "scim-other-source")
	admin.Get("/v1/me").Is(200)

	// Somebody without is taken over by the first change, and a leaver even with
	// rights given later.
	plain := d.Person()
	d.patch(users+"/"+plain.ID, object{"op": "replace", "path": "title", "value": "Régie"}).Is(200)
	d.Patch("/v1/users/"+plain.ID, object{"scopes": []string{"events:read"}}).Is(200)
	plain.Get("/v1/events").Is(200)
	d.patch(users+"/"+plain.ID, object{"op": "replace", "path": "active", "value": false}).Is(200)
	plain.Get("/v1/events").Is(401)
}

// A directory has no say in the teams of the institution.
func TestDirectorySeesItsOwnGroupsOnly(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	own := d.Post("/v1/teams", object{"code": "own", "name": "Own"}).Is(201).ID()
	d.scim.Get(groups+"/"+own).Problem(404, "not-found")
	d.patch(groups+"/"+own, object{"op": "replace", "path": "displayName", "value": "x"}).Problem(404, "not-found")
	d.scim.Put(groups+"/"+own, object{"displayName": "x"}, media).Problem(404, "not-found")
	d.scim.Delete(groups+"/"+own).Problem(404, "not-found")
	require.Empty(t, d.found(groups))
	given := d.Post("/v1/teams", object{"code": "given", "name": "Given", "external_id": "cn=given"}).Is(201).ID()
	require.Equal(t, []string{"Given"}, d.found(groups))
	d.patch(groups+"/"+given, object{"op": "replace", "path": "displayName", "value": "Taken"}).Is(200)
}

// Two directories of one institution answer each for their own.
func TestDirectoriesDoNotMeet(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	other := d.AsSource("second", "scim:manage")
	id := d.user("n@x.example", object{"externalId": "1"})
	group := d.group("G", id)
	other.Post(users, object{"userName": "n@x.example"}, media).Problem(409, "already-exists")
	other.Delete(users+"/"+id).Problem(403, "scim-other-source")
	other.Get(groups+"/"+group).Problem(404, "not-found")
	require.NotContains(t, other.Get(users+"/"+id).Is(200).JSON(), "externalId")
	require.NotContains(t, other.Get(users+"/"+id).JSON(), "groups")
	other.Post(users, object{"userName": "m@x.example", "externalId": "1"}, media).Is(201)
}
