package scim

import (
	"strings"

	"github.com/parvis-crm/parvis/internal/fault"
)

// Selection is which attributes are wanted (RFC 7644 §3.9). Names that are not
// known select nothing.
type Selection struct {
	only, without []path
	chosen        bool
}

// Select reads `attributes` and `excludedAttributes`, of which one at most is
// given.
func Select(attributes, excluded *string) (Selection, error) {
	var s Selection
	if attributes != nil && excluded != nil {
		return s, fault.New(fault.Malformed, "scim-syntax").With("why", "attributes and excludedAttributes exclude each other")
	}
	read := func(text *string) (out []path) {
		if text == nil {
			return nil
		}
		for one := range strings.SplitSeq(*text, ",") {
			one = strings.TrimSpace(one)
			for _, k := range []kindOf{userKind(), groupKind()} {
				one = k.within(one)
			}
			if p, ok := parseName(one, kindOf{}); ok {
				out = append(out, p)
			}
		}
		return out
	}
	s.only, s.without, s.chosen = read(attributes), read(excluded), attributes != nil
	return s, nil
}

// wants reports whether any part of an attribute is wanted.
func (s Selection) wants(name string) bool {
	if s.chosen {
		return named(s.only, name, "") || len(parts(s.only, name)) > 0
	}
	return !named(s.without, name, "")
}

func named(list []path, name, sub string) bool {
	for _, p := range list {
		if strings.EqualFold(p.name, name) && strings.EqualFold(p.sub, sub) {
			return true
		}
	}
	return false
}

func parts(list []path, name string) []string {
	var out []string
	for _, p := range list {
		if strings.EqualFold(p.name, name) && p.sub != "" {
			out = append(out, p.sub)
		}
	}
	return out
}

// of is what is wanted of a document.
func (s Selection) of(k kindOf, doc map[string]any) map[string]any {
	out := map[string]any{}
	for _, a := range k.attributes {
		value, ok := doc[a.name]
		switch {
		case !ok:
		case a.always:
			out[a.name] = value
		case s.wants(a.name):
			if value = s.trimmed(a, value); !isEmpty(value) {
				out[a.name] = value
			}
		}
	}
	return out
}

func (s Selection) trimmed(a attribute, value any) any {
	if a.kind != "complex" || (s.chosen && named(s.only, a.name, "")) {
		return value
	}
	keep := func(m map[string]any) map[string]any {
		out := map[string]any{}
		for name, v := range m {
			if (s.chosen && named(s.only, a.name, name)) || (!s.chosen && !named(s.without, a.name, name)) {
				out[name] = v
			}
		}
		return out
	}
	if m, ok := value.(map[string]any); ok {
		return keep(m)
	}
	var list []any
	for _, m := range valuesOf(value) {
		if kept := keep(m); len(kept) > 0 {
			list = append(list, kept)
		}
	}
	return list
}
