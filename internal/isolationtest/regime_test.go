package isolationtest

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// Requests of the teleservice regime lie in a schema of their own, which the
// role that serves everything else has no grant on; and whatever table is made
// there, its row-level security is forced on everybody.
func TestTheSealedFamiliesAreOutOfReach(t *testing.T) {
	t.Parallel()
	conn := owner(t, parvistest.Database(t))
	defer func() { _ = conn.Close(t.Context()) }()
	for question, want := range map[string]bool{
		"select has_schema_privilege('parvis_app', 'teleservice', 'USAGE')":                                                               false,
		"select has_schema_privilege('parvis_app', 'teleservice', 'CREATE')":                                                              false,
		"select pg_has_role('parvis_app', 'parvis_teleservice', 'MEMBER')":                                                                false,
		"select pg_has_role('parvis_app', 'parvis_resolver', 'MEMBER')":                                                                   false,
		"select pg_has_role('parvis_teleservice', 'parvis_app', 'MEMBER')":                                                                false,
		"select has_schema_privilege('parvis_resolver', 'teleservice', 'USAGE')":                                                          false,
		"select has_schema_privilege('parvis_teleservice', 'teleservice', 'USAGE')":                                                       true,
		"select bool_or(rolsuper or rolbypassrls) from pg_roles where rolname in ('parvis_app', 'parvis_teleservice', 'parvis_resolver')": false,
		"select exists (select from pg_default_acl where defaclnamespace = 'teleservice'::regnamespace)":                                  false,
	} {
		var got bool
		require.NoError(t, conn.QueryRow(t.Context(), question).Scan(&got), question)
		require.Equal(t, want, got, question)
	}
	rows, err := conn.Query(t.Context(), `select c.oid::regclass::text from pg_class c where relnamespace = 'teleservice'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')
		and (not (relrowsecurity and relforcerowsecurity) or has_table_privilege('parvis_app', c.oid, 'SELECT, INSERT, UPDATE, DELETE'))`)
	require.NoError(t, err)
	open, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Empty(t, open, "not sealed")
}
