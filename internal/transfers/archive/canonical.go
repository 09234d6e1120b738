package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/gowebpki/jcs"
)

// ErrNotJSON is returned for text that is not one JSON value (RFC 8259).
var ErrNotJSON = errors.New("archive: not a JSON value")

const maxNesting = 200

// AppendCanonical appends the canonical form (RFC 8785) of one JSON value. A
// number that a double cannot hold exactly keeps its digits, where RFC 8785
// would round it: nothing is lost on the way out.
func AppendCanonical(dst, src []byte) ([]byte, error) {
	c := canonicalizer{src: src}
	c.space()
	dst, err := c.value(dst, 0)
	if err != nil {
		return dst, err
	}
	if c.space(); c.at != len(src) {
		return dst, ErrNotJSON
	}
	return dst, nil
}

type canonicalizer struct {
	src []byte
	at  int
}

func (c *canonicalizer) space() {
	for c.at < len(c.src) {
		switch c.src[c.at] {
		case ' ', '\t', '\n', '\r':
			c.at++
		default:
			return
		}
	}
}

func (c *canonicalizer) next() byte {
	if c.at < len(c.src) {
		return c.src[c.at]
	}
	return 0
}

func (c *canonicalizer) value(dst []byte, depth int) ([]byte, error) {
	if depth > maxNesting {
		return dst, ErrNotJSON
	}
	switch b := c.next(); {
	case b == '{':
		return c.object(dst, depth)
	case b == '[':
		return c.array(dst, depth)
	case b == '"':
		return c.text(dst)
	case b == '-' || b >= '0' && b <= '9':
		return c.number(dst)
	}
	for _, word := range []string{"null", "true", "false"} {
		if bytes.HasPrefix(c.src[c.at:], []byte(word)) {
			c.at += len(word)
			return append(dst, word...), nil
		}
	}
	return dst, ErrNotJSON
}

func (c *canonicalizer) array(dst []byte, depth int) ([]byte, error) {
	c.at++
	dst = append(dst, '[')
	c.space()
	if c.next() == ']' {
		c.at++
		return append(dst, ']'), nil
	}
	for {
		var err error
		c.space()
		if dst, err = c.value(dst, depth+1); err != nil {
			return dst, err
		}
		c.space()
		switch c.next() {
		case ',':
			c.at++
			dst = append(dst, ',')
		case ']':
			c.at++
			return append(dst, ']'), nil
		default:
			return dst, ErrNotJSON
		}
	}
}

// span is a member within the destination: its name with quotes, and the whole.
type span struct{ start, name, end int }

func (c *canonicalizer) object(dst []byte, depth int) ([]byte, error) {
	c.at++
	dst = append(dst, '{')
	c.space()
	if c.next() == '}' {
		c.at++
		return append(dst, '}'), nil
	}
	begin := len(dst)
	var few [16]span
	members := few[:0]
	sorted := true
	for {
		c.space()
		m := span{start: len(dst)}
		if c.next() != '"' {
			return dst, ErrNotJSON
		}
		var err error
		if dst, err = c.text(dst); err != nil {
			return dst, err
		}
		m.name = len(dst)
		c.space()
		if c.next() != ':' {
			return dst, ErrNotJSON
		}
		c.at++
		dst = append(dst, ':')
		c.space()
		if dst, err = c.value(dst, depth+1); err != nil {
			return dst, err
		}
		m.end = len(dst)
		if n := len(members); n > 0 && compareNames(dst[members[n-1].start:members[n-1].name], dst[m.start:m.name]) >= 0 {
			sorted = false
		}
		members = append(members, m)
		c.space()
		if c.next() == '}' {
			c.at++
			break
		}
		if c.next() != ',' {
			return dst, ErrNotJSON
		}
		c.at++
		if len(members) > 0 {
			dst = append(dst, ',')
		}
	}
	if sorted {
		return append(dst, '}'), nil
	}
	text := bytes.Clone(dst[begin:])
	name := func(m span) []byte { return text[m.start-begin : m.name-begin] }
	slices.SortFunc(members, func(a, b span) int { return compareNames(name(a), name(b)) })
	dst = dst[:begin]
	for i, m := range members {
		if i > 0 {
			if bytes.Equal(name(members[i-1]), name(m)) {
				return dst, fmt.Errorf("%w: member %s twice", ErrNotJSON, name(m))
			}
			dst = append(dst, ',')
		}
		dst = append(dst, text[m.start-begin:m.end-begin]...)
	}
	return append(dst, '}'), nil
}

// compareNames orders quoted names by UTF-16 code units (RFC 8785 §3.2.3).
func compareNames(a, b []byte) int {
	if plain(a) && plain(b) {
		return bytes.Compare(a[1:len(a)-1], b[1:len(b)-1])
	}
	var x, y string
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return bytes.Compare(a, b)
	}
	return slices.Compare(utf16.Encode([]rune(x)), utf16.Encode([]rune(y)))
}

func plain(name []byte) bool {
	for _, b := range name {
		if b >= utf8.RuneSelf || b == '\\' {
			return false
		}
	}
	return true
}

// text copies a string; only where it has escapes is it decoded first.
func (c *canonicalizer) text(dst []byte) ([]byte, error) {
	start := c.at
	escaped := false
	for i := start + 1; i < len(c.src); i++ {
		switch b := c.src[i]; {
		case b == '\\':
			escaped = true
			i++
		case b < 0x20:
			return dst, ErrNotJSON
		case b == '"':
			c.at = i + 1
			raw := c.src[start:c.at]
			if !escaped {
				if !utf8.Valid(raw) {
					return dst, ErrNotJSON
				}
				return append(dst, raw...), nil
			}
			var s string
			if !utf8.Valid(raw) || json.Unmarshal(raw, &s) != nil {
				return dst, ErrNotJSON
			}
			return AppendString(dst, s), nil
		}
	}
	return dst, ErrNotJSON
}

const hexDigits = "0123456789abcdef"

// AppendString appends a string as RFC 8785 writes it: only what must be
// escaped is.
func AppendString[T ~string | ~[]byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	from := 0
	for i := range len(s) {
		b := s[i]
		if b >= 0x20 && b != '"' && b != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch b {
		case '"', '\\':
			dst = append(dst, '\\', b)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\r':
			dst = append(dst, '\\', 'r')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[b>>4], hexDigits[b&15])
		}
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}

func (c *canonicalizer) number(dst []byte) ([]byte, error) {
	start, digits, whole := c.at, 0, true
	if c.next() == '-' {
		c.at++
	}
	first := c.at
	for b := c.next(); b >= '0' && b <= '9'; b = c.next() {
		c.at++
		digits++
	}
	if digits == 0 || (c.src[first] == '0' && digits > 1) {
		return dst, ErrNotJSON
	}
	if c.next() == '.' {
		whole = false
		c.at++
		fraction := c.at
		for b := c.next(); b >= '0' && b <= '9'; b = c.next() {
			c.at++
			digits++
		}
		if c.at == fraction {
			return dst, ErrNotJSON
		}
	}
	if b := c.next(); b == 'e' || b == 'E' {
		whole = false
		c.at++
		if b := c.next(); b == '+' || b == '-' {
			c.at++
		}
		exponent := c.at
		for b := c.next(); b >= '0' && b <= '9'; b = c.next() {
			c.at++
		}
		if c.at == exponent {
			return dst, ErrNotJSON
		}
	}
	raw := c.src[start:c.at]
	if whole && digits <= 15 {
		if len(raw) == 2 && raw[0] == '-' && raw[1] == '0' {
			return append(dst, '0'), nil
		}
		return append(dst, raw...), nil
	}
	return appendNumber(dst, string(raw)), nil
}

func appendNumber(dst []byte, raw string) []byte {
	f, err := strconv.ParseFloat(raw, 64)
	if err != nil {
		return append(dst, raw...)
	}
	short, err := jcs.NumberToJSON(f)
	if err != nil || !sameNumber(raw, short) {
		return append(dst, raw...)
	}
	return append(dst, short...)
}

func sameNumber(a, b string) bool {
	// Exponents that big.Rat would write out in full are left as they are.
	if i := strings.IndexAny(a, "eE"); i >= 0 && len(a)-i > 5 {
		return false
	}
	x, ok := new(big.Rat).SetString(a)
	if !ok {
		return false
	}
	y, ok := new(big.Rat).SetString(b)
	return ok && x.Cmp(y) == 0
}

// Members calls visit for each member of a record, with the value as written.
// The record must be canonical JSON; names are plain.
func Members(record []byte, visit func(name, value []byte) error) error {
	if len(record) < 2 || record[0] != '{' || record[len(record)-1] != '}' {
		return ErrNotJSON
	}
	at := 1
	for at < len(record)-1 {
		if record[at] == ',' {
			at++
		}
		nameEnd := skip(record, at)
		if record[at] != '"' || nameEnd < 0 || nameEnd >= len(record) || record[nameEnd] != ':' {
			return ErrNotJSON
		}
		valueEnd := skip(record, nameEnd+1)
		if valueEnd < 0 || valueEnd >= len(record) {
			return ErrNotJSON
		}
		if err := visit(record[at+1:nameEnd-1], record[nameEnd+1:valueEnd]); err != nil {
			return err
		}
		at = valueEnd
	}
	return nil
}

// skip returns where the value at a position ends, or -1.
func skip(src []byte, at int) int {
	depth := 0
	for i := at; i < len(src); i++ {
		switch src[i] {
		case '"':
			for i++; i < len(src) && src[i] != '"'; i++ {
				if src[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			if depth == 0 {
				return i + 1
			}
			if depth < 0 {
				return i
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return -1
}
