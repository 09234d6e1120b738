package parvistest

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// Ask is one value of the database, asked as the owner of its tables.
func Ask[T any](tb testing.TB, app *App, sql string, args ...any) (out T) {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), app.DB.OwnerURL)
	require.NoError(tb, err)
	defer func() { require.NoError(tb, conn.Close(tb.Context())) }()
	require.NoError(tb, conn.QueryRow(tb.Context(), sql, args...).Scan(&out))
	return out
}
