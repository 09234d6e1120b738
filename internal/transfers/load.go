package transfers

import (
	"context"
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

	// Records are read while the database works on those before them.
	ready chan statement
	spare chan *batch
	ended chan struct{}
	err   error // of the database; to be read when ended is closed
}

// batch is what one statement carries: an array for each column.
type batch struct {
	arrays []*array
	rows   int
	bytes  int
}

func newBatch(columns []column) *batch {
	b := &batch{}
	for _, c := range columns {
		b.arrays = append(b.arrays, newArray(formOf(c)))
	}
	return b
}

func (b *batch) reset() {
	for _, a := range b.arrays {
		a.clear()
	}
	b.rows, b.bytes = 0, 0
}

// statement is one that loads a batch, under way to the database.
type statement struct {
	sql   string
	batch *batch
}

// newLoader prepares a table; described is how the archive has it. A column
// that this database lacks is an error; one that the archive lacks gets its
// default, as in a migration.
func newLoader(tx pgx.Tx, tenant uuid.UUID, source *table, described archive.Table) (*loader, error) {
	r := leaving()[source.name]
	l := &loader{tx: tx, tenant: tenant, table: source, place: map[string]int{}, self: map[string]bool{}, secret: r.secret}
	for _, d := range described.Columns {
		c, ok := source.column(d.Name)
		if !ok || c.generated || slices.Contains(r.derived, d.Name) {
			return nil, &archive.Flaw{File: archive.DictionaryPath, What: "column " + source.name + "." + d.Name + " does not exist in this program"}
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
	l.rows, l.later = newBatch(l.columns), newBatch(l.columns)
	l.ready, l.spare, l.ended = make(chan statement), make(chan *batch, 2), make(chan struct{})
	return l, nil
}

// run executes statements until there are no more or one fails. Nobody else may
// use the transaction meanwhile.
func (l *loader) run(ctx context.Context) {
	defer close(l.ended)
	for s := range l.ready {
		if l.err = l.execute(ctx, s); l.err != nil {
			return
		}
		s.batch.reset()
		select {
		case l.spare <- s.batch:
		default:
		}
	}
}

// execute sends arrays in their binary form, past the driver's own encoding.
func (l *loader) execute(ctx context.Context, s statement) error {
	if s.batch == nil {
		_, err := l.tx.Exec(ctx, s.sql)
		return err
	}
	values, types, formats := make([][]byte, len(s.batch.arrays)), make([]uint32, len(s.batch.arrays)), make([]int16, len(s.batch.arrays))
	for i, a := range s.batch.arrays {
		values[i], types[i], formats[i] = a.bytes(), a.array, pgx.BinaryFormatCode
	}
	return l.tx.Conn().PgConn().ExecParams(ctx, s.sql, values, types, formats, nil).Read().Err
}

// send hands a statement to run. After a failure it gives back what failed.
func (l *loader) send(s statement) error {
	select {
	case l.ready <- s:
		return nil
	case <-l.ended:
		return l.err
	}
}

// close waits until everything handed over is done.
func (l *loader) close() error {
	close(l.ready)
	<-l.ended
	return l.err
}

// add takes one record.
func (l *loader) add(record []byte) error {
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
		if err := into.arrays[place].add(value); err != nil {
			return &archive.Flaw{File: archive.DataPath(l.table.name), What: fmt.Sprintf("member %s holds what the database refuses: %v", name, err)}
		}
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
		return l.stage()
	}
	return l.insert(quote(l.table.name), &l.rows, true)
}

// finish loads what is left. Rows that refer to rows of their own table come
// last and in one statement, at whose end references are checked: their order
// does not matter then.
func (l *loader) finish() error {
	if err := l.insert(quote(l.table.name), &l.rows, true); err != nil || (l.later.rows == 0 && !l.staged) {
		return err
	}
	if !l.staged {
		return l.insert(quote(l.table.name), &l.later, true)
	}
	if err := l.stage(); err != nil {
		return err
	}
	names, values := l.list()
	return l.send(statement{sql: "insert into " + quote(l.table.name) + " (" + names + ") select " + values("r") + " from " + l.stageName() + " r"})
}

func (l *loader) stageName() string { return "pg_temp." + quote("arriving_"+l.table.name) }

func (l *loader) stage() error {
	if !l.staged {
		columns := make([]string, 0, len(l.columns)+1)
		for _, c := range l.columns {
			columns = append(columns, quote(c.name)+" "+c.dbType)
		}
		if err := l.send(statement{sql: "create temporary table " + quote("arriving_"+l.table.name) + " (" + strings.Join(columns, ", ") + ") on commit drop"}); err != nil {
			return err
		}
		l.staged = true
	}
	return l.insert(l.stageName(), &l.later, false)
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

// insert sends a batch as arrays, one a column: one statement for any table,
// inside row-level security, where COPY is refused. The batch is replaced by an
// empty one.
func (l *loader) insert(target string, b **batch, whole bool) error {
	if (*b).rows == 0 {
		return nil
	}
	arrays := make([]string, 0, len(l.columns))
	labels := make([]string, 0, len(l.columns))
	plain := make([]string, 0, len(l.columns))
	for i, c := range l.columns {
		arrays = append(arrays, "$"+strconv.Itoa(i+1)+"::"+(*b).arrays[i].sql)
		labels = append(labels, quote(c.name))
		plain = append(plain, "r."+quote(c.name)+"::"+c.dbType)
	}
	names, selected := strings.Join(labels, ", "), strings.Join(plain, ", ")
	if whole {
		var values func(string) string
		names, values = l.list()
		selected = values("r")
	}
	err := l.send(statement{"insert into " + target + " (" + names + ") select " + selected + " from unnest(" + strings.Join(arrays, ", ") + ") as r (" + strings.Join(labels, ", ") + ")", *b})
	select {
	case *b = <-l.spare:
	default:
		*b = newBatch(l.columns)
	}
	return err
}
