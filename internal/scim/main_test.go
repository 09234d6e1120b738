package scim_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

type object = map[string]any

const (
	users  = "/v1/scim/v2/Users"
	groups = "/v1/scim/v2/Groups"
)

var media = parvistest.Header("Content-Type", "application/scim+json")

// directory is a program with the credential of a directory.
type directory struct {
	*parvistest.App
	t    *testing.T
	scim *parvistest.Client
}

func newDirectory(t *testing.T) directory {
	t.Helper()
	app := parvistest.New(t)
	return directory{app, t, app.As("scim:manage")}
}

func (d directory) user(name string, more object) string {
	d.t.Helper()
	return d.scim.Post(users, parvistest.With(object{"userName": name}, more), media).Is(201).ID()
}

func (d directory) group(name string, members ...string) string {
	d.t.Helper()
	list := []any{}
	for _, m := range members {
		list = append(list, object{"value": m})
	}
	return d.scim.Post(groups, object{"displayName": name, "members": list}, media).Is(201).ID()
}

func (d directory) patch(path string, operations ...object) *parvistest.Answer {
	d.t.Helper()
	return d.scim.Patch(path, object{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"}, "Operations": operations}, media)
}

// found are the names of what a filter finds, in their order.
func (d directory) found(path string) []string {
	d.t.Helper()
	a := d.scim.Get(path).Is(200).JSON()
	names := []string{}
	for _, r := range a["Resources"].([]any) {
		m := r.(object)
		name, _ := m["userName"].(string)
		if name == "" {
			name, _ = m["displayName"].(string)
		}
		names = append(names, name)
	}
	return names
}

// refused requires a SCIM error of a kind.
func refused(t *testing.T, a *parvistest.Answer, status int, kind string) {
	t.Helper()
	a.Is(status)
	require.Equal(t, "application/scim+json", a.Header.Get("Content-Type"))
	body := a.JSON()
	require.Equal(t, []any{"urn:ietf:params:scim:api:messages:2.0:Error"}, body["schemas"])
	if kind == "" {
		require.NotContains(t, body, "scimType")
		return
	}
	require.Equal(t, kind, body["scimType"], "%s", a.Body)
}
