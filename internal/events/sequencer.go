package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/pg"
)

// The values are measured in docs/adr/0001-event-sequence.md.
const (
	sequenceBatch = 1000
	// gather is how long the sequencer lets the commits of a tenant come
	// together, so that one transaction numbers many of them.
	gather = 5 * time.Millisecond
	// fallback is how often the queue is looked at without being told: after a
	// crash, and for writers in processes that run no sequencer.
	fallback = 250 * time.Millisecond
	// sequencingAtOnce bounds the tenants whose events are numbered at the same
	// time, and so the connections that this takes.
	sequencingAtOnce = 3
	complainEvery    = 30 * time.Second
)

// Sequencer numbers committed events. Any number of processes may run one: the
// row of a tenant's head is the lock.
type Sequencer struct {
	db     *pg.DB
	hub    *Hub
	log    *slog.Logger
	slots  chan struct{}
	gather time.Duration

	mu      sync.Mutex
	woke    map[uuid.UUID]struct{} // rung since it was last looked at
	running map[uuid.UUID]struct{} // a goroutine is at it
	ctx     context.Context        // of Run; nil before it
	work    sync.WaitGroup

	announced map[uuid.UUID]int64 // not yet told to other processes
	announce  chan struct{}

	complainMu sync.Mutex
	complained time.Time
}

// NewSequencer makes a sequencer that tells hub of every batch. It listens to
// the commits of db.
func NewSequencer(db *pg.DB, hub *Hub, log *slog.Logger) *Sequencer {
	s := &Sequencer{
		db: db, hub: hub, log: log, slots: make(chan struct{}, sequencingAtOnce), gather: gather,
		woke: map[uuid.UUID]struct{}{}, running: map[uuid.UUID]struct{}{},
		announced: map[uuid.UUID]int64{}, announce: make(chan struct{}, 1),
	}
	db.OnCommit(s.wake)
	return s
}

// SetGather changes how long commits may come together, before Run; the bench
// measures with it.
func (s *Sequencer) SetGather(d time.Duration) { s.gather = d }

// wake sees to it that somebody looks at the tenant's queue after this instant.
func (s *Sequencer) wake(tenant uuid.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.woke[tenant] = struct{}{}
	s.start(tenant)
}

// start gives the tenant a goroutine unless it has one; the lock is held.
func (s *Sequencer) start(tenant uuid.UUID) {
	if s.ctx == nil || s.ctx.Err() != nil {
		return
	}
	if _, ok := s.running[tenant]; ok {
		return
	}
	s.running[tenant] = struct{}{}
	s.work.Go(func() { s.drain(s.ctx, tenant) })
}

// Run numbers events until the context ends. A database that is away is waited
// for.
func (s *Sequencer) Run(ctx context.Context) error {
	s.mu.Lock()
	s.ctx = ctx
	for tenant := range s.woke {
		s.start(tenant)
	}
	s.mu.Unlock()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			s.mu.Lock() // no wake starts anything from here on
			s.mu.Unlock()
			s.work.Wait()
			return nil
		case <-s.announce:
			s.tellOthers(ctx)
		case <-timer.C:
			s.sweep(ctx)
			timer.Reset(fallback)
		}
	}
}

func (s *Sequencer) sweep(ctx context.Context) {
	rows, err := s.db.Unscoped().Query(ctx, "select tenants_with_queued_events()")
	if err != nil {
		s.complain(ctx, err)
		return
	}
	tenants, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		s.complain(ctx, err)
		return
	}
	for _, tenant := range tenants {
		s.wake(tenant)
	}
}

// complain keeps the log readable while a database is away for long.
func (s *Sequencer) complain(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	s.complainMu.Lock()
	defer s.complainMu.Unlock()
	if time.Since(s.complained) < complainEvery {
		return
	}
	s.complained = clock.Mark()
	s.log.WarnContext(ctx, "sequencer: will try again", "error", err)
}

// drain numbers a tenant's events batch by batch until nothing new has rung.
// Between batches the slot is free, so that a tenant that writes without end
// keeps no other waiting.
func (s *Sequencer) drain(ctx context.Context, tenant uuid.UUID) {
	wait := s.gather
	for {
		alive := pause(ctx, wait)
		s.mu.Lock()
		_, rung := s.woke[tenant]
		if !alive || !rung {
			delete(s.running, tenant)
			s.mu.Unlock()
			return
		}
		delete(s.woke, tenant)
		s.mu.Unlock()

		s.slots <- struct{}{}
		n, err := s.Sequence(ctx, tenant)
		<-s.slots
		wait = s.gather
		switch {
		case errors.Is(err, ErrBusy), err == nil && n == sequenceBatch:
			s.again(tenant)
		case err != nil:
			s.complain(ctx, fmt.Errorf("tenant %s: %w", tenant, err))
			s.again(tenant)
			wait = fallback
		}
		if n == sequenceBatch {
			wait = 0
		}
	}
}

func (s *Sequencer) again(tenant uuid.UUID) {
	s.mu.Lock()
	s.woke[tenant] = struct{}{}
	s.mu.Unlock()
}

// ErrBusy says that another process is numbering the tenant's events. It may
// have looked at the queue before the latest commit, so one looks again.
var ErrBusy = errors.New("events: another sequencer is at work")

var errNothingQueued = errors.New("events: nothing queued")

const (
	// Plans are kept by the connection. One made while the log was all but empty
	// would read whole tables, and go on so for as long as a first great import
	// takes; these statements are right with the indexes at any size.
	byIndex = `select set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)`
	// Whoever gets the row is the tenant's sequencer for this transaction.
	lockHead = `select sequence, digest from event_heads where tenant_id = $1 for update skip locked`
	// This statement's snapshot is taken after the lock: it sees all that any
	// earlier batch saw, and what has been committed since.
	// The lateral join fixes its order, whatever the planner believes of tables
	// that grow and empty within seconds.
	listQueued = `
select q.position, e.id, e.tenant_id, e.type, e.subject_kind, e.subject_id, e.subject_version, e.occurred_at,
       e.actor_kind, e.actor_id, e.request_id, e.source, e.changed, e.facts, e.changes_digest
from (select tenant_id, position, event_id from event_queue where tenant_id = $1 order by position limit $2) q
cross join lateral (select * from events where tenant_id = q.tenant_id and id = q.event_id offset 0) e
order by q.position`
	numberEvents = `
with numbered as (
    insert into event_sequence (tenant_id, sequence, event_id, digest)
    select $1, n.sequence, n.event_id, n.digest from unnest($2::bigint[], $3::uuid[], $4::bytea[]) as n (sequence, event_id, digest)
), dequeued as (
    delete from event_queue where tenant_id = $1 and position = any($5::bigint[])
)
update event_heads set sequence = $6, digest = $7 where tenant_id = $1`
)

// Sequence numbers one batch of a tenant's committed events and returns how
// many.
func (s *Sequencer) Sequence(ctx context.Context, tenant uuid.UUID) (int, error) {
	var batch numbering
	err := pg.InTx(pg.Quiet(ctx), s.db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		if batch, err = readQueue(ctx, tx, tenant); err != nil {
			return err
		}
		if len(batch.positions) == 0 {
			return errNothingQueued
		}
		_, err = tx.Exec(ctx, numberEvents, tenant, batch.sequences, batch.events, batch.digests, batch.positions, batch.head, batch.digest)
		return err
	})
	if errors.Is(err, errNothingQueued) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	s.hub.Publish(tenant, batch.head)
	s.mu.Lock()
	s.announced[tenant] = batch.head
	s.mu.Unlock()
	select {
	case s.announce <- struct{}{}:
	default:
	}
	return len(batch.positions), nil
}

// numbering is one batch with its numbers and digests.
type numbering struct {
	positions []int64
	sequences []int64
	events    []uuid.UUID
	digests   [][]byte
	head      int64
	digest    []byte
}

// readQueue takes the lock and reads the queue in one round trip.
func readQueue(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (numbering, error) {
	n, found, err := readQueueOnce(ctx, tx, tenant)
	if err != nil || found {
		return n, err
	}
	// Either somebody holds the head, or the tenant has none yet.
	tag, err := tx.Exec(ctx, "insert into event_heads (tenant_id) values ($1) on conflict do nothing", tenant)
	if err != nil {
		return n, err
	}
	if tag.RowsAffected() == 0 {
		return n, ErrBusy
	}
	n, found, err = readQueueOnce(ctx, tx, tenant)
	if err == nil && !found {
		err = ErrBusy
	}
	return n, err
}

func readQueueOnce(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (n numbering, found bool, err error) {
	b := &pgx.Batch{}
	b.Queue(byIndex)
	b.Queue(lockHead, tenant)
	b.Queue(listQueued, tenant, sequenceBatch)
	results := tx.SendBatch(ctx, b)
	defer func() { err = errors.Join(err, results.Close()) }()
	if _, err := results.Exec(); err != nil {
		return n, false, err
	}
	err = results.QueryRow().Scan(&n.head, &n.digest)
	if pg.IsNoRows(err) {
		return n, false, nil
	}
	if err != nil {
		return n, false, err
	}
	rows, err := results.Query()
	if err != nil {
		return n, true, err
	}
	defer rows.Close()
	for rows.Next() {
		var position int64
		var r row
		if err := rows.Scan(&position, &r.id, &r.tenant, &r.typ, &r.subjectKind, &r.subjectID, &r.subjectVersion, &r.occurredAt,
			&r.actorKind, &r.actorID, &r.requestID, &r.source, &r.changed, &r.facts, &r.changesDigest); err != nil {
			return n, true, err
		}
		n.head++
		if n.digest, err = Chain(n.digest, r.envelope(n.head)); err != nil {
			return n, true, err
		}
		n.positions, n.sequences = append(n.positions, position), append(n.sequences, n.head)
		n.events, n.digests = append(n.events, r.id), append(n.digests, n.digest)
	}
	return n, true, rows.Err()
}

// tellOthers announces batches to other processes, apart from the transaction
// that made them: a transaction that announces holds a lock of the whole
// database until its commit is on the disk.
func (s *Sequencer) tellOthers(ctx context.Context) {
	s.mu.Lock()
	announced := s.announced
	s.announced = map[uuid.UUID]int64{}
	s.mu.Unlock()
	b := &pgx.Batch{}
	b.Queue("select set_config('synchronous_commit', 'off', true)")
	for tenant, sequence := range announced {
		b.Queue("select pg_notify($1, $2)", channel, announcement(tenant, sequence))
	}
	if err := s.db.Pool().SendBatch(ctx, b).Close(); err != nil {
		s.complain(ctx, err)
	}
}

// pause waits for d and reports whether the context still lives.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
