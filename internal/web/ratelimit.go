package web

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
)

// Policy is a quota of a minute: Requests of each credential, or of each address
// where there is none.
type Policy struct {
	Name     string
	Requests int
}

// The quotas beside those of the rate classes.
const (
	// InstitutionPolicy is what all credentials of an institution share, so that
	// the integrations of one cannot starve those of another.
	InstitutionPolicy = "institution"
	// AddressPolicy is what an address may ask altogether, whoever it says it is.
	AddressPolicy = "address"
	// BulkPlaces is how much bulk work an institution does at once.
	BulkPlaces = "bulk-concurrency"
)

// Window is that of every quota.
const Window = time.Minute

// GuardAddress is the middleware that comes before any credential is looked at.
func (l *Limiter) GuardAddress(next echo.HandlerFunc) echo.HandlerFunc {
	policy, limited := l.policies[AddressPolicy]
	return func(c echo.Context) error {
		if !limited {
			return next(c)
		}
		b := l.bucket(bucketKey{policy: AddressPolicy, block: AddressBlock(RemoteAddr(c))}, policy)
		if _, wait, ok, err := l.take(c.Request().Context(), b); err != nil {
			return err
		} else if !ok {
			return exceeded(policy.Name, wait)
		}
		return next(c)
	}
}

// Guard is the middleware of one operation. It tells the quotas on every answer
// (draft-ietf-httpapi-ratelimit-headers) and refuses with 429 beyond them.
func (l *Limiter) Guard(op api.OperationSpec) echo.MiddlewareFunc {
	policy, limited := l.policies[op.Rate]
	institution, shared := l.policies[InstitutionPolicy]
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if !limited {
			return next
		}
		return func(c echo.Context) error {
			ctx := c.Request().Context()
			key := bucketKey{policy: policy.Name}
			if a, err := ActorFrom(ctx); err == nil {
				key.kind, key.id, key.tenant = a.Kind, a.ID, a.Tenant
			} else {
				key.block = AddressBlock(RemoteAddr(c))
			}
			own := l.bucket(key, policy)
			if key.tenant == uuid.Nil || !shared {
				left, wait, ok, err := l.take(ctx, own)
				if err != nil {
					return err
				}
				h := c.Response().Header()
				h.Set("RateLimit-Policy", own.described())
				h.Set("RateLimit", own.item(left, wait))
				if !ok {
					return exceeded(policy.Name, wait)
				}
				return next(c)
			}
			all := l.bucket(bucketKey{policy: InstitutionPolicy, tenant: key.tenant}, institution)
			l.prime(ctx, own, all)
			left, wait, ok, err := l.take(ctx, own)
			if err != nil {
				return err
			}
			allLeft, allWait, allOK, err := l.take(ctx, all)
			if err != nil {
				return err
			}
			h := c.Response().Header()
			h.Set("RateLimit-Policy", own.described()+", "+all.described())
			h.Set("RateLimit", own.item(left, wait)+", "+all.item(allLeft, allWait))
			switch {
			case !ok:
				if allOK {
					all.giveBack()
				}
				return exceeded(policy.Name, wait)
			case !allOK:
				own.giveBack()
				return exceeded(InstitutionPolicy, allWait)
			}
			if op.Rate != "bulk" || l.places == nil {
				return next(c)
			}
			leave, err := l.places.enter(ctx, key.tenant)
			if errors.Is(err, errFull) {
				return exceeded(BulkPlaces, time.Second)
			} else if err != nil {
				return err
			}
			defer leave()
			return next(c)
		}
	}
}

func exceeded(policy string, wait time.Duration) error {
	seconds := int(wait.Seconds() + 0.999)
	f := fault.New(fault.TooMany, "quota-exceeded").With("policy", policy).With("seconds", max(seconds, 1)).
		Extra("violated-policies", []string{policy})
	f.RetryAfter = max(wait, time.Second)
	return f
}

// AddressBlock is the address itself for IPv4 and its /64 for IPv6, since one
// line has the whole block.
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

// item says what is left of a quota: the Structured Field of the RateLimit
// header. t is how long until the whole of it is free again, or, when nothing is
// left, until a request is.
func (b *bucket) item(left int, wait time.Duration) string {
	return b.named + strconv.Itoa(left) + ";t=" + strconv.Itoa(int(wait.Seconds()+0.999)) + b.partition
}

// prime asks for what several quotas lack at once, so that a credential's first
// request waits for the database once.
func (l *Limiter) prime(ctx context.Context, buckets ...*bucket) {
	now := l.clock.Now()
	for _, b := range buckets {
		b.mu.Lock()
		b.expire(now)
		if b.left == 0 && b.waiting == nil && !now.Before(b.askAt) {
			l.ask(ctx, b)
		}
		b.mu.Unlock()
	}
}

// take spends one request. left is what remains of the quota; wait is how long
// until it is whole again, or until a request is allowed where ok is false.
func (l *Limiter) take(ctx context.Context, b *bucket) (left int, wait time.Duration, ok bool, err error) {
	for {
		now := l.clock.Now()
		b.mu.Lock()
		b.usedAt = now
		b.expire(now)
		if b.left > 0 {
			b.left--
			if b.left < b.capacity/40 && b.waiting == nil && !now.Before(b.askAt) {
				l.ask(ctx, b)
			}
			left = b.remaining(now)
			wait = b.refill(b.capacity - left)
			b.mu.Unlock()
			return left, wait, true, nil
		}
		if now.Before(b.askAt) {
			wait = max(b.dryUntil.Sub(now), time.Millisecond)
			b.mu.Unlock()
			return 0, wait, false, nil
		}
		var answered <-chan struct{} = b.waiting
		if b.waiting == nil {
			answered = l.ask(ctx, b)
		}
		b.mu.Unlock()
		if err := l.await(ctx, b, answered); err != nil {
			return 0, 0, false, err
		}
	}
}

// await waits for the ledger, but not long: a database that is slow must not
// make every answer slow that does not need it.
func (l *Limiter) await(ctx context.Context, b *bucket, answered <-chan struct{}) error {
	select {
	case <-answered:
		return nil
	default:
	}
	patience := time.NewTimer(l.patience)
	defer patience.Stop()
	select {
	case <-answered:
	case <-ctx.Done():
		return ctx.Err()
	case <-patience.C:
		l.part(ctx)
		now := l.clock.Now()
		b.mu.Lock()
		if b.left == 0 {
			b.alone(now)
		}
		b.mu.Unlock()
	}
	return nil
}
