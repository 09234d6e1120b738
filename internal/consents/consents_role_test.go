package consents_test

import (
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// The application's own role can only add to the ledger.
func TestLedgerCannotBeChangedByTheApplication(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	newPurpose(t, app.Client, "newsletter")
	p := newPerson(t, app, "camille@example.org")
	app.Post(p.path(), p.said("given", "2024-01-01T00:00:00Z", map[string]any{"wording": map[string]any{"text": "Oui", "language": "fr", "label": "1"}})).Is(http.StatusCreated)

	conn, err := pgx.Connect(t.Context(), app.DB.AppURL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	_, err = conn.Exec(t.Context(), "set app.sight = '*'; set app.tenant = '"+app.Tenant.String()+"'")
	require.NoError(t, err)
	var n int
	require.NoError(t, conn.QueryRow(t.Context(), "select count(*) from crm.consents").Scan(&n))
	require.Equal(t, 1, n)
	for _, sql := range []string{
		"update crm.consents set action = 'refused'", "delete from crm.consents", "truncate crm.consents",
		"update crm.consent_wordings set text = 'Non'", "delete from crm.consent_wordings", "delete from crm.purposes",
	} {
		_, err := conn.Exec(t.Context(), sql)
		var refused *pgconn.PgError
		require.ErrorAs(t, err, &refused, sql)
		require.Equal(t, "42501", refused.Code, sql)
	}
}

func TestReadersCannotWrite(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	id := newPurpose(t, app.Client, "newsletter")
	p := newPerson(t, app, "camille@example.org")
	reader, writer := app.As("consents:read"), app.As("consents:write")
	reader.Get("/v1/purposes").Is(http.StatusOK)
	reader.Get(p.path()).Is(http.StatusOK)
	reader.Post(p.path(), p.said("given", "2024-01-01T00:00:00Z", nil)).Problem(http.StatusForbidden, "insufficient-scope")
	reader.Patch("/v1/purposes/"+id, map[string]any{"name": "x"}).Problem(http.StatusForbidden, "insufficient-scope")
	entry := writer.Post(p.path(), p.said("given", "2024-01-01T00:00:00Z", nil)).Is(http.StatusCreated).ID()
	writer.Get("/v1/consents/"+entry+"/proof").Problem(http.StatusForbidden, "insufficient-scope")
	writer.Post("/v1/purposes", map[string]any{"code": "x", "name": "x", "legal_basis": "consent"}).Problem(http.StatusForbidden, "insufficient-scope")
}
