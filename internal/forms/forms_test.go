package forms_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

var camille = map[string]any{"email": "Camille@Example.org", "given_name": "Camille", "family_name": "Morel", "newsletter": true}

func TestConfirmedSubmissionBecomesContactAndConsent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.send(w.visit(t, camille)).Is(http.StatusAccepted)
	require.Zero(t, count(t, w, "select count(*) from crm.contacts"), "before the confirmation nobody is known")
	require.Equal(t, "pending", w.submissions(t)[0]["status"])
	link := w.links(t, "camille@example.org", 1)[0]

	shown := w.Anonymous().Get(link).Is(http.StatusOK)
	require.Contains(t, string(shown.Body), "<form method=\"post\">")
	require.Contains(t, shown.Header.Get("Content-Security-Policy"), "default-src 'none'")
	w.Anonymous().Get(link).Is(http.StatusOK)
	require.Zero(t, count(t, w, "select count(*) from crm.contacts"), "a mail scanner's GET confirms nothing")

	w.Anonymous().Post(link, nil).Is(http.StatusOK)
	sub := w.submissions(t)[0]
	require.Equal(t, "confirmed", sub["status"])
	contact := sub["contact_id"].(string)
	require.Equal(t, 1, count(t, w, "select count(*) from crm.contacts where id = $1 and family_name = 'Morel'", contact))
	require.Equal(t, 1, count(t, w, "select count(*) from crm.contact_points where contact_id = $1 and normalized = 'camille@example.org' and status = 'valid'", contact))

	states := w.Get("/v1/contacts/" + contact + "/consents").Is(http.StatusOK).Data()
	require.Len(t, states, 1)
	require.Equal(t, "given", states[0]["state"])
	proof := w.Get("/v1/consents/" + states[0]["consent_id"].(string) + "/proof").Is(http.StatusOK).JSON()
	document := proof["document"].(map[string]any)
	require.Equal(t, true, proof["intact"])
	require.Equal(t, wording, document["wording"].(map[string]any)["text"])
	require.Equal(t, "double_opt_in", document["mechanism"])
	require.Equal(t, w.form, document["form_id"])
	require.EqualValues(t, 1, document["form_version"])
	evidence := document["evidence"].(map[string]any)
	require.Equal(t, "Camille@Example.org", evidence["identity"].(map[string]any)["email"])
	require.Equal(t, "127.0.0.0/24", evidence["network"])
	require.NotEmpty(t, evidence["submitted_at"])
	require.NotEmpty(t, evidence["confirmed_at"])

	w.Anonymous().Post(link, nil).Problem(http.StatusGone, "confirmation-gone")
	page := w.Anonymous().Post(link, nil, parvistest.Header("Accept", "text/html")).Is(http.StatusGone)
	require.Contains(t, page.Header.Get("Content-Type"), "text/html")
	require.NotContains(t, string(w.Anonymous().Get(link).Is(http.StatusOK).Body), "<form")
}

func TestLinkExpires(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.send(w.visit(t, camille)).Is(http.StatusAccepted)
	link := w.links(t, "camille@example.org", 1)[0]
	w.clock.Advance(49 * time.Hour)
	w.Anonymous().Post(link, nil).Problem(http.StatusGone, "confirmation-gone")
	w.clock.Advance(6 * 24 * time.Hour)
	w.eventually(t, func(c *assert.CollectT) {
		sub := w.Get("/v1/forms/" + w.form + "/submissions").Data()[0]
		require.Equal(c, "expired", sub["status"])
		require.Empty(c, sub["data"], "what nobody confirmed is not kept")
	})
	w.Anonymous().Post("/v1/public/confirmations/"+strings.Repeat("x", 32), nil).Problem(http.StatusGone, "confirmation-gone")
}

func TestKnownAndUnknownAddressesGetTheSameAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.send(w.visit(t, camille)).Is(http.StatusAccepted)
	w.Anonymous().Post(w.links(t, "camille@example.org", 1)[0], nil).Is(http.StatusOK)
	known := w.send(w.visit(t, camille)).Is(http.StatusAccepted)
	stranger := w.send(w.visit(t, map[string]any{"email": "nobody@example.org", "newsletter": true})).Is(http.StatusAccepted)
	require.Equal(t, string(stranger.Body), string(known.Body))
	for range 3 {
		require.Equal(t, string(known.Body), string(w.send(w.visit(t, camille)).Is(http.StatusAccepted).Body), "also where the mailbox has had enough")
	}
	require.Len(t, w.submissions(t), 4, "three an hour for one address, and one for the other")
	w.links(t, "camille@example.org", 3)
}

func TestSamePersonIsFoundAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	confirm := func(n int, data map[string]any) string {
		w.send(w.visit(t, data)).Is(http.StatusAccepted)
		w.Anonymous().Post(w.links(t, "camille@example.org", n)[n-1], nil).Is(http.StatusOK)
		return w.submissions(t)[0]["contact_id"].(string)
	}
	first := confirm(1, camille)
	require.Equal(t, first, confirm(2, map[string]any{"email": "camille@example.org", "given_name": "camille", "family_name": "MOREL"}))
	require.Equal(t, 1, count(t, w, "select count(*) from crm.contacts where family_name = 'Morel'"), "the name stays as it was")
	require.NotEqual(t, first, confirm(3, map[string]any{"email": "camille@example.org", "given_name": "Paul", "family_name": "Autre"}), "families share an address")
}

func TestWithoutDoubleOptInTheRunnerApplies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(d map[string]any) { d["double_opt_in"] = false })
	w.send(w.visit(t, camille)).Is(http.StatusAccepted)
	w.eventually(t, func(c *assert.CollectT) {
		require.Equal(c, "confirmed", w.Get("/v1/forms/" + w.form + "/submissions").Data()[0]["status"])
	})
	sub := w.submissions(t)[0]
	states := w.Get("/v1/contacts/" + sub["contact_id"].(string) + "/consents").Data()
	require.Equal(t, "given", states[0]["state"])
	require.Equal(t, 1, count(t, w, "select count(*) from crm.contact_points where status = 'unverified'"), "nobody has proven the address")
	require.Empty(t, w.sink.Mails())
}

func TestUntickedBoxIsNoAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.send(w.visit(t, map[string]any{"email": "camille@example.org", "newsletter": false})).Is(http.StatusAccepted)
	w.Anonymous().Post(w.links(t, "camille@example.org", 1)[0], nil).Is(http.StatusOK)
	require.Zero(t, count(t, w, "select count(*) from crm.consents"))
}

func TestProofNamesTheVersionThatWasShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	body := w.visit(t, camille)
	d := w.definition(t, func(d map[string]any) { d["title"] = map[string]any{"fr": "Autre titre"} })
	w.Patch("/v1/forms/"+w.form, map[string]any{"definition": d}).Is(http.StatusOK)
	w.Post("/v1/forms/"+w.form+"/publish", nil).Is(http.StatusOK)
	w.send(body).Is(http.StatusAccepted)
	require.EqualValues(t, 1, number(w.submissions(t)[0]["form_version"]))
	require.Equal(t, "La lettre du théâtre", w.Get("/v1/forms/" + w.form + "/versions/1").Is(http.StatusOK).JSON()["definition"].(map[string]any)["title"].(map[string]any)["fr"])
}

func TestPageWithoutScripts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(d map[string]any) { d["double_opt_in"] = false })
	fields := url.Values{"email": {"camille@example.org"}, "newsletter": {"on"}, "language": {"fr"}}
	page := w.post(fields, parvistest.Header("Accept", "text/html"), parvistest.Header("Origin", "null")).Is(http.StatusAccepted)
	require.Contains(t, page.Header.Get("Content-Type"), "text/html")
	w.links(t, "camille@example.org", 1) // no work was proven: a confirmation always follows
	w.post(fields, parvistest.Header("Origin", "https://evil.example")).Problem(http.StatusForbidden, "origin-not-allowed")
	for _, address := range []string{"b", "c", "d", "e"} {
		w.post(url.Values{"email": {address + "@example.org"}}).Is(http.StatusAccepted)
	}
	limited := w.post(url.Values{"email": {"f@example.org"}})
	limited.Problem(http.StatusTooManyRequests, "quota-exceeded")
	require.NotEmpty(t, limited.Header.Get("Retry-After"))
	w.post(url.Values{"email": {strings.Repeat("x", 100_000)}}).Problem(http.StatusRequestEntityTooLarge, "too-large")
}
