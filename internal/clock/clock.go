// Package clock is the only source of the present time in business rules, so
// that a rule about time can be tested at any time.
package clock

import (
	"sync"
	"time"
)

// Clock tells the present time, in UTC and to the microsecond, which is what
// PostgreSQL keeps.
type Clock interface {
	Now() time.Time
}

// System is the machine's clock.
type System struct{}

// Now implements Clock.
func (System) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Mark begins a measurement of how long something takes, or sets a limit on
// waiting for the network. That is no business time: it runs on whatever time a
// test has set, and time.Since reads it on the monotonic clock.
func Mark() time.Time { return time.Now() }

// Fixed is a clock that moves only when told to. It may be shared.
type Fixed struct {
	mu  sync.Mutex
	now time.Time
}

// NewFixed returns a clock that stands at t.
func NewFixed(t time.Time) *Fixed { return &Fixed{now: t.UTC().Truncate(time.Microsecond)} }

// Now implements Clock.
func (f *Fixed) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// Advance moves the clock forward by d.
func (f *Fixed) Advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}
