package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
)

// Classes of fields. A property of the contract names its class, or several,
// under x-field-class; a role or a credential names the classes that it may read
// and those that it may write. What is kept from a reader is kept here, for all
// operations alike, and declared: null where null is allowed, absent otherwise.

// classNode is what a schema says about classes.
type classNode struct {
	classes    []string // of the value itself
	nullable   bool
	properties map[string]*classNode
	items      *classNode
	extra      *classNode // of members that are not declared
	below      []string   // every class at and below this place
}

// FieldClasses knows the class of every property that goes in or out.
type FieldClasses struct {
	doc     map[string]any
	nodes   map[string]*classNode            // by pointer of a named schema
	answers map[string]map[string]*classNode // operation, then status as in the contract
	bodies  map[string]*classNode
	objects map[string]*classNode // by the constant that a resource carries
	all     []string
	veils   sync.Map // of a set of classes, one bit each: *veil
}

// NewFieldClasses reads the classes out of the contract.
func NewFieldClasses(specJSON []byte, operations map[string]api.OperationSpec) (*FieldClasses, error) {
	f := &FieldClasses{
		nodes: map[string]*classNode{}, answers: map[string]map[string]*classNode{}, bodies: map[string]*classNode{}, objects: map[string]*classNode{},
	}
	if err := json.Unmarshal(specJSON, &f.doc); err != nil {
		return nil, fmt.Errorf("web: the contract cannot be read: %w", err)
	}
	schemas, _ := f.at("#/components/schemas").(map[string]any)
	for _, name := range sortedKeys(schemas) {
		n := f.named("#/components/schemas/" + name)
		properties, _ := schemas[name].(map[string]any)["properties"].(map[string]any)
		object, _ := properties["object"].(map[string]any)
		if kind, ok := object["const"].(string); ok && (f.objects[kind] == nil || len(f.objects[kind].properties) < len(n.properties)) {
			f.objects[kind] = n
		}
	}
	for id, op := range operations {
		at := "#/paths/" + escapePointer(op.Path) + "/" + strings.ToLower(op.Method)
		f.answers[id] = map[string]*classNode{}
		responses, _ := f.at(at + "/responses").(map[string]any)
		for status, r := range responses {
			if strings.HasPrefix(status, "2") {
				f.answers[id][status] = f.content(r)
			}
		}
		operation, _ := f.at(at).(map[string]any)
		f.bodies[id] = f.content(operation["requestBody"])
	}
	for _, list := range f.answers {
		for _, n := range list {
			f.all = append(f.all, n.gather(map[*classNode]bool{})...)
		}
	}
	for _, n := range f.bodies {
		f.all = append(f.all, n.gather(map[*classNode]bool{})...)
	}
	slices.Sort(f.all)
	if f.all = slices.Compact(f.all); len(f.all) > 64 {
		return nil, fmt.Errorf("web: %d classes of fields, of which 64 can be told apart", len(f.all))
	}
	// Asked for by many requests at once, so known before the first.
	settled := map[*classNode]bool{}
	for _, list := range f.answers {
		for _, n := range list {
			n.settle(settled)
		}
	}
	for _, n := range f.bodies {
		n.settle(settled)
	}
	for _, n := range f.nodes {
		n.settle(settled)
	}
	return f, nil
}

// All are the classes that the contract knows.
func (f *FieldClasses) All() []string { return f.all }

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func escapePointer(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "~", "~0"), "/", "~1")
}

func (f *FieldClasses) at(pointer string) any {
	var node any = f.doc
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "#/"), "/") {
		m, _ := node.(map[string]any)
		node = m[strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")]
	}
	return node
}

// content is the node of the JSON that a response or a body carries.
func (f *FieldClasses) content(v any) *classNode {
	m, _ := v.(map[string]any)
	if ref, ok := m["$ref"].(string); ok {
		return f.content(f.at(ref))
	}
	media, _ := m["content"].(map[string]any)
	for name, c := range media {
		if body, ok := c.(map[string]any); ok && isJSON(name) {
			return f.schema(body["schema"])
		}
	}
	return &classNode{}
}

// named is the node of a schema with a name; one that holds itself is one node.
func (f *FieldClasses) named(ref string) *classNode {
	if n, ok := f.nodes[ref]; ok {
		return n
	}
	n := &classNode{}
	f.nodes[ref] = n
	f.fill(n, f.at(ref))
	return n
}

func (f *FieldClasses) schema(v any) *classNode {
	m, _ := v.(map[string]any)
	ref, isRef := m["$ref"].(string)
	if isRef && len(m) == 1 {
		return f.named(ref)
	}
	n := &classNode{}
	if isRef { // a class beside a reference is of this place, not of the schema
		*n = *f.named(ref)
	}
	f.fill(n, v)
	return n
}

func (f *FieldClasses) fill(n *classNode, v any) {
	m, _ := v.(map[string]any)
	switch class := m["x-field-class"].(type) {
	case string:
		n.classes = []string{class}
	case []any:
		n.classes = nil
		for _, c := range class {
			n.classes = append(n.classes, fmt.Sprint(c))
		}
	}
	switch t := m["type"].(type) {
	case string:
		n.nullable = n.nullable || t == "null"
	case []any:
		n.nullable = n.nullable || slices.Contains(t, any("null"))
	}
	properties, _ := m["properties"].(map[string]any)
	for name, p := range properties {
		if n.properties == nil {
			n.properties = map[string]*classNode{}
		}
		n.properties[name] = f.schema(p)
	}
	if items, ok := m["items"].(map[string]any); ok {
		n.items = f.schema(items)
	}
	if extra, ok := m["additionalProperties"].(map[string]any); ok {
		n.extra = f.schema(extra)
	}
	for _, word := range []string{"allOf", "oneOf", "anyOf"} {
		parts, _ := m[word].([]any)
		for _, part := range parts {
			n.join(f.schema(part))
		}
	}
}

// join takes in one of the schemas that a value may have.
func (n *classNode) join(o *classNode) {
	n.nullable = n.nullable || o.nullable
	n.classes = append(n.classes, o.classes...)
	for name, p := range o.properties {
		if n.properties == nil {
			n.properties = map[string]*classNode{}
		}
		if have := n.properties[name]; have != nil {
			both := *have
			both.join(p)
			p = &both
		}
		n.properties[name] = p
	}
	if o.items != nil {
		n.items = o.items
	}
	if o.extra != nil {
		n.extra = o.extra
	}
}

// gather keeps at each place what there is below it.
func (n *classNode) gather(busy map[*classNode]bool) []string {
	if n == nil || busy[n] {
		return nil
	}
	if n.below != nil {
		return n.below
	}
	busy[n] = true
	found := slices.Clone(n.classes)
	for _, p := range n.properties {
		found = append(found, p.gather(busy)...)
	}
	found = append(append(found, n.items.gather(busy)...), n.extra.gather(busy)...)
	delete(busy, n)
	slices.Sort(found)
	found = slices.Compact(found)
	if len(busy) == 0 {
		n.below = append([]string{}, found...)
	}
	return found
}

// settle gathers at this place and every one below it.
func (n *classNode) settle(done map[*classNode]bool) {
	if n == nil || done[n] {
		return
	}
	done[n] = true
	n.gather(map[*classNode]bool{})
	n.items.settle(done)
	n.extra.settle(done)
	for _, p := range n.properties {
		p.settle(done)
	}
}

// MaskResource takes out of the JSON of a resource what an actor may not read,
// for what is written elsewhere than in an answer.
func (f *FieldClasses) MaskResource(actor Actor, kind string, raw []byte) ([]byte, error) {
	n := f.objects[kind]
	if n == nil || !slices.ContainsFunc(n.gather(map[*classNode]bool{}), func(c string) bool { return !actor.Reads(c) }) {
		return raw, nil
	}
	out, _, err := f.veilFor(actor).over(n).mask(raw)
	return bytes.TrimSpace(out), err
}

// ReadsField reports whether an actor may read a property of a kind of
// resource, by its pointer. What the contract does not describe is for those
// only whose classes are not limited.
func (f *FieldClasses) ReadsField(actor Actor, kind, pointer string) bool {
	n := f.objects[kind]
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if n == nil {
			break
		}
		if n = n.properties[strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")]; n != nil && f.veilFor(actor).over(n).hidden {
			return false
		}
	}
	if n == nil {
		return actor.Readable == nil
	}
	return !slices.ContainsFunc(n.gather(map[*classNode]bool{}), func(c string) bool { return !actor.Reads(c) })
}

var contractClasses = sync.OnceValues(func() (*FieldClasses, error) { return NewFieldClasses(api.SpecJSON, api.Operations) })

// ContractClasses are the classes of our contract.
func ContractClasses() (*FieldClasses, error) { return contractClasses() }

// MaskAnswer takes out of the JSON of an operation's answer what an actor may
// not read, and returns pointers to it.
func (f *FieldClasses) MaskAnswer(actor Actor, operation, status string, body []byte) ([]byte, []string, error) {
	code, err := strconv.Atoi(status)
	if err != nil {
		return body, nil, nil //nolint:nilerr // "default": of problems, which have no classes
	}
	return f.maskAnswer(nil, actor, operation, code, body)
}

// maskAnswer appends to out what stays.
func (f *FieldClasses) maskAnswer(out []byte, actor Actor, operation string, status int, body []byte) ([]byte, []string, error) {
	n := f.answers[operation][strconv.Itoa(status)]
	if n == nil {
		n = f.answers[operation][strconv.Itoa(status/100)+"XX"]
	}
	if n == nil {
		return append(out, body...), nil, nil
	}
	return f.veilFor(actor).over(n).maskTo(out, body)
}

// mask is the middleware that keeps from the reader of an answer what is of a
// class that it may not read. It costs nothing where there is no such class.
func (f *FieldClasses) mask(op api.OperationSpec) echo.MiddlewareFunc {
	var below []string
	for _, n := range f.answers[op.ID] {
		below = append(below, n.gather(map[*classNode]bool{})...)
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if len(below) == 0 || op.Public {
			return next
		}
		return func(c echo.Context) error {
			actor, err := ActorFrom(c.Request().Context())
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(below, func(class string) bool { return !actor.Reads(class) }) {
				return next(c)
			}
			return f.masked(c, op, actor, next)
		}
	}
}

func (f *FieldClasses) masked(c echo.Context, op api.OperationSpec, actor Actor, next echo.HandlerFunc) error {
	original := c.Response().Writer
	rec := borrowRecorder(original.Header())
	defer rec.giveBack()
	c.Response().Writer = rec
	err := next(c)
	c.Response().Writer = original
	c.Response().Committed, c.Response().Size = false, 0
	if err != nil {
		return err
	}
	body := rec.body.Bytes()
	if len(body) > 0 && isJSON(mediaOf(rec.header)) {
		var gone []string
		if rec.out, gone, err = f.maskAnswer(rec.out[:0], actor, op.ID, rec.status, body); err != nil {
			return err
		}
		body = rec.out
		NoteMasked(c.Request().Context(), gone...)
		rec.header.Del(echo.HeaderContentLength)
	}
	c.Response().WriteHeader(rec.status)
	_, err = c.Response().Write(body)
	return err
}

func mediaOf(h http.Header) string {
	media, _, _ := strings.Cut(h.Get(echo.HeaderContentType), ";")
	return strings.TrimSpace(media)
}

// guardWrites refuses a body that sets what is of a class that its sender may
// not write; of an operation that only reads, one that looks for what they may
// not read, since whoever finds somebody by a value has read it.
func (f *FieldClasses) guardWrites(op api.OperationSpec) echo.MiddlewareFunc {
	n := f.bodies[op.ID]
	below := n.gather(map[*classNode]bool{})
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if len(below) == 0 || op.Public {
			return next
		}
		code, each := "field-class-not-writable", "class-not-writable"
		may := Actor.Writes
		if op.ReadsOnly {
			code, each, may = "field-class-not-readable", "class-not-readable", Actor.Reads
		}
		return func(c echo.Context) error {
			actor, err := ActorFrom(c.Request().Context())
			if err != nil {
				return err
			}
			body, ok := c.Request().Body.(checkedBody)
			if !ok || !slices.ContainsFunc(below, func(class string) bool { return !may(actor, class) }) {
				return next(c)
			}
			refused := fault.New(fault.Forbidden, code)
			refuseClasses(body.value, n, func(class string) bool { return may(actor, class) }, each, "#", refused)
			if err := refused.OrNil(); err != nil {
				return err
			}
			return next(c)
		}
	}
}

func refuseClasses(v any, n *classNode, may func(class string) bool, code, at string, refused *fault.Error) {
	if len(refused.Violations) >= maxViolations {
		return
	}
	for _, class := range n.classes {
		if !may(class) {
			refused.At(at, code, "class", class)
			return
		}
	}
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			if n.items != nil {
				refuseClasses(item, n.items, may, code, fmt.Sprintf("%s/%d", at, i), refused)
			}
		}
	case map[string]any:
		for _, name := range sortedKeys(v) {
			p := n.properties[name]
			if p == nil {
				p = n.extra
			}
			if p != nil {
				refuseClasses(v[name], p, may, code, at+"/"+pointerEscape(name), refused)
			}
		}
	}
}
