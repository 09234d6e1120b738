package ticketing

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/fault"
)

// largestImport is the greatest file taken in, as sent.
const largestImport = 512 << 20

func (i *Imports) path(tenant uuid.UUID, name string) string {
	return filepath.Join(i.folder, tenant.String(), filepath.Base(name))
}

// digestForm is SHA-256 in a Content-Digest (RFC 9530 §2).
var digestForm = regexp.MustCompile(`(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):`)

// keepFile writes what is sent into a file and checks its digest on the way.
// Whatever goes wrong leaves no file.
func keepFile(path string, body io.Reader, digest *string) error {
	var want []byte
	if digest != nil {
		found := digestForm.FindStringSubmatch(*digest)
		if found == nil {
			return fault.New(fault.Malformed, "invalid-request").AtHeader("Content-Digest", "format", "want", "sha-256=:…:")
		}
		var err error
		if want, err = base64.StdEncoding.DecodeString(found[1]); err != nil {
			return fault.New(fault.Malformed, "invalid-request").AtHeader("Content-Digest", "format", "want", "sha-256=:…:")
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return storage(err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return storage(err)
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(stored{file}, hash), io.LimitReader(body, largestImport+1))
	_, known := fault.As(err)
	switch {
	case known:
	case err != nil:
		err = fault.New(fault.Malformed, "invalid-request").At("#", "format", "want", "a whole body").Because(plainCause(err))
	case n > largestImport:
		err = fault.New(fault.TooLarge, "too-large").With("limit", int64(largestImport))
	case want != nil && string(want) != string(hash.Sum(nil)):
		err = fault.New(fault.Refused, "content-digest-mismatch").AtHeader("Content-Digest", "no-match")
	default:
		err = storage(file.Sync())
	}
	if closed := file.Close(); err == nil {
		err = storage(closed)
	}
	if err != nil {
		_ = os.Remove(path)
	}
	return err
}

// stored marks what fails on the file's side, as opposed to the sender's.
type stored struct{ file io.Writer }

func (s stored) Write(p []byte) (int, error) {
	n, err := s.file.Write(p)
	return n, storage(err)
}

// storage turns what the file system refuses into a fault that says so.
func storage(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return fault.New(fault.Unavailable, "disk-full").Because(plainCause(err))
	}
	return fault.New(fault.Unavailable, "storage-failed").Because(plainCause(err))
}

// plainCause keeps a cause as text only: an error of a file or of a reader in the
// chain would be taken for a database that is away, and waited for.
func plainCause(err error) error { return errors.New(err.Error()) }

// sweepFiles removes files that nobody has touched since an instant.
func sweepFiles(folder string, before time.Time) error {
	files, err := filepath.Glob(filepath.Join(folder, "*", "*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range files {
		info, err := os.Stat(path)
		if err == nil && info.ModTime().Before(before) {
			err = os.Remove(path)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
