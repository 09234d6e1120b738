package app

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/schollz/progressbar/v3"

	"github.com/parvis-crm/parvis/internal/audit"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/pg"
)

// AuditCommand is `parvis audit`.
type AuditCommand struct {
	Refusals AuditRefusalsCommand `cmd:"" help:"List attempts that name no institution, such as unknown keys."`
	Verify   AuditVerifyCommand   `cmd:"" help:"Verify the logs of events, of reads and of refusals against themselves; fails at the first break."`
}

// AuditRefusalsCommand is `parvis audit refusals`.
type AuditRefusalsCommand struct {
	Since time.Duration `help:"How far back." default:"24h"`
}

// Run implements the command: attempts that name no institution, such as unknown
// keys, which no institution reads.
func (c AuditRefusalsCommand) Run(ctx context.Context) error {
	return withAuditDatabase(ctx, func(ctx context.Context, db *pg.DB) error {
		return writeRefusals(ctx, db, time.Now().Add(-c.Since), os.Stdout)
	})
}

// writeRefusals writes one JSON object a line, the newest first.
func writeRefusals(ctx context.Context, db *pg.DB, since time.Time, out io.Writer) error {
	service := audit.NewService(db, events.NewService(db, events.NewHub()))
	enc := json.NewEncoder(out)
	at := audit.EntryPosition{}
	for more := true; more; {
		var entries []audit.Entry
		var err error
		entries, at, more, err = service.Entries(pg.WithSight(ctx, pg.Everything()), uuid.Nil, audit.EntryFilter{Kinds: []string{audit.KindRefusal}, Since: &since}, at, 1000)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := enc.Encode(map[string]any{
				"id": e.ID, "at": e.At, "operation": e.Operation, "status": e.Status, "code": e.Code, "rule": e.Rule, "claimed": e.ActorID, "address": e.Address,
				"request_id": e.RequestID, "repeated": e.Repeated,
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// AuditVerifyCommand is `parvis audit verify`.
type AuditVerifyCommand struct {
	Tenant []uuid.UUID `help:"Only these institutions; all active ones if none is given."`
}

// Run implements the command.
func (c AuditVerifyCommand) Run(ctx context.Context) error {
	return withAuditDatabase(ctx, func(ctx context.Context, db *pg.DB) error { return verifyLogs(ctx, db, c.Tenant, os.Stdout, os.Stderr) })
}

func withAuditDatabase(ctx context.Context, do func(ctx context.Context, db *pg.DB) error) error {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	cfg, stop, err := CommandDatabase(ctx, cfg, logger(cfg))
	if err != nil {
		return err
	}
	defer stop()
	db, err := pg.Open(ctx, cfg.DatabaseURL, pg.Options{MaxConns: 2})
	if err != nil {
		return err
	}
	defer db.Close()
	return do(ctx, db)
}

var errLogBroken = errors.New("the log is broken; see above where")

// verifyLogs verifies the log of each tenant, with a bar on progress when that
// is a terminal, and says on out what it found.
func verifyLogs(ctx context.Context, db *pg.DB, tenants []uuid.UUID, out io.Writer, progress *os.File) error {
	all := len(tenants) == 0
	if all {
		rows, err := db.Unscoped().Query(ctx, "select active_tenants()")
		if err != nil {
			return err
		}
		if tenants, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID]); err != nil {
			return err
		}
	}
	log := events.NewService(db, events.NewHub())
	service := audit.NewService(db, log)
	broken := false
	for _, tenant := range tenants {
		head, _, err := log.Head(ctx, tenant)
		if err != nil {
			return err
		}
		bar := progressbar.NewOptions64(head, progressbar.OptionSetWriter(progress), progressbar.OptionSetVisibility(isTerminal(progress)),
			progressbar.OptionSetDescription(tenant.String()), progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("events"),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
		r, err := service.VerifyAll(ctx, tenant, func() { _ = bar.Add(1) })
		_ = bar.Finish()
		if err != nil {
			return fmt.Errorf("institution %s: %w", tenant, err)
		}
		reads, err := service.VerifyReads(ctx, tenant, nil)
		if err != nil {
			return fmt.Errorf("institution %s: %w", tenant, err)
		}
		refusals, err := service.VerifyRefusals(ctx, tenant, nil)
		if err != nil {
			return fmt.Errorf("institution %s: %w", tenant, err)
		}
		broken = broken || !r.Intact() || !reads.Intact() || !refusals.Intact()
		_, _ = fmt.Fprintln(out, auditSentence(tenant, r))
		_, _ = fmt.Fprintln(out, batchSentence(tenant.String(), "reads", reads))
		_, _ = fmt.Fprintln(out, batchSentence(tenant.String(), "refusals", refusals))
	}
	if all {
		refusals, err := service.VerifyRefusals(ctx, uuid.Nil, nil)
		if err != nil {
			return fmt.Errorf("installation: %w", err)
		}
		broken = broken || !refusals.Intact()
		_, _ = fmt.Fprintln(out, batchSentence("installation", "refusals", refusals))
	}
	if broken {
		return errLogBroken
	}
	return nil
}

func auditSentence(tenant uuid.UUID, r audit.Report) string {
	if r.Intact() {
		return fmt.Sprintf("%s: %d events agree with their chain (values of %d erased). Digest at %d: %s", tenant, r.Verified, r.Erased, r.To, hex.EncodeToString(r.Digest))
	}
	what := fmt.Sprintf("%s: BROKEN at sequence %d: %s", tenant, r.Break.Sequence, r.Break.Kind)
	if r.Break.EventID != nil {
		what += ", event " + r.Break.EventID.String()
	}
	return fmt.Sprintf("%s; the %d events before it agree.", what, r.Verified)
}

func batchSentence(whose, what string, r audit.BatchReport) string {
	if r.Intact() {
		return fmt.Sprintf("%s: %d %s in %d batches agree with their chain (%d purged by certificate). Digest: %s", whose, r.Entries, what, r.Batches, r.Purged, hex.EncodeToString(r.Digest))
	}
	found := fmt.Sprintf("%s: %s BROKEN at batch %d: %s", whose, what, r.Break.Batch, r.Break.Kind)
	if r.Break.Entry != nil {
		found += ", entry " + r.Break.Entry.String()
	}
	return fmt.Sprintf("%s; the %d batches before it agree.", found, r.Batches)
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
