package privacy_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/forms/proofofwork"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

const origin = "https://www.theatre.example.org"

// publish makes a form, whose submissions are applied at once or wait to be
// confirmed by the link in a mail.
func publish(t *testing.T, app *parvistest.App, slug string, confirmed bool) string {
	t.Helper()
	text := func(longest int) m { return m{"type": "string", "maxLength": longest} }
	f := app.Post("/v1/forms", m{"slug": slug, "name": "Contact", "definition": m{
		"default_language": "fr", "title": m{"fr": "Écrivez-nous"},
		"schema": m{"type": "object", "required": []string{"email"}, "properties": m{"email": m{"type": "string", "format": "email", "maxLength": 254},
			"given_name": text(60), "family_name": text(60), "message": text(400)}},
		"fields": []m{{"name": "email", "label": m{"fr": "Adresse"}}, {"name": "given_name", "label": m{"fr": "Prénom"}},
			{"name": "family_name", "label": m{"fr": "Nom"}}, {"name": "message", "label": m{"fr": "Message"}}},
		"contact":         m{"email": "email", "given_name": "given_name", "family_name": "family_name"},
		"allowed_origins": []string{origin}, "double_opt_in": confirmed,
	}}).Is(http.StatusCreated)
	app.Post("/v1/forms/"+f.ID()+"/publish", nil, parvistest.IfMatch(f.ETag())).Is(http.StatusOK)
	return f.ID()
}

// submit sends data as a visitor's page does.
func submit(t *testing.T, app *parvistest.App, form string, data m) {
	t.Helper()
	at := "/v1/public/forms/" + form
	visitor := []parvistest.RequestOption{parvistest.Header("Origin", origin), parvistest.Header("Idempotency-Key", "")}
	token := app.Anonymous().Get(at, visitor...).Is(http.StatusOK).JSON()["issue_token"]
	var c proofofwork.Challenge
	app.Anonymous().Get(at+"/challenge", visitor...).Is(http.StatusOK).Into(&c)
	s, err := proofofwork.Solve(t.Context(), c)
	require.NoError(t, err)
	work, err := proofofwork.Payload(c, s)
	require.NoError(t, err)
	app.Anonymous().Post(at+"/submissions", m{"data": data, "issue_token": token, "work": work, "language": "fr"}, visitor...).Is(http.StatusAccepted)
}

// submissions are what came by a form.
func submissions(app *parvistest.App, form string) []m {
	return append([]m(nil), app.Get("/v1/forms/"+form+"/submissions").Is(http.StatusOK).Data()...)
}
