package isolationtest

import (
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// sealedRequest is somebody's request to a service of one of the sealed families,
// in the schema of its regime.
type sealedRequest struct{ id, requester, email string }

// openSealed makes such a request of the institution, and takes away what keeps
// it from the program: the grants of its schema, and row-level security. What is
// left is that no statement of the program names that schema.
func openSealed(t *testing.T, db *parvistest.DB, w *world) sealedRequest {
	t.Helper()
	r := sealedRequest{id: ids.New().String(), requester: "Grevalsin", email: "grevalsin@example.org"}
	as(t, db, `CREATE TABLE teleservice.sealed_requests (tenant_id uuid NOT NULL, id uuid NOT NULL, family text NOT NULL, requester text NOT NULL, email text NOT NULL, PRIMARY KEY (tenant_id, id))`)
	as(t, db, "INSERT INTO teleservice.sealed_requests (tenant_id, id, family, requester, email) VALUES ($1, $2, 'social', $3, $4)", w.tenant, r.id, r.requester, r.email)
	as(t, db, "GRANT USAGE ON SCHEMA teleservice TO parvis_app; GRANT ALL ON teleservice.sealed_requests TO parvis_app")
	return r
}

// intruder asks with every right of the institution for the request, wherever an
// identifier of something is asked for.
func (r sealedRequest) intruder(w *world, own, kinds names) *intruder {
	secret := names{}
	for kind, v := range kinds {
		if _, err := uuid.Parse(v); err == nil {
			secret[kind] = r.id
		}
	}
	return &intruder{Client: w.Client, own: own, secret: secret, entitled: true, words: []string{r.id, r.requester, r.email}}
}

// untouched: the request is there as it was made.
func (r sealedRequest) untouched(t *testing.T, db *parvistest.DB) {
	t.Helper()
	conn := owner(t, db)
	defer func() { _ = conn.Close(t.Context()) }()
	var is sealedRequest
	require.NoError(t, conn.QueryRow(t.Context(), "select id::text, requester, email from teleservice.sealed_requests").Scan(&is.id, &is.requester, &is.email))
	require.Equal(t, r, is)
}

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
