package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

// example is one value that the contract shows.
type example struct {
	name  string
	value *yaml.Node
}

// examples gives those of a media type, and where it has none those of its
// schema.
func (c *contract) examples(m medium) []example {
	if own := c.examplesOf(m.node); len(own) > 0 {
		return own
	}
	return c.examplesOf(m.schema)
}

func (c *contract) examplesOf(node *yaml.Node) []example {
	var all []example
	if value := get(node, "example"); value != nil {
		all = append(all, example{"example", value})
	}
	examples := get(node, "examples")
	for i, value := range items(examples) {
		all = append(all, example{fmt.Sprintf("examples/%d", i), value})
	}
	for name, entry := range pairs(examples) {
		if _, entry = c.resolve("", entry); get(entry, "value") != nil {
			all = append(all, example{"examples/" + name.Value, get(entry, "value")})
		}
	}
	return all
}

const bundleURL = "https://parvis.invalid/openapi.json"

// checkExamples validates every example of a body, of a parameter and of a
// schema against the schema it illustrates.
func (c *contract) checkExamples() error {
	bundle, err := jsonValue(c.doc)
	if err != nil {
		return err
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	if err := compiler.AddResource(bundleURL, bundle); err != nil {
		return err
	}
	v := &exampleValidator{c: c, compiler: compiler}
	for _, op := range c.operations {
		v.operation(op)
	}
	for name, schema := range pairs(get(c.doc, "components", "schemas")) {
		at := pointer("#/components/schemas", name.Value)
		v.all(c.origin["schemas/"+name.Value], name.Value, at, c.examplesOf(schema))
		for property, inner := range pairs(get(schema, "properties")) {
			v.all(c.origin["schemas/"+name.Value], name.Value+"."+property.Value, pointer(at, "properties", property.Value), c.examplesOf(inner))
		}
	}
	return v.violations.err()
}

type exampleValidator struct {
	c          *contract
	compiler   *jsonschema.Compiler
	violations violations
}

func (v *exampleValidator) operation(op *operation) {
	for _, p := range v.c.parameters(op) {
		v.all(op.file, op.name()+" parameter "+p.name, p.schemaAt, append(v.c.examplesOf(p.node), v.c.examplesOf(p.schema)...))
	}
	for _, m := range v.c.requestMedia(op) {
		v.medium(op, "request", m)
	}
	for status, response := range pairs(get(op.node, "responses")) {
		for _, m := range v.c.media(pointer(op.pointer, "responses", status.Value), response) {
			v.medium(op, "response "+status.Value, m)
		}
	}
}

func (v *exampleValidator) medium(op *operation, what string, m medium) {
	if isJSON(m.name) {
		v.all(op.file, op.name()+" "+what, m.schemaAt, v.c.examplesOf(m.node))
	}
}

func (v *exampleValidator) all(file, where, schemaAt string, examples []example) {
	if len(examples) == 0 {
		return
	}
	schema, err := v.compiler.Compile(bundleURL + fragment(schemaAt))
	if err != nil {
		v.violations.addf(file, examples[0].value.Line, where, "schema cannot be compiled: %v", err)
		return
	}
	for _, e := range examples {
		value, err := jsonValue(e.value)
		if err != nil {
			v.violations.addf(file, e.value.Line, where, "%s: %v", e.name, err)
			continue
		}
		var invalid *jsonschema.ValidationError
		if err := schema.Validate(value); errors.As(err, &invalid) {
			for _, reason := range reasons(invalid) {
				v.violations.addf(file, e.value.Line, where, "%s: %s", e.name, reason)
			}
		}
	}
}

// fragment writes a pointer so that it may stand in a URL.
func fragment(at string) string {
	return strings.NewReplacer("%", "%25", "{", "%7B", "}", "%7D").Replace(at)
}

func reasons(invalid *jsonschema.ValidationError) []string {
	if len(invalid.Causes) == 0 {
		_, text, _ := strings.Cut(invalid.Error(), "\n")
		return []string{strings.TrimSpace(strings.TrimPrefix(text, "-"))}
	}
	var all []string
	for _, cause := range invalid.Causes {
		all = append(all, reasons(cause)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func jsonValue(node *yaml.Node) (any, error) {
	var buffer bytes.Buffer
	if err := encodeJSON(&buffer, node); err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(&buffer)
}
