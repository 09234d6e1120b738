package webhooks_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestScopesOfTheOperations(t *testing.T) {
	t.Parallel()
	program := parvistest.New(t)
	r := newReceiver(t)
	e := subscribe(t, program.Client, r.URL, nil)
	delivery := path(e) + "/deliveries/" + ids.New().String()
	reads := []string{endpoints, path(e), path(e) + "/deliveries", delivery}
	writes := map[string]any{
		endpoints: map[string]any{"url": r.URL, "event_types": []string{"tag.*"}}, path(e) + "/verify": nil,
		path(e) + "/rotate-secret": map[string]any{}, path(e) + "/recover": map[string]any{"since": "2026-01-01T00:00:00Z"},
		path(e) + "/test": map[string]any{"type": "tag.happened"}, delivery + "/retry": nil,
	}
	reader, writer, stranger := program.As("webhooks:read"), program.As("webhooks:write", "contacts:read"), program.As("contacts:read")
	for _, p := range reads {
		stranger.Get(p).Problem(http.StatusForbidden, "insufficient-scope")
		writer.Get(p).Problem(http.StatusForbidden, "insufficient-scope")
		program.Anonymous().Get(p).Is(http.StatusUnauthorized)
	}
	for p, body := range writes {
		reader.Post(p, body).Problem(http.StatusForbidden, "insufficient-scope")
		stranger.Post(p, body).Problem(http.StatusForbidden, "insufficient-scope")
		program.Anonymous().Post(p, body).Is(http.StatusUnauthorized)
	}
	reader.Patch(path(e), map[string]any{"description": "x"}).Problem(http.StatusForbidden, "insufficient-scope")
	reader.Delete(path(e), parvistest.IfMatch(`"1"`)).Problem(http.StatusForbidden, "insufficient-scope")
	reader.Get(endpoints).Is(http.StatusOK)
	writer.Post(endpoints, map[string]any{"url": r.URL, "event_types": []string{"tag.*"}}).Is(http.StatusCreated)
}

// Nobody receives by webhook what they may not read.
func TestEventTypesAreLimitedByScopes(t *testing.T) {
	t.Parallel()
	program := parvistest.New(t)
	r := newReceiver(t)
	clerk := program.As("webhooks:read", "webhooks:write", "consents:read")
	body := func(types ...string) map[string]any { return map[string]any{"url": r.URL, "event_types": types} }
	p := clerk.Post(endpoints, body("consent.*", "contact.*")).Problem(http.StatusForbidden, "insufficient-scope")
	require.Equal(t, "contacts:read", p["required_scope"])
	clerk.Post(endpoints, body("*")).Problem(http.StatusForbidden, "insufficient-scope")
	for _, misspelt := range []string{"consents.*", "consent.recordedd", "consent.recorded.*"} {
		require.Equal(t, "#/event_types/1", program.Post(endpoints, body("consent.*", misspelt)).Problem(http.StatusUnprocessableEntity, "invalid")["errors"].([]any)[0].(map[string]any)["pointer"])
	}
	own := clerk.Post(endpoints, body("consent.*")).Is(http.StatusCreated).JSON()
	clerk.Patch(path(own), map[string]any{"event_types": []string{"contact.created"}}).Problem(http.StatusForbidden, "insufficient-scope")
	clerk.Patch(path(own), map[string]any{"event_types": []string{"consents.*"}}).Is(http.StatusUnprocessableEntity)
	clerk.Patch(path(own), map[string]any{"description": "still mine"}).Is(http.StatusOK)

	// Nor may they turn to themselves what another may read.
	rich := subscribe(t, program.Client, r.URL, map[string]any{"event_types": []string{"contact.*"}})
	for _, change := range []map[string]any{{"url": r.URL + "/elsewhere"}, {"payload": "full"}} {
		clerk.Patch(path(rich), change).Problem(http.StatusForbidden, "insufficient-scope")
	}
	require.Equal(t, "active", program.Get(path(rich)).JSON()["status"])
}
