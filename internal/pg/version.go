package pg

import (
	"context"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/parvis-crm/parvis/db"
)

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

// SchemaVersion is Version as the application's role sees it.
func (db *DB) SchemaVersion(ctx context.Context) (version uint, dirty bool, err error) {
	var n int64
	err = db.pool.QueryRow(ctx, "select version, dirty from schema_migrations").Scan(&n, &dirty)
	return uint(max(n, 0)), dirty, err
}
