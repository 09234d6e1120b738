package transfers

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/transfers/archive"
)

// column is a column as the database's catalogue describes it.
type column struct {
	name      string
	dbType    string
	kind      archive.Kind
	notNull   bool
	generated bool // computed by the database from other columns
	collated  bool // a text whose order depends on a collation other than C
	isText    bool
}

// table is a table as the database's catalogue describes it.
type table struct {
	name       string
	columns    []column // by name
	primaryKey []string // without tenant_id
	references []archive.Reference
	checks     []check
	tenant     bool // has a tenant_id
}

type check struct {
	column     string
	definition string
}

func (t *table) column(name string) (column, bool) {
	i := slices.IndexFunc(t.columns, func(c column) bool { return c.name == name })
	if i < 0 {
		return column{}, false
	}
	return t.columns[i], true
}

const listColumns = `
select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated <> '',
       coalesce(a.attcollation <> 0 and a.attcollation <> (select oid from pg_collation where collname = 'C' and collnamespace = 'pg_catalog'::regnamespace), false)
from pg_attribute a
join pg_class c on c.oid = a.attrelid
where c.relnamespace = any (array['crm'::regnamespace, 'teleservice'::regnamespace]) and c.relkind in ('r', 'p') and not c.relispartition
  and a.attnum > 0 and not a.attisdropped
order by c.relname collate "C", a.attname collate "C"`

// Keys: primary and foreign, columns in the order of the key.
const listKeys = `
select c.relname, k.contype::text, coalesce(f.relname, ''),
       (select array_agg(a.attname::text order by o.n) from unnest(k.conkey) with ordinality o(num, n) join pg_attribute a on a.attrelid = k.conrelid and a.attnum = o.num),
       coalesce((select array_agg(a.attname::text order by o.n) from unnest(k.confkey) with ordinality o(num, n) join pg_attribute a on a.attrelid = k.confrelid and a.attnum = o.num), '{}'),
       case when k.contype = 'c' then pg_get_constraintdef(k.oid) else '' end
from pg_constraint k
join pg_class c on c.oid = k.conrelid
left join pg_class f on f.oid = k.confrelid
where c.relnamespace = any (array['crm'::regnamespace, 'teleservice'::regnamespace]) and c.relkind in ('r', 'p') and k.contype in ('p', 'f', 'c') and k.conparentid = 0
order by c.relname collate "C", k.conname collate "C"`

// readCatalogue describes every table of the program's schemas, by name.
func readCatalogue(ctx context.Context, tx pg.DBTX) (map[string]*table, error) {
	out := map[string]*table{}
	rows, err := tx.Query(ctx, listColumns)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var name string
		var c column
		if err := rows.Scan(&name, &c.name, &c.dbType, &c.notNull, &c.generated, &c.collated); err != nil {
			rows.Close()
			return nil, err
		}
		c.kind, c.isText = kindOf(c.dbType), c.dbType == "text" || strings.HasPrefix(c.dbType, "character")
		t := out[name]
		if t == nil {
			t = &table{name: name}
			out[name] = t
		}
		if c.name == "tenant_id" {
			t.tenant = true
		}
		t.columns = append(t.columns, c)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if rows, err = tx.Query(ctx, listKeys); err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name, kind, to, definition string
		var columns, target []string
		if err := rows.Scan(&name, &kind, &to, &columns, &target, &definition); err != nil {
			return nil, err
		}
		t := out[name]
		switch kind {
		case "p":
			t.primaryKey = without(columns, "tenant_id")
		case "f":
			if to == "tenants" {
				continue
			}
			t.references = append(t.references, archive.Reference{Columns: without(columns, "tenant_id"), To: to, Target: without(target, "tenant_id")})
		case "c":
			if len(columns) == 1 {
				t.checks = append(t.checks, check{columns[0], definition})
			}
		}
	}
	return out, rows.Err()
}

func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
}

func kindOf(dbType string) archive.Kind {
	switch dbType {
	case "uuid":
		return archive.UUID
	case "text":
		return archive.Text
	case "boolean":
		return archive.Boolean
	case "smallint", "integer", "bigint":
		return archive.Integer
	case "timestamp with time zone":
		return archive.Timestamp
	case "date":
		return archive.Date
	case "jsonb":
		return archive.JSON
	case "bytea":
		return archive.Bytes
	case "text[]":
		return archive.TextList
	case "uuid[]":
		return archive.UUIDList
	}
	if strings.HasSuffix(dbType, "[]") {
		return archive.JSONList
	}
	return archive.OtherText
}

// The forms in which pg_get_constraintdef writes the rules that a JSON Schema
// can say too. Rules of other forms stay the database's.
var (
	checkAllowed = regexp.MustCompile(`^\(*(\w+) = ANY \(ARRAY\[(.*)\]\)\)*$`)
	checkValue   = regexp.MustCompile(`'((?:[^']|'')*)'::text`)
	checkPattern = regexp.MustCompile(`^\(*(\w+) ~ '((?:[^']|'')*)'::text\)*$`)
	checkLength  = regexp.MustCompile(`^\(*length\((\w+)\) (>=|<=|=) (\d+)\)*$`)
	checkBound   = regexp.MustCompile(`^\(*(\w+) (>=|<=|>|<) '?(-?\d+)'?(?:::\w+)?\)*$`)
)

// describe fills what a column's simple checks say.
func describe(c *archive.Column, checks []check) {
	for _, k := range checks {
		if k.column != c.Name {
			continue
		}
		rule := strings.TrimSuffix(strings.TrimPrefix(k.definition, "CHECK ("), ")")
		if strings.Contains(rule, " OR ") {
			continue
		}
		for part := range strings.SplitSeq(rule, " AND ") {
			describePart(c, part)
		}
	}
}

func describePart(c *archive.Column, part string) {
	if m := checkAllowed.FindStringSubmatch(part); m != nil && c.Kind == archive.Text {
		for _, v := range checkValue.FindAllStringSubmatch(m[2], -1) {
			c.Allowed = append(c.Allowed, strings.ReplaceAll(v[1], "''", "'"))
		}
		return
	}
	if m := checkPattern.FindStringSubmatch(part); m != nil && c.Kind == archive.Text {
		pattern := strings.ReplaceAll(m[2], "''", "'")
		if _, err := regexp.Compile(pattern); err == nil && c.Pattern == "" {
			c.Pattern = pattern
		}
		return
	}
	if m := checkLength.FindStringSubmatch(part); m != nil && c.Kind == archive.Text {
		n, _ := strconv.ParseInt(m[3], 10, 64)
		if m[2] != "<=" {
			c.Shortest = &n
		}
		if m[2] != ">=" {
			c.Longest = &n
		}
		return
	}
	if m := checkBound.FindStringSubmatch(part); m != nil && c.Kind == archive.Integer {
		n, err := strconv.ParseInt(m[3], 10, 64)
		if err != nil {
			return
		}
		switch m[2] {
		case ">=":
			c.Least = &n
		case ">":
			n++
			c.Least = &n
		case "<=":
			c.Greatest = &n
		case "<":
			n--
			c.Greatest = &n
		}
	}
}

// loadOrder sorts tables so that each comes after those it refers to, the
// institution before all. A table's references to itself do not count.
func loadOrder(tables map[string]*table, names []string) ([]string, error) {
	names = slices.Clone(names)
	slices.Sort(names)
	var out []string
	state := map[string]int{} // 1: being visited, 2: done
	var visit func(name string) error
	visit = func(name string) error {
		switch state[name] {
		case 1:
			return fmt.Errorf("transfers: the references of table %s go in a circle", name)
		case 2:
			return nil
		}
		state[name] = 1
		for _, r := range tables[name].references {
			if r.To != name && slices.Contains(names, r.To) {
				if err := visit(r.To); err != nil {
					return err
				}
			}
		}
		state[name] = 2
		out = append(out, name)
		return nil
	}
	if i := slices.Index(names, "tenants"); i > 0 {
		names = slices.Insert(slices.Delete(names, i, i+1), 0, "tenants")
	}
	for _, name := range names {
		if err := visit(name); err != nil {
			return nil, err
		}
	}
	return out, nil
}
