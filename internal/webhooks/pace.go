package webhooks

import (
	"context"
	"time"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/webhooks/internal/webhooksdb"
)

// pace waits until a receiver that granted a rate may have its next request,
// evenly spread over the minute. It reports false when the delivery is not to
// be made by this lane: the endpoint no longer takes it, the lease has gone or
// the process stops.
func (l *lane) pace(ctx context.Context, d webhooksdb.ListDueRow) bool {
	for {
		c, err := l.current(ctx)
		if err != nil || !c.accepts(d) {
			return false
		}
		if c.endpoint.AllowedRate == nil || d.Kind == "verification" {
			return true
		}
		wait := time.Until(l.next)
		if wait <= 0 {
			l.next = clock.Mark().Add(time.Minute / time.Duration(*c.endpoint.AllowedRate))
			return true
		}
		// No longer than the lease and what is known of the endpoint are good for.
		timer := time.NewTimer(min(wait, l.d.s.o.Lease/3))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false
		}
		if time.Since(l.leased) > l.d.s.o.Lease/3 {
			if kept, err := l.renew(ctx); !kept && err == nil {
				return false
			}
		}
	}
}

// pacedUntil is what the next holder of the lease has to respect.
func (l *lane) pacedUntil() *time.Time {
	if !l.next.After(clock.Mark()) {
		return nil
	}
	return &l.next
}
