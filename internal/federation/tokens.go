package federation

import (
	"context"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/federation/internal/federationdb"
)

const (
	// longestToken, in bytes: beyond it nothing is parsed.
	longestToken = 8 << 10
	leeway       = 30 * time.Second
	// believe is how long the list of who trusts an issuer is believed.
	believe    = time.Second
	mostIssuer = 1000
)

// errInvalid says that a token is not good. Why is for the log and for tests.
var errInvalid = errors.New("federation: not valid")

func invalid(why string) error { return fmt.Errorf("%w: %s", errInvalid, why) }

// claims of a token: the registered ones by value, so that their types are
// checked, and all of them.
type claims struct {
	jwt.RegisteredClaims
	all map[string]any
}

// UnmarshalJSON reads both forms.
func (c *claims) UnmarshalJSON(raw []byte) error {
	if err := json.Unmarshal(raw, &c.RegisteredClaims); err != nil {
		return err
	}
	return json.Unmarshal(raw, &c.all)
}

// peek reads what a token says before it is known to be true, which only
// decides by whom it is judged.
func peek(token string) (claims, error) {
	var c claims
	parts := strings.Split(token, ".")
	if len(token) > longestToken || len(parts) != 3 {
		return c, invalid("not a token")
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	if err != nil {
		return c, invalid("not a token")
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return c, invalid("not a token")
	}
	return c, nil
}

// judge finds the one provider that a token is meant for.
func (s *Service) judge(ctx context.Context, c claims) (Provider, error) {
	rows, err := s.whoTrusts(ctx, c.Issuer)
	if err != nil {
		return Provider{}, err
	}
	var found []federationdb.ResolveProvidersRow
	for _, r := range rows {
		if slices.Contains(c.Audience, r.Audience) && (r.TenantClaim == "" || at(c.all, r.TenantClaim) == any(r.TenantValue)) {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		return Provider{}, invalid(fmt.Sprintf("meant for %d institutions", len(found)))
	}
	return s.Known(ctx, found[0].TenantID, found[0].ID)
}

// Known is a provider of an institution, whoever asks.
func (s *Service) Known(ctx context.Context, tenant, id uuid.UUID) (Provider, error) {
	return s.q.GetProvider(ctx, s.db.Tenant(tenant), tenant, id)
}

func (s *Service) whoTrusts(ctx context.Context, issuer string) ([]federationdb.ResolveProvidersRow, error) {
	if issuer == "" || issuer == s.issuer {
		return nil, nil
	}
	now := s.clock.Now()
	s.mu.Lock()
	known, ok := s.trusted[issuer]
	s.mu.Unlock()
	if ok && now.Before(known.until) {
		return known.rows, nil
	}
	rows, err := s.q.ResolveProviders(ctx, s.db.Unscoped(), issuer)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.trusted) >= mostIssuer {
		clear(s.trusted)
	}
	s.trusted[issuer] = trust{rows, now.Add(believe)}
	return rows, nil
}

// verify judges a token by a provider.
func (s *Service) verify(ctx context.Context, p Provider, token string) (claims, error) {
	if len(p.AllowedAlgs) == 0 || p.Issuer == "" || p.Audience == "" {
		return claims{}, invalid("the provider says too little: the library would leave checks out")
	}
	parser := jwt.NewParser(jwt.WithValidMethods(p.AllowedAlgs), jwt.WithIssuer(p.Issuer), jwt.WithAudience(p.Audience), jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(), jwt.WithLeeway(leeway), jwt.WithTimeFunc(s.clock.Now), jwt.WithStrictDecoding())
	var c claims
	_, err := parser.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) { return s.keyFor(ctx, p, t) })
	if err != nil {
		return c, fmt.Errorf("%w: %w", errInvalid, err)
	}
	return c, checkClaims(p, c)
}

// keyFor sees to what the library leaves alone, and gives the key whose own
// type and algorithm agree with the token's.
func (s *Service) keyFor(ctx context.Context, p Provider, t *jwt.Token) (crypto.PublicKey, error) {
	typ, _ := t.Header["typ"].(string)
	if !slices.ContainsFunc(p.TokenTypes, func(want string) bool {
		return strings.EqualFold(strings.TrimPrefix(strings.ToLower(typ), "application/"), want)
	}) {
		return nil, invalid("a token of another type")
	}
	if _, critical := t.Header["crit"]; critical {
		return nil, invalid("critical extensions")
	}
	kid, _ := t.Header["kid"].(string)
	if kid == "" {
		return nil, invalid("no key id")
	}
	return s.Key(ctx, p, kid, t.Method.Alg())
}

// Key is the provider's key of an id, if it is one of the algorithm; of no id
// the only one that it has (OpenID Connect Core 1.0 §10.1).
func (s *Service) Key(ctx context.Context, p Provider, kid, algorithm string) (crypto.PublicKey, error) {
	if kid == "" {
		kid = sole(algorithm)
	}
	key, err := s.keys.find(ctx, p, kid)
	if err != nil {
		return nil, err
	}
	public, own, err := key.Decode()
	if err != nil || own != algorithm {
		return nil, invalid("key and algorithm disagree")
	}
	return public, nil
}

// checkClaims sees to what is ours to ask. An ID token says who signed in to a
// client and opens nothing (RFC 9068 §5); it is known by what only it has.
func checkClaims(p Provider, c claims) error {
	has := func(name string) bool { _, ok := c.all[name]; return ok }
	kind, _ := c.all["typ"].(string)
	switch {
	case c.Subject == "" || len(c.Subject) > 255:
		return invalid("no subject")
	case c.IssuedAt == nil:
		return invalid("no time of issue")
	case has("events"):
		return invalid("a logout or security event token")
	case !p.AcceptsIDTokens && (has("nonce") || has("at_hash") || has("c_hash") || strings.EqualFold(kind, "ID")):
		return invalid("an ID token")
	case p.TenantClaim != nil && at(c.all, *p.TenantClaim) != any(deref(p.TenantValue)):
		return invalid("another institution")
	}
	var required map[string]any
	if err := json.Unmarshal(p.RequiredClaims, &required); err != nil {
		return err
	}
	for name, want := range required {
		if have := at(c.all, name); have == nil || fmt.Sprint(have) != fmt.Sprint(want) || fmt.Sprintf("%T", have) != fmt.Sprintf("%T", want) {
			return invalid("without what is required")
		}
	}
	return nil
}

// at is the claim of a name, or inside objects where dots separate names and
// there is none of the whole name: realm_access.roles.
func at(all map[string]any, name string) any {
	if v, ok := all[name]; ok {
		return v
	}
	first, rest, nested := strings.Cut(name, ".")
	inner, ok := all[first].(map[string]any)
	if !nested || !ok {
		return nil
	}
	return at(inner, rest)
}

// values are the texts of a claim that is a text or a list of texts.
func values(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, item := range v {
			if text, ok := item.(string); ok {
				out = append(out, text)
			}
		}
		return out
	}
	return nil
}
