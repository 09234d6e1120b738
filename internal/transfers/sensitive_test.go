package transfers_test

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"testing"

	"filippo.io/age"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/transfers"
	"github.com/parvis-crm/parvis/internal/transfers/archive"
	"github.com/parvis-crm/parvis/internal/web"
)

var because = parvistest.Header("Parvis-Reason", "checking the archive")

// sensitivePerson makes a contact with two facts and returns it.
func sensitivePerson(t *testing.T, app *parvistest.App) string {
	t.Helper()
	app.Post("/v1/purposes", map[string]any{"code": "visits", "name": "Accueil", "legal_basis": "consent"})
	contact := app.Post("/v1/contacts", map[string]any{"kind": "person", "family_name": "Ferrandis"}).Is(http.StatusCreated).ID()
	path := "/v1/contacts/" + contact + "/sensitive-facts"
	app.Post(path, map[string]any{"category": "access_need", "text": "canary-wheelchair", "purpose": "visits"}).Is(http.StatusCreated)
	app.Post(path, map[string]any{"category": "identifier", "identifier": map[string]any{"scheme": "iban", "value": "FR7630006000011234567890189"}, "purpose": "visits"}).Is(http.StatusCreated)
	return contact
}

func exportFor(t *testing.T, app *parvistest.App, recipient string) *archive.Archive {
	t.Helper()
	path := filepath.Join(t.TempDir(), "archive.zip")
	require.NoError(t, transfers.Whole(path, func(w io.Writer) error {
		_, err := app.Transfers().Write(t.Context(), w, transfers.Export{Tenant: app.Tenant, SensitiveFor: recipient})
		return err
	}))
	return open(t, path)
}

// Sensitive facts leave only for somebody who is named, readable by nobody else,
// and arrive with the private key under the keys of their persons there.
func TestSensitiveFactsLeaveForTheirRecipientOnly(t *testing.T) {
	t.Parallel()
	here := parvistest.New(t)
	contact := sensitivePerson(t, here)
	forgotten := sensitivePerson(t, here)
	require.NoError(t, pg.InTx(t.Context(), here.App.DB, here.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		_, err := here.Vault().DestroySubjectTx(ctx, tx, here.Tenant, uuid.MustParse(forgotten))
		return err
	}))
	identity, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	other, err := age.GenerateX25519Identity()
	require.NoError(t, err)

	without := exportFor(t, here, "")
	require.Equal(t, archive.Sensitive{LeftOut: 2, Destroyed: 2}, without.Manifest.Sensitive)
	require.Contains(t, without.Manifest.Omitted, "sensitive_facts")

	with := exportFor(t, here, identity.Recipient().String())
	require.Equal(t, archive.Sensitive{Recipient: identity.Recipient().String(), Included: 2, Destroyed: 2}, with.Manifest.Sensitive)
	_, err = archive.Verify(t.Context(), with, nil)
	require.NoError(t, err)
	for table, content := range data(t, with) {
		require.NotContains(t, content, "canary-wheelchair", table)
		require.NotContains(t, content, "FR76300060", table)
	}

	_, err = parvistest.New(t).Transfers().Read(t.Context(), with, transfers.Import{Identity: other})
	require.True(t, fault.Is(err, "archive-key-wrong"), "%v", err)

	keyless := parvistest.New(t)
	in, err := keyless.Transfers().Read(t.Context(), with, transfers.Import{})
	require.NoError(t, err)
	require.EqualValues(t, 2, in.SensitiveLeft)
	require.Zero(t, count(t, keyless, "select count(*) from sensitive_facts"))

	there := parvistest.New(t)
	in, err = there.Transfers().Read(t.Context(), with, transfers.Import{Identity: identity})
	require.NoError(t, err)
	require.EqualValues(t, 2, in.Sensitive)
	_, key, err := there.Access().CreateKey(web.WithActor(t.Context(), web.SystemActor(here.Tenant, "test")), access.NewKey{Name: "x", Kind: "sk", Scopes: []string{"*"}})
	require.NoError(t, err)
	client := there.Anonymous()
	client.Key = key
	path := "/v1/contacts/" + contact + "/sensitive-facts"
	facts := client.Get(path, because).Is(http.StatusOK).Data()
	require.Len(t, facts, 2)
	require.Equal(t, "canary-wheelchair", facts[0]["text"])
	require.Len(t, client.Post("/v1/sensitive-facts/search", map[string]any{"scheme": "iban", "value": "FR7630006000011234567890189"}, because).Is(http.StatusOK).Data(), 1,
		"found by the blind index of the new installation")
	require.NoError(t, pg.InTx(t.Context(), there.App.DB, here.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		_, err := there.Vault().DestroySubjectTx(ctx, tx, here.Tenant, uuid.MustParse(contact))
		return err
	}))
	client.Get(path, because).Problem(http.StatusGone, "sensitive-facts-destroyed")
}

// By the API it takes the right to read such facts, and stands in the access log
// of everybody concerned.
func TestAnArchiveWithSensitiveFactsIsAReadingOfThem(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	contact := sensitivePerson(t, app)
	identity, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	body := map[string]any{"sensitive_recipient": identity.Recipient().String()}
	verbs := []string{"see", "see_contact_points", "see_restricted", "export"}
	app.Limited(parvistest.Limits{Scopes: []string{"exports:write"}, Verbs: verbs}).Post("/v1/exports", body).Problem(http.StatusForbidden, "insufficient-scope")
	app.Post("/v1/exports", map[string]any{"sensitive_recipient": "age1nonsense"}).Is(http.StatusBadRequest)
	app.Post("/v1/exports", body).Is(http.StatusAccepted)
	reads := app.Get("/v1/audit/reads?contact_id=" + contact).Is(http.StatusOK).Data()
	require.NotEmpty(t, reads)
	require.Equal(t, "createExport", reads[0]["operation"])
}
