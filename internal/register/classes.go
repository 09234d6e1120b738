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
	// believed is how long the classes of purposes are not asked for again. Whose
	// data may be read is asked with every statement; only which fields is kept.
	believed = time.Second
	// settle is how long nothing is kept of an institution whose register
	// changes: the change is committed some time after forget was called.
	settle     = 10 * time.Second
	mostListed = 10_000
)

var _ web.Purposes = (*Service)(nil)

// Classes implements web.Purposes.
func (s *Service) Classes(ctx context.Context, tenant uuid.UUID, codes []string) (classes, known []string, err error) {
	sorted := slices.Sorted(slices.Values(codes))
	name := tenant.String() + " " + strings.Join(sorted, " ")
	if have, ok := s.listed.get(name); ok {
		return have.classes, have.known, nil
	}
	row, err := s.q.ClassesFor(pg.WithSight(ctx, pg.Everything()), s.db.Tenant(tenant), tenant, sorted)
	if err != nil {
		return nil, nil, err
	}
	s.listed.keep(tenant, name, classesOf{classes: row.Classes, known: row.Known})
	return row.Classes, row.Known, nil
}

type classesOf struct {
	classes, known []string
	until          time.Time
}

// listed remembers, for a moment, what the register lists.
type listed struct {
	clock    clock.Clock
	mu       *sync.Mutex
	by       map[string]classesOf
	changing map[uuid.UUID]time.Time // until when nothing of a tenant is kept
}

func newListed(c clock.Clock) listed {
	return listed{clock: c, mu: &sync.Mutex{}, by: map[string]classesOf{}, changing: map[uuid.UUID]time.Time{}}
}

func (l *listed) get(name string) (classesOf, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	have, ok := l.by[name]
	return have, ok && l.clock.Now().Before(have.until)
}

func (l *listed) keep(tenant uuid.UUID, name string, c classesOf) {
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
