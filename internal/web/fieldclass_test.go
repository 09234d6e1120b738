package web_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/web"
)

// TestNoOperationLetsAForbiddenClassOut makes, for every answer of the contract,
// a document with every property in it, and masks it for a reader of all classes
// but one.
func TestNoOperationLetsAForbiddenClassOut(t *testing.T) {
	t.Parallel()
	classes, err := web.ContractClasses()
	require.NoError(t, err)
	require.Equal(t, []string{"civil", "contact_point", "financial", "identity", "note", "sensitive"}, classes.All())
	var doc map[string]any
	require.NoError(t, json.Unmarshal(api.SpecJSON, &doc))
	seen := map[string]int{}
	for id, op := range api.Operations {
		for status, body := range answersOf(doc, op) {
			for _, class := range classes.All() {
				w := writer{doc: doc}
				full, err := json.Marshal(w.value(body, 0, false))
				require.NoError(t, err)
				masked, gone, err := classes.MaskAnswer(web.Actor{Readable: without(classes.All(), class)}, id, status, full)
				require.NoError(t, err)
				mark := `"class:` + class + `"`
				if strings.Contains(string(full), mark) {
					seen[class]++
					require.NotEmpty(t, gone, "%s declares that it masks %s", id, class)
				}
				require.NotContains(t, string(masked), mark, "%s %s lets %s out", id, status, class)
				for _, other := range classes.All() {
					if other != class && w.only[other] {
						require.Contains(t, string(masked), `"class:`+other+`"`, "%s masks %s only", id, class)
					}
				}
			}
		}
	}
	for _, class := range classes.All() {
		require.NotZero(t, seen[class], class)
	}
}

func without(list []string, one string) []string {
	out := []string{}
	for _, s := range list {
		if s != one {
			out = append(out, s)
		}
	}
	return out
}

func answersOf(doc map[string]any, op api.OperationSpec) map[string]any {
	out := map[string]any{}
	operation := doc["paths"].(map[string]any)[op.Path].(map[string]any)[strings.ToLower(op.Method)].(map[string]any)
	for status, r := range operation["responses"].(map[string]any) {
		if !strings.HasPrefix(status, "2") {
			continue
		}
		content, _ := resolve(doc, r)["content"].(map[string]any)
		for media, m := range content {
			if strings.HasSuffix(media, "json") {
				out[status] = m.(map[string]any)["schema"]
			}
		}
	}
	return out
}

func resolve(doc map[string]any, v any) map[string]any {
	m, _ := v.(map[string]any)
	ref, ok := m["$ref"].(string)
	if !ok {
		return m
	}
	var node any = doc
	for token := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		node = node.(map[string]any)[token]
	}
	return node.(map[string]any)
}

// writer makes documents whose every leaf names its classes, without the code
// under test.
type writer struct {
	doc  map[string]any
	only map[string]bool // classes that stand alone at some leaf
}

func (w *writer) value(schema any, depth int, classed bool) any {
	m, _ := schema.(map[string]any)
	var marks []any
	switch class := m["x-field-class"].(type) {
	case string:
		marks = append(marks, "class:"+class)
		if !classed {
			if w.only == nil {
				w.only = map[string]bool{}
			}
			w.only[class] = true
		}
	case []any:
		for _, c := range class {
			marks = append(marks, fmt.Sprint("class:", c))
		}
	}
	if len(marks) > 0 {
		return marks // whatever stands there, all of it is of these classes
	}
	m = resolve(w.doc, m)
	for _, word := range []string{"oneOf", "anyOf", "allOf"} {
		merged := map[string]any{}
		parts, _ := m[word].([]any)
		for _, part := range parts {
			if o, ok := w.value(part, depth, classed).(map[string]any); ok {
				maps.Copy(merged, o)
			}
		}
		if len(merged) > 0 {
			return merged
		}
	}
	if depth > 8 {
		return nil
	}
	if properties, ok := m["properties"].(map[string]any); ok {
		out := map[string]any{}
		for name, p := range properties {
			if v := w.value(p, depth+1, classed); v != nil {
				out[name] = v
			}
		}
		return out
	}
	if items, ok := m["items"]; ok {
		if v := w.value(items, depth+1, classed); v != nil {
			return []any{v, v}
		}
	}
	return "x"
}
