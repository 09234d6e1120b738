package web

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/parvis-crm/parvis/internal/fault"
)

// members is how many members the objects of a decoded document have altogether.
func members(value any) int {
	n := 0
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			n += members(item)
		}
	case map[string]any:
		n = len(v)
		for _, item := range v {
			n += members(item)
		}
	}
	return n
}

// container is an object or an array around the place where a reader is.
type container struct {
	names map[string]bool // nil: an array
	name  string          // of the member that is being read
	named bool            // whether its name was read and its value is next
	index int
}

// repeatedMember refuses a document in which an object has a member twice, which
// readers take differently: some the first, some the last (RFC 8259 §4). It must
// not be (RFC 7493 §2.3). Names are compared as they read, however they are
// written. The document is well formed and has such a member, which is pointed at.
func repeatedMember(raw []byte) error {
	f := fault.New(fault.Malformed, "malformed-json")
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var around []*container
	for {
		token, err := d.Token()
		if err != nil {
			return f.With("offset", len(raw)).Because(err)
		}
		var in *container
		if len(around) > 0 {
			in = around[len(around)-1]
		}
		switch name, isText := token.(string); {
		case token == json.Delim('}') || token == json.Delim(']'):
			around = around[:len(around)-1]
			continue
		case in != nil && in.names != nil && !in.named && isText:
			in.name, in.named = name, true
			if in.names[name] {
				return f.With("offset", d.InputOffset()).At(pointerOf(placeOf(around)), "repeated-member")
			}
			in.names[name] = true
			continue
		}
		if in != nil {
			in.named = false
			if in.names == nil {
				in.index++
			}
		}
		switch token {
		case json.Delim('{'):
			around = append(around, &container{names: map[string]bool{}})
		case json.Delim('['):
			around = append(around, &container{index: -1})
		}
	}
}

func placeOf(around []*container) []string {
	place := make([]string, len(around))
	for i, c := range around {
		if place[i] = c.name; c.names == nil {
			place[i] = strconv.Itoa(c.index)
		}
	}
	return place
}
