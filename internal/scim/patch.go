package scim

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/parvis-crm/parvis/internal/fault"
)

const mostOperations = 1000

// change is one operation of a PATCH (RFC 7644 §3.5.2).
type change struct {
	op, path string
	value    any
}

// readPatch reads the message. `op` is the same in any case, as Entra has it.
func readPatch(body map[string]any) ([]change, error) {
	for _, name := range slices.Sorted(maps.Keys(body)) {
		if !strings.EqualFold(name, "schemas") && !strings.EqualFold(name, "Operations") {
			return nil, fault.New(fault.Malformed, "invalid-request").At("#/"+name, "unknown-property")
		}
	}
	list, ok := member(body, "Operations").([]any)
	if !ok || len(list) == 0 || len(list) > mostOperations {
		return nil, syntaxFault(fmt.Sprintf("1 to %d Operations are wanted", mostOperations))
	}
	out := make([]change, 0, len(list))
	for _, one := range list {
		m, ok := one.(map[string]any)
		if !ok {
			return nil, syntaxFault("an operation is an object")
		}
		op, _ := member(m, "op").(string)
		op = strings.ToLower(op)
		if op != "add" && op != "remove" && op != "replace" {
			return nil, syntaxFault("op is add, remove or replace")
		}
		where := member(m, "path")
		text, isText := where.(string)
		if where != nil && !isText {
			return nil, syntaxFault("a path is a text")
		}
		out = append(out, change{op, strings.TrimSpace(text), member(m, "value")})
	}
	return out, nil
}

func syntaxFault(why string) error {
	return fault.New(fault.Malformed, "scim-syntax").With("why", why)
}

func pathFault(path string) error {
	return fault.New(fault.Malformed, "scim-path").With("path", clip(path))
}

func mutabilityFault(path string) error {
	return fault.New(fault.Malformed, "scim-mutability").With("path", clip(path))
}

// apply does the operations on a copy of a document.
func (k kindOf) apply(doc document, changes []change) (document, error) {
	out := maps.Clone(doc)
	for _, c := range changes {
		var err error
		if c.path == "" {
			err = k.applyWhole(out, c)
		} else {
			err = k.applyAt(out, c)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// applyWhole takes each member of the value for a path of its own. What cannot
// be written is passed over: Okta sends the id along.
func (k kindOf) applyWhole(doc document, c change) error {
	if c.op == "remove" {
		return fault.New(fault.Malformed, "scim-no-target").With("path", "")
	}
	whole, ok := c.value.(map[string]any)
	if !ok {
		return valueFault("value", "without a path, an object is wanted")
	}
	for _, name := range slices.Sorted(maps.Keys(whole)) {
		if strings.EqualFold(name, k.urn) {
			if err := k.applyWhole(doc, change{c.op, "", whole[name]}); err != nil {
				return err
			}
			continue
		}
		if a, ok := find(k.attributes, k.within(name)); ok && a.readOnly {
			continue
		}
		if err := k.applyAt(doc, change{c.op, name, whole[name]}); err != nil {
			return err
		}
	}
	return nil
}

// target is what a path names.
type target struct {
	attribute attribute
	only      *filter // of the values, those that meet it
	sub       *attribute
}

// locatePath reads a path. known is false for what the standard knows and is not
// kept here.
func (k kindOf) locatePath(text string) (t target, known bool, err error) {
	p := filterParser{rest: text, kind: k}
	where, err := p.attribute()
	if err != nil {
		return target{}, false, pathFault(text)
	}
	a, ok := find(k.attributes, where.name)
	if !ok {
		if k.understood(where.name) {
			return target{}, false, nil
		}
		return target{}, false, pathFault(text)
	}
	t.attribute = a
	name := where.sub
	if strings.HasPrefix(p.rest, "[") {
		p.rest = p.rest[1:]
		f, err := p.either(0, true)
		if err != nil {
			return target{}, false, err
		}
		if name != "" || a.kind != "complex" || !a.multi || !p.sign(']') {
			return target{}, false, pathFault(text)
		}
		if _, err := matches(f, kindOf{}, a.sub, nil); err != nil {
			return target{}, false, err
		}
		t.only = &f
		if rest, dotted := strings.CutPrefix(p.rest, "."); dotted {
			name, p.rest = rest, ""
			if name == "" {
				return target{}, false, pathFault(text)
			}
		}
	}
	if p.rest != "" {
		return target{}, false, pathFault(text)
	}
	if name != "" {
		s, ok := find(a.sub, name)
		if !ok {
			return target{}, false, pathFault(text)
		}
		t.sub = &s
	}
	if a.readOnly || (t.sub != nil && (t.sub.readOnly || t.sub.derived)) {
		return target{}, false, mutabilityFault(text)
	}
	return t, true, nil
}

func (k kindOf) applyAt(doc document, c change) error {
	t, known, err := k.locatePath(c.path)
	if err != nil || !known {
		return err
	}
	a := t.attribute
	if a.multi {
		return applyMany(doc, t, c)
	}
	if t.sub != nil {
		parts, _ := doc[a.name].(map[string]any)
		parts = document(maps.Clone(parts))
		if parts == nil {
			parts = map[string]any{}
		}
		var v any
		if c.op != "remove" {
			if v, err = t.sub.take(c.path, c.value); err != nil {
				return err
			}
		}
		document(parts).set(t.sub.name, v)
		doc.set(a.name, parts)
		return nil
	}
	if c.op == "remove" {
		if a.required {
			return mutabilityFault(c.path)
		}
		delete(doc, a.name)
		return nil
	}
	v, err := a.take(a.name, c.value)
	if err != nil {
		return err
	}
	if parts, ok := v.(map[string]any); ok {
		// What is not named of a complex attribute stays (RFC 7644 §3.5.2.3).
		merged := map[string]any{}
		if have, ok := doc[a.name].(map[string]any); ok {
			maps.Copy(merged, have)
		}
		maps.Copy(merged, parts)
		v = merged
	}
	if a.required && isEmpty(v) {
		return mutabilityFault(c.path)
	}
	doc.set(a.name, v)
	return nil
}

func applyMany(doc document, t target, c change) error {
	a := t.attribute
	have, _ := doc[a.name].([]any)
	if t.only == nil && t.sub == nil {
		return applyList(doc, a, have, c)
	}
	out := make([]any, 0, len(have))
	found := false
	for _, value := range have {
		m, _ := value.(map[string]any)
		hit := true
		if t.only != nil {
			var err error
			if hit, err = matches(*t.only, kindOf{}, a.sub, m); err != nil {
				return err
			}
		}
		if !hit {
			out = append(out, value)
			continue
		}
		found = true
		changed, err := changedValue(a, t.sub, m, c)
		if err != nil {
			return err
		}
		out = join(out, changed)
	}
	if !found {
		made, err := madeValue(t, c)
		if err != nil {
			return err
		}
		out = join(out, made)
	}
	doc.set(a.name, onePrimary(out))
	return nil
}

// join adds a value, which is then the primary one if it says so.
func join(list []any, v any) []any {
	before := len(list)
	list = appendValue(list, v)
	if m, ok := v.(map[string]any); !ok || m["primary"] != true || len(list) == before {
		return list
	}
	for i, other := range list[:before] {
		if m, ok := other.(map[string]any); ok && m["primary"] == true {
			m = maps.Clone(m)
			m["primary"] = false
			list[i] = m
		}
	}
	return list
}

// applyList changes all values of an attribute. A removal that names values
// takes only those away, as Entra means it.
func applyList(doc document, a attribute, have []any, c change) error {
	var given []any
	if c.value != nil {
		v, err := a.takeMany(a.name, c.value)
		if err != nil {
			return err
		}
		given = v.([]any)
	}
	switch c.op {
	case "replace":
		doc.set(a.name, given)
	case "add":
		out := slices.Clone(have)
		for _, v := range given {
			out = join(out, v)
		}
		doc.set(a.name, out)
	case "remove":
		if c.value == nil {
			delete(doc, a.name)
			return nil
		}
		doc.set(a.name, slices.DeleteFunc(slices.Clone(have), func(v any) bool {
			return slices.ContainsFunc(given, func(g any) bool { return same(a, v, g) })
		}))
	}
	return nil
}

// same compares two values by their `value`, where they have one.
func same(a attribute, one, other any) bool {
	x, _ := one.(map[string]any)
	y, _ := other.(map[string]any)
	v, ok := find(a.sub, "value")
	left, _ := x["value"].(string)
	right, _ := y["value"].(string)
	if !ok || left == "" {
		return false
	}
	return left == right || (!v.caseExact && strings.EqualFold(left, right))
}

// changedValue is what becomes of a value that a path has named.
func changedValue(a attribute, sub *attribute, value map[string]any, c change) (any, error) {
	if sub == nil {
		if c.op == "remove" {
			return nil, nil
		}
		v, err := a.takeOne(c.path, firstOf(c.value))
		if err != nil {
			return nil, err
		}
		parts, _ := v.(map[string]any)
		if c.op == "add" {
			merged := maps.Clone(value)
			maps.Copy(merged, parts)
			parts = merged
		}
		return parts, nil
	}
	changed := document(maps.Clone(value))
	var v any
	if c.op != "remove" {
		var err error
		if v, err = sub.take(c.path, c.value); err != nil {
			return nil, err
		}
	}
	changed.set(sub.name, v)
	return map[string]any(changed), nil
}

func firstOf(value any) any {
	if list, ok := value.([]any); ok && len(list) == 1 {
		return list[0]
	}
	return value
}

// madeValue is the new value where a path has named none. What is added to the
// work address of somebody who has none makes it; nothing else can be meant.
func madeValue(t target, c change) (any, error) {
	if c.op == "remove" {
		return nil, nil
	}
	if c.op == "replace" && t.only != nil {
		return nil, fault.New(fault.Malformed, "scim-no-target").With("path", clip(c.path))
	}
	made := map[string]any{}
	if t.only != nil && !described(*t.only, t.attribute.sub, made) {
		return nil, fault.New(fault.Malformed, "scim-no-target").With("path", clip(c.path))
	}
	changed, err := changedValue(t.attribute, t.sub, made, c)
	return changed, err
}

// described puts what a filter says a value has into it; false where it says
// something else.
func described(f filter, attributes []attribute, into map[string]any) bool {
	for _, one := range f.and {
		if !described(one, attributes, into) {
			return false
		}
	}
	if f.and != nil {
		return true
	}
	if f.compare == nil || f.compare.op != "eq" || f.compare.value == nil {
		return false
	}
	at, known, err := locate(*f.compare, kindOf{}, attributes)
	if err != nil || !known || at.leaf.readOnly || at.leaf.derived {
		return false
	}
	into[at.leaf.name] = at.value
	return true
}
