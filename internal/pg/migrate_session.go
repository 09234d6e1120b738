package pg

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/golang-migrate/migrate/v4"
	migratedb "github.com/golang-migrate/migrate/v4/database"
	migratepgx "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/parvis-crm/parvis/db"
)

const (
	// migrationLock is the advisory lock under which one program at a time migrates.
	migrationLock = 7_321_001
	// versionTable is the migration library's, in our schema.
	versionTable = "schema_migrations"
	// migrationPath is where the steps find what they name.
	migrationPath = "crm,public"
	// lockPause is how long a program waits before it asks for a lock again, and
	// before it asks once more for the end of a step.
	lockPause = 200 * time.Millisecond
)

// session is the one connection on which a program migrates. It holds the locks
// too, so that PostgreSQL sees who waits for whom; and it is never replaced by
// another, which would not hold them.
type session struct {
	db   *sql.DB
	conn *pgx.Conn
}

func openSession(ctx context.Context, ownerURL string) (*session, error) {
	cfg, err := pgx.ParseConfig(ownerURL)
	if err != nil {
		return nil, fmt.Errorf("pg: the migration URL cannot be read: %w", err)
	}
	cfg.RuntimeParams["search_path"] = migrationPath
	s := &session{}
	s.db = stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(func(_ context.Context, conn *pgx.Conn) error {
		if s.conn != nil {
			return errors.New("pg: the connection that migrates was lost")
		}
		s.conn = conn
		return nil
	}))
	s.db.SetMaxOpenConns(1)
	if err := s.db.PingContext(ctx); err != nil {
		s.close(ctx)
		return nil, fmt.Errorf("pg: %w", err)
	}
	return s, nil
}

// close ends the connection and with it the locks, also where the migration
// library has kept it when it failed.
func (s *session) close(ctx context.Context) {
	_ = s.db.Close()
	if s.conn != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = s.conn.Close(ctx)
	}
}

// beAlone waits until no other program migrates, or ctx ends. The lock of the
// migration library is taken as well, since the library would wait for it
// without end; the same session may then take it again.
func (s *session) beAlone(ctx context.Context) error {
	var name string
	if err := s.db.QueryRowContext(ctx, "select current_database()").Scan(&name); err != nil {
		return fmt.Errorf("pg: %w", err)
	}
	locks, err := locksOf(name)
	if err != nil {
		return err
	}
	for _, lock := range locks {
		if err := s.take(ctx, lock); err != nil {
			return fmt.Errorf("pg: waiting for another migration: %w", err)
		}
	}
	return nil
}

// locksOf are ours and the migration library's, in the order in which they are
// taken.
func locksOf(database string) ([]int64, error) {
	text, err := migratedb.GenerateAdvisoryLockId(database, "crm", versionTable)
	if err != nil {
		return nil, err
	}
	theirs, err := strconv.ParseInt(text, 10, 64)
	return []int64{migrationLock, theirs}, err
}

// take asks for a lock again and again. Whoever waits for one inside a statement
// has a snapshot meanwhile, and an index that is built beside running work waits
// for the end of every snapshot: both would wait for ever.
func (s *session) take(ctx context.Context, lock int64) error {
	for {
		var taken bool
		if err := s.db.QueryRowContext(ctx, "select pg_try_advisory_lock($1)", lock).Scan(&taken); err != nil || taken {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockPause):
		}
	}
}

func (s *session) migrator(ctx context.Context) (*migrate.Migrate, error) {
	// Without arguments both statements go in one message.
	if _, err := s.db.ExecContext(ctx, "create schema if not exists crm; create table if not exists crm.schema_steps (version bigint primary key)"); err != nil {
		return nil, fmt.Errorf("pg: preparing the schema: %w", err)
	}
	plain, err := iofs.New(db.Migrations, "migrations")
	if err != nil {
		return nil, err
	}
	driver, err := migratepgx.WithInstance(s.db, &migratepgx.Config{MigrationsTable: versionTable, SchemaName: "crm"})
	if err != nil {
		return nil, fmt.Errorf("pg: preparing the schema: %w", err)
	}
	return migrate.NewWithInstance("embedded", noting{plain}, "pgx5", driver)
}

// up takes the steps that are left, until ctx ends: the step under way is then
// given up, and mended by the next program that migrates.
func (s *session) up(ctx context.Context, m *migrate.Migrate) error {
	ended := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { s.endWith(ctx, m, ended) })
	err := m.Up()
	close(ended)
	watching.Wait()
	if ctx.Err() != nil { // the library calls it a success to have been stopped
		return ctx.Err()
	}
	if errors.Is(err, migrate.ErrNoChange) {
		return nil
	}
	return err
}

// endWith has no further step begin once ctx ends, and asks PostgreSQL to cancel
// the one under way: more than once, since a request between two statements is
// lost.
func (s *session) endWith(ctx context.Context, m *migrate.Migrate, ended <-chan struct{}) {
	select {
	case <-ended:
		return
	case <-ctx.Done():
	}
	m.GracefulStop <- true
	for {
		asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		_ = s.conn.PgConn().CancelRequest(asking)
		cancel()
		select {
		case <-ended:
			return
		case <-time.After(lockPause):
		}
	}
}
