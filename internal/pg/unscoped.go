package pg

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Unscoped sends single statements outside every institution: row-level security
// lets nothing of any through, so that what it serves are functions that answer
// before an institution is known.
type Unscoped struct{ db *DB }

// Unscoped returns the handle for statements that have no tenant.
func (db *DB) Unscoped() Unscoped { return Unscoped{db} }

var _ DBTX = Unscoped{}

// Exec implements DBTX.
func (u Unscoped) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return u.db.from(ctx).Exec(ctx, sql, args...)
}

// Query implements DBTX.
func (u Unscoped) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return u.db.from(ctx).Query(ctx, sql, args...)
}

// QueryRow implements DBTX.
func (u Unscoped) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return u.db.from(ctx).QueryRow(ctx, sql, args...)
}

// InTx runs fn in one transaction.
func (u Unscoped) InTx(ctx context.Context, fn func(ctx context.Context, tx pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, u.db.from(ctx), func(tx pgx.Tx) error { return fn(inside(ctx), tx) })
}
