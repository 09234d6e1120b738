package privacy_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/pretix/pretixtest"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

func pretix(t *testing.T, app *parvistest.App) *pretixtest.Server {
	t.Helper()
	vendor := pretixtest.New(t)
	vendor.Put("events", pretixtest.Event("saison", nil))
	vendor.Put("events/saison/items", pretixtest.Item(301, "Plein tarif", nil))
	app.Put(base+"/connection", m{"connector": "pretix", "base_url": vendor.URL, "settings": m{"organizer": vendor.Organizer}, "secrets": m{"token": vendor.Token}}).Is(http.StatusOK)
	return vendor
}

// sources are what an erasure says of the ticketing systems, by their codes.
func sources(e m) map[string]m {
	out := map[string]m{}
	for _, s := range e["sources"].([]any) {
		out[s.(m)["source_code"].(string)] = s.(m)
	}
	return out
}

// Each system in which the person had an account is asked to forget it; one that
// cannot be asked is named, for somebody to see to it.
func TestTicketingSystemsAreTold(t *testing.T) {
	t.Parallel()
	app := institution(t)
	vendor := pretix(t, app)
	vendor.Put("customers", pretixtest.Customer("Q7XW", "solene@courrier.example", "Solène", "Kermarrec", time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC), nil))
	var contact string
	parvistest.Eventually(t, "the account", func() bool {
		return app.Do(http.MethodGet, base+"/records/customer/Q7XW", nil).Status == http.StatusOK
	})
	contact = app.Get("/v1/contacts/by-external-id/ticketing:principale/Q7XW").Is(http.StatusOK).ID()
	for _, code := range []string{"musee", "festival"} {
		app.Post("/v1/ticketing/sources", m{"code": code, "name": code, "kind": "generic"}).Is(http.StatusCreated)
		app.Put("/v1/contacts/"+contact+"/external-ids/ticketing:"+code+"/M7", nil).Is(http.StatusOK)
	}
	app.Put("/v1/ticketing/sources/festival/connection", m{"connector": "helloasso", "base_url": "http://127.0.0.1:9", "settings": m{"organization": "arcades", "client_id": "a"},
		"secrets": m{"client_secret": "b"}, "is_enabled": false}).Is(http.StatusOK)
	// What is on its way to the system is not sent any more.
	var down atomic.Bool
	down.Store(true)
	vendor.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return down.Load()
	})
	waiting := app.Post(base+"/commands", m{"kind": "customer.upsert", "data": m{"customer": "Q7XW", "profile": m{"email": "solene.k@courrier.example"}}}).Is(http.StatusAccepted).ID()

	told := sources(erase(app, contact))
	require.Equal(t, "rejected", app.Get(base + "/commands/" + waiting).Is(http.StatusOK).JSON()["status"])
	require.Equal(t, []any{"queued", nil}, []any{told["principale"]["status"], told["principale"]["code"]})
	require.Equal(t, []any{"unsupported", "ticketing-source-not-connected", nil}, []any{told["musee"]["status"], told["musee"]["code"], told["musee"]["command_id"]})
	require.Equal(t, []any{"unsupported", "capability-missing", nil}, []any{told["festival"]["status"], told["festival"]["code"], told["festival"]["command_id"]})
	now := func() m {
		return sources(app.Get("/v1/contacts/" + contact + "/erasure").Is(http.StatusOK).JSON())["principale"]
	}
	parvistest.Eventually(t, "it was sent", func() bool { return now()["status"] == "sent" })
	down.Store(false)
	parvistest.Eventually(t, "it is done", func() bool { return now()["status"] == "confirmed" })
	require.Nil(t, vendor.Object("customers", "Q7XW")["email"])
	require.Nil(t, app.Get(base + "/commands/" + now()["command_id"].(string)).Is(http.StatusOK).JSON()["result_id"])

	// What the system has of them comes back with the next reading, and brings nobody.
	people := people(t, app)
	lists := vendor.Asked("/customers/")
	app.Post(base+"/pulls", m{"streams": []string{"customers"}}).Is(http.StatusAccepted)
	parvistest.Eventually(t, "the next reading", func() bool { return vendor.Asked("/customers/") > lists })
	parvistest.Eventually(t, "its end", func() bool {
		return app.Get(base + "/connection").Is(http.StatusOK).JSON()["state"].(m)["status"] == "idle"
	})
	require.Equal(t, people, parvistest.Ask[int](t, app, "select count(*)::int from crm.contacts where erased_at is null"))
	require.Empty(t, app.Get(base+"/dead-letters").Is(http.StatusOK).Data())
}

// A system that refuses is shown as refusing.
func TestARefusalOfATicketingSystemIsShown(t *testing.T) {
	t.Parallel()
	app := institution(t)
	pretix(t, app)
	contact := app.Post("/v1/contacts", m{"kind": "person", "family_name": "Castellan", "external_ids": []m{{"source": "ticketing:principale", "external_id": "NOBODY"}}}).Is(http.StatusCreated).ID()
	erase(app, contact)
	var told m
	parvistest.Eventually(t, "it has ended", func() bool {
		told = sources(app.Get("/v1/contacts/" + contact + "/erasure").Is(http.StatusOK).JSON())["principale"]
		return told["status"] == "rejected"
	})
	require.Equal(t, "ticketing-command-rejected", told["code"])
}
