package transfers

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/parvis-crm/parvis/internal/fault"
)

// partial is the ending of a file that is not whole yet.
const partial = ".partial"

// Whole writes a file under a temporary name and gives it its own only when all
// of it is safely on disk. Whatever goes wrong leaves no file at all; what a
// killed process left of the same file is removed by the next attempt.
//
// Each attempt has a name of its own: one that was given up for dead and wakes
// again writes into a file that nobody can reach, never into its successor's.
func Whole(path string, write func(io.Writer) error) error {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return storage(err)
	}
	if err := removeParts(path); err != nil {
		return storage(err)
	}
	f, err := os.CreateTemp(folder, filepath.Base(path)+".*"+partial)
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
		err = storage(os.Rename(f.Name(), path))
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	return storage(syncFolder(folder))
}

// removeParts removes what earlier attempts at a file left.
func removeParts(path string) error {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if name := e.Name(); strings.HasPrefix(name, filepath.Base(path)+".") && strings.HasSuffix(name, partial) {
			if err := os.Remove(filepath.Join(filepath.Dir(path), name)); !errors.Is(err, os.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// syncFolder makes a new name in a folder survive a loss of power.
func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	err = f.Sync()
	// Some file systems know no such thing, and need none.
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, f.Close())
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
