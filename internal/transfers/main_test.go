package transfers_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/transfers"
	"github.com/parvis-crm/parvis/internal/transfers/archive"
)

// owner runs statements as the owner of the schema.
func owner(t *testing.T, app *parvistest.App, sql string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), app.DB.OwnerURL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(context.Background(), "set search_path = crm")
	require.NoError(t, err)
	_, err = conn.Exec(context.Background(), sql, args...)
	require.NoError(t, err)
}

// count asks for one number as the owner.
func count(t *testing.T, app *parvistest.App, sql string, args ...any) int64 {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), app.DB.OwnerURL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(context.Background(), "set search_path = crm")
	require.NoError(t, err)
	var n int64
	require.NoError(t, conn.QueryRow(context.Background(), sql, args...).Scan(&n))
	return n
}

// export writes an institution into a file and opens it.
func export(t *testing.T, app *parvistest.App, tenant uuid.UUID) (string, *archive.Archive) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "archive.zip")
	require.NoError(t, transfers.Whole(path, func(w io.Writer) error {
		_, err := app.Transfers().Write(t.Context(), w, transfers.Export{Tenant: tenant})
		return err
	}))
	return path, open(t, path)
}

func open(t *testing.T, path string) *archive.Archive {
	t.Helper()
	a, err := archive.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// data is the content of every data file.
func data(t *testing.T, a *archive.Archive) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, table := range a.Dictionary.Tables {
		var b bytes.Buffer
		require.NoError(t, a.Lines(t.Context(), table.Name, func(_ int64, record []byte) error {
			b.Write(record)
			b.WriteByte('\n')
			return nil
		}))
		out[table.Name] = b.String()
	}
	return out
}

// furnish gives an institution some of everything, with the values that tend to
// be lost on the way: quotes, line ends, control characters, other scripts, big
// numbers, empty and missing.
func furnish(t *testing.T, app *parvistest.App, tenant uuid.UUID) {
	t.Helper()
	sql, err := os.ReadFile("testdata/furnish.sql")
	require.NoError(t, err)
	conn, err := pgx.Connect(context.Background(), app.DB.OwnerURL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(context.Background(), "set search_path = crm; set app.sight = '*'; set app.tenant = '"+tenant.String()+"'; set app.seed = '"+ids.New().String()+"';\n"+string(sql))
	require.NoError(t, err)
}

// unsealed keeps a program from sealing an institution's reads while they are
// compared: what waits to be sealed travels as such.
func unsealed(t *testing.T, app *parvistest.App, tenant uuid.UUID) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), app.DB.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	_, err = conn.Exec(context.Background(), "select pg_advisory_lock(hashtextextended('audit chain ' || $1::uuid::text || 'reads', 7322))", tenant)
	require.NoError(t, err)
}
