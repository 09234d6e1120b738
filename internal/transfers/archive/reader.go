package archive

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// Flaw is one thing that is wrong with an archive, and where.
type Flaw struct { //nolint:errname // a flaw is a finding, listed before it is an error
	File string
	Line int64 // from 1; 0: the file as a whole
	What string
}

// Error implements error.
func (f *Flaw) Error() string {
	if f.Line > 0 {
		return fmt.Sprintf("%s, line %d: %s", f.File, f.Line, f.What)
	}
	return f.File + ": " + f.What
}

func flaw(file string, line int64, format string, args ...any) error {
	return &Flaw{File: file, Line: line, What: fmt.Sprintf(format, args...)}
}

// Archive is an archive open for reading.
type Archive struct {
	Manifest   Manifest
	Dictionary Dictionary
	SignedBy   string // public key, base64
	// Digest is the SHA-256 of the manifest, and so stands for all of the archive.
	Digest  [sha256.Size]byte
	zip     *zip.ReadCloser
	entries map[string]*zip.File
	listed  map[string]File // by path
}

const (
	// maxSmallFile and maxLine bound what is read into memory whole.
	maxSmallFile = 64 << 20
	maxLine      = 32 << 20
)

// Open reads the manifest of an archive, checks its signature and that the
// files it lists are there, neither more nor less. Contents are checked while
// they are read.
func Open(name string) (*Archive, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	z, err := zip.OpenReader(name)
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, err
	}
	if err != nil {
		return nil, flaw(path.Base(name), 0, "this is not a zip file, or it was cut short")
	}
	a := &Archive{zip: z, entries: map[string]*zip.File{}, listed: map[string]File{}}
	if err := a.open(info.Size()); err != nil {
		_ = z.Close()
		return nil, err
	}
	return a, nil
}

func (a *Archive) open(size int64) error {
	if err := a.enter(size); err != nil {
		return err
	}
	manifest, err := a.small(ManifestPath)
	if err != nil {
		return err
	}
	a.Digest = sha256.Sum256(manifest)
	if err := json.Unmarshal(manifest, &a.Manifest); err != nil || a.Manifest.Format != Format {
		return flaw(ManifestPath, 0, "this is not the manifest of a Parvis archive")
	}
	if a.Manifest.FormatVersion != Version {
		return flaw(ManifestPath, 0, "format version %d; this program reads version %d", a.Manifest.FormatVersion, Version)
	}
	signature, err := a.small(SignaturePath)
	if err != nil {
		return err
	}
	if a.SignedBy, err = checkSignature(manifest, signature); err != nil {
		return flaw(ManifestPath, 0, "%v", err)
	}
	for _, f := range a.Manifest.Files {
		entry := a.entries[f.Path]
		if entry == nil {
			return flaw(f.Path, 0, "is in the manifest and not in the archive")
		}
		if _, twice := a.listed[f.Path]; twice || f.Path == ManifestPath || f.Path == SignaturePath {
			return flaw(f.Path, 0, "is twice in the manifest")
		}
		a.listed[f.Path] = f
	}
	for name := range a.entries {
		if _, ok := a.listed[name]; !ok && name != ManifestPath && name != SignaturePath {
			return flaw(name, 0, "is in the archive and not in the manifest")
		}
	}
	dictionary, err := a.Read(DictionaryPath)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(dictionary, &a.Dictionary); err != nil {
		return flaw(DictionaryPath, 0, "cannot be read: %v", err)
	}
	for _, t := range a.Dictionary.Tables {
		if f, err := a.file(DataPath(t.Name)); err != nil || f.Table != t.Name {
			return flaw(DataPath(t.Name), 0, "is in the dictionary and not in the manifest")
		}
	}
	for _, f := range a.Manifest.Files {
		if _, ok := a.Dictionary.Find(f.Table); !ok && (f.Table != "" || strings.HasPrefix(f.Path, "data/")) {
			return flaw(f.Path, 0, "is a data file without an entry in the dictionary")
		}
	}
	return nil
}

// Close closes the file.
func (a *Archive) Close() error { return a.zip.Close() }

func (a *Archive) file(name string) (File, error) {
	if f, ok := a.listed[name]; ok {
		return f, nil
	}
	return File{}, flaw(name, 0, "is not in the manifest")
}

func (a *Archive) small(name string) ([]byte, error) {
	entry := a.entries[name]
	if entry == nil {
		return nil, flaw(name, 0, "is missing")
	}
	r, err := entry.Open()
	if err != nil {
		return nil, flaw(name, 0, "%v", err)
	}
	defer func() { _ = r.Close() }()
	raw, err := io.ReadAll(io.LimitReader(r, maxSmallFile+1))
	if err != nil {
		return nil, flaw(name, 0, "cannot be read: %v", err)
	}
	if len(raw) > maxSmallFile {
		return nil, flaw(name, 0, "is too large")
	}
	return raw, nil
}

// Read returns a file that is not data, checked against the manifest.
func (a *Archive) Read(name string) ([]byte, error) {
	f, err := a.file(name)
	if err != nil {
		return nil, err
	}
	raw, err := a.small(name)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != f.SHA256 {
		return nil, flaw(name, 0, "was altered: its SHA-256 is not the one in the manifest")
	}
	return raw, nil
}

// Lines calls each for every record of a table, in order; line counts from 1
// and the slice is valid during the call only. Digest, size and number of
// records are compared with the manifest at the end, so what was read is to be
// trusted only when Lines has returned nil.
func (a *Archive) Lines(ctx context.Context, table string, each func(line int64, record []byte) error) error {
	name := DataPath(table)
	f, err := a.file(name)
	if err != nil {
		return err
	}
	r, err := a.entry(ctx, name)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	hash := sha256.New()
	// A file that unpacks to more than the manifest says is not read to its end.
	in := bufio.NewReaderSize(io.TeeReader(io.LimitReader(r, f.Bytes+1), hash), 512<<10)
	var n, size int64
	var long []byte
	var flawed error
	for {
		record, err := in.ReadSlice('\n')
		size += int64(len(record))
		if errors.Is(err, bufio.ErrBufferFull) {
			if long = append(long, record...); len(long) > maxLine {
				return flaw(name, n+1, "the line is too long")
			}
			continue
		}
		if len(long) > 0 {
			record = append(long, record...)
			long = long[:0]
		}
		if errors.Is(err, io.EOF) && len(record) == 0 {
			break
		}
		n++
		if err != nil && !errors.Is(err, io.EOF) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return flaw(name, n, "cannot be read: %v", err)
		}
		if errors.Is(err, io.EOF) {
			flawed = flaw(name, n, "the line does not end: the file was cut short or altered")
			break
		}
		if flawed != nil {
			continue
		}
		if err := each(n, bytes.TrimSuffix(record, []byte{'\n'})); err != nil {
			return err
		}
	}
	if flawed != nil {
		return flawed
	}
	switch {
	case size != f.Bytes:
		return flaw(name, n, "has another size than the manifest says (%d bytes)", f.Bytes)
	case n != f.Rows:
		return flaw(name, n, "has %d records; the manifest says %d", n, f.Rows)
	case hex.EncodeToString(hash.Sum(nil)) != f.SHA256:
		return flaw(name, a.altered(ctx, table), "was altered: its SHA-256 is not the one in the manifest")
	}
	return nil
}

// entry opens a file of the archive for reading that ends with the context:
// whatever reads an archive of any size thus stops when it is told to.
func (a *Archive) entry(ctx context.Context, name string) (io.ReadCloser, error) {
	r, err := a.entries[name].Open()
	if err != nil {
		return nil, flaw(name, 0, "cannot be read: %v", err)
	}
	return &stoppable{ctx, r}, nil
}

type stoppable struct {
	ctx context.Context
	io.ReadCloser
}

func (s *stoppable) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.ReadCloser.Read(p)
}

// checkDigest reads a file of any size and compares it with the manifest.
func (a *Archive) checkDigest(ctx context.Context, f File) error {
	r, err := a.entry(ctx, f.Path)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	hash := sha256.New()
	n, err := io.Copy(hash, io.LimitReader(r, f.Bytes+1))
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return flaw(f.Path, 0, "cannot be read: %v", err)
	}
	if n != f.Bytes || hex.EncodeToString(hash.Sum(nil)) != f.SHA256 {
		return flaw(f.Path, 0, "was altered: its SHA-256 is not the one in the manifest")
	}
	return nil
}

// altered finds the first line that is not the one that was written, or 0.
func (a *Archive) altered(ctx context.Context, table string) int64 {
	f, err := a.file(MarksPath(table))
	if err != nil || a.checkDigest(ctx, f) != nil {
		return 0
	}
	marks, err := a.entry(ctx, f.Path)
	if err != nil {
		return 0
	}
	defer func() { _ = marks.Close() }()
	data, err := a.entry(ctx, DataPath(table))
	if err != nil {
		return 0
	}
	defer func() { _ = data.Close() }()
	expected, lines := bufio.NewReader(marks), bufio.NewReader(data)
	for n := int64(1); ; n++ {
		line, err := lines.ReadBytes('\n')
		var mark [4]byte
		if _, markErr := io.ReadFull(expected, mark[:]); markErr != nil || err != nil {
			return 0
		}
		if binary.BigEndian.Uint32(mark[:]) != lineMark(bytes.TrimSuffix(line, []byte{'\n'})) {
			return n
		}
	}
}
