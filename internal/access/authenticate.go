package access

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/parvis-crm/parvis/internal/access/accesstoken"
	"github.com/parvis-crm/parvis/internal/access/apikey"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

var _ web.Authenticator = (*Service)(nil)

// Authenticate implements web.Authenticator: access tokens by their two dots,
// API keys otherwise. Every refusal is the same, whatever its reason.
func (s *Service) Authenticate(ctx context.Context, bearer string, remote netip.Addr) (web.Actor, error) {
	if strings.Count(bearer, ".") == 2 {
		// Whose token it claims to be decides by whom it is judged, and never by both.
		if s.trusted != nil && s.trusted.Issued(bearer) {
			return s.trusted.Authenticate(ctx, bearer)
		}
		c, _, err := s.tokenCredential(ctx, bearer)
		if err != nil {
			return web.Actor{}, err
		}
		if !c.admits(remote) {
			web.NoteAttempt(ctx, c.actor, "network")
			return web.Actor{}, unauthenticated(nil)
		}
		return c.actor, nil
	}
	return s.authenticateKey(ctx, bearer, remote)
}

func (s *Service) authenticateKey(ctx context.Context, bearer string, remote netip.Addr) (web.Actor, error) {
	key, err := apikey.Parse(bearer)
	if err != nil {
		return web.Actor{}, unauthenticated(err)
	}
	wait, err := s.guesses.wait(ctx, remote, key.ID())
	if err != nil {
		return web.Actor{}, err
	}
	c, err := s.known.get(ctx, key.ID(), func(ctx context.Context) (*credential, error) { return s.resolveKey(ctx, key.ID()) })
	if err != nil {
		return web.Actor{}, err
	}
	now := s.clock.Now()
	proven := c.provenBy(key, now, remote)
	if wait > 0 || !proven {
		web.NoteAttempt(ctx, claimedBy(c, key), c.flaw(key, now, remote, wait))
	}
	switch {
	case wait > 0: // looked up all the same: it takes as long for a key that exists
		return web.Actor{}, waiting(wait)
	case !proven:
		return web.Actor{}, s.refused(ctx, remote, key.ID())
	}
	s.touch(ctx, c, now, remote)
	return c.actor, nil
}

// provenBy reports whether a key is this credential, good now and from there. Of
// no credential it does as much work.
func (c *credential) provenBy(key apikey.Key, now time.Time, remote netip.Addr) bool {
	if c == nil {
		key.Matches(noSecret())
		return false
	}
	// A publishable key is shown by browsers to everybody.
	return key.Matches(c.secretHash) && c.stands(now) && c.admits(remote) && key.Kind() != apikey.Publishable &&
		c.kind == string(key.Kind()) && c.actor.Test == (key.Mode() == apikey.Test)
}

// claimedBy is whom a key says it is of: with an institution where there is such
// a key.
func claimedBy(c *credential, key apikey.Key) web.Actor {
	if c == nil {
		return web.Actor{Kind: web.APIKey, ID: key.ID()}
	}
	return c.actor
}

// flaw is why a key does not prove itself, for the log and never for the answer.
func (c *credential) flaw(key apikey.Key, now time.Time, remote netip.Addr, wait time.Duration) string {
	switch {
	case wait > 0:
		return "attempts"
	case c == nil:
		return "unknown"
	case !key.Matches(c.secretHash):
		return "secret"
	case !c.stands(now):
		return "ended"
	case !c.admits(remote):
		return "network"
	}
	return "kind"
}

// refused counts a failed attempt and is the answer to it.
func (s *Service) refused(ctx context.Context, remote netip.Addr, credential string) error {
	wait, err := s.guesses.failed(ctx, remote, credential)
	switch {
	case err != nil:
		return err
	case wait > 0:
		return waiting(wait)
	}
	return unauthenticated(nil)
}

// admits reports whether the credential may be used from an address.
func (c *credential) admits(remote netip.Addr) bool {
	return len(c.allowed) == 0 || slices.ContainsFunc(c.allowed, func(p netip.Prefix) bool { return p.Contains(remote.Unmap()) })
}

// noSecret is a hash that nothing matches in practice.
func noSecret() []byte { return make([]byte, sha256.Size) }

// tokenCredential verifies an access token and asks whether it still stands.
func (s *Service) tokenCredential(ctx context.Context, token string) (*credential, accesstoken.Claims, error) {
	claims, err := s.tokens.Verify(token, func(kid string) (accesstoken.Key, error) { return s.keys.find(ctx, kid) })
	if errors.Is(err, accesstoken.ErrInvalid) {
		return nil, claims, unauthenticated(err)
	}
	if err != nil {
		return nil, claims, err
	}
	if claims.User() {
		c, err := s.sessionCredential(ctx, claims)
		return c, claims, err
	}
	// The name holds what the answer depends on; an API key's id has no colon.
	name := strings.Join([]string{"token", claims.ID, claims.ClientID, claims.Tenant.String(), claims.Scope}, ":")
	c, err := s.known.get(ctx, name, func(ctx context.Context) (*credential, error) { return s.resolveToken(ctx, claims) })
	if err != nil {
		return nil, claims, err
	}
	if c == nil || !c.stands(s.clock.Now()) {
		web.NoteAttempt(ctx, web.Actor{Kind: web.OAuthClient, ID: claims.ClientID, Tenant: claims.Tenant}, "ended")
		return nil, claims, unauthenticated(nil)
	}
	return c, claims, nil
}

func unauthenticated(cause error) error {
	return fault.New(fault.Unauthenticated, "unauthenticated").Because(cause)
}
