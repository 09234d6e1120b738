package ticketing

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"

	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parvis-crm/parvis/internal/fault"
)

// Limits of a file, which hold for what it unpacks to.
const (
	largestImport   = 512 << 20 // as sent
	largestUnpacked = 4 << 30
	longestLine     = 1 << 20
	mostColumns     = 200
	// mostUnpacked is how many bytes one compressed byte may become, beyond a
	// first allowance.
	mostUnpacked = 200
	freeUnpacked = 64 << 20
)

// fileRecord is a record of a file, or what is wrong with its place in it.
type fileRecord struct {
	line  int64
	input Input
	wrong *fault.Error
}

// fileReader gives records until io.EOF.
type fileReader interface{ next() (fileRecord, error) }

// unpacked counts what a compressed file becomes and stops a bomb.
type unpacked struct {
	from   io.Reader
	packed *counted
	n      int64
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

func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.from.Read(p)
	u.n += int64(n)
	if u.n > largestUnpacked || (u.n > freeUnpacked && u.n > mostUnpacked*u.packed.n) {
		return 0, fault.New(fault.TooLarge, "too-large").With("limit", int64(largestUnpacked))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = fault.New(fault.Refused, "ticketing-import-unreadable").With("line", 0).Because(err)
	}
	return n, err
}

// readImport opens a file of a format.
func readImport(file io.Reader, p importParameters) (fileReader, error) {
	if p.Packed {
		packed := &counted{from: bufio.NewReader(file)}
		z, err := gzip.NewReader(packed)
		if err != nil {
			return nil, fault.New(fault.Refused, "ticketing-import-unreadable").With("line", 0).Because(err)
		}
		file = &unpacked{from: z, packed: packed}
	}
	in := bufio.NewReaderSize(file, 64<<10)
	if mark, err := in.Peek(3); err == nil && string(mark) == "\ufeff" {
		_, _ = in.Discard(3)
	}
	if p.Format == formatCSV {
		return newCSVRecords(in, p.Kind)
	}
	return &lineRecords{in: in}, nil
}

// lineRecords reads NDJSON.
type lineRecords struct {
	in   *bufio.Reader
	line int64
}

func (r *lineRecords) next() (fileRecord, error) {
	for {
		text, tooLong, err := r.read()
		if err != nil {
			return fileRecord{}, err
		}
		if len(bytes.TrimSpace(text)) == 0 && !tooLong {
			continue
		}
		out := fileRecord{line: r.line}
		if tooLong {
			out.wrong = fault.New(fault.Malformed, "invalid-request").At("#", "too-long", "limit", longestLine)
			return out, nil
		}
		out.input, out.wrong = inputOfLine(text)
		return out, nil
	}
}

// read gives one line, of which no more is kept than may be.
func (r *lineRecords) read() (text []byte, tooLong bool, err error) {
	for {
		part, err := r.in.ReadSlice('\n')
		if len(text)+len(part) > longestLine {
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

type lineOfRecord struct {
	Kind             string         `json:"kind"`
	ExternalID       string         `json:"external_id"`
	Op               *string        `json:"op"`
	SourceVersion    *int64         `json:"source_version"`
	SourceModifiedAt *string        `json:"source_modified_at"`
	Data             map[string]any `json:"data"`
}

func inputOfLine(text []byte) (Input, *fault.Error) {
	bad := func() *fault.Error { return fault.New(fault.Malformed, "invalid-request").At("#", "not-json") }
	if !utf8.Valid(text) {
		return Input{}, fault.New(fault.Malformed, "invalid-request").At("#", "invalid-utf8")
	}
	if bytes.Contains(text, []byte(`\u0000`)) {
		return Input{}, bad()
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	d.DisallowUnknownFields()
	var in lineOfRecord
	if err := d.Decode(&in); err != nil {
		return Input{}, bad()
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Input{}, bad()
	}
	return in.input()
}

func (in lineOfRecord) input() (Input, *fault.Error) {
	out := Input{Kind: in.Kind, ExternalID: in.ExternalID, SourceVersion: in.SourceVersion, Data: in.Data}
	if in.Op != nil {
		if *in.Op != "upsert" && *in.Op != "delete" {
			return out, fault.New(fault.Malformed, "invalid-request").At("#/op", "enum", "allowed", "upsert, delete")
		}
		out.Delete = *in.Op == "delete"
	}
	if in.SourceVersion != nil && *in.SourceVersion < 0 {
		return out, fault.New(fault.Malformed, "invalid-request").At("#/source_version", "too-small", "limit", 0)
	}
	if in.SourceModifiedAt != nil {
		at, err := time.Parse(time.RFC3339Nano, *in.SourceModifiedAt)
		out.SourceModifiedAt, out.Misdated = &at, err != nil
	}
	return out, nil
}

// csvRecords reads CSV (RFC 4180). Lines that follow each other under one name
// are one record.
type csvRecords struct {
	in      *csv.Reader
	kind    string
	columns []string
	held    []string // a line that was read and belongs to the next record
	heldAt  int64
	heldBad *fault.Error
	ended   error
}

var column = regexp.MustCompile(`^[a-z_]{1,40}(\.[A-Za-z_-]{1,40}){0,3}$`)

func newCSVRecords(in *bufio.Reader, kind string) (*csvRecords, error) {
	heading, err := in.Peek(4 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	first, _, _ := bytes.Cut(heading, []byte("\n"))
	r := csv.NewReader(in)
	if bytes.Count(first, []byte(";")) > bytes.Count(first, []byte(",")) {
		r.Comma = ';'
	}
	columns, err := r.Read()
	if err != nil {
		return nil, fault.New(fault.Malformed, "ticketing-import-heading").With("column", "").Because(err)
	}
	wrong := func(name string) error {
		return fault.New(fault.Malformed, "ticketing-import-heading").With("column", unformulated(shortened(name)))
	}
	if len(columns) > mostColumns {
		return nil, wrong(columns[mostColumns])
	}
	seen := map[string]bool{}
	for i, c := range columns {
		columns[i] = strings.TrimSpace(c)
		if !column.MatchString(columns[i]) || seen[columns[i]] {
			return nil, wrong(columns[i])
		}
		seen[columns[i]] = true
	}
	if !seen["external_id"] {
		return nil, wrong("external_id")
	}
	return &csvRecords{in: r, kind: kind, columns: columns}, nil
}

// row reads one line; bad is what is wrong with it alone.
func (r *csvRecords) row() (cells []string, line int64, bad *fault.Error, err error) {
	cells, err = r.in.Read()
	at, _ := r.in.FieldPos(0)
	line = int64(at)
	switch {
	case errors.Is(err, io.EOF):
		return nil, 0, nil, io.EOF
	case errors.Is(err, csv.ErrFieldCount):
		return cells, line, fault.New(fault.Malformed, "invalid-request").At("#", "wrong-columns", "want", len(r.columns)), nil
	case err != nil:
		if f, ok := fault.As(err); ok {
			return nil, 0, nil, f
		}
		var parse *csv.ParseError
		if errors.As(err, &parse) {
			line = int64(parse.Line)
		}
		return nil, 0, nil, fault.New(fault.Refused, "ticketing-import-unreadable").With("line", line).Because(err)
	}
	for _, c := range cells {
		if !utf8.ValidString(c) || strings.ContainsRune(c, 0) {
			return cells, line, fault.New(fault.Malformed, "invalid-request").At("#", "invalid-utf8"), nil
		}
	}
	return cells, line, nil, nil
}

func (r *csvRecords) name(cells []string) string {
	for i, c := range r.columns {
		if c == "external_id" && i < len(cells) {
			return cells[i]
		}
	}
	return ""
}

func (r *csvRecords) take() ([]string, int64, *fault.Error, error) {
	if r.held != nil || r.heldBad != nil {
		cells, line, bad := r.held, r.heldAt, r.heldBad
		r.held, r.heldBad = nil, nil
		return cells, line, bad, nil
	}
	if r.ended != nil {
		return nil, 0, nil, r.ended
	}
	return r.row()
}

func (r *csvRecords) next() (fileRecord, error) {
	cells, line, bad, err := r.take()
	if err != nil {
		return fileRecord{}, err
	}
	if bad != nil {
		return fileRecord{line: line, input: Input{Kind: r.kind, ExternalID: shortened(r.name(cells))}, wrong: bad}, nil
	}
	rows := [][]string{cells}
	for len(rows) <= 1000 {
		more, at, bad, err := r.row()
		if err != nil {
			r.ended = err
			break
		}
		if bad != nil || r.name(more) != r.name(cells) || r.name(cells) == "" {
			r.held, r.heldAt, r.heldBad = more, at, bad
			break
		}
		rows = append(rows, more)
	}
	out := fileRecord{line: line}
	out.input, out.wrong = r.record(rows)
	return out, nil
}

// record puts the lines of one record together.
func (r *csvRecords) record(rows [][]string) (Input, *fault.Error) {
	in := lineOfRecord{Kind: r.kind, Data: map[string]any{}}
	for _, cells := range rows {
		elements := map[string]map[string]any{}
		for i, c := range r.columns {
			text := strings.TrimSpace(cells[i])
			if text == "" {
				continue
			}
			switch c {
			case "external_id":
				in.ExternalID = text
				continue
			case "op":
				in.Op = &text
				continue
			case "source_modified_at":
				in.SourceModifiedAt = &text
				continue
			case "source_version":
				n, err := strconv.ParseInt(text, 10, 64)
				if err != nil {
					return in.envelope(), fault.New(fault.Malformed, "invalid-request").At("#/source_version", "type", "want", "integer")
				}
				in.SourceVersion = &n
				continue
			}
			path := strings.Split(c, ".")
			if len(path) > 1 && slices.Contains(lists, path[0]) {
				if elements[path[0]] == nil {
					elements[path[0]] = map[string]any{}
				}
				put(elements[path[0]], path[1:], cell(path, text))
				continue
			}
			put(in.Data, path, cell(path, text))
		}
		for list, e := range elements {
			in.Data[list] = added(in.Data[list], e)
		}
	}
	if in.Kind == kindOrder && in.Data["lines"] == nil {
		in.Data["lines"] = []any{}
	}
	return in.input()
}

func (in lineOfRecord) envelope() Input { return Input{Kind: in.Kind, ExternalID: in.ExternalID} }

// lists of a record that a line of CSV adds an element to.
var lists = []string{"lines", "fees", "payments", "refunds", "consents", "transactions", "headcount"}

// put sets a nested member; the first line that says it counts.
func put(into map[string]any, path []string, v any) {
	for _, name := range path[:len(path)-1] {
		next, ok := into[name].(map[string]any)
		if !ok {
			next = map[string]any{}
			into[name] = next
		}
		into = next
	}
	last := path[len(path)-1]
	if _, said := into[last]; !said {
		into[last] = v
	}
}

// added is a list with one more element, unless one of its name is there: what
// belongs to the whole order stands in each of its lines.
func added(list any, e map[string]any) []any {
	all, _ := list.([]any)
	for _, had := range all {
		m, _ := had.(map[string]any)
		if (e["external_id"] != nil && m["external_id"] == e["external_id"]) || reflect.DeepEqual(m, e) {
			return all
		}
	}
	return append(all, e)
}

// numbers and truths are the members that are no text, whatever they are in.
var (
	numbers = []string{"capacity", "tax_rate_bp", "grace_days", "renewal_days", "usage_limit", "usages", "count"}
	truths  = []string{"test", "email_verified", "young_audience", "auto_renew"}
)

// cell gives a text its type. Several values of one cell are divided by a bar.
func cell(path []string, text string) any {
	last := path[len(path)-1]
	switch {
	case slices.Contains(numbers, last):
		if _, err := strconv.ParseInt(text, 10, 64); err == nil {
			return json.Number(text)
		}
	case slices.Contains(truths, last):
		switch strings.ToLower(text) {
		case "true", "1", "yes", "oui":
			return true
		case "false", "0", "no", "non":
			return false
		}
	case last == "benefits" || (len(path) == 2 && path[0] == "refunds" && last == "lines"):
		out := []any{}
		for part := range strings.SplitSeq(text, "|") {
			out = append(out, strings.TrimSpace(part))
		}
		return out
	}
	return text
}

// shortened keeps what is told back of a file short.
func shortened(text string) string {
	if utf8.RuneCountInString(text) > 200 {
		return string([]rune(text)[:200])
	}
	return text
}

// unformulated keeps a spreadsheet from taking what is told back for a formula.
func unformulated(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
