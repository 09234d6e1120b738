package transfers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/transfers"
)

func database(t *testing.T) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), parvistest.Database(t).OwnerURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// Every table of the database either leaves or stays, and says so; every column
// that leaves is described. A migration that adds one without deciding fails here.
func TestEveryTableIsDecidedAndDescribed(t *testing.T) {
	t.Parallel()
	conn := database(t)
	undecided, err := transfers.Undecided(t.Context(), conn)
	require.NoError(t, err)
	require.Empty(t, undecided)

	_, err = conn.Exec(t.Context(), "create table crm.afterthoughts (tenant_id uuid primary key); alter table crm.contacts add column shoe_size integer; alter table crm.users add column password_hash bytea")
	require.NoError(t, err)
	undecided, err = transfers.Undecided(t.Context(), conn)
	require.NoError(t, err)
	require.Len(t, undecided, 4, "%v", undecided)
}

// The schemas are valid JSON Schema and say what the database checks.
func TestSchemasSayWhatTheDatabaseChecks(t *testing.T) {
	t.Parallel()
	d, err := transfers.Describe(t.Context(), database(t))
	require.NoError(t, err)
	require.Equal(t, "tenants", d.Tables[0].Name)
	seen := map[string]bool{}
	for _, table := range d.Tables {
		seen[table.Name] = true
		for _, r := range table.References {
			require.True(t, seen[r.To], "%s is loaded before %s, to which it refers", table.Name, r.To)
		}
		raw, err := json.Marshal(table.JSONSchema())
		require.NoError(t, err)
		schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		require.NoError(t, err)
		c := jsonschema.NewCompiler()
		require.NoError(t, c.AddResource("schema.json", schema))
		_, err = c.Compile("schema.json")
		require.NoError(t, err, table.Name)
	}
	contacts, ok := d.Find("contacts")
	require.True(t, ok)
	kind, _ := contacts.Column("kind")
	require.Equal(t, []string{"person", "organisation"}, kind.Allowed)
	siren, _ := contacts.Column("siren")
	require.Equal(t, `^[0-9]{9}$`, siren.Pattern)
	given, _ := contacts.Column("given_name")
	require.Equal(t, int64(120), *given.Longest)
	require.Equal(t, int64(1), *given.Shortest)
	keys, _ := d.Find("api_keys")
	_, there := keys.Column("secret_hash")
	require.False(t, there)
}
