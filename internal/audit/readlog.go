package audit

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	// mostWaiting bounds what is kept in memory. When the database is too slow
	// for it, readers wait: a read that leaves no trace is worse than a slow one.
	mostWaiting = 4096
	mostWritten = 500
	// collect is how long entries come together, and so what a killed process
	// can lose at most.
	collect   = 100 * time.Millisecond
	flushFor  = 10 * time.Second
	retryMost = 5 * time.Second
)

// ReadLog keeps who read whose data. Record hands an entry over in memory; Run
// writes entries in batches.
type ReadLog struct {
	db    *pg.DB
	clock clock.Clock
	log   *slog.Logger
	queue chan entry

	enqueue  sync.RWMutex
	stopping chan struct{}
}

var _ web.ReadLog = (*ReadLog)(nil)

type entry struct {
	id        uuid.UUID
	at        time.Time
	actor     web.Actor
	operation string
	requestID string
	subjects  []uuid.UUID
}

// NewReadLog makes a log; Run has to run for it.
func NewReadLog(db *pg.DB, c clock.Clock, log *slog.Logger) *ReadLog {
	return &ReadLog{db: db, clock: c, log: log, queue: make(chan entry, mostWaiting), stopping: make(chan struct{})}
}

// Record implements web.ReadLog. It waits only when mostWaiting entries do.
func (l *ReadLog) Record(ctx context.Context, actor web.Actor, operation string, subjects []uuid.UUID) {
	subjects = slices.Clone(subjects)
	slices.SortFunc(subjects, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	e := entry{id: ids.New(), at: l.clock.Now().UTC().Truncate(time.Microsecond), actor: actor, operation: operation,
		requestID: web.RequestID(ctx), subjects: slices.Compact(subjects)}
	if l.offer(e) {
		return
	}
	// The program is leaving: nobody will fetch the entry from the queue.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(pg.Detached(ctx)), flushFor)
	defer cancel()
	l.write(ctx, []entry{e})
}

func (l *ReadLog) offer(e entry) bool {
	l.enqueue.RLock()
	defer l.enqueue.RUnlock()
	select {
	case <-l.stopping:
		return false
	default:
	}
	select {
	case l.queue <- e:
		return true
	case <-l.stopping:
		return false
	}
}

// Run writes entries until the context ends, then what is left.
func (l *ReadLog) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case e := <-l.queue:
			l.write(ctx, l.gather(ctx, e))
		}
	}
	close(l.stopping)
	l.enqueue.Lock() // whoever was handing over has done so
	defer l.enqueue.Unlock()
	left, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushFor)
	defer cancel()
	for len(l.queue) > 0 {
		l.write(left, l.take(nil))
	}
	return nil
}

// gather lets entries come together for a moment.
func (l *ReadLog) gather(ctx context.Context, first entry) []entry {
	timer := time.NewTimer(collect)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return l.take([]entry{first})
}

func (l *ReadLog) take(batch []entry) []entry {
	for len(batch) < mostWritten {
		select {
		case e := <-l.queue:
			batch = append(batch, e)
		default:
			return batch
		}
	}
	return batch
}

// write writes a batch, tenant by tenant, and does not give up while the
// database is merely away. Entries have their ids, so writing one twice, after a
// commit whose answer was lost, makes one.
func (l *ReadLog) write(ctx context.Context, batch []entry) {
	began := time.Now()
	by := map[uuid.UUID][]entry{}
	for _, e := range batch {
		by[e.actor.Tenant] = append(by[e.actor.Tenant], e)
	}
	for tenant, entries := range by {
		wait := 100 * time.Millisecond
		for attempt := 1; ; attempt++ {
			// The work of an ending program is finished, not cut.
			err := l.insert(context.WithoutCancel(ctx), tenant, entries)
			if err == nil {
				break
			}
			if leaving := ctx.Err() != nil; leaving && time.Since(began) > flushFor || attempt >= 5 && !pg.Unreachable(err) {
				l.giveUp(ctx, entries, err)
				break
			}
			l.log.WarnContext(ctx, "reads could not be noted; will try again", "error", err, "entries", len(entries))
			time.Sleep(wait)
			wait = min(2*wait, retryMost)
		}
	}
}

// giveUp leaves in the program's log what the database would not take.
func (l *ReadLog) giveUp(ctx context.Context, entries []entry, err error) {
	for _, e := range entries {
		l.log.ErrorContext(ctx, "a read could not be noted", "error", err, "tenant", e.actor.Tenant, "actor_kind", e.actor.Kind, "actor_id", e.actor.ID,
			"operation", e.operation, "request_id", e.requestID, "at", e.at, "subjects", e.subjects)
	}
}

// One statement a batch and table: a read costs PostgreSQL its rows and no
// more.
const (
	insertReads = `
insert into access_log (tenant_id, id, occurred_at, actor_kind, actor_id, operation, request_id, subjects)
select $1, id, occurred_at, actor_kind, actor_id, operation, request_id, subjects::uuid[]
from unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
     as r (id, occurred_at, actor_kind, actor_id, operation, request_id, subjects)
on conflict do nothing`
	insertSubjects = `
insert into access_log_subjects (tenant_id, subject_id, occurred_at, read_id)
select $1, subject_id, occurred_at, read_id
from unnest($2::uuid[], $3::timestamptz[], $4::uuid[]) as s (subject_id, occurred_at, read_id)
on conflict do nothing`
)

func (l *ReadLog) insert(ctx context.Context, tenant uuid.UUID, entries []entry) error {
	ctx, cancel := context.WithTimeout(ctx, flushFor)
	defer cancel()
	var (
		ids, reads, subjects               []uuid.UUID
		times, subjectTimes                []time.Time
		kinds, actors, operations, request []string
		arrays                             []string
	)
	for _, e := range entries {
		ids, times = append(ids, e.id), append(times, e.at)
		kinds, actors = append(kinds, string(e.actor.Kind)), append(actors, e.actor.ID)
		operations, request = append(operations, e.operation), append(request, e.requestID)
		texts := make([]string, 0, len(e.subjects))
		for _, subject := range e.subjects {
			texts = append(texts, subject.String())
			subjects, reads, subjectTimes = append(subjects, subject), append(reads, e.id), append(subjectTimes, e.at)
		}
		arrays = append(arrays, "{"+strings.Join(texts, ",")+"}")
	}
	return pg.InTx(pg.Quiet(ctx), l.db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		b := &pgx.Batch{}
		b.Queue(insertReads, tenant, ids, times, kinds, actors, operations, request, arrays)
		b.Queue(insertSubjects, tenant, subjects, subjectTimes, reads)
		return tx.SendBatch(ctx, b).Close()
	})
}
