package audit

import (
	"encoding/binary"

	"github.com/jackc/pgx/v5/pgtype"
)

// Arrays in PostgreSQL's binary form. A batch has tens of thousands of
// identifiers that are at hand as bytes: they go out as they are.

const sinceEpoch = 946_684_800_000_000 // microseconds from 1970 to 2000, where PostgreSQL begins

func arrayHead(element uint32, n, size int) []byte {
	b := make([]byte, 0, 20+n*4+size)
	dimensions := uint32(1)
	if n == 0 {
		dimensions = 0
	}
	b = binary.BigEndian.AppendUint32(b, dimensions)
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint32(b, element)
	if n > 0 {
		b = binary.BigEndian.AppendUint32(b, uint32(n))
		b = binary.BigEndian.AppendUint32(b, 1)
	}
	return b
}

func element[T ~string | ~[]byte](b []byte, v T) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
}

func integers(values []int32) []byte {
	b := arrayHead(pgtype.Int4OID, len(values), 4*len(values))
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(append(b, 0, 0, 0, 4), uint32(v))
	}
	return b
}

func texts(values []string) []byte {
	b := arrayHead(pgtype.TextOID, len(values), 40*len(values))
	for _, v := range values {
		b = element(b, v)
	}
	return b
}

func blobs(values [][]byte) []byte {
	size := 0
	for _, v := range values {
		size += len(v)
	}
	b := arrayHead(pgtype.ByteaOID, len(values), size)
	for _, v := range values {
		b = element(b, v)
	}
	return b
}

func instants(values []int64) []byte {
	b := arrayHead(pgtype.TimestamptzOID, len(values), 8*len(values))
	for _, v := range values {
		b = binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 8), uint64(v-sinceEpoch))
	}
	return b
}

// identifiers of sixteen bytes each, in one or several pieces.
func identifiers(pieces ...[]byte) []byte {
	n := 0
	for _, p := range pieces {
		n += len(p) / 16
	}
	b := arrayHead(pgtype.UUIDOID, n, 16*n)
	for _, p := range pieces {
		for ; len(p) >= 16; p = p[16:] {
			b = append(append(b, 0, 0, 0, 16), p[:16]...)
		}
	}
	return b
}

// identifiersIn calls f with each identifier of a binary array.
func identifiersIn(b []byte, f func(id []byte)) {
	if len(b) < 20 {
		return
	}
	for b = b[20:]; len(b) >= 20; b = b[20:] {
		f(b[4:20])
	}
}
