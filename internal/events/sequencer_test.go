package events_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// house is a log without a server: a database, its tenants, and what reads it.
type house struct {
	tb     testing.TB
	test   *parvistest.DB
	db     *pg.DB
	hub    *events.Hub
	log    *events.Service
	owner  *pgx.Conn
	tenant uuid.UUID
	many   []uuid.UUID
}

func newHouse(tb testing.TB, tenants int) *house {
	tb.Helper()
	ctx := context.Background()
	test := parvistest.Database(tb)
	db, err := pg.Open(ctx, test.AppURL, pg.Options{MaxConns: 16})
	require.NoError(tb, err)
	tb.Cleanup(db.Close)
	owner, err := pgx.Connect(ctx, test.OwnerURL)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = owner.Close(ctx) })
	// A subject is a row with a version, as every domain's are.
	_, err = owner.Exec(ctx, `create table crm.subjects (tenant_id uuid, id uuid, version bigint not null default 0, primary key (tenant_id, id)); select crm.protect('subjects')`, pgx.QueryExecModeSimpleProtocol)
	require.NoError(tb, err)
	h := &house{tb: tb, test: test, db: db, hub: events.NewHub(), owner: owner}
	h.log = events.NewService(db, h.hub)
	for range tenants {
		id := ids.New()
		_, err := owner.Exec(ctx, `insert into crm.tenants (tenant_id, name) values ($1, 'Maison')`, id)
		require.NoError(tb, err)
		h.many = append(h.many, id)
	}
	h.tenant = h.many[0]
	return h
}

// sequence runs a sequencer until the returned function is called.
func (h *house) sequence(db *pg.DB) (stop func()) {
	s := events.NewSequencer(db, h.hub, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	var once sync.Once
	stop = func() { once.Do(func() { cancel(); require.NoError(h.tb, <-ended) }) }
	h.tb.Cleanup(stop)
	return stop
}

func as(tenant uuid.UUID) context.Context {
	return web.WithActor(context.Background(), web.SystemActor(tenant, "test"))
}

var errChangedItsMind = errors.New("changed its mind")

// change raises a subject's version and records it, with facts for the test.
func (h *house) change(tenant, subject uuid.UUID, facts map[string]any, more func() error) (version int64, err error) {
	err = pg.InTx(as(tenant), h.db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `insert into subjects as s (tenant_id, id, version) values ($1, $2, 1)
			on conflict (tenant_id, id) do update set version = s.version + 1 returning version`, tenant, subject).Scan(&version); err != nil {
			return err
		}
		if err := events.RecordTx(ctx, tx, events.Entry{
			Type: "subject.changed", Subject: events.Subject{Kind: "subject", ID: subject, Version: version}, Facts: facts,
			Changes: []events.Change{{Pointer: "/version", Before: version - 1, After: version}},
		}); err != nil {
			return err
		}
		if more != nil {
			return more()
		}
		return nil
	})
	return version, err
}

// readAll follows the feed from the beginning until it has count events.
func (h *house) readAll(tenant uuid.UUID, count int) []events.Envelope {
	h.tb.Helper()
	var all []events.Envelope
	after := int64(0)
	deadline := time.Now().Add(20 * time.Second)
	for len(all) < count {
		require.True(h.tb, time.Now().Before(deadline), "%d of %d events came", len(all), count)
		r, err := h.log.Wait(context.Background(), tenant, after, events.Filter{}, 1000, time.Second)
		require.NoError(h.tb, err)
		all, after = append(all, r.Events...), r.Next
	}
	return all
}

// requireWhole proves what readers are promised.
func requireWhole(tb testing.TB, all []events.Envelope) {
	tb.Helper()
	requireChain(tb, all)
	versions := map[uuid.UUID]int64{}
	for _, e := range all {
		require.Equal(tb, versions[e.Data.ID]+1, e.Data.Version, "the order of a subject is that of its versions")
		versions[e.Data.ID] = e.Data.Version
	}
}

// requireChain proves that nothing is missing, twice or altered.
func requireChain(tb testing.TB, all []events.Envelope) {
	tb.Helper()
	digest := make([]byte, 32)
	seen := map[uuid.UUID]bool{}
	for i, e := range all {
		require.Equal(tb, int64(i+1), e.Sequence, "sequences are contiguous")
		require.False(tb, seen[e.ID], "an event comes once")
		seen[e.ID] = true
		var err error
		digest, err = events.Chain(digest, e)
		require.NoError(tb, err)
		require.Equal(tb, fmt.Sprintf("%x", digest), e.Digest, "the chain holds at %d", e.Sequence)
	}
}

func TestFiftyWritersOneOrder(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 3)
	// Several sequencers at once, with pools of their own, as several processes.
	h.sequence(h.db)
	for range 2 {
		other, err := pg.Open(context.Background(), h.test.AppURL, pg.Options{MaxConns: 4})
		require.NoError(t, err)
		t.Cleanup(other.Close)
		h.sequence(other)
	}
	subjects := make([]uuid.UUID, 12)
	for i := range subjects {
		subjects[i] = ids.New()
	}
	type promise struct {
		count  atomic.Int64
		mu     sync.Mutex
		causes map[string]string // event that was seen to be committed → event recorded afterwards
		last   string
	}
	promises := make([]*promise, len(h.many))
	for i := range promises {
		promises[i] = &promise{causes: map[string]string{}}
	}
	var work errgroup.Group
	for writer := range 50 {
		work.Go(func() error {
			random := rand.New(rand.NewPCG(uint64(writer), 7))
			for n := range 30 {
				which := random.IntN(len(h.many))
				p := promises[which]
				p.mu.Lock()
				saw := p.last
				p.mu.Unlock()
				mark := fmt.Sprintf("%d-%d", writer, n)
				keep := random.IntN(4) > 0
				_, err := h.change(h.many[which], subjects[random.IntN(len(subjects))], map[string]any{"mark": mark}, func() error {
					if random.IntN(3) == 0 {
						time.Sleep(time.Duration(random.IntN(3)) * time.Millisecond)
					}
					if !keep {
						return errChangedItsMind
					}
					return nil
				})
				if !keep && errors.Is(err, errChangedItsMind) {
					continue
				}
				if err != nil {
					return err
				}
				p.count.Add(1)
				p.mu.Lock()
				p.last = mark
				if saw != "" {
					p.causes[mark] = saw
				}
				p.mu.Unlock()
			}
			return nil
		})
	}
	require.NoError(t, work.Wait())
	for i, tenant := range h.many {
		all := h.readAll(tenant, int(promises[i].count.Load()))
		require.Len(t, all, int(promises[i].count.Load()), "what was committed is there, what was rolled back is not")
		requireWhole(t, all)
		at := map[string]int64{}
		for _, e := range all {
			at[mark(t, e)] = e.Sequence
		}
		for effect, cause := range promises[i].causes {
			require.Less(t, at[cause], at[effect], "what was recorded after seeing a commit comes after it")
		}
	}
}

func TestASequencerKilledInTheMiddleLosesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1)
	address, err := url.Parse(h.test.AppURL)
	require.NoError(t, err)
	query := address.Query()
	query.Set("application_name", "sequencing")
	address.RawQuery = query.Encode()
	sequencing, err := pg.Open(context.Background(), address.String(), pg.Options{MaxConns: 2})
	require.NoError(t, err)
	t.Cleanup(sequencing.Close)
	h.sequence(sequencing)
	killing, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	killed := make(chan int, 1)
	go func() {
		count := 0
		for pauseFor(killing, time.Duration(10+rand.IntN(120))*time.Millisecond) {
			var n int
			if h.owner.QueryRow(context.Background(), `select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() and application_name = 'sequencing'`).Scan(&n) == nil {
				count += n
			}
		}
		killed <- count
	}()
	subjects := []uuid.UUID{ids.New(), ids.New(), ids.New()}
	const writers, each = 8, 60
	var work errgroup.Group
	for writer := range writers {
		work.Go(func() error {
			for n := range each {
				if _, err := h.change(h.tenant, subjects[(writer+n)%3], nil, nil); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, work.Wait())
	stop()
	require.Positive(t, <-killed, "the sequencer was killed at all")
	all := h.readAll(h.tenant, writers*each)
	require.Len(t, all, writers*each)
	requireWhole(t, all)
}

func TestWritersDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1)
	h.sequence(h.db)
	// The first writer holds its transaction open with its event recorded; the
	// others of the tenant, and the sequencer, go on.
	_, err := h.change(h.tenant, ids.New(), map[string]any{"mark": "slow"}, func() error {
		for n := range 20 {
			_, err := h.change(h.tenant, ids.New(), map[string]any{"mark": fmt.Sprint(n)}, nil)
			require.NoError(t, err)
		}
		require.Len(t, h.readAll(h.tenant, 20), 20)
		return nil
	})
	require.NoError(t, err)
	all := h.readAll(h.tenant, 21)
	require.Equal(t, "slow", mark(t, all[20]), "the order is that of the commits")
	requireWhole(t, all)
}

func TestAnIdleLogCostsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1)
	h.sequence(h.db)
	var commits atomic.Int64
	h.db.OnCommit(func(uuid.UUID) { commits.Add(1) })
	_, err := h.change(h.tenant, ids.New(), nil, nil)
	require.NoError(t, err)
	h.readAll(h.tenant, 1)
	require.Equal(t, int64(1), commits.Load(), "numbering does not wake itself")
}

func TestAReplicaBuiltFromTheFeedEqualsTheSource(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1)
	stop := h.sequence(h.db)
	subjects := make([]uuid.UUID, 20)
	for i := range subjects {
		subjects[i] = ids.New()
	}
	const count = 400
	var work errgroup.Group
	for writer := range 8 {
		work.Go(func() error {
			for n := range count / 8 {
				if _, err := h.change(h.tenant, subjects[(writer*7+n)%len(subjects)], nil, nil); err != nil {
					return err
				}
			}
			return nil
		})
	}
	// The replica applies only what follows on what it has; it reads while the
	// writers write, in small pages, and starts again from its own position.
	replica := map[uuid.UUID]int64{}
	var after int64
	deadline := time.Now().Add(20 * time.Second)
	for after < count {
		require.True(t, time.Now().Before(deadline), "stuck at %d", after)
		r, err := h.log.Wait(context.Background(), h.tenant, after, events.Filter{}, 7, time.Second)
		require.NoError(t, err)
		for _, e := range r.Events {
			require.Equal(t, replica[e.Data.ID]+1, e.Data.Version)
			replica[e.Data.ID] = e.Data.Version
		}
		after = r.Next
	}
	require.NoError(t, work.Wait())
	stop()
	rows, err := h.owner.Query(context.Background(), `select id, version from crm.subjects`)
	require.NoError(t, err)
	source := map[uuid.UUID]int64{}
	var id uuid.UUID
	var version int64
	_, err = pgx.ForEachRow(rows, []any{&id, &version}, func() error { source[id] = version; return nil })
	require.NoError(t, err)
	require.Equal(t, source, replica)
}
