package scim

import (
	"fmt"
	"strings"
	"time"
)

// columns say how the attributes of a type are read in SQL: an expression for
// each, and for each with many values where they come from.
type columns struct {
	single map[string]string // "userName", "name.givenName"
	many   map[string]collection
}

type collection struct {
	from  string // FROM and WHERE of the values of one resource
	parts map[string]string
}

// conditions writes a filter as SQL; arg gives a value its place.
type conditions struct {
	kind kindOf
	columns
	arg func(any) string
}

func (w conditions) of(f filter) (string, error) { return w.write(f, w.kind, w.kind.attributes, nil) }

// write takes parts for the expressions inside one value of a collection.
func (w conditions) write(f filter, k kindOf, attributes []attribute, parts map[string]string) (string, error) {
	switch {
	case f.not != nil:
		inner, err := w.write(*f.not, k, attributes, parts)
		return "NOT (" + inner + ")", err
	case f.and != nil:
		return w.joined(f.and, " AND ", k, attributes, parts)
	case f.or != nil:
		return w.joined(f.or, " OR ", k, attributes, parts)
	case f.within != nil:
		return w.oneValue(*f.within, k, attributes)
	}
	return w.comparison(*f.compare, k, attributes, parts)
}

func (w conditions) joined(all []filter, with string, k kindOf, attributes []attribute, parts map[string]string) (string, error) {
	texts := make([]string, len(all))
	for i, one := range all {
		text, err := w.write(one, k, attributes, parts)
		if err != nil {
			return "", err
		}
		texts[i] = text
	}
	return "(" + strings.Join(texts, with) + ")", nil
}

func (w conditions) oneValue(f valueFilter, k kindOf, attributes []attribute) (string, error) {
	a, ok := find(attributes, f.path.name)
	if !ok && k.understood(f.path.name) {
		return "false", nil
	}
	if !ok || a.kind != "complex" {
		return "", filterFault("%s[", f.path)
	}
	parts := map[string]string{}
	if c, many := w.many[a.name]; many {
		inner, err := w.write(f.inner, kindOf{}, a.sub, c.parts)
		return "EXISTS (SELECT 1 FROM " + c.from + " AND " + inner + ")", err
	}
	for _, s := range a.sub {
		parts[s.name] = w.single[a.name+"."+s.name]
	}
	inner, err := w.write(f.inner, kindOf{}, a.sub, parts)
	if err != nil {
		return "", err
	}
	return "(" + w.anyPart(a) + " AND " + inner + ")", nil
}

// anyPart: a complex attribute is there when a part of it is.
func (w conditions) anyPart(a attribute) string {
	texts := make([]string, len(a.sub))
	for i, s := range a.sub {
		texts[i] = w.single[a.name+"."+s.name] + " IS NOT NULL"
	}
	return "(" + strings.Join(texts, " OR ") + ")"
}

func (w conditions) comparison(c comparison, k kindOf, attributes []attribute, parts map[string]string) (string, error) {
	if c.op == "ne" {
		c.op = "eq"
		inner, err := w.comparison(c, k, attributes, parts)
		return "NOT (" + inner + ")", err
	}
	at, known, err := locate(c, k, attributes)
	if err != nil {
		return "", err
	}
	absent := c.op == "eq" && c.value == nil
	if !known {
		return fmt.Sprint(absent), nil
	}
	if absent {
		c.op = "pr"
		at.op = "pr"
	}
	text := w.located(at, parts)
	if absent {
		text = "NOT (" + text + ")"
	}
	return text, nil
}

func (w conditions) located(at located, parts map[string]string) string {
	if at.outer == nil {
		if parts != nil {
			return w.compared(parts[at.leaf.name], at)
		}
		return w.compared(w.single[at.leaf.name], at)
	}
	if c, many := w.many[at.outer.name]; many {
		return "EXISTS (SELECT 1 FROM " + c.from + " AND " + w.compared(c.parts[at.leaf.name], at) + ")"
	}
	if at.leaf.name == "" {
		return w.anyPart(*at.outer)
	}
	return w.compared(w.single[at.outer.name+"."+at.leaf.name], at)
}

func (w conditions) compared(e string, at located) string {
	if e == "" {
		return "false" // kept by nobody
	}
	if at.op == "pr" {
		if at.leaf.kind == "string" || at.leaf.kind == "reference" {
			return "coalesce(" + e + " <> '', false)"
		}
		return "(" + e + ") IS NOT NULL"
	}
	value := at.value
	var place string
	switch v := value.(type) {
	case string:
		e = "(" + e + `) COLLATE "C"`
		place = w.arg(v) + "::text"
		if !at.leaf.caseExact {
			e, place = "lower("+e+")", "lower("+place+")"
		}
	case bool:
		place = w.arg(v) + "::boolean"
	case time.Time:
		place = w.arg(v) + "::timestamptz"
	}
	switch at.op {
	case "co":
		return "coalesce(strpos(" + e + ", " + place + ") > 0, false)"
	case "sw":
		return "coalesce(starts_with(" + e + ", " + place + "), false)"
	case "ew":
		return "coalesce(right(" + e + ", length(" + place + ")) = " + place + ", false)"
	}
	sign := map[string]string{"eq": "=", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}[at.op]
	return "coalesce(" + e + " " + sign + " " + place + ", false)"
}

// order writes what to sort by (RFC 7644 §3.4.2.3).
func (w conditions) order(by, direction, otherwise string) (string, error) {
	if by == "" {
		return otherwise, nil
	}
	where, ok := parseName(by, w.kind)
	a, found := find(w.kind.attributes, where.name)
	e := ""
	if ok && found {
		leaf := a
		name := a.name
		if a.kind == "complex" {
			leaf, _ = find(a.sub, where.sub)
			name += "." + leaf.name
		}
		if e = w.single[name]; e != "" && leaf.kind == "string" {
			e = "(" + e + `) COLLATE "C"`
			if !leaf.caseExact {
				e = "lower(" + e + ")"
			}
		}
	}
	if e == "" {
		return "", valueFault("sortBy", "an attribute with one value")
	}
	if strings.EqualFold(direction, "descending") {
		return e + " DESC NULLS LAST, " + otherwise, nil
	}
	return e + " ASC NULLS LAST, " + otherwise, nil
}
