package pg

import (
	"context"
	"runtime/debug"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// asideConns is how many may at once do something detached from the transaction
// they hold. Such work is short, and most of the time there is none.
const asideConns = 4

// holding is what the caller of a context holds of the pool.
type holding int

const (
	none        holding = iota
	one                 // a transaction
	oneDetached         // a transaction, from which what follows is detached
	two                 // a transaction, and one beside it
)

type holdingKey struct{}

func held(ctx context.Context) holding {
	h, _ := ctx.Value(holdingKey{}).(holding)
	return h
}

// inside returns the context of whoever is given a transaction in ctx.
func inside(ctx context.Context) context.Context {
	h := one
	if held(ctx) != none {
		h = two
	}
	return context.WithValue(ctx, holdingKey{}, h)
}

// Beside returns a context for what is called back by somebody who may hold a
// transaction, and has no context of theirs.
func Beside(ctx context.Context) context.Context {
	if held(ctx) == two {
		return ctx
	}
	return Detached(context.WithValue(ctx, holdingKey{}, one))
}

// from returns the pool that ctx is served from.
func (db *DB) from(ctx context.Context) *pgxpool.Pool {
	if held(ctx) == none {
		return db.pool
	}
	return db.aside
}

// watch tells of connections that are asked for by others than those a pool is for.
func watch(tell func(stack string), meant func(holding) bool) func(context.Context, *pgx.Conn) (bool, error) {
	return func(ctx context.Context, _ *pgx.Conn) (bool, error) {
		if !meant(held(ctx)) {
			tell(string(debug.Stack()))
		}
		return true, nil
	}
}
