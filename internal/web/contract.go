package web

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/parvis-crm/parvis/internal/api"
)

// contractSchemas compiles schemas of our contract, each once in a process:
// what is compiled stays the same and may be used by many at a time, compiling
// itself by one.
type contractSchemas struct {
	mu       sync.Mutex
	compiler *jsonschema.Compiler
}

var contract = sync.OnceValues(func() (*contractSchemas, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(api.SpecJSON))
	if err != nil {
		return nil, fmt.Errorf("web: the contract cannot be read: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	registerFormats(c)
	if err := c.AddResource("contract.json", doc); err != nil {
		return nil, fmt.Errorf("web: the contract cannot be read: %w", err)
	}
	return &contractSchemas{compiler: c}, nil
})

// at compiles what stands at a pointer, which begins with "#".
func (c *contractSchemas) at(pointer string) (*jsonschema.Schema, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.compiler.Compile("contract.json" + pointer)
}

var contractValidator = sync.OnceValues(func() (*Validator, error) {
	schemas, err := contract()
	if err != nil {
		return nil, err
	}
	return newValidator(schemas, api.Operations)
})

// ContractValidator is the one of our contract, compiled at the first call.
func ContractValidator() (*Validator, error) { return contractValidator() }
