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

// framed writes a body behind b with its length and checksum before it.
func framed(b []byte, body func(b []byte) []byte) []byte {
	start := len(b)
	b = body(append(b, make([]byte, headSize)...))
	written := b[start+headSize:]
	binary.BigEndian.PutUint32(b[start:], uint32(len(written)))
	binary.BigEndian.PutUint32(b[start+4:], crc32.ChecksumIEEE(written))
	return b
}

// readFrame reads the next body of at least so many bytes: io.EOF behind the
// last, errTorn where a process was killed while it wrote one, which it then has
// not answered.
func readFrame(r io.Reader, least uint32) ([]byte, error) {
	var head [headSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = errTorn
		}
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size < least || size > mostBody {
		return nil, errTorn
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, errTorn
	}
	if crc32.ChecksumIEEE(body) != binary.BigEndian.Uint32(head[4:]) {
		return nil, errTorn
	}
	return body, nil
}

func appendTexts(b []byte, all ...string) []byte {
	for _, text := range all {
		text = text[:min(len(text), mostText)]
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(text))), text...)
	}
	return b
}

func readTexts(body []byte, all ...*string) error {
	for _, text := range all {
		if len(body) < 2 {
			return errTorn
		}
		n := int(binary.BigEndian.Uint16(body))
		if len(body) < 2+n {
			return errTorn
		}
		*text, body = string(body[2:2+n]), body[2+n:]
	}
	return nil
}

// appendEntry writes an entry behind b.
func appendEntry(b []byte, e entry, subjects []uuid.UUID) []byte {
	return framed(b, func(b []byte) []byte {
		b = append(append(b, e.id[:]...), e.tenant[:]...)
		b = binary.BigEndian.AppendUint64(b, uint64(e.at))
		b = binary.BigEndian.AppendUint32(b, uint32(len(subjects)))
		for _, s := range subjects {
			b = append(b, s[:]...)
		}
		return appendTexts(b, e.actorKind, e.actorID, e.operation, e.request, e.purpose, e.reason)
	})
}

// readEntry reads the next entry.
func readEntry(r io.Reader) (entry, error) {
	var e entry
	body, err := readFrame(r, 44)
	if err != nil {
		return e, err
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
	return e, readTexts(body, &e.actorKind, &e.actorID, &e.operation, &e.request, &e.purpose, &e.reason)
}

// refusalEntry is one refusal.
type refusalEntry struct {
	id, tenant                                                  uuid.UUID
	at                                                          int64 // microseconds since 1970
	subject                                                     uuid.UUID
	status                                                      int16
	proven                                                      bool
	actorKind, actorID, operation, code, rule, address, request string
}

// A refusal in the spool, with its length and checksum before it:
//
//	id · tenant · subject · time · status · whether proven · seven texts with their lengths
const refusalSize = 3*16 + 8 + 2 + 1

func appendRefusal(b []byte, e refusalEntry) []byte {
	return framed(b, func(b []byte) []byte {
		b = append(append(append(b, e.id[:]...), e.tenant[:]...), e.subject[:]...)
		b = binary.BigEndian.AppendUint64(b, uint64(e.at))
		b = append(binary.BigEndian.AppendUint16(b, uint16(e.status)), flag(e.proven))
		return appendTexts(b, e.actorKind, e.actorID, e.operation, e.code, e.rule, e.address, e.request)
	})
}

func readRefusal(r io.Reader) (refusalEntry, error) {
	var e refusalEntry
	body, err := readFrame(r, refusalSize)
	if err != nil {
		return e, err
	}
	copy(e.id[:], body)
	copy(e.tenant[:], body[16:])
	copy(e.subject[:], body[32:])
	e.at = int64(binary.BigEndian.Uint64(body[48:]))
	e.status, e.proven = int16(binary.BigEndian.Uint16(body[56:])), body[58] == 1
	return e, readTexts(body[refusalSize:], &e.actorKind, &e.actorID, &e.operation, &e.code, &e.rule, &e.address, &e.request)
}
