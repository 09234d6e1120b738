package webhooks_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	reference "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/webhooks/signature"
)

func TestEndpointProvesItsAddressBeforeItReceives(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, quickly(8))
	r := newReceiver(t)
	r.all = true
	r.answers(status(http.StatusInternalServerError))
	made := app.Post(endpoints, map[string]any{"url": r.URL, "event_types": []string{"tag.*"}}).Is(http.StatusCreated)
	e := made.JSON()
	require.Equal(t, "pending", e["status"])
	require.Equal(t, path(e), made.Header.Get("Location"))
	require.True(t, strings.HasPrefix(e["secret"].(string), "whsec_"))
	read := app.Get(path(e)).Is(http.StatusOK)
	require.NotContains(t, read.JSON(), "secret", "the secret is shown once")
	emit(t, app.App.DB, app.Tenant, "tag.happened", 3)
	parvistest.Eventually(t, "the verification is tried again", func() bool { return len(r.of("webhook_endpoint.verification")) >= 2 })
	require.Empty(t, r.of("tag.happened"), "nothing but the verification is sent to an address that has not proved itself")
	r.answers(status(http.StatusOK))
	awaitStatus(t, app.Client, e["id"].(string), "active")
	parvistest.Eventually(t, "what happened meanwhile arrives", func() bool { return r.distinct("tag.happened") == 3 })
	ids := map[string]bool{}
	for _, d := range r.of("webhook_endpoint.verification") {
		ids[d.id()] = true
	}
	require.Len(t, ids, 1, "each attempt bears the same id")

	// A new address starts over.
	other := newReceiver(t)
	other.all = true
	other.answers(status(http.StatusTeapot))
	changed := app.Patch(path(e), map[string]any{"url": other.URL}, parvistest.IfMatch(app.Get(path(e)).ETag())).Is(http.StatusOK).JSON()
	require.Equal(t, "pending", changed["status"])
	ended := awaitStatus(t, app.Client, e["id"].(string), "disabled")
	require.Equal(t, "unverified", ended["disabled_reason"])
	other.answers(nil)
	app.Post(path(e)+"/verify", nil).Is(http.StatusAccepted)
	awaitStatus(t, app.Client, e["id"].(string), "active")
}

func TestDeliveriesAreVerifiableByOthers(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, quickly(3))
	r := newReceiver(t)
	e := subscribe(t, app.Client, r.URL, nil)
	subjects := emit(t, app.App.DB, app.Tenant, "tag.happened", 20)
	parvistest.Eventually(t, "all arrive", func() bool { return len(r.of("tag.happened")) == len(subjects) })

	// v1: the official library, with the secret.
	official, err := reference.NewWebhook(e["secret"].(string))
	require.NoError(t, err)
	// v1a: nothing but the public address of the keys.
	keys := app.Anonymous().Get("/.well-known/webhook-keys.json?endpoint=" + e["id"].(string)).Is(http.StatusOK)
	require.JSONEq(t, string(keys.Body), string(app.Anonymous().Get(path(e)+"/keys").Is(http.StatusOK).Body))
	jwk := keys.JSON()["keys"].([]any)[0].(map[string]any)
	require.Equal(t, e["public_key"], jwk["public_key"])
	seen := map[string]bool{}
	for _, d := range r.of("tag.happened") {
		require.NoError(t, official.Verify(d.body, d.header))
		verifyEd25519(t, jwk["x"].(string), d)
		require.Error(t, official.Verify(append([]byte(" "), d.body...), d.header))
		m := d.members(t)
		require.Equal(t, d.id(), m["id"], "webhook-id is the event's id")
		require.NotContains(t, string(d.body), ": ", "minified")
		require.Equal(t, false, m["test"])
		require.Greater(t, m["sequence"], float64(0))
		seen[m["data"].(map[string]any)["id"].(string)] = true
		event := app.Get("/v1/events/" + d.id())
		if event.Status == http.StatusOK {
			require.JSONEq(t, string(event.Body), string(d.body), "what is pushed is what is pulled")
		}
	}
	require.Len(t, seen, len(subjects))
	// Reading the secret again is not possible; the list has none either.
	require.NotContains(t, string(app.Get(endpoints).Is(http.StatusOK).Body), "whsec_")
}

func TestSecretsAreSealedAtRest(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	r := newReceiver(t)
	e := subscribe(t, app.Client, r.URL, nil)
	conn, err := pgx.Connect(t.Context(), app.DB.OwnerURL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	var row string
	require.NoError(t, conn.QueryRow(t.Context(), `select encode(secret || private_key, 'escape') from crm.webhook_keys`).Scan(&row))
	require.NotContains(t, row, "whs")
	secret, err := signature.ParseSecret(e["secret"].(string))
	require.NoError(t, err)
	require.NotContains(t, row, strings.TrimPrefix(secret.Reveal(), "whsec_"))
}

func TestOnlyWantedTypesArrive(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	all, one, prefix := newReceiver(t), newReceiver(t), newReceiver(t)
	subscribe(t, app.Client, all.URL, map[string]any{"event_types": []string{"*"}})
	subscribe(t, app.Client, one.URL, map[string]any{"event_types": []string{"tag.updated"}})
	subscribe(t, app.Client, prefix.URL, map[string]any{"event_types": []string{"tag.*"}})
	for _, eventType := range []string{"tag.updated", "tag.ended", "tagy.happened"} {
		emit(t, app.App.DB, app.Tenant, eventType, 2)
	}
	parvistest.Eventually(t, "the endpoint for all gets all", func() bool {
		return len(all.of("tag.updated")) == 2 && len(all.of("tag.ended")) == 2 && len(all.of("tagy.happened")) == 2
	})
	parvistest.Eventually(t, "the others get theirs", func() bool {
		return len(one.of("tag.updated")) == 2 && len(prefix.of("tag.updated")) == 2 && len(prefix.of("tag.ended")) == 2
	})
	require.Empty(t, one.of("tag.ended"))
	require.Empty(t, prefix.of("tagy.happened"))
}

func TestCloudEvents(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	r := newReceiver(t)
	e := subscribe(t, app.Client, r.URL, map[string]any{"format": "cloudevents"})
	official, err := reference.NewWebhook(e["secret"].(string))
	require.NoError(t, err)
	subject := emit(t, app.App.DB, app.Tenant, "tag.happened", 1)[0]
	const eventType = "io.github.parvis-crm.tag.happened"
	parvistest.Eventually(t, "it arrives", func() bool { return len(r.of(eventType)) == 1 })
	d := r.of(eventType)[0]
	require.Equal(t, "application/cloudevents+json", d.header.Get("Content-Type"))
	require.NoError(t, official.Verify(d.body, d.header))
	m := d.members(t)
	require.Equal(t, "1.0", m["specversion"])
	require.Equal(t, d.id(), m["id"])
	require.Equal(t, "/tenants/"+app.Tenant.String(), m["source"])
	require.Equal(t, "tags/"+subject.String(), m["subject"])
	require.Equal(t, subject.String(), m["data"].(map[string]any)["id"])
}

func TestForbiddenAddressesAreRefused(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, parvistest.WithConfig(func(c *config.Config) { c.WebhookAllowCIDRs = nil }))
	for _, c := range []struct{ url, code string }{
		{"http://example.org/hook", "url-scheme-forbidden"},
		{"ftp://example.org/hook", "url-scheme-forbidden"},
		{"https://user:secret@example.org/", "url-userinfo-forbidden"},
		{"https://example.org:8443/", "url-port-forbidden"},
		{"https://127.0.0.1/", "url-ip-literal-forbidden"},
		{"https://[::1]/", "url-ip-literal-forbidden"},
		{"https://169.254.169.254/latest/meta-data", "url-ip-literal-forbidden"},
		{"https://2130706433/", "url-ip-literal-forbidden"},
		{"https://0x7f.1/", "url-ip-literal-forbidden"},
		{"https://localhost/", "url-address-forbidden"},
		{"https://" + strings.Repeat("a", 64) + ".org/", "url-host-invalid"},
		{"https:///nothing", "url-invalid"},
	} {
		p := app.Post(endpoints, map[string]any{"url": c.url, "event_types": []string{"tag.*"}})
		p.Problem(http.StatusUnprocessableEntity, "invalid")
		p.Points("#/url")
		require.Equal(t, c.code, p.JSON()["errors"].([]any)[0].(map[string]any)["code"], c.url)
	}
}

// An address that was allowed when it was given is judged again at every
// connection.
func TestForbiddenAddressesAreNotCalled(t *testing.T) {
	t.Parallel()
	db := parvistest.Database(t)
	app := parvistest.NewOn(t, db, quickly(2), sameKey)
	r := newReceiver(t)
	e := subscribe(t, app.Client, r.URL, nil)
	app.Stop()
	emptied := parvistest.NewOn(t, db, quickly(2), parvistest.WithConfig(func(c *config.Config) {
		c.WebhookAllowCIDRs = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	}), sameKey)
	before := len(r.of("tag.happened"))
	emit(t, emptied.App.DB, app.Tenant, "tag.happened", 1)
	client := emptied.Client
	client.Key = app.Key
	var failed []map[string]any
	parvistest.Eventually(t, "the delivery fails", func() bool {
		failed = client.Get(path(e) + "/deliveries?status=failed").Is(http.StatusOK).Data()
		return len(failed) == 1
	})
	detail := client.Get(fmt.Sprintf("%s/deliveries/%s", path(e), failed[0]["id"])).Is(http.StatusOK).JSON()
	log := detail["attempt_log"].([]any)
	require.Len(t, log, 2)
	require.Equal(t, "url-scheme-forbidden", log[0].(map[string]any)["error"])
	require.Len(t, r.of("tag.happened"), before)
}

func TestEndpointLifeCycle(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	r := newReceiver(t)
	e := subscribe(t, app.Client, r.URL, map[string]any{"description": "Billetterie"})
	app.Delete(path(e)).Problem(http.StatusPreconditionRequired, "precondition-required")
	app.Patch(path(e), map[string]any{"description": nil}, parvistest.IfMatch(`"1"`)).Problem(http.StatusPreconditionFailed, "stale-version")
	changed := app.Patch(path(e), map[string]any{"description": nil, "event_types": []string{"tag.updated", "consent.*"}}).Is(http.StatusOK)
	require.Empty(t, changed.JSON()["description"])
	require.Equal(t, "active", changed.JSON()["status"])
	require.Equal(t, changed.ETag(), app.Patch(path(e), map[string]any{"description": ""}).Is(http.StatusOK).ETag(), "nothing changed, no new version")

	// A witness tells when the log has been given out beyond an event.
	w := newReceiver(t)
	witness := subscribe(t, app.Client, w.URL, nil)
	off := app.Patch(path(e), map[string]any{"status": "disabled"}).Is(http.StatusOK).JSON()
	require.Equal(t, "requested", off["disabled_reason"])
	emit(t, app.App.DB, app.Tenant, "tag.happened", 1)
	parvistest.Eventually(t, "the witness has it", func() bool { return len(w.of("tag.happened")) == 1 })
	app.Delete(path(witness), parvistest.IfMatch(app.Get(path(witness)).ETag())).Is(http.StatusNoContent)
	app.Post(path(e)+"/test", map[string]any{"type": "tag.happened"}).Problem(http.StatusConflict, "webhook-endpoint-not-active")
	app.Patch(path(e), map[string]any{"status": "active"}).Is(http.StatusOK)
	active := awaitStatus(t, app.Client, e["id"].(string), "active")
	require.Nil(t, active["disabled_reason"])

	tested := app.Post(path(e)+"/test", map[string]any{"type": "other.thing"}).Is(http.StatusAccepted)
	parvistest.Eventually(t, "the sample arrives", func() bool { return len(r.of("other.thing")) == 1 })
	sample := r.of("other.thing")[0].members(t)
	require.Equal(t, true, sample["test"])
	require.Equal(t, tested.ID(), sample["id"])
	parvistest.Eventually(t, "it is recorded", func() bool {
		return app.Get(tested.Header.Get("Location")).Is(http.StatusOK).JSON()["status"] == "succeeded"
	})
	require.Empty(t, r.of("tag.happened"), "what happened while it was disabled is recovered only on demand")

	app.Delete(path(e), parvistest.IfMatch(app.Get(path(e)).ETag())).Is(http.StatusNoContent)
	app.Get(path(e)).Problem(http.StatusNotFound, "not-found")
	app.Anonymous().Get(path(e)+"/keys").Problem(http.StatusNotFound, "not-found")
	require.Empty(t, app.Get(endpoints).Data())
}
