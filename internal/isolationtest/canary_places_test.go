package isolationtest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/parvis-crm/parvis/internal/api"
)

// classesAt are the classes that a schema gives to the value it stands for.
func classesAt(s map[string]any) []string {
	switch c := s["x-field-class"].(type) {
	case string:
		return []string{c}
	case []any:
		var out []string
		for _, one := range c {
			out = append(out, fmt.Sprint(one))
		}
		return out
	}
	return nil
}

// parts are the schemas that say something of a value: the one named and those
// that it is made of.
func parts(s map[string]any) []map[string]any {
	s = schemaAt(s)
	out := []map[string]any{s}
	for _, word := range []string{"allOf", "oneOf", "anyOf"} {
		ways, _ := s[word].([]any)
		for _, w := range ways {
			out = append(out, parts(w.(map[string]any))...)
		}
	}
	return out
}

// declared calls with every place below a schema that has a class.
func declared(s map[string]any, at string, above []string, f func(place string, classes []string)) {
	if ref, ok := s["$ref"].(string); ok {
		if slices.Contains(above, ref) {
			return
		}
		above = append(slices.Clone(above), ref)
	}
	if classes := classesAt(s); classes != nil {
		f(at, classes)
	}
	for _, p := range parts(s) {
		properties, _ := p["properties"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			declared(properties[name].(map[string]any), at+"/"+name, above, f)
		}
		if items, ok := p["items"].(map[string]any); ok {
			declared(items, at+"/*", above, f)
		}
	}
}

// leaf is a value of a document with the classes that the contract gives it.
type leaf struct {
	place   string
	classes []string
	value   any
	// own: the class is that of the value, not that of what it is in.
	own bool
}

// within are the values of a document that have a class, containers too; of a
// value in a container with a class the innermost counts.
func within(s map[string]any, v any, at string, classes []string) []leaf {
	own := classesAt(s)
	if own != nil {
		classes = own
	}
	var out []leaf
	if v == nil || s == nil && classes == nil {
		return nil
	}
	if classes != nil {
		out = append(out, leaf{at, classes, v, own != nil || s == nil})
	}
	all := parts(s)
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			var below map[string]any
			for _, p := range all {
				properties, _ := p["properties"].(map[string]any)
				if found, ok := properties[name].(map[string]any); ok {
					below = found
				} else if extra, ok := p["additionalProperties"].(map[string]any); ok && below == nil {
					below = extra
				}
			}
			out = append(out, within(below, v[name], at+"/"+name, classes)...)
		}
	case []any:
		for _, item := range v {
			var below map[string]any
			for _, p := range all {
				if found, ok := p["items"].(map[string]any); ok {
					below = found
				}
			}
			out = append(out, within(below, item, at+"/*", classes)...)
		}
	}
	return out
}

// answerOf is the schema of what an operation answers, nil where that is no JSON.
func answerOf(op api.OperationSpec, status int) map[string]any {
	paths := spec["paths"].(map[string]any)
	responses := paths[op.Path].(map[string]any)[strings.ToLower(op.Method)].(map[string]any)["responses"].(map[string]any)
	one, _ := responses[fmt.Sprint(status)].(map[string]any)
	content, _ := schemaAt(one)["content"].(map[string]any)
	for media, c := range content {
		if strings.HasSuffix(media, "json") && !strings.Contains(media, "ndjson") {
			schema, _ := c.(map[string]any)["schema"].(map[string]any)
			return schema
		}
	}
	return nil
}

// reads reports whether an operation changes nothing.
func reads(op api.OperationSpec) bool { return op.Method == http.MethodGet || op.ReadsOnly }
