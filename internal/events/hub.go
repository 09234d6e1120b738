package events

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Hub tells the readers of this process that a tenant's log has grown. It only
// wakes; what there is to read, a reader finds in the database.
type Hub struct {
	mu     sync.Mutex
	subs   map[*subscription]struct{}
	once   sync.Once
	closed chan struct{}
}

type subscription struct {
	tenant uuid.UUID // Nil: every tenant
	bell   chan uuid.UUID
}

// NewHub makes a hub.
func NewHub() *Hub { return &Hub{subs: map[*subscription]struct{}{}, closed: make(chan struct{})} }

// Subscribe returns a channel that gets the tenant when its log has grown, and
// the function that ends the subscription. uuid.Nil subscribes to all tenants.
// A slow subscriber misses repetitions, never the last one of a quiet log:
// after each wake-up it reads until there is nothing left.
func (h *Hub) Subscribe(tenant uuid.UUID) (<-chan uuid.UUID, func()) {
	size := 1
	if tenant == uuid.Nil {
		size = 256
	}
	s := &subscription{tenant: tenant, bell: make(chan uuid.UUID, size)}
	h.mu.Lock()
	h.subs[s] = struct{}{}
	h.mu.Unlock()
	return s.bell, func() {
		h.mu.Lock()
		delete(h.subs, s)
		h.mu.Unlock()
	}
}

// Close ends every waiting reader, so that a server can leave.
func (h *Hub) Close() { h.once.Do(func() { close(h.closed) }) }

// Closed is closed when the hub is.
func (h *Hub) Closed() <-chan struct{} { return h.closed }

// Publish wakes the readers of a tenant.
func (h *Hub) Publish(tenant uuid.UUID, _ int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subs {
		if s.tenant != uuid.Nil && s.tenant != tenant {
			continue
		}
		select {
		case s.bell <- tenant:
		default:
		}
	}
}

// Listen passes on what sequencers of other processes announce, until the
// context ends. It needs a connection of its own, direct to PostgreSQL.
func (h *Hub) Listen(ctx context.Context, pool *pgxpool.Pool, log *slog.Logger) error {
	for ctx.Err() == nil {
		if err := h.listenOnce(ctx, pool); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "event announcements interrupted; will listen again", "error", err)
			pause(ctx, time.Second)
		}
	}
	return nil
}

func (h *Hub) listenOnce(ctx context.Context, pool *pgxpool.Pool) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	// A listening connection is not given back for other use.
	defer func() { _ = conn.Hijack().Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "listen parvis_events"); err != nil {
		return err
	}
	for {
		n, err := conn.Conn().WaitForNotification(ctx)
		if err != nil {
			return err
		}
		if tenant, err := uuid.Parse(n.Payload); err == nil {
			h.Publish(tenant, 0)
		}
	}
}
