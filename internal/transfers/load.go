package transfers

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/transfers/archive"
)

const (
	// batchRows and batchBytes bound what one INSERT carries.
	batchRows  = 2000
	batchBytes = 4 << 20
)

// loader puts the records of one table into the database.
type loader struct {
	tx      pgx.Tx
	tenant  uuid.UUID
	table   *table
	columns []column       // as members stand in a record, without those that the database gives out
	place   map[string]int // member to column; -1 where the database gives the value out
	self    map[string]bool
	secret  map[string]string
	rows    *batch
	later   *batch // rows that refer to rows of the same table
	staged  bool
}

type batch struct {
	values [][]*string // by column, then row
	rows   int
	bytes  int
}

func newBatch(columns int) *batch { return &batch{values: make([][]*string, columns)} }

func (b *batch) reset() {
	for i := range b.values {
		b.values[i] = b.values[i][:0]
	}
	b.rows, b.bytes = 0, 0
}

// newLoader prepares a table; described is how the archive has it. A column
// that this database lacks is an error; one that the archive lacks gets its
// default, as in a migration.
func newLoader(tx pgx.Tx, tenant uuid.UUID, source *table, described archive.Table) (*loader, error) {
	r := leaving()[source.name]
	l := &loader{tx: tx, tenant: tenant, table: source, place: map[string]int{}, self: map[string]bool{}, secret: r.secret}
	for _, d := range described.Columns {
		c, ok := source.column(d.Name)
		if !ok || c.generated {
			return nil, fmt.Errorf("transfers: this program has no column %s.%s", source.name, d.Name)
		}
		if slices.Contains(r.assigned, d.Name) {
			l.place[d.Name] = -1
			continue
		}
		l.place[d.Name] = len(l.columns)
		l.columns = append(l.columns, c)
	}
	for _, reference := range source.references {
		if reference.To == source.name {
			for _, c := range reference.Columns {
				l.self[c] = true
			}
		}
	}
	l.rows, l.later = newBatch(len(l.columns)), newBatch(len(l.columns))
	return l, nil
}

// add takes one record.
func (l *loader) add(ctx context.Context, record []byte) error {
	into := l.rows
	if len(l.self) > 0 {
		refers := false
		err := archive.Members(record, func(name, value []byte) error {
			refers = refers || l.self[string(name)] && string(value) != "null"
			return nil
		})
		if err != nil {
			return err
		}
		if refers {
			into = l.later
		}
	}
	given := 0
	err := archive.Members(record, func(name, value []byte) error {
		place, ok := l.place[string(name)]
		if !ok {
			return fmt.Errorf("transfers: member %s.%s is not in the dictionary", l.table.name, name)
		}
		given++
		if place < 0 {
			return nil
		}
		text, err := literal(l.columns[place], value)
		if err != nil {
			return fmt.Errorf("transfers: member %s.%s: %w", l.table.name, name, err)
		}
		into.values[place] = append(into.values[place], text)
		return nil
	})
	if err != nil {
		return err
	}
	if given != len(l.place) {
		return fmt.Errorf("transfers: a record of %s lacks a member", l.table.name)
	}
	into.rows++
	into.bytes += len(record)
	if into.rows < batchRows && into.bytes < batchBytes {
		return nil
	}
	if into == l.later {
		return l.stage(ctx)
	}
	return l.insert(ctx, quote(l.table.name), l.rows, true)
}

// finish loads what is left. Rows that refer to rows of their own table come
// last and in one statement, at whose end references are checked: their order
// does not matter then.
func (l *loader) finish(ctx context.Context) error {
	if err := l.insert(ctx, quote(l.table.name), l.rows, true); err != nil || (l.later.rows == 0 && !l.staged) {
		return err
	}
	if !l.staged {
		return l.insert(ctx, quote(l.table.name), l.later, true)
	}
	if err := l.stage(ctx); err != nil {
		return err
	}
	names, values := l.list()
	_, err := l.tx.Exec(ctx, "insert into "+quote(l.table.name)+" ("+names+") select "+values("r")+" from "+l.stageName()+" r")
	return err
}

func (l *loader) stageName() string { return "pg_temp." + quote("arriving_"+l.table.name) }

func (l *loader) stage(ctx context.Context) error {
	if !l.staged {
		columns := make([]string, 0, len(l.columns)+1)
		for _, c := range l.columns {
			columns = append(columns, quote(c.name)+" "+c.dbType)
		}
		if _, err := l.tx.Exec(ctx, "create temporary table "+quote("arriving_"+l.table.name)+" ("+strings.Join(columns, ", ")+") on commit drop"); err != nil {
			return err
		}
		l.staged = true
	}
	return l.insert(ctx, l.stageName(), l.later, false)
}

// list gives the columns of the target and, for a source, their values.
func (l *loader) list() (string, func(source string) string) {
	names := []string{"tenant_id"}
	for _, c := range l.columns {
		names = append(names, quote(c.name))
	}
	secrets := make([]string, 0, len(l.secret))
	for name := range l.secret {
		secrets = append(secrets, name)
	}
	slices.Sort(secrets)
	for _, name := range secrets {
		names = append(names, quote(name))
	}
	return strings.Join(names, ", "), func(source string) string {
		values := []string{"'" + l.tenant.String() + "'::uuid"}
		for _, c := range l.columns {
			values = append(values, source+"."+quote(c.name)+"::"+c.dbType)
		}
		for _, name := range secrets {
			values = append(values, l.secret[name])
		}
		return strings.Join(values, ", ")
	}
}

// insert sends a batch as arrays of texts, one a column, each cast to the type
// of its column: one statement for any table, inside row-level security, where
// COPY is refused.
func (l *loader) insert(ctx context.Context, target string, b *batch, whole bool) error {
	if b.rows == 0 {
		return nil
	}
	args := make([]any, 0, len(l.columns))
	arrays := make([]string, 0, len(l.columns))
	labels := make([]string, 0, len(l.columns))
	plain := make([]string, 0, len(l.columns))
	for i, c := range l.columns {
		args = append(args, b.values[i])
		arrays = append(arrays, "$"+strconv.Itoa(i+1)+"::text[]")
		labels = append(labels, quote(c.name))
		plain = append(plain, "r."+quote(c.name)+"::"+c.dbType)
	}
	names, selected := strings.Join(labels, ", "), strings.Join(plain, ", ")
	if whole {
		var values func(string) string
		names, values = l.list()
		selected = values("r")
	}
	_, err := l.tx.Exec(ctx, "insert into "+target+" ("+names+") select "+selected+" from unnest("+strings.Join(arrays, ", ")+") as r ("+strings.Join(labels, ", ")+")", args...)
	b.reset()
	return err
}

var null = []byte("null")

// literal turns a JSON value into the text form of a column's type.
func literal(c column, value []byte) (*string, error) {
	if string(value) == string(null) {
		return nil, nil
	}
	var out string
	switch c.kind {
	case archive.JSON:
		out = string(value)
	case archive.Bytes:
		raw, err := base64.StdEncoding.DecodeString(strings.Trim(string(value), `"`))
		if err != nil {
			return nil, err
		}
		out = `\x` + hex.EncodeToString(raw)
	case archive.TextList, archive.UUIDList, archive.JSONList:
		var items []json.RawMessage
		if err := json.Unmarshal(value, &items); err != nil {
			return nil, err
		}
		text, err := arrayLiteral(items)
		if err != nil {
			return nil, err
		}
		out = text
	default:
		if value[0] != '"' {
			out = string(value)
			break
		}
		text, err := unquote(value)
		if err != nil {
			return nil, err
		}
		out = text
	}
	return &out, nil
}

func unquote(value []byte) (string, error) {
	if !slices.Contains(value, '\\') {
		return string(value[1 : len(value)-1]), nil
	}
	var s string
	err := json.Unmarshal(value, &s)
	return s, err
}

// arrayLiteral writes the text form of a one-dimensional array.
func arrayLiteral(items []json.RawMessage) (string, error) {
	var b strings.Builder
	b.WriteByte('{')
	for i, item := range items {
		if i > 0 {
			b.WriteByte(',')
		}
		switch {
		case string(item) == "null":
			b.WriteString("NULL")
		case item[0] == '"':
			s, err := unquote(item)
			if err != nil {
				return "", err
			}
			b.WriteByte('"')
			b.WriteString(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s))
			b.WriteByte('"')
		default:
			b.Write(item)
		}
	}
	b.WriteByte('}')
	return b.String(), nil
}
