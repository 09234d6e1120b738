package archive

import (
	"archive/zip"
	"bufio"
	"compress/flate"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"sync"
	"time"
)

// Writer writes an archive to a stream, in one pass.
type Writer struct {
	zip   *zip.Writer
	at    time.Time
	files []File
}

// NewWriter starts an archive whose files carry the time at.
func NewWriter(w io.Writer, at time.Time) *Writer {
	z := zip.NewWriter(w)
	// Data compresses six to ten times even at the fastest level; the slower
	// ones would make the export wait for the compressor.
	z.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.BestSpeed) })
	return &Writer{zip: z, at: at}
}

func (w *Writer) entry(path string) (io.Writer, error) {
	return w.zip.CreateHeader(&zip.FileHeader{Name: path, Method: zip.Deflate, Modified: w.at.UTC()})
}

// File adds a file that is not data.
func (w *Writer) File(path string, content []byte) error {
	out, err := w.entry(path)
	if err != nil {
		return err
	}
	if _, err := out.Write(content); err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	w.files = append(w.files, File{Path: path, Bytes: int64(len(content)), SHA256: hex.EncodeToString(sum[:])})
	return nil
}

// DataPath is where a table's records are.
func DataPath(table string) string { return "data/" + table + ".ndjson" }

// SchemaPath is where a table's JSON Schema is.
func SchemaPath(table string) string { return "schemas/" + table + ".schema.json" }

// MarksPath is where the checksums of a table's lines are: the CRC-32C of each,
// four bytes, big-endian.
func MarksPath(table string) string { return "lines/" + table + ".crc32c" }

// Table adds the data file of a table. produce hands each record to the Lines
// it is given; hashing and compressing go on beside it.
func (w *Writer) Table(table string, produce func(*Lines) error) (rows int64, err error) {
	out, err := w.entry(DataPath(table))
	if err != nil {
		return 0, err
	}
	marks, err := newLineMarks()
	if err != nil {
		return 0, err
	}
	defer marks.close()
	l := &Lines{full: make(chan []byte, 2), free: make(chan []byte, 4), buffer: make([]byte, 0, chunk+chunk/4), marks: marks}
	sink := &sink{out: out, hash: sha256.New()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for b := range l.full {
			l.fail(sink.write(b))
			select {
			case l.free <- b[:0]:
			default:
			}
		}
	}()
	err = produce(l)
	if len(l.buffer) > 0 {
		l.full <- l.buffer
	}
	close(l.full)
	<-done
	if err == nil {
		err = l.failed()
	}
	if err != nil {
		return 0, err
	}
	w.files = append(w.files, File{Path: DataPath(table), Bytes: sink.bytes, SHA256: hex.EncodeToString(sink.hash.Sum(nil)), Table: table, Rows: l.rows})
	return l.rows, w.marks(table, marks)
}

// marks adds the checksums of a table's lines, by which an altered line is found.
func (w *Writer) marks(table string, marks *lineMarks) error {
	in, err := marks.read()
	if err != nil {
		return err
	}
	out, err := w.entry(MarksPath(table))
	if err != nil {
		return err
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, hash), in)
	if err != nil {
		return err
	}
	w.files = append(w.files, File{Path: MarksPath(table), Bytes: n, SHA256: hex.EncodeToString(hash.Sum(nil))})
	return nil
}

// lineMarks keeps four bytes a line, in a file of no name so that memory does
// not grow with the table.
type lineMarks struct {
	file *os.File
	out  *bufio.Writer
}

func newLineMarks() (*lineMarks, error) {
	f, err := os.CreateTemp("", "parvis-marks-*")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(f.Name())
	return &lineMarks{file: f, out: bufio.NewWriter(f)}, nil
}

func (m *lineMarks) add(record []byte) error {
	_, err := m.out.Write(binary.BigEndian.AppendUint32(m.out.AvailableBuffer(), lineMark(record)))
	return err
}

func (m *lineMarks) read() (io.Reader, error) {
	if err := m.out.Flush(); err != nil {
		return nil, err
	}
	_, err := m.file.Seek(0, io.SeekStart)
	return m.file, err
}

func (m *lineMarks) close() { _ = m.file.Close() }

// lineMark is the CRC-32C (RFC 3720 §12.1) of a line without its end.
func lineMark(record []byte) uint32 { return crc32.Checksum(record, crc32.MakeTable(crc32.Castagnoli)) }

const chunk = 256 << 10

// Lines takes the records of one table.
type Lines struct {
	rows   int64
	buffer []byte
	full   chan []byte
	free   chan []byte
	marks  *lineMarks
	mu     sync.Mutex
	err    error
}

// Add appends one record, which encode writes to the end of the slice it gets.
func (l *Lines) Add(encode func(dst []byte) ([]byte, error)) error {
	before := len(l.buffer)
	b, err := encode(l.buffer)
	if err != nil {
		return err
	}
	if err := l.marks.add(b[before:]); err != nil {
		return err
	}
	b = append(b, '\n')
	l.buffer = b
	l.rows++
	if len(l.buffer) < chunk {
		return nil
	}
	l.full <- l.buffer
	select {
	case l.buffer = <-l.free:
	default:
		l.buffer = make([]byte, 0, chunk+chunk/4)
	}
	return l.failed()
}

func (l *Lines) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
}

func (l *Lines) failed() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

type sink struct {
	out   io.Writer
	hash  hash.Hash
	bytes int64
	err   error
}

func (s *sink) write(b []byte) error {
	if s.err != nil {
		return s.err
	}
	s.hash.Write(b)
	s.bytes += int64(len(b))
	_, s.err = s.out.Write(b)
	return s.err
}

// Close writes the manifest, signed, and ends the archive. The manifest's files
// are filled in here.
func (w *Writer) Close(m Manifest, key ed25519.PrivateKey) (Manifest, error) {
	m.Format, m.FormatVersion, m.Files = Format, Version, w.files
	raw, err := indented(m)
	if err != nil {
		return m, err
	}
	signature, err := sign(raw, key)
	if err != nil {
		return m, err
	}
	for path, content := range map[string][]byte{ManifestPath: raw, SignaturePath: signature} {
		out, err := w.entry(path)
		if err != nil {
			return m, err
		}
		if _, err := out.Write(content); err != nil {
			return m, err
		}
	}
	return m, w.zip.Close()
}
