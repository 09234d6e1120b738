package archive

import (
	"bufio"
	"bytes"
	"container/heap"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
)

// keyRecord is a digest of a key's values, cut to 16 bytes, and the line that
// has it. Keys of any type and length thus sort in bounded memory.
const (
	digestSize = 16
	keySize    = digestSize + 8
	// runKeys is how many keys a set holds at a time: 3 MB. An archive has a set
	// for each reference and each target of one, so this is what counts.
	runKeys = 1 << 17
)

// keySet collects the keys of one set of columns of one table and gives them
// back sorted, by way of a file where they are many.
type keySet struct {
	keys  []byte
	runs  []run
	spill *os.File
	size  int64
}

type run struct{ from, to int64 }

func (s *keySet) add(line int64, values ...[]byte) error {
	h := sha256.New()
	for _, v := range values {
		h.Write(v)
		h.Write([]byte{0})
	}
	var record [keySize]byte
	copy(record[:digestSize], h.Sum(nil))
	binary.BigEndian.PutUint64(record[digestSize:], uint64(line))
	s.keys = append(s.keys, record[:]...)
	if len(s.keys) < runKeys*keySize {
		return nil
	}
	return s.flush()
}

func (s *keySet) flush() error {
	if s.spill == nil {
		f, err := os.CreateTemp("", "parvis-verify-*")
		if err != nil {
			return err
		}
		// The name goes at once, the file with its last handle.
		_ = os.Remove(f.Name())
		s.spill = f
	}
	sortKeys(s.keys)
	if _, err := s.spill.WriteAt(s.keys, s.size); err != nil {
		return err
	}
	s.runs = append(s.runs, run{s.size, s.size + int64(len(s.keys))})
	s.size += int64(len(s.keys))
	s.keys = s.keys[:0]
	return nil
}

func (s *keySet) close() {
	if s.spill != nil {
		_ = s.spill.Close()
	}
}

func sortKeys(keys []byte) {
	records := make([][keySize]byte, len(keys)/keySize)
	for i := range records {
		copy(records[i][:], keys[i*keySize:])
	}
	slices.SortFunc(records, func(a, b [keySize]byte) int { return bytes.Compare(a[:], b[:]) })
	for i := range records {
		copy(keys[i*keySize:], records[i][:])
	}
}

// sorted returns a function that yields the keys in order, then io.EOF.
func (s *keySet) sorted() (func() ([]byte, error), error) {
	if s.spill != nil && len(s.keys) > 0 {
		if err := s.flush(); err != nil {
			return nil, err
		}
	}
	if s.spill == nil {
		sortKeys(s.keys)
		at := 0
		return func() ([]byte, error) {
			if at == len(s.keys) {
				return nil, io.EOF
			}
			at += keySize
			return s.keys[at-keySize : at], nil
		}, nil
	}
	s.keys = nil
	m := &merge{}
	for _, r := range s.runs {
		if err := m.start(bufio.NewReaderSize(io.NewSectionReader(s.spill, r.from, r.to-r.from), 64<<10)); err != nil {
			return nil, err
		}
	}
	heap.Init(m)
	return m.next, nil
}

type head struct {
	key [keySize]byte
	in  *bufio.Reader
}

type merge struct {
	heads []*head
	out   [keySize]byte
}

func (m *merge) Len() int           { return len(m.heads) }
func (m *merge) Less(i, j int) bool { return bytes.Compare(m.heads[i].key[:], m.heads[j].key[:]) < 0 }
func (m *merge) Swap(i, j int)      { m.heads[i], m.heads[j] = m.heads[j], m.heads[i] }
func (m *merge) Push(x any)         { m.heads = append(m.heads, x.(*head)) }
func (m *merge) Pop() any {
	last := m.heads[len(m.heads)-1]
	m.heads = m.heads[:len(m.heads)-1]
	return last
}

func (m *merge) start(in *bufio.Reader) error {
	h := &head{in: in}
	if _, err := io.ReadFull(in, h.key[:]); err != nil {
		return err
	}
	m.heads = append(m.heads, h)
	return nil
}

func (m *merge) next() ([]byte, error) {
	if len(m.heads) == 0 {
		return nil, io.EOF
	}
	h := m.heads[0]
	m.out = h.key
	_, err := io.ReadFull(h.in, h.key[:])
	switch {
	case errors.Is(err, io.EOF):
		heap.Pop(m)
	case err != nil:
		return nil, err
	default:
		heap.Fix(m, 0)
	}
	return m.out[:], nil
}

// orphan returns the line of the first key of children that parents lack, or 0.
func orphan(ctx context.Context, children, parents *keySet) (int64, error) {
	child, err := children.sorted()
	if err != nil {
		return 0, err
	}
	parent, err := parents.sorted()
	if err != nil {
		return 0, err
	}
	p, parentErr := parent()
	first := int64(0)
	for n := 0; ; n++ {
		if n%65536 == 0 && ctx.Err() != nil {
			return 0, ctx.Err()
		}
		c, err := child()
		if errors.Is(err, io.EOF) {
			return first, nil
		}
		if err != nil {
			return 0, err
		}
		for parentErr == nil && bytes.Compare(p[:digestSize], c[:digestSize]) < 0 {
			p, parentErr = parent()
		}
		if parentErr != nil && !errors.Is(parentErr, io.EOF) {
			return 0, parentErr
		}
		if parentErr != nil || !bytes.Equal(p[:digestSize], c[:digestSize]) {
			line := int64(binary.BigEndian.Uint64(c[digestSize:]))
			if first == 0 || line < first {
				first = line
			}
		}
	}
}
