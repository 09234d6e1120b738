package parvistest

import (
	"encoding/json"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/api"
)

// specification is the contract, which nobody may change.
var specification = sync.OnceValue(func() map[string]any {
	var doc map[string]any
	if err := json.Unmarshal(api.SpecJSON, &doc); err != nil {
		panic(err) // it is generated
	}
	return doc
})

// ExampleBody is the contract's first example of an operation's JSON request
// body, made anew at each call; false where there is none.
func ExampleBody(op api.OperationSpec) (body map[string]any, media string, ok bool) {
	example, media, ok := exampleBody(op)
	if !ok {
		return nil, "", false
	}
	copied, err := json.Marshal(example)
	return body, media, err == nil && json.Unmarshal(copied, &body) == nil
}

func exampleBody(op api.OperationSpec) (body map[string]any, media string, ok bool) {
	doc := specification()
	node := dig(doc, doc, "paths", op.Path, strings.ToLower(op.Method), "requestBody", "content")
	for _, media := range []string{"application/json", "application/merge-patch+json", "application/scim+json"} {
		content, _ := node[media].(map[string]any)
		if content == nil {
			continue
		}
		for _, holder := range []map[string]any{content, dig(doc, content, "schema")} {
			if example, ok := holder["example"].(map[string]any); ok {
				return example, media, true
			}
			switch examples := holder["examples"].(type) {
			case []any:
				if example, ok := examples[0].(map[string]any); ok {
					return example, media, true
				}
			case map[string]any:
				for _, e := range examples {
					if example, ok := e.(map[string]any)["value"].(map[string]any); ok {
						return example, media, true
					}
				}
			}
		}
	}
	return nil, "", false
}

// dig follows names and references.
func dig(doc, node map[string]any, names ...string) map[string]any {
	for _, name := range names {
		node, _ = node[name].(map[string]any)
		if ref, ok := node["$ref"].(string); ok {
			node = dig(doc, doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
		}
	}
	return node
}

// Path fills an operation's address. Identifiers are fresh, so that nothing is
// there; other parameters get a plausible word.
func Path(op api.OperationSpec) string {
	path := op.Path
	for _, p := range op.PathParameters {
		value := "nothing-here"
		if strings.HasSuffix(p.Name, "_id") && p.Name != "external_id" {
			value = uuid.Must(uuid.NewV7()).String()
		}
		if p.Name == "token" {
			value = strings.Repeat("a", 43)
		}
		if p.Name == "number" {
			value = "1"
		}
		if p.Name == "kind" {
			value = "order"
		}
		path = strings.ReplaceAll(path, "{"+p.Name+"}", value)
	}
	return path
}
