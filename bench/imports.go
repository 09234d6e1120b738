package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/bench/internal/measure"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/pgembed"
)

// imports compares `parvis import` into an empty database, proving the archive
// included, with binary COPY of the same rows into the same tables with the same
// indexes, whose foreign keys are not even checked.
func imports(ctx context.Context, e *environment, m measurement) (figures []figure, err error) {
	conn, err := e.owner(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	if err := e.forgetCeilingEvents(ctx, conn); err != nil {
		return nil, err
	}
	whole, err := e.archive(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(whole.path) }()
	folder, err := os.MkdirTemp(e.work, "copies")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	copies, err := copyAll(ctx, conn, whole.path, folder)
	if err != nil {
		return nil, err
	}
	empty, target := e.database+"_empty", e.database+"_import"
	defer func() { err = errors.Join(err, drop(ctx, conn, target), drop(ctx, conn, empty)) }()
	if err := fresh(ctx, conn, empty, "template1"); err != nil {
		return nil, err
	}
	url := e.pg.URL(pgembed.Superuser, empty)
	if err := errors.Join(pg.AllowLogin(ctx, url), pg.Migrate(ctx, url)); err != nil {
		return nil, err
	}
	var ceilings, ours, ratios, took []float64
	var peak int64
	for range e.rounds {
		if err := fresh(ctx, conn, target, empty); err != nil {
			return nil, err
		}
		rows, d, err := copyIn(ctx, e.pg.URL(pgembed.Superuser, target), copies)
		if err != nil {
			return nil, err
		}
		ceiling := float64(rows) / d.Seconds()
		if err := fresh(ctx, conn, target, empty); err != nil {
			return nil, err
		}
		d, memory, err := e.importInto(ctx, target, whole.path)
		if err != nil {
			return nil, err
		}
		rate := float64(whole.rows) / d.Seconds()
		ceilings, ours, ratios, took = append(ceilings, ceiling), append(ours, rate), append(ratios, rate/ceiling), append(took, d.Seconds())
		peak = max(peak, memory)
	}
	ratio := measure.Median(ratios)
	return []figure{{Op: m.name, What: m.what, Ceiling: measure.Median(ceilings), Ours: measure.Median(ours), Ratio: ratio,
		Goal: fmt.Sprintf("≥ %.2f", m.goal), Met: ratio >= m.goal,
		Note: fmt.Sprintf("%d rows in %.2f s, the program's start and the proof of the archive included; peak %d MB", whole.rows, measure.Median(took), peak>>20)}}, nil
}

// importInto runs the program's import into a database of the same cluster.
func (e *environment) importInto(ctx context.Context, database, path string) (took time.Duration, peak int64, err error) {
	cmd := exec.CommandContext(ctx, filepath.Join(e.work, "parvis"), "import", "--without-key", path)
	cmd.Env = append(os.Environ(), "PARVIS_DATA_DIR="+filepath.Join(e.work, "import"), "PARVIS_MASTER_KEY="+e.cfg.MasterKey, "PARVIS_LOG_LEVEL=warn",
		"PARVIS_DATABASE_URL="+e.pg.URL(pg.Role, database), "PARVIS_MIGRATION_URL="+e.pg.URL(pgembed.Superuser, database))
	start := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, 0, fmt.Errorf("parvis import: %w: %s", err, out)
	}
	if used, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		peak = used.Maxrss << 10
	}
	return time.Since(start), peak, nil
}

// tableCopy is a table's rows in a file, as binary COPY has them.
type tableCopy struct{ table, columns, path string }

func copyAll(ctx context.Context, conn *pgx.Conn, archived, folder string) ([]tableCopy, error) {
	tables, err := archivedTables(archived)
	if err != nil {
		return nil, err
	}
	var out []tableCopy
	for _, t := range tables {
		c := tableCopy{table: t, path: filepath.Join(folder, t)}
		err := conn.QueryRow(ctx, `select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
			where attrelid = $1::text::regclass and attnum > 0 and not attisdropped and attgenerated = ''`, "crm."+t).Scan(&c.columns)
		if err != nil {
			return nil, err
		}
		file, err := os.Create(c.path)
		if err != nil {
			return nil, err
		}
		_, err = copyOut(ctx, conn, file, t, c.columns, "binary")
		if err := errors.Join(err, file.Close()); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func copyIn(ctx context.Context, url string, copies []tableCopy) (rows int64, took time.Duration, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = conn.Close(ctx) }()
	start := time.Now()
	if _, err := conn.Exec(ctx, "set session_replication_role = replica; begin"); err != nil {
		return 0, 0, err
	}
	for _, c := range copies {
		file, err := os.Open(c.path)
		if err != nil {
			return 0, 0, err
		}
		tag, err := conn.PgConn().CopyFrom(ctx, file, "copy crm."+c.table+" ("+c.columns+") from stdin (format binary)")
		if err := errors.Join(err, file.Close()); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", c.table, err)
		}
		rows += tag.RowsAffected()
	}
	_, err = conn.Exec(ctx, "commit")
	return rows, time.Since(start), err
}

// fresh makes a database anew from a template.
func fresh(ctx context.Context, conn *pgx.Conn, name, template string) error {
	if err := drop(ctx, conn, name); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, "create database "+name+" template "+template)
	return err
}

func drop(ctx context.Context, conn *pgx.Conn, name string) error {
	_, err := conn.Exec(ctx, "drop database if exists "+name+" with (force)")
	return err
}
