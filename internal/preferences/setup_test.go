package preferences_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/parvistest/smtpsink"
)

const (
	asForm = "application/x-www-form-urlencoded"
	click  = "List-Unsubscribe=One-Click"
)

// world is a program with two purposes, a person with an address and a number,
// a mailbox and a clock to move.
type world struct {
	*parvistest.App
	sink         *smtpsink.Sink
	clock        *clock.Fixed
	person       string
	email, phone string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{sink: smtpsink.Start(t), clock: clock.NewFixed(time.Now())}
	w.App = parvistest.New(t, parvistest.WithClock(w.clock), parvistest.WithConfig(func(c *config.Config) { c.SMTPURL = w.sink.URL }))
	w.purpose("agenda", "consent")
	w.purpose("profile", "legitimate_interests")
	w.purpose("tickets", "contract")
	w.person = w.contact(t, w.Client, "Camille")
	w.email = w.point(w.Client, w.person, "email", "Camille@Example.org")
	w.phone = w.point(w.Client, w.person, "phone", "+33639981204")
	return w
}

func (w *world) purpose(code, basis string) string {
	return w.Post("/v1/purposes", map[string]any{"code": code, "name": strings.ToUpper(code), "legal_basis": basis}).Is(http.StatusCreated).ID()
}

func (w *world) contact(t *testing.T, c *parvistest.Client, name string) string {
	t.Helper()
	return c.Post("/v1/contacts", map[string]any{"kind": "person", "given_name": name, "family_name": "Morel"}).Is(http.StatusCreated).ID()
}

func (w *world) point(c *parvistest.Client, contact, kind, value string) string {
	return c.Post("/v1/contacts/"+contact+"/contact-points", map[string]any{"kind": kind, "value": value}).Is(http.StatusCreated).ID()
}

func (w *world) give(purpose, channel, point string) {
	w.Post("/v1/contacts/"+w.person+"/consents", map[string]any{
		"purpose": purpose, "channel": channel, "action": "given", "contact_point_id": point, "mechanism": "paper",
	}).Is(http.StatusCreated)
	w.clock.Advance(time.Minute)
}

func linksPath(contact, point string) string {
	return "/v1/contacts/" + contact + "/contact-points/" + point + "/preference-links"
}

// link makes a link and returns its path.
func (w *world) link(point string, body map[string]any) string {
	made := w.Post(linksPath(w.person, point), body).Is(http.StatusCreated).JSON()
	return parvistest.Here(made["url"].(string))
}

// public posts as a stranger does: no credential, no cookie, no key.
func (w *world) public(path, media, body string, options ...parvistest.RequestOption) *parvistest.Answer {
	return w.Anonymous().Post(path, body, append([]parvistest.RequestOption{parvistest.Header("Content-Type", media), parvistest.Header("Idempotency-Key", "")}, options...)...)
}

// states are those of the person by purpose and channel, from the ledger.
func (w *world) states() map[string]string {
	out := map[string]string{}
	for _, s := range w.Get("/v1/contacts/" + w.person + "/consents").Is(http.StatusOK).Data() {
		out[s["purpose"].(string)+":"+s["channel"].(string)] = s["state"].(string)
	}
	return out
}

func (w *world) ledger() int {
	return len(w.Get("/v1/contacts/" + w.person + "/consents/history?limit=200").Is(http.StatusOK).Data())
}

var linkForm = regexp.MustCompile(`http\S+/v1/public/preferences/[A-Za-z0-9_-]+`)

// mailed are the links in the mails to an address.
func (w *world) mailed(to string) []string {
	var out []string
	for _, m := range w.sink.Mails() {
		if m.To[0] == to {
			text := strings.ReplaceAll(strings.ReplaceAll(string(m.Raw), "\r\n", "\n"), "=\n", "")
			_, body, _ := strings.Cut(text, "\n\n")
			out = append(out, linkForm.FindAllString(body, -1)...)
		}
	}
	return out
}

func count(t *testing.T, w *world, sql string, args ...any) int {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), w.DB.OwnerURL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	var n int
	require.NoError(t, conn.QueryRow(t.Context(), sql, args...).Scan(&n))
	return n
}
