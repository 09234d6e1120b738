package main

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// boundedFormats bound the length of a string by themselves, or are streamed
// and bounded by the limit of the body.
var boundedFormats = []string{"uuid", "date", "date-time", "binary"}

// requestWalk checks the schemas that clients' data is validated against. What
// is not bounded there is a way to exhaust the server, and what is not closed
// there swallows typing errors.
type requestWalk struct {
	c    *contract
	seen map[string]bool
}

func (c *contract) checkRequests() {
	walk := &requestWalk{c: c, seen: map[string]bool{}}
	for _, op := range c.operations {
		if op.webhook {
			continue
		}
		for _, p := range c.parameters(op) {
			walk.schema(op.file, op.name(), p.in+" parameter "+p.name, get(p.node, "schema"), false)
		}
		_, body := c.resolve("", get(op.node, "requestBody"))
		for _, media := range pairs(get(body, "content")) {
			walk.schema(op.file, op.name(), "request body", get(media, "schema"), false)
		}
	}
}

// schema checks one schema and those below it. where names the operation or
// component, at what inside it. Composed members are closed by their parent.
func (w *requestWalk) schema(file, where, at string, node *yaml.Node, composed bool) {
	if node == nil || node.Kind != yaml.MappingNode {
		return
	}
	if ref := text(node, "$ref"); ref != "" {
		name := strings.TrimPrefix(ref, "#/components/")
		key := name
		if composed {
			key += " composed"
		}
		if !w.seen[key] {
			w.seen[key] = true
			_, target := w.c.resolve("", node)
			w.schema(w.c.origin[name], strings.TrimPrefix(name, "schemas/"), "schema", target, composed)
		}
		return
	}
	report := func(format string, args ...any) {
		w.c.violations.addf(file, node.Line, where, at+" "+format, args...)
	}
	w.limits(node, composed, report)
	for name, property := range pairs(get(node, "properties")) {
		w.schema(file, where, "property "+name.Value, property, false)
	}
	w.schema(file, where, at+" item", get(node, "items"), false)
	w.schema(file, where, at+" value", get(node, "additionalProperties"), false)
	closed := isFalse(get(node, "unevaluatedProperties"))
	for _, keyword := range []string{"allOf", "anyOf", "oneOf"} {
		for _, member := range items(get(node, keyword)) {
			w.schema(file, where, at, member, composed || closed)
		}
	}
}

func (w *requestWalk) limits(node *yaml.Node, composed bool, report reporter) {
	if get(node, "enum") != nil || get(node, "const") != nil {
		return
	}
	kinds := types(node)
	lacks := func(kind string, keywords ...string) bool {
		return slices.Contains(kinds, kind) && slices.ContainsFunc(keywords, func(k string) bool { return get(node, k) == nil })
	}
	if lacks("string", "maxLength") && !slices.Contains(boundedFormats, text(node, "format")) {
		report("is a string without maxLength")
	}
	if lacks("array", "maxItems") {
		report("is an array without maxItems")
	}
	if lacks("integer", "minimum", "maximum") {
		report("is an integer without minimum and maximum")
	}
	object := slices.Contains(kinds, "object") || get(node, "properties") != nil
	additional := get(node, "additionalProperties")
	if object && !composed && !isFalse(get(node, "unevaluatedProperties")) && (additional == nil || isTrue(additional)) {
		report("is an object without additionalProperties: false")
	}
}

// types gives the types of a schema, one or several.
func types(schema *yaml.Node) []string {
	kind := get(schema, "type")
	if kind != nil && kind.Kind == yaml.ScalarNode {
		return []string{kind.Value}
	}
	return texts(kind)
}
