package contacts_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// register is a register on a database of its own, without the rest of the
// program, for what other domains call.
func register(t *testing.T) (context.Context, *pg.DB, *contacts.Service, uuid.UUID) {
	t.Helper()
	ctx := context.Background()
	db, err := pg.Open(ctx, parvistest.Database(t).AppURL, pg.Options{MaxConns: 8})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	tenant := ids.New()
	_, err = db.Tenant(tenant).Exec(ctx, "insert into tenants (tenant_id, name) values ($1, 'Théâtre des Arcades')", tenant)
	require.NoError(t, err)
	return web.WithActor(ctx, web.SystemActor(tenant, "test")), db, contacts.NewService(db, clock.System{}), tenant
}

func inTx(t *testing.T, ctx context.Context, db *pg.DB, tenant uuid.UUID, fn func(ctx context.Context, tx pgx.Tx) error) error {
	t.Helper()
	return pg.InTx(ctx, db, tenant, fn)
}
