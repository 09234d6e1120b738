package access

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"log/slog"
	"maps"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parvis-crm/parvis/internal/access/internal/accessdb"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	// locksKnown is how old what this process knows of locks may be.
	locksKnown = time.Second
	// proofHolds is how long a credential that has proved itself from an address is
	// not kept out by what others try elsewhere; it is noted once a day.
	proofHolds = 30 * 24 * time.Hour
	proofNoted = 24 * time.Hour
)

// guesses slows down whoever tries secrets.
//
// An address that fails at one credential waits longer and longer for that one,
// even with the right secret; so does everybody for a credential at which many
// fail, save an address from which it has proved itself before. An address that
// fails at many credentials hears "wait" instead of "no", and with the right
// secret comes in: a client is not kept out by what others behind its address
// try. Ids that nobody has are counted like all others, so that no answer tells
// which exist.
//
// Failures are counted in the database, for all processes. Success asks nothing:
// each process learns once a second what is locked, which is mostly nothing.
type guesses struct {
	db     *pg.DB
	q      *accessdb.Queries
	clock  clock.Clock
	log    *slog.Logger
	secret []byte
	// free failures of an address at one credential cost nothing; nor do five times
	// as many of all addresses at one, and ten times as many of an address at many,
	// which may be that of a whole house with one forgotten configuration.
	free int32

	locks   atomic.Pointer[locks]
	reading sync.Mutex
	mu      sync.Mutex
	proofs  map[subject]time.Time // noted by this process
}

type subject [16]byte

type locks struct {
	at    time.Time
	until map[subject]time.Time
}

func newGuesses(db *pg.DB, q *accessdb.Queries, c clock.Clock, secret []byte, free int, log *slog.Logger) *guesses {
	g := &guesses{db: db, q: q, clock: c, secret: secret, free: int32(free), log: log, proofs: map[subject]time.Time{}}
	g.locks.Store(&locks{})
	return g
}

func (g *guesses) subject(parts ...string) subject {
	mac := hmac.New(sha256.New, g.secret)
	for _, p := range parts {
		mac.Write([]byte(p))
		mac.Write([]byte{0})
	}
	var s subject
	copy(s[:], mac.Sum(nil))
	return s
}

func block(remote netip.Addr) string { return web.AddressBlock(remote).String() }

// wait is how long an address must wait before it may try a credential.
func (g *guesses) wait(ctx context.Context, remote netip.Addr, credential string) (time.Duration, error) {
	now := g.clock.Now()
	known, err := g.known(ctx, now)
	if err != nil || len(known.until) == 0 {
		return 0, err
	}
	pair := g.subject("pair", block(remote), credential)
	if until := known.until[pair]; until.After(now) {
		return until.Sub(now), nil
	}
	until := known.until[g.subject("credential", credential)]
	if !until.After(now) {
		return 0, nil
	}
	proved, err := g.q.HasProved(ctx, g.db.Unscoped(), pair[:], new(now.Add(-proofHolds)))
	if err != nil || proved {
		return 0, err
	}
	return until.Sub(now), nil
}

// failed counts a failure and says how long the address must wait altogether.
func (g *guesses) failed(ctx context.Context, remote netip.Addr, credential string) (time.Duration, error) {
	now := g.clock.Now()
	pair, anywhere, address := g.subject("pair", block(remote), credential), g.subject("credential", credential), g.subject("address", block(remote))
	rows, err := g.db.Unscoped().Query(ctx, "select subject, locked_until from count_guess($1, $2, $3)",
		[][]byte{pair[:], anywhere[:], address[:]}, []int32{g.free, 5 * g.free, 10 * g.free}, now)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	locked := map[subject]time.Time{}
	for rows.Next() {
		var s []byte
		var until *time.Time
		if err := rows.Scan(&s, &until); err != nil {
			return 0, err
		}
		if until != nil && len(s) == len(subject{}) {
			locked[subject(s)] = *until
		}
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	if len(locked) > 0 {
		g.learn(locked)
	}
	return locked[address].Sub(now), nil
}

// proved notes, once a day, that a credential proved itself from an address, and
// takes its failures from there back.
func (g *guesses) proved(ctx context.Context, remote netip.Addr, credential string) {
	now := g.clock.Now()
	pair := g.subject("pair", block(remote), credential)
	g.mu.Lock()
	due := now.Sub(g.proofs[pair]) >= proofNoted
	if due {
		if len(g.proofs) >= mostCached {
			clear(g.proofs)
		}
		g.proofs[pair] = now
	}
	g.mu.Unlock()
	if !due {
		return
	}
	if err := g.q.NoteProof(ctx, g.db.Unscoped(), pair[:], now); err != nil {
		g.log.WarnContext(ctx, "that a credential proved itself could not be noted", "error", err)
	}
}

// known is what is locked, at most a second old.
func (g *guesses) known(ctx context.Context, now time.Time) (*locks, error) {
	have := g.locks.Load()
	if age := now.Sub(have.at); age >= 0 && age < locksKnown {
		return have, nil
	}
	g.reading.Lock()
	defer g.reading.Unlock()
	if have = g.locks.Load(); now.Sub(have.at) >= 0 && now.Sub(have.at) < locksKnown {
		return have, nil
	}
	rows, err := g.q.ListLockedGuesses(ctx, g.db.Unscoped(), &now)
	if err != nil {
		return nil, err
	}
	fresh := &locks{at: now, until: make(map[subject]time.Time, len(rows))}
	for _, r := range rows {
		if len(r.Subject) == len(subject{}) && r.LockedUntil != nil {
			fresh.until[subject(r.Subject)] = *r.LockedUntil
		}
	}
	g.locks.Store(fresh)
	return fresh, nil
}

// learn adds to what is known without asking.
func (g *guesses) learn(locked map[subject]time.Time) {
	g.reading.Lock()
	defer g.reading.Unlock()
	have := g.locks.Load()
	more := &locks{at: have.at, until: make(map[subject]time.Time, len(have.until)+len(locked))}
	maps.Copy(more.until, have.until)
	maps.Copy(more.until, locked)
	g.locks.Store(more)
}

// waiting is the one answer to whoever tries too often.
func waiting(wait time.Duration) error {
	seconds := max(1, int(wait.Seconds()+0.999))
	f := fault.New(fault.TooMany, "too-many-attempts").With("seconds", seconds)
	f.RetryAfter = time.Duration(seconds) * time.Second
	return f
}
