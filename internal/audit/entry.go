package audit

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"github.com/google/uuid"
)

// entry is one read: who was given whose data, in answer to what.
type entry struct {
	id, tenant                                      uuid.UUID
	at                                              int64 // microseconds since 1970
	actorKind, actorID, operation, request, purpose string
	reason                                          string
	subjects                                        []byte // sixteen bytes each
}

// An entry in the spool: its length, its checksum, and
//
//	id · tenant · time · number of subjects · subjects · six texts with their lengths
const (
	headSize = 4 + 4
	mostText = 1<<16 - 1
	mostBody = 16 << 20
)

var errTorn = errors.New("audit: an entry that was not written to its end")

// appendEntry writes an entry behind b.
func appendEntry(b []byte, e entry, subjects []uuid.UUID) []byte {
	start := len(b)
	b = append(b, make([]byte, headSize)...)
	b = append(append(b, e.id[:]...), e.tenant[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(e.at))
	b = binary.BigEndian.AppendUint32(b, uint32(len(subjects)))
	for _, s := range subjects {
		b = append(b, s[:]...)
	}
	for _, text := range []string{e.actorKind, e.actorID, e.operation, e.request, e.purpose, e.reason} {
		text = text[:min(len(text), mostText)]
		b = binary.BigEndian.AppendUint16(b, uint16(len(text)))
		b = append(b, text...)
	}
	body := b[start+headSize:]
	binary.BigEndian.PutUint32(b[start:], uint32(len(body)))
	binary.BigEndian.PutUint32(b[start+4:], crc32.ChecksumIEEE(body))
	return b
}

// readEntry reads the next entry: io.EOF behind the last, errTorn where a
// process was killed while it wrote one, which it then has not answered.
func readEntry(r io.Reader) (entry, error) {
	var e entry
	var head [headSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = errTorn
		}
		return e, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size < 44 || size > mostBody {
		return e, errTorn
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return e, errTorn
	}
	if crc32.ChecksumIEEE(body) != binary.BigEndian.Uint32(head[4:]) {
		return e, errTorn
	}
	copy(e.id[:], body)
	copy(e.tenant[:], body[16:])
	e.at = int64(binary.BigEndian.Uint64(body[32:]))
	count := int(binary.BigEndian.Uint32(body[40:]))
	body = body[44:]
	if count > len(body)/16 {
		return e, errTorn
	}
	e.subjects, body = body[:16*count], body[16*count:]
	for _, text := range []*string{&e.actorKind, &e.actorID, &e.operation, &e.request, &e.purpose, &e.reason} {
		if len(body) < 2 {
			return e, errTorn
		}
		n := int(binary.BigEndian.Uint16(body))
		if len(body) < 2+n {
			return e, errTorn
		}
		*text, body = string(body[2:2+n]), body[2+n:]
	}
	return e, nil
}
