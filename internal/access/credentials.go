package access

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/access/accesstoken"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	// remember is how long a resolved credential is believed without asking
	// again. A change in this process is effective at once, in others within it.
	remember = time.Second
	// settle is how long nothing of a tenant is remembered after a change to its
	// credentials: the change is committed some time after forget was called.
	settle = 10 * time.Second
	// touchEvery is how exact last_used_at is.
	touchEvery  = time.Minute
	mostCached  = 20_000
	unknownKeep = 200 * time.Millisecond
)

// credential is what is known of a key or of an access token.
type credential struct {
	actor        web.Actor
	id           uuid.UUID
	kind         string // of a key
	keyID        string // of a key
	secretHash   []byte // of a key
	allowed      []netip.Prefix
	expiresAt    *time.Time
	revokedAt    *time.Time
	tenantStatus string
	roles        []string // codes of a user's
	ended        string   // why it no longer stands, of one that is not calling
	// freshUntil is when some of the rights end, so that they are asked for again.
	freshUntil *time.Time
	mu         sync.Mutex
	lastUsed   time.Time
}

// stands reports whether nobody has ended the credential.
func (c *credential) stands(now time.Time) bool {
	return (c.revokedAt == nil || now.Before(*c.revokedAt)) && (c.expiresAt == nil || now.Before(*c.expiresAt)) && c.tenantStatus == "active"
}

// credentialCache saves the database a question per request. A miss is kept
// too, briefly, so that guessing costs us nothing.
type credentialCache struct {
	clock    clock.Clock
	mu       sync.Mutex
	by       map[string]cached
	changing map[uuid.UUID]time.Time // until when nothing of a tenant is kept
}

type cached struct {
	c     *credential
	until time.Time
}

func newCredentialCache(c clock.Clock) *credentialCache {
	return &credentialCache{clock: c, by: map[string]cached{}, changing: map[uuid.UUID]time.Time{}}
}

func (cc *credentialCache) get(ctx context.Context, name string, resolve func(context.Context) (*credential, error)) (*credential, error) {
	now := cc.clock.Now()
	cc.mu.Lock()
	have, ok := cc.by[name]
	cc.mu.Unlock()
	if ok && now.Before(have.until) {
		return have.c, nil
	}
	c, err := resolve(ctx)
	if err != nil {
		return nil, err
	}
	keep := remember
	if c == nil {
		keep = unknownKeep
	} else if have.c != nil {
		have.c.mu.Lock()
		c.lastUsed = later(c.lastUsed, have.c.lastUsed)
		have.c.mu.Unlock()
	}
	cc.mu.Lock()
	defer cc.mu.Unlock()
	if c != nil && now.Before(cc.changing[c.actor.Tenant]) {
		return c, nil
	}
	if len(cc.by) >= mostCached {
		clear(cc.by)
	}
	until := now.Add(keep)
	if c != nil && c.freshUntil != nil && c.freshUntil.Before(until) {
		until = *c.freshUntil
	}
	cc.by[name] = cached{c: c, until: until}
	return c, nil
}

// forget makes a change to a tenant's credentials effective at once in this
// process. It is called before the change is committed, so what is resolved
// meanwhile is not kept either.
func (cc *credentialCache) forget(tenant uuid.UUID) {
	now := cc.clock.Now()
	cc.mu.Lock()
	defer cc.mu.Unlock()
	clear(cc.by)
	for other, until := range cc.changing {
		if !now.Before(until) {
			delete(cc.changing, other)
		}
	}
	cc.changing[tenant] = now.Add(settle)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (s *Service) resolveKey(ctx context.Context, keyID string) (*credential, error) {
	c := credential{keyID: keyID}
	var scopes []string
	var mode string
	var source *string
	var lastUsed *time.Time
	var l limits
	err := s.db.Unscoped().QueryRow(ctx, `select tenant_id, id, secret_hash, kind, scopes, source, allowed_cidrs, expires_at, revoked_at, last_used_at, mode, tenant_status,
			department_ids, verbs, purposes, readable_classes, writable_classes
		from resolve_api_key($1)`, keyID).Scan(&c.actor.Tenant, &c.id, &c.secretHash, &c.kind, &scopes, &source, &c.allowed,
		&c.expiresAt, &c.revokedAt, &lastUsed, &mode, &c.tenantStatus, &l.departments, &l.verbs, &l.purposes, &l.readable, &l.writable)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c.actor.Purposes, c.actor.Readable, c.actor.Writable = l.purposes, l.readable, l.writable
	c.actor.Networks, c.actor.EndsAt = c.allowed, c.expiresAt
	if c.actor.Sight, err = s.programSight(ctx, c.actor.Tenant, c.id, scopes, l); err != nil {
		return nil, err
	}
	c.actor.Kind, c.actor.ID, c.actor.Test, c.actor.Scopes = web.APIKey, c.id.String(), mode == "test", withSelf(scopes)
	if source != nil {
		c.actor.Source = *source
	}
	if lastUsed != nil {
		c.lastUsed = *lastUsed
	}
	return &c, nil
}

// resolveToken asks whether the client of a token and the token itself still
// stand. The token never has more rights than its client has now.
func (s *Service) resolveToken(ctx context.Context, claims accesstoken.Claims) (*credential, error) {
	client, err := uuid.Parse(claims.ClientID)
	if err != nil {
		return nil, nil //nolint:nilerr // what is no identifier names nobody
	}
	id, err := uuid.Parse(claims.ID)
	if err != nil {
		return nil, nil //nolint:nilerr // the same
	}
	c := credential{id: client}
	var held web.Scopes
	var mode string
	var source *string
	var revoked bool
	var l limits
	err = s.db.Unscoped().QueryRow(ctx, `select tenant_id, scopes, source, client_revoked_at, mode, tenant_status, revoked, allowed_cidrs, expires_at,
			department_ids, verbs, purposes, readable_classes, writable_classes
		from resolve_access_token($1, $2)`, client, id).Scan(&c.actor.Tenant, (*[]string)(&held), &source, &c.revokedAt, &mode, &c.tenantStatus, &revoked,
		&c.allowed, &c.expiresAt, &l.departments, &l.verbs, &l.purposes, &l.readable, &l.writable)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	case revoked || c.actor.Tenant != claims.Tenant:
		c.revokedAt = &time.Time{}
	}
	scopes := []string{}
	for _, scope := range claims.Scopes() {
		if held.Allow(scope) {
			scopes = append(scopes, scope)
		}
	}
	c.actor.Kind, c.actor.ID, c.actor.Test, c.actor.Scopes = web.OAuthClient, claims.ClientID, mode == "test", withSelf(scopes)
	c.actor.Purposes, c.actor.Readable, c.actor.Writable = l.purposes, l.readable, l.writable
	c.actor.Networks, c.actor.EndsAt = c.allowed, c.expiresAt
	if c.actor.Sight, err = s.programSight(ctx, c.actor.Tenant, client, scopes, l); err != nil {
		return nil, err
	}
	if source != nil {
		c.actor.Source = *source
	}
	return &c, nil
}

// touch notes the use of a key, at most once a minute. It never fails a
// request: the note is for people who clean up, not for a rule.
func (s *Service) touch(ctx context.Context, c *credential, now time.Time, remote netip.Addr) {
	c.mu.Lock()
	due := now.Sub(c.lastUsed) >= touchEvery
	if due {
		c.lastUsed = now
	}
	c.mu.Unlock()
	if due {
		s.guesses.proved(ctx, remote, c.keyID)
		_ = s.q.TouchAPIKey(ctx, s.db.Tenant(c.actor.Tenant), &now, c.actor.Tenant, c.id)
	}
}
