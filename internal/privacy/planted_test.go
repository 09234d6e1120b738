package privacy_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

type m = map[string]any

// planter puts a text that nobody would write by chance into every field of a
// body that takes one, as the contract describes it.
type planter struct {
	t    *testing.T
	spec m
	n    int
	// words are all that were planted, with where.
	words map[string]string
	// sealed are those of them that never lie open.
	sealed map[string]bool
}

func newPlanter(t *testing.T) *planter {
	t.Helper()
	p := &planter{t: t, words: map[string]string{}, sealed: map[string]bool{}}
	require.NoError(t, json.Unmarshal(api.SpecJSON, &p.spec))
	return p
}

// word is a new text; letters only, so that every normal form keeps it.
func (p *planter) word(where string) string {
	p.n++
	text := "zq"
	for n := p.n*7919 + 100_003; n > 0; n /= 26 {
		text += string(rune('a' + n%26))
	}
	text += "xw"
	p.words[text] = where
	return text
}

// number is a new mobile number.
func (p *planter) number(where string) string {
	p.n++
	digits := fmt.Sprintf("63998%04d", 1000+p.n)
	p.words[digits] = where
	return "+33" + digits
}

func (p *planter) at(s m) m {
	for {
		ref, ok := s["$ref"].(string)
		if !ok {
			return s
		}
		var node any = p.spec
		for name := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			node = node.(m)[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]
		}
		s = node.(m)
	}
}

// body is the body of an operation with a word in every field that takes a text
// and that given does not say otherwise.
func (p *planter) body(operation string, given m, except ...string) m {
	op, ok := api.Operations[operation]
	require.True(p.t, ok, operation)
	for media, pointer := range op.Bodies {
		if strings.HasSuffix(media, "json") {
			return p.fill(operation, m{"$ref": pointer}, given, except)
		}
	}
	require.Fail(p.t, "no JSON", operation)
	return nil
}

// component is a body that a component of the contract describes.
func (p *planter) component(name string, given m, except ...string) m {
	return p.fill(name, m{"$ref": "#/components/schemas/" + name}, given, except)
}

func (p *planter) fill(where string, s, given m, except []string) m {
	s = p.at(s)
	out := maps.Clone(given)
	if out == nil {
		out = m{}
	}
	for _, part := range append([]any{s}, list(s["allOf"])...) {
		properties, _ := p.at(part.(m))["properties"].(m)
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			if slices.Contains(except, name) {
				continue
			}
			at, property := where+"."+name, p.at(properties[name].(m))
			switch have := out[name].(type) {
			case nil:
				if _, said := out[name]; !said {
					if v := p.text(at, name, property); v != nil {
						out[name] = v
					}
				}
			case m:
				out[name] = p.fill(at, property, have, except)
			case []m:
				items := make([]m, len(have))
				for i, item := range have {
					items[i] = p.fill(fmt.Sprint(at, i), p.at(property["items"].(m)), item, except)
				}
				out[name] = items
			}
		}
	}
	return out
}

func list(v any) []any {
	out, _ := v.([]any)
	return out
}

// text is a value for a property that takes any text; nil for the others.
func (p *planter) text(at, name string, s m) any {
	if s["enum"] != nil || s["x-extensible-enum"] != nil || s["const"] != nil || strings.HasSuffix(name, "_id") {
		return nil
	}
	kinds := list(s["type"])
	if one, ok := s["type"].(string); ok {
		kinds = []any{one}
	}
	if !slices.Contains(kinds, any("string")) {
		return nil
	}
	switch s["format"] {
	case "email":
		return p.word(at) + "@courrier.example"
	case "uri":
		return "https://" + p.word(at) + ".example/"
	case nil:
	default:
		return nil
	}
	switch name {
	case "email":
		return p.word(at) + "@courrier.example"
	case "phone":
		return p.number(at)
	}
	if longest, ok := s["maxLength"].(float64); s["pattern"] != nil || ok && longest < 18 {
		return nil
	}
	return p.word(at)
}

// found is where words are: table.column, by word.
func (p *planter) found(app *parvistest.App) map[string][]string {
	p.t.Helper()
	conn := owner(p.t, app)
	rows, err := conn.Query(p.t.Context(), `select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where n.nspname in ('crm', 'teleservice', 'river') and c.relkind in ('r', 'p') order by 1`)
	require.NoError(p.t, err)
	var tables []string
	for rows.Next() {
		var name string
		require.NoError(p.t, rows.Scan(&name))
		tables = append(tables, name)
	}
	require.NoError(p.t, rows.Err())
	// In the clear, and as the bytes of a bytea are shown.
	var forms []string
	as := map[string]string{}
	for word := range p.words {
		hex := fmt.Sprintf("%x", word)
		forms, as[word], as[hex] = append(forms, word, hex), word, word
	}
	pattern, out := strings.Join(forms, "|"), map[string][]string{}
	for _, table := range tables {
		rows, err := conn.Query(p.t.Context(), "select to_jsonb(t) from "+table+" t where t::text ~* $1", pattern)
		require.NoError(p.t, err)
		for rows.Next() {
			var row map[string]any
			require.NoError(p.t, rows.Scan(&row))
			for column, value := range row {
				raw, err := json.Marshal(value)
				require.NoError(p.t, err)
				text := strings.ToLower(string(raw))
				for form, word := range as {
					if at := table + "." + column; strings.Contains(text, form) && !slices.Contains(out[word], at) {
						out[word] = append(out[word], at)
					}
				}
			}
		}
		require.NoError(p.t, rows.Err())
	}
	return out
}
