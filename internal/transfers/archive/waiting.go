package archive

import (
	"bytes"
	"os"

	"github.com/google/uuid"
)

// waitInMemory is how many bytes of events wait in memory; more than that, as
// when a machine's clock was far ahead once, wait in a file.
const waitInMemory = 16 << 20

// waiting holds records until they are asked for, each once.
type waiting struct {
	held  map[uuid.UUID][]byte
	bytes int
	spilt map[uuid.UUID]extent
	spill *os.File
	size  int64
}

type extent struct {
	from int64
	size int
}

func newWaiting() *waiting {
	return &waiting{held: map[uuid.UUID][]byte{}, spilt: map[uuid.UUID]extent{}}
}

func (w *waiting) len() int { return len(w.held) + len(w.spilt) }

func (w *waiting) add(id uuid.UUID, record []byte) error {
	if w.bytes+len(record) <= waitInMemory {
		w.held[id] = bytes.Clone(record)
		w.bytes += len(record)
		return nil
	}
	if w.spill == nil {
		f, err := os.CreateTemp("", "parvis-verify-*")
		if err != nil {
			return err
		}
		// The name goes at once, the file with its last handle.
		_ = os.Remove(f.Name())
		w.spill = f
	}
	if _, err := w.spill.WriteAt(record, w.size); err != nil {
		return err
	}
	w.spilt[id] = extent{w.size, len(record)}
	w.size += int64(len(record))
	return nil
}

func (w *waiting) take(id uuid.UUID) ([]byte, bool, error) {
	if record, ok := w.held[id]; ok {
		delete(w.held, id)
		w.bytes -= len(record)
		return record, true, nil
	}
	e, ok := w.spilt[id]
	if !ok {
		return nil, false, nil
	}
	record := make([]byte, e.size)
	if _, err := w.spill.ReadAt(record, e.from); err != nil {
		return nil, false, err
	}
	delete(w.spilt, id)
	return record, true, nil
}

func (w *waiting) close() {
	if w.spill != nil {
		_ = w.spill.Close()
	}
}
