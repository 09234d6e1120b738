package archive

import (
	"fmt"
	"strings"
)

// Dictionary describes every table and column of an archive.
type Dictionary struct {
	Tables []Table `json:"tables"` // in an order in which they can be loaded
}

// Table describes one data file.
type Table struct {
	Name       string      `json:"name"`
	FR         string      `json:"fr"`
	EN         string      `json:"en"`
	PrimaryKey []string    `json:"primary_key"`
	Columns    []Column    `json:"columns"` // by name, as members stand in a record
	References []Reference `json:"references"`
}

// Column describes one member of a table's records.
type Column struct {
	Name     string   `json:"name"`
	Kind     Kind     `json:"kind"`
	Type     string   `json:"database_type"`
	Nullable bool     `json:"nullable"`
	FR       string   `json:"fr"`
	EN       string   `json:"en"`
	Allowed  []string `json:"allowed,omitempty"`
	Pattern  string   `json:"pattern,omitempty"`
	Shortest *int64   `json:"min_length,omitempty"`
	Longest  *int64   `json:"max_length,omitempty"`
	Least    *int64   `json:"minimum,omitempty"`
	Greatest *int64   `json:"maximum,omitempty"`
}

// Reference is a foreign key: the columns, when none is null, name a record of
// the table To.
type Reference struct {
	Columns []string `json:"columns"`
	To      string   `json:"to"`
	Target  []string `json:"target"`
}

// Kind is how a value is written.
type Kind string

// The kinds.
const (
	UUID      Kind = "uuid"       // RFC 9562 text, lower case
	Text      Kind = "text"       // string
	Boolean   Kind = "boolean"    //
	Integer   Kind = "integer"    // amounts of money are minor units (cents) of their currency
	Timestamp Kind = "timestamp"  // RFC 3339, UTC, microseconds
	Date      Kind = "date"       // RFC 3339 full-date
	JSON      Kind = "json"       // any JSON value
	Bytes     Kind = "bytes"      // base64 (RFC 4648 §4)
	TextList  Kind = "text_list"  // array of strings
	UUIDList  Kind = "uuid_list"  // array of UUIDs
	JSONList  Kind = "json_list"  // array of values of another type
	OtherText Kind = "other_text" // the database's own text form, as a string
)

// Find returns a table by name.
func (d Dictionary) Find(name string) (Table, bool) {
	for _, t := range d.Tables {
		if t.Name == name {
			return t, true
		}
	}
	return Table{}, false
}

// Column returns a column by name.
func (t Table) Column(name string) (Column, bool) {
	for _, c := range t.Columns {
		if c.Name == name {
			return c, true
		}
	}
	return Column{}, false
}

// JSONSchema is the JSON Schema (draft 2020-12) of the table's records.
func (t Table) JSONSchema() map[string]any {
	properties := map[string]any{}
	required := make([]string, 0, len(t.Columns))
	for _, c := range t.Columns {
		properties[c.Name] = c.schema()
		required = append(required, c.Name)
	}
	return map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "urn:parvis:archive:" + t.Name,
		"title": t.Name, "description": t.EN, "type": "object", "additionalProperties": false,
		"required": required, "properties": properties,
	}
}

func (c Column) schema() map[string]any {
	s := map[string]any{"description": c.EN}
	kind := "string"
	switch c.Kind {
	case UUID:
		s["format"] = "uuid"
	case Boolean:
		kind = "boolean"
	case Integer:
		kind = "integer"
	case Timestamp:
		s["format"] = "date-time"
	case Date:
		s["format"] = "date"
	case Bytes:
		s["contentEncoding"] = "base64"
	case TextList:
		kind, s["items"] = "array", map[string]any{"type": []string{"string", "null"}}
	case UUIDList:
		kind, s["items"] = "array", map[string]any{"type": "string", "format": "uuid"}
	case JSONList:
		kind = "array"
	case JSON:
		return s
	}
	s["type"] = kind
	if c.Nullable {
		s["type"] = []string{kind, "null"}
	}
	if len(c.Allowed) > 0 {
		allowed := make([]any, 0, len(c.Allowed)+1)
		for _, a := range c.Allowed {
			allowed = append(allowed, a)
		}
		if c.Nullable {
			allowed = append(allowed, nil)
		}
		s["enum"] = allowed
	}
	if c.Pattern != "" {
		s["pattern"] = c.Pattern
	}
	for name, limit := range map[string]*int64{"minLength": c.Shortest, "maxLength": c.Longest, "minimum": c.Least, "maximum": c.Greatest} {
		if limit != nil {
			s[name] = *limit
		}
	}
	return s
}

// Markdown renders the dictionary for people, in "fr" or "en".
func (d Dictionary) Markdown(lang string, m Manifest) []byte {
	var b strings.Builder
	french := lang == "fr"
	say := func(fr, en string) string {
		if french {
			return fr
		}
		return en
	}
	fmt.Fprintf(&b, "# %s\n\n", say("Dictionnaire des données", "Data dictionary"))
	b.WriteString(say(
		"Chaque fichier `data/*.ndjson` contient un enregistrement JSON par ligne (UTF-8), trié par clé primaire. Instants : RFC 3339, UTC, microsecondes. Montants : entiers en unités mineures (centimes) de la devise indiquée à côté. Octets : base64. L'institution ("+m.Tenant.ID+") n'est pas répétée dans les enregistrements.\n",
		"Each file `data/*.ndjson` holds one JSON record a line (UTF-8), sorted by primary key. Instants: RFC 3339, UTC, microseconds. Amounts: integers in minor units (cents) of the currency given beside them. Bytes: base64. The institution ("+m.Tenant.ID+") is not repeated in the records.\n"))
	for _, t := range d.Tables {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n%s: `%s`\n\n", t.Name, say(t.FR, t.EN), say("Clé primaire", "Primary key"), strings.Join(t.PrimaryKey, "`, `"))
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n|---|---|---|---|\n", say("Champ", "Field"), "Type", say("Vide permis", "May be null"), say("Sens", "Meaning"))
		for _, c := range t.Columns {
			meaning := []string{say(c.FR, c.EN)}
			if len(c.Allowed) > 0 {
				meaning = append(meaning, "("+strings.Join(c.Allowed, ", ")+")")
			}
			for _, r := range t.References {
				if len(r.Columns) == 1 && r.Columns[0] == c.Name {
					meaning = append(meaning, "→ `"+r.To+"."+r.Target[0]+"`")
				}
			}
			nullable := say("non", "no")
			if c.Nullable {
				nullable = say("oui", "yes")
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", c.Name, c.Kind, nullable, strings.ReplaceAll(strings.Join(meaning, " "), "|", "\\|"))
		}
		for _, r := range t.References {
			if len(r.Columns) > 1 {
				fmt.Fprintf(&b, "\n%s: (`%s`) → `%s` (`%s`)\n", say("Référence", "Reference"), strings.Join(r.Columns, "`, `"), r.To, strings.Join(r.Target, "`, `"))
			}
		}
	}
	fmt.Fprintf(&b, "\n## %s\n\n", say("Ce qui ne figure pas dans l'archive", "What is not in the archive"))
	for _, e := range m.Excluded {
		fmt.Fprintf(&b, "- `%s` : %s\n", e.Table, say(e.Raison, e.Reason))
	}
	return []byte(b.String())
}
