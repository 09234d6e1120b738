package transfers

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/parvis-crm/parvis/internal/fault"
)

// partial is the ending of a file that is not whole yet.
const partial = ".partial"

// Whole writes a file under a temporary name and gives it its own only when all
// of it is safely on disk. Whatever goes wrong leaves no file at all.
func Whole(path string, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return storage(err)
	}
	name := path + partial
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return storage(err)
	}
	err = write(&checked{f})
	if err == nil {
		err = storage(f.Sync())
	}
	if closeErr := f.Close(); err == nil {
		err = storage(closeErr)
	}
	if err == nil {
		err = storage(os.Rename(name, path))
	}
	if err != nil {
		_ = os.Remove(name)
	}
	return err
}

// checked marks what fails on the file's side, as opposed to the data's.
type checked struct{ file io.Writer }

func (c *checked) Write(p []byte) (int, error) {
	n, err := c.file.Write(p)
	return n, storage(err)
}

// storage turns what the file system refuses into a fault that says so. The
// cause is kept as text only: a bare errno in the chain has the methods of a
// network error and would be taken for a database that is away.
func storage(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return fault.New(fault.Unavailable, "disk-full").Because(errors.New(err.Error()))
	}
	return fault.New(fault.Unavailable, "storage-failed").Because(errors.New(err.Error()))
}
