package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/parvistest/browser"
)

func TestVisitorFillsTheForm(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, parvistest.WithConfig(func(c *config.Config) { c.FormWorkCost, c.FormMinimumFill = 200, 10*time.Millisecond }))
	var handler http.Handler
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(page.Close)

	fr := func(text string) map[string]any { return map[string]any{"fr": text} }
	form := app.Post("/v1/forms", map[string]any{"slug": "newsletter", "name": "Lettre", "definition": map[string]any{
		"default_language": "fr", "title": fr("La lettre"), "double_opt_in": false, "allowed_origins": []string{page.URL},
		"schema": map[string]any{"type": "object", "required": []string{"email"}, "properties": map[string]any{
			"email": map[string]any{"type": "string", "format": "email", "maxLength": 254}, "newsletter": map[string]any{"type": "boolean"},
		}},
		"fields":  []map[string]any{{"name": "email", "label": fr("Adresse"), "autocomplete": "email"}, {"name": "newsletter", "label": fr("Lettre")}},
		"contact": map[string]any{"email": "email"},
	}}).Is(http.StatusCreated).ID()
	app.Post("/v1/forms/"+form+"/publish", nil).Is(http.StatusOK)
	var err error
	handler, err = newSite(app.URL, form)
	require.NoError(t, err)

	b := browser.New(t)
	b.Navigate(page.URL)
	b.WaitVisible("#field-email")
	b.Fill("#field-email", "camille@example.org")
	b.Click("button[type=submit]")
	b.WaitVisible("#form-received")
	require.Empty(t, b.PolicyViolations())
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		data := app.Get("/v1/forms/" + form + "/submissions").Data()
		require.Len(c, data, 1)
		require.Equal(c, "confirmed", data[0]["status"])
	}, 20*time.Second, 50*time.Millisecond)
}
