package webhooks

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// standardSchedule is the delay before each attempt: ten attempts over three
// days, as Standard Webhooks 1.0.0 suggests.
func standardSchedule() []time.Duration {
	return []time.Duration{0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
		10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour}
}

// jitter is how far, either way, a delay is spread, so that what failed
// together does not come back together.
const jitter = 0.2

// throttleWait is how long a receiver that is overloaded or silent is left
// alone at least.
const throttleWait = time.Minute

// delayBefore is the time to wait before the attempt that follows made
// attempts, and false when the schedule has no further one. chance is in [0,1).
func (o Options) delayBefore(made int, r result, chance float64) (time.Duration, bool) {
	if made >= len(o.Schedule) {
		return 0, false
	}
	delay := time.Duration(float64(o.Schedule[made]) * (1 - jitter + 2*jitter*chance))
	if r.throttled {
		delay = max(delay, o.ThrottleWait)
	}
	if r.retryAfter > 0 {
		delay = min(max(r.retryAfter, delay), 2*delay)
	}
	return delay, true
}

func chance() float64 { return rand.Float64() } //nolint:gosec // spreads load; nobody gains by guessing it

// throttles reports whether a status says that the receiver needs a rest.
func throttles(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// retryAfter reads the header of RFC 9110 §10.2.3: seconds or a date.
func retryAfter(value string, now time.Time) time.Duration {
	if value == "" {
		return 0
	}
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		return time.Duration(max(seconds, 0)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
