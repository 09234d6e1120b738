package pg

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	pgxuuid "github.com/vgarvardt/pgx-google-uuid/v5"
)

// Role is the database role the application works as: it owns nothing and
// cannot bypass row-level security.
const Role = "parvis_app"

// Options tune a pool.
type Options struct {
	MaxConns int32
	Tracer   pgx.QueryTracer
	// Nested is told of whoever asks for a connection while holding one without
	// having said so (see Detached): for tests, which fail of it.
	Nested func(stack string)
}

// DB is a pool of connections that work as Role.
type DB struct {
	pool *pgxpool.Pool
	// aside serves whoever holds a connection of pool already. Were both taken from
	// one pool, as many such callers as it has connections would wait for each other
	// for ever; whoever has one from aside never asks for a third.
	aside     *pgxpool.Pool
	committed []func(tenant uuid.UUID)
}

// Open connects a pool. When the login of url is not Role itself (a single URL
// for everything, as on a private server), every connection starts with the
// role as its startup setting, so that even RESET ROLE stays inside it.
func Open(ctx context.Context, url string, o Options) (*DB, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("pg: the database URL cannot be read: %w", err)
	}
	if o.MaxConns > 0 {
		cfg.MaxConns = o.MaxConns
	}
	cfg.MaxConnIdleTime = 5 * time.Minute
	cfg.ConnConfig.ConnectTimeout = 5 * time.Second
	if cfg.ConnConfig.User != Role {
		cfg.ConnConfig.RuntimeParams["role"] = Role
	}
	cfg.ConnConfig.RuntimeParams["search_path"] = "crm"
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	if _, ok := cfg.ConnConfig.RuntimeParams["application_name"]; !ok {
		cfg.ConnConfig.RuntimeParams["application_name"] = "parvis"
	}
	cfg.ConnConfig.Tracer = o.Tracer
	cfg.AfterConnect = types
	aside := cfg.Copy()
	aside.MinConns, aside.MaxConns = 0, asideConns
	if o.Nested != nil {
		cfg.PrepareConn = watch(o.Nested, func(h holding) bool { return h == none })
		aside.PrepareConn = watch(o.Nested, func(h holding) bool { return h == oneDetached })
	}
	db := &DB{}
	if db.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return nil, fmt.Errorf("pg: %w", err)
	}
	if db.aside, err = pgxpool.NewWithConfig(ctx, aside); err != nil {
		db.pool.Close()
		return nil, fmt.Errorf("pg: %w", err)
	}
	return db, nil
}

// types makes a connection read instants in UTC, as they are written in answers,
// whatever the time zone of the machine, and move UUIDs in binary.
func types(_ context.Context, conn *pgx.Conn) error {
	pgxuuid.Register(conn.TypeMap())
	conn.TypeMap().RegisterType(&pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC}})
	return nil
}

// Close waits for borrowed connections and closes the pool.
func (db *DB) Close() {
	db.pool.Close()
	db.aside.Close()
}

// Pool gives the bare pool, for what has no tenant: the job queue, health
// checks, functions that answer before a tenant is known. Without a scope
// row-level security lets nothing through.
func (db *DB) Pool() *pgxpool.Pool { return db.pool }

// OnCommit registers f, called after each commit of a tenant's transaction. It
// must not block. Registration happens at wiring time, before the first use.
func (db *DB) OnCommit(f func(tenant uuid.UUID)) { db.committed = append(db.committed, f) }

func (db *DB) afterCommit(tenant uuid.UUID) {
	for _, f := range db.committed {
		f(tenant)
	}
}

// DBTX is what generated queries need.
type DBTX interface {
	Exec(context.Context, string, ...any) (pgconn.CommandTag, error)
	Query(context.Context, string, ...any) (pgx.Rows, error)
	QueryRow(context.Context, string, ...any) pgx.Row
}

// setScope is the statement that carries the scope of one transaction.
const setScope = "select set_config('app.tenant', $1, true), set_config('app.sight', $2, true)"

// setScopeKept also has statements of the same transaction run by plans for all
// values.
const setScopeKept = setScope + ", set_config('plan_cache_mode', 'force_generic_plan', true)"

// setScopeByIndex also forbids, for the same transaction, the plans that read
// whole tables.
const setScopeByIndex = "select set_config('app.tenant', $1, true), set_config('app.sight', $2, true), set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)"

// beginScoped opens a transaction and sets its scope in one round trip.
func beginScoped(ctx context.Context, tenant uuid.UUID) string {
	return "begin; " + localScope(ctx, tenant)
}

// localScope sets a scope until the end of the transaction. The tenant is a
// UUID and a sight is made of names, UUIDs and an instant, whose texts need no quoting.
func localScope(ctx context.Context, tenant uuid.UUID) string {
	return "set local app.tenant = '" + tenant.String() + "'; set local app.sight = '" + SightIn(ctx).sent() + "'"
}
