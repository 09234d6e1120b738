package ticketing

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"regexp"
	"time"
	"unicode/utf8"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

// Limits of a file, which hold for what it unpacks to.
const (
	largestUnpacked = 4 << 30
	longestRecord   = 1 << 20
	readAhead       = 64 << 10
	// mostUnpacked is how many bytes one compressed byte may become, beyond a
	// first allowance.
	mostUnpacked = 200
	freeUnpacked = 64 << 20
)

// fileRecord is a record of a file, or what is wrong with its place in it.
type fileRecord struct {
	line  int64
	size  int64 // in bytes, about
	input Input
	wrong *fault.Error
	// lines are those that the elements of a list come from, where a record has
	// several.
	lines map[string][]int64
	// blamed is the one line to blame for everything, where there is one.
	blamed int64
}

var elementPointer = regexp.MustCompile(`^#/data/([a-z_]+)/([0-9]{1,6})(?:/|$)`)

// blame gives the line that a pointer leads to.
func (r fileRecord) blame(pointer string) int64 {
	if r.blamed != 0 {
		return r.blamed
	}
	if found := elementPointer.FindStringSubmatch(pointer); found != nil {
		at := 0
		for _, digit := range found[2] {
			at = 10*at + int(digit-'0')
		}
		if lines := r.lines[found[1]]; at < len(lines) {
			return lines[at]
		}
	}
	return r.line
}

// fileReader gives records until io.EOF. Without build it only tells them apart,
// which is faster and gives as many.
type fileReader interface {
	next(build bool) (fileRecord, error)
}

// recordFile is an open file of records.
type recordFile struct {
	fileReader
	file *os.File
}

func (r *recordFile) close() { _ = r.file.Close() }

func (i *Imports) open(path string, p importParameters) (*recordFile, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, storage(err)
	}
	r, err := readRecords(file, p, i.service.schemas)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &recordFile{r, file}, nil
}

func readRecords(from io.Reader, p importParameters, schemas web.Schemas) (fileReader, error) {
	if p.Packed {
		packed := &counted{from: from}
		z, err := gzip.NewReader(bufio.NewReader(packed))
		if err != nil {
			return nil, unreadable(0, err)
		}
		from = &unpacked{from: z, packed: packed}
	}
	whole := &bounded{from: from, limit: largestUnpacked}
	in := bufio.NewReaderSize(whole, readAhead)
	if mark, err := in.Peek(3); err == nil && string(mark) == "\ufeff" {
		_, _ = in.Discard(3)
	}
	if p.Format == formatCSV {
		return newCSVRecords(in, whole, p.Kind, schemas)
	}
	return &lineRecords{in: in, schemas: schemas}, nil
}

// unreadable is the fault of a file that cannot be read on from a line.
func unreadable(line int64, cause error) *fault.Error {
	return fault.New(fault.Refused, "ticketing-import-unreadable").With("line", line).Because(plainCause(cause))
}

type counted struct {
	from io.Reader
	n    int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += int64(n)
	return n, err
}

// unpacked stops a file that is made to swell.
type unpacked struct {
	from   io.Reader
	packed *counted
	n      int64
}

func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.from.Read(p)
	if u.n += int64(n); u.n > freeUnpacked && u.n > mostUnpacked*u.packed.n {
		return 0, fault.New(fault.TooLarge, "too-large").With("limit", int64(freeUnpacked))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = unreadable(0, err)
	}
	return n, err
}

// bounded stops reading at a limit, which moves.
type bounded struct {
	from     io.Reader
	n, limit int64
}

var errBeyond = errors.New("ticketing: what belongs together is too long")

func (b *bounded) Read(p []byte) (int, error) {
	switch {
	case b.n >= largestUnpacked:
		return 0, fault.New(fault.TooLarge, "too-large").With("limit", int64(largestUnpacked))
	case b.n >= b.limit:
		return 0, errBeyond
	}
	n, err := b.from.Read(p)
	b.n += int64(n)
	return n, err
}

// lineRecords reads NDJSON.
type lineRecords struct {
	in      *bufio.Reader
	line    int64
	schemas web.Schemas
}

func (r *lineRecords) next(build bool) (fileRecord, error) {
	for {
		text, tooLong, err := r.read()
		if err != nil {
			return fileRecord{}, err
		}
		if len(bytes.TrimSpace(text)) == 0 && !tooLong {
			continue
		}
		out := fileRecord{line: r.line, size: int64(len(text))}
		switch {
		case tooLong:
			out.wrong = fault.New(fault.Malformed, "invalid-request").At("#", "too-long", "limit", longestRecord)
		case build:
			out.input, out.wrong = inputOfLine(text, r.schemas)
		}
		return out, nil
	}
}

// read gives one line, of which no more is kept than may be.
func (r *lineRecords) read() (text []byte, tooLong bool, err error) {
	for {
		part, err := r.in.ReadSlice('\n')
		if len(text)+len(part) > longestRecord {
			tooLong, text = true, nil
		}
		if !tooLong {
			text = append(text, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && (len(text) > 0 || tooLong):
			r.line++
			return text, tooLong, nil
		case err != nil:
			return nil, false, err
		}
		r.line++
		return text, tooLong, nil
	}
}

func inputOfLine(text []byte, schemas web.Schemas) (Input, *fault.Error) {
	document, err := web.DecodeJSON(text)
	if err != nil {
		return Input{}, web.Fault(err)
	}
	return inputOf(document, schemas)
}

// BatchRecordSchema is the component of the contract that a record follows,
// whether it comes in a batch or in a file.
const BatchRecordSchema = "TicketingBatchRecord"

// inputOf reads a record as one of a batch is read. What names it is given also
// when it is wrong.
func inputOf(document any, schemas web.Schemas) (Input, *fault.Error) {
	record, _ := document.(map[string]any)
	var in Input
	in.Kind, _ = record["kind"].(string)
	in.ExternalID, _ = record["external_id"].(string)
	if err := schemas.Check(BatchRecordSchema, document); err != nil {
		f, ok := fault.As(err)
		if !ok {
			f = fault.New(fault.Unavailable, "internal").Because(err)
		}
		return in, f
	}
	in.Data, _ = record["data"].(map[string]any)
	in.Delete, in.Anonymize = record["op"] == "delete", record["op"] == "anonymize"
	if number, ok := record["source_version"].(json.Number); ok {
		version, err := number.Int64()
		if err != nil {
			return in, fault.New(fault.Malformed, "invalid-request").At("#/source_version", "type", "want", "integer")
		}
		in.SourceVersion = &version
	}
	if text, ok := record["source_modified_at"].(string); ok {
		at, err := time.Parse(time.RFC3339Nano, text)
		in.SourceModifiedAt, in.Misdated = &at, err != nil
	}
	return in, nil
}

// shortened keeps what is told of a file short.
func shortened(text string) string {
	if utf8.RuneCountInString(text) > 200 {
		return string([]rune(text)[:200])
	}
	return text
}
