package web

import (
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/fault"
)

// Policy is a quota: Requests per Window for each credential, or for each
// address where there is none.
type Policy struct {
	Name     string
	Requests int
	Window   time.Duration
}

// Limiter counts requests per policy and partition. Each process counts for
// itself; a quota is meant to keep one integration from hurting the others, not
// to bill.
type Limiter struct {
	clock    clock.Clock
	policies map[string]Policy
	mu       sync.Mutex
	buckets  map[bucketKey]*bucket
	swept    time.Time
}

type bucketKey struct{ policy, partition string }

type bucket struct {
	left  float64
	since time.Time
}

// NewLimiter makes a limiter of the given policies, by rate class.
func NewLimiter(c clock.Clock, policies map[string]Policy) *Limiter {
	return &Limiter{clock: c, policies: policies, buckets: map[bucketKey]*bucket{}, swept: c.Now()}
}

// Policies lists the quotas, for GET /v1/limits.
func (l *Limiter) Policies() map[string]Policy { return l.policies }

// Guard is the middleware of one operation. It tells the quota on every answer
// (draft-ietf-httpapi-ratelimit-headers) and refuses with 429 beyond it.
func (l *Limiter) Guard(op api.OperationSpec) echo.MiddlewareFunc {
	policy, limited := l.policies[op.Rate]
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if !limited {
			return next
		}
		described := fmt.Sprintf("%q;q=%d;w=%d", policy.Name, policy.Requests, int(policy.Window.Seconds()))
		named := fmt.Sprintf("%q;r=", policy.Name)
		return func(c echo.Context) error {
			left, wait := l.take(policy, partition(c))
			h := c.Response().Header()
			h.Set("RateLimit-Policy", described)
			h.Set("RateLimit", named+strconv.Itoa(max(int(left), 0))+";t="+strconv.Itoa(int(wait.Seconds()+0.999)))
			if left < 0 {
				f := fault.New(fault.TooMany, "quota-exceeded").With("policy", policy.Name).With("seconds", int(wait.Seconds()+0.999)).
					Extra("violated-policies", []string{policy.Name})
				f.RetryAfter = max(wait, time.Second)
				return f
			}
			return next(c)
		}
	}
}

// take spends one request. left is what remains, negative when refused; wait is
// how long until one more is allowed.
func (l *Limiter) take(p Policy, partition string) (left float64, wait time.Duration) {
	now := l.clock.Now()
	perRequest := p.Window / time.Duration(p.Requests)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweep(now)
	key := bucketKey{p.Name, partition}
	b := l.buckets[key]
	if b == nil {
		b = &bucket{left: float64(p.Requests), since: now}
		l.buckets[key] = b
	}
	if passed := now.Sub(b.since); passed > 0 {
		b.left = min(float64(p.Requests), b.left+float64(passed)/float64(perRequest))
		b.since = now
	}
	if b.left < 1 {
		return -1, time.Duration((1 - b.left) * float64(perRequest))
	}
	b.left--
	return b.left, time.Duration((float64(p.Requests) - b.left) * float64(perRequest))
}

// sweep forgets partitions that have been full again for a while.
func (l *Limiter) sweep(now time.Time) {
	if now.Sub(l.swept) < time.Minute {
		return
	}
	l.swept = now
	for key, b := range l.buckets {
		if now.Sub(b.since) > 2*l.policies[key.policy].Window+time.Minute {
			delete(l.buckets, key)
		}
	}
}

// partition is whose quota is spent: the credential's, else the address's (its
// /64 for IPv6, since one line has the whole block).
func partition(c echo.Context) string {
	if a, err := ActorFrom(c.Request().Context()); err == nil {
		return string(a.Kind) + ":" + a.ID
	}
	return "ip:" + AddressBlock(RemoteAddr(c)).String()
}

// AddressBlock is the address itself for IPv4 and its /64 for IPv6.
func AddressBlock(a netip.Addr) netip.Prefix {
	a = a.Unmap()
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.WithZone("").Prefix(bits)
	return p
}

// RemoteAddr is the caller's address as the server's trust in proxies allows it
// to be known.
func RemoteAddr(c echo.Context) netip.Addr {
	a, err := netip.ParseAddr(c.RealIP())
	if err != nil {
		return netip.IPv4Unspecified()
	}
	return a.Unmap()
}
