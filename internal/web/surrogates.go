package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// whereUnreadable is the byte at which a document stops being JSON.
func whereUnreadable(err error, raw []byte) int64 {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return max(syntax.Offset-1, 0)
	}
	return int64(len(raw))
}

// surrogateMark stands where half of a surrogate pair stood alone. It is no
// character (Unicode 23.7), so no text that holds one is missed.
const surrogateMark = "\ufffe"

// markSurrogates finds halves of surrogate pairs that stand alone, as \ud800 may
// in JSON: half a pair is no character, no UTF-8 can say it (RFC 8259 §8.2), it
// must not be (RFC 7493 §2.1), and decoding puts U+FFFD in its place, which
// nobody sent. It returns the document with a mark in the place of each, and
// what to judge its texts by.
func markSurrogates(raw []byte) ([]byte, func(string) string) {
	if !bytes.Contains(raw, []byte(`\ud`)) && !bytes.Contains(raw, []byte(`\uD`)) {
		return raw, textFlaw
	}
	marked := raw
	for i := 0; i < len(raw)-1; i++ {
		if raw[i] != '\\' {
			continue
		}
		unit := escaped(raw[i:])
		switch {
		case unit>>10 == 0xd800>>10 && escaped(raw[i+6:])>>10 == 0xdc00>>10:
			i += 11
		case unit>>11 == 0xd800>>11:
			if &marked[0] == &raw[0] {
				marked = bytes.Clone(raw)
			}
			copy(marked[i+2:], "fffe")
			i += 5
		default:
			i++ // what is escaped begins nothing
		}
	}
	if &marked[0] == &raw[0] {
		return raw, textFlaw
	}
	return marked, func(s string) string {
		if strings.Contains(s, surrogateMark) {
			return "invalid-utf8"
		}
		return textFlaw(s)
	}
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
