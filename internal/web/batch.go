package web

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/parvis-crm/parvis/internal/fault"
)

type refusedKey struct{}

// RefusedItem is why an item of a batch is not as the contract says, its pointers
// from the root of the item; nil if it is. What the handler is given in its place
// holds the texts of it that could be read and nothing else.
func RefusedItem(ctx context.Context, index int) *fault.Error {
	refused, _ := ctx.Value(refusedKey{}).(map[int]*fault.Error)
	return refused[index]
}

// itemSchema is what each item of the named list of a body has to be.
func itemSchema(body *jsonschema.Schema, list string) (*jsonschema.Schema, error) {
	for body != nil && body.Properties == nil {
		body = body.Ref
	}
	if body == nil || body.Properties[list] == nil || body.Properties[list].Items2020 == nil {
		return nil, fmt.Errorf("x-batch: the body has no list %q", list)
	}
	return body.Properties[list].Items2020, nil
}

// judgeBatch decodes a body whose items stand or fall by themselves. What is
// wrong outside them is the error, and so is what makes the document unreadable.
func (o *operationSchemas) judgeBatch(raw []byte, schema *jsonschema.Schema) (any, map[int]*fault.Error, error) {
	value, flaw, err := decode(raw)
	if err != nil {
		return nil, nil, err
	}
	document, _ := value.(map[string]any)
	list, _ := document[o.spec.Batch].([]any)
	around := maps.Clone(document)
	delete(around, o.spec.Batch)
	outside := fault.New(fault.Malformed, "invalid-request")
	flaws(around, "#", flaw, outside)
	if err := outside.OrNil(); err != nil {
		return nil, nil, err
	}
	valid := schema.Validate(value)
	if valid != nil {
		inside := "#/" + o.spec.Batch + "/"
		for _, l := range leaves(valid) {
			if !strings.HasPrefix(l.pointer, inside) {
				return nil, nil, bodyFault(valid)
			}
		}
	}
	refused := map[int]*fault.Error{}
	for i, item := range list {
		if f := o.judgeItem(item, flaw, valid == nil); f != nil {
			refused[i] = f
			list[i] = o.readable(item, flaw)
		}
	}
	return value, refused, nil
}

func (o *operationSchemas) judgeItem(item any, flaw func(string) string, valid bool) *fault.Error {
	f := fault.New(fault.Malformed, "invalid-request")
	flaws(item, "#", flaw, f)
	if len(f.Violations) == 0 && !valid {
		if err := o.item.Validate(item); err != nil {
			f, _ = fault.As(bodyFault(err))
		}
	}
	if len(f.Violations) == 0 {
		return nil
	}
	return f
}

// readable keeps the texts of a refused item that are as they should be, by which
// its sender knows it again.
func (o *operationSchemas) readable(item any, flaw func(string) string) map[string]any {
	schema := o.item
	for schema != nil && schema.Properties == nil {
		schema = schema.Ref
	}
	kept := map[string]any{}
	members, _ := item.(map[string]any)
	for name, member := range members {
		text, isText := member.(string)
		if isText && schema != nil && schema.Properties[name] != nil && flaw(text) == "" && schema.Properties[name].Validate(text) == nil {
			kept[name] = text
		}
	}
	return kept
}
