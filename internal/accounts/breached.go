package accounts

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the published lists are of SHA-1; nothing is kept under it
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// breached looks passwords up in a list of an operator's: SHA-1 in hexadecimal,
// one a line, sorted, as lists of breached passwords are published. It reads a
// few lines a question and keeps nothing, however large the list is.
type breached struct {
	file *os.File
	size int64
}

const digestLength = 2 * sha1.Size

func openBreached(path string) (*breached, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("accounts: the list of breached passwords cannot be read: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	b := &breached{file: f, size: info.Size()}
	if b.size > 0 {
		if first, _, err := b.line(0); err != nil || len(first) < digestLength || strings.Trim(first[:digestLength], "0123456789ABCDEFabcdef") != "" {
			return nil, errors.Join(fmt.Errorf("accounts: %s is no list of SHA-1 digests in hexadecimal", path), err, f.Close())
		}
	}
	return b, nil
}

// has reports whether a password is on the list; without a list none is.
func (b *breached) has(password string) (bool, error) {
	if b == nil {
		return false, nil
	}
	sum := sha1.Sum([]byte(password)) //nolint:gosec // see above
	want := strings.ToUpper(hex.EncodeToString(sum[:]))
	low, high := int64(0), b.size // the line sought begins in [low, high)
	for low < high {
		middle := low + (high-low)/2
		text, start, err := b.line(middle)
		if err != nil {
			return false, err
		}
		if len(text) < digestLength {
			return false, errors.New("accounts: a line of the list of breached passwords is too short")
		}
		switch digest := strings.ToUpper(text[:digestLength]); {
		case digest == want:
			return true, nil
		case digest < want:
			low = start + int64(len(text)) + 1
		default:
			high = start
		}
	}
	return false, nil
}

// line is the one that the byte at an offset belongs to, and where it begins.
func (b *breached) line(at int64) (text string, start int64, err error) {
	const around = 128 // longer than any line
	from := max(at-around, 0)
	block := make([]byte, 2*around)
	n, err := b.file.ReadAt(block, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", 0, err
	}
	block = block[:n]
	here := int(at - from)
	begin := bytes.LastIndexByte(block[:here], '\n') + 1
	end := bytes.IndexByte(block[here:], '\n')
	if end < 0 {
		end = len(block) - here
	}
	return string(block[begin : here+end]), from + int64(begin), nil
}
