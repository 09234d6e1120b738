package vault_test

import (
	"context"
	"encoding/binary"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/vault"
)

// owner is a connection that sees everything.
func owner(t *testing.T, app *parvistest.App) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), app.DB.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	_, err = conn.Exec(context.Background(), "set search_path = crm")
	require.NoError(t, err)
	return conn
}

// under counts the values of an institution by the version that they are under;
// 0 is what is under none.
func under(t *testing.T, conn *pgx.Conn, columns []vault.Column, tenant uuid.UUID) map[uint32]int {
	t.Helper()
	out := map[uint32]int{}
	for _, c := range columns {
		rows, err := conn.Query(t.Context(), "select "+c.Column+" from "+c.Table+" where tenant_id = $1 and "+c.Column+" is not null", tenant)
		require.NoError(t, err)
		values, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
		require.NoError(t, err)
		for _, value := range values {
			if !vault.IsSealed(value) {
				out[0]++
				continue
			}
			require.Equal(t, byte('T'), value[3])
			out[binary.BigEndian.Uint32(value[4:])]++
		}
	}
	return out
}
