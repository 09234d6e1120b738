package contacts_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// calls are one call of every operation of the register, by the scope it needs.
func calls(contact, point, address, tag string) map[string][][3]any {
	c := "/v1/contacts/" + contact
	return map[string][][3]any{
		"contacts:read": {
			{"GET", "/v1/contacts"}, {"POST", "/v1/contacts/search", object{}}, {"GET", "/v1/contacts/by-external-id/b/1"}, {"GET", c}, {"GET", c + "/contact-points"},
			{"GET", c + "/contact-points/" + point}, {"GET", c + "/addresses"}, {"GET", c + "/addresses/" + address}, {"GET", c + "/external-ids"}, {"GET", c + "/departments"},
			{"GET", "/v1/tags"}, {"GET", "/v1/tags/" + tag},
		},
		"contacts:write": {
			{"POST", "/v1/contacts", person("A", "B")}, {"POST", "/v1/contacts/batch", object{"items": []object{{"op": "archive", "id": contact}}}},
			{"PATCH", "/v1/contacts/by-external-id/b/9", person("A", "B")}, {"PATCH", c, object{"title": "x"}}, {"POST", c + "/archive", nil}, {"POST", c + "/restore", nil},
			{"POST", c + "/contact-points", object{"kind": "email", "value": "x@example.org"}}, {"PATCH", c + "/contact-points/" + point, object{"label": "work"}},
			{"DELETE", c + "/contact-points/" + point}, {"POST", c + "/addresses", object{"city": "Lyon"}}, {"PATCH", c + "/addresses/" + address, object{"city": "Lyon"}},
			{"DELETE", c + "/addresses/" + address}, {"PUT", c + "/external-ids/c/1", nil}, {"DELETE", c + "/external-ids/b/1"},
			{"PUT", c + "/tags/" + tag, nil}, {"DELETE", c + "/tags/" + tag},
			{"POST", c + "/restrict", object{"reason": "x"}}, {"POST", c + "/unrestrict", object{"reason": "x"}},
			{"PUT", c + "/departments/" + tag, object{"verbs": []string{"see"}}}, {"DELETE", c + "/departments/" + tag},
		},
		"tags:write": {
			{"POST", "/v1/tags", object{"name": "New"}}, {"PATCH", "/v1/tags/" + tag, object{"name": "Other"}}, {"DELETE", "/v1/tags/" + tag},
			{"POST", "/v1/tags/" + tag + "/restore", nil}, {"POST", "/v1/tags/" + tag + "/merge", object{"into": contact}},
		},
	}
}

// one makes a contact with one of everything.
func one(app *parvistest.Client) (contact, point, address, tag string) {
	tag = app.Post("/v1/tags", object{"name": "VIP"}).Is(201).ID()
	body := person("Zoë", "Noël")
	body["external_ids"], body["tag_ids"] = []object{{"source": "b", "external_id": "1"}}, []string{tag}
	contact = app.Post("/v1/contacts", body).Is(201).ID()
	point = app.Post("/v1/contacts/"+contact+"/contact-points", object{"kind": "email", "value": "zoe@example.org"}).Is(201).ID()
	address = app.Post("/v1/contacts/"+contact+"/addresses", object{"city": "Lyon"}).Is(201).ID()
	return contact, point, address, tag
}

func TestEveryOperationNeedsItsScope(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	contact, point, address, tag := one(app.Client)
	all := calls(contact, point, address, tag)
	for scope, list := range all {
		others := []string{"events:read"}
		for other := range all {
			if other != scope {
				others = append(others, other)
			}
		}
		without := app.As(others...)
		for _, c := range list {
			a := without.Do(c[0].(string), c[1].(string), c[2])
			require.Equal(t, scope, a.Problem(403, "insufficient-scope")["required_scope"], "%v", c)
			app.Anonymous().Do(c[0].(string), c[1].(string), c[2]).Problem(401, "unauthenticated")
		}
	}
	require.Equal(t, "Noël", app.Get("/v1/contacts/" + contact).JSON()["family_name"])
	for _, c := range all["contacts:read"] {
		a := app.As("contacts:read").Do(c[0].(string), c[1].(string), c[2])
		require.Equal(t, 200, a.Status, "%v %s", c, strings.TrimSpace(string(a.Body)))
	}
}
