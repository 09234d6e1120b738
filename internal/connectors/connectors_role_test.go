package connectors_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestScopesOfTheOperations(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	connect(app, vendor)
	id := uuid.NewString()
	reader, manager, stranger := app.As("ticketing:read"), app.As("ticketing:manage"), app.As("contacts:read")
	for _, path := range []string{"/v1/ticketing/connectors", base + "/connection", base + "/inbound-messages", base + "/dead-letters"} {
		reader.Get(path).Is(http.StatusOK)
		manager.Get(path).Problem(http.StatusForbidden, "insufficient-scope")
		stranger.Get(path).Problem(http.StatusForbidden, "insufficient-scope")
		app.Anonymous().Get(path).Is(http.StatusUnauthorized)
	}
	for _, path := range []string{base + "/connection/hook-address", base + "/pulls", base + "/replay", base + "/dead-letters/" + id + "/retry", base + "/dead-letters/" + id + "/dismiss"} {
		reader.Post(path, m{}).Problem(http.StatusForbidden, "insufficient-scope")
		stranger.Post(path, m{}).Problem(http.StatusForbidden, "insufficient-scope")
	}
	reader.Put(base+"/connection", connection(vendor)).Problem(http.StatusForbidden, "insufficient-scope")
	reader.Delete(base+"/connection", parvistest.IfMatch("*")).Problem(http.StatusForbidden, "insufficient-scope")
	reader.Get("/v1/ticketing/inbound-messages/"+id).Problem(http.StatusForbidden, "insufficient-scope")
	manager.Put(base+"/connection", connection(vendor)).Is(http.StatusOK)
}

// What a vendor sends names people whom nobody has looked up yet, so only those
// who see everybody may read it.
func TestMessagesAreForThoseWhoSeeEverybody(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	connect(app, vendor)
	_, _ = vendor.Deliver(hookAddress(app), notice(1, "pretix.event.order.paid", "QK41"))
	path := "/v1/ticketing/inbound-messages/" + app.Get(base + "/inbound-messages").Data()[0]["id"].(string)
	app.Get(path).Is(http.StatusOK)
	department := app.Department("jeunesse", "")
	limited := app.Limited(parvistest.Limits{Departments: []string{department}, Scopes: []string{"ticketing:manage"}})
	limited.Get(path).Is(http.StatusNotFound)
}

// A comparison names orders of everybody, and marks what it does not find.
func TestOnlyWhoSeesEverybodyCompares(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	connect(app, vendor)
	window := m{"from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z"}
	limited := app.Limited(parvistest.Limits{Departments: []string{app.Department("jeunesse", "")}, Scopes: []string{"ticketing:manage"}})
	limited.Post(base+"/reconciliations", window).Problem(http.StatusForbidden, "comparison-beyond-rights")
	app.Post(base+"/reconciliations", window).Is(http.StatusAccepted)
	app.AsSource("guichet", "ticketing:manage").Post(base+"/reconciliations", window).Is(http.StatusAccepted)
}

func TestAKeyOfOneSourceSeesThatOne(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	connect(app, vendor)
	app.Post("/v1/ticketing/sources", m{"code": "autre", "name": "Autre", "kind": "pretix"}).Is(201)
	bound := app.AsSource("autre", "ticketing:read", "ticketing:manage")
	bound.Get(base+"/connection").Problem(http.StatusNotFound, "not-found")
	bound.Put(base+"/connection", connection(vendor)).Problem(http.StatusNotFound, "not-found")
	bound.Post(base+"/pulls", m{}).Problem(http.StatusNotFound, "not-found")
	_, _ = vendor.Deliver(hookAddress(app), notice(1, "pretix.event.order.paid", "QK41"))
	bound.Get("/v1/ticketing/inbound-messages/"+app.Get(base + "/inbound-messages").Data()[0]["id"].(string)).Problem(http.StatusNotFound, "not-found")
	app.AsSource("guichet", "ticketing:read").Get(base + "/connection").Is(http.StatusOK)
}
