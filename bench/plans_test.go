package main

import (
	"context"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// furnished is a database with a small data set, whose tables the planner is
// then told to take for large ones.
func furnished(t *testing.T) *pgx.Conn {
	t.Helper()
	db := parvistest.Database(t)
	require.NoError(t, fill(t.Context(), db.OwnerURL, 2000))
	conn, err := pgx.Connect(t.Context(), db.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	_, err = conn.Exec(t.Context(), "set search_path = crm")
	require.NoError(t, err)
	return conn
}

func TestNoQueryScansATableThatGrows(t *testing.T) {
	t.Parallel()
	all, err := generatedQueries("..")
	require.NoError(t, err)
	require.Greater(t, len(all), 200)
	found, err := judge(t.Context(), furnished(t), all)
	require.NoError(t, err)
	require.Empty(t, slices.Concat(found.scans, found.wide), "give the query an index, or the table a reason in plans_allowed.go to stay small")
}

func TestAScanIsFound(t *testing.T) {
	t.Parallel()
	conn := furnished(t)
	found, err := judge(t.Context(), conn, []query{
		{"by index", "SELECT * FROM ticketing_orders WHERE tenant_id = $1 AND id = $2"},
		{"of an institution", "SELECT * FROM ticketing_orders WHERE tenant_id = $1 AND channel_code = $2"},
		{"a page", "SELECT * FROM contacts WHERE tenant_id = $1 ORDER BY id LIMIT $2"},
		{"of everything", "SELECT * FROM contacts WHERE display_name = $1"},
		{"of a small table", "SELECT * FROM tags WHERE tenant_id = $1 AND name = $2"},
	})
	require.NoError(t, err)
	// Row-level security binds even the careless one to its institution.
	require.Equal(t, []string{"of an institution is bound by the institution alone in ticketing_orders", "of everything is bound by the institution alone in contacts"}, slices.Concat(found.scans, found.wide))
}
