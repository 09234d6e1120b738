package preferences_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func (w *world) request(email string) *parvistest.Answer {
	return w.Anonymous().Post("/v1/public/institutions/"+w.Tenant.String()+"/preference-requests", map[string]any{"email": email, "language": "fr"}, parvistest.Header("Idempotency-Key", ""))
}

func TestLinkIsMailedOnRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.give("agenda", "email", w.email)
	known := w.request("CAMILLE@example.org").Is(http.StatusAccepted)
	stranger := w.request("nobody@example.org").Is(http.StatusAccepted)
	require.Equal(t, string(known.Body), string(stranger.Body))
	parvistest.Eventually(t, "the link comes", func() bool { return len(w.mailed("camille@example.org")) == 1 })
	link := w.mailed("camille@example.org")[0]
	header := w.sink.Mails()[0].Header
	require.Equal(t, "<"+link+">", header.Get("List-Unsubscribe"))
	require.Equal(t, click, header.Get("List-Unsubscribe-Post"))
	require.Equal(t, "Vos choix – Théâtre des Arcades", decoded(t, header.Get("Subject")))
	w.Anonymous().Get(parvistest.Here(link)).Is(http.StatusOK)
	w.public(parvistest.Here(link), asForm, click).Is(http.StatusOK)
	require.Equal(t, "withdrawn", w.states()["agenda:email"])

	parvistest.Eventually(t, "nothing of the request is kept", func() bool {
		return count(t, w, "select count(*) from crm.preference_requests where email is not null") == 0
	})
	parvistest.Eventually(t, "nor of the link", func() bool { return count(t, w, "select count(*) from crm.mails where status = 'sent'") == 1 })
	require.Zero(t, count(t, w, "select count(*) from crm.mails m where m::text like '%/v1/public/preferences/%'"))
	require.Len(t, w.sink.Mails(), 1, "nobody else is written to")
	w.clock.Advance(49 * time.Hour)
	w.Anonymous().Get(parvistest.Here(link)).Problem(http.StatusNotFound, "preference-link-unknown")
}

func TestMailboxIsNotFlooded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := string(w.request("camille@example.org").Is(http.StatusAccepted).Body)
	for range 5 {
		require.Equal(t, first, string(w.request("camille@example.org").Is(http.StatusAccepted).Body))
	}
	parvistest.Eventually(t, "three come", func() bool { return len(w.mailed("camille@example.org")) == 3 })
	require.Equal(t, 3, count(t, w, "select count(*) from crm.preference_requests"))
	w.clock.Advance(61 * time.Minute)
	parvistest.Eventually(t, "the count is forgotten", func() bool { return count(t, w, "select count(*) from crm.preference_requests") == 0 })
	w.request("camille@example.org").Is(http.StatusAccepted)
	parvistest.Eventually(t, "a fourth comes an hour later", func() bool { return len(w.mailed("camille@example.org")) == 4 })
}

func TestSharedAddressGetsALinkForEach(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.contact(t, w.Client, "Dominique")
	w.point(w.Client, other, "email", "camille@example.org")
	w.request("camille@example.org").Is(http.StatusAccepted)
	parvistest.Eventually(t, "the links come", func() bool { return len(w.mailed("camille@example.org")) == 2 })
	require.Len(t, w.sink.Mails(), 1)
	require.Empty(t, w.sink.Mails()[0].Header.Get("List-Unsubscribe"), "one click could not tell whom it is for")
	require.Contains(t, string(w.sink.Mails()[0].Raw), "Dominique")
}

func TestRequestFromAPageAndRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at := "/v1/public/institutions/" + w.Tenant.String() + "/preference-requests"
	page := w.public(at, asForm, url.Values{"email": {"camille@example.org"}, "language": {"en"}}.Encode(), parvistest.Header("Accept", "text/html")).Is(http.StatusAccepted)
	require.Contains(t, string(page.Body), "a link has just been sent")
	w.public(at, asForm, "email=nonsense").Problem(http.StatusBadRequest, "invalid-request")
	w.public(at, asForm, "language=fr").Problem(http.StatusBadRequest, "invalid-request")
	w.public(strings.Replace(at, w.Tenant.String(), uuid.NewString(), 1), asForm, "email=camille@example.org").Problem(http.StatusNotFound, "not-found")
	require.Equal(t, 1, count(t, w, "select count(*) from crm.preference_requests"))
}
