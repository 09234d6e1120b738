package scim

import (
	"slices"
	"strings"
	"time"
)

// matches decides whether a document, or one value of an attribute, meets a
// filter. `ne` is the opposite of `eq`, for what is not there as well.
func matches(f filter, k kindOf, attributes []attribute, doc map[string]any) (bool, error) {
	switch {
	case f.not != nil:
		is, err := matches(*f.not, k, attributes, doc)
		return !is, err
	case f.and != nil, f.or != nil:
		all, until := f.and, false
		if f.or != nil {
			all, until = f.or, true
		}
		out := !until
		for _, one := range all {
			is, err := matches(one, k, attributes, doc)
			if err != nil {
				return false, err
			}
			if is == until {
				out = until // and the rest is read for its errors
			}
		}
		return out, nil
	case f.within != nil:
		a, ok := find(attributes, f.within.path.name)
		if !ok || a.kind != "complex" {
			if !ok && k.understood(f.within.path.name) {
				return false, nil
			}
			return false, filterFault("%s[", f.within.path)
		}
		found := false
		for _, value := range append(valuesOf(doc[a.name]), nil) {
			is, err := matches(f.within.inner, kindOf{}, a.sub, value)
			if err != nil {
				return false, err
			}
			found = found || (is && value != nil)
		}
		return found, nil
	}
	return meets(*f.compare, k, attributes, doc)
}

func meets(c comparison, k kindOf, attributes []attribute, doc map[string]any) (bool, error) {
	if c.op == "ne" {
		c.op = "eq"
		is, err := meets(c, k, attributes, doc)
		return !is, err
	}
	at, known, err := locate(c, k, attributes)
	if err != nil {
		return false, err
	}
	if !known {
		return c.op == "eq" && c.value == nil, nil
	}
	var present []any
	if at.outer == nil {
		present = []any{doc[at.leaf.name]}
	} else {
		for _, value := range valuesOf(doc[at.outer.name]) {
			if at.leaf.name == at.outer.name {
				return len(value) > 0, nil
			}
			present = append(present, value[at.leaf.name])
		}
	}
	if c.op == "eq" && c.value == nil {
		if slices.ContainsFunc(present, isThere) {
			return false, nil
		}
		return true, nil
	}
	for _, value := range present {
		if isThere(value) && holds(at, value) {
			return true, nil
		}
	}
	return false, nil
}

// valuesOf are the values of a complex attribute, whether it has one or many.
func valuesOf(value any) []map[string]any {
	var out []map[string]any
	switch v := value.(type) {
	case map[string]any:
		out = append(out, v)
	case []any:
		for _, one := range v {
			if m, ok := one.(map[string]any); ok {
				out = append(out, m)
			}
		}
	}
	return out
}

func isThere(value any) bool { return value != nil && value != "" }

func holds(at located, value any) bool {
	if at.op == "pr" {
		return true
	}
	switch want := at.value.(type) {
	case bool:
		return value == want
	case time.Time:
		text, _ := value.(string)
		have, err := time.Parse(time.RFC3339Nano, text)
		return err == nil && ordered(at.op, have.Compare(want))
	case string:
		have, ok := value.(string)
		if !ok {
			return false
		}
		if !at.leaf.caseExact {
			have, want = strings.ToLower(have), strings.ToLower(want)
		}
		switch at.op {
		case "co":
			return strings.Contains(have, want)
		case "sw":
			return strings.HasPrefix(have, want)
		case "ew":
			return strings.HasSuffix(have, want)
		}
		return ordered(at.op, strings.Compare(have, want))
	}
	return false
}

func ordered(op string, order int) bool {
	switch op {
	case "eq":
		return order == 0
	case "gt":
		return order > 0
	case "ge":
		return order >= 0
	case "lt":
		return order < 0
	case "le":
		return order <= 0
	}
	return false
}
