package forms_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// What no contact could hold is told while the visitor can still correct it.
func TestContactRulesAreAskedBeforeTheMail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, askingWhereToWrite)
	for _, c := range []struct{ field, value, code string }{
		{"phone", "12345", "phone"},
		{"given_name", strings.Repeat("a", 121), "too-long"},
		{"family_name", strings.Repeat("a", 121), "too-long"},
		{"street", strings.Repeat("a", 201), "too-long"},
		{"city", strings.Repeat("a", 121), "too-long"},
		{"postal_code", "6900", "pattern"},
		{"postal_code", strings.Repeat("1", 21), "too-long"},
		{"country", "Atlantis", "unknown-country"},
		{"country", "XY", "unknown-country"},
		{"country", "FRA", "unknown-country"},
		{"birthdate", "1 mai 1984", "not-a-date"},
		{"birthdate", "1750-01-01", "impossible-birthdate"},
		{"locale", "no language", "unknown-language"},
		{"street", "\u0007", "empty-address"},
	} {
		data := map[string]any{"email": "camille@example.org", c.field: c.value}
		if c.field == "country" {
			data["city"] = "Lyon"
		}
		a := w.send(w.visit(t, data), parvistest.Header("Accept-Language", "en"))
		a.Problem(http.StatusBadRequest, "invalid-request")
		a.Points("#/data/" + c.field)
		require.Contains(t, string(a.Body), `"`+c.code+`"`, c.field)
	}
	several := w.send(w.visit(t, map[string]any{"email": "camille@", "phone": "12345", "postal_code": "1"}), parvistest.Header("Accept-Language", "fr"))
	several.Problem(http.StatusBadRequest, "invalid-request")
	for _, field := range []string{"email", "phone", "postal_code"} {
		several.Points("#/data/" + field)
	}
	require.Contains(t, string(several.Body), "Ce numéro n'existe dans aucun plan de numérotation")
	page := w.post(url.Values{"email": {"camille@example.org"}, "phone": {"12345"}})
	page.Problem(http.StatusBadRequest, "invalid-request")
	page.Points("#/data/phone")
	require.Empty(t, w.submissions(t))
	require.Empty(t, w.sink.Mails())
	w.send(w.visit(t, map[string]any{
		"email": "camille@example.org", "phone": "06 39 98 12 34", "street": "2 rue B", "postal_code": "B-1000", "city": "Bruxelles", "country": "be", "birthdate": "1984-05-01", "locale": "fr",
	})).Is(http.StatusAccepted)
}

func TestReasonNamesTheField(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.send(w.visit(t, camille)).Is(http.StatusAccepted)
	link := w.links(t, "camille@example.org", 1)[0]
	for _, p := range w.Get("/v1/purposes").Is(http.StatusOK).Data() {
		if p["code"] == "newsletter" {
			w.Patch("/v1/purposes/"+p["id"].(string), map[string]any{"archived": true}).Is(http.StatusOK)
		}
	}
	w.Anonymous().Post(link, nil).Problem(http.StatusUnprocessableEntity, "submission-rejected")
	sub := w.submissions(t)[0]
	require.Equal(t, "rejected", sub["status"])
	require.Equal(t, "purpose-archived #/data/newsletter", sub["reason"])
}
