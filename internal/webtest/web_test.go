package webtest_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestUnknownRoute(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	for _, path := range []string{"/", "/nothing", "/v1", "/v1/nothing", "/v1/operations/", "/../etc/passwd", "/v1/operations/%00"} {
		a := app.Get(path)
		require.Contains(t, []int{400, 404}, a.Status, path)
		require.Equal(t, "application/problem+json", a.Header.Get("Content-Type"), path)
	}
}

func TestHeadersOnEveryAnswer(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	for _, a := range []*parvistest.Answer{app.Get("/v1/operations"), app.Get("/nothing"), app.Anonymous().Get("/v1/operations")} {
		require.Equal(t, "nosniff", a.Header.Get("X-Content-Type-Options"))
		require.NotEmpty(t, a.Header.Get("Strict-Transport-Security"))
		require.NotEmpty(t, a.Header.Get("Request-Id"))
		require.NotEmpty(t, a.Header.Get("Parvis-Api-Version"))
		require.Empty(t, a.Header.Get("Access-Control-Allow-Origin"))
	}
	require.Equal(t, "private, no-store", app.Get("/v1/operations").Header.Get("Cache-Control"))
	require.Equal(t, "my-request-1", app.Get("/v1/operations", parvistest.Header("Request-Id", "my-request-1")).Header.Get("Request-Id"))
	require.NotEqual(t, "x y", app.Get("/v1/operations", parvistest.Header("Request-Id", "x y")).Header.Get("Request-Id"))
}

func TestProblemsSpeakTwoLanguages(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	fr := app.Get("/nothing", parvistest.Header("Accept-Language", "de, fr;q=0.5"))
	require.Equal(t, "fr", fr.Header.Get("Content-Language"))
	require.Equal(t, "Introuvable", fr.JSON()["title"])
	for header, want := range map[string]string{
		"fr;q=0, *": "en", "*;q=0.5, en;q=0.4": "fr", "*": "fr", "en;q=0, *": "fr", "en-US, fr-FR": "en", "fr-CA, en": "fr", "en;q=0.2, fr;q=0.3": "fr",
		"en, *;q=0.1": "en", "de": "fr", "de, en;q=0.1": "en", "fr;q=0, en;q=0": "fr", "en;q=abc": "fr", "EN;Q=0.9": "en",
	} {
		require.Equal(t, want, app.Get("/nothing", parvistest.Header("Accept-Language", header)).Header.Get("Content-Language"), header)
	}
	en := app.Get("/nothing", parvistest.Header("Accept-Language", "en-GB"))
	require.Equal(t, "Not found", en.JSON()["title"])
	require.Equal(t, fr.JSON()["code"], en.JSON()["code"])
}

func TestCrossOriginIsClosed(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	a := app.Get("/v1/operations", parvistest.Header("Origin", "https://evil.example")).Is(200)
	require.Empty(t, a.Header.Get("Access-Control-Allow-Origin"))
	pre := app.Do(http.MethodOptions, "/v1/operations", nil, parvistest.Header("Origin", "https://evil.example"), parvistest.Header("Access-Control-Request-Method", "POST"))
	require.Empty(t, pre.Header.Get("Access-Control-Allow-Origin"))
}

func TestBodyTooLarge(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	big := `{"name": "` + strings.Repeat("x", 3<<20) + `"}`
	require.Contains(t, app.Post("/v1/tags", big).Problem(http.StatusRequestEntityTooLarge, "too-large")["detail"], "2097152")
	public := app.Anonymous().Post("/v1/public/forms/"+ids.New().String()+"/submissions", `{"work": "`+strings.Repeat("x", 100_000)+`"}`)
	require.Contains(t, public.Problem(http.StatusRequestEntityTooLarge, "too-large")["detail"], "65536", "strangers are given less")
}

func TestEncodedBodyIsRefused(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	var b strings.Builder
	z := gzip.NewWriter(&b)
	_, err := io.WriteString(z, `{"name": "x"}`)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	a := app.Post("/v1/tags", b.String(), parvistest.Header("Content-Encoding", "gzip"))
	a.Problem(http.StatusUnsupportedMediaType, "unsupported-encoding")
	require.NotEmpty(t, a.Header.Get("Accept-Encoding"))
}

func TestQuota(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, parvistest.WithConfig(func(c *config.Config) { c.RateDefault = 3 }))
	client := app.As("operations:read")
	for i := range 3 {
		a := client.Get("/v1/operations").Is(200)
		require.Regexp(t, `^"default";q=3;w=60;pk=:[A-Za-z0-9+/]{8}:, "institution";q=1000000;w=60;pk=:[A-Za-z0-9+/]{8}:$`, a.Header.Get("RateLimit-Policy"))
		require.Contains(t, a.Header.Get("RateLimit"), `"default";r=`+string(rune('2'-i)))
	}
	a := client.Get("/v1/operations")
	p := a.Problem(http.StatusTooManyRequests, "quota-exceeded")
	require.Equal(t, "https://iana.org/assignments/http-problem-types#quota-exceeded", p["type"])
	require.Equal(t, []any{"default"}, p["violated-policies"])
	require.NotEmpty(t, a.Header.Get("Retry-After"))
	app.As("operations:read").Get("/v1/operations").Is(200) // another credential has its own
}

// Traps of bodies: exact member names, numbers, types.
func TestBodyTraps(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	app.Post("/v1/tags", `{"name": "a", "NAME": "b"}`).Problem(400, "invalid-request")
	app.Post("/v1/tags", `{"NAME": "b"}`).Problem(400, "invalid-request")
	app.Post("/v1/tags", `{"name": null}`).Problem(400, "invalid-request")
	app.Post("/v1/tags", `{"name": 12}`).Points("#/name")
	app.Post("/v1/tags", `{}`).Points("#/name")
	app.Post("/v1/tags", `{"name": ""}`).Points("#/name")
	tag := app.Post("/v1/tags", `{"name": "ok"}`).Is(201).ID()

	// A member that is there twice: in a merge patch, in a part, in one item of many.
	for path, body := range map[string]string{
		"/v1/tags":           `{"name": "one", "description": "x", "n\u0061me": "two"}`,
		"/v1/contacts":       `{"kind": "person", "family_name": "D", "name": "x", "name": "y"}`,
		"/v1/contacts/batch": `{"items": [{"a": {"b": 1}}, {"a": {"name": 1, "name": 1}}]}`,
	} {
		problem := app.Post(path, body).Problem(400, "malformed-json")
		at := problem["errors"].([]any)[0].(map[string]any)
		require.Equal(t, "repeated-member", at["code"])
		require.True(t, strings.HasSuffix(at["pointer"].(string), "/name"), at["pointer"])
	}
	app.Patch("/v1/tags/"+tag, `{"description": "a", "description": null}`).Problem(400, "malformed-json")
}

// What the contract lets through and the program cannot read would be a refusal
// that names nothing.
func TestEveryRefusalNamesItsPlace(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	app.Post("/v1/contacts/search", `{"limit": 1.0}`).Is(200)
	app.Post("/v1/contacts/search", `{"limit": 2e1}`).Is(200)
	app.Post("/v1/contacts/search", `{"limit": 1.5}`).Points("#/limit")
	app.Post("/v1/api-keys", `{"name": "k", "kind": "sk", "scopes": ["contacts:read"], "expires_at": "2030-12-31T23:59:60Z"}`).Points("#/expires_at")
	civility := app.Patch("/v1/contacts/"+ids.New().String(), `{"civility": "x"}`).Problem(http.StatusBadRequest, "invalid-request")["errors"].([]any)[0].(map[string]any)
	require.Contains(t, civility["detail"], "null")
}

func TestAnswersAreCompressedOnlyForWhoTakesIt(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	for accept, coding := range map[string]string{"gzip": "gzip", "br;q=1, gzip;q=0.2": "gzip", "gzip;q=0": "", "identity, GZIP ; q=0.000": "", "gzip;q=0, br": "", "identity": ""} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, app.URL+"/v1/openapi.json", nil)
		require.NoError(t, err)
		r.Header.Set("Accept-Encoding", accept)
		a, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, a.Body.Close())
		require.Equal(t, http.StatusOK, a.StatusCode, accept)
		require.Equal(t, coding, a.Header.Get("Content-Encoding"), accept)
		require.Contains(t, a.Header.Values("Vary"), "Accept-Encoding", accept)
	}
}

func TestHealthIsAskedByHead(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	for _, path := range []string{"/healthz", "/readyz"} {
		require.Empty(t, app.Do(http.MethodHead, path, nil).Is(200).Body)
		app.Get(path).Is(200)
	}
}

func TestAQueryThatCannotBeReadIsRefused(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	for query, parameter := range map[string]string{"q=%": "q", "q=%zz&limit=1": "q", "limit=1&q=a;kind=person": "q", "a;b=c": "a;b", "%=1": "%", "q=x&email=%e9%": "email"} {
		a := app.Get("/v1/contacts?" + query)
		a.Problem(http.StatusBadRequest, "invalid-request")
		first, ok := a.JSON()["errors"].([]any)[0].(map[string]any)
		require.True(t, ok)
		require.Equal(t, parameter, first["parameter"], query)
	}
	app.Get("/v1/contacts?q=100%25%3B").Is(200)
}

func TestPatchTakesPlainJSON(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	tag := app.Post("/v1/tags", map[string]any{"name": "Jeune public"}).Is(201)
	path := "/v1/tags/" + tag.ID()
	app.Patch(path, map[string]any{"description": "a"}, parvistest.Header("Content-Type", "application/json")).Is(200)
	got := app.Patch(path, map[string]any{"name": "Jeunes publics"}).Is(200)
	require.Equal(t, "a", got.JSON()["description"]) // absent keeps
	got = app.Patch(path, map[string]any{"description": nil}).Is(200)
	require.Nil(t, got.JSON()["description"]) // null clears
	a := app.Patch(path, map[string]any{"name": "x"}, parvistest.Header("Content-Type", "text/plain"))
	a.Problem(415, "unsupported-media-type")
	require.Equal(t, "application/merge-patch+json", a.Header.Get("Accept-Patch"))
}

func TestConditionalRequests(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	tag := app.Post("/v1/tags", map[string]any{"name": "Mécènes"}).Is(201)
	path := "/v1/tags/" + tag.ID()
	require.Equal(t, `"1"`, tag.ETag())
	require.Equal(t, "/v1/tags/"+tag.ID(), tag.Header.Get("Location"))
	notModified := app.Get(path, parvistest.Header("If-None-Match", `"1"`)).Is(304)
	require.Empty(t, notModified.Body)
	require.Equal(t, `"1"`, notModified.ETag())
	app.Patch(path, map[string]any{"name": "Mécènes 1"}, parvistest.IfMatch(`"1"`)).Is(200)
	stale := app.Patch(path, map[string]any{"name": "Mécènes 2"}, parvistest.IfMatch(`"1"`))
	require.EqualValues(t, 2, stale.Problem(412, "stale-version")["current_version"])
	app.Delete(path).Problem(428, "precondition-required")
	app.Delete(path, parvistest.IfMatch(`"1"`)).Problem(412, "stale-version")
	app.Patch(path, map[string]any{"name": "x"}, parvistest.IfMatch(`W/"2"`)).Problem(400, "invalid-request")
	app.Patch(path, map[string]any{"name": "x"}, parvistest.IfMatch(`"7", "2"`)).Problem(400, "invalid-request")
}

// The same key many times at once: one effect, one event, the same answer.
func TestIdempotencyUnderRace(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	const racers = 12
	answers := make([]*parvistest.Answer, racers)
	var wg sync.WaitGroup
	for i := range racers {
		wg.Go(func() {
			answers[i] = app.Post("/v1/tags", map[string]any{"name": "Abonnés"}, parvistest.Header("Idempotency-Key", "race-1"))
		})
	}
	wg.Wait()
	made := 0
	for _, a := range answers {
		switch {
		case a.Status == 201 && a.Header.Get("Idempotency-Replayed") == "":
			made++
		case a.Status == 201:
		default:
			a.Problem(http.StatusConflict, "idempotency-in-progress")
			require.Equal(t, "1", a.Header.Get("Retry-After"))
		}
	}
	require.Equal(t, 1, made)
	require.Len(t, app.Walk("/v1/tags"), 1)
	conn, err := pgx.Connect(t.Context(), app.DB.OwnerURL)
	require.NoError(t, err)
	var readable int
	require.NoError(t, conn.QueryRow(t.Context(), "select count(*) from crm.idempotency_keys where position($1::bytea in body) > 0", []byte("Abonn")).Scan(&readable))
	require.Zero(t, readable, "kept answers are sealed")
	require.NoError(t, conn.Close(t.Context()))
	app.Post("/v1/tags", map[string]any{"name": "Other"}, parvistest.Header("Idempotency-Key", "race-1")).Problem(422, "idempotency-mismatch")
	app.Post("/v1/tags", map[string]any{"name": "Abonnés"}, parvistest.Header("Idempotency-Key", `"race-1"`)).Is(201)
	// Another credential's key is another key.
	app.As("contacts:read", "contacts:write", "tags:write").Post("/v1/tags", map[string]any{"name": "Abonnés"}, parvistest.Header("Idempotency-Key", "race-1")).Problem(409, "already-exists")
}

// A refusal of business is kept; the effect of a refused request is not.
func TestIdempotentRefusal(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	app.Post("/v1/tags", map[string]any{"name": "Presse"}).Is(201)
	key := parvistest.Header("Idempotency-Key", "refusal-1")
	first := app.Post("/v1/tags", map[string]any{"name": "presse"}, key)
	first.Problem(409, "already-exists")
	second := app.Post("/v1/tags", map[string]any{"name": "presse"}, key)
	require.Equal(t, string(first.Body), string(second.Body))
	require.Equal(t, "true", second.Header.Get("Idempotency-Replayed"))
	require.Len(t, app.Walk("/v1/tags"), 1)
}

func TestFieldsAndRepresentations(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	for _, name := range []string{"a", "b", "c"} {
		app.Post("/v1/tags", map[string]any{"name": name}).Is(201)
	}
	for _, item := range app.Get("/v1/tags?fields=name").Is(200).Data() {
		require.Len(t, item, 3) // id, object, name
	}
	app.Get("/v1/tags?fields=no_such").Problem(400, "invalid-request")
	lines := app.Get("/v1/tags?limit=2", parvistest.Header("Accept", "application/x-ndjson")).Is(200)
	require.Equal(t, 2, strings.Count(string(lines.Body), "\n"))
	require.NotEmpty(t, lines.Header.Get("Parvis-Next-Cursor"))
	page := app.Get("/v1/tags?limit=2").Is(200)
	require.Contains(t, page.Header.Get("Link"), `rel="next"`)
	require.Contains(t, page.Header.Get("Link"), "</v1/tags?")
	cursor := page.JSON()["next_cursor"].(string)
	app.Get("/v1/tags?limit=2&archived=only&cursor="+cursor).Problem(400, "cursor-mismatch")
	app.Get("/v1/tags?cursor="+cursor[:len(cursor)-2]+"xx").Problem(400, "cursor-invalid")
}

func TestPreferAsync(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	soon := parvistest.Header("Prefer", "respond-async")
	require.Equal(t, "respond-async", app.Post("/v1/exports", map[string]any{}, soon).Is(202).Header.Get("Preference-Applied"))
	require.Empty(t, app.Post("/v1/tags", map[string]any{"name": "Presse"}, soon).Is(201).Header.Get("Preference-Applied"))
}

func TestPreferMinimal(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	minimal := parvistest.Header("Prefer", "return=minimal")
	key := parvistest.Header("Idempotency-Key", "minimal-1")
	a := app.Post("/v1/tags", map[string]any{"name": "Presse"}, minimal, key).Is(201)
	require.Empty(t, a.Body)
	require.Equal(t, "return=minimal", a.Header.Get("Preference-Applied"))
	path := a.Header.Get("Location")
	require.NotEmpty(t, path)
	require.Empty(t, app.Post("/v1/tags", map[string]any{"name": "Presse"}, minimal, key).Is(201).Body)
	require.Equal(t, `"2"`, app.Patch(path, map[string]any{"name": "Médias"}, minimal).Is(204).ETag())
	app.Patch(path, map[string]any{"name": nil}, minimal).Problem(400, "invalid-request")
}
