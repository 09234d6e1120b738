package app

import (
	"context"
	"encoding/hex"
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
	Verify AuditVerifyCommand `cmd:"" help:"Verify the logs of events and of reads against themselves; fails at the first break."`
}

// AuditVerifyCommand is `parvis audit verify`.
type AuditVerifyCommand struct {
	Tenant []uuid.UUID `help:"Only these institutions; all active ones if none is given."`
}

// Run implements the command.
func (c AuditVerifyCommand) Run(ctx context.Context) error {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	cfg, stop, err := Database(ctx, cfg, logger(cfg))
	if err != nil {
		return err
	}
	defer stop()
	db, err := pg.Open(ctx, cfg.DatabaseURL, pg.Options{MaxConns: 2})
	if err != nil {
		return err
	}
	defer db.Close()
	return verifyLogs(ctx, db, c.Tenant, os.Stdout, os.Stderr)
}

var errLogBroken = errors.New("the log is broken; see above where")

// verifyLogs verifies the log of each tenant, with a bar on progress when that
// is a terminal, and says on out what it found.
func verifyLogs(ctx context.Context, db *pg.DB, tenants []uuid.UUID, out io.Writer, progress *os.File) error {
	if len(tenants) == 0 {
		rows, err := db.Pool().Query(ctx, "select active_tenants()")
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
		broken = broken || !r.Intact() || !reads.Intact()
		_, _ = fmt.Fprintln(out, auditSentence(tenant, r))
		_, _ = fmt.Fprintln(out, readsSentence(tenant, reads))
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

func readsSentence(tenant uuid.UUID, r audit.ReadsReport) string {
	if r.Intact() {
		return fmt.Sprintf("%s: %d reads in %d batches agree with their chain (%d purged by certificate). Digest: %s", tenant, r.Entries, r.Batches, r.Purged, hex.EncodeToString(r.Digest))
	}
	what := fmt.Sprintf("%s: reads BROKEN at batch %d: %s", tenant, r.Break.Batch, r.Break.Kind)
	if r.Break.Entry != nil {
		what += ", read " + r.Break.Entry.String()
	}
	return fmt.Sprintf("%s; the %d batches before it agree.", what, r.Batches)
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
