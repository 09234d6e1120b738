package pg

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// JobSchema is the schema of the job queue.
const JobSchema = "river"

// Migrate brings the database at ownerURL to the schema of this program. The
// login of ownerURL owns the schema; the application never uses it. Several
// programs may call it at once: they wait for each other. It ends with ctx, and
// what it has begun then is mended by the next one.
func Migrate(ctx context.Context, ownerURL string) error { return bring(ctx, ownerURL, false) }

// MigrateToServe is Migrate before a program that works on servingURL. Where the
// login is the same, it has to be able to work as Role; and where the schema is
// as it should be already, it need not own it.
func MigrateToServe(ctx context.Context, ownerURL, servingURL string) error {
	return bring(ctx, ownerURL, SameLogin(ownerURL, servingURL))
}

func bring(ctx context.Context, ownerURL string, serves bool) error {
	s, err := openSession(ctx, ownerURL)
	if err != nil {
		return err
	}
	defer s.close(ctx)
	if err := s.beAlone(ctx); err != nil {
		return err
	}
	pool, err := ownerPool(ctx, ownerURL)
	if err != nil {
		return err
	}
	defer pool.Close()
	if done, err := nothingToDo(ctx, pool, serves); err != nil || done {
		return err
	}
	m, err := s.migrator(ctx)
	if err != nil {
		return err
	}
	defer func() { _, _ = m.Close() }()
	if err := mend(ctx, pool, m); err != nil {
		return err
	}
	if err := s.up(ctx, m); err != nil {
		return fmt.Errorf("pg: migrating: %w", withoutText(err))
	}
	return migrateJobs(ctx, pool)
}

// nothingToDo tells that the schema is as it should be and belongs to somebody
// else, whose affair the rest is. It fails if there is something to do and this
// login may not.
func nothingToDo(ctx context.Context, pool *pgxpool.Pool, serves bool) (bool, error) {
	owner, err := ownership(ctx, pool)
	if err != nil {
		return false, err
	}
	isCurrent, err := current(ctx, pool)
	if err != nil && owner.is {
		return false, err
	}
	lacking, err := Lacking(ctx, pool, !isCurrent, serves)
	if err != nil || lacking != "" {
		return false, cmp.Or(err, errors.New(lacking))
	}
	return isCurrent && !owner.is, nil
}

// current tells whether our schema and the job queue's are at least what this
// program needs.
func current(ctx context.Context, pool *pgxpool.Pool) (bool, error) {
	version, dirty, err := versionOf(ctx, pool)
	if err != nil {
		return false, err
	}
	latest, err := Latest()
	if err != nil || dirty || version < latest {
		return false, err
	}
	m, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Schema: JobSchema})
	if err != nil {
		return false, err
	}
	jobs, err := m.Validate(ctx, &rivermigrate.ValidateOpts{})
	if err != nil {
		return false, fmt.Errorf("pg: looking at the job queue: %w", err)
	}
	return jobs.OK, nil
}

// Force records version as applied without running anything, after a person
// has repaired a migration that stopped half way.
func Force(ctx context.Context, ownerURL string, version int) error {
	s, err := openSession(ctx, ownerURL)
	if err != nil {
		return err
	}
	defer s.close(ctx)
	if err := s.beAlone(ctx); err != nil {
		return err
	}
	m, err := s.migrator(ctx)
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
	cfg.ConnConfig.RuntimeParams["search_path"] = migrationPath
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("pg: %w", err)
	}
	return pool, nil
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
