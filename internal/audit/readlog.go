package audit

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	// collect is how long entries come together before they are written.
	collect = 100 * time.Millisecond
	// mostWritten bounds a statement: so many reads, or subjects.
	mostWritten, mostSubjects = 4000, 100_000
	flushFor                  = 10 * time.Second
	retryMost                 = 5 * time.Second
	lookAround                = time.Minute
	sealEvery                 = 2 * time.Second
)

// MostKept is how many bytes of reads wait for the database before further ones
// are refused.
const MostKept = 256 << 20

// ReadLog keeps who read whose data. Record puts an entry into a file before the
// answer is given; Run brings entries into the database.
type ReadLog struct {
	journal[entry]
	clock clock.Clock

	policies *policies
	chain    chain

	since map[uuid.UUID]*amount // written since the last fold
}

type amount struct{ reads, entries int }

var _ web.ReadLog = (*ReadLog)(nil)

// NewReadLog makes a log with its files in a folder, of which several processes
// may share one, and at most so many bytes of them; Run has to run for it.
func NewReadLog(db *pg.DB, c clock.Clock, log *slog.Logger, folder string, most int64) *ReadLog {
	l := &ReadLog{journal: newJournal[entry](db, log, readsLog, folder, most), clock: c, policies: newPolicies(db), chain: chain{log: readsLog, clock: c}, since: map[uuid.UUID]*amount{}}
	l.decode = readEntry
	l.of = func(e entry) (uuid.UUID, int) { return e.tenant, len(e.subjects) / 16 }
	l.insert, l.after = l.insertReads, l.foldWhatIsEnough
	return l
}

// Sign makes the log sign its batches; call it before Run.
func (l *ReadLog) Sign(key ed25519.PrivateKey) { l.chain.key = key }

// Admit implements web.ReadLog.
func (l *ReadLog) Admit(ctx context.Context, actor web.Actor, operation string) error {
	return l.policies.admits(ctx, actor, operation, web.StatedIn(ctx))
}

// Record implements web.ReadLog.
func (l *ReadLog) Record(ctx context.Context, actor web.Actor, operation string, subjects []uuid.UUID) (uuid.UUID, error) {
	stated := web.StatedIn(ctx)
	// What was read for a purpose has its receipt, whatever else is kept.
	if kept, err := l.policies.admitsSubjects(ctx, actor, stated, subjects); err != nil || (!kept && len(actor.Purposes) == 0) {
		return uuid.Nil, err
	}
	subjects = slices.Clone(subjects)
	slices.SortFunc(subjects, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	subjects = slices.Compact(subjects)
	purpose := stated.Purpose
	if len(actor.Purposes) > 0 { // what it was held to, not only what it said
		purpose = strings.Join(actor.Purposes, " ")
	}
	e := entry{id: ids.New(), tenant: actor.Tenant, at: l.clock.Now().UnixMicro(), actorKind: string(actor.Kind), actorID: actor.ID,
		operation: operation, request: web.RequestID(ctx), purpose: purpose, reason: stated.Reason}
	if err := l.put(func(b []byte) []byte { return appendEntry(b, e, subjects) }); err != nil {
		return uuid.Nil, fmt.Errorf("a read could not be noted: %w", err)
	}
	return e.id, nil
}

// Run writes entries until the context ends, then what is left; what the
// database does not take by then stays in the folder for the next start.
func (l *ReadLog) Run(ctx context.Context) error {
	return l.run(ctx, func(ctx context.Context) {
		if err := l.sealWaiting(ctx); err != nil && ctx.Err() == nil {
			l.log.WarnContext(ctx, "reads that requests noted could not be sealed; will try again", "error", err)
		}
	})
}

// One statement a batch: a read costs PostgreSQL its row and no more.
const insertIntoReads = `
insert into access_log (tenant_id, id, occurred_at, actor_kind, actor_id, operation, request_id, purpose, reason, subjects)
select $1, r.id, r.at, r.actor_kind, r.actor_id, r.operation, r.request_id, r.purpose, r.reason, ($9::uuid[])[r.from_subject : r.to_subject]
from unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $10::int4[], $11::int4[], $12::text[])
     as r (id, at, actor_kind, actor_id, operation, request_id, purpose, from_subject, to_subject, reason)
on conflict do nothing
returning id`

func (l *ReadLog) insertReads(ctx context.Context, tenant uuid.UUID, entries []entry) error {
	ctx, cancel := context.WithTimeout(ctx, flushFor)
	defer cancel()
	var (
		identity                            []byte
		times                               []int64
		kinds, actors, operations, requests []string
		purpose, reasons                    []string
		from, to                            []int32
		subjects                            [][]byte
		all                                 int32
	)
	for _, e := range entries {
		identity, times = append(identity, e.id[:]...), append(times, e.at)
		kinds, actors = append(kinds, e.actorKind), append(actors, e.actorID)
		operations, requests, purpose = append(operations, e.operation), append(requests, e.request), append(purpose, e.purpose)
		reasons = append(reasons, e.reason)
		from = append(from, all+1)
		all += int32(len(e.subjects) / 16)
		to, subjects = append(to, all), append(subjects, e.subjects)
	}
	err := pg.InTx(pg.Quiet(ctx), l.db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		mark, err := sharedMark(ctx, tx, tenant)
		if err != nil {
			return err
		}
		text := func(v []string) param { return param{pgtype.TextArrayOID, texts(v)} }
		inserted, err := sendReturning(ctx, tx, insertIntoReads, param{pgtype.UUIDOID, tenant[:]}, param{pgtype.UUIDArrayOID, identifiers(identity)},
			param{pgtype.TimestamptzArrayOID, instants(times)}, text(kinds), text(actors), text(operations), text(requests), text(purpose),
			param{pgtype.UUIDArrayOID, identifiers(subjects...)}, param{pgtype.Int4ArrayOID, integers(from)}, param{pgtype.Int4ArrayOID, integers(to)}, text(reasons))
		if err != nil {
			return err
		}
		if err := l.sealNew(ctx, tx, tenant, entries, inserted); err != nil {
			return err
		}
		// What comes later than the mark, from a process that was dead meanwhile,
		// would be passed by: it goes into the index at once.
		var late fold
		for _, e := range entries {
			if e.at > mark {
				continue
			}
			for s := e.subjects; len(s) >= 16; s = s[16:] {
				late.add(s[:16], e.at, e.id[:])
			}
		}
		return late.write(ctx, tx, tenant)
	})
	if err != nil {
		return err
	}
	a := l.since[tenant]
	if a == nil {
		a = &amount{reads: enoughReads} // others, or we before our start, may have left much
		l.since[tenant] = a
	}
	a.reads, a.entries = a.reads+len(entries), a.entries+int(all)
	return nil
}

func (l *ReadLog) foldWhatIsEnough(ctx context.Context) {
	for tenant, a := range l.since {
		if a.reads < enoughReads && a.entries < enoughEntries {
			continue
		}
		*a = amount{}
		for more := true; more && ctx.Err() == nil; {
			var err error
			if more, err = foldReads(context.WithoutCancel(ctx), l.db, tenant); err != nil {
				// They are found all the same, only more slowly.
				l.log.WarnContext(ctx, "reads could not be folded into their index; will try again", "error", err)
				a.reads = enoughReads
			}
		}
	}
}

func instant(micro int64) time.Time { return time.UnixMicro(micro).UTC() }

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
