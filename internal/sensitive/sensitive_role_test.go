package sensitive_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestWhoMayReadAndWriteSensitiveFacts(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	path, _ := person(t, app.Client)
	one := path + "/" + app.Post(path, need("a")).Is(201).ID()
	everyday, reader, writer := app.As("contacts:read", "contacts:write"), app.As("contacts.sensitive:read"), app.As("contacts.sensitive:write")
	for _, address := range []string{path, one, one + "/history"} {
		everyday.Get(address, because).Problem(403, "insufficient-scope")
		writer.Get(address, because).Problem(403, "insufficient-scope")
		reader.Get(address, because).Is(200)
	}
	search := map[string]any{"scheme": "iban", "value": "FR7630006000011234567890189"}
	everyday.Post("/v1/sensitive-facts/search", search, because).Problem(403, "insufficient-scope")
	reader.Post("/v1/sensitive-facts/search", search, because).Is(200)
	everyday.Post(path, need("b")).Problem(403, "insufficient-scope")
	reader.Post(path, need("b")).Problem(403, "insufficient-scope")
	reader.Patch(one, map[string]any{"text": "b"}).Problem(403, "insufficient-scope")
	reader.Delete(one, parvistest.IfMatch(`"1"`)).Problem(403, "insufficient-scope")
	writer.Post(path, need("b")).Is(201)
	changed := writer.Patch(one, map[string]any{"source": "desk"}).Is(200)
	require.NotContains(t, string(changed.Body), `"text"`)
	writer.Delete(one, parvistest.IfMatch(changed.ETag())).Is(204)
	// Deliveries of these events take the same right.
	hook := map[string]any{"url": "https://hooks.example/in", "event_types": []string{"sensitive_fact.recorded"}}
	app.As("webhooks:write", "contacts:read").Post("/v1/webhook-endpoints", hook).Problem(403, "insufficient-scope")
}
