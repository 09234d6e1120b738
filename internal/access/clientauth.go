package access

import (
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/netip"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/access/accesstoken"
	"github.com/parvis-crm/parvis/internal/access/apikey"
	"github.com/parvis-crm/parvis/internal/access/internal/accessdb"
	"github.com/parvis-crm/parvis/internal/access/jwk"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	// longestAssertion is how far ahead an assertion may expire: as long its id
	// must be remembered.
	longestAssertion = 10 * time.Minute

	unproven = "The client is unknown or did not prove itself."
)

// knownClient is a client as authentication needs it.
type knownClient struct {
	tenant       uuid.UUID
	id           uuid.UUID
	secretHash   []byte
	formerHash   []byte
	formerUntil  *time.Time
	keys         []byte
	scopes       web.Scopes
	revokedAt    *time.Time
	tenantStatus string
	allowed      []netip.Prefix
	expiresAt    *time.Time
}

func (c knownClient) stands(now time.Time) bool {
	return c.revokedAt == nil && c.tenantStatus == "active" && (c.expiresAt == nil || now.Before(*c.expiresAt))
}

// oauthClient returns the client that a request to an OAuth endpoint proves to
// come from: by its secret in HTTP Basic, or by an assertion that it signed.
func (s *Service) oauthClient(ctx context.Context, in web.OAuthRequest) (knownClient, error) {
	client, err := s.provenClient(ctx, in)
	if err == nil && !(&credential{allowed: client.allowed}).admits(in.Remote) {
		return knownClient{}, refuseClient(unproven) // as if the secret were wrong
	}
	return client, err
}

func (s *Service) provenClient(ctx context.Context, in web.OAuthRequest) (knownClient, error) {
	if err := checkForm(in); err != nil {
		return knownClient{}, err
	}
	inForm := in.Form.Has("client_secret")
	asserted := in.Form.Has("client_assertion") || in.Form.Has("client_assertion_type")
	switch {
	case in.Authorized && (inForm || asserted), inForm && asserted:
		return knownClient{}, refuse("invalid_request", "The client must prove itself in one way only.")
	case inForm:
		return knownClient{}, refuseClient("client_secret_post is not accepted: send client_id and client_secret by HTTP Basic (client_secret_basic).")
	case asserted:
		return s.byAssertion(ctx, in)
	case !in.Authorized:
		return knownClient{}, refuseClient("The client must prove itself by HTTP Basic (client_secret_basic) or by private_key_jwt.")
	case !in.Basic:
		return knownClient{}, refuseClient(unproven)
	}
	if named := in.Form.Get("client_id"); named != "" && named != in.ClientID {
		return knownClient{}, refuse("invalid_request", "client_id is not that of the Authorization header.")
	}
	return s.bySecret(ctx, in.Remote, in.ClientID, in.ClientPass)
}

// bySecret compares in constant time, and does the same work for a client that
// does not exist.
func (s *Service) bySecret(ctx context.Context, remote netip.Addr, clientID, secret string) (knownClient, error) {
	wait, err := s.guesses.wait(ctx, remote, clientID)
	if err != nil {
		return knownClient{}, err
	}
	client, err := s.resolveClient(ctx, clientID)
	if err != nil {
		return knownClient{}, err
	}
	present, former := noSecret(), noSecret()
	if client.secretHash != nil && client.keys == nil {
		present = client.secretHash
	}
	if client.formerHash != nil && client.keys == nil && client.formerUntil != nil && s.clock.Now().Before(*client.formerUntil) {
		former = client.formerHash
	}
	offered := hashSecret(secret)
	byPresent, byFormer := apikey.Equal(offered, present), apikey.Equal(offered, former)
	proven := (byPresent || byFormer) && client.stands(s.clock.Now())
	if wait == 0 && !proven {
		if wait, err = s.guesses.failed(ctx, remote, clientID); err != nil {
			return knownClient{}, err
		}
	}
	if wait > 0 || !proven {
		claimed := web.Actor{Kind: web.OAuthClient, ID: web.ClipBytes(clientID, 128), Tenant: client.tenant}
		flaw := "secret"
		switch {
		case wait > 0:
			flaw = "attempts"
		case client.id == uuid.Nil:
			flaw = "unknown"
		case !client.stands(s.clock.Now()):
			flaw = "ended"
		}
		web.NoteAttempt(ctx, claimed, flaw)
	}
	switch {
	case wait > 0:
		return knownClient{}, refuseGuesses(wait)
	case !proven:
		return knownClient{}, refuseClient(unproven)
	}
	s.guesses.proved(ctx, remote, clientID)
	return client, nil
}

// resolveClient finds a client by its id. The zero client, which has no secret
// and does not stand, is the one that nobody registered.
func (s *Service) resolveClient(ctx context.Context, clientID string) (knownClient, error) {
	id, err := uuid.Parse(clientID)
	if err != nil || id.String() != clientID {
		id = uuid.Nil // asked for all the same
	}
	var c knownClient
	err = s.db.Unscoped().QueryRow(ctx, `select tenant_id, id, secret_hash, former_secret_hash, former_secret_expires_at, jwks, scopes, revoked_at, tenant_status, allowed_cidrs, expires_at
		from resolve_oauth_client($1)`, id).Scan(&c.tenant, &c.id, &c.secretHash, &c.formerHash, &c.formerUntil, &c.keys, (*[]string)(&c.scopes), &c.revokedAt, &c.tenantStatus,
		&c.allowed, &c.expiresAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return knownClient{}, nil
	}
	return c, err
}

// byAssertion verifies a private_key_jwt (RFC 7523 §3): signed by a registered
// key, issued by and about the client, for us, soon to expire, and never seen.
func (s *Service) byAssertion(ctx context.Context, in web.OAuthRequest) (knownClient, error) {
	if in.Form.Get("client_assertion_type") != assertionType {
		return knownClient{}, refuse("invalid_request", "client_assertion_type must be "+assertionType+".")
	}
	text := in.Form.Get("client_assertion")
	if len(text) > accesstoken.MaxLength {
		return knownClient{}, refuseClient(unproven)
	}
	var client knownClient
	var failed error
	var claims jwt.RegisteredClaims
	parser := jwt.NewParser(jwt.WithValidMethods([]string{jwk.ES256, jwk.RS256}), jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
		jwt.WithAudience(s.issuer, s.issuer+"/oauth/token"), jwt.WithLeeway(accesstoken.Leeway), jwt.WithTimeFunc(s.clock.Now), jwt.WithStrictDecoding())
	_, err := parser.ParseWithClaims(text, &claims, func(t *jwt.Token) (any, error) {
		if client, failed = s.resolveClient(ctx, claims.Issuer); failed != nil {
			return nil, failed
		}
		return assertionKey(t, client.keys)
	})
	now := s.clock.Now()
	switch {
	case failed != nil:
		return knownClient{}, failed
	case err != nil, !client.stands(now), claims.Issuer != client.id.String(), claims.Subject != claims.Issuer,
		claims.ID == "", claims.ExpiresAt.After(now.Add(longestAssertion)):
		web.NoteAttempt(ctx, web.Actor{Kind: web.OAuthClient, ID: web.ClipBytes(claims.Issuer, 128), Tenant: client.tenant}, "assertion")
		return knownClient{}, refuseClient(unproven)
	}
	if named := in.Form.Get("client_id"); named != "" && named != claims.Subject {
		return knownClient{}, refuse("invalid_request", "client_id is not that of the assertion.")
	}
	seen := sha256.Sum256([]byte(claims.ID))
	fresh, err := s.q.UseAssertion(ctx, s.db.Tenant(client.tenant), accessdb.UseAssertionParams{
		TenantID: client.tenant, ClientID: client.id, JtiHash: seen[:], ExpiresAt: claims.ExpiresAt.Add(2 * accesstoken.Leeway),
	})
	if err == nil && fresh == 0 {
		web.NoteAttempt(ctx, web.Actor{Kind: web.OAuthClient, ID: client.id.String(), Tenant: client.tenant}, "replayed")
		err = refuseClient(unproven)
	}
	return client, err
}

// assertionKey picks the client's key by its id. The key's type decides the
// algorithm that it verifies.
func assertionKey(t *jwt.Token, registered []byte) (crypto.PublicKey, error) {
	var set jwk.Set
	if len(registered) == 0 || json.Unmarshal(registered, &set) != nil {
		return nil, jwk.ErrUnusable
	}
	typ, typed := t.Header["typ"]
	if _, critical := t.Header["crit"]; critical || (typed && typ != "JWT" && typ != "client-authentication+jwt") {
		return nil, jwk.ErrUnusable
	}
	kid, named := t.Header["kid"].(string)
	for _, k := range set.Keys {
		if (named && k.ID == kid) || (!named && len(set.Keys) == 1) {
			public, algorithm, err := k.Decode()
			if err != nil || algorithm != t.Method.Alg() {
				return nil, jwk.ErrUnusable
			}
			return public, nil
		}
	}
	return nil, jwk.ErrUnusable
}
