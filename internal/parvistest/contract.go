package parvistest

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/api"
)

// responses checks answers against the contract: a declared status, and a body
// that its schema allows.
type responses struct {
	mu       sync.Mutex
	compiler *jsonschema.Compiler
	doc      map[string]any
	compiled map[string]*jsonschema.Schema
}

var loadContract = sync.OnceValues(func() (*responses, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(api.SpecJSON))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("contract.json", doc); err != nil {
		return nil, err
	}
	return &responses{compiler: c, doc: doc.(map[string]any), compiled: map[string]*jsonschema.Schema{}}, nil
})

func contract(tb testing.TB) *responses {
	tb.Helper()
	r, err := loadContract()
	require.NoError(tb, err)
	return r
}

func (rs *responses) check(tb testing.TB, r *http.Request, a *Answer) {
	tb.Helper()
	op, ok := OperationOf(r.Method, r.URL.Path)
	if !ok {
		return
	}
	media, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if media != "application/json" && !strings.HasSuffix(media, "+json") {
		return
	}
	pointer, declared := rs.schemaOf(op, a.Status, media)
	require.True(tb, declared, "%s answers %d %s, which the contract does not declare: %s", op.ID, a.Status, media, a.Body)
	if r.URL.Query().Has("fields") {
		return // a projection has fewer members than the schema requires
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.Body))
	require.NoError(tb, err, "%s: %s", op.ID, a.Body)
	schema, err := rs.compile(pointer)
	require.NoError(tb, err)
	err = schema.Validate(value)
	if masked := a.Header.Get("Parvis-Masked"); err != nil && masked != "" && onlyMasked(err, strings.Split(masked, ", ")) {
		return // what is masked and cannot be null is absent
	}
	require.NoError(tb, err, "%s answers %d with a body that the contract does not allow: %s", op.ID, a.Status, a.Body)
}

// onlyMasked reports whether an answer only lacks members that it declares to be
// masked.
func onlyMasked(err error, masked []string) bool {
	e, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return false
	}
	if missing, ok := e.ErrorKind.(*kind.Required); ok {
		var at strings.Builder
		for _, token := range e.InstanceLocation {
			if _, err := strconv.Atoi(token); err == nil {
				token = "*"
			}
			at.WriteString("/" + token)
		}
		return !slices.ContainsFunc(missing.Missing, func(name string) bool { return !slices.Contains(masked, at.String()+"/"+name) })
	}
	switch e.ErrorKind.(type) {
	case *kind.OneOf, *kind.AnyOf: // one of the ways is enough
		return slices.ContainsFunc(e.Causes, func(c *jsonschema.ValidationError) bool { return onlyMasked(c, masked) })
	}
	return len(e.Causes) > 0 && !slices.ContainsFunc(e.Causes, func(c *jsonschema.ValidationError) bool { return !onlyMasked(c, masked) })
}

func (rs *responses) compile(pointer string) (*jsonschema.Schema, error) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if s, ok := rs.compiled[pointer]; ok {
		return s, nil
	}
	s, err := rs.compiler.Compile("contract.json" + pointer)
	rs.compiled[pointer] = s
	return s, err
}

func (rs *responses) schemaOf(op api.OperationSpec, status int, media string) (string, bool) {
	at := []string{"paths", op.Path, strings.ToLower(op.Method), "responses"}
	for _, key := range []string{strconv.Itoa(status), fmt.Sprintf("%dXX", status/100), "default"} {
		node, path := rs.walk(append(append([]string{}, at...), key, "content", media, "schema"))
		if node != nil {
			return path, true
		}
	}
	return "", false
}

// walk follows names and references; it returns the pointer of what it found.
func (rs *responses) walk(names []string) (any, string) {
	var node any = rs.doc
	var at []string
	for _, name := range names {
		m, ok := node.(map[string]any)
		if !ok {
			return nil, ""
		}
		if node, ok = m[name]; !ok {
			return nil, ""
		}
		at = append(at, name)
		if ref, ok := node.(map[string]any)["$ref"].(string); ok && name != "schema" {
			at = strings.Split(strings.TrimPrefix(ref, "#/"), "/")
			node = rs.doc
			for _, token := range at {
				node = node.(map[string]any)[token]
			}
		}
	}
	var b strings.Builder
	b.WriteByte('#')
	for _, token := range at {
		b.WriteString("/" + url.PathEscape(strings.ReplaceAll(strings.ReplaceAll(token, "~", "~0"), "/", "~1")))
	}
	return node, b.String()
}

// OperationOf finds the operation that a request is for.
func OperationOf(method, path string) (api.OperationSpec, bool) {
	var found api.OperationSpec
	best := -1
	have := strings.Split(path, "/")
	for _, op := range api.Operations {
		if op.Method != method {
			continue
		}
		want := strings.Split(op.Path, "/")
		if len(want) != len(have) {
			continue
		}
		fixed, fits := 0, true
		for i := range want {
			switch {
			case strings.HasPrefix(want[i], "{"):
			case want[i] == have[i]:
				fixed++
			default:
				fits = false
			}
		}
		if fits && fixed > best {
			best, found = fixed, op
		}
	}
	return found, best >= 0
}
