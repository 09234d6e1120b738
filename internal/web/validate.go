package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
)

// Limits of any JSON body. An operation that takes files or bulk data sets its
// own.
const (
	MaxBody  = 2 << 20
	maxDepth = 48
)

const (
	mergePatch = "application/merge-patch+json"
	scimJSON   = "application/scim+json"
)

// plainJSON are the types of the contract for which plain JSON is taken as well:
// front-end frameworks send it on PATCH, and RFC 7644 §3.8 wants it of SCIM.
func plainJSON() []string { return []string{mergePatch, scimJSON} }

// Validator holds every schema of the contract, compiled once at start. A
// request that passes it fits the generated types; what it refuses is listed
// in full.
type Validator struct {
	operations map[string]*operationSchemas
}

type operationSchemas struct {
	spec   api.OperationSpec
	query  map[string]parameterSchema
	path   []parameterSchema
	bodies map[string]*jsonschema.Schema
	item   *jsonschema.Schema // what each item of a batch has to be
}

type parameterSchema struct {
	name     string
	kind     string // JSON type: string, integer, number, boolean, array
	itemKind string
	required bool
	explode  bool
	schema   *jsonschema.Schema
}

// newValidator compiles what operations take.
func newValidator(schemas *contractSchemas, operations map[string]api.OperationSpec) (*Validator, error) {
	v := &Validator{operations: make(map[string]*operationSchemas, len(operations))}
	for id, spec := range operations {
		o := &operationSchemas{spec: spec, query: map[string]parameterSchema{}, bodies: map[string]*jsonschema.Schema{}}
		for _, p := range spec.Query {
			ps, err := compileParameter(schemas, p.Name, p.Schema)
			if err != nil {
				return nil, fmt.Errorf("web: %s: %w", id, err)
			}
			ps.required, ps.explode = p.Required, p.Explode
			o.query[p.Name] = ps
		}
		for _, p := range spec.PathParameters {
			ps, err := compileParameter(schemas, p.Name, p.Schema)
			if err != nil {
				return nil, fmt.Errorf("web: %s: %w", id, err)
			}
			o.path = append(o.path, ps)
		}
		for media, pointer := range spec.Bodies {
			if !isJSON(media) {
				o.bodies[media] = nil
				continue
			}
			body, err := schemas.at(pointer)
			if err != nil {
				return nil, fmt.Errorf("web: %s: %w", id, err)
			}
			o.bodies[media] = body
			if spec.Batch != "" {
				if o.item, err = itemSchema(body, spec.Batch); err != nil {
					return nil, fmt.Errorf("web: %s: %w", id, err)
				}
			}
		}
		v.operations[id] = o
	}
	return v, nil
}

func compileParameter(schemas *contractSchemas, name, pointer string) (parameterSchema, error) {
	s, err := schemas.at(pointer)
	if err != nil {
		return parameterSchema{}, fmt.Errorf("parameter %s: %w", name, err)
	}
	ps := parameterSchema{name: name, schema: s, kind: schemaKind(s), explode: true}
	if ps.kind == "array" {
		if items, ok := s.Items2020, s.Items2020 != nil; ok {
			ps.itemKind = schemaKind(items)
		}
	}
	return ps, nil
}

func schemaKind(s *jsonschema.Schema) string {
	for s != nil && s.Types == nil && s.Ref != nil {
		s = s.Ref
	}
	if s == nil || s.Types == nil {
		return "string"
	}
	for _, kind := range s.Types.ToStrings() {
		if kind != "null" {
			return kind
		}
	}
	return "string"
}

func isJSON(media string) bool {
	return media == "application/json" || strings.HasSuffix(media, "+json")
}

// Check is the middleware of one operation: parameters first, then the media
// type and the body. The checked body is handed on as decoded, so that the
// generated binding sees exactly what was validated.
func (v *Validator) Check(operationID string) echo.MiddlewareFunc {
	o := v.operations[operationID]
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := o.checkParameters(c); err != nil {
				return err
			}
			if err := o.checkBody(c); err != nil {
				return err
			}
			return next(c)
		}
	}
}

func (o *operationSchemas) checkParameters(c echo.Context) error {
	if err := readableQuery(c.Request().URL.RawQuery); err != nil {
		return err
	}
	query := c.QueryParams()
	unknown := fault.New(fault.Malformed, "unknown-parameter")
	f := fault.New(fault.Malformed, "invalid-request")
	for name, values := range query {
		ps, ok := o.query[name]
		if !ok {
			unknown.AtParameter(name, "unknown-parameter-name")
			continue
		}
		if len(values) > 1 && !(ps.kind == "array" && ps.explode) {
			f.AtParameter(name, "repeated-parameter")
			continue
		}
		if ps.kind == "array" && !ps.explode {
			values = strings.Split(values[0], ",")
		}
		ps.check(values, func(code string, params map[string]any) {
			f.Violations = append(f.Violations, fault.Violation{Code: code, Params: params, Parameter: name})
		})
	}
	if unknown.OrNil() != nil {
		slices.SortFunc(unknown.Violations, func(a, b fault.Violation) int { return strings.Compare(a.Parameter, b.Parameter) })
		return unknown
	}
	for name, ps := range o.query {
		if ps.required && !query.Has(name) {
			f.AtParameter(name, "required")
		}
	}
	for _, ps := range o.path {
		ps.check([]string{c.Param(ps.name)}, func(code string, params map[string]any) {
			f.Violations = append(f.Violations, fault.Violation{Code: code, Params: params, Parameter: ps.name})
		})
	}
	slices.SortFunc(f.Violations, func(a, b fault.Violation) int { return strings.Compare(a.Parameter, b.Parameter) })
	return f.OrNil()
}

func (ps parameterSchema) check(values []string, report func(code string, params map[string]any)) {
	for _, text := range values {
		if code := textFlaw(text); code != "" {
			report(code, nil)
			return
		}
	}
	var value any
	if ps.kind == "array" {
		items := make([]any, 0, len(values))
		for _, text := range values {
			items = append(items, typed(text, ps.itemKind))
		}
		value = items
	} else {
		value = typed(values[0], ps.kind)
	}
	err := ps.schema.Validate(value)
	if err == nil {
		return
	}
	for _, leaf := range leaves(err) {
		report(leaf.code, leaf.params)
		return
	}
}

// typed reads a parameter's text as the JSON type its schema declares, or
// leaves it as text, which the schema then refuses.
func typed(text, kind string) any {
	switch kind {
	case "integer", "number":
		n := json.Number(text)
		if kind == "integer" {
			if _, err := n.Int64(); err == nil {
				return n
			}
		} else if _, err := n.Float64(); err == nil && json.Valid([]byte(text)) {
			return n
		}
	case "boolean":
		switch text {
		case "true":
			return true
		case "false":
			return false
		}
	}
	return text
}

// checkedBody is a body that was read, decoded and validated. The generated
// binding takes the decoded value (runtime.BindJSONValue), exact in the case of
// member names, and falls back to the bytes.
type checkedBody struct {
	*bytes.Reader
	raw   []byte
	value any
}

func (checkedBody) Close() error { return nil }

// ValidatedValue is what the generated code looks for.
func (b checkedBody) ValidatedValue() any { return b.value }

// Raw is the body as received, for fingerprints and signatures.
func (b checkedBody) Raw() []byte { return b.raw }

func (o *operationSchemas) checkBody(c echo.Context) error {
	r := c.Request()
	if len(o.bodies) == 0 {
		return nil
	}
	media, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType))
	if err != nil && r.Header.Get(echo.HeaderContentType) != "" {
		media = r.Header.Get(echo.HeaderContentType)
	}
	empty := r.ContentLength == 0 && r.Header.Get(echo.HeaderContentType) == ""
	if empty && !o.spec.RequestBodyRequired {
		return nil
	}
	if media == "application/json" {
		for _, declared := range plainJSON() {
			if _, ok := o.bodies[declared]; ok {
				media = declared
				r.Header.Set(echo.HeaderContentType, declared)
			}
		}
	}
	schema, ok := o.bodies[media]
	if !ok {
		if empty {
			return fault.New(fault.Malformed, "body-required").At("#", "required")
		}
		return o.unsupported(media)
	}
	if err := refuseCoding(r); err != nil {
		return err
	}
	if schema == nil {
		takeTime(r)
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), mediaKey{}, media)))
		return nil // not JSON: the operation reads and checks it
	}
	if r.ContentLength > MaxBody && !strings.HasPrefix(r.URL.Path, PublicPrefix) { // strangers have a bound of their own
		return fault.New(fault.TooLarge, "too-large").With("limit", MaxBody)
	}
	raw, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, MaxBody))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if asError(err, &tooLarge) {
			return fault.New(fault.TooLarge, "too-large").With("limit", tooLarge.Limit)
		}
		return fault.New(fault.Malformed, "malformed-json").With("offset", len(raw)).Because(err)
	}
	if o.item != nil {
		value, refused, err := o.judgeBatch(raw, schema)
		if err != nil {
			return err
		}
		r.Body = checkedBody{Reader: bytes.NewReader(raw), raw: raw, value: value}
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), refusedKey{}, refused)))
		return nil
	}
	value, err := DecodeJSON(raw)
	if err != nil {
		return err
	}
	if err := schema.Validate(value); err != nil {
		return bodyFault(err)
	}
	r.Body = checkedBody{Reader: bytes.NewReader(raw), raw: raw, value: value}
	return nil
}

type mediaKey struct{}

// MediaType is what kind of file came, for operations that take several.
func MediaType(ctx context.Context) string {
	media, _ := ctx.Value(mediaKey{}).(string)
	return media
}

func (o *operationSchemas) unsupported(media string) error {
	accepted := make([]string, 0, len(o.bodies))
	for m := range o.bodies {
		accepted = append(accepted, m)
	}
	slices.Sort(accepted)
	name := "Accept-Post"
	if o.spec.Method == http.MethodPatch {
		name = "Accept-Patch"
	}
	return fault.New(fault.UnsupportedMedia, "unsupported-media-type").With("type", media).Header(name, strings.Join(accepted, ", "))
}

// DecodeJSON decodes one complete JSON document in valid UTF-8, no deeper than
// we accept, without a member that is there twice and free of the null
// character, which PostgreSQL cannot keep, and of halves of surrogate pairs,
// which nothing can. Numbers stay as written (json.Number).
func DecodeJSON(raw []byte) (any, error) {
	value, flaw, err := decode(raw)
	if err != nil {
		return nil, err
	}
	f := fault.New(fault.Malformed, "invalid-request")
	flaws(value, "#", flaw, f)
	if err := f.OrNil(); err != nil {
		return nil, err
	}
	return value, nil
}

// decode reads a document of which only its texts are still to be judged, by
// what it returns for that.
func decode(raw []byte) (any, func(string) string, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, nil, fault.New(fault.Malformed, "body-required").At("#", "required")
	}
	if !utf8.Valid(raw) {
		return nil, nil, fault.New(fault.Malformed, "invalid-request").At("#", "invalid-utf8")
	}
	deepest, named, decimals := shape(raw)
	if deepest > maxDepth {
		return nil, nil, fault.New(fault.Malformed, "invalid-request").At("#", "too-deep", "limit", maxDepth)
	}
	marked, flaw := markSurrogates(raw)
	d := json.NewDecoder(bytes.NewReader(marked))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, nil, fault.New(fault.Malformed, "malformed-json").With("offset", whereUnreadable(err, raw)).Because(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, nil, fault.New(fault.Malformed, "malformed-json").With("offset", d.InputOffset())
	}
	// Decoding keeps one of the members that have one name.
	if members(value) != named {
		return nil, nil, repeatedMember(raw)
	}
	if decimals {
		value = wholeNumbers(value)
	}
	return value, flaw, nil
}

// shape is the greatest nesting of brackets outside strings, the number of
// colons there, which is that of members where the document is JSON, and whether
// a number there may be written with a fraction or an exponent; all are found
// without recursion, before anything recursive sees the document.
func shape(raw []byte) (deepest, named int, decimals bool) {
	now := 0
	inString, escaped := false, false
	for _, b := range raw {
		switch {
		case escaped:
			escaped = false
		case inString && b == '\\':
			escaped = true
		case b == '"':
			inString = !inString
		case inString:
		case b == ':':
			named++
		case b == '.' || b == 'e' || b == 'E':
			decimals = true
		case b == '{' || b == '[':
			now++
			deepest = max(deepest, now)
		case b == '}' || b == ']':
			now--
		}
	}
	return deepest, named, decimals
}

func flaws(value any, pointer string, flaw func(string) string, f *fault.Error) {
	if len(f.Violations) >= maxViolations {
		return
	}
	switch v := value.(type) {
	case string:
		if code := flaw(v); code != "" {
			f.At(pointer, code)
		}
	case []any:
		for i, item := range v {
			flaws(item, fmt.Sprintf("%s/%d", pointer, i), flaw, f)
		}
	case map[string]any:
		for name, item := range v {
			at := pointer + "/" + pointerEscape(name)
			if code := flaw(name); code != "" {
				f.At(pointer, code)
				continue
			}
			flaws(item, at, flaw, f)
		}
	}
}

// CheckText returns the code of what makes a text impossible to keep, empty when
// nothing does, for operations that read bodies other than JSON.
func CheckText(s string) string { return textFlaw(s) }

func textFlaw(s string) string {
	if strings.IndexByte(s, 0) >= 0 {
		return "nul-character"
	}
	if !utf8.ValidString(s) {
		return "invalid-utf8"
	}
	return ""
}

func pointerEscape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}
