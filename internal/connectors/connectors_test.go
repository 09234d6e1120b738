package connectors_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/pretix/pretixtest"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

type m = map[string]any

const base = "/v1/ticketing/sources/guichet"

// connected is an institution whose source is a pretix with one event.
func connected(t *testing.T, options ...parvistest.Option) (*parvistest.App, *pretixtest.Server) {
	t.Helper()
	app := parvistest.New(t, options...)
	vendor := pretixtest.New(t)
	vendor.Put("events", pretixtest.Event("saison", nil))
	vendor.Put("events/saison/items", pretixtest.Item(301, "Plein tarif", nil))
	vendor.Put("events/saison/items", pretixtest.Item(302, "Tarif réduit", nil))
	vendor.Put("events/saison/subevents", pretixtest.Subevent(51, "2026-12-04T19:30:00Z", nil))
	app.Post("/v1/ticketing/sources", m{"code": "guichet", "name": "Billetterie", "kind": "pretix"}).Is(201)
	return app, vendor
}

func connection(vendor *pretixtest.Server) m {
	return m{"connector": "pretix", "base_url": vendor.URL, "settings": m{"organizer": vendor.Organizer}, "secrets": m{"token": vendor.Token}}
}

func connect(app *parvistest.App, vendor *pretixtest.Server) {
	app.Put(base+"/connection", connection(vendor)).Is(200)
}

// state of the connection.
func state(app *parvistest.App) m { return app.Get(base + "/connection").Is(200).JSON()["state"].(m) }

// orders of the institution, by number.
func orders(app *parvistest.App) map[string]m {
	out := map[string]m{}
	for _, o := range app.Walk("/v1/ticketing/orders") {
		out[o["number"].(string)] = o
	}
	return out
}

func hookAddress(app *parvistest.App) string {
	url := app.Post(base+"/connection/hook-address", nil).Is(201).JSON()["url"].(string)
	return app.URL + parvistest.Here(url)
}

func notice(id int, action, code string) []byte {
	return fmt.Appendf(nil, `{"notification_id":%d,"organizer":"arcades","event":"saison","code":%q,"action":%q}`, id, code, action)
}

// eventTypes counts what was recorded, numbered or not.
func eventTypes(t *testing.T, app *parvistest.App) map[string]int {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), app.DB.OwnerURL)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	rows, err := conn.Query(t.Context(), "select type, count(*) from crm.events where tenant_id = $1 group by type", app.Tenant)
	require.NoError(t, err)
	out := map[string]int{}
	var kind string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&kind, &n}, func() error { out[kind] = n; return nil })
	require.NoError(t, err)
	return out
}

func TestConnectingReadsEverything(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	for i := range 120 {
		vendor.Put("orders", pretixtest.Order(fmt.Sprintf("A%03d", i), time.Date(2026, 11, 20, 9, 0, i, 0, time.UTC), m{
			"positions": []any{pretixtest.Position(1000+i, 1, 301, "42.50", nil)},
		}))
	}
	connect(app, vendor)
	parvistest.Eventually(t, "120 orders", func() bool { return len(orders(app)) == 120 })
	o := orders(app)["A007"]
	require.Equal(t, "confirmed", o["commercial_state"])
	require.Equal(t, "44.00", o["totals"].(m)["net"].(m)["amount"])
	parvistest.Eventually(t, "the performance is described", func() bool {
		p := app.Walk("/v1/ticketing/performances")
		return len(p) == 1 && p[0]["is_stub"] == false
	})
	c := app.Get(base + "/connection").Is(200).JSON()
	require.Equal(t, []any{"token"}, c["secrets"])
	require.NotContains(t, fmt.Sprint(c), vendor.Token)
	for _, r := range vendor.Requests() {
		require.Equal(t, "Token "+vendor.Token, r.Authorization)
		require.Equal(t, http.StatusOK, r.Status, "%s %v", r.Path, r.Query)
	}
}

func TestAHookWakesAndIsKept(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	connect(app, vendor)
	parvistest.Eventually(t, "the first reading", func() bool { return state(app)["last_success_at"] != nil })
	address := hookAddress(app)
	vendor.Put("orders", pretixtest.Order("QK41", time.Now(), nil))
	lists := vendor.Asked("/orders/")
	body := notice(7, "pretix.event.order.paid", "QK41")
	for range 3 {
		status, err := vendor.Deliver(address, body)
		require.NoError(t, err)
		require.Equal(t, http.StatusAccepted, status)
	}
	parvistest.Eventually(t, "the order", func() bool { return len(orders(app)) == 1 })
	parvistest.Eventually(t, "the message is processed", func() bool {
		list := app.Get(base + "/inbound-messages").Is(200).Data()
		return len(list) == 1 && list[0]["status"] == "processed"
	})
	require.LessOrEqual(t, vendor.Asked("/orders/")-lists, 2)
	require.Zero(t, vendor.Asked("/orders/QK41/"), "what a list shows is not read again")
	message := app.Get("/v1/ticketing/inbound-messages/" + app.Get(base + "/inbound-messages").Data()[0]["id"].(string)).Is(200).JSON()
	require.Equal(t, string(body), message["content"])
	parvistest.Eventually(t, "the reading was noted", func() bool {
		for _, r := range app.Get("/v1/audit/reads").Is(200).Data() {
			if r["operation"] == "getInboundMessage" {
				return true
			}
		}
		return false
	})
}

func TestHookDoor(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	connect(app, vendor)
	address := hookAddress(app)
	path := strings.TrimPrefix(address, app.URL)
	app.Anonymous().Post("/v1/ticketing/hooks/pretix/nobody", m{}).Problem(404, "not-found")
	app.Anonymous().Post(strings.Replace(path, "/pretix/", "/helloasso/", 1), m{}).Problem(404, "not-found")
	app.Anonymous().Do("POST", path, strings.Repeat("x", 1<<20+1), parvistest.Header("Content-Type", "text/plain")).Problem(413, "too-large")
	app.Anonymous().Do("POST", path, "not json", parvistest.Header("Content-Type", "application/json")).Is(202)
	app.Anonymous().Do("POST", path, "a=1", parvistest.Header("Content-Type", "application/x-www-form-urlencoded")).Is(202)
	app.Anonymous().Do("POST", path, "<x/>", parvistest.Header("Content-Type", "application/xml")).Problem(415, "unsupported-media-type")

	old := path
	fresh := strings.TrimPrefix(hookAddress(app), app.URL)
	app.Anonymous().Post(old, m{}).Problem(404, "not-found")
	app.Anonymous().Post(fresh, m{}).Is(202)

	c := connection(vendor)
	c["settings"].(m)["hook_user"] = "pretix"
	c["secrets"].(m)["hook_password"] = "caramel-lagune"
	app.Put(base+"/connection", c).Is(200)
	refused := app.Anonymous().Post(fresh, m{})
	refused.Problem(401, "hook-forged")
	require.Contains(t, refused.Header.Get("WWW-Authenticate"), "Basic")
	app.Anonymous().Post(fresh, m{}, parvistest.Header("Authorization", "Basic cHJldGl4OmNhcmFtZWwtbGFndW5l")).Is(202)
}

func TestConnectionRefusals(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	put := func(change func(m)) *parvistest.Answer {
		c := connection(vendor)
		change(c)
		return app.Put(base+"/connection", c)
	}
	put(func(c m) { c["connector"] = "abacus" }).Points("#/connector")
	put(func(c m) { delete(c, "base_url") }).Points("#/base_url")
	put(func(c m) { c["base_url"] = "http://10.1.2.3/" }).Points("#/base_url")
	put(func(c m) { c["settings"] = m{} }).Points("#/settings/organizer")
	put(func(c m) { c["settings"] = m{"organizer": "a", "colour": 1} }).Points("#/settings/colour")
	put(func(c m) { c["secrets"] = m{} }).Points("#/secrets/token")
	put(func(c m) { c["secrets"].(m)["pin"] = "1" }).Points("#/secrets/pin")
	app.Get(base+"/connection").Problem(404, "not-found")
	app.Post(base+"/pulls", m{}).Problem(404, "not-found")
	connect(app, vendor)
	app.Post(base+"/pulls", m{"streams": []string{"orders", "weather"}}).Points("#/streams/1")
	first := app.Get(base + "/connection")
	app.Put(base+"/connection", m{"connector": "pretix", "base_url": vendor.URL, "settings": m{"organizer": vendor.Organizer}}, parvistest.IfMatch(first.ETag())).Is(200)
	app.Put(base+"/connection", connection(vendor), parvistest.IfMatch(first.ETag())).Problem(412, "stale-version")
	app.Delete(base+"/connection").Problem(428, "precondition-required")
	app.Delete(base+"/connection", parvistest.IfMatch("*")).Is(204)
	app.Get(base+"/connection").Problem(404, "not-found")
}

func now() time.Time { return time.Now().UTC() }
