package archtest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// Every table holds one row of each of two institutions, and every statement
// is one that forgot its predicate: row-level security alone must hold.
func TestRowLevelSecurityHoldsAlone(t *testing.T) {
	t.Parallel()
	database := parvistest.Database(t)
	admin, ctx := connect(t, database.OwnerURL)
	ours, theirs := uuid.New(), uuid.New()
	var tables []string
	for _, table := range crmTables(t, admin, ctx) {
		if tenantless[table] == "" {
			tables = append(tables, table)
		}
	}
	fill(t, admin, ctx, tables, ours, theirs)

	app, ctx := connect(t, database.AppURL)
	_, err := app.Exec(ctx, "set search_path = crm")
	require.NoError(t, err)
	for _, table := range tables {
		name := pgx.Identifier{table}.Sanitize()
		allowed := func(privilege string) bool {
			var ok bool
			require.NoError(t, admin.QueryRow(ctx, "select has_table_privilege('parvis_app', 'crm.' || quote_ident($1), $2)", table, privilege).Scan(&ok))
			return ok
		}
		if !allowed("SELECT") {
			continue
		}
		require.Empty(t, visible(t, app, ctx, uuid.Nil, name), "%s is readable without a scope", table)
		require.Empty(t, visible(t, app, ctx, uuid.New(), name), "%s is readable in the scope of a third institution", table)
		require.Equal(t, []uuid.UUID{ours}, visible(t, app, ctx, ours, name), "%s", table)
		require.Equal(t, []uuid.UUID{theirs}, visible(t, app, ctx, theirs, name), "%s", table)
		if allowed("UPDATE") {
			require.EqualValues(t, 1, affected(t, app, ctx, ours, "update "+name+" set tenant_id = tenant_id"), "%s: an update reaches beyond its institution", table)
			refused(t, app, ctx, ours, fmt.Sprintf("update %s set tenant_id = '%s'", name, theirs), table)
		}
		if allowed("DELETE") {
			require.EqualValues(t, 1, affected(t, app, ctx, ours, "delete from "+name), "%s: a deletion reaches beyond its institution", table)
		}
		if allowed("INSERT") {
			refused(t, app, ctx, ours, insertion(t, admin, ctx, table, theirs), table)
		}
	}
}

// fill puts a row of each institution into every table. Only the walls are
// under test, so checks and references are taken away first.
func fill(t *testing.T, admin *pgx.Conn, ctx context.Context, tables []string, tenants ...uuid.UUID) {
	t.Helper()
	for _, statement := range texts(t, admin, ctx, `
		select format('alter table %s drop constraint %I', conrelid::regclass, conname) from pg_constraint
		where connamespace = 'crm'::regnamespace and contype in ('c', 'f') order by conparentid <> 0`) {
		_, err := admin.Exec(ctx, statement)
		require.NoError(t, err, statement)
	}
	_, err := admin.Exec(ctx, "set session_replication_role = replica")
	require.NoError(t, err)
	for _, table := range tables {
		for _, tenant := range tenants {
			statement := insertion(t, admin, ctx, table, tenant)
			_, err := admin.Exec(ctx, statement)
			require.NoError(t, err, statement)
		}
	}
}

// insertion makes a statement that gives a value to each column that needs one.
func insertion(t *testing.T, admin *pgx.Conn, ctx context.Context, table string, tenant uuid.UUID) string {
	t.Helper()
	rows, err := admin.Query(ctx, `
		select attname::text, format_type(atttypid, null) from pg_attribute
		where attrelid = ('crm.' || quote_ident($1))::regclass and attnum > 0 and not attisdropped
		  and attnotnull and not atthasdef and attidentity = ''`, table)
	require.NoError(t, err)
	var columns, values []string
	var column, kind string
	_, err = pgx.ForEachRow(rows, []any{&column, &kind}, func() error {
		columns = append(columns, pgx.Identifier{column}.Sanitize())
		switch {
		case column == "tenant_id":
			values = append(values, "'"+tenant.String()+"'")
		case kind == "uuid":
			values = append(values, "gen_random_uuid()")
		case kind == "bytea":
			values = append(values, "decode(md5(random()::text), 'hex')")
		case kind == "jsonb":
			values = append(values, "'{}'")
		case kind == "boolean":
			values = append(values, "true")
		case kind == "date" || strings.HasPrefix(kind, "timestamp"):
			values = append(values, "now()")
		case kind == "interval":
			values = append(values, "'1 day'")
		case kind == "cidr" || kind == "inet":
			values = append(values, "'127.0.0.1'")
		case kind == "tsvector":
			values = append(values, "''")
		case strings.HasSuffix(kind, "range"):
			values = append(values, "'empty'")
		case strings.HasSuffix(kind, "[]"):
			values = append(values, "'{}'")
		case kind == "text":
			values = append(values, "left(md5(random()::text), 8)")
		default: // numbers
			values = append(values, "(random() * 30000)::int")
		}
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, columns, table)
	return fmt.Sprintf("insert into crm.%s (%s) values (%s)", pgx.Identifier{table}.Sanitize(), strings.Join(columns, ", "), strings.Join(values, ", "))
}

// inScope runs f in a transaction that is taken back.
func inScope(t *testing.T, app *pgx.Conn, ctx context.Context, tenant uuid.UUID, f func(tx pgx.Tx)) {
	t.Helper()
	tx, err := app.Begin(ctx)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback(ctx)) }()
	if tenant != uuid.Nil {
		_, err = tx.Exec(ctx, "select set_config('app.tenant', $1, true), set_config('app.sight', '*', true)", tenant.String())
		require.NoError(t, err)
	}
	f(tx)
}

func visible(t *testing.T, app *pgx.Conn, ctx context.Context, tenant uuid.UUID, table string) []uuid.UUID {
	t.Helper()
	var seen []uuid.UUID
	inScope(t, app, ctx, tenant, func(tx pgx.Tx) {
		rows, err := tx.Query(ctx, "select tenant_id from "+table)
		require.NoError(t, err)
		seen, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		require.NoError(t, err)
	})
	return seen
}

func affected(t *testing.T, app *pgx.Conn, ctx context.Context, tenant uuid.UUID, sql string) int64 {
	t.Helper()
	var n int64
	inScope(t, app, ctx, tenant, func(tx pgx.Tx) {
		tag, err := tx.Exec(ctx, sql)
		require.NoError(t, err, sql)
		n = tag.RowsAffected()
	})
	return n
}

func refused(t *testing.T, app *pgx.Conn, ctx context.Context, tenant uuid.UUID, sql, table string) {
	t.Helper()
	inScope(t, app, ctx, tenant, func(tx pgx.Tx) {
		_, err := tx.Exec(ctx, sql)
		require.ErrorContains(t, err, "row-level security", "%s takes a row of another institution", table)
	})
}
