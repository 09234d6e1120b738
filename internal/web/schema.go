package web

import (
	"bytes"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Schemas are components of the contract, compiled for documents that travel
// inside others and stand or fall one by one, such as the records of a batch.
type Schemas struct {
	compiled map[string]*jsonschema.Schema
}

// CompileSchemas compiles components of the contract by their names.
func CompileSchemas(specJSON []byte, names ...string) (Schemas, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(specJSON))
	if err != nil {
		return Schemas{}, fmt.Errorf("web: the contract cannot be read: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	registerFormats(c)
	if err := c.AddResource("contract.json", doc); err != nil {
		return Schemas{}, err
	}
	out := Schemas{compiled: make(map[string]*jsonschema.Schema, len(names))}
	for _, name := range names {
		if out.compiled[name], err = c.Compile("contract.json#/components/schemas/" + name); err != nil {
			return Schemas{}, fmt.Errorf("web: %w", err)
		}
	}
	return out, nil
}

// Check validates a decoded document and returns a 400 that lists everything
// wrong, by pointers that begin at "#".
func (s Schemas) Check(name string, document any) error {
	schema, ok := s.compiled[name]
	if !ok {
		return fmt.Errorf("web: schema %q was not compiled", name)
	}
	if err := schema.Validate(document); err != nil {
		return bodyFault(err)
	}
	return nil
}
