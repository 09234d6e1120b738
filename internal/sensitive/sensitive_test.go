package sensitive_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/app"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/pg"
)

var because = parvistest.Header("Parvis-Reason", "seats for tonight")

// person makes a purpose and a contact and returns the path of their facts.
func person(t *testing.T, c *parvistest.Client) (path, contact string) {
	t.Helper()
	c.Post("/v1/purposes", map[string]any{"code": "visits", "name": "Accueil", "legal_basis": "consent"})
	contact = c.Post("/v1/contacts", map[string]any{"kind": "person", "family_name": "Ferrandis", "given_name": "Odile"}).Is(201).ID()
	return "/v1/contacts/" + contact + "/sensitive-facts", contact
}

func need(text string) map[string]any {
	return map[string]any{"category": "access_need", "text": text, "purpose": "visits", "source": "box office"}
}

func iban(value string) map[string]any {
	return map[string]any{"category": "identifier", "identifier": map[string]any{"scheme": "iban", "value": value}, "purpose": "visits"}
}

// nobodyRemoves keeps the program from removing by itself what has lapsed, as it
// does when it starts and then hourly.
func nobodyRemoves(c *config.Config, _ *app.Options) { c.Workers = false }

func TestAFactIsRecordedReadChangedAndRemoved(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, nobodyRemoves)
	path, contact := person(t, app.Client)
	made := app.Post(path, need("comes in a wheelchair")).Is(201)
	require.NotContains(t, string(made.Body), "wheelchair", "the right to write is no right to read")
	require.Equal(t, path+"/"+made.ID(), made.Header.Get("Location"))
	one := path + "/" + made.ID()

	fact := app.Get(one, because).Is(200).JSON()
	require.Equal(t, "comes in a wheelchair", fact["text"])
	require.Equal(t, "access_need", fact["category"])
	require.Equal(t, contact, fact["contact_id"])
	require.Equal(t, "visits", fact["purpose"])
	app.Get(one).Problem(400, "access-reason-required")
	app.Get(path, parvistest.Header("Parvis-Reason", "  ")).Is(400)

	changed := app.Patch(one, map[string]any{"text": "comes with a companion"}, parvistest.IfMatch(made.ETag())).Is(200)
	require.NotContains(t, string(changed.Body), "companion")
	app.Patch(one, map[string]any{"text": "too late"}, parvistest.IfMatch(made.ETag())).Problem(412, "stale")
	app.Patch(one, map[string]any{"valid_until": "2020-01-31"}).Is(200)
	require.Empty(t, app.Get(path, because).Is(200).Data(), "what has lapsed is listed only when asked for")
	all := app.Get(path+"?include_expired=true", because).Is(200).Data()
	require.Len(t, all, 1)
	require.Equal(t, "comes with a companion", all[0]["text"])

	app.Delete(one).Problem(428, "precondition-required")
	app.Delete(one, parvistest.IfMatch(`"3"`)).Is(204)
	app.Get(one, because).Problem(404, "not-found")
	history := app.Get(one+"/history", because).Is(200).JSON()["changes"].([]any)
	require.Len(t, history, 4)
	texts := []any{}
	for _, h := range history {
		texts = append(texts, h.(map[string]any)["text"])
	}
	require.Equal(t, []any{"comes in a wheelchair", "comes with a companion", "comes with a companion", nil}, texts)
}

func TestWhatIsNotNeededIsNotRecorded(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	path, _ := person(t, app.Client)
	app.Post(path, parvistest.With(need("x"), map[string]any{"purpose": "nobody-knows"})).Is(422).Points("#/purpose")
	app.Post(path, parvistest.With(need("x"), map[string]any{"text": "  "})).Is(422).Points("#/text")
	app.Post(path, map[string]any{"category": "identifier", "purpose": "visits"}).Is(422).Points("#/identifier")
	app.Post(path, parvistest.With(iban("FR7630006000011234567890189"), map[string]any{"category": "health", "text": "x"})).Is(422).Points("#/identifier")
	for _, wrong := range []string{"FR7630006000011234567890188", "FR76", "7630006000011234567890189FR", "FRAA30006000011234567890189"} {
		app.Post(path, iban(wrong)).Is(422).Points("#/identifier/value")
	}
	app.Post("/v1/contacts/0199c0de-7b11-7e0a-9d1f-5b8f0a3b9e99/sensitive-facts", need("x")).Problem(404, "not-found")
}

func TestAnIdentifierIsFoundWithoutLyingOpen(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	path, contact := person(t, app.Client)
	fact := app.Post(path, iban("FR76 3000 6000 0112 3456 7890 189")).Is(201).ID()
	other, _ := person(t, app.Client)
	app.Post(other, iban("GB82 WEST 1234 5698 7654 32")).Is(201)
	find := func(value string) []map[string]any {
		return app.Post("/v1/sensitive-facts/search", map[string]any{"scheme": "iban", "value": value}, because).Is(200).Data()
	}
	found := find("fr76-3000-6000-0112-3456-7890-189")
	require.Len(t, found, 1)
	require.Equal(t, fact, found[0]["id"])
	require.Equal(t, contact, found[0]["contact_id"])
	require.Empty(t, find("DE89370400440532013000"))
	require.Empty(t, app.Post("/v1/sensitive-facts/search", map[string]any{"scheme": "other", "value": "FR7630006000011234567890189"}, because).Is(200).Data(),
		"the scheme is part of it")
	app.Post("/v1/sensitive-facts/search", map[string]any{"scheme": "iban", "value": "DE89370400440532013000"}).Problem(400, "access-reason-required")
	app.Patch(path+"/"+fact, map[string]any{"identifier": map[string]any{"scheme": "iban", "value": "DE89370400440532013000"}}).Is(200)
	require.Empty(t, find("FR7630006000011234567890189"))
	require.Len(t, find("DE89 3704 0044 0532 0130 00"), 1)
}

// Each reading is in the access log with its reason, and the log of events, its
// changes, lists and search show nothing.
func TestFactsShowNowhereElse(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	path, contact := person(t, app.Client)
	fact := app.Post(path, need("canary-wheelchair")).Is(201).ID()
	app.Get(path, because).Is(200)
	reads := app.Get("/v1/audit/reads?contact_id=" + contact).Is(200).Data()
	require.NotEmpty(t, reads)
	require.Equal(t, "listSensitiveFacts", reads[0]["operation"])
	require.Equal(t, "seats for tonight", reads[0]["reason"])

	var id string
	parvistest.Eventually(t, "the event is numbered", func() bool {
		for _, e := range app.Get("/v1/events?types=sensitive_fact.recorded").Is(200).Data() {
			id = e["id"].(string)
			require.Equal(t, fact, e["data"].(map[string]any)["id"])
		}
		return id != ""
	})
	for _, address := range []string{
		"/v1/events?limit=200", "/v1/events/" + id, "/v1/events/" + id + "/changes", "/v1/contacts/" + contact, "/v1/contacts?q=canary-wheelchair", "/v1/contacts",
	} {
		require.NotContains(t, string(app.Get(address).Is(200).Body), "canary", address)
	}
}

// Destroying a person's key makes everything about them unreadable, in the table
// and in the history, and leaves the chain of events whole.
func TestDestroyingThePersonsKey(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	path, contact := person(t, app.Client)
	other, _ := person(t, app.Client)
	fact := app.Post(path, need("comes in a wheelchair")).Is(201).ID()
	app.Patch(path+"/"+fact, map[string]any{"text": "and with a companion"}).Is(200)
	app.Post(path, iban("FR7630006000011234567890189")).Is(201)
	app.Post(other, need("another person's")).Is(201)
	app.Get(path+"/"+fact+"/history", because).Is(200)
	verify := func() map[string]any {
		var report map[string]any
		parvistest.Eventually(t, "every event is numbered", func() bool {
			report = app.Get("/v1/audit/verification").Is(200).JSON()
			return report["verified"].(float64) >= 6
		})
		require.Equal(t, true, report["intact"], "%v", report)
		require.EqualValues(t, 0, report["erased"])
		return report
	}
	before := verify()

	had, err := pg.InTxValue(t.Context(), app.App.DB, app.Tenant, func(ctx context.Context, tx pgx.Tx) (bool, error) {
		return app.Vault().DestroySubjectTx(ctx, tx, app.Tenant, uuid.MustParse(contact))
	})
	require.NoError(t, err)
	require.True(t, had)
	for _, address := range []string{path, path + "/" + fact, path + "/" + fact + "/history"} {
		app.Get(address, because).Problem(http.StatusGone, "sensitive-facts-destroyed")
	}
	app.Post(path, need("again")).Problem(http.StatusGone, "sensitive-facts-destroyed")
	app.Patch(path+"/"+fact, map[string]any{"text": "again"}).Problem(http.StatusGone, "sensitive-facts-destroyed")
	require.Empty(t, app.Post("/v1/sensitive-facts/search", map[string]any{"scheme": "iban", "value": "FR7630006000011234567890189"}, because).Is(200).Data())
	require.Len(t, app.Get(other, because).Is(200).Data(), 1, "nobody else's")
	after := verify()
	require.Equal(t, before["digest"], app.Get("/v1/audit/verification?to=" + jsonNumber(before["to"])).Is(200).JSON()["digest"])
	require.GreaterOrEqual(t, after["verified"], before["verified"])

	// The key was the only way: with every other key of the installation, what is
	// left in the table and in the history opens for nobody.
	_, err = app.Vault().KnownSubject(t.Context(), app.App.DB.Tenant(app.Tenant), app.Tenant, uuid.MustParse(contact))
	require.Error(t, err)
}

func jsonNumber(v any) string {
	raw, _ := json.Marshal(v)
	return strings.Trim(string(raw), `"`)
}
