package main

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// largestImport is the data set of which an archive is imported at most: into an
// empty database a larger one takes longer, and not otherwise.
const largestImport = "10k"

// export compares the archive of the first institution with COPY of the same
// rows, as text, into nothing.
func export(ctx context.Context, e *environment, m measurement) ([]figure, error) {
	conn, err := e.owner(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	// The first archive says which tables there are, and warms the cache.
	first, err := e.archive(ctx, conn)
	if err != nil {
		return nil, err
	}
	tables, err := archivedTables(first.path)
	if err := errors.Join(err, os.Remove(first.path)); err != nil {
		return nil, err
	}
	var s series
	err = e.inRounds(func(int) error {
		start, rows := time.Now(), int64(0)
		for _, t := range tables {
			n, err := copyOut(ctx, conn, io.Discard, t, "*", "text")
			if err != nil {
				return err
			}
			rows += n
		}
		ceiling := float64(rows) / time.Since(start).Seconds()
		spent := e.cpu()
		made, err := e.archive(ctx, conn)
		if err != nil {
			return err
		}
		s.spent(spent(int(made.rows)))
		s.compare(ceiling, float64(made.rows)/made.took.Seconds())
		s.took, s.peak = append(s.took, made.took.Seconds()), max(s.peak, made.peak)
		return os.Remove(made.path)
	})
	f := s.figure(m)
	f.Note = fmt.Sprintf("%d rows of %d tables; 202 to succeeded %.2f s; server's peak %d MB", first.rows, len(tables), measure.Median(s.took), s.peak>>20)
	return []figure{f}, err
}

// imports compares `parvis import` into an empty database, proving the archive
// included, with binary COPY of the same rows into the same tables with the same
// indexes, whose foreign keys are not even checked.
func imports(ctx context.Context, e *environment, m measurement) (figures []figure, err error) {
	if e.people > sizes[largestImport] {
		smaller, err := e.sibling(ctx, largestImport)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, smaller.stopServer()) }()
		e = smaller
	}
	conn, err := e.owner(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	whole, err := e.archive(ctx, conn)
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
	var s series
	err = e.inRounds(func(int) error {
		if err := fresh(ctx, conn, target, empty); err != nil {
			return err
		}
		rows, d, err := copyIn(ctx, e.pg.URL(pgembed.Superuser, target), copies)
		if err != nil {
			return err
		}
		if err := fresh(ctx, conn, target, empty); err != nil {
			return err
		}
		postgres := measure.Family(e.pgPID)
		took, program, memory, err := e.importInto(ctx, target, whole.path)
		if err != nil {
			return err
		}
		per := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(whole.rows) }
		s.spent(per(program), per(measure.Family(e.pgPID)-postgres))
		s.compare(float64(rows)/d.Seconds(), float64(whole.rows)/took.Seconds())
		s.took, s.peak = append(s.took, took.Seconds()), max(s.peak, memory)
		return nil
	})
	f := s.figure(m)
	f.Note = fmt.Sprintf("%d rows in %.2f s, the program's start and the proof of the archive included; peak %d MB", whole.rows, measure.Median(s.took), s.peak>>20)
	return []figure{f}, err
}

// importInto runs the program's import into a database of the same cluster.
func (e *environment) importInto(ctx context.Context, database, path string) (took, program time.Duration, peak int64, err error) {
	cmd := exec.CommandContext(ctx, filepath.Join(e.work, "parvis"), "import", "--without-key", path)
	cmd.Env = append(os.Environ(), "PARVIS_DATA_DIR="+filepath.Join(e.work, "import"), "PARVIS_MASTER_KEY="+e.cfg.MasterKey, "PARVIS_LOG_LEVEL=warn",
		"PARVIS_DATABASE_URL="+e.pg.URL(pg.Role, database), "PARVIS_MIGRATION_URL="+e.pg.URL(pgembed.Superuser, database))
	start := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, 0, 0, fmt.Errorf("parvis import: %w: %s", err, out)
	}
	took = time.Since(start)
	if used, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		peak = used.Maxrss << 10
	}
	return took, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), peak, nil
}

// archived is an archive made over the API.
type archived struct {
	rows int64
	took time.Duration // from the request to the operation having succeeded
	peak int64         // the server's resident memory meanwhile, in bytes
	path string
}

// archive exports the first institution over the API.
func (e *environment) archive(ctx context.Context, conn *pgx.Conn) (archived, error) {
	var out archived
	if err := e.forgetCeilingEvents(ctx, conn); err != nil {
		return out, err
	}
	var operation struct {
		ID      string
		Status  string
		Problem any
		Result  struct{ Rows int64 }
	}
	start := time.Now()
	if err := e.call(ctx, "POST", "/v1/exports", `{"include_events":true}`, "", &operation); err != nil {
		return out, err
	}
	err := until(ctx, time.Hour, "the export", func() (bool, error) {
		out.peak = max(out.peak, measure.Resident(e.server.Process.Pid))
		err := e.getJSON(ctx, "/v1/operations/"+operation.ID, &operation)
		if err == nil && (operation.Status == "failed" || operation.Status == "cancelled") {
			err = fmt.Errorf("the export %s: %v", operation.Status, operation.Problem)
		}
		return operation.Status == "succeeded", err
	})
	out.took, out.rows = time.Since(start), operation.Result.Rows
	out.path = filepath.Join(e.cfg.DataDir, "exports", tenantZero, operation.ID+".zip")
	return out, err
}

// forgetCeilingEvents removes the events that the ceilings of other
// measurements wrote past the log: in no chain, they would make the archive of
// a log that is not whole.
func (e *environment) forgetCeilingEvents(ctx context.Context, conn *pgx.Conn) error {
	if err := e.settle(ctx, conn); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, `with stray as (
			delete from events v where not exists (select from event_sequence s where s.tenant_id = v.tenant_id and s.event_id = v.id)
				and not exists (select from event_queue q where q.tenant_id = v.tenant_id and q.event_id = v.id) returning tenant_id, id)
		delete from event_changes c using stray s where c.tenant_id = s.tenant_id and c.event_id = s.id`)
	return err
}
