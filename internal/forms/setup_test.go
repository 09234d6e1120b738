package forms_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/forms/proofofwork"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/parvistest/smtpsink"
)

const origin = "https://www.theatre.example.org"

const wording = "J'accepte de recevoir la lettre mensuelle."

// world is a program with a published form, a mailbox and a clock to move.
type world struct {
	*parvistest.App
	sink  *smtpsink.Sink
	clock *clock.Fixed
	form  string
}

func newWorld(t *testing.T, change func(d map[string]any), options ...parvistest.Option) *world {
	t.Helper()
	w := &world{sink: smtpsink.Start(t), clock: clock.NewFixed(time.Now())}
	options = append([]parvistest.Option{parvistest.WithClock(w.clock), parvistest.WithConfig(func(c *config.Config) {
		c.SMTPURL, c.FormMinimumFill, c.FormWorkCost = w.sink.URL, 3*time.Second, 1
	})}, options...)
	w.App = parvistest.New(t, options...)
	w.form = w.publish(t, "newsletter", change)
	return w
}

func (w *world) definition(t *testing.T, change func(d map[string]any)) map[string]any {
	t.Helper()
	w.Post("/v1/purposes", map[string]any{"code": "newsletter", "name": "Lettre", "legal_basis": "consent"})
	text := w.Post("/v1/consent-wordings", map[string]any{"text": wording, "language": "fr", "label": "1"}).Is(http.StatusCreated).ID()
	d := map[string]any{
		"default_language": "fr",
		"title":            map[string]any{"fr": "La lettre du théâtre", "en": "Our newsletter"},
		"schema": map[string]any{"type": "object", "required": []string{"email"}, "properties": map[string]any{
			"email":       map[string]any{"type": "string", "format": "email", "maxLength": 254},
			"given_name":  map[string]any{"type": "string", "maxLength": 60},
			"family_name": map[string]any{"type": "string", "maxLength": 60},
			"newsletter":  map[string]any{"type": "boolean"},
		}},
		"fields": []map[string]any{
			{"name": "email", "label": map[string]any{"fr": "Adresse", "en": "Address"}},
			{"name": "given_name", "label": map[string]any{"fr": "Prénom"}},
			{"name": "family_name", "label": map[string]any{"fr": "Nom"}},
			{"name": "newsletter", "label": map[string]any{"fr": "Lettre"}},
		},
		"contact":         map[string]any{"email": "email", "given_name": "given_name", "family_name": "family_name"},
		"consents":        []map[string]any{{"field": "newsletter", "purpose": "newsletter", "channel": "email", "wording_ids": []string{text}}},
		"allowed_origins": []string{origin},
	}
	if change != nil {
		change(d)
	}
	return d
}

// asking adds fields to a definition, each with its label, and what they say of
// the contact.
func asking(d map[string]any, fields map[string]map[string]any, mapped ...string) {
	properties := d["schema"].(map[string]any)["properties"].(map[string]any)
	for name, schema := range fields {
		properties[name] = schema
		d["fields"] = append(d["fields"].([]map[string]any), map[string]any{"name": name, "label": map[string]any{"fr": name}})
	}
	for _, name := range mapped {
		d["contact"].(map[string]any)[name] = name
	}
}

func (w *world) publish(t *testing.T, slug string, change func(d map[string]any)) string {
	t.Helper()
	f := w.Post("/v1/forms", map[string]any{"slug": slug, "name": "Lettre", "definition": w.definition(t, change)}).Is(http.StatusCreated)
	w.Post("/v1/forms/"+f.ID()+"/publish", nil, parvistest.IfMatch(f.ETag())).Is(http.StatusOK)
	return f.ID()
}

func (w *world) public(path string) string { return "/v1/public/forms/" + w.form + path }

// visit opens the form and solves its challenge, as a page does; three seconds
// and more pass.
func (w *world) visit(t *testing.T, data map[string]any) map[string]any {
	t.Helper()
	shown := w.Anonymous().Get(w.public(""), parvistest.Header("Origin", origin)).Is(http.StatusOK).JSON()
	w.clock.Advance(5 * time.Second)
	return map[string]any{"data": data, "issue_token": shown["issue_token"], "work": w.solve(t), "language": "fr"}
}

func (w *world) solve(t *testing.T) string {
	t.Helper()
	var c proofofwork.Challenge
	w.Anonymous().Get(w.public("/challenge"), parvistest.Header("Origin", origin)).Is(http.StatusOK).Into(&c)
	s, err := proofofwork.Solve(t.Context(), c)
	require.NoError(t, err)
	text, err := proofofwork.Payload(c, s)
	require.NoError(t, err)
	return text
}

func (w *world) send(body map[string]any, options ...parvistest.RequestOption) *parvistest.Answer {
	return w.Anonymous().Post(w.public("/submissions"), body, append([]parvistest.RequestOption{parvistest.Header("Origin", origin), parvistest.Header("Idempotency-Key", "")}, options...)...)
}

func (w *world) post(fields url.Values, options ...parvistest.RequestOption) *parvistest.Answer {
	return w.Anonymous().Post(w.public("/submissions"), fields.Encode(), append([]parvistest.RequestOption{
		parvistest.Header("Content-Type", "application/x-www-form-urlencoded"), parvistest.Header("Idempotency-Key", ""),
	}, options...)...)
}

var linkForm = regexp.MustCompile(`/v1/public/confirmations/[A-Za-z0-9_-]+`)

// links are those of the mails that went to an address, oldest first; it waits
// until there are n.
func (w *world) links(t *testing.T, to string, n int) []string {
	t.Helper()
	var out []string
	w.eventually(t, func(c *assert.CollectT) {
		out = nil
		for _, m := range w.sink.Mails() {
			if m.To[0] == to {
				text := strings.ReplaceAll(strings.ReplaceAll(string(m.Raw), "=\n", ""), "=\r\n", "")
				out = append(out, linkForm.FindString(text))
			}
		}
		require.Len(c, out, n)
	})
	return out
}

func (w *world) eventually(t *testing.T, f func(c *assert.CollectT)) {
	t.Helper()
	require.EventuallyWithT(t, f, 20*time.Second, 20*time.Millisecond)
}

func (w *world) submissions(t *testing.T) []map[string]any {
	t.Helper()
	return w.Get("/v1/forms/" + w.form + "/submissions").Is(http.StatusOK).Data()
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

func number(v any) int64 {
	n, _ := json.Number(fmt.Sprint(v)).Int64()
	return n
}
