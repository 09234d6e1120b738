package register

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	// believed is how long the classes of purposes, and what those rest on, are not
	// asked for again. Whose data may be read is asked with every statement.
	believed = time.Second
	// settle is how long nothing is kept of an institution whose register
	// changes: the change is committed some time after forget was called.
	settle     = 10 * time.Second
	mostListed = 10_000
)

var _ web.Purposes = (*Service)(nil)

// Registered implements web.Purposes.
func (s *Service) Registered(ctx context.Context, tenant uuid.UUID, codes []string) (web.Registered, error) {
	sorted := codes
	if !slices.IsSorted(codes) {
		sorted = slices.Sorted(slices.Values(codes))
	}
	name := tenant.String() + " " + strings.Join(sorted, " ")
	if have, ok := s.listed.get(name); ok {
		return have.Registered, nil
	}
	row, err := s.q.RegisteredFor(pg.WithSight(ctx, pg.Everything()), s.db.Tenant(tenant), tenant, sorted)
	if err != nil {
		return web.Registered{}, err
	}
	out := web.Registered{Classes: row.Classes, Known: row.Known, Purposes: pg.NewPurposes(sorted, row.ByConsent, row.Otherwise)}
	s.listed.keep(tenant, name, believedOf{Registered: out})
	return out, nil
}

// PurposesChange makes a change of an institution's purposes effective at once.
// It is called before the change is committed.
func (s *Service) PurposesChange(tenant uuid.UUID) { s.listed.forget(tenant) }

type believedOf struct {
	web.Registered
	until time.Time
}

// listed remembers, for a moment, what the register lists.
type listed struct {
	clock    clock.Clock
	mu       *sync.Mutex
	by       map[string]believedOf
	changing map[uuid.UUID]time.Time // until when nothing of a tenant is kept
}

func newListed(c clock.Clock) listed {
	return listed{clock: c, mu: &sync.Mutex{}, by: map[string]believedOf{}, changing: map[uuid.UUID]time.Time{}}
}

func (l *listed) get(name string) (believedOf, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	have, ok := l.by[name]
	return have, ok && l.clock.Now().Before(have.until)
}

func (l *listed) keep(tenant uuid.UUID, name string, c believedOf) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	if now.Before(l.changing[tenant]) {
		return
	}
	if len(l.by) >= mostListed {
		clear(l.by)
	}
	c.until = now.Add(believed)
	l.by[name] = c
}

// forget makes a change of the register effective at once in this process; in
// others it is within a second.
func (l *listed) forget(tenant uuid.UUID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.by)
	l.changing[tenant] = l.clock.Now().Add(settle)
}
