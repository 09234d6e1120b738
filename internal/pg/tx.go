package pg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// InTx runs fn in one transaction of a tenant: committed when fn returns nil,
// rolled back otherwise. Inside a request that carries an idempotency key it
// joins the request's transaction, so that the effect and the kept answer are
// committed together (see Request).
func InTx(ctx context.Context, db *DB, tenant uuid.UUID, fn func(ctx context.Context, tx pgx.Tx) error) error {
	if tx := joined(ctx, tenant); tx != nil {
		return fn(ctx, tx)
	}
	tx, err := db.pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: beginScoped(tenant)})
	if err != nil {
		return err
	}
	defer rollback(ctx, tx)
	if err := fn(ctx, tx); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	db.afterCommit(tenant)
	return nil
}

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
	tx, err := db.pool.BeginTx(ctx, pgx.TxOptions{
		BeginQuery: "begin isolation level repeatable read read only; set local app.tenant = '" + tenant.String() + "'",
	})
	if err != nil {
		return err
	}
	defer rollback(ctx, tx)
	return fn(ctx, tx)
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
	tx     pgx.Tx
}

const requestSavepoint = "savepoint request_effect"

// BeginRequest opens the transaction of a request.
func (db *DB) BeginRequest(ctx context.Context, tenant uuid.UUID) (*RequestTx, error) {
	tx, err := db.pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: beginScoped(tenant)})
	if err != nil {
		return nil, err
	}
	return &RequestTx{db: db, tenant: tenant, tx: tx}, nil
}

// Tx is for the statements of the request's own bookkeeping.
func (r *RequestTx) Tx() pgx.Tx { return r.tx }

// Context marks the point to which a failed effect is undone and returns the
// context in which InTx joins.
func (r *RequestTx) Context(ctx context.Context) (context.Context, error) {
	if _, err := r.tx.Exec(ctx, requestSavepoint, pgx.QueryExecModeSimpleProtocol); err != nil {
		return nil, err
	}
	return context.WithValue(ctx, requestKey{}, &request{tenant: r.tenant, tx: r.tx}), nil
}

// UndoEffect takes back everything since Context, keeping the transaction.
func (r *RequestTx) UndoEffect(ctx context.Context) error {
	_, err := r.tx.Exec(ctx, "rollback to "+requestSavepoint, pgx.QueryExecModeSimpleProtocol)
	return err
}

// Commit makes effect and bookkeeping durable together.
func (r *RequestTx) Commit(ctx context.Context) error {
	if err := r.tx.Commit(ctx); err != nil {
		return err
	}
	r.db.afterCommit(r.tenant)
	return nil
}

// Rollback is harmless after Commit.
func (r *RequestTx) Rollback(ctx context.Context) { rollback(ctx, r.tx) }

// Detached returns a context whose InTx no longer joins the request's
// transaction, for writes that must stand even when the request fails.
func Detached(ctx context.Context) context.Context {
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
