package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/parvis-crm/parvis/internal/fault"
)

// whereUnreadable is the byte at which a document stops being JSON.
func whereUnreadable(err error, raw []byte) int64 {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return max(syntax.Offset-1, 0)
	}
	return int64(len(raw))
}

// loneSurrogates refuses a well-formed document in which half of a surrogate
// pair stands alone, as \ud800 may: it is no character, no UTF-8 can say it
// (RFC 8259 §8.2), it must not be (RFC 7493 §2.1), and decoding puts U+FFFD in
// its place, which nobody sent.
func loneSurrogates(raw []byte) error {
	marked := markSurrogates(raw)
	if marked == nil {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(marked))
	d.UseNumber()
	f := fault.New(fault.Malformed, "invalid-request")
	var value any
	if err := d.Decode(&value); err != nil {
		return f.At("#", "invalid-utf8")
	}
	flaws(value, "#", f)
	for i := range f.Violations {
		f.Violations[i].Code = "invalid-utf8"
	}
	return f
}

// markSurrogates is the document with the null character in place of every
// lone half of a surrogate pair, which is how its place is found after decoding;
// nil if there is none.
func markSurrogates(raw []byte) []byte {
	if !bytes.Contains(raw, []byte(`\ud`)) && !bytes.Contains(raw, []byte(`\uD`)) {
		return nil
	}
	var marked []byte
	for i := 0; i < len(raw)-1; i++ {
		if raw[i] != '\\' {
			continue
		}
		unit := escaped(raw[i:])
		switch {
		case unit>>10 == 0xd800>>10 && escaped(raw[i+6:])>>10 == 0xdc00>>10:
			i += 11
		case unit>>11 == 0xd800>>11:
			if marked == nil {
				marked = bytes.Clone(raw)
			}
			copy(marked[i+2:], "0000")
			i += 5
		default:
			i++ // what is escaped begins nothing
		}
	}
	return marked
}

// escaped is the UTF-16 unit that text begins with as \uXXXX, 0 if with none.
func escaped(text []byte) uint64 {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0
	}
	unit, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return 0
	}
	return unit
}
