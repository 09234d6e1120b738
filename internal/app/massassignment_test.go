package app_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// specification is the contract as plain JSON.
type specification map[string]any

func readSpecification(t *testing.T) specification {
	t.Helper()
	var s specification
	require.NoError(t, json.Unmarshal(api.SpecJSON, &s))
	return s
}

// at follows a pointer, and references on the way.
func (s specification) at(node map[string]any, names ...string) map[string]any {
	for {
		if ref, ok := node["$ref"].(string); ok {
			node = s.at(s, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
			continue
		}
		if len(names) == 0 || node == nil {
			return node
		}
		next, _ := node[strings.NewReplacer("~1", "/", "~0", "~").Replace(names[0])].(map[string]any)
		node, names = next, names[1:]
	}
}

// TestWalkMassAssignment sends, to each operation that makes or changes something,
// every property that only answers have, as well as those by which a row is known
// inside. All are refused by name: nothing that a client was not meant to set is
// set by being sent.
func TestWalkMassAssignment(t *testing.T) {
	t.Parallel()
	spec := readSpecification(t)
	tried := 0
	each(t, func(t *testing.T, app *parvistest.App, op api.OperationSpec) {
		if _, _, ok := parvistest.ExampleBody(op); !ok {
			t.Skip("no JSON body")
		}
		operation := spec.at(spec, "paths", strings.ReplaceAll(op.Path, "/", "~1"), strings.ToLower(op.Method))
		offered := map[string]bool{}
		for media := range op.Bodies {
			for name := range spec.at(operation, "requestBody", "content", strings.ReplaceAll(media, "/", "~1"), "schema", "properties") {
				offered[name] = true
			}
		}
		foreign := map[string]any{"tenant_id": app.Tenant, "secret_hash": "x", "is_admin": true, "id": "0199c0de-7b11-7e0a-9d1f-5b8f0a3b9e03", "version": 99, "created_at": "2001-01-01T00:00:00Z"}
		for _, status := range []string{"200", "201", "202"} {
			for name := range spec.at(operation, "responses", status, "content", "application~1json", "schema", "properties") {
				foreign[name] = "x"
			}
		}
		for _, name := range slices.Sorted(maps.Keys(foreign)) {
			if offered[name] {
				continue
			}
			tried++
			if strings.HasPrefix(op.Path, "/v1/scim/") {
				passedOver(t, app, op, name, foreign[name])
				continue
			}
			a := request(app.Client, op, func(body map[string]any) { body[name] = foreign[name] })
			a.Problem(http.StatusBadRequest, "invalid-request")
			a.Points("#/" + name)
		}
	})
	require.Greater(t, tried, 400)
}

// passedOver sends a property to provisioning, where what a client may not set is
// either refused or left out of account (RFC 7644 §3.3), and looks for it in what
// came of it.
func passedOver(t *testing.T, app *parvistest.App, op api.OperationSpec, name string, value any) {
	t.Helper()
	if value == "x" {
		value = "zarquolin-passed-over"
	}
	a := request(app.Client, op, func(body map[string]any) { body[name] = value })
	if a.Status >= http.StatusBadRequest {
		require.Less(t, a.Status, http.StatusInternalServerError)
		return
	}
	answers := []*parvistest.Answer{a}
	if location := a.Header.Get("Location"); location != "" {
		answers = append(answers, app.Get(parvistest.Here(location)).Is(http.StatusOK))
		app.Delete(parvistest.Here(location))
	}
	for _, answer := range answers {
		require.NotContains(t, string(answer.Body), "zarquolin-passed-over", "%s was set", name)
		require.NotEqual(t, value, answer.JSON()[name], "%s was set", name)
	}
}
