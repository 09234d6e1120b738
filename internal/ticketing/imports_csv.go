package ticketing

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"hash/fnv"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	mostColumns = 200
	// mostGathered is how many records a file may have of which each has several
	// lines: their names are remembered, to find lines that are apart.
	mostGathered = 4_000_000
)

// csvColumn is where the cells of a column go.
type csvColumn struct {
	path     []string
	kind     string // of value: as the contract says
	of       string // of the elements of a list of values
	envelope bool   // a member of the record itself, not of its data
	list     bool   // path[0] is a list, to which each line adds an element
}

// csvRow is one line of a file, or what is wrong with it.
type csvRow struct {
	cells []string
	line  int64
	bad   *fault.Error
	named bool // its name can be read all the same
}

// csvRecords reads CSV (RFC 4180). Where columns are of lists, lines that follow
// each other under one name are one record.
type csvRecords struct {
	in       *csv.Reader
	beneath  *bounded
	schemas  web.Schemas
	kind     string
	columns  []csvColumn
	name     int // which column is the name
	gathers  bool
	held     *csvRow // a line that was read and belongs to the next record
	ended    error
	last     int64 // line that was read
	spoiled  int64 // the line before the next record that may have been part of it
	gathered map[uint64]struct{}
}

var columnName = regexp.MustCompile(`^[a-z_]{1,40}(\.[A-Za-z_-]{1,40}){0,4}$`)

func newCSVRecords(in *bufio.Reader, beneath *bounded, kind string, schemas web.Schemas) (*csvRecords, error) {
	start, err := in.Peek(4 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	first, _, _ := bytes.Cut(start, []byte("\n"))
	r := &csvRecords{in: csv.NewReader(in), beneath: beneath, schemas: schemas, kind: kind, name: -1, gathered: map[uint64]struct{}{}}
	if bytes.Count(first, []byte(";")) > bytes.Count(first, []byte(",")) {
		r.in.Comma = ';'
	}
	wrong := func(name string) error {
		return fault.New(fault.Refused, "ticketing-import-heading").With("column", strings.ToValidUTF8(shortened(name), "\uFFFD"))
	}
	beneath.limit = longestRecord
	heading, err := r.in.Read()
	if f, ok := fault.As(err); ok {
		return nil, f
	}
	if err != nil {
		return nil, wrong("external_id")
	}
	if len(heading) > mostColumns {
		return nil, wrong(heading[mostColumns])
	}
	seen := map[string]bool{}
	for i, text := range heading {
		name := strings.TrimSpace(text)
		c, ok := r.column(name)
		if !ok || seen[name] {
			return nil, wrong(name)
		}
		if seen[name] = true; name == "external_id" {
			r.name = i
		}
		r.columns, r.gathers = append(r.columns, c), r.gathers || c.list
	}
	if r.name < 0 {
		return nil, wrong("external_id")
	}
	return r, nil
}

// column finds out what the contract says of the name of a column.
func (r *csvRecords) column(name string) (csvColumn, bool) {
	switch name {
	case "external_id", "op", "source_modified_at":
		return csvColumn{path: []string{name}, kind: "string", envelope: true}, true
	case "source_version":
		return csvColumn{path: []string{name}, kind: "integer", envelope: true}, true
	}
	if !columnName.MatchString(name) {
		return csvColumn{}, false
	}
	c := csvColumn{path: strings.Split(name, ".")}
	m, ok := r.schemas.Member(RecordSchemas()[r.kind], c.path)
	if !ok || m.Type == "object" || len(m.Within) > 1 || (len(m.Within) == 1 && m.Within[0] != 0) {
		return csvColumn{}, false
	}
	if m.Type == "array" && m.Of != "string" && m.Of != "integer" {
		return csvColumn{}, false
	}
	c.kind, c.of, c.list = m.Type, m.Of, len(m.Within) == 1
	return c, true
}

// row reads one line that is not empty.
func (r *csvRecords) row() (csvRow, error) {
	for {
		r.beneath.limit = r.in.InputOffset() + longestRecord + readAhead
		cells, err := r.in.Read()
		row := csvRow{cells: cells}
		if row.line = r.last + 1; len(cells) > 0 {
			at, _ := r.in.FieldPos(0)
			row.line = int64(at)
		}
		r.last = row.line
		var parse *csv.ParseError
		switch f, known := fault.As(err); {
		case known:
			return row, f
		case errors.Is(err, io.EOF):
			return row, io.EOF
		case errors.Is(err, csv.ErrFieldCount) && strings.TrimSpace(strings.Join(cells, "")) == "":
			continue
		case errors.Is(err, csv.ErrFieldCount):
			row.bad = fault.New(fault.Malformed, "invalid-request").At("#", "csv-columns", "want", len(r.columns))
			return row, nil
		case errors.As(err, &parse) && parse.StartLine == parse.Line && (errors.Is(err, csv.ErrBareQuote) || errors.Is(err, csv.ErrQuote)):
			row.line = int64(parse.StartLine)
			row.bad = fault.New(fault.Malformed, "invalid-request").At("#", "csv-quotes")
			return row, nil
		case errors.As(err, &parse):
			return row, unreadable(int64(parse.StartLine), err) // quotes that swallow what follows
		case err != nil:
			return row, unreadable(row.line, err)
		}
		if r.check(&row) {
			return row, nil
		}
	}
}

// check looks at the texts of a line, and reports whether there are any.
func (r *csvRecords) check(row *csvRow) bool {
	found := false
	row.named = true
	for i, text := range row.cells {
		row.cells[i] = strings.TrimSpace(text)
		found = found || row.cells[i] != ""
		if code := web.CheckText(text); code != "" && row.bad == nil {
			row.bad = fault.New(fault.Malformed, "invalid-request").At(r.columns[i].pointer(0), code)
		}
	}
	if row.bad != nil {
		row.named = web.CheckText(row.cells[r.name]) == ""
	}
	return found
}

func (c csvColumn) pointer(element int) string {
	path := c.path
	at := "#"
	if !c.envelope {
		at += "/data"
	}
	if c.list {
		at, path = at+"/"+path[0]+"/"+strconv.Itoa(element), path[1:]
	}
	return at + "/" + strings.Join(path, "/")
}

func (row csvRow) external(r *csvRecords) string {
	if !row.named {
		return ""
	}
	return row.cells[r.name]
}

func (r *csvRecords) take() (csvRow, error) {
	if held := r.held; held != nil {
		r.held = nil
		return *held, nil
	}
	if r.ended != nil {
		return csvRow{}, r.ended
	}
	return r.row()
}

// next gives a record. A line that nobody can read may have been part of the
// record before it or of the one after it, so neither is taken in without it: it
// would replace a whole order by a part of it.
func (r *csvRecords) next(build bool) (fileRecord, error) {
	first, err := r.take()
	if err != nil {
		return fileRecord{}, err
	}
	out := fileRecord{line: first.line, blamed: first.line, input: Input{Kind: r.kind, ExternalID: first.external(r)}, wrong: first.bad}
	if !r.gathers || (first.bad != nil && !first.named) {
		if r.gathers {
			r.spoiled = first.line
		}
		if out.size = sizeOf(first); first.bad == nil && build {
			return r.build(out, []csvRow{first}), nil
		}
		return out, nil
	}
	if r.spoiled != 0 {
		out.wrong, out.blamed, r.spoiled = beside(), r.spoiled, 0
	}
	if err := r.gather(first); err != nil {
		return out, err
	}
	rows := []csvRow{first}
	for out.size = sizeOf(first); ; {
		more, err := r.row()
		if err != nil {
			r.ended = err
			break
		}
		if !more.named {
			if r.held = &more; out.wrong == nil {
				out.wrong, out.blamed = beside(), more.line
			}
			break
		}
		if more.external(r) != first.external(r) || first.external(r) == "" {
			r.held = &more
			break
		}
		if more.bad != nil && out.wrong == nil {
			out.wrong, out.blamed = more.bad, more.line
		}
		if out.size += sizeOf(more); out.size > longestRecord {
			if rows = nil; out.wrong == nil {
				out.wrong = fault.New(fault.Malformed, "invalid-request").At("#", "too-long", "limit", longestRecord)
			}
			continue
		}
		rows = append(rows, more)
	}
	if out.size > longestRecord {
		out.size = longestRecord
	}
	if out.wrong != nil || !build {
		return out, nil //nolint:nilerr // it is wrong with the record, which says so, and the next one is read
	}
	return r.build(out, rows), nil
}

func beside() *fault.Error {
	return fault.New(fault.Malformed, "invalid-request").At("#", "beside-unreadable")
}

func sizeOf(row csvRow) (n int64) {
	for _, c := range row.cells {
		n += int64(len(c))
	}
	return n
}

// gather refuses a file that has lines of one record in two places: the second
// would replace what the first said.
func (r *csvRecords) gather(first csvRow) error {
	name := first.external(r)
	if name == "" {
		return nil
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	if _, there := r.gathered[h.Sum64()]; there {
		return fault.New(fault.Refused, "ticketing-import-apart").With("line", first.line)
	}
	if len(r.gathered) >= mostGathered {
		return fault.New(fault.TooLarge, "ticketing-import-too-many").With("limit", mostGathered)
	}
	r.gathered[h.Sum64()] = struct{}{}
	return nil
}

// build puts the lines of one record together.
func (r *csvRecords) build(out fileRecord, rows []csvRow) fileRecord {
	data := map[string]any{}
	record := map[string]any{"kind": r.kind, "data": data}
	out.lines = map[string][]int64{}
	had := map[string]bool{}
	for _, row := range rows {
		var lists []string
		elements := map[string]map[string]any{}
		for i, c := range r.columns {
			if row.cells[i] == "" {
				continue
			}
			into, path := data, c.path
			switch {
			case c.envelope:
				into = record
			case c.list:
				if elements[path[0]] == nil {
					elements[path[0]] = map[string]any{}
					lists = append(lists, path[0])
				}
				into, path = elements[path[0]], path[1:]
			}
			if !put(into, path, c.value(row.cells[i])) {
				out.wrong, out.blamed = fault.New(fault.Malformed, "invalid-request").At(c.pointer(len(out.lines[c.path[0]])), "lines-disagree"), row.line
				return out
			}
		}
		for _, list := range lists {
			key, err := json.Marshal(elements[list])
			if err == nil && !had[list+string(key)] {
				had[list+string(key)] = true
				all, _ := data[list].([]any)
				data[list] = append(all, elements[list])
				out.lines[list] = append(out.lines[list], row.line)
			}
		}
	}
	if op := record["op"]; r.kind == kindOrder && data["lines"] == nil && op != "delete" && op != "anonymize" {
		data["lines"] = []any{}
	}
	out.blamed = 0
	out.input, out.wrong = inputOf(record, r.schemas)
	return out
}

// put sets a nested member, and reports whether it was not said otherwise.
func put(into map[string]any, path []string, v any) bool {
	for _, name := range path[:len(path)-1] {
		next, ok := into[name].(map[string]any)
		if !ok {
			next = map[string]any{}
			into[name] = next
		}
		into = next
	}
	last := path[len(path)-1]
	if was, said := into[last]; said {
		return reflect.DeepEqual(was, v)
	}
	into[last] = v
	return true
}

// value gives a text the type that the contract wants. What is not of it stays
// the text that it is, and is refused as such.
func (c csvColumn) value(text string) any {
	switch c.kind {
	case "integer":
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return json.Number(strconv.FormatInt(n, 10))
		}
	case "number":
		if json.Valid([]byte(text)) && !strings.ContainsAny(text, `"[{tfn`) {
			return json.Number(text)
		}
	case "boolean":
		switch strings.ToLower(text) {
		case "true", "1", "yes", "oui":
			return true
		case "false", "0", "no", "non":
			return false
		}
	case "array":
		out := []any{}
		for part := range strings.SplitSeq(text, "|") {
			out = append(out, csvColumn{kind: c.of}.value(strings.TrimSpace(part)))
		}
		return out
	}
	return text
}
