package archive

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// recordSchema checks records against the JSON Schema that the archive carries
// for their table. It knows the keywords that such a schema uses, and refuses a
// schema that uses another rather than pass over it.
type recordSchema struct {
	names      []string // sorted: every member of a record, in its place
	properties []propertySchema
}

type propertySchema struct {
	types   []string
	enum    [][]byte // canonical values
	format  string
	pattern *regexp.Regexp
	base64  bool
	items   *propertySchema
	minLength, maxLength,
	minimum, maximum *int64
}

func compileSchema(raw []byte) (*recordSchema, error) {
	var doc struct {
		Type       string                     `json:"type"`
		Additional *bool                      `json:"additionalProperties"`
		Required   []string                   `json:"required"`
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	if doc.Type != "object" || doc.Additional == nil || *doc.Additional || len(doc.Required) != len(doc.Properties) {
		return nil, fmt.Errorf("is not the schema of a record: every member required, no other allowed")
	}
	s := &recordSchema{}
	for name := range doc.Properties {
		s.names = append(s.names, name)
	}
	slices.Sort(s.names)
	for _, name := range s.names {
		p, err := compileProperty(doc.Properties[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		s.properties = append(s.properties, *p)
	}
	return s, nil
}

func compileProperty(raw json.RawMessage) (*propertySchema, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, err
	}
	p := &propertySchema{}
	for keyword, value := range members {
		var err error
		switch keyword {
		case "description", "title":
		case "type":
			if err = json.Unmarshal(value, &p.types); err != nil {
				p.types = make([]string, 1)
				err = json.Unmarshal(value, &p.types[0])
			}
		case "enum":
			var allowed []json.RawMessage
			err = json.Unmarshal(value, &allowed)
			for _, a := range allowed {
				canonical, err := AppendCanonical(nil, a)
				if err != nil {
					return nil, err
				}
				p.enum = append(p.enum, canonical)
			}
		case "format":
			err = json.Unmarshal(value, &p.format)
		case "contentEncoding":
			p.base64 = true
		case "pattern":
			var text string
			if err = json.Unmarshal(value, &text); err == nil {
				p.pattern, err = regexp.Compile(text)
			}
		case "items":
			p.items, err = compileProperty(value)
		case "minLength":
			err = json.Unmarshal(value, &p.minLength)
		case "maxLength":
			err = json.Unmarshal(value, &p.maxLength)
		case "minimum":
			err = json.Unmarshal(value, &p.minimum)
		case "maximum":
			err = json.Unmarshal(value, &p.maximum)
		default:
			err = fmt.Errorf("keyword %q is not known", keyword)
		}
		if err != nil {
			return nil, err
		}
	}
	return p, nil
}

// check returns what is wrong with a canonical record, or "". values, filled as
// it goes, has the raw value of each member by its place.
func (s *recordSchema) check(record []byte, values [][]byte) string {
	n := 0
	wrong := ""
	err := Members(record, func(name, value []byte) error {
		if n >= len(s.names) || s.names[n] != string(name) {
			if _, known := slices.BinarySearch(s.names, string(name)); !known {
				wrong = fmt.Sprintf("member %q is not in the schema", name)
			} else {
				wrong = fmt.Sprintf("member %q is missing", s.names[n])
			}
			return ErrNotJSON
		}
		if what := s.properties[n].check(value); what != "" {
			wrong = fmt.Sprintf("%q %s", name, what)
			return ErrNotJSON
		}
		values[n] = value
		n++
		return nil
	})
	switch {
	case wrong != "":
		return wrong
	case err != nil:
		return "is not an object"
	case n < len(s.names):
		return fmt.Sprintf("member %q is missing", s.names[n])
	}
	return ""
}

func (p *propertySchema) check(value []byte) string {
	if len(p.types) > 0 {
		kind := kindOf(value)
		if !slices.Contains(p.types, kind) {
			return fmt.Sprintf("is %s where %v is expected", kind, p.types)
		}
		if kind == "null" {
			if p.enum != nil && !p.allowed(value) {
				return "is null"
			}
			return ""
		}
	}
	if p.enum != nil && !p.allowed(value) {
		return fmt.Sprintf("has the value %s, which is not allowed", value)
	}
	switch value[0] {
	case '"':
		return p.checkText(value)
	case '[':
		if p.items != nil {
			return p.checkItems(value)
		}
	case '{':
	default:
		if p.minimum != nil || p.maximum != nil {
			n, err := strconv.ParseInt(string(value), 10, 64)
			if err == nil && (p.minimum != nil && n < *p.minimum || p.maximum != nil && n > *p.maximum) {
				return fmt.Sprintf("has the value %d, which is out of range", n)
			}
		}
	}
	return ""
}

func (p *propertySchema) allowed(value []byte) bool {
	return slices.ContainsFunc(p.enum, func(a []byte) bool { return bytes.Equal(a, value) })
}

func (p *propertySchema) checkItems(value []byte) string {
	for at := 1; at < len(value)-1; {
		end := skip(value, at)
		if end < 0 {
			return "is not an array"
		}
		if what := p.items.check(value[at:end]); what != "" {
			return "has an item that " + what
		}
		if at = end; value[at] == ',' {
			at++
		}
	}
	return ""
}

func kindOf(value []byte) string {
	switch value[0] {
	case '"':
		return "string"
	case '{':
		return "object"
	case '[':
		return "array"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	if bytes.ContainsAny(value, ".eE") {
		return "number"
	}
	return "integer"
}

func (p *propertySchema) checkText(value []byte) string {
	inner := value[1 : len(value)-1]
	if bytes.IndexByte(inner, '\\') >= 0 {
		var s string
		if json.Unmarshal(value, &s) != nil {
			return "is not a string"
		}
		inner = []byte(s)
	}
	if p.minLength != nil || p.maxLength != nil {
		n := int64(utf8.RuneCount(inner))
		if p.minLength != nil && n < *p.minLength || p.maxLength != nil && n > *p.maxLength {
			return fmt.Sprintf("has %d characters, which is out of range", n)
		}
	}
	if p.pattern != nil && !p.pattern.Match(inner) {
		return "does not follow the pattern " + p.pattern.String()
	}
	if p.base64 {
		if _, err := base64.StdEncoding.AppendDecode(nil, inner); err != nil {
			return "is not base64"
		}
	}
	switch p.format {
	case "uuid":
		if !isUUID(inner) {
			return "is not a UUID"
		}
	case "date-time":
		if _, err := time.Parse(time.RFC3339Nano, string(inner)); err != nil {
			return "is not an instant (RFC 3339)"
		}
	case "date":
		if _, err := time.Parse(time.DateOnly, string(inner)); err != nil {
			return "is not a date"
		}
	}
	return ""
}

func isUUID(s []byte) bool {
	if len(s) != 36 {
		return false
	}
	for i, b := range s {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if b != '-' {
				return false
			}
		} else if (b < '0' || b > '9') && (b < 'a' || b > 'f') {
			return false
		}
	}
	return true
}
