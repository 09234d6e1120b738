package forms_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func numbered(fields map[string]map[string]any) func(d map[string]any) {
	return func(d map[string]any) { asking(d, fields) }
}

func TestBoundsStayAsTheyWereSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, numbered(map[string]map[string]any{
		"seats": {"type": "integer", "maximum": 16777217},
		"day":   {"type": "integer", "minimum": 20261126, "maximum": 20261127},
		"share": {"type": "number", "minimum": 0.1, "maximum": json.Number("0.7")},
		"huge":  {"type": "number", "maximum": json.Number("1e300")},
		"safe":  {"type": "integer", "maximum": 9007199254740992},
	}))
	for _, body := range []string{string(w.Get("/v1/forms/" + w.form).Body), string(w.Get("/v1/forms/" + w.form + "/versions/1").Body), string(w.Anonymous().Get(w.public("")).Body)} {
		for _, kept := range []string{`16777217`, `20261126`, `20261127`, `0.1`, `0.7`, `9007199254740992`} {
			require.Contains(t, body, kept)
		}
	}
	for _, good := range []map[string]any{
		{"seats": 16777217}, {"day": 20261126}, {"day": 20261127}, {"share": 0.1}, {"share": 0.7}, {"huge": json.Number("1e300")}, {"safe": 9007199254740992},
	} {
		good["email"] = "camille@example.org"
		w.send(w.visit(t, good)).Is(http.StatusAccepted)
	}
	for name, bad := range map[string]string{"seats": "16777218", "day": "20261128", "share": "0.70000000000000001", "huge": "1.0000000000000000001e300", "safe": "9007199254740993"} {
		a := w.send(w.visit(t, map[string]any{"email": "camille@example.org", name: json.Number(bad)}), parvistest.Header("Accept-Language", "en"))
		a.Problem(http.StatusBadRequest, "invalid-request")
		a.Points("#/data/" + name)
		require.Contains(t, string(a.Body), map[string]string{
			"seats": "The greatest value is 16777217.", "day": "The greatest value is 20261127.", "share": "The greatest value is 0.7.",
			"huge": "The greatest value is 1e+300.", "safe": "The greatest value is 9007199254740992.",
		}[name])
	}
}

func TestBoundsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for place, c := range map[string]struct {
		schema map[string]any
		code   string
	}{
		"/maximum":                    {map[string]any{"type": "integer", "maximum": json.Number("9007199254740993")}, "not-a-double"},
		"/minimum":                    {map[string]any{"type": "number", "minimum": json.Number("-1e400")}, "not-a-double"},
		"/minimum?underflow":          {map[string]any{"type": "number", "minimum": json.Number("1e-400")}, "not-a-double"},
		"/maximum?digits":             {map[string]any{"type": "number", "maximum": json.Number("0.12345678901234567890")}, "not-a-double"},
		"/maximum?exponent":           {map[string]any{"type": "number", "maximum": json.Number("1e99999999999999999999")}, "not-a-double"},
		"/minimum?crossed":            {map[string]any{"type": "integer", "minimum": 5, "maximum": 1}, "bounds-exclude-all"},
		"/minimum?crossed fractions":  {map[string]any{"type": "number", "minimum": 0.2, "maximum": 0.1}, "bounds-exclude-all"},
		"/minimum?no integer between": {map[string]any{"type": "integer", "minimum": 1.2, "maximum": 1.8}, "bounds-exclude-all"},
		"/minimum?beyond integers":    {map[string]any{"type": "integer", "minimum": json.Number("1e300")}, "bounds-exclude-all"},
		"/minLength":                  {map[string]any{"type": "string", "minLength": 10, "maxLength": 1}, "bounds-exclude-all"},
	} {
		d := w.definition(t, numbered(map[string]map[string]any{"extra": c.schema}))
		a := w.Post("/v1/forms", map[string]any{"slug": "bad", "name": "x", "definition": d})
		a.Problem(http.StatusUnprocessableEntity, "invalid")
		at, _, _ := strings.Cut(place, "?")
		a.Points("#/definition/schema/properties/extra" + at)
		require.Contains(t, string(a.Body), `"`+c.code+`"`, place)
	}
	d := w.definition(t, numbered(map[string]map[string]any{
		"one": {"type": "integer", "minimum": 5, "maximum": 5}, "two": {"type": "string", "minLength": 4, "maxLength": 4},
	}))
	w.Post("/v1/forms", map[string]any{"slug": "good", "name": "x", "definition": d}).Is(http.StatusCreated)
}

func TestNumbersAreKeptToTheLastDigit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, numbered(map[string]map[string]any{"whole": {"type": "integer"}, "part": {"type": "number"}}))
	data := map[string]any{"email": "camille@example.org", "whole": json.Number("9007199254740993"), "part": json.Number("0.123456789012345678901")}
	w.send(w.visit(t, data)).Is(http.StatusAccepted)
	body := string(w.Get("/v1/forms/" + w.form + "/submissions").Is(http.StatusOK).Body)
	require.Contains(t, body, `"whole":9007199254740993`)
	require.Contains(t, body, `"part":0.123456789012345678901`)
	w.post(url.Values{"email": {"camille@example.org"}, "whole": {"9007199254740995"}}).Is(http.StatusAccepted)
	require.Contains(t, string(w.Get("/v1/forms/"+w.form+"/submissions").Is(http.StatusOK).Body), `"whole":9007199254740995`)

	for bad, code := range map[string]string{"9223372036854775808": "too-big", "-9223372036854775809": "too-small", "1.5": "type", "1e999": "too-big"} {
		a := w.send(w.visit(t, map[string]any{"email": "camille@example.org", "whole": json.Number(bad)}))
		a.Problem(http.StatusBadRequest, "invalid-request")
		a.Points("#/data/whole")
		require.Contains(t, string(a.Body), `"`+code+`"`, bad)
	}
	a := w.send(w.visit(t, map[string]any{"email": "camille@example.org", "part": json.Number("-1e400")}))
	a.Problem(http.StatusBadRequest, "invalid-request")
	a.Points("#/data/part")
}
