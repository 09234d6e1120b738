package forms_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// Each layer refuses what it is there for, and nothing of it is kept.
func TestLayersRefuse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for name, c := range map[string]struct {
		change  func(body map[string]any)
		options []parvistest.RequestOption
		status  int
		code    string
		place   string
	}{
		"another site":      {nil, []parvistest.RequestOption{parvistest.Header("Origin", "https://evil.example")}, 403, "origin-not-allowed", "Origin"},
		"a near miss":       {nil, []parvistest.RequestOption{parvistest.Header("Origin", origin+".evil.example")}, 403, "origin-not-allowed", "Origin"},
		"no site":           {nil, []parvistest.RequestOption{parvistest.Header("Origin", "")}, 403, "origin-not-allowed", "Origin"},
		"unknown field":     {func(b map[string]any) { b["data"] = map[string]any{"email": "a@example.org", "admin": true} }, nil, 400, "invalid-request", "#/data/admin"},
		"missing field":     {func(b map[string]any) { b["data"] = map[string]any{"newsletter": true} }, nil, 400, "invalid-request", "#/data/email"},
		"wrong type":        {func(b map[string]any) { b["data"] = map[string]any{"email": 5} }, nil, 400, "invalid-request", "#/data/email"},
		"nested":            {func(b map[string]any) { b["data"] = map[string]any{"email": map[string]any{}} }, nil, 400, "invalid-request", "#/data/email"},
		"not an address":    {func(b map[string]any) { b["data"] = map[string]any{"email": "camille@"} }, nil, 400, "invalid-request", "#/data/email"},
		"forged time":       {func(b map[string]any) { b["issue_token"] = "1.1.00000000000000000000000000000000" }, nil, 422, "form-expired", "#/issue_token"},
		"no work":           {func(b map[string]any) { b["work"] = "" }, nil, 422, "work-not-accepted", "#/work"},
		"invented work":     {func(b map[string]any) { b["work"] = "e30=" }, nil, 422, "work-not-accepted", "#/work"},
		"unknown parameter": {func(b map[string]any) { b["extra"] = 1 }, nil, 400, "invalid-request", "#/extra"},
	} {
		t.Run(name, func(t *testing.T) {
			body := w.visit(t, map[string]any{"email": "camille@example.org"})
			if c.change != nil {
				c.change(body)
			}
			a := w.send(body, c.options...)
			a.Problem(c.status, c.code)
			a.Points(c.place)
		})
	}
	require.Empty(t, w.submissions(t))
}

func TestTooFastAndTooLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	shown := w.Anonymous().Get(w.public("")).Is(http.StatusOK).JSON()
	body := map[string]any{"data": map[string]any{"email": "a@example.org"}, "issue_token": shown["issue_token"], "work": w.solve(t)}
	w.send(body).Problem(http.StatusUnprocessableEntity, "form-too-fast")
	w.clock.Advance(25 * time.Hour)
	w.send(body).Problem(http.StatusUnprocessableEntity, "form-expired")
}

func TestHoneypotIsThankedAndForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	trap := w.Anonymous().Get(w.public("")).JSON()["honeypot"].(string)
	good := w.send(w.visit(t, map[string]any{"email": "a@example.org", trap: ""})).Is(http.StatusAccepted)
	caught := w.send(w.visit(t, map[string]any{"email": "b@example.org", trap: "https://spam.example"})).Is(http.StatusAccepted)
	require.Equal(t, string(good.Body), string(caught.Body))
	require.Len(t, w.submissions(t), 1)
}

func TestWorkCountsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	body := w.visit(t, map[string]any{"email": "a@example.org"})
	w.send(body).Is(http.StatusAccepted)
	w.send(body).Problem(http.StatusUnprocessableEntity, "work-not-accepted")
	late := w.visit(t, map[string]any{"email": "a@example.org"})
	w.clock.Advance(11 * time.Minute)
	w.send(late).Problem(http.StatusUnprocessableEntity, "work-not-accepted")
	other := w.publish(t, "other", nil)
	elsewhere := w.visit(t, map[string]any{"email": "a@example.org"})
	w.form = other
	elsewhere["issue_token"] = w.visit(t, nil)["issue_token"]
	w.send(elsewhere).Problem(http.StatusUnprocessableEntity, "work-not-accepted")
}

func TestCrossOriginOnlyForTheFormsOwnPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	anyone := w.Anonymous()
	from := func(o string) parvistest.RequestOption { return parvistest.Header("Origin", o) }
	preflight := anyone.Do(http.MethodOptions, w.public("/submissions"), nil, from(origin)).Is(http.StatusNoContent)
	require.Equal(t, origin, preflight.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "GET, POST", preflight.Header.Get("Access-Control-Allow-Methods"))
	require.Equal(t, "7200", preflight.Header.Get("Access-Control-Max-Age"))
	read := anyone.Get(w.public(""), from(origin)).Is(http.StatusOK)
	require.Equal(t, origin, read.Header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, read.Header.Get("Access-Control-Expose-Headers"), "Request-Id")
	require.Contains(t, read.Header.Values("Vary"), "Origin")
	require.Equal(t, "public, max-age=60", read.Header.Get("Cache-Control"))
	for _, a := range []*parvistest.Answer{
		anyone.Do(http.MethodOptions, w.public("/submissions"), nil, from("https://evil.example")),
		anyone.Get(w.public(""), from("https://evil.example")),
		anyone.Get(w.public(""), from("null")),
		w.Get("/v1/forms", from(origin)),
		anyone.Get("/v1/public/confirmations/aaaaaaaaaaaaaaaaaaaaaaaa", from(origin)),
	} {
		require.Empty(t, a.Header.Get("Access-Control-Allow-Origin"))
	}
	for _, a := range []*parvistest.Answer{preflight, read} {
		require.Empty(t, a.Header.Get("Access-Control-Allow-Credentials"))
	}
}

func TestDefinitionsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for place, change := range map[string]func(d map[string]any){
		"#/definition/consents/0/purpose": func(d map[string]any) { d["consents"].([]map[string]any)[0]["purpose"] = "surprise" },
		"#/definition/consents/0/channel": func(d map[string]any) { d["consents"].([]map[string]any)[0]["channel"] = "sms" },
		"#/definition/consents/0/field":   func(d map[string]any) { d["consents"].([]map[string]any)[0]["field"] = "email" },
		"#/definition/contact/email":      func(d map[string]any) { d["schema"].(map[string]any)["required"] = []string{} },
		"#/definition/default_language":   func(d map[string]any) { d["default_language"] = "de" },
		"#/definition/fields/4/name": func(d map[string]any) {
			d["fields"] = append(d["fields"].([]map[string]any), map[string]any{"name": "ghost", "label": map[string]any{"fr": "x"}})
		},
		"#/definition/schema/properties/extra": func(d map[string]any) {
			d["schema"].(map[string]any)["properties"].(map[string]any)["extra"] = map[string]any{"type": "string"}
		},
	} {
		a := w.Post("/v1/forms", map[string]any{"slug": "bad", "name": "x", "definition": w.definition(t, change)})
		a.Problem(http.StatusUnprocessableEntity, "invalid")
		a.Points(place)
	}
}

func TestLifeOfAForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	d := w.definition(t, nil)
	draft := w.Post("/v1/forms", map[string]any{"slug": "draft", "name": "x", "definition": d}).Is(http.StatusCreated)
	path := "/v1/forms/" + draft.ID()
	require.Equal(t, draft.ID(), w.Post("/v1/forms", map[string]any{"slug": "draft", "name": "x", "definition": d}).Problem(http.StatusConflict, "already-exists")["existing_id"])
	w.Anonymous().Get("/v1/public/forms/"+draft.ID()).Problem(http.StatusNotFound, "not-found")
	w.Post(path+"/close", nil).Problem(http.StatusConflict, "form-not-published")
	w.Delete(path).Problem(http.StatusPreconditionRequired, "precondition-required")
	w.Delete(path, parvistest.IfMatch(draft.ETag())).Is(http.StatusNoContent)
	w.Get(path).Problem(http.StatusNotFound, "not-found")

	published := w.Get("/v1/forms/" + w.form)
	w.Delete("/v1/forms/"+w.form, parvistest.IfMatch(published.ETag())).Problem(http.StatusConflict, "form-was-published")
	w.Post("/v1/forms/"+w.form+"/close", nil, parvistest.IfMatch(`"1"`)).Problem(http.StatusPreconditionFailed, "stale-version")
	w.Post("/v1/forms/"+w.form+"/close", nil).Is(http.StatusOK)
	w.Anonymous().Get(w.public("")).Problem(http.StatusNotFound, "not-found")
	w.post(url.Values{"email": {"a@example.org"}}).Problem(http.StatusNotFound, "not-found")
	require.Len(t, w.Walk("/v1/forms?status=closed"), 1)
}
