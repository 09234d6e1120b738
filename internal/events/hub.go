package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/clock"
)

// channel is the PostgreSQL channel on which sequencers announce batches.
const channel = "parvis_events"

// Hub tells the readers of this process that a tenant's log has grown. It only
// wakes; what there is to read, a reader finds in the database.
type Hub struct {
	mu        sync.Mutex
	subs      map[*subscription]struct{}
	announced map[uuid.UUID]int64
	once      sync.Once
	closed    chan struct{}
}

type subscription struct {
	tenant  uuid.UUID // Nil: every tenant
	bell    chan uuid.UUID
	pending map[uuid.UUID]struct{} // of a subscription to every tenant: not yet taken
	more    chan struct{}
	done    chan struct{}
}

// NewHub makes a hub.
func NewHub() *Hub {
	return &Hub{subs: map[*subscription]struct{}{}, announced: map[uuid.UUID]int64{}, closed: make(chan struct{})}
}

// Subscribe returns a channel that gets the tenant when its log has grown, and
// the function that ends the subscription. uuid.Nil subscribes to all tenants.
// A slow subscriber misses repetitions, never the last wake-up of a tenant:
// after each it reads until there is nothing left.
func (h *Hub) Subscribe(tenant uuid.UUID) (<-chan uuid.UUID, func()) {
	s := &subscription{tenant: tenant, bell: make(chan uuid.UUID, 1), done: make(chan struct{})}
	if tenant == uuid.Nil {
		s.bell, s.pending, s.more = make(chan uuid.UUID), map[uuid.UUID]struct{}{}, make(chan struct{}, 1)
		go h.pump(s)
	}
	h.mu.Lock()
	h.subs[s] = struct{}{}
	h.mu.Unlock()
	var once sync.Once
	return s.bell, func() {
		once.Do(func() {
			h.mu.Lock()
			delete(h.subs, s)
			h.mu.Unlock()
			close(s.done)
		})
	}
}

// pump hands a subscriber to all tenants one after the other, each once however
// often it rang meanwhile.
func (h *Hub) pump(s *subscription) {
	for {
		select {
		case <-s.done:
			return
		case <-s.more:
		}
		h.mu.Lock()
		batch := s.pending
		s.pending = map[uuid.UUID]struct{}{}
		h.mu.Unlock()
		for tenant := range batch {
			select {
			case s.bell <- tenant:
			case <-s.done:
				return
			}
		}
	}
}

// Close ends every waiting reader, so that a server can leave.
func (h *Hub) Close() { h.once.Do(func() { close(h.closed) }) }

// Closed is closed when the hub is.
func (h *Hub) Closed() <-chan struct{} { return h.closed }

// Publish wakes the readers of a tenant whose log has grown to sequence. What
// was published before is not told again.
func (h *Hub) Publish(tenant uuid.UUID, sequence int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.announced[tenant] >= sequence {
		return
	}
	h.announced[tenant] = sequence
	for s := range h.subs {
		s.ring(tenant)
	}
}

// publishAll wakes every reader, after announcements may have been missed.
func (h *Hub) publishAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subs {
		for tenant := range h.announced {
			s.ring(tenant)
		}
		if s.tenant != uuid.Nil {
			s.ring(s.tenant)
		}
	}
}

// ring never blocks; the hub's lock is held.
func (s *subscription) ring(tenant uuid.UUID) {
	switch s.tenant {
	case tenant:
		select {
		case s.bell <- tenant:
		default:
		}
	case uuid.Nil:
		s.pending[tenant] = struct{}{}
		select {
		case s.more <- struct{}{}:
		default:
		}
	}
}

// Listen passes on what sequencers of other processes announce, until the
// context ends. url is a direct connection: a transaction-pooling proxy does not
// carry announcements. Readers do not depend on it, they only wait longer
// without it.
func (h *Hub) Listen(ctx context.Context, url string, log *slog.Logger) error {
	wait := time.Second
	for ctx.Err() == nil {
		began := clock.Mark()
		err := h.listenOnce(ctx, url)
		if ctx.Err() != nil {
			continue
		}
		if time.Since(began) > time.Minute {
			wait = time.Second
		}
		log.WarnContext(ctx, "event announcements interrupted; will listen again", "error", err, "in", wait)
		pause(ctx, wait)
		wait = min(2*wait, 30*time.Second)
	}
	return nil
}

func (h *Hub) listenOnce(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "listen "+channel); err != nil {
		return err
	}
	h.publishAll()
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		if tenant, sequence, err := parseAnnouncement(n.Payload); err == nil {
			h.Publish(tenant, sequence)
		}
	}
}

func announcement(tenant uuid.UUID, sequence int64) string {
	return fmt.Sprintf("%s %d", tenant, sequence)
}

func parseAnnouncement(payload string) (uuid.UUID, int64, error) {
	id, number, _ := strings.Cut(payload, " ")
	tenant, err := uuid.Parse(id)
	sequence, numberErr := strconv.ParseInt(number, 10, 64)
	return tenant, sequence, errors.Join(err, numberErr)
}
