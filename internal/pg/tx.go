package pg

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// InTx runs fn in one transaction of a tenant: committed when fn returns nil,
// rolled back otherwise. Inside a request that carries an idempotency key it
// joins the request's transaction, so that the effect and the kept answer are
// committed together (see Request).
func InTx(ctx context.Context, db *DB, tenant uuid.UUID, fn func(ctx context.Context, tx pgx.Tx) error) error {
	if tx := joined(ctx, tenant); tx != nil {
		return fn(ctx, tx)
	}
	tx, err := db.from(ctx).BeginTx(ctx, pgx.TxOptions{BeginQuery: beginScoped(ctx, tenant)})
	if err != nil {
		return err
	}
	defer rollback(ctx, tx)
	if err := fn(inside(ctx), tx); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	if ctx.Value(quietKey{}) == nil {
		db.afterCommit(tenant)
	}
	return nil
}

type quietKey struct{}

// Quiet returns a context whose InTx does not call what OnCommit registered: for
// work that is itself started by commits, and for commits that concern nobody.
func Quiet(ctx context.Context) context.Context { return context.WithValue(ctx, quietKey{}, true) }

// InTxValue is InTx for a function with a result.
func InTxValue[T any](ctx context.Context, db *DB, tenant uuid.UUID, fn func(ctx context.Context, tx pgx.Tx) (T, error)) (T, error) {
	var out T
	err := InTx(ctx, db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		out, err = fn(ctx, tx)
		return err
	})
	return out, err
}

// InSavepoint runs fn so that its failure undoes only its own work: for batches
// whose items stand or fall one by one.
func InSavepoint(ctx context.Context, tx pgx.Tx, fn func(ctx context.Context, tx pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, tx, func(sp pgx.Tx) error { return fn(ctx, sp) })
}

// Snapshot runs fn in a read-only, repeatable-read transaction of a tenant, for
// answers of several statements that must agree with each other.
func Snapshot(ctx context.Context, db *DB, tenant uuid.UUID, fn func(ctx context.Context, tx pgx.Tx) error) error {
	tx, err := db.from(ctx).BeginTx(ctx, pgx.TxOptions{
		BeginQuery: "begin isolation level repeatable read read only; " + localScope(ctx, tenant),
	})
	if err != nil {
		return err
	}
	defer rollback(ctx, tx)
	return fn(inside(ctx), tx)
}

type requestKey struct{}

type request struct {
	tenant uuid.UUID
	tx     pgx.Tx
}

// RequestTx is the one transaction of a request that carries an idempotency
// key. It is the only transaction that a context ever holds, and only this
// package looks for it: the effect of such a request, its events and the answer
// kept for repetition must become durable in the same instant, though the
// answer is written only after the domain has returned.
type RequestTx struct {
	db     *DB
	tenant uuid.UUID
	conn   *pgxpool.Conn
	tx     pgx.Tx
}

// RequestLocked is true, as an expression in a statement of the request's
// transaction, when BeginRequest got the lock.
const RequestLocked = "current_setting('app.request_lock') = 'true'"

// BeginRequest opens the transaction of a request, tries to take the advisory
// lock that stands for its key, and marks the point to which a failed effect is
// undone, all in one round trip.
func (db *DB) BeginRequest(ctx context.Context, tenant uuid.UUID, lock int64) (*RequestTx, error) {
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{BeginQuery: beginScoped(ctx, tenant) + "; select set_config('app.request_lock', pg_try_advisory_xact_lock(" +
		strconv.FormatInt(lock, 10) + ")::text, true); savepoint request_effect"})
	if err != nil {
		conn.Release()
		return nil, err
	}
	return &RequestTx{db: db, tenant: tenant, conn: conn, tx: tx}, nil
}

// Tx is for the statements of the request's own bookkeeping.
func (r *RequestTx) Tx() pgx.Tx { return r.tx }

// Context returns the context in which InTx joins.
func (r *RequestTx) Context(ctx context.Context) context.Context {
	return context.WithValue(inside(ctx), requestKey{}, &request{tenant: r.tenant, tx: r.tx})
}

// UndoEffect takes back everything since BeginRequest but the lock, keeping
// the transaction.
func (r *RequestTx) UndoEffect(ctx context.Context) error {
	_, err := r.tx.Exec(ctx, "rollback to request_effect")
	return err
}

// Commit sends the last statement of the bookkeeping and the commit in one
// round trip, which makes effect and bookkeeping durable together.
func (r *RequestTx) Commit(ctx context.Context, sql string, args ...any) error {
	b := &pgx.Batch{}
	b.Queue(sql, args...)
	b.Queue("commit")
	if err := r.conn.SendBatch(ctx, b).Close(); err != nil {
		return err
	}
	r.release()
	r.db.afterCommit(r.tenant)
	return nil
}

// Rollback is harmless after Commit.
func (r *RequestTx) Rollback(ctx context.Context) {
	if r.conn == nil {
		return
	}
	rollback(ctx, r.tx)
	r.release()
}

// release gives the connection back; the pool closes one that is not idle.
func (r *RequestTx) release() {
	r.conn.Release()
	r.conn = nil
}

// Detached returns a context whose InTx no longer joins the request's
// transaction, for writes that must stand even when the request fails. It is also
// how whoever holds a transaction says that something else is to be done beside it.
func Detached(ctx context.Context) context.Context {
	if held(ctx) == one {
		ctx = context.WithValue(ctx, holdingKey{}, oneDetached)
	}
	return context.WithValue(ctx, requestKey{}, (*request)(nil))
}

func joined(ctx context.Context, tenant uuid.UUID) pgx.Tx {
	r, _ := ctx.Value(requestKey{}).(*request)
	if r == nil || r.tenant != tenant {
		return nil
	}
	return r.tx
}

// rollback is not cut short by the caller's cancellation, or the connection
// would have to be thrown away.
func rollback(ctx context.Context, tx pgx.Tx) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := tx.Rollback(ctx); err != nil && !errors.Is(err, pgx.ErrTxClosed) {
		_ = tx.Conn().Close(ctx)
	}
}

// TryLock takes the transaction-scoped advisory lock of a name, or reports that
// somebody else holds it.
func TryLock(ctx context.Context, tx DBTX, name string) (bool, error) {
	var ok bool
	err := tx.QueryRow(ctx, "select pg_try_advisory_xact_lock(hashtextextended($1, 7321))", name).Scan(&ok)
	if err != nil {
		return false, fmt.Errorf("pg: advisory lock %q: %w", name, err)
	}
	return ok, nil
}
