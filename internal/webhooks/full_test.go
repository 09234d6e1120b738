package webhooks_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// A full payload carries the record as its own operation answers it.
func TestFullPayloadCarriesTheRecord(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, quickly(3))
	r := newReceiver(t)
	subscribe(t, app.Client, r.URL, map[string]any{"payload": "full", "event_types": []string{"contact.*"}})
	contact := app.Post("/v1/contacts", map[string]any{"kind": "person", "given_name": "Zoë", "family_name": "Noël"}).Is(http.StatusCreated)
	parvistest.Eventually(t, "the event arrives", func() bool { return len(r.of("contact.created")) == 1 })
	var event struct {
		Data struct {
			Resource json.RawMessage `json:"resource"`
		} `json:"data"`
	}
	require.NoError(t, json.Unmarshal(r.of("contact.created")[0].body, &event))
	require.JSONEq(t, string(app.Get("/v1/contacts/"+contact.ID()).Is(http.StatusOK).Body), string(event.Data.Resource))
}
