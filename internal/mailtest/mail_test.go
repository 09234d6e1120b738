package mailtest_test

import (
	"context"
	"mime"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/mail"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/parvistest/smtpsink"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

const sender = "Théâtre <bonjour@theatre.example>"

func program(t *testing.T, sink *smtpsink.Sink) *parvistest.App {
	t.Helper()
	return parvistest.New(t, parvistest.WithConfig(func(c *config.Config) {
		c.MailFrom = sender
		if sink != nil {
			c.SMTPURL = sink.URL
		}
	}))
}

// send queues a mail as a domain would; fail rolls the transaction back.
func send(t *testing.T, app *parvistest.App, m mail.Message, fail error) error {
	t.Helper()
	service := mail.NewService(app.App.DB, clock.System{}, sender, app.Vault().Sealer(mail.Bodies()))
	ctx := web.WithActor(t.Context(), web.SystemActor(app.Tenant, "test"))
	return pg.InTx(ctx, app.App.DB, app.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := service.SendTx(ctx, tx, m); err != nil {
			return err
		}
		return fail
	})
}

func query[T any](t *testing.T, app *parvistest.App, sql string, args ...any) T {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), app.DB.OwnerURL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	var out T
	require.NoError(t, conn.QueryRow(t.Context(), sql, args...).Scan(&out))
	return out
}

func eventually(t *testing.T, f func(c *assert.CollectT)) {
	t.Helper()
	require.EventuallyWithT(t, f, 20*time.Second, 20*time.Millisecond)
}

func TestMailArrivesAsWritten(t *testing.T) {
	t.Parallel()
	sink := smtpsink.Start(t)
	app := program(t, sink)
	require.NoError(t, send(t, app, mail.Message{
		To: "camille@example.org", Subject: "Réouverture — votre place ✓", Text: "Bonjour,\n.\nà bientôt.", HTML: "<p>Bonjour,</p>",
		Headers: map[string]string{"List-Unsubscribe": "<https://theatre.example/u/1>"},
	}, nil))
	eventually(t, func(c *assert.CollectT) { require.Len(c, sink.Mails(), 1) })
	m := sink.Mails()[0]
	require.Equal(t, []string{"camille@example.org"}, m.To)
	require.Equal(t, "bonjour@theatre.example", m.From)
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	require.NoError(t, err)
	require.Equal(t, "Réouverture — votre place ✓", subject)
	require.Contains(t, m.Header.Get("Content-Type"), "multipart/alternative")
	require.Contains(t, m.Header.Get("Message-Id"), "@theatre.example>")
	require.Equal(t, "<https://theatre.example/u/1>", m.Header.Get("List-Unsubscribe"))
	require.Equal(t, "auto-generated", m.Header.Get("Auto-Submitted"))
	require.Contains(t, string(m.Raw), "text/plain")
	eventually(t, func(c *assert.CollectT) {
		require.Equal(c, "sent", query[string](t, app, "select status from crm.mails"))
	})
}

func TestMailOfAFailedTransactionNeverLeaves(t *testing.T) {
	t.Parallel()
	sink := smtpsink.Start(t)
	app := program(t, sink)
	require.ErrorIs(t, send(t, app, mail.Message{To: "a@example.org", Subject: "no", Text: "no"}, context.Canceled), context.Canceled)
	require.NoError(t, send(t, app, mail.Message{To: "b@example.org", Subject: "yes", Text: "yes"}, nil))
	eventually(t, func(c *assert.CollectT) { require.Len(c, sink.Mails(), 1) })
	require.Equal(t, []string{"b@example.org"}, sink.Mails()[0].To)
	require.Equal(t, 1, query[int](t, app, "select count(*) from crm.mails"))
}

func TestOneConnectionServesManyMails(t *testing.T) {
	t.Parallel()
	sink := smtpsink.Start(t)
	app := program(t, sink)
	for range 30 {
		require.NoError(t, send(t, app, mail.Message{To: "a@example.org", Subject: "x", Text: "x"}, nil))
	}
	eventually(t, func(c *assert.CollectT) { require.Len(c, sink.Mails(), 30) })
	require.Equal(t, 1, sink.Connections())
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	sink := smtpsink.Start(t)
	sink.Refuse("451 4.3.0 greylisted")
	app := program(t, sink)
	require.NoError(t, send(t, app, mail.Message{To: "later@example.org", Subject: "x", Text: "x"}, nil))
	eventually(t, func(c *assert.CollectT) {
		require.Contains(c, query[string](t, app, "select coalesce(last_error, '') from crm.mails"), "451")
	})
	require.Equal(t, "queued", query[string](t, app, "select status from crm.mails"))
	require.True(t, query[bool](t, app, "select next_attempt_at > now() + interval '20 seconds' from crm.mails"), "a greylisting server is given time")
	query[int](t, app, "with u as (update crm.mails set next_attempt_at = now() returning 1) select count(*) from u")
	eventually(t, func(c *assert.CollectT) { require.Len(c, sink.Mails(), 1) })

	sink.Refuse("550 5.1.1 nobody here")
	require.NoError(t, send(t, app, mail.Message{To: "nobody@example.org", Subject: "x", Text: "x"}, nil))
	eventually(t, func(c *assert.CollectT) {
		require.Equal(c, "failed", query[string](t, app, "select status from crm.mails where recipient = 'nobody@example.org'"))
	})
	require.Equal(t, 1, query[int](t, app, "select attempts from crm.mails where recipient = 'nobody@example.org'"), "a refusal for good is not tried again")
}

func TestBodiesDoNotStay(t *testing.T) {
	t.Parallel()
	sink := smtpsink.Start(t)
	app := program(t, sink)
	require.NoError(t, send(t, app, mail.Message{To: "a@example.org", Subject: "x", Text: "link", HTML: "link", Secret: true}, nil))
	eventually(t, func(c *assert.CollectT) {
		require.True(c, query[bool](t, app, "select status = 'sent' and body_sealed is null and body_text is null and body_html is null from crm.mails"))
	})
	require.Contains(t, string(sink.Mails()[0].Raw), "link")
}

func TestHeadersCannotBeInjected(t *testing.T) {
	t.Parallel()
	app := program(t, nil)
	good := mail.Message{To: "a@example.org", Subject: "x", Text: "x"}
	for name, change := range map[string]func(m *mail.Message){
		"subject":        func(m *mail.Message) { m.Subject = "x\r\nBcc: all@example.org" },
		"subject LF":     func(m *mail.Message) { m.Subject = "x\nBcc: all@example.org" },
		"recipient":      func(m *mail.Message) { m.To = "a@example.org\r\nBcc: b@example.org" },
		"two recipients": func(m *mail.Message) { m.To = "a@example.org, b@example.org" },
		"display name":   func(m *mail.Message) { m.To = "Camille <a@example.org>" },
		"header value":   func(m *mail.Message) { m.Headers = map[string]string{"X-A": "1\r\nBcc: b@example.org"} },
		"header name":    func(m *mail.Message) { m.Headers = map[string]string{"X-A: 1\r\nBcc": "b@example.org"} },
		"ours":           func(m *mail.Message) { m.Headers = map[string]string{"bcc": "b@example.org"} },
		"no subject":     func(m *mail.Message) { m.Subject = "" },
	} {
		t.Run(name, func(t *testing.T) {
			m := good
			change(&m)
			require.ErrorIs(t, send(t, app, m, nil), mail.ErrUnsafe)
		})
	}
	require.Zero(t, query[int](t, app, "select count(*) from crm.mails"))
}

func TestWithoutServerMailsWait(t *testing.T) {
	t.Parallel()
	app := program(t, nil)
	require.NoError(t, send(t, app, mail.Message{To: "a@example.org", Subject: "x", Text: strings.Repeat("x", 1000)}, nil))
	require.Equal(t, "queued", query[string](t, app, "select status from crm.mails"))
	require.Empty(t, app.Get("/v1/test/outbox").Is(http.StatusOK).Data(), "what is really sent is nobody's to read")
	app.As("contacts:read").Get("/v1/test/outbox").Problem(http.StatusForbidden, "insufficient-scope")
}
