package web

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/pg"
)

const (
	// ledgerPatience is how long a request waits for the shared ledger of quotas.
	ledgerPatience = 100 * time.Millisecond
	// ledgerDeadline ends a question to the ledger.
	ledgerDeadline = 2 * time.Second
	// apart is how long nobody waits for a ledger that did not answer in time.
	apart = time.Second
)

// Limiter holds each credential, institution and address to its quotas, over all
// processes that share a database.
//
// The database keeps one ledger. A process leases a twentieth of a quota at a
// time, spends it in memory, and asks for more before it has run out: a request
// waits for the ledger only when its quota is new to the process or nearly used
// up. While the ledger does not answer, the process goes on by itself with half
// of each quota.
type Limiter struct {
	db       *pg.DB
	clock    clock.Clock
	log      *slog.Logger
	secret   []byte
	policies map[string]Policy
	places   *places
	patience time.Duration

	mu      sync.Mutex
	buckets map[bucketKey]*bucket
	swept   time.Time

	asking  sync.Mutex
	pending []*bucket
	busy    bool
	apartTo atomic.Int64 // in nanoseconds since 1970
}

// LimiterConfig is what a limiter needs to know.
type LimiterConfig struct {
	// Secret keys the names of quotas, so that neither the ledger nor a header
	// tells whose they are.
	Secret []byte
	// Policies by rate class, and those that hold for all classes.
	Policies map[string]Policy
	// BulkPlaces is how many bulk operations an institution does at once; 0: any.
	BulkPlaces int
	// Patience is how long a request waits for the ledger; 0: 100 ms.
	Patience time.Duration
	Log      *slog.Logger
}

// NewLimiter makes a limiter over the ledger of db.
func NewLimiter(db *pg.DB, c clock.Clock, cfg LimiterConfig) *Limiter {
	l := &Limiter{db: db, clock: c, log: cfg.Log, secret: cfg.Secret, policies: cfg.Policies, buckets: map[bucketKey]*bucket{}, swept: c.Now(),
		patience: cmp.Or(cfg.Patience, ledgerPatience)}
	if cfg.BulkPlaces > 0 {
		l.places = &places{db: db, most: cfg.BulkPlaces, log: cfg.Log, here: map[uuid.UUID]int{}}
	}
	return l
}

// bucketKey says whose quota it is: a credential's, an institution's or an
// address's.
type bucketKey struct {
	policy string
	kind   ActorKind
	id     string
	tenant uuid.UUID
	block  netip.Prefix
}

// bucket is what this process has of one quota.
type bucket struct {
	key        [16]byte
	policy     string
	credential *uuid.UUID
	named      string
	partition  string
	usual      int // the quota where nobody set another
	tenant     *uuid.UUID
	mu         sync.Mutex
	capacity   int
	text       string    // of the policy, for the header
	left       int       // leased and not spent
	shared     float64   // left in the ledger after the last lease
	leasedAt   time.Time // when that was
	dryUntil   time.Time // nothing to be had before
	askAt      time.Time // no use asking before: somebody may have raised the quota meanwhile
	usedAt     time.Time
	waiting    chan struct{} // closed when the question under way is answered
	ownLevel   float64       // left of what the process gives by itself
	ownAt      time.Time
}

// bucket finds or makes the process's part of a quota.
func (l *Limiter) bucket(key bucketKey, p Policy) *bucket {
	l.mu.Lock()
	b := l.buckets[key]
	if b == nil {
		b = l.newBucket(key, p)
		l.sweep(l.clock.Now())
		l.buckets[key] = b
	}
	l.mu.Unlock()
	return b
}

func (l *Limiter) newBucket(key bucketKey, p Policy) *bucket {
	mac := hmac.New(sha256.New, l.secret)
	_, _ = fmt.Fprintf(mac, "%s\x00%s\x00%s\x00%s\x00%s", key.policy, key.kind, key.id, key.tenant, key.block)
	b := &bucket{policy: p.Name, usual: p.Requests, named: strconv.Quote(p.Name) + ";r=", usedAt: l.clock.Now()}
	copy(b.key[:], mac.Sum(nil))
	b.partition = ";pk=:" + base64.StdEncoding.EncodeToString(b.key[:6]) + ":"
	if id, err := uuid.Parse(key.id); err == nil {
		b.credential = &id
	}
	if key.tenant != uuid.Nil {
		tenant := key.tenant
		b.tenant = &tenant
	}
	b.resize(p.Requests)
	return b
}

func (b *bucket) resize(capacity int) {
	b.capacity = capacity
	b.text = strconv.Quote(b.policy) + ";q=" + strconv.Itoa(capacity) + ";w=" + strconv.Itoa(int(Window.Seconds())) + b.partition
}

func (b *bucket) described() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text
}

func (b *bucket) giveBack() {
	b.mu.Lock()
	b.left++
	b.mu.Unlock()
}

// expire gives up what was leased so long ago that the ledger has forgotten it.
func (b *bucket) expire(now time.Time) {
	if b.left > 0 && now.Sub(b.leasedAt) > Window {
		b.left = 0
	}
}

// refill is how long n requests take to become free.
func (b *bucket) refill(n int) time.Duration {
	return time.Duration(n) * Window / time.Duration(b.capacity)
}

// remaining estimates what is left of the quota in all processes.
func (b *bucket) remaining(now time.Time) int {
	shared := b.shared + float64(b.capacity)*min(1, max(0, now.Sub(b.leasedAt).Seconds()/Window.Seconds()))
	return min(b.left+max(0, int(shared)), max(b.capacity-1, 0))
}

// grant takes in what the ledger gave.
func (b *bucket) grant(capacity, granted int, used float64, now time.Time) {
	if capacity != b.capacity {
		b.resize(capacity)
	}
	b.expire(now)
	b.left += granted
	b.shared, b.leasedAt = float64(capacity)-used, now
	if granted == 0 {
		missing := used - float64(capacity-1)
		b.dry(now, time.Duration(missing/float64(capacity)*float64(Window)))
	}
}

// alone gives a part of half the quota that the process keeps account of by
// itself: what is asked of several processes meanwhile is less strictly counted,
// and still counted.
func (b *bucket) alone(now time.Time) {
	half := max(1, float64(b.capacity)/2)
	if b.ownAt.IsZero() {
		b.ownLevel = half
	} else {
		b.ownLevel = min(half, b.ownLevel+half*now.Sub(b.ownAt).Seconds()/Window.Seconds())
	}
	b.ownAt = now
	if b.ownLevel < 1 {
		b.dry(now, time.Duration((1-b.ownLevel)/half*float64(Window)))
		return
	}
	part := min(int(b.ownLevel), max(1, b.capacity/40))
	b.ownLevel -= float64(part)
	b.left += part
	b.shared, b.leasedAt = b.ownLevel, now
}

// dry says that nothing is to be had for a while.
func (b *bucket) dry(now time.Time, wait time.Duration) {
	wait = max(wait, time.Millisecond)
	b.dryUntil, b.askAt = now.Add(wait), now.Add(min(wait, time.Second))
}

// sweep forgets, once a minute, the quotas that nobody has used lately.
func (l *Limiter) sweep(now time.Time) {
	if now.Sub(l.swept) < Window {
		return
	}
	l.swept = now
	for key, b := range l.buckets {
		b.mu.Lock()
		idle := b.waiting == nil && now.Sub(b.usedAt) > 2*Window
		b.mu.Unlock()
		if idle {
			delete(l.buckets, key)
		}
	}
}

// part stops waiting for the ledger for a moment.
func (l *Limiter) part(ctx context.Context) {
	if l.apartTo.Swap(l.clock.Now().Add(apart).UnixNano()) == 0 {
		l.log.WarnContext(ctx, "the ledger of quotas does not answer in time; this process counts by itself meanwhile")
	}
}

// ask puts a question to the ledger and returns what is closed when it has been
// answered. The caller holds b.mu.
func (l *Limiter) ask(ctx context.Context, b *bucket) <-chan struct{} {
	answered := make(chan struct{})
	if until := l.apartTo.Load(); until != 0 && l.clock.Now().UnixNano() < until {
		if b.left == 0 {
			b.alone(l.clock.Now())
		}
		close(answered)
		return answered
	}
	b.waiting = answered
	l.asking.Lock()
	l.pending = append(l.pending, b)
	if !l.busy {
		l.busy = true
		go l.settle(context.WithoutCancel(ctx))
	}
	l.asking.Unlock()
	return answered
}

// settle carries questions to the ledger, all that wait in one statement, until
// there are none.
func (l *Limiter) settle(ctx context.Context) {
	for {
		l.asking.Lock()
		asked := l.pending
		l.pending = nil
		if len(asked) == 0 {
			l.busy = false
			l.asking.Unlock()
			return
		}
		l.asking.Unlock()
		l.lease(ctx, asked)
	}
}

// lease asks for a part of each quota.
func (l *Limiter) lease(ctx context.Context, asked []*bucket) {
	ctx, cancel := context.WithTimeout(ctx, ledgerDeadline)
	defer cancel()
	byKey := make(map[[16]byte]*bucket, len(asked))
	keys, policies := make([][]byte, len(asked)), make([]string, len(asked))
	tenants, credentials := make([]*uuid.UUID, len(asked)), make([]*uuid.UUID, len(asked))
	capacities := make([]int32, len(asked))
	for i, b := range asked {
		b.mu.Lock()
		byKey[b.key] = b
		keys[i], policies[i], tenants[i], credentials[i], capacities[i] = b.key[:], b.policy, b.tenant, b.credential, int32(b.usual)
		b.mu.Unlock()
	}
	err := l.leased(ctx, byKey, keys, policies, tenants, credentials, capacities)
	if err != nil {
		l.part(ctx)
	} else {
		l.apartTo.Store(0)
	}
	now := l.clock.Now()
	for _, b := range asked {
		b.mu.Lock()
		if err != nil && b.left == 0 {
			b.alone(now)
		}
		close(b.waiting)
		b.waiting = nil
		b.mu.Unlock()
	}
}

func (l *Limiter) leased(ctx context.Context, byKey map[[16]byte]*bucket, args ...any) error {
	rows, err := l.db.Unscoped().Query(ctx, "select key, capacity, granted, used from lease_quotas($1, $2, $3, $4, $5)", args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	now := l.clock.Now()
	for rows.Next() {
		var key []byte
		var capacity, granted int
		var used float64
		if err := rows.Scan(&key, &capacity, &granted, &used); err != nil {
			return err
		}
		if len(key) != 16 {
			continue
		}
		if b := byKey[[16]byte(key)]; b != nil {
			b.mu.Lock()
			b.grant(capacity, granted, used, now)
			b.mu.Unlock()
		}
	}
	return rows.Err()
}
