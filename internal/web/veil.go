package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
)

// A veil is the contract seen by those who may not read some classes: which
// parts of a document are kept from them. It is made once for each set of
// classes, so that masking an answer copies what stays and looks at nothing
// twice.
type veil struct {
	reads func(class string) bool
	mu    sync.RWMutex
	nodes map[*classNode]*veiled
}

// veiled is a place of a document under a veil.
type veiled struct {
	hidden     bool // the value itself
	clear      bool // nothing at or below it is hidden: it is copied whole
	nullable   bool
	properties map[string]property
	items      *veiled
	extra      *veiled
	named      atomic.Pointer[named]
}

// named is what a resource said the last time of what was taken out of it, which
// is mostly the same of the next one.
type named struct {
	already []byte   // what it had named itself
	gone    []string // as they came up
	sorted  []string
	text    []byte
}

// property is a place by its name. One schema stands at many places.
type property struct {
	pointer string
	*veiled
}

// veilFor is the veil of an actor.
func (f *FieldClasses) veilFor(actor Actor) *veil {
	var key uint64
	for i, class := range f.all {
		if actor.Reads(class) {
			key |= 1 << i
		}
	}
	if v, ok := f.veils.Load(key); ok {
		return v.(*veil)
	}
	readable := map[string]bool{}
	for i, class := range f.all {
		readable[class] = key&(1<<i) != 0
	}
	v, _ := f.veils.LoadOrStore(key, &veil{reads: func(class string) bool { return readable[class] }, nodes: map[*classNode]*veiled{}})
	return v.(*veil)
}

// over is the veil over a part of the contract.
func (v *veil) over(n *classNode) *veiled {
	v.mu.RLock()
	w, ok := v.nodes[n]
	v.mu.RUnlock()
	if ok {
		return w
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.cover(n)
}

func (v *veil) cover(n *classNode) *veiled {
	if n == nil {
		return nil
	}
	if w, ok := v.nodes[n]; ok {
		return w
	}
	w := &veiled{nullable: n.nullable, hidden: slices.ContainsFunc(n.classes, func(c string) bool { return !v.reads(c) })}
	v.nodes[n] = w
	w.clear = !slices.ContainsFunc(n.gather(map[*classNode]bool{}), func(c string) bool { return !v.reads(c) })
	w.items, w.extra = v.cover(n.items), v.cover(n.extra)
	if len(n.properties) > 0 {
		w.properties = make(map[string]property, len(n.properties))
		for name, p := range n.properties {
			w.properties[name] = property{"/" + pointerEscape(name), v.cover(p)}
		}
	}
	return w
}

var errNotJSON = errors.New("web: an answer that is not JSON cannot be masked")

// mask copies a document without what is hidden, and returns pointers to what
// is gone, with a star for every item. A resource names what was taken out of it.
func (w *veiled) mask(document []byte) (masked []byte, gone []string, err error) {
	if w == nil || w.clear {
		return document, nil, nil
	}
	return w.maskTo(make([]byte, 0, len(document)), document)
}

// maskTo is mask, which appends what stays to out.
func (w *veiled) maskTo(out, document []byte) (masked []byte, gone []string, err error) {
	if w == nil || w.clear {
		return append(out, document...), nil, nil
	}
	c := copier{in: document, out: out}
	gone, err = c.value(w)
	if err != nil {
		return nil, nil, err
	}
	if !slices.IsSorted(gone) { // those of one resource are, and are shared
		slices.Sort(gone)
	}
	return append(c.out, c.in[c.at:]...), gone, nil
}

// copier goes through a document once.
type copier struct {
	in  []byte
	at  int
	out []byte
}

func (c *copier) space() byte {
	for c.at < len(c.in) {
		switch b := c.in[c.at]; b {
		case ' ', '\t', '\n', '\r':
			c.at++
		default:
			return b
		}
	}
	return 0
}

// value copies the next value as far as it is not hidden.
func (c *copier) value(w *veiled) ([]string, error) {
	first := c.space()
	switch {
	case w == nil || w.clear || (first != '{' && first != '['):
		from := c.at
		if err := c.skip(); err != nil {
			return nil, err
		}
		c.out = append(c.out, c.in[from:c.at]...)
		return nil, nil
	case first == '[':
		return c.array(w)
	}
	return c.object(w)
}

func (c *copier) array(w *veiled) ([]string, error) {
	var gone []string
	c.at++
	c.out = append(c.out, '[')
	for first := true; c.space() != ']'; first = false {
		if !first {
			if c.space() != ',' {
				return nil, errNotJSON
			}
			c.at++
			c.out = append(c.out, ',')
		}
		below, err := c.value(w.items)
		if err != nil {
			return nil, err
		}
		for _, p := range below {
			if p = "/*" + p; !slices.Contains(gone, p) {
				gone = append(gone, p)
			}
		}
	}
	c.at++
	c.out = append(c.out, ']')
	return gone, nil
}

func (c *copier) object(w *veiled) ([]string, error) {
	last := w.named.Load()
	var gone []string
	if last != nil {
		gone = make([]string, 0, len(last.gone))
	}
	var already []byte // what the resource names itself
	isResource, first := false, true
	c.at++
	c.out = append(c.out, '{')
	for c.space() != '}' {
		if c.space() == ',' {
			c.at++
			c.space()
		}
		from := c.at
		if err := c.skip(); err != nil {
			return nil, err
		}
		raw := c.in[from:c.at]
		name, err := memberName(raw)
		if err != nil || c.space() != ':' {
			return nil, errNotJSON
		}
		c.at++
		isResource = isResource || string(name) == "object"
		p, known := w.properties[string(name)]
		if !known {
			p.veiled = w.extra
		}
		hidden := p.veiled != nil && p.hidden
		if string(name) == "masked" || hidden {
			c.space()
			from := c.at
			if err := c.skip(); err != nil {
				return nil, err
			}
			if !hidden {
				already = c.in[from:c.at]
				continue
			}
			gone = append(gone, p.at(name))
			if p.nullable {
				c.member(&first, raw)
				c.out = append(c.out, "null"...)
			}
			continue
		}
		c.member(&first, raw)
		below, err := c.value(p.veiled)
		if err != nil {
			return nil, err
		}
		for _, q := range below {
			gone = append(gone, p.at(name)+q)
		}
	}
	c.at++
	if isResource && len(gone) > 0 {
		if last == nil || !bytes.Equal(last.already, already) || !slices.Equal(last.gone, gone) {
			var err error
			if last, err = nameGone(already, gone); err != nil {
				return nil, err
			}
			w.named.Store(last)
		}
		already, gone = last.text, last.sorted
	}
	if already != nil {
		c.member(&first, []byte(`"masked"`))
		c.out = append(c.out, already...)
	}
	c.out = append(c.out, '}')
	return gone, nil
}

func nameGone(already []byte, gone []string) (*named, error) {
	n := &named{already: bytes.Clone(already), gone: slices.Clone(gone), sorted: gone}
	slices.Sort(n.sorted)
	names := n.sorted
	if already != nil {
		var have []string
		if err := json.Unmarshal(already, &have); err == nil { // null, too
			names = union(have, n.sorted)
		}
	}
	var err error
	n.text, err = appendNames(nil, names)
	return n, err
}

// appendNames writes pointers as JSON.
func appendNames(b []byte, names []string) ([]byte, error) {
	b = append(b, '[')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		if plainPointer(name) {
			b = append(append(append(b, '"'), name...), '"')
			continue
		}
		text, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		b = append(b, text...)
	}
	return append(b, ']'), nil
}

// plainPointer reports whether a pointer needs nothing escaped, as those of
// declared properties do.
func plainPointer(s string) bool {
	for i := range len(s) {
		switch b := s[i]; {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', b == '_', b == '-', b == '/', b == '*', b == '~':
		default:
			return false
		}
	}
	return true
}

func (c *copier) member(first *bool, raw []byte) {
	if !*first {
		c.out = append(c.out, ',')
	}
	*first = false
	c.out = append(append(c.out, raw...), ':')
}

func memberName(raw []byte) ([]byte, error) {
	if len(raw) < 2 || raw[0] != '"' {
		return nil, errNotJSON
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], nil
	}
	var name string
	err := json.Unmarshal(raw, &name)
	return []byte(name), err
}

// at is the pointer to it, or to a member that is not declared.
func (p property) at(name []byte) string {
	if p.pointer != "" {
		return p.pointer
	}
	return "/" + pointerEscape(string(name))
}

func union(have, gone []string) []string {
	for _, p := range gone {
		if !slices.Contains(have, p) {
			have = append(have, p)
		}
	}
	return have
}

// skip goes past the next value, whose form is taken for granted: the program
// wrote it.
func (c *copier) skip() error {
	depth := 0
	for {
		switch c.space() {
		case 0:
			return errNotJSON
		case '"':
			c.at++
			for c.at < len(c.in) && c.in[c.at] != '"' {
				if c.in[c.at] == '\\' {
					c.at++
				}
				c.at++
			}
			if c.at >= len(c.in) {
				return errNotJSON
			}
			c.at++
		case '{', '[':
			depth++
			c.at++
		case '}', ']':
			if depth--; depth < 0 {
				return errNotJSON
			}
			c.at++
		case ',', ':':
			if depth == 0 {
				return errNotJSON
			}
			c.at++
			continue
		default:
			start := c.at
			for c.at < len(c.in) && !isBoundary(c.in[c.at]) {
				c.at++
			}
			if c.at == start {
				return errNotJSON
			}
		}
		if depth == 0 {
			return nil
		}
	}
}

func isBoundary(b byte) bool {
	switch b {
	case ',', ':', '}', ']', '{', '[', '"', ' ', '\t', '\n', '\r':
		return true
	}
	return false
}
