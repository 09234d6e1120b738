package scim

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/parvis-crm/parvis/internal/fault"
)

// mostValues bounds what one attribute has.
const mostValues = 20_000

// document is a resource by the names of the schema: texts, booleans, objects
// and lists of objects, as JSON has them. Absent, null and empty are the same
// (RFC 7643 §2.5).
type document map[string]any

func valueFault(path, why string) error {
	return fault.New(fault.Malformed, "scim-value").With("path", clip(path)).With("why", why)
}

// member finds a member in whatever case it is written.
func member(body map[string]any, name string) any {
	if v, ok := body[name]; ok {
		return v
	}
	for _, have := range slices.Sorted(maps.Keys(body)) {
		if strings.EqualFold(have, name) {
			return body[have]
		}
	}
	return nil
}

// read makes a document of what a directory sends for a whole resource. What
// cannot be written is passed over, what no standard knows is refused.
func (k kindOf) read(body map[string]any) (document, error) {
	doc := document{}
	unknown := fault.New(fault.Malformed, "invalid-request")
	for _, name := range slices.Sorted(maps.Keys(body)) {
		if strings.EqualFold(name, k.urn) {
			if inner, ok := body[name].(map[string]any); ok {
				more, err := k.read(inner)
				if err != nil {
					return nil, err
				}
				maps.Copy(doc, more)
			}
			continue
		}
		a, ok := find(k.attributes, k.within(name))
		switch {
		case !ok && k.understood(name):
		case !ok:
			unknown.At("#/"+name, "unknown-property")
		case !a.readOnly:
			v, err := a.take(a.name, body[name])
			if err != nil {
				return nil, err
			}
			doc.set(a.name, v)
		}
	}
	return doc, unknown.OrNil()
}

// complete refuses a document without what must be there.
func (k kindOf) complete(doc document) error {
	f := fault.Invalid()
	for _, a := range k.attributes {
		if a.required && !isThere(doc[a.name]) {
			f.At("#/"+a.name, "required")
		}
	}
	return f.OrNil()
}

// set keeps a value, or that there is none.
func (d document) set(name string, value any) {
	if isEmpty(value) {
		delete(d, name)
		return
	}
	d[name] = value
}

func isEmpty(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// take brings a value into the form of its attribute. Entra wraps single values
// into lists and objects, and writes booleans as text.
func (a attribute) take(at string, value any) (any, error) {
	if value == nil {
		return nil, nil
	}
	if a.multi {
		return a.takeMany(at, value)
	}
	if list, ok := value.([]any); ok {
		switch len(list) {
		case 0:
			return nil, nil
		case 1:
			value = list[0]
		default:
			return nil, valueFault(at, "it has one value")
		}
	}
	return a.takeOne(at, value)
}

func (a attribute) takeMany(at string, value any) (any, error) {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	if len(list) > mostValues {
		return nil, valueFault(at, fmt.Sprintf("more than %d values", mostValues))
	}
	out := make([]any, 0, len(list))
	for _, one := range list {
		v, err := a.takeOne(at, one)
		if err != nil {
			return nil, err
		}
		out = appendValue(out, v)
	}
	return onePrimary(out), nil
}

// appendValue adds a value unless it is there (RFC 7644 §3.5.2.1).
func appendValue(list []any, v any) []any {
	if isEmpty(v) || slices.ContainsFunc(list, func(have any) bool { return reflect.DeepEqual(have, v) }) {
		return list
	}
	return append(list, v)
}

// onePrimary leaves the last of the values that say so as the primary one (RFC
// 7643 §2.4).
func onePrimary(list []any) []any {
	last := -1
	for i, v := range list {
		if m, ok := v.(map[string]any); ok && m["primary"] == true {
			last = i
		}
	}
	for i, v := range list {
		if m, ok := v.(map[string]any); ok && m["primary"] == true && i != last {
			m = maps.Clone(m)
			m["primary"] = false
			list[i] = m
		}
	}
	return list
}

func (a attribute) takeOne(at string, value any) (any, error) {
	if a.kind == "complex" {
		return a.takeParts(at, value)
	}
	if wrapped, ok := value.(map[string]any); ok && len(wrapped) == 1 {
		if inner := member(wrapped, "value"); inner != nil {
			value = inner
		}
	}
	if a.kind == "boolean" {
		is, ok := truth(value)
		if !ok {
			return nil, valueFault(at, "true or false is wanted")
		}
		return is, nil
	}
	text, ok := value.(string)
	if !ok {
		return nil, valueFault(at, "a text is wanted")
	}
	if len([]rune(text)) > a.length() {
		return nil, valueFault(at, fmt.Sprintf("longer than %d characters", a.length()))
	}
	return text, nil
}

func (a attribute) takeParts(at string, value any) (any, error) {
	whole, ok := value.(map[string]any)
	if !ok {
		if _, hasValue := find(a.sub, "value"); !hasValue {
			return nil, valueFault(at, "an object is wanted")
		}
		whole = map[string]any{"value": value}
	}
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(whole)) {
		s, ok := find(a.sub, name)
		if !ok || s.readOnly || s.derived {
			continue
		}
		v, err := s.take(at+"."+s.name, whole[name])
		if err != nil {
			return nil, err
		}
		if !isEmpty(v) {
			out[s.name] = v
		}
	}
	return out, nil
}
