package web

import (
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
)

func asError[T error](err error, target *T) bool { return errors.As(err, target) }

// registerFormats makes the formats that we promise stricter than the
// library's: a UUID is in canonical form, an address has one at sign and a
// domain, a time is one that can be kept, which a leap second cannot.
func registerFormats(c *jsonschema.Compiler) {
	c.RegisterFormat(&jsonschema.Format{Name: "uuid", Validate: func(v any) error {
		s, ok := v.(string)
		if !ok {
			return nil
		}
		_, err := ids.Parse(s)
		return err
	}})
	c.RegisterFormat(&jsonschema.Format{Name: "date-time", Validate: func(v any) error {
		s, ok := v.(string)
		if !ok {
			return nil
		}
		_, err := time.Parse(time.RFC3339Nano, strings.ToUpper(s))
		return err
	}})
	c.RegisterFormat(&jsonschema.Format{Name: "email", Validate: func(v any) error {
		s, ok := v.(string)
		if !ok {
			return nil
		}
		a, err := mail.ParseAddress(s)
		if err != nil {
			return err
		}
		if a.Address != s || a.Name != "" {
			return errors.New("not a bare address")
		}
		return nil
	}})
}

// leaf is one innermost reason of a refused value.
type leaf struct {
	pointer string
	code    string
	params  map[string]any
}

func bodyFault(err error) error {
	f := fault.New(fault.Malformed, "invalid-request")
	for _, l := range leaves(err) {
		if len(f.Violations) == maxViolations {
			break
		}
		f.Violations = append(f.Violations, fault.Violation{Code: l.code, Params: l.params, Pointer: l.pointer})
	}
	slices.SortStableFunc(f.Violations, func(a, b fault.Violation) int { return strings.Compare(a.Pointer, b.Pointer) })
	return f
}

func leaves(err error) []leaf {
	var ve *jsonschema.ValidationError
	if !errors.As(err, &ve) {
		return []leaf{{pointer: "#", code: "no-match"}}
	}
	var out []leaf
	collect(ve, &out)
	return out
}

func collect(e *jsonschema.ValidationError, out *[]leaf) {
	switch e.ErrorKind.(type) {
	case *kind.OneOf, *kind.AnyOf:
		// Of several forms, report the one that was evidently meant: a branch
		// that does not already fail on the type of the value itself.
		var meant []*jsonschema.ValidationError
		for _, branch := range e.Causes {
			if !failsOnType(branch, e.InstanceLocation) {
				meant = append(meant, branch)
			}
		}
		if len(meant) == 1 {
			collect(meant[0], out)
			return
		}
		*out = append(*out, leaf{pointer: pointerOf(e.InstanceLocation), code: "no-match"})
		return
	}
	if len(e.Causes) > 0 {
		for _, cause := range e.Causes {
			collect(cause, out)
		}
		return
	}
	*out = append(*out, describe(e)...)
}

func failsOnType(e *jsonschema.ValidationError, at []string) bool {
	if _, ok := e.ErrorKind.(*kind.Type); ok && slices.Equal(e.InstanceLocation, at) {
		return true
	}
	for _, cause := range e.Causes {
		if failsOnType(cause, at) {
			return true
		}
	}
	return false
}

func describe(e *jsonschema.ValidationError) []leaf {
	at := pointerOf(e.InstanceLocation)
	one := func(code string, kv ...any) []leaf {
		params := map[string]any{}
		for i := 0; i+1 < len(kv); i += 2 {
			params[kv[i].(string)] = kv[i+1]
		}
		return []leaf{{pointer: at, code: code, params: params}}
	}
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		var out []leaf
		for _, name := range k.Missing {
			out = append(out, leaf{pointer: at + "/" + pointerEscape(name), code: "required"})
		}
		return out
	case *kind.AdditionalProperties:
		var out []leaf
		for _, name := range k.Properties {
			out = append(out, leaf{pointer: at + "/" + pointerEscape(name), code: "unknown-property"})
		}
		return out
	case *kind.Type:
		return one("type", "want", strings.Join(k.Want, " | "))
	case *kind.Enum:
		return one("enum", "allowed", joinAny(k.Want))
	case *kind.Const:
		return one("const", "want", k.Want)
	case *kind.MinLength:
		return one("too-short", "limit", k.Want)
	case *kind.MaxLength:
		return one("too-long", "limit", k.Want)
	case *kind.MinItems:
		return one("too-few", "limit", k.Want)
	case *kind.MaxItems:
		return one("too-many", "limit", k.Want)
	case *kind.MinProperties:
		return one("too-few", "limit", k.Want)
	case *kind.MaxProperties:
		return one("too-many", "limit", k.Want)
	case *kind.Minimum:
		return one("too-small", "limit", k.Want.RatString())
	case *kind.Maximum:
		return one("too-big", "limit", k.Want.RatString())
	case *kind.Format:
		return one("format", "want", k.Want)
	case *kind.Pattern:
		return one("pattern", "want", k.Want)
	case *kind.UniqueItems:
		return one("not-unique")
	case *kind.FalseSchema:
		return one("unknown-property")
	}
	return one("no-match")
}

func pointerOf(location []string) string {
	var b strings.Builder
	b.WriteByte('#')
	for _, token := range location {
		b.WriteByte('/')
		b.WriteString(pointerEscape(token))
	}
	return b.String()
}

func joinAny(values []any) string {
	texts := make([]string, 0, len(values))
	for _, v := range values {
		if v == nil {
			v = "null"
		}
		texts = append(texts, fmt.Sprint(v))
	}
	return strings.Join(texts, ", ")
}
