package archtest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/pg"
)

// tenantless tables have no tenant, each for a reason.
var tenantless = map[string]string{
	"signing_keys":       "token signing keys belong to the installation; the private part is sealed",
	"credential_guesses": "attempts are counted before any institution is known, whether or not the credential exists; its keys are keyed hashes",
	"quota_buckets":      "quotas of addresses are counted before any institution is known; its keys are keyed hashes, and only lease_quotas touches it",
	"schema_migrations":  "the migration library's own",
	"schema_steps":       "which steps of the schema were taken, of the whole database",
}

// globalUniques are unique across institutions, each for a reason.
var globalUniques = map[string]string{
	"api_keys_key_id":  "a key is looked up before its institution is known",
	"oauth_clients_id": "a client is looked up before its institution is known",
}

// appendOnly tables are never changed and lose rows only as said.
var appendOnly = map[string]string{
	"events":                      "the log is what everything else is checked against",
	"event_sequence":              "a number once given stays",
	"access_log_index":            "what it is found by is as little to be changed",
	"refusals":                    "what was refused may not be rewritten by those who were",
	"access_log":                  "who read what may not be rewritten by those who read",
	"consent_wordings":            "the text that a consent answered stays what it was",
	"form_versions":               "what a visitor saw is the proof of what they agreed to",
	"ticketing_movements":         "money that moved is corrected by another movement",
	"ticketing_gift_card_entries": "the same of gift cards",
	"ticketing_forgotten":         "who was forgotten stays so",
	"consents":                    "a consent is proved by what was written when it was given (GDPR art. 7 (1))",
}

func owner(t *testing.T) (*pgx.Conn, context.Context) {
	t.Helper()
	return connect(t, parvistest.Database(t).OwnerURL)
}

func connect(t *testing.T, url string) (*pgx.Conn, context.Context) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	conn, err := pgx.Connect(ctx, url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn, ctx
}

func texts(t *testing.T, conn *pgx.Conn, ctx context.Context, sql string, args ...any) []string {
	t.Helper()
	rows, err := conn.Query(ctx, sql, args...)
	require.NoError(t, err)
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return out
}

func crmTables(t *testing.T, conn *pgx.Conn, ctx context.Context) []string {
	t.Helper()
	all := texts(t, conn, ctx, `select relname::text from pg_class where relnamespace = 'crm'::regnamespace and relkind in ('r', 'p') and not relispartition order by 1`)
	require.Contains(t, all, "events")
	return all
}

// The tenant comes first, so that a row of another institution can neither be
// found, nor collide, nor be referred to; and the schema can be distributed.
func TestTheTenantLeadsEveryKey(t *testing.T) {
	t.Parallel()
	conn, ctx := owner(t)
	for _, table := range crmTables(t, conn, ctx) {
		if tenantless[table] != "" {
			continue
		}
		var first *string
		err := conn.QueryRow(ctx, `
			select (select attname::text from pg_attribute a where a.attrelid = c.conrelid and a.attnum = c.conkey[1])
			from pg_constraint c where contype = 'p' and conrelid = ('crm.' || quote_ident($1))::regclass`, table).Scan(&first)
		require.NoError(t, err, "%s has no primary key", table)
		if *first != "tenant_id" {
			t.Errorf("the primary key of %s does not begin with tenant_id", table)
		}
	}
	for _, index := range texts(t, conn, ctx, `
		select i.indexrelid::regclass::text from pg_index i
		join pg_class c on c.oid = i.indrelid and c.relnamespace = 'crm'::regnamespace
		left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
		where i.indisunique and a.attname is distinct from 'tenant_id'
		  and c.relname <> all($1)`, keys(tenantless)) {
		index = trimSchema(index)
		if globalUniques[index] == "" {
			t.Errorf("the unique index %s does not begin with tenant_id: one institution could learn or block what another has", index)
		}
	}
	for _, key := range texts(t, conn, ctx, `
		select c.conrelid::regclass::text || ' ' || c.conname from pg_constraint c
		join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
		join pg_attribute f on f.attrelid = c.confrelid and f.attnum = c.confkey[1]
		where c.contype = 'f' and c.connamespace = 'crm'::regnamespace
		  and (a.attname <> 'tenant_id' or f.attname <> 'tenant_id')`) {
		t.Errorf("the foreign key %s does not begin with tenant_id: a row could refer to another institution's", key)
	}
}

func TestEveryTableIsBehindTheWall(t *testing.T) {
	t.Parallel()
	conn, ctx := owner(t)
	for _, table := range texts(t, conn, ctx, `
		select relname::text from pg_class
		where relnamespace = 'crm'::regnamespace and relkind in ('r', 'p')
		  and not (relrowsecurity and relforcerowsecurity) and relname <> all($1)`, keys(tenantless)) {
		t.Errorf("%s has no forced row-level security: call SELECT protect('%s') in its migration", table, table)
	}
	for _, policy := range texts(t, conn, ctx, `
		select tablename || ' ' || policyname from pg_policies
		where schemaname = 'crm' and ('parvis_app' = any(roles) or 'public' = any(roles))
		  and permissive = 'PERMISSIVE'
		  and not (qual = '(tenant_id = crm.current_tenant())' or qual = '(tenant_id = current_tenant())')`) {
		t.Errorf("the policy %s lets the application see more than its tenant", policy)
	}
	for _, view := range texts(t, conn, ctx, `
		select relname::text from pg_class where relnamespace = 'crm'::regnamespace
		  and (relkind = 'm' or relkind = 'v' and not coalesce('security_invoker=true' = any(reloptions) or 'security_invoker=on' = any(reloptions), false))`) {
		t.Errorf("the view %s reads as its owner, past row-level security: make it WITH (security_invoker = true)", view)
	}
}

func TestTheApplicationsRoleIsWeak(t *testing.T) {
	t.Parallel()
	conn, ctx := owner(t)
	for _, role := range []string{pg.Role, "parvis_teleservice", "parvis_resolver"} {
		var strong bool
		require.NoError(t, conn.QueryRow(ctx, `
			select rolsuper or rolbypassrls or rolcreatedb or rolcreaterole or rolreplication from pg_roles where rolname = $1`, role).Scan(&strong))
		require.False(t, strong, "%s can get past row-level security", role)
	}
	owned := texts(t, conn, ctx, `
		select classid::regclass::text || ' ' || objid from pg_shdepend
		where deptype = 'o' and refclassid = 'pg_authid'::regclass and refobjid = 'parvis_app'::regrole
		  and dbid in (0, (select oid from pg_database where datname = current_database()))`)
	require.Empty(t, owned, "who owns a table can take its walls down")
	for _, member := range texts(t, conn, ctx, `
		select roleid::regrole::text from pg_auth_members where member = 'parvis_app'::regrole`) {
		t.Errorf("parvis_app is a member of %s and can act as it", member)
	}
	for _, schema := range texts(t, conn, ctx, `
		select nspname::text from pg_namespace where nspname !~ '^pg_' and has_schema_privilege('parvis_app', oid, 'create')`) {
		t.Errorf("parvis_app can create in the schema %s", schema)
	}
	for _, table := range crmTables(t, conn, ctx) {
		for _, privilege := range []string{"TRUNCATE", "REFERENCES", "TRIGGER"} {
			var has bool
			require.NoError(t, conn.QueryRow(ctx, `select has_table_privilege('parvis_app', 'crm.' || quote_ident($1), $2)`, table, privilege).Scan(&has))
			require.False(t, has, "parvis_app has %s on %s, which row-level security does not restrict", privilege, table)
		}
	}
}

func TestAppendOnlyTablesAreNeverChanged(t *testing.T) {
	t.Parallel()
	conn, ctx := owner(t)
	for table, reason := range appendOnly {
		var changes bool
		require.NoError(t, conn.QueryRow(ctx, `
			select has_table_privilege('parvis_app', 'crm.' || $1, 'UPDATE') or has_table_privilege('parvis_app', 'crm.' || $1, 'DELETE')
			    or has_any_column_privilege('parvis_app', 'crm.' || $1, 'UPDATE')`, table).Scan(&changes))
		require.False(t, changes, "parvis_app may change or delete rows of %s: %s", table, reason)
	}
}

// A SECURITY DEFINER function sees across institutions.
func TestFunctionsThatSeeAcrossInstitutionsAreHeldShort(t *testing.T) {
	t.Parallel()
	conn, ctx := owner(t)
	const definers = `from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname in ('crm', 'teleservice') and p.prosecdef and `
	for _, f := range texts(t, conn, ctx, `select p.oid::regprocedure::text `+definers+`p.proowner <> 'parvis_resolver'::regrole`) {
		t.Errorf("%s runs with more rights than parvis_resolver has: ALTER FUNCTION … OWNER TO parvis_resolver", f)
	}
	for _, f := range texts(t, conn, ctx, `select p.oid::regprocedure::text `+definers+`not coalesce(exists (select from unnest(p.proconfig) c where c ~ '^search_path=.*pg_temp$'), false)`) {
		t.Errorf("%s has no search_path of its own that ends in pg_temp: a caller could slip in tables of the same name", f)
	}
	for _, f := range texts(t, conn, ctx, `select p.oid::regprocedure::text `+definers+`exists (
		select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee = 0)`) {
		t.Errorf("anybody may execute %s: REVOKE ALL ON FUNCTION … FROM PUBLIC", f)
	}
}

// Requests of the teleservice regime are sealed from everything else.
func TestTheApplicationCannotEnterTheTeleserviceRegime(t *testing.T) {
	t.Parallel()
	conn, ctx := owner(t)
	var usage bool
	require.NoError(t, conn.QueryRow(ctx, `select has_schema_privilege('parvis_app', 'teleservice', 'usage')`).Scan(&usage))
	require.False(t, usage)
	require.Empty(t, texts(t, conn, ctx, `
		select relname::text from pg_class, aclexplode(relacl) a
		where relnamespace = 'teleservice'::regnamespace and a.grantee in (0, 'parvis_app'::regrole)`))
}

func keys(m map[string]string) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	return out
}

func trimSchema(name string) string { return strings.TrimPrefix(name, "crm.") }
