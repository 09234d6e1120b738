package archtest

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// mostPlanned is how long the plan of a plain read of any table may be, as JSON.
// Policies that name tables with policies multiply: with one more such step a
// read of the log of events took a tenth of a second to plan, whoever read it,
// and a join of two such tables a second.
const mostPlanned = 25_000

func TestPoliciesAreSoonPlanned(t *testing.T) {
	t.Parallel()
	database := parvistest.Database(t)
	admin, ctx := connect(t, database.OwnerURL)
	tables := crmTables(t, admin, ctx)
	app, ctx := connect(t, database.AppURL)
	_, err := app.Exec(ctx, "set search_path = crm")
	require.NoError(t, err)
	require.NotEmpty(t, tables)
	for _, table := range tables {
		var readable bool
		require.NoError(t, admin.QueryRow(ctx, "select has_table_privilege('parvis_app', 'crm.' || quote_ident($1), 'SELECT')", table).Scan(&readable))
		if !readable {
			continue
		}
		var plan string
		require.NoError(t, app.QueryRow(ctx, "explain (format json) select * from "+pgx.Identifier{table}.Sanitize()).Scan(&plan))
		require.Less(t, len(plan), mostPlanned, "a read of %s is planned at such length: put what its policies ask of other tables into a function in plpgsql", table)
	}
}
