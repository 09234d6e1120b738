package scim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/parvis-crm/parvis/internal/fault"
)

// Limits of a filter.
const (
	deepestFilter  = 20
	longestFilter  = 4000
	mostConditions = 100
)

// path names an attribute or a part of one.
type path struct{ name, sub string }

func (p path) String() string {
	if p.sub == "" {
		return p.name
	}
	return p.name + "." + p.sub
}

// filter is a tree of conditions: exactly one of its branches is set.
type filter struct {
	and, or []filter
	not     *filter
	compare *comparison
	within  *valueFilter
}

// comparison is `userName eq "x"`. value is nil, a text, a boolean or a number.
type comparison struct {
	path  path
	op    string
	value any
}

// valueFilter is `emails[type eq "work"]`: conditions that one value meets all.
type valueFilter struct {
	path  path
	inner filter
}

func operators() []string {
	return []string{"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr"}
}

func filterFault(format string, args ...any) error {
	return fault.New(fault.Malformed, "scim-filter").With("why", fmt.Sprintf(format, args...))
}

// parseFilter reads a filter of RFC 7644 §3.4.2.2. `not` binds before `and`, and
// `and` before `or`; words are the same in any case.
func parseFilter(text string, k kindOf) (filter, error) {
	if len(text) > longestFilter {
		return filter{}, filterFault("longer than %d", longestFilter)
	}
	p := filterParser{rest: text, kind: k}
	f, err := p.either(0, false)
	if err != nil {
		return filter{}, err
	}
	if p.skip(); p.rest != "" {
		return filter{}, filterFault("%q", clip(p.rest))
	}
	return f, nil
}

type filterParser struct {
	rest  string
	kind  kindOf
	count int
}

func (p *filterParser) skip() { p.rest = strings.TrimLeft(p.rest, " ") }

// word takes a keyword that stands alone.
func (p *filterParser) word(want string) bool {
	p.skip()
	if len(p.rest) < len(want) || !strings.EqualFold(p.rest[:len(want)], want) {
		return false
	}
	if after := p.rest[len(want):]; after != "" && isName(after[0]) {
		return false
	}
	p.rest = p.rest[len(want):]
	return true
}

func (p *filterParser) sign(c byte) bool {
	if p.skip(); p.rest != "" && p.rest[0] == c {
		p.rest = p.rest[1:]
		return true
	}
	return false
}

func (p *filterParser) either(depth int, inside bool) (filter, error) {
	return p.chain("or", func() (filter, error) { return p.both(depth, inside) }, func(all []filter) filter { return filter{or: all} })
}

func (p *filterParser) both(depth int, inside bool) (filter, error) {
	return p.chain("and", func() (filter, error) { return p.term(depth, inside) }, func(all []filter) filter { return filter{and: all} })
}

func (p *filterParser) chain(keyword string, one func() (filter, error), join func([]filter) filter) (filter, error) {
	first, err := one()
	if err != nil {
		return filter{}, err
	}
	all := []filter{first}
	for p.word(keyword) {
		next, err := one()
		if err != nil {
			return filter{}, err
		}
		all = append(all, next)
	}
	if len(all) == 1 {
		return first, nil
	}
	return join(all), nil
}

func (p *filterParser) term(depth int, inside bool) (filter, error) {
	if depth > deepestFilter {
		return filter{}, filterFault("nested deeper than %d", deepestFilter)
	}
	before := p.rest
	if p.word("not") {
		if p.sign('(') {
			f, err := p.closed(depth, inside)
			return filter{not: &f}, err
		}
		p.rest = before
	}
	if p.sign('(') {
		return p.closed(depth, inside)
	}
	return p.condition(depth, inside)
}

func (p *filterParser) closed(depth int, inside bool) (filter, error) {
	f, err := p.either(depth+1, inside)
	if err == nil && !p.sign(')') {
		err = filterFault(") is missing")
	}
	return f, err
}

func (p *filterParser) condition(depth int, inside bool) (filter, error) {
	if p.count++; p.count > mostConditions {
		return filter{}, filterFault("more than %d conditions", mostConditions)
	}
	where, err := p.attribute()
	if err != nil {
		return filter{}, err
	}
	if p.rest != "" && p.rest[0] == '[' {
		p.rest = p.rest[1:]
		if inside || where.sub != "" {
			return filter{}, filterFault("%s[", where)
		}
		f, err := p.either(depth+1, true)
		if err == nil && !p.sign(']') {
			err = filterFault("] is missing")
		}
		if err == nil && strings.HasPrefix(p.rest, ".") {
			return p.partOf(where, f)
		}
		return filter{within: &valueFilter{where, f}}, err
	}
	c, err := p.operation(where)
	return filter{compare: &c}, err
}

// partOf reads what is compared with a part of the values that meet a filter, as
// Entra writes it: `emails[type eq "work"].value eq "x"`. `ne` is the opposite of
// `eq` here as well, and so is what is not there.
func (p *filterParser) partOf(where path, which filter) (filter, error) {
	p.rest = p.rest[1:]
	part, err := p.attribute()
	if err != nil {
		return filter{}, err
	}
	if p.count++; p.count > mostConditions {
		return filter{}, filterFault("more than %d conditions", mostConditions)
	}
	c, err := p.operation(part)
	if err != nil {
		return filter{}, err
	}
	opposite := c.op == "ne"
	if opposite {
		c.op = "eq"
	}
	if c.op == "eq" && c.value == nil {
		c.op, opposite = "pr", !opposite
	}
	found := filter{within: &valueFilter{where, filter{and: []filter{which, {compare: &c}}}}}
	if opposite {
		return filter{not: &found}, nil
	}
	return found, nil
}

// operation reads what is said of an attribute.
func (p *filterParser) operation(where path) (comparison, error) {
	for _, op := range operators() {
		if !p.word(op) {
			continue
		}
		c := comparison{path: where, op: op}
		if op == "pr" {
			return c, nil
		}
		var err error
		c.value, err = p.value()
		return c, err
	}
	return comparison{}, filterFault("no operator after %s", where)
}

// attribute reads the name of an attribute, with the address of its schema or
// without.
func (p *filterParser) attribute() (path, error) {
	p.skip()
	n := 0
	for n < len(p.rest) && (isName(p.rest[n]) || p.rest[n] == '.' || p.rest[n] == ':') {
		n++
	}
	text := p.rest[:n]
	p.rest = p.rest[n:]
	where, ok := parseName(text, p.kind)
	if !ok {
		return path{}, filterFault("no attribute at %q", clip(text+p.rest))
	}
	return where, nil
}

func parseName(text string, k kindOf) (path, bool) {
	text = k.within(text)
	if len(text) > 4 && strings.EqualFold(text[:4], "urn:") {
		return path{name: text}, true // of an extension
	}
	name, sub, dotted := strings.Cut(text, ".")
	if !isPlain(name) || (dotted && !isPlain(sub)) {
		return path{}, false
	}
	return path{name, sub}, true
}

func isPlain(name string) bool {
	return name != "" && (isLetter(name[0]) || name[0] == '$') && !strings.ContainsFunc(name, func(r rune) bool { return r >= 0x80 || !isName(byte(r)) })
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func isName(c byte) bool {
	return isLetter(c) || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '$'
}

// value reads what is compared with: a JSON text, number, true, false or null.
func (p *filterParser) value() (any, error) {
	p.skip()
	n := 0
	if strings.HasPrefix(p.rest, `"`) {
		for n = 1; n < len(p.rest) && p.rest[n] != '"'; n++ {
			if p.rest[n] == '\\' {
				n++
			}
		}
		n = min(n+1, len(p.rest))
	} else {
		for n < len(p.rest) && !slices.Contains([]byte(" )]"), p.rest[n]) {
			n++
		}
	}
	text := p.rest[:n]
	p.rest = p.rest[n:]
	if lower := strings.ToLower(text); lower == "true" || lower == "false" || lower == "null" {
		text = lower // Entra writes True
	}
	var value any
	if json.Unmarshal([]byte(text), &value) != nil {
		return nil, filterFault("no value at %q", clip(text+p.rest))
	}
	switch v := value.(type) {
	case string:
		if strings.IndexByte(v, 0) >= 0 {
			return nil, filterFault("a null character")
		}
		return v, nil
	case nil, bool, float64:
		return v, nil
	}
	return nil, filterFault("no value at %q", clip(text))
}

func clip(text string) string {
	if len(text) > 40 {
		return strings.ToValidUTF8(text[:40], "") + "…"
	}
	return text
}
