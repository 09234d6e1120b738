package transfers

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/parvis-crm/parvis/internal/transfers/archive"
)

// The meanings of tables and columns, one line each, separated by tabs:
//
//	table            French   English
//	table.column     French   English
//	*.column         French   English   (where a table says nothing of its own)
//
//go:embed dictionary/*.tsv
var meanings embed.FS

//go:embed archive_readme.md
var readme []byte

type meaning struct{ fr, en string }

func readMeanings() (map[string]meaning, error) {
	files, err := meanings.ReadDir("dictionary")
	if err != nil {
		return nil, err
	}
	out := map[string]meaning{}
	for _, f := range files {
		raw, err := meanings.ReadFile("dictionary/" + f.Name())
		if err != nil {
			return nil, err
		}
		for i, line := range strings.Split(string(raw), "\n") {
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			parts := strings.Split(line, "\t")
			if len(parts) != 3 || parts[1] == "" || parts[2] == "" {
				return nil, fmt.Errorf("transfers: dictionary/%s, line %d: three texts separated by tabs are expected", f.Name(), i+1)
			}
			if _, twice := out[parts[0]]; twice {
				return nil, fmt.Errorf("transfers: dictionary/%s, line %d: %s is described twice", f.Name(), i+1, parts[0])
			}
			out[parts[0]] = meaning{parts[1], parts[2]}
		}
	}
	return out, nil
}

// dictionary describes tables from the catalogue and the meanings, in an order
// in which they can be loaded. What nobody has described is an error.
func dictionary(tables map[string]*table, names []string) (archive.Dictionary, error) {
	texts, err := readMeanings()
	if err != nil {
		return archive.Dictionary{}, err
	}
	for _, name := range names {
		if tables[name] == nil {
			return archive.Dictionary{}, fmt.Errorf("transfers: table %s does not exist in this database", name)
		}
	}
	ordered, err := loadOrder(tables, names)
	if err != nil {
		return archive.Dictionary{}, err
	}
	d := archive.Dictionary{Tables: []archive.Table{}}
	for _, name := range ordered {
		t, err := describeTable(tables[name], names, texts)
		if err != nil {
			return archive.Dictionary{}, err
		}
		d.Tables = append(d.Tables, t)
	}
	return d, nil
}

func describeTable(source *table, names []string, texts map[string]meaning) (archive.Table, error) {
	r := leaving()[source.name]
	text, ok := texts[source.name]
	if !ok {
		return archive.Table{}, fmt.Errorf("transfers: table %s has no description in dictionary/*.tsv", source.name)
	}
	t := archive.Table{Name: source.name, FR: text.fr, EN: text.en, PrimaryKey: source.primaryKey, Columns: []archive.Column{}, References: []archive.Reference{}}
	if t.PrimaryKey == nil {
		t.PrimaryKey = []string{}
	}
	for _, c := range source.columns {
		if _, secret := r.secret[c.name]; secret || c.name == "tenant_id" || c.generated || slices.Contains(r.derived, c.name) {
			continue
		}
		if text, ok = texts[source.name+"."+c.name]; !ok {
			if text, ok = texts["*."+c.name]; !ok {
				return t, fmt.Errorf("transfers: column %s.%s has no description in dictionary/*.tsv", source.name, c.name)
			}
		}
		column := archive.Column{Name: c.name, Kind: c.kind, Type: c.dbType, Nullable: !c.notNull, FR: text.fr, EN: text.en}
		describe(&column, source.checks)
		t.Columns = append(t.Columns, column)
	}
	for _, reference := range source.references {
		if slices.Contains(names, reference.To) {
			t.References = append(t.References, reference)
		}
	}
	return t, nil
}
