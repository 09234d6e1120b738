package pg

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Scoped sends single statements inside the scope of one tenant: the scope and
// the statement go out together as one pipelined implicit transaction.
type Scoped struct {
	db      *DB
	tenant  uuid.UUID
	byIndex bool
	kept    bool
}

// Tenant returns the handle for single statements of a tenant. Work of several
// statements belongs in InTx.
func (db *DB) Tenant(tenant uuid.UUID) Scoped { return Scoped{db: db, tenant: tenant} }

// ByIndex returns a handle whose statements are planned without scans of whole
// tables. It is for statements that an index serves at any size and that run
// from the first day on: a connection keeps its plans, and one made while a
// table was all but empty would go on reading the whole of it while a great
// import fills it. It costs no round trip.
func (s Scoped) ByIndex() Scoped {
	s.byIndex = true
	return s
}

// KeepPlan returns a handle whose statements run by one plan for all values, once
// a connection has prepared them. It is for statements that the same index serves
// whatever the values are: not knowing how many of the rows are of the
// institution that asks, PostgreSQL takes such a plan to be dear and would plan
// anew every time, which costs more than to read a page.
func (s Scoped) KeepPlan() Scoped {
	s.kept = true
	return s
}

var _ DBTX = Scoped{}

// Exec implements DBTX.
func (s Scoped) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if tx := joined(ctx, s.tenant); tx != nil {
		return tx.Exec(ctx, sql, args...)
	}
	br := s.send(ctx, sql, args)
	if _, err := br.Exec(); err != nil {
		_ = br.Close()
		return pgconn.CommandTag{}, err
	}
	tag, err := br.Exec()
	if closeErr := br.Close(); err == nil {
		err = closeErr
	}
	if err == nil && !tag.Select() {
		s.db.afterCommit(s.tenant)
	}
	return tag, err
}

// Query implements DBTX. The rows must be closed, as always.
func (s Scoped) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if tx := joined(ctx, s.tenant); tx != nil {
		return tx.Query(ctx, sql, args...)
	}
	br := s.send(ctx, sql, args)
	if _, err := br.Exec(); err != nil {
		_ = br.Close()
		return nil, err
	}
	rows, err := br.Query()
	if err != nil {
		_ = br.Close()
		return nil, err
	}
	return &scopedRows{Rows: rows, results: br}, nil
}

// QueryRow implements DBTX.
func (s Scoped) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := s.Query(ctx, sql, args...)
	return &scopedRow{rows: rows, err: err}
}

func (s Scoped) send(ctx context.Context, sql string, args []any) pgx.BatchResults {
	b := &pgx.Batch{}
	switch {
	case s.byIndex:
		b.Queue(setScopeByIndex, s.tenant.String(), SightIn(ctx).sent())
	case s.kept:
		b.Queue(setScopeKept, s.tenant.String(), SightIn(ctx).sent())
	default:
		b.Queue(setScope, s.tenant.String(), SightIn(ctx).sent())
	}
	b.Queue(sql, args...)
	return s.db.from(ctx).SendBatch(ctx, b)
}

// scopedRows closes the batch with the rows, which gives the connection back.
type scopedRows struct {
	pgx.Rows
	results pgx.BatchResults
	closed  bool
	err     error
}

func (r *scopedRows) Close() {
	if r.closed {
		return
	}
	r.closed = true
	r.Rows.Close()
	r.err = r.results.Close()
}

func (r *scopedRows) Next() bool {
	if r.closed {
		return false
	}
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *scopedRows) Err() error {
	if err := r.Rows.Err(); err != nil {
		return err
	}
	return r.err
}

type scopedRow struct {
	rows pgx.Rows
	err  error
}

func (r *scopedRow) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}
