package pg_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/pg"
)

// empty gives the URL of a database without a schema, and a connection to it.
func empty(t *testing.T) (ownerURL string, conn *pgx.Conn) {
	t.Helper()
	db := parvistest.Database(t)
	conn = connect(t, db.OwnerURL)
	_, err := conn.Exec(t.Context(), "drop schema crm cascade; drop schema teleservice cascade; drop schema river cascade", pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	return db.OwnerURL, conn
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// soon is a context that ends where something waits for ever.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// Whoever waits for another program must not hold up the index that this one
// builds beside running work.
func TestProgramsThatStartTogetherMigrateOneAfterTheOther(t *testing.T) {
	t.Parallel()
	url, _ := empty(t)
	ctx := soon(t)
	var together errgroup.Group
	for range 3 {
		together.Go(func() error { return pg.Migrate(ctx, url) })
	}
	require.NoError(t, together.Wait())
	latest, err := pg.Latest()
	require.NoError(t, err)
	version, dirty, err := pg.Version(ctx, url)
	require.NoError(t, err)
	require.False(t, dirty)
	require.Equal(t, latest, version)
}

// A program that is told to end does not go on waiting for another's migration,
// whichever lock that has.
func TestWaitingForAMigrationEndsWithTheProgram(t *testing.T) {
	t.Parallel()
	db := parvistest.Database(t)
	other := connect(t, db.OwnerURL)
	for _, lock := range pg.MigrationLocks(db.Name) {
		_, err := other.Exec(t.Context(), "select pg_advisory_unlock_all()")
		require.NoError(t, err)
		_, err = other.Exec(t.Context(), "select pg_advisory_lock($1)", lock)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(soon(t))
		ended := make(chan error, 1)
		go func() { ended <- pg.Migrate(ctx, db.OwnerURL) }()
		parvistest.Eventually(t, "it waits", func() bool {
			var asked, snapshots int
			require.NoError(t, other.QueryRow(t.Context(), `select count(*), count(*) filter (where state = 'active') from pg_stat_activity
				where datname = current_database() and query like '%advisory_lock%' and pid <> pg_backend_pid()`).Scan(&asked, &snapshots))
			return asked == 1 && snapshots == 0
		})
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	}
}

// A step that builds an index beside running work may be stopped half way, and
// leaves an index that is not valid. The next program builds it again.
func TestAnIndexThatWasHalfBuiltIsBuiltAgain(t *testing.T) {
	t.Parallel()
	url, conn := empty(t)
	// The building waits for the end of every snapshot that is older.
	reading := connect(t, url)
	_, err := reading.Exec(t.Context(), "begin isolation level repeatable read; select 1", pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(soon(t))
	ended := make(chan error, 1)
	go func() { ended <- pg.Migrate(ctx, url) }()
	parvistest.Eventually(t, "the index is being built", func() bool {
		var building bool
		require.NoError(t, conn.QueryRow(t.Context(), `select exists (select from pg_stat_activity where datname = current_database() and query ilike '%create index concurrently%'
			and wait_event_type = 'Lock' and wait_event = 'virtualxid' and pid <> pg_backend_pid())`).Scan(&building))
		return building
	})
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	_, err = reading.Exec(t.Context(), "rollback")
	require.NoError(t, err)
	invalid := "select count(*) from pg_index where not indisvalid and indexrelid::regclass::text = 'crm.events_administrative'"
	require.EqualValues(t, 1, count(t, conn, invalid))
	version, dirty, err := pg.Version(t.Context(), url)
	require.NoError(t, err)
	require.True(t, dirty)
	require.EqualValues(t, 68, version)
	// What is not ours is left alone.
	_, err = conn.Exec(t.Context(), "create table public.events (n int); create index events_administrative on public.events (n)", pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "update pg_index set indisvalid = false where indexrelid = 'public.events_administrative'::regclass")
	require.NoError(t, err)

	require.NoError(t, pg.Migrate(soon(t), url))
	require.EqualValues(t, 0, count(t, conn, invalid))
	require.EqualValues(t, 1, count(t, conn, "select count(*) from pg_index where indisvalid and indexrelid = 'crm.events_administrative'::regclass"))
	require.EqualValues(t, 1, count(t, conn, "select count(*) from pg_class where relname = 'events_administrative' and relnamespace = 'public'::regnamespace"))
}

// An index that was built is not built again where only the note of it is lacking.
func TestAnIndexThatWasBuiltIsKept(t *testing.T) {
	t.Parallel()
	url, conn := empty(t)
	_, err := conn.Exec(t.Context(), `create function public.lose() returns trigger language plpgsql as $$ begin raise exception 'lost'; end $$; create schema crm;
		create table crm.schema_migrations (version bigint not null primary key, dirty boolean not null);
		create trigger lose before insert on crm.schema_migrations for each row when (new.version = 68 and not new.dirty) execute function public.lose()`, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	require.ErrorContains(t, pg.Migrate(soon(t), url), "lost")
	require.EqualValues(t, 1, count(t, conn, "select count(*) from crm.schema_migrations where version = 68 and dirty"))
	_, err = conn.Exec(t.Context(), "drop trigger lose on crm.schema_migrations")
	require.NoError(t, err)
	require.NoError(t, pg.Migrate(soon(t), url))
}

func count(t *testing.T, conn *pgx.Conn, sql string) (n int64) {
	t.Helper()
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&n))
	return n
}

// Whoever asks for the version prepares nothing and waits for nobody.
func TestTheVersionIsReadWithoutTakingPart(t *testing.T) {
	t.Parallel()
	url, conn := empty(t)
	version, dirty, err := pg.Version(soon(t), url)
	require.NoError(t, err)
	require.Zero(t, version)
	require.False(t, dirty)
	require.EqualValues(t, 0, count(t, conn, "select count(*) from pg_namespace where nspname = 'crm'"))

	db := parvistest.Database(t)
	// Every lock that the migration library could ask for is another's.
	other := connect(t, db.OwnerURL)
	for _, lock := range pg.MigrationLocks(db.Name) {
		_, err := other.Exec(t.Context(), "select pg_advisory_lock($1)", lock)
		require.NoError(t, err)
	}
	latest, err := pg.Latest()
	require.NoError(t, err)
	version, _, err = pg.Version(soon(t), db.OwnerURL)
	require.NoError(t, err)
	require.Equal(t, latest, version)
}

// A migration that cannot begin says why, and ends.
func TestAMigrationThatCannotBeginEnds(t *testing.T) {
	t.Parallel()
	url, conn := empty(t)
	_, err := conn.Exec(t.Context(), "create schema crm; create type crm.schema_migrations as enum ()", pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	for name, begin := range map[string]func() error{
		"migrate": func() error { return pg.Migrate(t.Context(), url) },
		"force":   func() error { return pg.Force(t.Context(), url, 1) },
	} {
		ended := make(chan error, 1)
		go func() { ended <- begin() }()
		select {
		case err := <-ended:
			require.ErrorContains(t, err, "schema_migrations", name)
		case <-time.After(time.Minute):
			require.Fail(t, "it waits for ever", name)
		}
	}
	parvistest.Eventually(t, "its locks are given back", func() bool {
		return count(t, conn, "select count(*) from pg_locks l join pg_database d on d.oid = l.database where l.locktype = 'advisory' and d.datname = current_database()") == 0
	})
}
