package audit

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
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
// answer is given; Run brings entries into the database, those too that a killed
// process left. Entries have their ids, so bringing one in twice makes one.
type ReadLog struct {
	db    *pg.DB
	clock clock.Clock
	log   *slog.Logger
	spool spool

	policies *policies
	key      ed25519.PrivateKey // signs batches

	wake    chan struct{}
	waiting []*segment            // cut and not yet written, the oldest first
	since   map[uuid.UUID]*amount // written since the last fold
}

type amount struct{ reads, entries int }

var _ web.ReadLog = (*ReadLog)(nil)

// NewReadLog makes a log with its files in a folder, of which several processes
// may share one, and at most so many bytes of them; Run has to run for it.
func NewReadLog(db *pg.DB, c clock.Clock, log *slog.Logger, folder string, most int64) *ReadLog {
	return &ReadLog{db: db, clock: c, log: log, spool: spool{folder: filepath.Clean(folder), most: most},
		policies: newPolicies(db), wake: make(chan struct{}, 1), since: map[uuid.UUID]*amount{}}
}

// Sign makes the log sign its batches; call it before Run.
func (l *ReadLog) Sign(key ed25519.PrivateKey) { l.key = key }

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
	first, err := l.spool.append(func(b []byte) []byte { return appendEntry(b, e, subjects) })
	if err != nil {
		return uuid.Nil, fmt.Errorf("a read could not be noted: %w", err)
	}
	if first {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	return e.id, nil
}

// Run writes entries until the context ends, then what is left; what the
// database does not take by then stays in the folder for the next start.
func (l *ReadLog) Run(ctx context.Context) error {
	l.bringIn(ctx)
	around := time.NewTicker(lookAround)
	defer around.Stop()
	waiting := time.NewTicker(sealEvery)
	defer waiting.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-around.C:
			l.bringIn(ctx)
		case <-waiting.C:
			if err := l.sealWaiting(ctx); err != nil && ctx.Err() == nil {
				l.log.WarnContext(ctx, "reads that requests noted could not be sealed; will try again", "error", err)
			}
		case <-l.wake:
			pause(ctx, collect)
			l.flush(ctx)
		}
	}
	left, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushFor)
	defer cancel()
	l.flush(left)
	return nil
}

// flush writes all that has been recorded. It does not give up while ctx lasts.
func (l *ReadLog) flush(ctx context.Context) {
	if g := l.spool.cut(); g != nil {
		l.waiting = append(l.waiting, g)
	}
	wait := 100 * time.Millisecond
	for attempt := 1; len(l.waiting) > 0; attempt++ {
		g := l.waiting[0]
		// The work of an ending program is finished, not cut.
		err := l.write(context.WithoutCancel(ctx), g, nil)
		if err == nil {
			err = l.spool.drop(g)
			l.waiting, attempt, wait = l.waiting[1:], 0, 100*time.Millisecond
			if err != nil {
				l.log.ErrorContext(ctx, "a file of reads could not be removed", "error", err, "file", g.path)
			}
			continue
		}
		if ctx.Err() != nil || attempt >= 5 && !pg.Unreachable(err) {
			l.log.ErrorContext(ctx, "reads could not be written; their file stays for the next start", "error", err, "file", g.path)
			l.waiting = l.waiting[1:]
			if err := l.spool.leave(g); err != nil {
				l.log.ErrorContext(ctx, "a file of reads could not be closed", "error", err, "file", g.path)
			}
			continue
		}
		l.log.WarnContext(ctx, "reads could not be written; will try again", "error", err)
		pause(ctx, wait)
		wait = min(2*wait, retryMost)
	}
	l.foldWhatIsEnough(ctx)
}

// bringIn writes what processes left behind that have ended.
func (l *ReadLog) bringIn(ctx context.Context) {
	left, err := l.spool.leftBehind()
	if err != nil {
		l.log.WarnContext(ctx, "the folder of reads cannot be looked through", "error", err)
	}
	for _, g := range left {
		// A folder may have served another database. What belongs to an
		// institution that is not in this one waits for its own.
		strangers := 0
		known := map[uuid.UUID]bool{}
		err := l.write(context.WithoutCancel(ctx), g, func(ctx context.Context, tenant uuid.UUID) (bool, error) {
			here, asked := known[tenant]
			if !asked {
				if err := l.db.Tenant(tenant).QueryRow(ctx, "select exists (select from tenants where tenant_id = $1)", tenant).Scan(&here); err != nil {
					return false, err
				}
				known[tenant] = here
			}
			if !here {
				strangers++
			}
			return here, nil
		})
		switch {
		case err != nil:
			l.log.WarnContext(ctx, "reads that were left behind could not be written; will try again", "error", err, "file", g.path)
			err = g.file.Close()
		case strangers > 0:
			l.log.WarnContext(ctx, "reads of institutions that are not in this database stay in their file", "file", g.path, "reads", strangers)
			err = g.file.Close()
		default:
			err = l.spool.drop(g)
		}
		if err != nil {
			l.log.ErrorContext(ctx, "a file of reads could not be put away", "error", err, "file", g.path)
		}
	}
	if len(left) > 0 {
		l.foldWhatIsEnough(ctx)
	}
}

// write brings the entries of a segment into the database, those that wanted,
// if there is one, says yes to.
func (l *ReadLog) write(ctx context.Context, g *segment, wanted func(context.Context, uuid.UUID) (bool, error)) error {
	if _, err := g.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	r := bufio.NewReaderSize(g.file, 64<<10)
	by := map[uuid.UUID][]entry{}
	reads, subjects := 0, 0
	for {
		e, err := readEntry(r)
		torn := errors.Is(err, errTorn)
		if torn {
			l.log.WarnContext(ctx, "a file of reads ends in the middle of one, which was not answered", "file", g.path)
		}
		end := torn || errors.Is(err, io.EOF)
		if err != nil && !end {
			return err
		}
		if !end && wanted != nil {
			yes, err := wanted(ctx, e.tenant)
			if err != nil {
				return err
			}
			if !yes {
				continue
			}
		}
		if !end {
			by[e.tenant] = append(by[e.tenant], e)
			reads, subjects = reads+1, subjects+len(e.subjects)/16
			if reads < mostWritten && subjects < mostSubjects {
				continue
			}
		}
		for tenant, entries := range by {
			if err := l.insert(ctx, tenant, entries); err != nil {
				return err
			}
		}
		if end {
			return nil
		}
		clear(by)
		reads, subjects = 0, 0
	}
}

// One statement a batch: a read costs PostgreSQL its row and no more.
const insertReads = `
insert into access_log (tenant_id, id, occurred_at, actor_kind, actor_id, operation, request_id, purpose, reason, subjects)
select $1, r.id, r.at, r.actor_kind, r.actor_id, r.operation, r.request_id, r.purpose, r.reason, ($9::uuid[])[r.from_subject : r.to_subject]
from unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $10::int4[], $11::int4[], $12::text[])
     as r (id, at, actor_kind, actor_id, operation, request_id, purpose, from_subject, to_subject, reason)
on conflict do nothing
returning id`

func (l *ReadLog) insert(ctx context.Context, tenant uuid.UUID, entries []entry) error {
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
		inserted, err := sendReturning(ctx, tx, insertReads, param{pgtype.UUIDOID, tenant[:]}, param{pgtype.UUIDArrayOID, identifiers(identity)},
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
