package connectors_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/pretix/pretixtest"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestForeignInstitution(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	connect(app, vendor)
	vendor.Put("orders", pretixtest.Order("BAD1", now(), m{"positions": []any{pretixtest.Position(1, 1, 301, "not money", nil)}}))
	_, err := vendor.Deliver(hookAddress(app), notice(1, "pretix.event.order.paid", "BAD1"))
	require.NoError(t, err)
	parvistest.Eventually(t, "a dead letter", func() bool { return len(app.Get(base+"/dead-letters").Data()) == 1 })
	letter := base + "/dead-letters/" + app.Get(base + "/dead-letters").Data()[0]["id"].(string)
	message := "/v1/ticketing/inbound-messages/" + app.Get(base + "/inbound-messages").Data()[0]["id"].(string)

	other := app.OtherTenant()
	for _, path := range []string{base + "/connection", base + "/inbound-messages", base + "/dead-letters", message} {
		other.Get(path).Problem(http.StatusNotFound, "not-found")
	}
	other.Put(base+"/connection", connection(vendor)).Problem(http.StatusNotFound, "not-found")
	other.Post(letter+"/retry", nil).Problem(http.StatusNotFound, "not-found")
	other.Post(base+"/pulls", m{}).Problem(http.StatusNotFound, "not-found")
	other.Post(base+"/replay", nil).Problem(http.StatusNotFound, "not-found")

	// A source of the same code is another one, and has no connection.
	other.Post("/v1/ticketing/sources", m{"code": "guichet", "name": "Billetterie", "kind": "pretix"}).Is(201)
	other.Get(base+"/connection").Problem(http.StatusNotFound, "not-found")
	other.Get(message).Problem(http.StatusNotFound, "not-found")
	require.Empty(t, other.Get(base+"/inbound-messages").Is(200).Data())
	require.Empty(t, other.Get(base+"/dead-letters").Is(200).Data())
	other.Post(letter+"/retry", nil).Problem(http.StatusNotFound, "not-found")
	other.Post(letter+"/dismiss", nil).Problem(http.StatusNotFound, "not-found")
	require.Empty(t, other.Walk("/v1/ticketing/orders"))
}
