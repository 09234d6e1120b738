package app_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// The walk asks of every operation of the contract what no one should have to
// remember to test. A new operation is walked without being named here.

// each runs f for every operation, in the order of their names, against one
// program.
func each(t *testing.T, f func(t *testing.T, app *parvistest.App, op api.OperationSpec)) {
	t.Helper()
	app := parvistest.New(t)
	for _, id := range slices.Sorted(maps.Keys(api.Operations)) {
		t.Run(id, func(t *testing.T) { f(t, app, api.Operations[id]) })
	}
}

// address fills an operation's path and the parameters of its query that it needs.
func address(op api.OperationSpec, more ...string) string {
	for _, q := range op.Query {
		switch {
		case !q.Required:
		case strings.HasSuffix(q.Name, "_id"):
			more = append(more, q.Name+"="+uuid.NewString())
		case strings.HasSuffix(q.Name, "_kind"):
			more = append(more, q.Name+"=contact")
		default:
			more = append(more, q.Name+"=1")
		}
	}
	if len(more) == 0 {
		return parvistest.Path(op)
	}
	return parvistest.Path(op) + "?" + strings.Join(more, "&")
}

// request sends an operation as the contract's example shows it.
func request(c *parvistest.Client, op api.OperationSpec, change func(body map[string]any), options ...parvistest.RequestOption) *parvistest.Answer {
	path := address(op)
	var payload any
	if body, media, ok := parvistest.ExampleBody(op); ok {
		if change != nil {
			change(body)
		}
		payload = body
		options = append([]parvistest.RequestOption{parvistest.Header("Content-Type", media)}, options...)
	}
	options = append([]parvistest.RequestOption{parvistest.IfMatch(`"1"`)}, options...)
	return c.Do(op.Method, path, payload, options...)
}

func TestWalkWithoutCredential(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, app *parvistest.App, op api.OperationSpec) {
		if op.Public {
			t.Skip("public")
		}
		a := request(app.Anonymous(), op, nil)
		a.Problem(http.StatusUnauthorized, "unauthenticated")
		require.Contains(t, a.Header.Get("WWW-Authenticate"), "Bearer")
		bad := request(app.Anonymous(), op, nil, parvistest.Header("Authorization", "Bearer pv_live_sk_000000000000_00000000000000000000000000000000000000"))
		bad.Problem(http.StatusUnauthorized, "unauthenticated")
		require.Contains(t, bad.Header.Get("WWW-Authenticate"), "invalid_token")
	})
}

func TestWalkWithWrongScope(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	keys := map[string]*parvistest.Client{}
	for _, id := range slices.Sorted(maps.Keys(api.Operations)) {
		op := api.Operations[id]
		if op.Public || op.Scope == "" || op.Scope == "me:read" { // which every credential has
			continue
		}
		other := "events:read"
		if op.Scope == other {
			other = "operations:read"
		}
		if keys[other] == nil {
			keys[other] = app.As(other)
		}
		t.Run(id, func(t *testing.T) {
			a := request(keys[other], op, nil)
			p := a.Problem(http.StatusForbidden, "insufficient-scope")
			require.Equal(t, op.Scope, p["required_scope"])
			require.Contains(t, a.Header.Get("WWW-Authenticate"), op.Scope)
		})
	}
}

func TestWalkUnknownParameter(t *testing.T) {
	t.Parallel()
	each(t, func(_ *testing.T, app *parvistest.App, op api.OperationSpec) {
		path := parvistest.Path(op) + "?no_such_parameter=1"
		app.Do(op.Method, path, nil).Problem(http.StatusBadRequest, "unknown-parameter")
	})
}

func TestWalkUnknownProperty(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, app *parvistest.App, op api.OperationSpec) {
		if _, _, ok := parvistest.ExampleBody(op); !ok {
			t.Skip("no JSON body")
		}
		a := request(app.Client, op, func(body map[string]any) { body["no_such_property"] = 1 })
		a.Problem(http.StatusBadRequest, "invalid-request")
		a.Points("#/no_such_property")
	})
}

func TestWalkMediaType(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, app *parvistest.App, op api.OperationSpec) {
		if len(op.Bodies) == 0 {
			t.Skip("no body")
		}
		a := app.Do(op.Method, parvistest.Path(op), "{}", parvistest.Header("Content-Type", "text/x-unheard-of"), parvistest.IfMatch(`"1"`))
		a.Problem(http.StatusUnsupportedMediaType, "unsupported-media-type")
		name := "Accept-Post"
		if op.Method == http.MethodPatch {
			name = "Accept-Patch"
		}
		require.NotEmpty(t, a.Header.Get(name))
	})
}

func TestWalkMalformedBodies(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100)
	each(t, func(t *testing.T, app *parvistest.App, op api.OperationSpec) {
		_, media, ok := parvistest.ExampleBody(op)
		if !ok {
			t.Skip("no JSON body")
		}
		for name, raw := range map[string]string{
			"truncated": `{"a": `, "two documents": `{} {}`, "not an object": `[]`, "null": `null`, "empty": ``, "deep": deep,
			"invalid UTF-8": "{\"a\": \"\xff\"}", "null character": `{"a": "\u0000"}`, "text": `hello`,
		} {
			a := app.Do(op.Method, parvistest.Path(op), raw, parvistest.Header("Content-Type", media), parvistest.IfMatch(`"1"`))
			require.Equal(t, http.StatusBadRequest, a.Status, "%s: %s", name, a.Body)
			require.Contains(t, []string{"application/problem+json", "application/scim+json"}, a.Header.Get("Content-Type"), name)
		}
	})
}

func TestWalkIdempotencyKeyRequired(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, app *parvistest.App, op api.OperationSpec) {
		if op.Idempotency != "required" || op.Public {
			t.Skip("not required")
		}
		request(app.Client, op, nil, parvistest.Header("Idempotency-Key", "")).Problem(http.StatusBadRequest, "idempotency-key-required")
		request(app.Client, op, nil, parvistest.Header("Idempotency-Key", "with space")).Problem(http.StatusBadRequest, "idempotency-key-invalid")
	})
}

// Whatever the first answer was, business success or business refusal, the
// second is the same bytes; another body under the same key is refused.
func TestWalkReplay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, app *parvistest.App, op api.OperationSpec) {
		if op.Idempotency == "none" || op.Idempotency == "" || op.Public {
			t.Skip("no key")
		}
		key := parvistest.Header("Idempotency-Key", `"`+ids.New().String()+`"`)
		path := parvistest.Path(op)
		var payload any
		options := []parvistest.RequestOption{parvistest.IfMatch(`"1"`), key}
		body, media, ok := parvistest.ExampleBody(op)
		if ok {
			payload = body
			options = append(options, parvistest.Header("Content-Type", media))
		} else if len(op.Bodies) > 0 {
			t.Skip("no JSON body")
		}
		first := app.Do(op.Method, path, payload, options...)
		if first.Status >= 400 && !slices.Contains([]int{404, 409, 410, 412, 422}, first.Status) {
			t.Skipf("answers %d to its example here, which is not kept", first.Status)
		}
		second := app.Do(op.Method, path, payload, options...)
		require.Equal(t, first.Status, second.Status)
		require.Equal(t, string(first.Body), string(second.Body))
		require.Equal(t, "true", second.Header.Get("Idempotency-Replayed"))
		for _, name := range []string{"Location", "ETag", "Content-Type"} {
			require.Equal(t, first.Header.Get(name), second.Header.Get(name), name)
		}
		app.Do(op.Method, path+"?", payload, append(options, parvistest.Header("Content-Type", media))...).Is(first.Status)
		if other := parvistest.Path(op); other != path {
			app.Do(op.Method, other, payload, options...).Problem(http.StatusUnprocessableEntity, "idempotency-mismatch")
		}
	})
}

// What is not there and what belongs to somebody else look the same.
func TestWalkNothingThere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, app *parvistest.App, op api.OperationSpec) {
		if len(op.PathParameters) == 0 || op.Method == http.MethodPut || strings.Contains(op.Path, "external_id") {
			t.Skip("names no record")
		}
		if op.Public {
			t.Skip("public")
		}
		a := request(app.Client, op, nil)
		if _, _, ok := parvistest.ExampleBody(op); !ok && len(op.Bodies) > 0 { // a file
			a = app.Do(op.Method, address(op), "{}", parvistest.Header("Content-Type", slices.Sorted(maps.Keys(op.Bodies))[0]))
		}
		require.Contains(t, []int{http.StatusNotFound}, a.Status, "%s %s: %s", op.Method, op.Path, a.Body)
	})
}

func TestWalkPathParameters(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, app *parvistest.App, op api.OperationSpec) {
		if op.Public {
			t.Skip("public")
		}
		for _, p := range op.PathParameters {
			if !strings.HasSuffix(p.Name, "_id") || p.Name == "external_id" {
				continue
			}
			path := strings.ReplaceAll(op.Path, "{"+p.Name+"}", "not-an-identifier")
			for _, other := range op.PathParameters {
				path = strings.ReplaceAll(path, "{"+other.Name+"}", ids.New().String())
			}
			a := app.Do(op.Method, path, nil)
			a.Problem(http.StatusBadRequest, "invalid-request")
			a.Points(p.Name)
		}
	})
}

func TestWalkRepresentation(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, app *parvistest.App, op api.OperationSpec) {
		if len(op.Produces) == 0 {
			t.Skip("no body")
		}
		request(app.Client, op, nil, parvistest.Header("Accept", "application/x-unheard-of")).Problem(http.StatusNotAcceptable, "not-acceptable")
	})
}

func TestWalkMethods(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	methods := map[string]map[string]bool{}
	for _, op := range api.Operations {
		if methods[op.Path] == nil {
			methods[op.Path] = map[string]bool{}
		}
		methods[op.Path][op.Method] = true
	}
	for _, id := range slices.Sorted(maps.Keys(api.Operations)) {
		op := api.Operations[id]
		for _, method := range []string{http.MethodTrace, http.MethodPut, http.MethodDelete} {
			if methods[op.Path][method] || covered(op.Path, method) {
				continue
			}
			a := app.Do(method, parvistest.Path(op), nil)
			a.Problem(http.StatusMethodNotAllowed, "method-not-allowed")
			require.Contains(t, a.Header.Get("Allow"), op.Method, op.Path)
			break
		}
	}
}

// A HEAD says of every address that can be read what GET says, but for the body.
func TestWalkHead(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	for _, id := range slices.Sorted(maps.Keys(api.Operations)) {
		op := api.Operations[id]
		if op.Method != http.MethodGet {
			continue
		}
		path := parvistest.Path(op)
		head := app.Do(http.MethodHead, path, nil)
		require.Empty(t, head.Body, id)
		if id == "streamEvents" || id == "downloadExport" || id == "finishSignIn" {
			require.Equal(t, http.StatusMethodNotAllowed, head.Status, id)
			continue
		}
		get := app.Do(http.MethodGet, path, nil)
		require.Equal(t, get.Status, head.Status, id)
		for _, name := range []string{"Content-Type", "Cache-Control", "RateLimit-Policy"} {
			require.Equal(t, get.Header.Get(name), head.Header.Get(name), "%s: %s", id, name)
		}
	}
	require.Contains(t, app.Do(http.MethodPut, "/v1/contacts", nil).Header.Get("Allow"), "HEAD")
}

// covered: another template of the contract takes the same address.
func covered(path, method string) bool {
	op, ok := parvistest.OperationOf(method, path)
	return ok && op.Method == method
}

// Every list answers an empty institution with [], never null.
func TestWalkEmptyLists(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	live := app.OtherTenant()
	sandbox := app.Sandbox()
	for _, id := range slices.Sorted(maps.Keys(api.Operations)) {
		op := api.Operations[id]
		if op.Method != http.MethodGet || op.Public || len(op.PathParameters) > 0 ||
			!slices.ContainsFunc(op.Query, func(q api.QueryParameter) bool { return q.Name == "cursor" }) {
			continue
		}
		other := live
		if strings.HasPrefix(op.Path, "/v1/test/") {
			other = sandbox
		}
		t.Run(id, func(t *testing.T) {
			a := request(other, op, nil).Is(http.StatusOK)
			require.IsType(t, []any{}, a.JSON()["data"], "%s", a.Body)
			request(other, op, nil, parvistest.Header("Accept", "application/x-ndjson")).Is(http.StatusOK)
			csv := request(other, op, nil, parvistest.Header("Accept", "text/csv")).Is(http.StatusOK)
			require.Contains(t, csv.Header.Get("Content-Type"), "text/csv")
			other.Get(address(op, "cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAA")).Problem(http.StatusBadRequest, "cursor-invalid")
			other.Get(address(op, "limit=0")).Problem(http.StatusBadRequest, "invalid-request")
			other.Get(address(op, "limit=100000")).Problem(http.StatusBadRequest, "invalid-request")
		})
	}
}
