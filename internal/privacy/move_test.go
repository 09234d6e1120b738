package privacy_test

import (
	"bytes"
	"io"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/access/apikey"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/transfers"
	"github.com/parvis-crm/parvis/internal/transfers/archive"
	"github.com/parvis-crm/parvis/internal/web"
)

// calm keeps a program from sealing an institution's reads while they are compared.
func calm(t *testing.T, app *parvistest.App, tenant uuid.UUID) {
	t.Helper()
	_, err := owner(t, app).Exec(t.Context(), "select pg_advisory_lock(hashtextextended('audit chain ' || $1::uuid::text || 'reads', 7322))", tenant)
	require.NoError(t, err)
}

func export(t *testing.T, app *parvistest.App, tenant uuid.UUID) *archive.Archive {
	t.Helper()
	path := filepath.Join(t.TempDir(), "archive.zip")
	require.NoError(t, transfers.Whole(path, func(w io.Writer) error {
		_, err := app.Transfers().Write(t.Context(), w, transfers.Export{Tenant: tenant})
		return err
	}))
	a, err := archive.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// An institution takes along whom it has erased: nothing of them is in its
// archive, what leaves comes in unchanged, and nobody comes back where it goes,
// which has other keys.
func TestWhoWasErasedStaysSoWhereTheInstitutionGoes(t *testing.T) {
	t.Parallel()
	app, there := institution(t), parvistest.New(t)
	app.Post("/v1/purposes", m{"code": "lettre", "name": "Lettre", "legal_basis": "consent"}).Is(http.StatusCreated)
	nora := m{"given_name": "Nora", "family_name": "Zqcastellan", "email": "nora.zq@courrier.example"}
	all := []m{
		record("customer", "C1", t1, nora), record("order", "o1", t1, orderData(mergedWith(nora, m{"customer": "C1"}), line("t1", nil))), record("order", "o2", t1, orderData(nora, line("t2", nil))),
		record("order", "o3", t1, orderData(m{"given_name": "Yves", "family_name": "Autrement", "email": "yves@courrier.example"}, line("t3", nora))),
	}
	contact := send(app.Client, all...)[0]["contact_id"].(string)
	app.Put("/v1/contacts/"+contact+"/external-ids/site/u-17", nil).Is(http.StatusOK)
	points := app.Get("/v1/contacts/" + contact + "/contact-points").Is(http.StatusOK).Data()
	app.Post("/v1/contacts/"+contact+"/consents", m{"purpose": "lettre", "channel": "email", "action": "given", "mechanism": "paper", "contact_point_id": points[0]["id"], "at": t1}).Is(http.StatusCreated)
	erase(app, contact)

	parvistest.Eventually(t, "everything is numbered", func() bool { return parvistest.Ask[int](t, app, "select count(*)::int from crm.event_queue") == 0 })
	calm(t, app, app.Tenant)
	calm(t, there, app.Tenant)
	first := export(t, app, app.Tenant)
	for _, table := range first.Dictionary.Tables {
		require.NoError(t, first.Lines(t.Context(), table.Name, func(_ int64, record []byte) error {
			require.NotContains(t, string(bytes.ToLower(record)), "zqcastellan", table.Name)
			require.NotContains(t, string(bytes.ToLower(record)), "nora.zq", table.Name)
			require.NotContains(t, string(record), `"u-17"`, table.Name)
			return nil
		}))
	}
	_, err := archive.Verify(t.Context(), first, nil)
	require.NoError(t, err)
	_, err = there.Transfers().Read(t.Context(), first, transfers.Import{})
	require.NoError(t, err)
	second := export(t, there, app.Tenant)
	differences, err := archive.Compare(t.Context(), first, second, 10)
	require.NoError(t, err)
	require.Empty(t, differences)

	// There, nothing may be pursued with them, and nothing brings them back.
	require.Zero(t, parvistest.Ask[int](t, there, "select count(*)::int from crm.contact_bases"))
	ctx := web.WithActor(t.Context(), web.SystemActor(app.Tenant, "test"))
	_, key, err := there.Access().CreateKey(ctx, access.NewKey{Name: "test", Kind: apikey.Secret, Scopes: []string{"*"}})
	require.NoError(t, err)
	client := *there.Client
	client.Key = key
	people := func() (n int) {
		conn, err := pgx.Connect(t.Context(), there.DB.OwnerURL)
		require.NoError(t, err)
		defer func() { _ = conn.Close(t.Context()) }()
		require.NoError(t, conn.QueryRow(t.Context(), "select count(*) from crm.contacts where tenant_id = $1 and erased_at is null", app.Tenant).Scan(&n))
		return n
	}
	left := people()
	for i := range all {
		all[i]["source_modified_at"] = t3
	}
	require.Equal(t, "ignored_anonymized", send(&client, all...)[0]["status"])
	require.Equal(t, left, people())
	for _, name := range []string{"o1", "o2"} {
		require.Nil(t, at(&client, "order", name)["buyer"], name)
	}
	require.Nil(t, at(&client, "order", "o3")["lines"].([]any)[0].(m)["holder"])
	client.Get("/v1/contacts/"+contact).Problem(http.StatusGone, "contact-erased")
	client.Get("/v1/contacts/" + contact + "/erasure").Is(http.StatusOK)
	client.Patch("/v1/contacts/by-external-id/site/u-17", m{"family_name": "Castellan"}).Problem(http.StatusGone, "contact-erased")
	back := client.Post("/v1/contacts", m{"kind": "person", "family_name": "Castellan", "contact_points": []m{{"kind": "email", "value": "NORA.ZQ@courrier.example"}}}).Is(http.StatusCreated).ID()
	require.Equal(t, "opted_out", client.Get("/v1/contacts/" + back + "/contact-points").Is(http.StatusOK).Data()[0]["status"])
}
