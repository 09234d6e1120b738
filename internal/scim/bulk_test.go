package scim_test

import (
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

const (
	bulk    = "/v1/scim/v2/Bulk"
	request = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
)

func (d directory) bulk(more object, operations ...object) *parvistest.Answer {
	d.t.Helper()
	return d.scim.Post(bulk, parvistest.With(object{"schemas": []string{request}, "Operations": operations}, more), media)
}

// results are the operations of an answer.
func results(a *parvistest.Answer) []object {
	var out []object
	for _, one := range a.Is(200).JSON()["Operations"].([]any) {
		out = append(out, one.(object))
	}
	return out
}

func statuses(a *parvistest.Answer) []string {
	var out []string
	for _, r := range results(a) {
		out = append(out, r["status"].(string))
	}
	return out
}

func TestManyOperationsAtOnce(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	config := d.scim.Get("/v1/scim/v2/ServiceProviderConfig").Is(200).JSON()["bulk"].(object)
	require.Equal(t, object{"supported": true, "maxOperations": float64(200), "maxPayloadSize": float64(1 << 20)}, config)

	// The group stands before its members, and is changed before it is there.
	all := results(d.bulk(nil,
		object{"method": "POST", "path": "/Groups", "bulkId": "g", "data": object{"displayName": "Publics", "members": []any{object{"value": "bulkId:nora"}}}},
		object{"method": "PATCH", "path": "/Groups/bulkId:g", "data": object{"Operations": []any{object{"op": "add", "path": "members", "value": []any{object{"value": "bulkId:ali"}}}}}},
		object{"method": "POST", "path": "/Users", "bulkId": "nora", "data": object{"userName": "nora@arcades.example"}},
		object{"method": "POST", "path": "/Users", "bulkId": "ali", "data": object{"userName": "ali@arcades.example"}},
		object{"method": "POST", "path": "/Users", "bulkId": "twin", "data": object{"userName": "NORA@arcades.example"}},
	))
	require.Equal(t, []any{"201", "200", "201", "201", "409"}, []any{all[0]["status"], all[1]["status"], all[2]["status"], all[3]["status"], all[4]["status"]})
	require.Equal(t, "uniqueness", all[4]["response"].(object)["scimType"])
	require.NotContains(t, all[4], "location")
	require.NotContains(t, all[2], "response")
	location := all[0]["location"].(string)
	group := d.scim.Get(parvistest.Here(location)).Is(200)
	require.Len(t, group.JSON()["members"], 2)
	require.Equal(t, group.ETag(), all[1]["version"])

	// By version, whole, and away.
	nora := all[2]["location"].(string)
	nora = "/Users/" + path.Base(nora)
	require.Equal(t, []string{"412", "200", "204", "404"}, statuses(d.bulk(nil,
		object{"method": "put", "path": nora, "version": `W/"0.0"`, "data": object{"userName": "nora.b@arcades.example"}},
		object{"method": "PUT", "path": nora, "version": all[2]["version"], "data": object{"userName": "nora.b@arcades.example"}},
		object{"method": "DELETE", "path": nora},
		object{"method": "PATCH", "path": nora, "data": object{"Operations": []any{object{"op": "replace", "path": "active", "value": true}}}},
	)))
}

func TestAfterSomeFailuresTheRestIsNotDone(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	user := func(n int, name string) object {
		return object{"method": "POST", "path": "/Users", "bulkId": fmt.Sprint(n), "data": object{"userName": name}}
	}
	require.Equal(t, []string{"201", "400", "201", "400"}, statuses(d.bulk(object{"failOnErrors": 2}, user(1, "a@arcades.example"), user(2, ""), user(3, "b@arcades.example"), user(4, ""), user(5, "c@arcades.example"))))
	require.Empty(t, d.found(users+`?filter=userName+eq+"c@arcades.example"`))
	require.Equal(t, []string{"400", "400", "201"}, statuses(d.bulk(nil, user(1, ""), user(2, ""), user(3, "c@arcades.example"))))

	// What refers to what failed, to nothing or to itself fails; the rest is done.
	member := func(id, of string) object {
		return object{"method": "POST", "path": "/Groups", "bulkId": id, "data": object{"displayName": id, "members": []any{object{"value": "bulkId:" + of}}}}
	}
	a := results(d.bulk(nil, member("g1", "u"), member("g2", "nobody"), member("g3", "g4"), member("g4", "g3"), object{"method": "POST", "path": "/Users", "bulkId": "u", "data": object{}},
		object{"method": "POST", "path": "/Groups", "bulkId": "g5", "data": object{"displayName": "g5"}}))
	var got []any
	for _, r := range a {
		got = append(got, r["status"])
	}
	require.Equal(t, []any{"409", "409", "409", "409", "400", "201"}, got)
	require.Contains(t, a[0]["response"].(object)["detail"], "bulkId:u")
	require.Equal(t, []string{"g5"}, d.found(groups))
}

func TestRequestsOfManyThatAreRefused(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	one := object{"method": "POST", "path": "/Users", "bulkId": "1", "data": object{"userName": "x@arcades.example"}}
	many := make([]object, 201)
	for i := range many {
		many[i] = parvistest.With(one, object{"bulkId": fmt.Sprint(i)})
	}
	refused(t, d.bulk(nil, many...), 413, "")
	refused(t, d.bulk(nil, parvistest.With(one, object{"data": object{"userName": strings.Repeat("x", 1<<20)}})), 413, "")
	refused(t, d.bulk(nil), 400, "invalidSyntax")
	refused(t, d.bulk(nil, one, one), 400, "invalidSyntax")
	refused(t, d.bulk(nil, parvistest.With(one, object{"method": "GET"})), 400, "invalidSyntax")
	refused(t, d.bulk(nil, parvistest.With(one, object{"bulkId": ""})), 400, "invalidSyntax")
	refused(t, d.bulk(nil, parvistest.With(one, object{"data": "x"})), 400, "invalidSyntax")
	refused(t, d.bulk(object{"failOnErrors": 0}, one), 400, "invalidValue")
	refused(t, d.bulk(object{"more": 1}, one), 400, "invalidSyntax")
	require.Equal(t, []string{"404", "404", "404", "404", "404"}, statuses(d.bulk(nil,
		parvistest.With(one, object{"path": "/Users/1", "bulkId": "a"}), parvistest.With(one, object{"path": "/Bulk", "bulkId": "b"}), parvistest.With(one, object{"path": "", "bulkId": "c"}),
		object{"method": "DELETE", "path": "/Users"}, object{"method": "DELETE", "path": "/Users/1/2"})))
	require.Empty(t, d.found(users+`?filter=userName+sw+"x"`))
}

func TestSearchesInABody(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	nora, ali := d.user("nora@arcades.example", object{"displayName": "Nora"}), d.user("ali@arcades.example", object{"displayName": "Ali"})
	d.group("Nora et les autres", nora, ali)
	names := func(at string, body object) []string {
		a := d.scim.Post("/v1/scim/v2/"+at, body, media).Is(200).JSON()
		out := []string{}
		for _, r := range a["Resources"].([]any) {
			out = append(out, r.(object)["displayName"].(string))
		}
		return append(out, fmt.Sprint(a["totalResults"]))
	}
	require.Equal(t, []string{"Nora", "Nora et les autres", "2"}, names(".search", object{"filter": `displayName sw "nora"`}))
	require.Equal(t, []string{"Nora et les autres", "2"}, names(".search", object{"filter": `displayName sw "nora"`, "startIndex": 2, "count": 5}))
	require.Equal(t, []string{"Nora", "2"}, names(".search", object{"filter": `displayName sw "nora"`, "count": 1}))
	require.Equal(t, []string{"2"}, names(".search", object{"filter": `displayName sw "nora"`, "count": 0}))
	require.Equal(t, []string{"Ali", "1"}, names(".search", object{"filter": `userName eq "ali@arcades.example"`}))
	require.Equal(t, []string{"Nora et les autres", "1"}, names(".search", object{"filter": `members.value eq "` + ali + `"`}))
	require.Equal(t, []string{"Nora", "Ali", "2"}, names("Users/.search", object{"filter": `userName co "arcades"`, "sortBy": "displayName", "sortOrder": "descending"}))
	require.Equal(t, []string{"Nora et les autres", "1"}, names("Groups/.search", object{"Attributes": []string{"displayName"}}))
	require.NotContains(t, d.scim.Post("/v1/scim/v2/Groups/.search", object{"attributes": []string{"displayName"}}, media).Is(200).JSON()["Resources"].([]any)[0], "members")

	for _, bad := range []object{{"filter": "("}, {"filter": `unheard eq "x"`}} {
		refused(t, d.scim.Post("/v1/scim/v2/.search", bad, media), 400, "invalidFilter")
	}
	for _, bad := range []object{{"sortBy": "userName"}, {"count": "x"}, {"count": 1.5}, {"filter": 1}, {"sortOrder": "up"}, {"attributes": "displayName"}} {
		refused(t, d.scim.Post("/v1/scim/v2/.search", bad, media), 400, "invalidValue")
	}
	refused(t, d.scim.Post("/v1/scim/v2/Users/.search", object{"more": 1}, media), 400, "invalidSyntax")
}

func TestAPersonReadsThemselves(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	nora := d.user("nora@arcades.example", object{"displayName": "Nora"})
	me := d.AsUser(nora).Get("/v1/scim/v2/Me?attributes=userName").Is(200)
	require.Equal(t, nora, me.ID())
	require.True(t, strings.HasSuffix(me.Header.Get("Location"), users+"/"+nora))
	require.NotContains(t, me.JSON(), "displayName")
	d.AsUser(nora).Get(users).Is(403)
	d.Get("/v1/scim/v2/Me").Is(403)
	d.scim.Get("/v1/scim/v2/Me").Is(403)
}
