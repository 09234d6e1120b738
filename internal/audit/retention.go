package audit

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/audit/internal/auditdb"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// KeptMonths is for how long a log is kept where the institution has said
// nothing (CNIL, recommendation on logging measures: six months to a year).
const KeptMonths = 12

const (
	purgeEvery = time.Hour
	// purgeAtOnce is how many batches one transaction purges.
	purgeAtOnce = 200
)

// Retention is for how many months a log is kept, from an instant on.
type Retention = auditdb.AuditRetention

// Purger removes reads and refusals that have been kept for their time.
type Purger struct {
	db    *pg.DB
	q     *auditdb.Queries
	clock clock.Clock
	log   *slog.Logger
	key   ed25519.PrivateKey
}

// NewPurger makes a purger, whose certificates are signed with a key.
func NewPurger(db *pg.DB, c clock.Clock, log *slog.Logger, key ed25519.PrivateKey) *Purger {
	return &Purger{db: db, q: auditdb.New(), clock: c, log: log, key: key}
}

// Run purges every institution's logs hourly. Running it in several processes
// is harmless.
func (p *Purger) Run(ctx context.Context) error {
	for {
		if err := p.all(ctx); err != nil && ctx.Err() == nil {
			p.log.WarnContext(ctx, "old entries of logs could not be purged; will try again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(purgeEvery):
		}
	}
}

func (p *Purger) all(ctx context.Context) error {
	rows, err := p.db.Unscoped().Query(ctx, "select active_tenants()")
	if err != nil {
		return err
	}
	tenants, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return err
	}
	var failed []error
	for _, tenant := range append(tenants, uuid.Nil) { // attempts that name no institution are the installation's
		for _, log := range []string{readsLog, refusalsLog} {
			_, err := p.Purge(ctx, tenant, log)
			failed = append(failed, err) // what fails for one holds up no other
		}
	}
	return errors.Join(failed...)
}

const (
	oldBatches = `
select b.number, b.newest, length(b.entries) / 48, b.digest from audit_batches b
where b.tenant_id = $1 and b.log = $2 order by b.number limit $3`
	purgeBatches = `select purge_audit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
)

// Purge removes what has been kept for its time from one of an institution's
// logs, and returns how many entries it were.
func (p *Purger) Purge(ctx context.Context, tenant uuid.UUID, log string) (int64, error) {
	now := p.clock.Now()
	months, err := monthsAt(ctx, p.q, p.db.Tenant(tenant), tenant, log, now)
	if err != nil {
		return 0, err
	}
	cutoff := now.AddDate(0, -months, 0)
	purged := int64(0)
	for ctx.Err() == nil {
		n, err := p.some(ctx, tenant, log, cutoff, now)
		if err != nil || n == 0 {
			return purged, err
		}
		purged += n
	}
	return purged, ctx.Err()
}

func (p *Purger) some(ctx context.Context, tenant uuid.UUID, log string, cutoff, now time.Time) (int64, error) {
	var purged int64
	err := pg.InTx(pg.Quiet(ctx), p.db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockChain, tenant, log); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, oldBatches, tenant, log, purgeAtOnce)
		if err != nil {
			return err
		}
		defer rows.Close()
		g := gap{cutoff: cutoff, purgedAt: now, key: publicOf(p.key)}
		for rows.Next() {
			var number, entries int64
			var newest time.Time
			var digest []byte
			if err := rows.Scan(&number, &newest, &entries, &digest); err != nil {
				return err
			}
			if !newest.Before(cutoff) {
				break
			}
			if g.from == 0 {
				g.from = number
			}
			g.to, g.digest, g.entries = number, digest, g.entries+entries
		}
		rows.Close()
		if err := rows.Err(); err != nil || g.from == 0 {
			return err
		}
		g.signature = ed25519.Sign(p.key, g.statement(tenant, log))
		purged = g.entries
		_, err = tx.Exec(ctx, purgeBatches, tenant, log, g.from, g.to, g.digest, g.entries, g.cutoff, g.purgedAt, g.key, g.signature)
		return err
	})
	return purged, err
}

func monthsAt(ctx context.Context, q *auditdb.Queries, db pg.DBTX, tenant uuid.UUID, log string, at time.Time) (int, error) {
	months, err := q.MonthsAt(ctx, db, tenant, log, at)
	if pg.IsNoRows(err) {
		return KeptMonths, nil
	}
	return int(months), err
}

// Kept is for how many months each log is kept now.
type Kept struct{ Reads, Refusals int }

// Retentions are for how long the logs are kept now, and all that was said of
// it, the latest first.
func (s *Service) Retentions(ctx context.Context) (kept Kept, said []Retention, err error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Kept{}, nil, err
	}
	scope, now := s.reads.db.Tenant(actor.Tenant), clock.System{}.Now()
	if kept.Reads, err = monthsAt(ctx, s.reads.q, scope, actor.Tenant, readsLog, now); err != nil {
		return Kept{}, nil, err
	}
	if kept.Refusals, err = monthsAt(ctx, s.reads.q, scope, actor.Tenant, refusalsLog, now); err != nil {
		return Kept{}, nil, err
	}
	said, err = s.reads.q.ListRetentions(ctx, scope, actor.Tenant)
	return kept, said, err
}

// Retain says for how long a log is kept from an instant on, which is not past;
// nil: from now on.
func (s *Service) Retain(ctx context.Context, log string, months int, from *time.Time) error {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return err
	}
	now := clock.System{}.Now()
	if from == nil {
		from = &now
	}
	if from.Before(now) {
		return fault.Invalid().At("#/valid_from", "in-the-past")
	}
	return pg.InTx(ctx, s.reads.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		before, err := monthsAt(ctx, s.reads.q, tx, actor.Tenant, log, *from)
		if err != nil {
			return err
		}
		if err := s.reads.q.InsertRetention(ctx, tx, auditdb.InsertRetentionParams{TenantID: actor.Tenant, Log: log, ValidFrom: *from, Months: int32(months)}); err != nil {
			return err
		}
		return events.RecordTx(ctx, tx, events.Entry{
			Type: "audit_retention.updated", Subject: events.Subject{Kind: "audit_retention", ID: actor.Tenant},
			Facts:   map[string]any{"log": log, "valid_from": from.UTC().Format(time.RFC3339Nano)},
			Changes: []events.Change{{Pointer: "/months", Before: before, After: months}},
		})
	})
}
