package events

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events/internal/eventsdb"
	"github.com/parvis-crm/parvis/internal/pg"
)

const (
	sequenceBatch = 1000
	// gather is how long the sequencer lets commits come together after the
	// first, so that one transaction numbers many of them.
	gather = 5 * time.Millisecond
	// fallback is how often the queue is looked at without being told: after a
	// crash, and for writers in processes that run no sequencer.
	fallback = 250 * time.Millisecond
)

// Sequencer numbers committed events. Any number of processes may run one: the
// row of a tenant's head is the lock, and whoever does not get it leaves the
// work to whoever has it.
type Sequencer struct {
	db   *pg.DB
	q    *eventsdb.Queries
	hub  *Hub
	log  *slog.Logger
	mu   sync.Mutex
	woke map[uuid.UUID]struct{}
	bell chan struct{}
}

// NewSequencer makes a sequencer that tells hub of every batch. It listens to
// the commits of db.
func NewSequencer(db *pg.DB, hub *Hub, log *slog.Logger) *Sequencer {
	s := &Sequencer{db: db, q: eventsdb.New(), hub: hub, log: log, woke: map[uuid.UUID]struct{}{}, bell: make(chan struct{}, 1)}
	db.OnCommit(s.wake)
	return s
}

func (s *Sequencer) wake(tenant uuid.UUID) {
	s.mu.Lock()
	s.woke[tenant] = struct{}{}
	s.mu.Unlock()
	select {
	case s.bell <- struct{}{}:
	default:
	}
}

// Run numbers events until the context ends. A database that is away is waited
// for.
func (s *Sequencer) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.bell:
			if !pause(ctx, gather) {
				return nil
			}
			s.mu.Lock()
			woke := s.woke
			s.woke = map[uuid.UUID]struct{}{}
			s.mu.Unlock()
			for tenant := range woke {
				s.drain(ctx, tenant)
			}
		case <-timer.C:
			s.sweep(ctx)
			timer.Reset(fallback)
		}
	}
}

func (s *Sequencer) sweep(ctx context.Context) {
	rows, err := s.db.Pool().Query(ctx, "select tenants_with_queued_events()")
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
		s.drain(ctx, tenant)
	}
}

func (s *Sequencer) complain(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	s.log.WarnContext(ctx, "sequencer: will try again", "error", err)
	pause(ctx, fallback)
}

func (s *Sequencer) drain(ctx context.Context, tenant uuid.UUID) {
	for {
		n, err := s.Sequence(ctx, tenant)
		if err != nil {
			s.complain(ctx, fmt.Errorf("tenant %s: %w", tenant, err))
			return
		}
		if n < sequenceBatch {
			return
		}
	}
}

// Sequence numbers one batch of a tenant's committed events and returns how
// many. Zero means that there were none, or that another sequencer is at work.
func (s *Sequencer) Sequence(ctx context.Context, tenant uuid.UUID) (int, error) {
	var numbered int
	var head int64
	err := pg.InTx(ctx, s.db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		numbered = 0
		last, err := s.q.LockHead(ctx, tx, tenant)
		if pg.IsNoRows(err) {
			if err := s.q.EnsureHead(ctx, tx, tenant); err != nil {
				return err
			}
			last, err = s.q.LockHead(ctx, tx, tenant)
			if pg.IsNoRows(err) {
				return nil
			}
		}
		if err != nil {
			return err
		}
		// This statement's snapshot is taken after the lock: it sees all that
		// any earlier batch saw, and what has been committed since.
		queued, err := s.q.ListQueued(ctx, tx, tenant, sequenceBatch)
		if err != nil || len(queued) == 0 {
			return err
		}
		n := len(queued)
		sequences, eventIDs := make([]int64, n), make([]uuid.UUID, n)
		digests, positions := make([][]byte, n), make([]int64, n)
		digest := last.Digest
		for i, e := range queued {
			sequences[i], eventIDs[i], positions[i] = last.Sequence+int64(i)+1, e.ID, e.Position
			digest, err = Chain(digest, row{
				id: e.ID, tenant: e.TenantID, typ: e.Type, subjectKind: e.SubjectKind, subjectID: e.SubjectID, subjectVersion: e.SubjectVersion,
				occurredAt: e.OccurredAt, actorKind: e.ActorKind, actorID: e.ActorID, requestID: e.RequestID, source: e.Source,
				changed: e.Changed, facts: e.Facts, changesDigest: e.ChangesDigest, test: e.Mode == "test",
			}.envelope(sequences[i]))
			if err != nil {
				return err
			}
			digests[i] = digest
		}
		if err := s.q.NumberEvents(ctx, tx, eventsdb.NumberEventsParams{TenantID: tenant, Sequences: sequences, EventIds: eventIDs, Digests: digests}); err != nil {
			return err
		}
		if err := s.q.DequeueEvents(ctx, tx, tenant, positions); err != nil {
			return err
		}
		head = sequences[n-1]
		if err := s.q.MoveHead(ctx, tx, head, digest, tenant); err != nil {
			return err
		}
		numbered = n
		return s.q.AnnounceEvents(ctx, tx, tenant.String())
	})
	if err == nil && numbered > 0 {
		s.hub.Publish(tenant, head)
	}
	return numbered, err
}

// pause waits for d and reports whether the context still lives.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
