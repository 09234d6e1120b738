package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/bench/internal/measure"
	"github.com/parvis-crm/parvis/internal/transfers/archive"
)

// exported is an archive made over the API.
type exported struct {
	rows int64
	took time.Duration // from the request to the operation having succeeded
	peak int64         // the server's resident memory meanwhile, in bytes
	path string
}

// export compares the archive of the first institution with COPY of the same
// rows, as text, into nothing.
func export(ctx context.Context, e *environment, m measurement) ([]figure, error) {
	conn, err := e.owner(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	if err := e.forgetCeilingEvents(ctx, conn); err != nil {
		return nil, err
	}
	// The first archive says which tables there are, and warms the cache.
	first, err := e.archive(ctx)
	if err != nil {
		return nil, err
	}
	tables, err := archivedTables(first.path)
	if err := errors.Join(err, os.Remove(first.path)); err != nil {
		return nil, err
	}
	var ceilings, ours, ratios, took []float64
	var peak int64
	var last exported
	for range e.rounds {
		start, rows := time.Now(), int64(0)
		for _, t := range tables {
			n, err := copyOut(ctx, conn, io.Discard, t, "*", "text")
			if err != nil {
				return nil, err
			}
			rows += n
		}
		ceiling := float64(rows) / time.Since(start).Seconds()
		if last, err = e.archive(ctx); err != nil {
			return nil, err
		}
		if err := os.Remove(last.path); err != nil {
			return nil, err
		}
		rate := float64(last.rows) / last.took.Seconds()
		ceilings, ours, ratios, took = append(ceilings, ceiling), append(ours, rate), append(ratios, rate/ceiling), append(took, last.took.Seconds())
		peak = max(peak, last.peak)
	}
	ratio := measure.Median(ratios)
	return []figure{{Op: m.name, What: m.what, Ceiling: measure.Median(ceilings), Ours: measure.Median(ours), Ratio: ratio,
		Goal: fmt.Sprintf("≥ %.2f", m.goal), Met: ratio >= m.goal,
		Note: fmt.Sprintf("%d rows of %d tables; 202 to succeeded %.2f s; server's peak %d MB", last.rows, len(tables), measure.Median(took), peak>>20)}}, nil
}

// archive exports the first institution over the API.
func (e *environment) archive(ctx context.Context) (exported, error) {
	var out exported
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

func archivedTables(path string) ([]string, error) {
	a, err := archive.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = a.Close() }()
	var tables []string
	for _, t := range a.Dictionary.Tables {
		tables = append(tables, t.Name)
	}
	return tables, nil
}

// copyOut writes the first institution's rows of a table.
func copyOut(ctx context.Context, conn *pgx.Conn, w io.Writer, table, columns, format string) (int64, error) {
	tag, err := conn.PgConn().CopyTo(ctx, w, "copy (select "+columns+" from "+table+" where tenant_id = '"+tenantZero+"') to stdout (format "+format+")")
	return tag.RowsAffected(), err
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
