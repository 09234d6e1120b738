package rights_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func owner(t *testing.T, app *parvistest.App) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), app.DB.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	_, err = conn.Exec(t.Context(), "set app.sight = '*'")
	require.NoError(t, err)
	return conn
}

// recipients are the addresses that mail is queued for.
func recipients(t *testing.T, app *parvistest.App) []string {
	t.Helper()
	rows, err := owner(t, app).Query(t.Context(), "select recipient from crm.mails where tenant_id = $1", app.Tenant)
	require.NoError(t, err)
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return out
}
