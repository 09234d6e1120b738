package scim_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnotherInstitutionsDirectorySeesNothing(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	foreign := d.OtherTenant()
	id := d.user("nora@arcades.example", object{"externalId": "1"})
	group := d.scim.Post(groups, object{"displayName": "G", "externalId": "g", "members": []any{object{"value": id}}}, media).Is(201).ID()
	patch := object{"Operations": []any{object{"op": "replace", "path": "displayName", "value": "x"}}}
	for path, whole := range map[string]object{users + "/" + id: {"userName": "x@y.example"}, groups + "/" + group: {"displayName": "x"}} {
		foreign.Get(path).Problem(404, "not-found")
		foreign.Patch(path, patch, media).Problem(404, "not-found")
		foreign.Put(path, whole, media).Problem(404, "not-found")
		foreign.Delete(path).Problem(404, "not-found")
	}
	for _, path := range []string{users, groups} {
		require.EqualValues(t, 0, foreign.Get(path).Is(200).JSON()["totalResults"], path)
	}
	// Names and identifiers are each institution's own; its users are nobody's.
	foreign.Post(users, object{"userName": "nora@arcades.example", "externalId": "1"}, media).Is(201)
	foreign.Post(groups, object{"displayName": "G", "externalId": "g"}, media).Is(201)
	refused(t, foreign.Post(groups, object{"displayName": "H", "members": []any{object{"value": id}}}, media), 400, "invalidValue")
}
