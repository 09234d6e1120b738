package webhooks

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/webhooks/internal/webhooksdb"
)

// looked is what the maker of an endpoint saw of the deliveries under way.
type looked struct {
	at   time.Time
	by   *config
	seen map[uuid.UUID]bool
}

// errUnread: the event is no longer in memory; it is read again at the next turn.
var errUnread = errors.New("webhooks: the event has to be read again")

// sees reports whether a delivery under way may be made now. One look serves all
// of them, and is good for as long as what is known of the endpoint.
func (l *lane) sees(ctx context.Context, c *config, d webhooksdb.ListDueRow) (bool, error) {
	of := c.of
	if d.Kind != "event" || (of.ended == "" && of.actor.Sight.All()) {
		return d.Kind != "event" || of.sends(d.EventID, d.EventType), nil
	}
	l.lookMu.Lock()
	defer l.lookMu.Unlock()
	_, known := l.looked.seen[d.EventID]
	if !known || l.looked.by != c || time.Since(l.looked.at) > configAge {
		if err := l.lookAgain(ctx, c); err != nil {
			return false, err
		}
	}
	if _, known = l.looked.seen[d.EventID]; !known {
		return false, errUnread
	}
	of.seen = l.looked.seen
	return of.sends(d.EventID, d.EventType), nil
}

func (l *lane) lookAgain(ctx context.Context, c *config) error {
	l.mu.Lock()
	numbers := make([]int64, 0, len(l.busy))
	for _, n := range l.busy {
		numbers = append(numbers, n)
	}
	l.mu.Unlock()
	now := looked{at: clock.Mark(), by: c, seen: make(map[uuid.UUID]bool, len(numbers))}
	list := make([]events.Envelope, 0, len(numbers))
	for _, n := range numbers {
		if m, ok := l.d.s.messages.get(l.tenant, n); ok {
			list = append(list, m.envelope)
			now.seen[m.envelope.ID] = false
		}
	}
	seen, err := l.d.s.seenBy(ctx, c.of.actor, list)
	if err != nil {
		return err
	}
	for id := range seen {
		now.seen[id] = true
	}
	l.looked = now
	return nil
}

// sendable leaves of what was fetched that which may be sent, and takes the rest
// out of the queue.
func (l *lane) sendable(ctx context.Context, c *config, due []webhooksdb.ListDueRow) ([]webhooksdb.ListDueRow, error) {
	out := make([]webhooksdb.ListDueRow, 0, len(due))
	var withheld []webhooksdb.ListDueRow
	for _, d := range due {
		ok, err := l.sees(ctx, c, d)
		if errors.Is(err, errUnread) {
			ok, err = true, nil // looked at once more before it is sent
		}
		if err != nil {
			l.forget(due)
			return nil, err
		}
		if ok {
			out = append(out, d)
		} else {
			withheld = append(withheld, d)
		}
	}
	if len(withheld) == 0 {
		return out, nil
	}
	if err := l.withhold(ctx, withheld...); err != nil {
		l.forget(due)
		return nil, err
	}
	return out, nil
}

// withhold takes deliveries out of the queue that may not be made.
func (l *lane) withhold(ctx context.Context, list ...webhooksdb.ListDueRow) error {
	ids := make([]uuid.UUID, len(list))
	for i, d := range list {
		ids[i] = d.EventID
	}
	defer l.forget(list)
	return l.d.s.q.Withhold(ctx, l.d.s.db.Tenant(l.tenant), l.tenant, l.endpoint, ids)
}
