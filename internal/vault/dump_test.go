package vault_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/mail"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// dump is what anyone who gets at the database or at a backup of it has: every
// table of every schema, as the text in which COPY and pg_dump write it.
func dump(t *testing.T, app *parvistest.App) []byte {
	t.Helper()
	conn := owner(t, app)
	rows, err := conn.Query(t.Context(), `select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.relkind = 'r' and n.nspname in ('crm', 'teleservice', 'river', 'public') order by 1`)
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Greater(t, len(tables), 40)
	var out bytes.Buffer
	for _, table := range tables {
		_, err := conn.PgConn().CopyTo(t.Context(), &out, "copy "+table+" to stdout")
		require.NoError(t, err, table)
	}
	return out.Bytes()
}

// formsOf are the ways in which a text can lie readable: as it is, in hexadecimal
// (as bytea does), and in base64 at each of the three places it can begin at.
func formsOf(text string) map[string]string {
	out := map[string]string{
		"clear": text, "hexadecimal": hex.EncodeToString([]byte(text)), "HEXADECIMAL": strings.ToUpper(hex.EncodeToString([]byte(text))),
		"percent": url.QueryEscape(text), "reversed case": strings.ToUpper(text),
	}
	escaped, _ := json.Marshal(text)
	out["JSON"] = strings.Trim(string(escaped), `"`)
	for shift := range 3 {
		for name, encoding := range map[string]*base64.Encoding{"base64": base64.StdEncoding, "base64url": base64.URLEncoding} {
			whole := encoding.EncodeToString([]byte(strings.Repeat("x", shift) + text))
			// Letters that share bits with what is before or behind are left out.
			first := (shift*8 + 5) / 6
			last := (shift + len(text)) * 8 / 6
			out[fmt.Sprintf("%s at %d", name, shift)] = whole[first:last]
		}
	}
	return out
}

func occurrences(data []byte, text string) []string {
	var found []string
	for form, canary := range formsOf(text) {
		if bytes.Contains(data, []byte(canary)) {
			found = append(found, form)
		}
	}
	return found
}

// Known secrets and sensitive facts go in through the API; a dump of the whole
// database shows none of them, in no form.
func TestADumpShowsNoSecretAndNothingSensitive(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	sandbox := app.Sandbox()
	canaries := map[string]string{}
	for what, c := range map[string]*parvistest.Client{"live": app.Client, "sandbox": sandbox} {
		plant(t, c, what, canaries)
	}
	require.GreaterOrEqual(t, len(canaries), 18)
	for what, text := range canaries {
		require.GreaterOrEqual(t, len(text), 12, what)
	}

	// A mail that waits, with a link that is a secret.
	ctx := web.WithActor(t.Context(), web.SystemActor(app.Tenant, "test"))
	mails := mail.NewService(app.App.DB, clock.System{}, "Parvis <no-reply@parvis.example>", app.Vault().Sealer(mail.Bodies()))
	require.NoError(t, pg.InTx(ctx, app.App.DB, app.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		_, err := mails.SendTx(ctx, tx, mail.Message{
			To: "odile@example.org", Subject: "Votre lien", Text: "https://parvis.example/canary-mail-link", HTML: "<p>canary-mail-markup</p>",
			Headers: map[string]string{"List-Unsubscribe": "<https://parvis.example/canary-mail-header>"},
		})
		return err
	}))
	canaries["mail text"], canaries["mail markup"], canaries["mail header"] = "canary-mail-link", "canary-mail-markup", "canary-mail-header"
	submitted(t, app.Client, app.Anonymous())
	canaries["form submission"] = "canary-form-answer"

	// What lies open on purpose is found: the search itself works.
	data := dump(t, app)
	require.NotEmpty(t, occurrences(data, "Canary-Family-Name"))
	for what, text := range canaries {
		require.Empty(t, occurrences(data, text), "%s lies in the dump", what)
	}
	// Nor does any key that would open it.
	require.NotContains(t, string(data), "BEGIN PRIVATE KEY")

	// A change of the key shows nothing either.
	ended(t, app.Client, app.Post("/v1/encryption/rotations", nil).Is(202).Header.Get("Location"), "succeeded")
	data = dump(t, app)
	for what, text := range canaries {
		require.Empty(t, occurrences(data, text), "%s lies in the dump after a rotation", what)
	}
}

// plant puts secrets into an institution and remembers each.
func plant(t *testing.T, c *parvistest.Client, where string, canaries map[string]string) {
	t.Helper()
	canaries[where+": administrator key"] = c.Key[len(c.Key)-24:]
	c.Post("/v1/purposes", map[string]any{"code": "visits", "name": "Accueil", "legal_basis": "consent"}).Is(201)
	contact := c.Post("/v1/contacts", map[string]any{"kind": "person", "family_name": "Canary-Family-Name"}).Is(201).ID()
	facts := "/v1/contacts/" + contact + "/sensitive-facts"
	note := "canary note of " + where + ": épilepsie photosensible"
	fact := c.Post(facts, map[string]any{"category": "health", "text": note, "purpose": "visits"}).Is(201).ID()
	canaries[where+": sensitive note"] = "canary note of " + where
	canaries[where+": the illness"] = "photosensible"
	c.Patch(facts+"/"+fact, map[string]any{"text": "canary changed note of " + where}).Is(200)
	canaries[where+": changed note"] = "canary changed note of " + where
	c.Post(facts, map[string]any{"category": "identifier", "purpose": "visits", "text": "canary account of " + where,
		"identifier": map[string]any{"scheme": "iban", "value": "FR7630006000011234567890189"}}).Is(201)
	canaries[where+": IBAN"] = "FR7630006000011234567890189"
	canaries[where+": account"] = "canary account of " + where
	c.Get(facts, parvistest.Header("Parvis-Reason", "a look")).Is(200)

	hook := c.Post("/v1/webhook-endpoints", map[string]any{"url": "https://hooks.example/in", "event_types": []string{"contact.created"}}).Is(201).JSON()
	secret := hook["secret"].(string)
	canaries[where+": webhook secret"] = strings.TrimPrefix(secret, "whsec_")
	key := c.Post("/v1/api-keys", map[string]any{"name": "canary", "kind": "sk", "scopes": []string{"contacts:read"}}).Is(201).JSON()["secret"].(string)
	canaries[where+": API key"] = key[len(key)-24:]
	client := c.Post("/v1/oauth-clients", map[string]any{"name": "canary", "scopes": []string{"contacts:read"}}).Is(201).JSON()
	clientSecret := client["secret"].(string)
	canaries[where+": client secret"] = clientSecret[len(clientSecret)-24:]
	token := c.Do(http.MethodPost, "/oauth/token", url.Values{"grant_type": {"client_credentials"}}.Encode(),
		parvistest.Header("Content-Type", "application/x-www-form-urlencoded"), parvistest.Header("Idempotency-Key", ""),
		func(r *http.Request) {
			r.SetBasicAuth(url.QueryEscape(client["id"].(string)), url.QueryEscape(clientSecret))
		}).Is(200).JSON()["access_token"].(string)
	canaries[where+": access token"] = token[len(token)-40:]
}

// submitted sends a form that waits for its confirmation, as a page without
// scripts does.
func submitted(t *testing.T, c, visitor *parvistest.Client) {
	t.Helper()
	form := c.Post("/v1/forms", map[string]any{"slug": "canary", "name": "Canary", "definition": map[string]any{
		"default_language": "fr", "title": map[string]any{"fr": "Canari"},
		"schema": map[string]any{"type": "object", "required": []string{"email"}, "properties": map[string]any{
			"email": map[string]any{"type": "string", "format": "email", "maxLength": 254}, "needs": map[string]any{"type": "string", "maxLength": 200},
		}},
		"fields": []map[string]any{
			{"name": "email", "label": map[string]any{"fr": "Adresse"}}, {"name": "needs", "label": map[string]any{"fr": "Besoins"}},
		},
		"contact": map[string]any{"email": "email"}, "allowed_origins": []string{"https://www.theatre.example.org"},
	}}).Is(201)
	c.Post("/v1/forms/"+form.ID()+"/publish", nil, parvistest.IfMatch(form.ETag())).Is(200)
	path := "/v1/public/forms/" + form.ID()
	token := visitor.Get(path).Is(200).JSON()["issue_token"].(string)
	answer := visitor.Post(path+"/submissions", url.Values{"email": {"odile@example.org"}, "needs": {"canary-form-answer"}, "issue_token": {token}}.Encode(),
		parvistest.Header("Content-Type", "application/x-www-form-urlencoded"), parvistest.Header("Idempotency-Key", ""))
	require.Less(t, answer.Status, 300, "%s", answer.Body)
	list := c.Get("/v1/forms/" + form.ID() + "/submissions").Is(200).Data()
	require.Len(t, list, 1)
	require.Equal(t, "canary-form-answer", list[0]["data"].(map[string]any)["needs"])
}
