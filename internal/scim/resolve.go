package scim

import (
	"strings"
	"time"
)

// located is what a comparison is about: an attribute, or a part of one, with
// the value in the form that it has.
type located struct {
	outer *attribute // multi-valued or complex, around leaf; nil for a plain attribute
	leaf  attribute
	op    string
	value any // text, boolean, time.Time, or nil
}

// locate finds what a comparison is about and refuses what cannot be compared.
// known is false where the attribute belongs to the standard and is not kept:
// then nobody has it.
func locate(c comparison, k kindOf, attributes []attribute) (at located, known bool, err error) {
	a, ok := find(attributes, c.path.name)
	switch {
	case !ok && k.understood(c.path.name):
		return located{}, false, nil
	case !ok:
		return located{}, false, filterFault("no attribute %s", c.path)
	}
	at = located{leaf: a, op: c.op}
	sub := c.path.sub
	if a.kind == "complex" {
		if sub == "" {
			if _, hasValue := find(a.sub, "value"); c.op != "pr" && !hasValue {
				return located{}, false, filterFault("%s has parts", c.path)
			} else if hasValue {
				sub = "value"
			}
		}
		at.outer = &a
		if sub == "" {
			return at, true, nil // whether there is any part
		}
		if at.leaf, ok = find(a.sub, sub); !ok {
			return located{}, false, filterFault("no attribute %s", c.path)
		}
	} else if sub != "" {
		return located{}, false, filterFault("no attribute %s", c.path)
	}
	if at.value, err = inForm(at.leaf, c); err != nil {
		return located{}, false, err
	}
	return at, true, nil
}

// inForm brings the value of a comparison into the form of the attribute.
func inForm(a attribute, c comparison) (any, error) {
	if c.op == "pr" {
		return nil, nil
	}
	if c.value == nil {
		if c.op != "eq" && c.op != "ne" {
			return nil, filterFault("%s %s null", c.path, c.op)
		}
		return nil, nil
	}
	switch a.kind {
	case "boolean":
		v, ok := truth(c.value)
		if !ok || (c.op != "eq" && c.op != "ne") {
			return nil, filterFault("%s is true or false", c.path)
		}
		return v, nil
	case "dateTime":
		text, _ := c.value.(string)
		when, err := time.Parse(time.RFC3339Nano, text)
		if err != nil || c.op == "co" || c.op == "sw" || c.op == "ew" {
			return nil, filterFault("%s is an instant", c.path)
		}
		return when, nil
	}
	text, ok := c.value.(string)
	if !ok {
		return nil, filterFault("%s is a text", c.path)
	}
	return text, nil
}

// truth reads a boolean, which Entra sends as text.
func truth(value any) (is, ok bool) {
	switch v := value.(type) {
	case bool:
		return v, true
	case string:
		switch strings.ToLower(v) {
		case "true":
			return true, true
		case "false":
			return false, true
		}
	}
	return false, false
}
