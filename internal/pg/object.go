package pg

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// Object writes rows as JSON objects straight from what PostgreSQL sent, without
// a Go value for each field in between: on a page of fifty rows of thirty columns
// those values are most of what the page costs. It writes what encoding/json
// writes for the generated types, byte for byte, so that an answer does not tell
// which way it was made.
type Object struct {
	parts []part
	end   string
}

type part struct {
	before string // everything up to the value, its name included
	column int
}

// NewObject describes an object whose members are the columns of a select list,
// in its order and under their names, but for those left out, and constants,
// which are JSON. Members are written in the order of their names.
func NewObject(columns []string, without []string, constants map[string]string) *Object {
	type member struct {
		name, constant string
		column         int
	}
	var members []member
	for i, name := range columns {
		if !slices.Contains(without, name) {
			members = append(members, member{name: name, column: i})
		}
	}
	for name, value := range constants {
		members = append(members, member{name: name, constant: value, column: -1})
	}
	slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.name, b.name) })
	o := &Object{}
	text := "{"
	for i, m := range members {
		if i > 0 {
			text += ","
		}
		text += `"` + m.name + `":`
		if m.column < 0 {
			text += m.constant
			continue
		}
		o.parts = append(o.parts, part{before: text, column: m.column})
		text = ""
	}
	o.end = text + "}"
	return o
}

// Append writes the row that rows stands at.
func (o *Object) Append(b []byte, fields []pgconn.FieldDescription, values [][]byte) ([]byte, error) {
	var err error
	for _, p := range o.parts {
		b = append(b, p.before...)
		if b, err = appendValue(b, &fields[p.column], values[p.column]); err != nil {
			return b, fmt.Errorf("pg: column %s: %w", fields[p.column].Name, err)
		}
	}
	return append(b, o.end...), nil
}

// PostgreSQL counts time from the year 2000.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func appendValue(b []byte, f *pgconn.FieldDescription, v []byte) ([]byte, error) {
	if v == nil {
		return append(b, "null"...), nil
	}
	switch f.DataTypeOID {
	case pgtype.TextOID, pgtype.VarcharOID:
		return appendString(b, v), nil
	case pgtype.UUIDOID:
		id, err := UUIDValue(f, v)
		if err != nil {
			return b, err
		}
		b = append(b, '"')
		b = appendUUID(b, id)
		return append(b, '"'), nil
	}
	if f.Format != pgtype.BinaryFormatCode {
		return b, fmt.Errorf("type %d arrived as text", f.DataTypeOID)
	}
	switch {
	case f.DataTypeOID == pgtype.BoolOID && len(v) == 1:
		return strconv.AppendBool(b, v[0] != 0), nil
	case f.DataTypeOID == pgtype.Int8OID && len(v) == 8:
		return strconv.AppendInt(b, int64(binary.BigEndian.Uint64(v)), 10), nil
	case f.DataTypeOID == pgtype.Int4OID && len(v) == 4:
		return strconv.AppendInt(b, int64(int32(binary.BigEndian.Uint32(v))), 10), nil
	case f.DataTypeOID == pgtype.TimestamptzOID && len(v) == 8:
		at := int64(binary.BigEndian.Uint64(v))
		if at == math.MaxInt64 || at == math.MinInt64 {
			return b, fmt.Errorf("an endless instant has no spelling")
		}
		b = append(b, '"')
		b = time.UnixMicro(epoch.UnixMicro()+at).UTC().AppendFormat(b, time.RFC3339Nano)
		return append(b, '"'), nil
	case f.DataTypeOID == pgtype.DateOID && len(v) == 4:
		days := int32(binary.BigEndian.Uint32(v))
		if days == math.MaxInt32 || days == math.MinInt32 {
			return b, fmt.Errorf("an endless date has no spelling")
		}
		b = append(b, '"')
		b = epoch.AddDate(0, 0, int(days)).AppendFormat(b, time.DateOnly)
		return append(b, '"'), nil
	case f.DataTypeOID == pgtype.UUIDArrayOID && len(v) >= 12:
		return appendUUIDs(b, v)
	case f.DataTypeOID == pgtype.JSONBOID && len(v) > 0:
		return append(b, v[1:]...), nil // behind the version of the format
	}
	return b, fmt.Errorf("type %d has no spelling", f.DataTypeOID)
}

// appendUUIDs writes a list of identifiers: of the binary form of an array of one
// dimension, the header, the dimension, and each item behind its length.
func appendUUIDs(b, v []byte) ([]byte, error) {
	const header, dimension, item = 12, 8, 4 + 16
	if binary.BigEndian.Uint32(v) == 0 {
		return append(b, "[]"...), nil
	}
	items := v[min(len(v), header+dimension):]
	if binary.BigEndian.Uint32(v) != 1 || len(items)%item != 0 {
		return b, fmt.Errorf("an array of this shape has no spelling")
	}
	b = append(b, '[')
	for i := 0; i < len(items); i += item {
		if binary.BigEndian.Uint32(items[i:]) != 16 {
			return b, fmt.Errorf("an array with nothing in it has no spelling")
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = appendUUID(b, uuid.UUID(items[i+4:i+item]))
		b = append(b, '"')
	}
	return append(b, ']'), nil
}

// UUIDValue reads an identifier as it was sent.
func UUIDValue(f *pgconn.FieldDescription, v []byte) (uuid.UUID, error) {
	if f.Format == pgtype.BinaryFormatCode {
		return uuid.FromBytes(v)
	}
	return uuid.ParseBytes(v)
}

func appendUUID(b []byte, id uuid.UUID) []byte {
	var text [36]byte
	hex.Encode(text[:8], id[:4])
	text[8] = '-'
	hex.Encode(text[9:13], id[4:6])
	text[13] = '-'
	hex.Encode(text[14:18], id[6:8])
	text[18] = '-'
	hex.Encode(text[19:23], id[8:10])
	text[23] = '-'
	hex.Encode(text[24:], id[10:])
	return append(b, text[:]...)
}

const hexDigits = "0123456789abcdef"

// appendString writes a text as encoding/json does: what could end a script or a
// line in a page that embeds it is escaped too.
func appendString(b, s []byte) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&' {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\b':
				b = append(b, '\\', 'b')
			case '\f':
				b = append(b, '\\', 'f')
			case '\n':
				b = append(b, '\\', 'n')
			case '\r':
				b = append(b, '\\', 'r')
			case '\t':
				b = append(b, '\\', 't')
			default:
				b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRune(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(append(b, s[start:i]...), `\ufffd`...)
			start = i + size
		case r == '\u2028' || r == '\u2029':
			b = append(append(b, s[start:i]...), '\\', 'u', '2', '0', '2', hexDigits[r&15])
			start = i + size
		}
		i += size
	}
	return append(append(b, s[start:]...), '"')
}
