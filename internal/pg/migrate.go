package pg

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/golang-migrate/migrate/v4"
	migratepgx "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/parvis-crm/parvis/db"
)

// JobSchema is the schema of the job queue.
const JobSchema = "river"

// migrationLock is the advisory lock under which one program at a time migrates.
const migrationLock = 7_321_001

// Migrate brings the database at ownerURL to the schema of this program. The
// login of ownerURL owns the schema; the application never uses it. Several
// programs may call it at once: they wait for each other.
func Migrate(ctx context.Context, ownerURL string) error {
	pool, err := ownerPool(ctx, ownerURL)
	if err != nil {
		return err
	}
	defer pool.Close()
	lock, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("pg: %w", err)
	}
	defer lock.Release()
	if _, err := lock.Exec(ctx, "select pg_advisory_lock($1)", migrationLock); err != nil {
		return fmt.Errorf("pg: waiting for another migration: %w", err)
	}
	defer func() { _, _ = lock.Exec(context.WithoutCancel(ctx), "select pg_advisory_unlock($1)", migrationLock) }()
	if lacking, err := Lacking(ctx, lock.Conn()); err != nil || lacking != "" {
		return cmp.Or(err, errors.New(lacking))
	}
	m, err := migrator(ctx, pool)
	if err != nil {
		return err
	}
	defer func() { _, _ = m.Close() }()
	if err := mend(ctx, pool, m); err != nil {
		return err
	}
	if err := m.Up(); err != nil && !errors.Is(err, migrate.ErrNoChange) {
		return fmt.Errorf("pg: migrating: %w", withoutText(err))
	}
	return migrateJobs(ctx, pool)
}

// Version returns the number of the last applied migration, zero on an empty
// database, and whether a migration stopped half way.
func Version(ctx context.Context, ownerURL string) (version uint, dirty bool, err error) {
	pool, err := ownerPool(ctx, ownerURL)
	if err != nil {
		return 0, false, err
	}
	defer pool.Close()
	m, err := migrator(ctx, pool)
	if err != nil {
		return 0, false, err
	}
	defer func() { _, _ = m.Close() }()
	version, dirty, err = m.Version()
	if errors.Is(err, migrate.ErrNilVersion) {
		return 0, false, nil
	}
	return version, dirty, err
}

// Force records version as applied without running anything, after a person
// has repaired a migration that stopped half way.
func Force(ctx context.Context, ownerURL string, version int) error {
	pool, err := ownerPool(ctx, ownerURL)
	if err != nil {
		return err
	}
	defer pool.Close()
	m, err := migrator(ctx, pool)
	if err != nil {
		return err
	}
	defer func() { _, _ = m.Close() }()
	return m.Force(version)
}

func ownerPool(ctx context.Context, ownerURL string) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(ownerURL)
	if err != nil {
		return nil, fmt.Errorf("pg: the migration URL cannot be read: %w", err)
	}
	cfg.MaxConns = 4
	cfg.ConnConfig.RuntimeParams["search_path"] = "crm,public"
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("pg: %w", err)
	}
	return pool, nil
}

func migrator(ctx context.Context, pool *pgxpool.Pool) (*migrate.Migrate, error) {
	if _, err := pool.Exec(ctx, "create schema if not exists crm; create table if not exists crm.schema_steps (version bigint primary key)",
		pgx.QueryExecModeSimpleProtocol); err != nil {
		return nil, fmt.Errorf("pg: preparing the schema: %w", err)
	}
	plain, err := iofs.New(db.Migrations, "migrations")
	if err != nil {
		return nil, err
	}
	source := noting{plain}
	driver, err := migratepgx.WithInstance(stdlib.OpenDBFromPool(pool), &migratepgx.Config{
		MigrationsTable: "schema_migrations", SchemaName: "crm",
	})
	if err != nil {
		return nil, fmt.Errorf("pg: %w", err)
	}
	return migrate.NewWithInstance("embedded", source, "pgx5", driver)
}

// migrateJobs runs the job library's own migrations beside ours and lets the
// application's role use its tables.
func migrateJobs(ctx context.Context, pool *pgxpool.Pool) error {
	m, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Schema: JobSchema})
	if err != nil {
		return err
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("pg: migrating the job queue: %w", err)
	}
	_, err = pool.Exec(ctx, fmt.Sprintf(`
		grant usage on schema %[1]s to %[2]s;
		grant select, insert, update, delete on all tables in schema %[1]s to %[2]s;
		grant usage, select on all sequences in schema %[1]s to %[2]s;
		grant execute on all functions in schema %[1]s to %[2]s;
		grant select on crm.schema_migrations to %[2]s`, JobSchema, Role), pgx.QueryExecModeSimpleProtocol)
	return err
}

// AllowLogin lets Role log in by itself, on a private server where reaching the
// socket is the permission. The application then never holds an owner's
// connection, and has no role to go back to.
func AllowLogin(ctx context.Context, ownerURL string) error {
	conn, err := pgx.Connect(ctx, ownerURL)
	if err != nil {
		return fmt.Errorf("pg: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	_, err = conn.Exec(ctx, `
		do $$ begin
			if not exists (select 1 from pg_roles where rolname = 'parvis_app') then
				create role parvis_app nosuperuser nobypassrls nocreatedb nocreaterole;
			end if;
			alter role parvis_app login;
		end $$`, pgx.QueryExecModeSimpleProtocol)
	return err
}
