package audit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/parvis-crm/parvis/internal/ids"
)

// spool keeps reads on the disk of the process that answered them until they
// are in the database. What write(2) has taken outlives the process, however it
// ends; the kernel brings it to the disk, so only the machine's own end can lose
// what is younger than the writer's pace, a fraction of a second.
//
// A segment is a file that its process holds locked. The lock ends with the
// process: a segment that can be locked was left behind and is anybody's to
// bring in.
type spool struct {
	folder string
	most   int64

	mu     sync.Mutex
	now    *segment // takes entries; nil while there are none
	kept   int64    // bytes of all segments of this process
	buffer []byte
}

type segment struct {
	file *os.File
	path string
	size int64
}

const (
	segmentSuffix = ".reads"
	unready       = ".new"
)

var errSpoolFull = errors.New("audit: the spool of reads is full: the database has not taken any for too long")

// append writes an entry made by write and reports whether it is the first of
// its segment. When it returns an error, nothing is kept.
func (s *spool) append(write func(b []byte) []byte) (first bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buffer = write(s.buffer[:0])
	if s.kept+int64(len(s.buffer)) > s.most {
		return false, errSpoolFull
	}
	if s.now == nil {
		if s.now, err = s.create(); err != nil {
			return false, err
		}
		first = true
	}
	n, err := s.now.file.Write(s.buffer)
	if err != nil {
		// What was written of it must not stand before the next entry.
		if n > 0 {
			if cut := s.now.file.Truncate(s.now.size); cut != nil {
				// It is found again as left behind, torn only at its end.
				s.kept -= s.now.size
				err = errors.Join(err, cut, s.now.file.Close())
				s.now = nil
			}
		}
		return false, err
	}
	s.now.size += int64(n)
	s.kept += int64(n)
	return first, nil
}

// create makes a segment. It gets its name when it is locked, so that nobody
// takes it for one left behind.
func (s *spool) create() (*segment, error) {
	if err := os.MkdirAll(s.folder, 0o700); err != nil {
		return nil, fmt.Errorf("audit: the folder of reads: %w", err)
	}
	path := filepath.Join(s.folder, ids.New().String()+segmentSuffix)
	file, err := os.OpenFile(path+unready, os.O_CREATE|os.O_EXCL|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(path+unready))
	}
	if err := os.Rename(path+unready, path); err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(path+unready))
	}
	return &segment{file: file, path: path}, nil
}

// cut gives the segment with what was appended so far, nil if there is nothing.
func (s *spool) cut() *segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.now
	s.now = nil
	return out
}

// drop forgets a segment whose entries are in the database.
func (s *spool) drop(g *segment) error {
	s.mu.Lock()
	s.kept -= g.size
	s.mu.Unlock()
	return errors.Join(os.Remove(g.path), g.file.Close())
}

// leave lets go of a segment that cannot be brought in now.
func (s *spool) leave(g *segment) error {
	s.mu.Lock()
	s.kept -= g.size
	s.mu.Unlock()
	return g.file.Close()
}

// leftBehind are the segments of processes that have ended.
func (s *spool) leftBehind() ([]*segment, error) {
	files, err := os.ReadDir(s.folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []*segment
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), segmentSuffix) {
			continue
		}
		path := filepath.Join(s.folder, f.Name())
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		if errors.Is(err, os.ErrNotExist) {
			continue // brought in by another process just now
		}
		if err != nil {
			return out, err
		}
		if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			if err := file.Close(); err != nil {
				return out, err
			}
			continue // of a process that runs
		}
		if _, err := os.Stat(path); err != nil { // gone between opening and locking
			if err := file.Close(); err != nil {
				return out, err
			}
			continue
		}
		out = append(out, &segment{file: file, path: path})
	}
	return out, nil
}
