package access

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	// remember is how long a resolved key is believed without asking again. A
	// revocation in this process is effective at once, in others within it.
	remember = time.Second
	// touchEvery is how exact last_used_at is.
	touchEvery  = time.Minute
	mostCached  = 20_000
	unknownKeep = 200 * time.Millisecond
)

type credential struct {
	actor        web.Actor
	id           uuid.UUID
	secretHash   []byte
	allowed      []netip.Prefix
	expiresAt    *time.Time
	revokedAt    *time.Time
	tenantStatus string
	mu           sync.Mutex
	lastUsed     time.Time
}

// credentialCache saves the database a question per request. A miss is kept
// too, briefly, so that guessing costs us nothing.
type credentialCache struct {
	clock clock.Clock
	mu    sync.Mutex
	by    map[string]cached
}

type cached struct {
	c     *credential
	until time.Time
}

func newCredentialCache(c clock.Clock) *credentialCache {
	return &credentialCache{clock: c, by: map[string]cached{}}
}

func (cc *credentialCache) get(ctx context.Context, keyID string, resolve func(context.Context, string) (*credential, error)) (*credential, error) {
	now := cc.clock.Now()
	cc.mu.Lock()
	have, ok := cc.by[keyID]
	cc.mu.Unlock()
	if ok && now.Before(have.until) {
		return have.c, nil
	}
	c, err := resolve(ctx, keyID)
	if err != nil {
		return nil, err
	}
	keep := remember
	if c == nil {
		keep = unknownKeep
	} else if have.c != nil {
		have.c.mu.Lock()
		if have.c.lastUsed.After(c.lastUsed) {
			c.lastUsed = have.c.lastUsed
		}
		have.c.mu.Unlock()
	}
	cc.mu.Lock()
	defer cc.mu.Unlock()
	if len(cc.by) >= mostCached {
		clear(cc.by)
	}
	cc.by[keyID] = cached{c: c, until: now.Add(keep)}
	return c, nil
}

// forget makes a change to credentials effective at once in this process.
func (cc *credentialCache) forget() {
	cc.mu.Lock()
	clear(cc.by)
	cc.mu.Unlock()
}

func (s *Service) resolveKey(ctx context.Context, keyID string) (*credential, error) {
	rows, err := s.db.Pool().Query(ctx, `select tenant_id, id, secret_hash, kind, scopes, source, allowed_cidrs, expires_at, revoked_at, last_used_at, mode, tenant_status from resolve_api_key($1)`, keyID)
	if err != nil {
		return nil, err
	}
	c, err := pgx.CollectOneRow(rows, func(row pgx.CollectableRow) (*credential, error) {
		var c credential
		var kind, mode string
		var source *string
		var lastUsed *time.Time
		err := row.Scan(&c.actor.Tenant, &c.id, &c.secretHash, &kind, (*[]string)(&c.actor.Scopes), &source, &c.allowed,
			&c.expiresAt, &c.revokedAt, &lastUsed, &mode, &c.tenantStatus)
		c.actor.Kind, c.actor.ID, c.actor.Test = web.APIKey, c.id.String(), mode == "test"
		if source != nil {
			c.actor.Source = *source
		}
		if lastUsed != nil {
			c.lastUsed = *lastUsed
		}
		return &c, err
	})
	if err == pgx.ErrNoRows {
		return nil, nil
	}
	return c, err
}

// touch notes the use of a key, at most once a minute. It never fails a
// request: the note is for people who clean up, not for a rule.
func (s *Service) touch(ctx context.Context, c *credential, now time.Time) {
	c.mu.Lock()
	due := now.Sub(c.lastUsed) >= touchEvery
	if due {
		c.lastUsed = now
	}
	c.mu.Unlock()
	if due {
		_ = s.q.TouchAPIKey(ctx, s.db.Tenant(c.actor.Tenant), &now, c.actor.Tenant, c.id)
	}
}
