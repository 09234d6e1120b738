package pg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/parvis-crm/parvis/db"
)

const undefinedTable = "42P01"

// Latest is the number of the newest migration of this program.
func Latest() (uint, error) {
	files, err := fs.Glob(db.Migrations, "migrations/*.up.sql")
	if err != nil {
		return 0, err
	}
	var latest uint64
	for _, file := range files {
		number, _, _ := strings.Cut(strings.TrimPrefix(file, "migrations/"), "_")
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			return 0, fmt.Errorf("pg: %s does not begin with a number: %w", file, err)
		}
		latest = max(latest, n)
	}
	return uint(latest), nil
}

// Version returns the number of the last applied migration, zero on an empty
// database, and whether a migration is under way or stopped half way. It only
// looks, and takes no lock that a migration could wait for.
func Version(ctx context.Context, ownerURL string) (version uint, dirty bool, err error) {
	conn, err := pgx.Connect(ctx, ownerURL)
	if err != nil {
		return 0, false, fmt.Errorf("pg: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return VersionOn(ctx, conn)
}

// VersionOn is Version on a connection that is there already.
func VersionOn(ctx context.Context, conn *pgx.Conn) (version uint, dirty bool, err error) {
	return versionOf(ctx, conn)
}

func versionOf(ctx context.Context, conn interface {
	QueryRow(context.Context, string, ...any) pgx.Row
}) (version uint, dirty bool, err error) {
	var n int64
	err = conn.QueryRow(ctx, "select version, dirty from crm.schema_migrations").Scan(&n, &dirty)
	if failed, ok := errors.AsType[*pgconn.PgError](err); IsNoRows(err) || ok && failed.Code == undefinedTable {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("pg: reading the schema's version: %w", err)
	}
	return uint(max(n, 0)), dirty, nil
}

// SchemaVersion is Version as the application's role sees it.
func (db *DB) SchemaVersion(ctx context.Context) (version uint, dirty bool, err error) {
	var n int64
	err = db.pool.QueryRow(ctx, "select version, dirty from schema_migrations").Scan(&n, &dirty)
	return uint(max(n, 0)), dirty, err
}
