package parvistest

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ExecAsOwner runs a statement that may lock many tables beside a program at
// work. PostgreSQL may pick it to end a deadlock; nothing was done then, and it
// is asked again.
func ExecAsOwner(ctx context.Context, conn *pgx.Conn, sql string, args ...any) error {
	for range 20 {
		_, err := conn.Exec(ctx, sql, args...)
		if e, ok := errors.AsType[*pgconn.PgError](err); !ok || e.Code != "40P01" { // deadlock_detected
			return err
		}
	}
	return errors.New("a deadlock, twenty times")
}
