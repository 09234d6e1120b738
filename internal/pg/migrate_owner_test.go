package pg_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/pg"
)

// login makes one and gives its name and its URL for the database of conn.
func login(t *testing.T, conn *pgx.Conn, ownerURL string) (name, at string) {
	t.Helper()
	name = fmt.Sprintf("login_%d", rand.Uint32())
	_, err := conn.Exec(t.Context(), "create role "+name+" login password 'plain'")
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := conn.Exec(context.Background(), "drop owned by "+name+" cascade; drop role "+name, pgx.QueryExecModeSimpleProtocol)
		require.NoError(t, err)
	})
	u, err := url.Parse(ownerURL)
	require.NoError(t, err)
	u.User = url.UserPassword(name, "plain")
	query := u.Query()
	query.Del("user")
	u.RawQuery = query.Encode()
	return name, u.String()
}

// The application's login is told whose affair the schema is, and is never to be
// given what would let it take the walls down. Where the schema is as it should
// be there is nothing to tell.
func TestWhoOwnsNothingIsToldWhoseTheSchemaIs(t *testing.T) {
	t.Parallel()
	db := parvistest.Database(t)
	conn := connect(t, db.OwnerURL)
	web, at := login(t, conn, db.OwnerURL)
	_, err := conn.Exec(t.Context(), "grant parvis_app to "+web)
	require.NoError(t, err)
	require.NoError(t, pg.MigrateToServe(t.Context(), at, at), "the schema is as it should be")

	told := func(sentence string) {
		t.Helper()
		err := pg.MigrateToServe(t.Context(), at, at)
		require.ErrorContains(t, err, sentence)
		require.ErrorContains(t, err, "set PARVIS_MIGRATION_URL")
		require.NotContains(t, err.Error(), "grant")
	}
	_, err = conn.Exec(t.Context(), "update crm.schema_migrations set version = version - 1")
	require.NoError(t, err)
	told(web + " does not own the schema")
	_, err = conn.Exec(t.Context(), "update crm.schema_migrations set version = version + 1; delete from river.river_migration where version = (select max(version) from river.river_migration)", pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	told(web + " does not own the schema")
	_, err = conn.Exec(t.Context(), "revoke parvis_app from "+web)
	require.NoError(t, err)
	told(web + " does not own the schema")
	_, err = conn.Exec(t.Context(), "drop schema crm cascade")
	require.NoError(t, err)
	told(web + " owns no schema here")
}

// A single login that owns the schema has to be able to lower itself, which is
// said beforehand with everything else it needs.
func TestASingleLoginIsToldAllItNeeds(t *testing.T) {
	t.Parallel()
	ownerURL, conn := empty(t)
	name, at := login(t, conn, ownerURL)
	database := pgx.Identifier{conn.Config().Database}.Sanitize()
	_, err := conn.Exec(t.Context(), "alter database "+database+" owner to "+name)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := conn.Exec(context.Background(), "alter database "+database+" owner to current_user")
		require.NoError(t, err)
	})
	needs := func(err error) string {
		t.Helper()
		require.Error(t, err)
		_, needed, said := strings.Cut(err.Error(), "run once: ")
		require.True(t, said, err)
		return needed
	}
	require.NotContains(t, needs(pg.MigrateToServe(t.Context(), at, ownerURL)), "parvis_app", "another login serves")
	needed := needs(pg.MigrateToServe(t.Context(), at, at))
	require.Contains(t, needed, "grant parvis_app to "+name)
	require.Contains(t, needed, "grant parvis_resolver to "+name)
	_, err = conn.Exec(t.Context(), needed, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	require.NoError(t, pg.MigrateToServe(t.Context(), at, at))
	serving, err := pg.Open(t.Context(), at, pg.Options{MaxConns: 1})
	require.NoError(t, err)
	defer serving.Close()
	require.NoError(t, serving.Pool().Ping(t.Context()))

	// Later too, when there is nothing to migrate.
	_, err = conn.Exec(t.Context(), "revoke parvis_app from "+name)
	require.NoError(t, err)
	require.Equal(t, "grant parvis_app to "+name+";", needs(pg.MigrateToServe(t.Context(), at, at)))
}
