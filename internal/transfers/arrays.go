package transfers

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/parvis-crm/parvis/internal/transfers/archive"
)

// decoder appends the binary form that PostgreSQL has of a JSON value which is
// not null.
type decoder func(dst, value []byte) ([]byte, error)

// form is how the values of a column travel into the database.
type form struct {
	element, array uint32 // object identifiers of the types
	sql            string // name of the array's type
	decode         decoder
}

// formOf chooses the column's own type where its binary form is simple, else
// text, which the statement casts.
func formOf(c column) form {
	switch c.kind {
	case archive.UUID:
		return form{pgtype.UUIDOID, pgtype.UUIDArrayOID, "uuid[]", decodeUUID}
	case archive.Boolean:
		return form{pgtype.BoolOID, pgtype.BoolArrayOID, "boolean[]", decodeBoolean}
	case archive.Integer:
		return form{pgtype.Int8OID, pgtype.Int8ArrayOID, "bigint[]", decodeInteger}
	case archive.Timestamp:
		return form{pgtype.TimestamptzOID, pgtype.TimestamptzArrayOID, "timestamptz[]", decodeTimestamp}
	case archive.Date:
		return form{pgtype.DateOID, pgtype.DateArrayOID, "date[]", decodeDate}
	case archive.JSON:
		return form{pgtype.JSONBOID, pgtype.JSONBArrayOID, "jsonb[]", decodeJSON}
	case archive.Bytes:
		return form{pgtype.ByteaOID, pgtype.ByteaArrayOID, "bytea[]", decodeBytes}
	case archive.TextList, archive.UUIDList, archive.JSONList:
		return form{pgtype.TextOID, pgtype.TextArrayOID, "text[]", decodeArrayText}
	}
	return form{pgtype.TextOID, pgtype.TextArrayOID, "text[]", decodeText}
}

// arrayHeader is what stands before the elements of an array of one dimension:
// their number of dimensions, whether there are nulls, their type, how many
// there are, and the number of the first.
const arrayHeader = 20

// array is the binary form of an array under construction.
type array struct {
	form
	raw   []byte
	count uint32
	nulls uint32
}

func newArray(f form) *array { return &array{form: f, raw: make([]byte, arrayHeader)} }

func (a *array) add(value []byte) error {
	a.count++
	at := len(a.raw)
	a.raw = binary.BigEndian.AppendUint32(a.raw, math.MaxUint32)
	if bytes.Equal(value, null) {
		a.nulls = 1
		return nil
	}
	var err error
	if a.raw, err = a.decode(a.raw, value); err != nil {
		return err
	}
	binary.BigEndian.PutUint32(a.raw[at:], uint32(len(a.raw)-at-4))
	return nil
}

func (a *array) bytes() []byte {
	for i, n := range []uint32{1, a.nulls, a.element, a.count, 1} {
		binary.BigEndian.PutUint32(a.raw[4*i:], n)
	}
	return a.raw
}

var null = []byte("null")

// inner is the content of a JSON string, decoded where it has escapes.
func inner(value []byte) ([]byte, error) {
	if len(value) < 2 || value[0] != '"' {
		return nil, errForm
	}
	if bytes.IndexByte(value, '\\') < 0 {
		return value[1 : len(value)-1], nil
	}
	var s string
	err := json.Unmarshal(value, &s)
	return []byte(s), err
}

// decodeText takes numbers and truth values too, as they are written: what has
// no form of its own is text to PostgreSQL.
func decodeText(dst, value []byte) ([]byte, error) {
	if value[0] != '"' {
		return append(dst, value...), nil
	}
	s, err := inner(value)
	return append(dst, s...), err
}

func decodeUUID(dst, value []byte) ([]byte, error) {
	if len(value) != 38 || value[9] != '-' || value[14] != '-' || value[19] != '-' || value[24] != '-' {
		return dst, errForm
	}
	var digits [32]byte
	n := 0
	for _, part := range [][]byte{value[1:9], value[10:14], value[15:19], value[20:24], value[25:37]} {
		n += copy(digits[n:], part)
	}
	return hex.AppendDecode(dst, digits[:])
}

func decodeBoolean(dst, value []byte) ([]byte, error) {
	switch string(value) {
	case "true":
		return append(dst, 1), nil
	case "false":
		return append(dst, 0), nil
	}
	return dst, errForm
}

func decodeInteger(dst, value []byte) ([]byte, error) {
	n, err := strconv.ParseInt(string(value), 10, 64)
	return binary.BigEndian.AppendUint64(dst, uint64(n)), err
}

func decodeTimestamp(dst, value []byte) ([]byte, error) {
	s, err := inner(value)
	if err != nil {
		return dst, err
	}
	switch string(s) {
	case "infinity":
		return binary.BigEndian.AppendUint64(dst, math.MaxInt64), nil
	case "-infinity":
		return binary.BigEndian.AppendUint64(dst, 1<<63), nil
	}
	t, err := time.Parse(time.RFC3339Nano, string(s))
	return binary.BigEndian.AppendUint64(dst, uint64(t.UnixMicro()-pgEpoch*1_000_000)), err
}

func decodeDate(dst, value []byte) ([]byte, error) {
	s, err := inner(value)
	if err != nil {
		return dst, err
	}
	switch string(s) {
	case "infinity":
		return binary.BigEndian.AppendUint32(dst, math.MaxInt32), nil
	case "-infinity":
		return binary.BigEndian.AppendUint32(dst, 1<<31), nil
	}
	t, err := time.Parse(time.DateOnly, string(s))
	return binary.BigEndian.AppendUint32(dst, uint32(int32(t.Unix()/86_400-pgEpochDays))), err
}

// decodeJSON writes the version of the form, then the text.
func decodeJSON(dst, value []byte) ([]byte, error) { return append(append(dst, 1), value...), nil }

func decodeBytes(dst, value []byte) ([]byte, error) {
	s, err := inner(value)
	if err != nil {
		return dst, err
	}
	return base64.StdEncoding.AppendDecode(dst, s)
}

var quoteElement = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// decodeArrayText writes the text form of a one-dimensional array: arrays of
// arrays of different length do not exist.
func decodeArrayText(dst, value []byte) ([]byte, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(value, &items); err != nil {
		return dst, fmt.Errorf("%w: %w", errForm, err)
	}
	dst = append(dst, '{')
	for i, item := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		switch {
		case bytes.Equal(item, null):
			dst = append(dst, "NULL"...)
		case item[0] == '"':
			s, err := inner(item)
			if err != nil {
				return dst, err
			}
			dst = append(dst, '"')
			dst = append(dst, quoteElement.Replace(string(s))...)
			dst = append(dst, '"')
		default:
			dst = append(dst, item...)
		}
	}
	return append(dst, '}'), nil
}

// clear empties a batch's arrays and keeps their memory.
func (a *array) clear() {
	a.raw, a.count, a.nulls = a.raw[:arrayHeader], 0, 0
}
