package web

import (
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Schemas are components of the contract, compiled for documents that travel
// inside others and stand or fall one by one, such as the records of a batch.
type Schemas struct {
	compiled map[string]*jsonschema.Schema
}

// ContractSchemas gives components of our contract by their names.
func ContractSchemas(names ...string) (Schemas, error) {
	contract, err := contract()
	if err != nil {
		return Schemas{}, err
	}
	out := Schemas{compiled: make(map[string]*jsonschema.Schema, len(names))}
	for _, name := range names {
		if out.compiled[name], err = contract.at("#/components/schemas/" + name); err != nil {
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

// Member is what a component says of one of its members.
type Member struct {
	// Type is its first type that is not null.
	Type string
	// Of is the type of its elements, of an array.
	Of string
	// Within are the places of its path, from 0, that are lists of objects.
	Within []int
}

// Member looks a member of a component up by its path, which goes through lists
// of objects to the members of their elements.
func (s Schemas) Member(component string, path []string) (Member, bool) {
	at := plainly(s.compiled[component])
	var m Member
	for i, name := range path {
		if at == nil {
			return Member{}, false
		}
		next := at.Properties[name]
		if next == nil {
			next, _ = at.AdditionalProperties.(*jsonschema.Schema)
		}
		if at = plainly(next); at == nil {
			return Member{}, false
		}
		if at.Items2020 != nil && i < len(path)-1 {
			m.Within = append(m.Within, i)
			at = plainly(at.Items2020)
		}
	}
	if m.Type = typeOf(at); m.Type == "array" {
		m.Of = typeOf(plainly(at.Items2020))
	}
	return m, m.Type != ""
}

// plainly goes through references, and to the one alternative that is not null.
func plainly(at *jsonschema.Schema) *jsonschema.Schema {
	for at != nil {
		switch {
		case at.Ref != nil:
			at = at.Ref
		case len(at.OneOf) > 0 && typeOf(at) == "":
			var next *jsonschema.Schema
			for _, o := range at.OneOf {
				if o = plainly(o); next == nil && o != nil && typeOf(o) != "" {
					next = o
				}
			}
			return next
		default:
			return at
		}
	}
	return nil
}

func typeOf(at *jsonschema.Schema) string {
	if at == nil || at.Types == nil {
		return ""
	}
	for _, t := range at.Types.ToStrings() {
		if t != "null" {
			return t
		}
	}
	return ""
}
