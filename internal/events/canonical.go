package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/gowebpki/jcs"
)

// The canonical form of RFC 8785, written directly. The log canonicalises every
// event at least once, and a general transformer, which parses text first,
// costs several times more than all else the sequencer does. The tests prove
// that both give the same bytes.

// errNotANumber is met only with values that JSON cannot write either.
var errNotANumber = errors.New("events: a number that JSON cannot carry")

// appendCanonical writes a decoded JSON value (numbers as json.Number, float64
// or int64) in canonical form.
func appendCanonical(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case string:
		return appendString(b, v), nil
	case int64:
		return appendInt(b, v)
	case float64:
		return appendFloat(b, v)
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return appendInt(b, n)
		}
		f, err := strconv.ParseFloat(v.String(), 64)
		if err != nil {
			return nil, fmt.Errorf("%w: %s", errNotANumber, v)
		}
		return appendFloat(b, f)
	case []any:
		b = append(b, '[')
		var err error
		for i, item := range v {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = appendCanonical(b, item); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	case map[string]any:
		return appendObject(b, v)
	}
	return nil, fmt.Errorf("events: %T is not a decoded JSON value", v)
}

func appendObject(b []byte, m map[string]any) ([]byte, error) {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.SortFunc(names, compareUTF16)
	b = append(b, '{')
	var err error
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, name), ':')
		if b, err = appendCanonical(b, m[name]); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// compareUTF16 orders names by their UTF-16 code units (RFC 8785 §3.2.3).
func compareUTF16(a, b string) int {
	if isASCII(a) && isASCII(b) {
		return strings.Compare(a, b)
	}
	return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

const mostExact = 1 << 53 // beyond it a double skips integers

func appendInt(b []byte, n int64) ([]byte, error) {
	if n > -mostExact && n < mostExact {
		return strconv.AppendInt(b, n, 10), nil
	}
	return appendFloat(b, float64(n))
}

func appendFloat(b []byte, f float64) ([]byte, error) {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return nil, errNotANumber
	}
	text, err := jcs.NumberToJSON(f)
	return append(b, text...), err
}

const hexDigits = "0123456789abcdef"

// appendString writes a string with the escapes of RFC 8785 §3.2.2.2 and no
// other. Bytes that are no UTF-8 become U+FFFD, as in encoding/json.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(append(b, s[start:i]...), "\uFFFD"...)
				start = i + 1
			}
			i += size
			continue
		}
		if c >= 0x20 && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, `\b`...)
		case '\t':
			b = append(b, `\t`...)
		case '\n':
			b = append(b, `\n`...)
		case '\f':
			b = append(b, `\f`...)
		case '\r':
			b = append(b, `\r`...)
		default:
			b = append(b, `\u00`...)
			b = append(b, hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}

// decode reads one JSON value and keeps its numbers as they are written.
func decode(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

// Exact reports whether a number survives as an IEEE 754 double, which is all
// that RFC 8785 (and a JavaScript reader) can carry.
func Exact(n json.Number) bool {
	f, err := strconv.ParseFloat(n.String(), 64)
	if err != nil {
		return false
	}
	return digits(n.String()) == digits(strconv.FormatFloat(f, 'e', -1, 64))
}

// digits are the significant digits of a number's text.
func digits(text string) string {
	text, _, _ = strings.Cut(strings.ToLower(text), "e")
	text = strings.ReplaceAll(strings.TrimPrefix(text, "-"), ".", "")
	return strings.Trim(text, "0")
}

// stabilise writes numbers that would not survive as strings, which is what
// RFC 8785 §3.2.2.3 recommends, so that a digest covers every digit.
func stabilise(v any) any {
	switch v := v.(type) {
	case json.Number:
		if !Exact(v) {
			return v.String()
		}
	case []any:
		for i := range v {
			v[i] = stabilise(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = stabilise(v[name])
		}
	}
	return v
}

// CanonicalJSON gives the canonical form of JSON text.
func CanonicalJSON(b, raw []byte) ([]byte, error) {
	if len(raw) == 2 && raw[0] == '{' && raw[1] == '}' {
		return append(b, '{', '}'), nil
	}
	v, err := decode(raw)
	if err != nil {
		return nil, err
	}
	return appendCanonical(b, v)
}
