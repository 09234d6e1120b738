package pg

import (
	"context"
	"fmt"
	"io"
	"regexp"

	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/parvis-crm/parvis/db"
)

// builds finds the index that a step builds beside running work.
var builds = regexp.MustCompile(`(?i)create\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?(?:crm\.)?"?(\w+)`)

// mendIndex tells whether an interrupted step that builds an index beside running
// work has built it: such a step is no transaction and notes nothing. What it
// left half built is useless, is in the way of the next attempt, and is dropped.
func mendIndex(ctx context.Context, pool *pgxpool.Pool, version uint) (built bool, err error) {
	name, err := indexOf(version)
	if err != nil || name == "" {
		return false, err
	}
	err = pool.QueryRow(ctx, `
		select i.indisvalid from pg_index i join pg_class c on c.oid = i.indexrelid
		where c.relnamespace = 'crm'::regnamespace and c.relname = $1`, name).Scan(&built)
	if IsNoRows(err) {
		return false, nil
	}
	if err != nil || built {
		return built, err
	}
	_, err = pool.Exec(ctx, "drop index concurrently if exists "+pgx.Identifier{"crm", name}.Sanitize())
	return false, err
}

// indexOf is the name of the index that a step builds beside running work, or
// nothing.
func indexOf(version uint) (string, error) {
	steps, err := iofs.New(db.Migrations, "migrations")
	if err != nil {
		return "", err
	}
	step, _, err := steps.ReadUp(version)
	if err != nil {
		return "", fmt.Errorf("the database has step %d of a schema that this program does not know: %w", version, err)
	}
	defer func() { _ = step.Close() }()
	text, err := io.ReadAll(step)
	if err != nil {
		return "", err
	}
	if found := builds.FindSubmatch(text); found != nil {
		return string(found[1]), nil
	}
	return "", nil
}
