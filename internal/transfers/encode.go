package transfers

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/transfers/archive"
)

// encoder appends the canonical JSON of a value that PostgreSQL sent in its
// binary form.
type encoder func(dst, value []byte) ([]byte, error)

var errForm = errors.New("transfers: a value of an unexpected form")

// PostgreSQL counts time from 2000-01-01.
const (
	pgEpoch     = 946_684_800
	pgEpochDays = pgEpoch / 86_400
)

func encoderOf(c column) encoder {
	switch c.kind {
	case archive.UUID:
		return encodeUUID
	case archive.Boolean:
		return encodeBoolean
	case archive.Integer:
		return encodeInteger
	case archive.Timestamp:
		return encodeTimestamp
	case archive.Date:
		return encodeDate
	case archive.JSON, archive.JSONList:
		return encodeJSON
	case archive.Bytes:
		return encodeBytes
	case archive.TextList:
		return encodeList(encodeText)
	case archive.UUIDList:
		return encodeList(encodeUUID)
	}
	return encodeText
}

// expression is what is selected for a column: the column, or its text or JSON
// form where its type has no encoder of its own.
func (c column) expression() string {
	switch c.kind {
	case archive.OtherText:
		return quote(c.name) + "::text"
	case archive.JSONList:
		return "to_jsonb(" + quote(c.name) + ")"
	}
	return quote(c.name)
}

func quote(identifier string) string { return pgx.Identifier{identifier}.Sanitize() }

func encodeText(dst, value []byte) ([]byte, error) { return archive.AppendString(dst, value), nil }

func encodeUUID(dst, value []byte) ([]byte, error) {
	if len(value) != 16 {
		return dst, errForm
	}
	var text [38]byte
	text[0], text[37] = '"', '"'
	hex.Encode(text[1:9], value[:4])
	text[9] = '-'
	hex.Encode(text[10:14], value[4:6])
	text[14] = '-'
	hex.Encode(text[15:19], value[6:8])
	text[19] = '-'
	hex.Encode(text[20:24], value[8:10])
	text[24] = '-'
	hex.Encode(text[25:37], value[10:])
	return append(dst, text[:]...), nil
}

func encodeBoolean(dst, value []byte) ([]byte, error) {
	if len(value) != 1 {
		return dst, errForm
	}
	return strconv.AppendBool(dst, value[0] != 0), nil
}

func encodeInteger(dst, value []byte) ([]byte, error) {
	switch len(value) {
	case 2:
		return strconv.AppendInt(dst, int64(int16(binary.BigEndian.Uint16(value))), 10), nil
	case 4:
		return strconv.AppendInt(dst, int64(int32(binary.BigEndian.Uint32(value))), 10), nil
	case 8:
		return strconv.AppendInt(dst, int64(binary.BigEndian.Uint64(value)), 10), nil
	}
	return dst, errForm
}

func encodeTimestamp(dst, value []byte) ([]byte, error) {
	if len(value) != 8 {
		return dst, errForm
	}
	micros := int64(binary.BigEndian.Uint64(value))
	switch micros {
	case math.MaxInt64:
		return append(dst, `"infinity"`...), nil
	case math.MinInt64:
		return append(dst, `"-infinity"`...), nil
	}
	return time.UnixMicro(micros+pgEpoch*1_000_000).UTC().AppendFormat(dst, `"2006-01-02T15:04:05.000000Z"`), nil
}

func encodeDate(dst, value []byte) ([]byte, error) {
	if len(value) != 4 {
		return dst, errForm
	}
	days := int64(int32(binary.BigEndian.Uint32(value)))
	switch days {
	case math.MaxInt32:
		return append(dst, `"infinity"`...), nil
	case math.MinInt32:
		return append(dst, `"-infinity"`...), nil
	}
	return time.Unix((days+pgEpochDays)*86_400, 0).UTC().AppendFormat(dst, `"2006-01-02"`), nil
}

func encodeJSON(dst, value []byte) ([]byte, error) {
	if len(value) < 1 || value[0] != 1 {
		return dst, errForm
	}
	return archive.AppendCanonical(dst, value[1:])
}

// encodeOpened writes the text of a JSON value.
func encodeOpened(dst, value []byte) ([]byte, error) { return archive.AppendCanonical(dst, value) }

func encodeBytes(dst, value []byte) ([]byte, error) {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, value)
	return append(dst, '"'), nil
}

// encodeList reads a one-dimensional array: dimensions, null flag, element
// type, length and lower bound, then the elements, each with its length.
func encodeList(element encoder) encoder {
	return func(dst, value []byte) ([]byte, error) {
		if len(value) < 12 {
			return dst, errForm
		}
		dimensions := binary.BigEndian.Uint32(value)
		if dimensions == 0 {
			return append(dst, '[', ']'), nil
		}
		if dimensions != 1 || len(value) < 20 {
			return dst, errForm
		}
		n := binary.BigEndian.Uint32(value[12:])
		rest := value[20:]
		dst = append(dst, '[')
		for i := range n {
			if i > 0 {
				dst = append(dst, ',')
			}
			if len(rest) < 4 {
				return dst, errForm
			}
			size := int32(binary.BigEndian.Uint32(rest))
			rest = rest[4:]
			if size < 0 {
				dst = append(dst, "null"...)
				continue
			}
			if len(rest) < int(size) {
				return dst, errForm
			}
			var err error
			if dst, err = element(dst, rest[:size]); err != nil {
				return dst, err
			}
			rest = rest[size:]
		}
		return append(dst, ']'), nil
	}
}
