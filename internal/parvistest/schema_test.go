package parvistest_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// The whole schema is there, and the application's login is under the walls.
func TestDatabaseHasTheSchemaOfTheProgram(t *testing.T) {
	t.Parallel()
	db := parvistest.Database(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, db.AppURL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()

	var tables, jobs int
	var bypasses, dirty bool
	require.NoError(t, conn.QueryRow(ctx, `
		SELECT count(*) FILTER (WHERE relnamespace = 'crm'::regnamespace),
		       count(*) FILTER (WHERE relnamespace = 'river'::regnamespace)
		FROM pg_class WHERE relkind IN ('r', 'p')`).Scan(&tables, &jobs))
	require.Positive(t, tables)
	require.Positive(t, jobs)
	require.NoError(t, conn.QueryRow(ctx, `
		SELECT rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole
		FROM pg_roles WHERE rolname = current_user`).Scan(&bypasses))
	require.False(t, bypasses)

	owner, err := pgx.Connect(ctx, db.OwnerURL)
	require.NoError(t, err)
	defer func() { _ = owner.Close(context.Background()) }()
	require.NoError(t, owner.QueryRow(ctx, "SELECT dirty FROM crm.schema_migrations").Scan(&dirty))
	require.False(t, dirty)
}
