package forms

import (
	"encoding/json"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parvis-crm/parvis/internal/fault"
)

// Validate compares what a visitor sent with the schema and lists every
// deviation. Values are those of decoded JSON, numbers as json.Number.
func (s Schema) Validate(data map[string]any) error {
	f := fault.New(fault.Malformed, "invalid-request")
	for _, name := range s.Required {
		if v, ok := data[name]; !ok || v == "" {
			f.At("#/data/"+name, "required")
		}
	}
	for name, value := range data {
		field, ok := s.Properties[name]
		if !ok {
			f.At("#/data/"+escape(name), "unknown-property")
			continue
		}
		if value == "" && !slices.Contains(s.Required, name) {
			continue // a field left empty
		}
		field.validate(f, "#/data/"+name, value)
	}
	slices.SortStableFunc(f.Violations, func(a, b fault.Violation) int { return strings.Compare(a.Pointer, b.Pointer) })
	if len(f.Violations) > 50 {
		f.Violations = f.Violations[:50]
	}
	return f.OrNil()
}

func (s FieldSchema) validate(f *fault.Error, at string, value any) {
	switch v := value.(type) {
	case string:
		if s.Type != "string" {
			f.At(at, "type", "want", s.Type)
			return
		}
		s.validateText(f, at, v)
	case bool:
		if s.Type != "boolean" {
			f.At(at, "type", "want", s.Type)
		} else if s.Const != nil && *s.Const != v {
			f.At(at, "const", "want", *s.Const)
		}
	case json.Number:
		s.validateNumber(f, at, v)
	default:
		f.At(at, "type", "want", s.Type)
	}
}

func (s FieldSchema) validateText(f *fault.Error, at, v string) {
	length, most := utf8.RuneCountInString(v), int32(maxText)
	if s.MaxLength != nil {
		most = *s.MaxLength
	}
	if length > int(most) {
		f.At(at, "too-long", "limit", most)
		return // nothing else looks at an unbounded text
	}
	if s.MinLength != nil && length < int(*s.MinLength) {
		f.At(at, "too-short", "limit", *s.MinLength)
	}
	if s.Enum != nil && !slices.Contains(s.Enum, v) {
		f.At(at, "enum", "allowed", strings.Join(s.Enum, ", "))
	}
	if s.Pattern != nil {
		// Go's expressions take linear time, whatever the pattern (RE2).
		if form, err := regexp.Compile(*s.Pattern); err != nil || !form.MatchString(v) {
			f.At(at, "pattern", "want", *s.Pattern)
		}
	}
	if s.Format != nil && *s.Format == "date" {
		if _, err := time.Parse(time.DateOnly, v); err != nil {
			f.At(at, "not-a-date")
		}
	}
}

func (s FieldSchema) validateNumber(f *fault.Error, at string, v json.Number) {
	n := decimalOf(v)
	if (s.Type != "number" && s.Type != "integer") || (s.Type == "integer" && !n.whole()) {
		f.At(at, "type", "want", s.Type)
		return
	}
	least, greatest := s.limits()
	if n.compare(decimalOf(least)) < 0 {
		f.At(at, "too-small", "limit", readable(least))
	}
	if n.compare(decimalOf(greatest)) > 0 {
		f.At(at, "too-big", "limit", readable(greatest))
	}
}

// FromFields reads the fields of a page without scripts as the types that the
// schema declares: a box that is ticked sends "on" or its value, one that is
// not sends nothing.
func (s Schema) FromFields(values url.Values) map[string]any {
	data := map[string]any{}
	for name, texts := range values {
		if slices.Contains(reservedNames, name) || len(texts) == 0 {
			continue
		}
		text := texts[0]
		switch s.Properties[name].Type {
		case "boolean":
			data[name] = text == "on" || text == "true" || text == "1"
		case "integer", "number":
			if _, err := strconv.ParseFloat(text, 64); (err == nil || errors.Is(err, strconv.ErrRange)) && json.Valid([]byte(text)) {
				data[name] = json.Number(text)
				continue
			}
			data[name] = text
		default:
			data[name] = text
		}
	}
	return data
}

func escape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}
