package transfers

import (
	"context"
	"fmt"
	"strings"

	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/transfers/archive"
)

// Undecided lists what tables.go and dictionary/*.tsv fail to say about a
// database, or say about things that do not exist.
func Undecided(ctx context.Context, db pg.DBTX) ([]string, error) {
	tables, err := readCatalogue(ctx, db)
	if err != nil {
		return nil, err
	}
	texts, err := readMeanings()
	if err != nil {
		return nil, err
	}
	var out []string
	complain := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	leave, stay := leaving(), staying()
	for name, found := range tables {
		_, leaves := leave[name]
		reason, stays := stay[name]
		switch {
		case leaves == stays:
			complain("table %s: name it in tables.go, either in leaving (and describe it in dictionary/*.tsv) or in staying with the reason", name)
		case stays && (reason.en == "" || reason.fr == ""):
			complain("table %s stays without a reason", name)
		case leaves:
			out = append(out, undescribed(found, texts)...)
		}
	}
	for name := range leave {
		if tables[name] == nil {
			complain("tables.go names table %s, which does not exist", name)
		}
	}
	for name := range stay {
		if tables[name] == nil {
			complain("tables.go names table %s, which does not exist", name)
		}
	}
	for name := range texts {
		table, column, ok := strings.Cut(name, ".")
		if table == "*" {
			continue
		}
		if tables[table] == nil {
			complain("dictionary/*.tsv describes table %s, which does not exist", table)
		} else if _, there := tables[table].column(column); ok && !there {
			complain("dictionary/*.tsv describes %s, which does not exist", name)
		}
	}
	return out, nil
}

func undescribed(t *table, texts map[string]meaning) []string {
	var out []string
	rule := leaving()[t.name]
	if !t.tenant {
		out = append(out, "table "+t.name+" leaves and has no tenant_id")
	}
	if _, err := describeTable(t, []string{t.name}, texts); err != nil {
		out = append(out, err.Error())
	}
	for _, columns := range []map[string]string{rule.secret, rule.switched} {
		for name := range columns {
			if _, ok := t.column(name); !ok {
				out = append(out, "tables.go names "+t.name+"."+name+", which does not exist")
			}
		}
	}
	for _, name := range rule.derived {
		if _, ok := t.column(name); !ok {
			out = append(out, "tables.go names "+t.name+"."+name+", which does not exist")
		}
	}
	for _, c := range t.columns {
		for _, word := range []string{"secret", "password", "private_key", "token_hash"} {
			if _, secret := rule.secret[c.name]; strings.Contains(c.name, word) && !secret {
				out = append(out, t.name+"."+c.name+" looks like a secret and leaves")
			}
		}
	}
	return out
}

// Describe is the dictionary of everything that leaves a database.
func Describe(ctx context.Context, db pg.DBTX) (archive.Dictionary, error) {
	tables, err := readCatalogue(ctx, db)
	if err != nil {
		return archive.Dictionary{}, err
	}
	names, _ := chosen(nil)
	return dictionary(tables, names)
}
