package events

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// TypeInfo describes one type of event.
type TypeInfo struct {
	Name, Summary, Description string
	// Scope is what a credential needs to read the record the event is about.
	Scope string
	// Schema is where the JSON Schema of the event is in the contract.
	Schema string
	// Example is an envelope of this type.
	Example json.RawMessage
}

// contract is the little that the catalogue needs to know of the document.
type contract struct {
	Paths map[string]map[string]json.RawMessage `json:"paths"`
	Hooks map[string]struct {
		Post struct {
			Summary     string   `json:"summary"`
			Description string   `json:"description"`
			Scopes      []string `json:"x-scopes"`
			RequestBody struct {
				Content map[string]struct {
					Schema struct {
						Ref string `json:"$ref"`
					} `json:"schema"`
					Example map[string]any `json:"example"`
				} `json:"content"`
			} `json:"requestBody"`
		} `json:"post"`
	} `json:"webhooks"`
	Components struct {
		Schemas map[string]json.RawMessage `json:"schemas"`
	} `json:"components"`
}

// Types reads the catalogue of event types from a contract: its `webhooks`, by
// name.
func Types(specJSON []byte) ([]TypeInfo, error) {
	var c contract
	if err := json.Unmarshal(specJSON, &c); err != nil {
		return nil, fmt.Errorf("events: the contract cannot be read: %w", err)
	}
	out := make([]TypeInfo, 0, len(c.Hooks))
	for name, hook := range c.Hooks {
		body := hook.Post.RequestBody.Content["application/json"]
		t := TypeInfo{
			Name: name, Summary: hook.Post.Summary, Description: strings.TrimSpace(hook.Post.Description),
			Scope: "events:read", Schema: "/v1/openapi.json" + body.Schema.Ref,
		}
		kind, _, _ := strings.Cut(name, ".")
		if scope := c.readScope(subjectPath(kind)); scope != "" {
			t.Scope = scope
		}
		if len(hook.Post.Scopes) > 0 {
			t.Scope = hook.Post.Scopes[0]
		}
		example := body.Example
		if example == nil {
			var err error
			if example, err = c.example(strings.TrimPrefix(body.Schema.Ref, "#/components/schemas/"), name, kind); err != nil {
				return nil, err
			}
		}
		var err error
		if t.Example, err = json.Marshal(example); err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b TypeInfo) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// readScope is the scope of the operation that reads one record of a
// collection.
func (c contract) readScope(collection string) string {
	if collection == "" {
		return ""
	}
	for path, methods := range c.Paths {
		rest, ok := strings.CutPrefix(path, collection+"{")
		if !ok || !strings.HasSuffix(rest, "}") || strings.Contains(rest, "/") {
			continue
		}
		var get struct {
			Scopes []string `json:"x-scopes"`
		}
		if raw, ok := methods["get"]; ok && json.Unmarshal(raw, &get) == nil && len(get.Scopes) > 0 {
			return get.Scopes[0]
		}
	}
	return ""
}

// example is that of the schema, told of another type of event.
func (c contract) example(schema, name, kind string) (map[string]any, error) {
	var s struct {
		Example map[string]any `json:"example"`
	}
	if err := json.Unmarshal(c.Components.Schemas[schema], &s); err != nil {
		return nil, fmt.Errorf("events: example of %s: %w", schema, err)
	}
	s.Example["type"] = name
	if data, ok := s.Example["data"].(map[string]any); ok {
		data["object"] = kind
		url := subjectPath(kind)
		if url != "" {
			url += fmt.Sprint(data["id"])
		}
		data["url"] = url
	}
	return s.Example, nil
}
