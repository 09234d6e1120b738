package pg_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/pg"
)

const insertTenant = "insert into tenants (tenant_id, name) values ($1, $2)"

func open(t *testing.T, conns int32) *pg.DB {
	t.Helper()
	db, err := pg.Open(t.Context(), parvistest.Database(t).AppURL, pg.Options{MaxConns: conns})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	return db
}

// Many goroutines of several tenants over few connections, with statements that
// fail and contexts that are cancelled: nobody ever sees another's rows, no
// scope stays on a connection, no connection is lost.
func TestScopeTravelsWithTheStatement(t *testing.T) {
	t.Parallel()
	db := open(t, 4)
	tenants := make([]uuid.UUID, 5)
	for i := range tenants {
		tenants[i] = ids.New()
		_, err := db.Tenant(tenants[i]).Exec(t.Context(), insertTenant, tenants[i], "t")
		require.NoError(t, err)
	}
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(g), 1))
			for range 150 {
				tenant := tenants[random.IntN(len(tenants))]
				ctx, cancel := context.WithCancel(t.Context())
				switch random.IntN(6) {
				case 0: // fails in the middle
					_, err := db.Tenant(tenant).Exec(ctx, "select 1/0")
					if err == nil {
						t.Error("division by zero succeeded")
					}
				case 1: // is cancelled at some moment
					go cancel()
					_, _ = db.Tenant(tenant).Exec(ctx, "select pg_sleep(0.001)")
				case 2: // rows are left unread
					rows, err := db.Tenant(tenant).Query(ctx, "select generate_series(1, 10)")
					if err == nil {
						rows.Next()
						rows.Close()
					}
				case 3:
					_ = pg.InTx(ctx, db, tenant, func(ctx context.Context, tx pgx.Tx) error {
						seen(ctx, t, tx, tenant)
						return errors.New("rolled back")
					})
				default:
					seen(ctx, t, db.Tenant(tenant), tenant)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	var left string
	var visible int
	for range 8 {
		require.NoError(t, db.Pool().QueryRow(t.Context(), "select coalesce(current_setting('app.tenant', true), ''), (select count(*) from tenants)").Scan(&left, &visible))
		require.Empty(t, left)
		require.Zero(t, visible)
	}
	require.Eventually(t, func() bool { return db.Pool().Stat().AcquiredConns() == 0 }, 10*time.Second, 5*time.Millisecond)
}

func seen(ctx context.Context, t *testing.T, q pg.DBTX, tenant uuid.UUID) {
	rows, err := q.Query(ctx, "select tenant_id from tenants")
	if err != nil {
		return
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err == nil && (len(got) != 1 || got[0] != tenant) {
		t.Errorf("scope %s sees %v", tenant, got)
	}
}

func TestNoScopeNothing(t *testing.T) {
	t.Parallel()
	db := open(t, 2)
	tenant := ids.New()
	_, err := db.Tenant(tenant).Exec(t.Context(), insertTenant, tenant, "t")
	require.NoError(t, err)
	_, err = db.Tenant(ids.New()).Exec(t.Context(), insertTenant, ids.New(), "not mine")
	require.Error(t, err, "a row of another tenant was written")
	_, err = db.Pool().Exec(t.Context(), "reset role; set role none")
	require.NoError(t, err)
	var visible int
	require.NoError(t, db.Pool().QueryRow(t.Context(), "select count(*) from tenants").Scan(&visible))
	require.Zero(t, visible)
}

// The transaction of a request: what joins it is seen by it, undone with the
// effect, and durable only with the commit.
func TestRequestTransaction(t *testing.T) {
	t.Parallel()
	db := open(t, 4)
	tenant := ids.New()
	request, err := db.BeginRequest(t.Context(), tenant, 42)
	require.NoError(t, err)
	defer request.Rollback(t.Context())
	ctx := request.Context(t.Context())
	count := func(ctx context.Context) (n int) {
		require.NoError(t, db.Tenant(tenant).QueryRow(ctx, "select count(*) from tenants").Scan(&n))
		return n
	}
	require.NoError(t, pg.InTx(ctx, db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, insertTenant, tenant, "joined")
		return err
	}))
	require.Equal(t, 1, count(ctx), "the request sees its own effect")
	require.Zero(t, count(t.Context()), "nobody else does")
	require.Zero(t, count(pg.Detached(ctx)))
	require.NoError(t, request.UndoEffect(t.Context()))
	require.Zero(t, count(ctx))
	rival, err := db.BeginRequest(t.Context(), tenant, 42)
	require.NoError(t, err)
	var locked bool
	require.NoError(t, rival.Tx().QueryRow(t.Context(), "select "+pg.RequestLocked).Scan(&locked))
	require.False(t, locked, "one request at a time holds a key, also after its effect was undone")
	rival.Rollback(t.Context())
	require.NoError(t, request.Commit(t.Context(), insertTenant, tenant, "bookkeeping"))
	require.Equal(t, 1, count(t.Context()))
	require.Zero(t, db.Pool().Stat().AcquiredConns())
}

func TestCommitIsAnnounced(t *testing.T) {
	t.Parallel()
	db := open(t, 2)
	tenant := ids.New()
	var heard []uuid.UUID
	db.OnCommit(func(t uuid.UUID) { heard = append(heard, t) })
	require.NoError(t, pg.InTx(t.Context(), db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, insertTenant, tenant, "t")
		return err
	}))
	require.Equal(t, []uuid.UUID{tenant}, heard)
	require.Error(t, pg.InTx(t.Context(), db, tenant, func(context.Context, pgx.Tx) error { return errors.New("no") }))
	require.Len(t, heard, 1)
}

// A program may be killed while it brings a database to its schema: at a step
// that was undone, or between a step that was taken and the library's note of it.
func TestInterruptedMigrationIsMended(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db := parvistest.Database(t)
	conn, err := pgx.Connect(ctx, db.OwnerURL)
	require.NoError(t, err)
	version, dirty, err := pg.Version(ctx, db.OwnerURL)
	require.NoError(t, err)
	require.False(t, dirty)

	_, err = conn.Exec(ctx, "update crm.schema_migrations set dirty = true")
	require.NoError(t, err)
	require.NoError(t, pg.Migrate(ctx, db.OwnerURL), "the step was taken")

	// The first step alone, marked as begun and rolled back.
	_, err = conn.Exec(ctx, "drop schema crm cascade; drop schema teleservice cascade; drop schema river cascade; create schema crm", pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	_, err = conn.Exec(ctx, "create table crm.schema_migrations (version bigint primary key, dirty boolean not null); insert into crm.schema_migrations values (1, true)", pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)

	// An owner who is no superuser takes all steps, with what it says it needs.
	owner := plainOwner(t, conn, db.OwnerURL)
	lacking := pg.Migrate(ctx, owner)
	require.ErrorContains(t, lacking, "as a superuser, run once: grant parvis_resolver to ")
	_, needed, _ := strings.Cut(lacking.Error(), "run once: ")
	_, err = conn.Exec(ctx, needed, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	require.NoError(t, pg.Migrate(ctx, owner), "the step was undone")
	var mayCreate bool
	require.NoError(t, conn.QueryRow(ctx, "select has_schema_privilege('parvis_resolver', 'crm', 'create')").Scan(&mayCreate))
	require.False(t, mayCreate)
	again, dirty, err := pg.Version(ctx, db.OwnerURL)
	require.NoError(t, err)
	require.False(t, dirty)
	require.Equal(t, version, again)
}

// plainOwner is the URL of a login that may make schemas in the database of conn
// and nothing else.
func plainOwner(t *testing.T, conn *pgx.Conn, ownerURL string) string {
	t.Helper()
	name := fmt.Sprintf("owner_%d", rand.Uint32())
	database := pgx.Identifier{conn.Config().Database}.Sanitize()
	_, err := conn.Exec(t.Context(), "create role "+name+" login password 'plain'; grant create on database "+database+" to "+name+"; grant all on schema crm to "+name+
		"; alter schema crm owner to "+name+"; alter table crm.schema_migrations owner to "+name, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := conn.Exec(context.Background(), "drop schema crm cascade; drop schema teleservice cascade; drop schema river cascade; drop owned by "+name+"; drop role "+name, pgx.QueryExecModeSimpleProtocol)
		require.NoError(t, err)
		require.NoError(t, conn.Close(context.Background()))
	})
	u, err := url.Parse(ownerURL)
	require.NoError(t, err)
	u.User = url.UserPassword(name, "plain")
	query := u.Query()
	query.Del("user")
	u.RawQuery = query.Encode()
	return u.String()
}

// Whoever holds a connection and does something beside it does not wait for
// another one of those: with a pool of one, the former would wait for itself.
func TestWhatIsDoneBesideATransactionNeverWaitsForOne(t *testing.T) {
	t.Parallel()
	db := open(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	outside := ctx
	tenant := uuid.New()
	var all errgroup.Group
	for range 50 {
		all.Go(func() error {
			return pg.InTx(ctx, db, tenant, func(ctx context.Context, _ pgx.Tx) error {
				if err := pg.InTx(pg.Detached(ctx), db, tenant, func(ctx context.Context, tx pgx.Tx) error {
					_, err := tx.Exec(ctx, "select 1")
					return err
				}); err != nil {
					return err
				}
				if _, err := db.Tenant(tenant).Exec(pg.Detached(ctx), "select 1"); err != nil {
					return err
				}
				_, err := db.Tenant(tenant).Exec(pg.Beside(outside), "select 1")
				return err
			})
		})
	}
	require.NoError(t, all.Wait())
}

// Who asks for a second connection without saying so is told of.
func TestNestedConnectionsAreToldOf(t *testing.T) {
	t.Parallel()
	var told atomic.Int32
	db, err := pg.Open(t.Context(), parvistest.Database(t).AppURL, pg.Options{Nested: func(stack string) {
		require.Contains(t, stack, "TestNestedConnectionsAreToldOf")
		told.Add(1)
	}})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	tenant := uuid.New()
	ask := func(ctx context.Context) error {
		_, err := db.Tenant(tenant).Exec(ctx, "select 1")
		return err
	}
	require.NoError(t, ask(t.Context()))
	require.NoError(t, ask(pg.Detached(t.Context())))
	inside := func(f func(ctx context.Context) error) {
		require.NoError(t, pg.InTx(t.Context(), db, tenant, func(ctx context.Context, _ pgx.Tx) error { return f(ctx) }))
	}
	inside(func(ctx context.Context) error { return ask(pg.Detached(ctx)) })
	require.Zero(t, told.Load())
	inside(ask)
	require.EqualValues(t, 1, told.Load())
	inside(func(ctx context.Context) error {
		return pg.Snapshot(pg.Detached(ctx), db, tenant, func(ctx context.Context, _ pgx.Tx) error { return ask(pg.Detached(ctx)) })
	})
	require.EqualValues(t, 2, told.Load(), "a third connection is never a thing to ask for")
}
