package webhooks_test

import (
	"io"
	"mime"
	"mime/quotedprintable"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/parvistest/smtpsink"
)

func mailing(sink *smtpsink.Sink) parvistest.Option {
	return parvistest.WithConfig(func(c *config.Config) { c.SMTPURL = sink.URL })
}

// notices are subject and text of the mails to an address, in their order.
func notices(t *testing.T, sink *smtpsink.Sink, to string) (subjects, texts []string) {
	t.Helper()
	for _, m := range sink.Mails() {
		if m.To[0] != to {
			continue
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		require.NoError(t, err)
		_, body, _ := strings.Cut(string(m.Raw), "\n\n")
		text, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(body)))
		require.NoError(t, err)
		subjects, texts = append(subjects, subject), append(texts, string(text))
	}
	return subjects, texts
}

// Those who can do something about it are written to once an episode.
func TestTechnicalContactsAreToldOnceAnEpisode(t *testing.T) {
	t.Parallel()
	sink := smtpsink.Start(t)
	program := parvistest.New(t, quickly(1), mailing(sink))
	program.Patch("/v1/institution", map[string]any{"technical_contacts": []string{"info@theatre.example", "prestataire@example.org"}}).Is(http.StatusOK)
	sick := newReceiver(t)
	e := subscribe(t, program.Client, sick.URL+"/secret-path", map[string]any{"description": "Billetterie"})
	sick.answers(status(http.StatusInternalServerError))
	failures := 0
	fail := func() {
		failures++
		emit(t, program.App.DB, program.Tenant, "tag.happened", 1)
		awaitDelivery(t, program.Client, e, "failed", failures)
	}
	conn := owner(t, program)
	since := func(d time.Duration) {
		_, err := conn.Exec(t.Context(), "update crm.webhook_queues set failing_since = now() - make_interval(secs => $1) where endpoint_id = $2", d.Seconds(), e["id"])
		require.NoError(t, err)
	}
	mails := func(n int) {
		t.Helper()
		for _, to := range []string{"info@theatre.example", "prestataire@example.org"} {
			parvistest.Eventually(t, "the contact is told", func() bool { subjects, _ := notices(t, sink, to); return len(subjects) >= n })
			subjects, _ := notices(t, sink, to)
			require.Len(t, subjects, n)
		}
	}
	fail()
	require.Empty(t, sink.Mails())
	since(25 * time.Hour)
	fail()
	fail()
	mails(1)
	subjects, texts := notices(t, sink, "info@theatre.example")
	require.Contains(t, subjects[0], "échouent depuis un jour")
	require.Contains(t, texts[0], "Théâtre des Arcades")
	require.Contains(t, texts[0], e["id"])
	require.Contains(t, texts[0], "Billetterie")
	require.NotContains(t, texts[0], "secret-path", "an address may hold a secret")

	// A success ends the episode; the next one is told of anew, in the language
	// that the institution speaks by then.
	sick.answers(nil)
	emit(t, program.App.DB, program.Tenant, "tag.happened", 1)
	parvistest.Eventually(t, "it is well again", func() bool { return program.Get(path(e)).JSON()["failing_since"] == nil })
	program.Patch("/v1/institution", map[string]any{"locale": "en"}).Is(http.StatusOK)
	sick.answers(status(http.StatusInternalServerError))
	fail()
	since(25 * time.Hour)
	fail()
	mails(2)
	subjects, _ = notices(t, sink, "info@theatre.example")
	require.Contains(t, subjects[1], "have been failing for a day")

	since(5*24*time.Hour + time.Minute)
	fail()
	awaitStatus(t, program.Client, e["id"].(string), "disabled")
	mails(3)
	subjects, texts = notices(t, sink, "info@theatre.example")
	require.Contains(t, subjects[2], "have ended")
	require.Contains(t, texts[2], "five days nothing but failures")

	// Who disables it knows.
	other := subscribe(t, program.Client, newReceiver(t).URL, nil)
	program.Patch(path(other), map[string]any{"status": "disabled"}).Is(http.StatusOK)
	gone := newReceiver(t)
	ended := subscribe(t, program.Client, gone.URL, nil)
	gone.answers(status(http.StatusGone))
	emit(t, program.App.DB, program.Tenant, "tag.happened", 1)
	awaitStatus(t, program.Client, ended["id"].(string), "disabled")
	mails(4)
	_, texts = notices(t, sink, "info@theatre.example")
	require.Contains(t, texts[3], "(410)")
}

func TestTechnicalContactsOfTheInstitution(t *testing.T) {
	t.Parallel()
	program := parvistest.New(t)
	require.Equal(t, []any{}, program.Get("/v1/institution").JSON()["technical_contacts"])
	for _, bad := range []any{[]string{"nobody"}, []string{"A <a@example.org>"}, []string{"a@example.org", "a@example.org"}, "a@example.org", nil} {
		a := program.Patch("/v1/institution", map[string]any{"technical_contacts": bad})
		require.Contains(t, []int{400, 422}, a.Status, "%v: %s", bad, a.Body)
	}
	program.Patch("/v1/institution", map[string]any{"technical_contacts": []string{"a@example.org"}}).Is(http.StatusOK)
	program.Patch("/v1/institution", map[string]any{"currency": "CHF"}).Is(http.StatusOK)
	require.Equal(t, []any{"a@example.org"}, program.Get("/v1/institution").JSON()["technical_contacts"], "what is not named stays")
	program.As("institution:read").Patch("/v1/institution", map[string]any{"technical_contacts": []string{}}).Problem(http.StatusForbidden, "insufficient-scope")
	require.Equal(t, []any{}, program.OtherTenant().Get("/v1/institution").JSON()["technical_contacts"])
	require.Equal(t, []any{}, program.Patch("/v1/institution", map[string]any{"technical_contacts": []string{}}).Is(http.StatusOK).JSON()["technical_contacts"])
}
