package signin

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/parvis-crm/parvis/internal/federation"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/signin/internal/signindb"
)

// longestIDToken, in bytes: beyond it nothing is parsed.
const longestIDToken = 32 << 10

// tokens are what a provider gives for a code (OpenID Connect Core 1.0
// §3.1.3.3).
type tokens struct {
	Access string `json:"access_token"`
	Type   string `json:"token_type"`
	ID     string `json:"id_token"`
}

// prove exchanges the provider's code and judges what comes of it.
func (s *Service) prove(ctx context.Context, p federation.Provider, c Client, row signindb.SignIn, in Answer) (proof, error) {
	e, err := s.discover(ctx, p)
	if err != nil {
		return proof{}, refusal{unreachable, err.Error()}
	}
	// An answer of another provider than the one that was asked (RFC 9207 §2.4).
	if (in.Issuer != "" || e.NamesItself) && in.Issuer != p.Issuer {
		return proof{}, refuse("the answer is of %.100q", in.Issuer)
	}
	if in.Code == "" {
		return proof{}, refuse("no code")
	}
	t, err := s.exchangeCode(ctx, c, e, in)
	if err != nil {
		return proof{}, err
	}
	if !strings.EqualFold(t.Type, "Bearer") || t.Access == "" || t.ID == "" {
		return proof{}, refuse("not what was asked for: %.20q", t.Type)
	}
	claims, err := s.idToken(ctx, p, c, row, t)
	if err != nil {
		return proof{}, err
	}
	out := proof{subject: claims.Subject, claims: claims.all, issuedAt: claims.IssuedAt.Time, idToken: t.ID}
	out.acr, _ = claims.all["acr"].(string)
	out.amr = textsOf(claims.all["amr"])
	if err := enough(p, c, out); err != nil {
		return proof{}, err
	}
	if c.Userinfo != "none" {
		more, err := s.userinfo(ctx, p, c, e, t.Access, claims.Subject)
		if err != nil {
			return proof{}, err
		}
		for name, value := range more {
			if !slices.Contains([]string{"iss", "sub", "aud", "exp", "iat", "nbf", "acr", "amr"}, name) {
				out.claims[name] = value
			}
		}
	}
	return out, nil
}

// enough refuses whom the provider has checked less than the institution asks
// of everybody.
func enough(p federation.Provider, c Client, found proof) error {
	if len(c.RequiredAcr) > 0 && !slices.Contains(c.RequiredAcr, found.acr) && !slices.Contains(p.StrongAcr, found.acr) {
		return refusal{tooWeak, fmt.Sprintf("acr is %.100q", found.acr)}
	}
	if len(c.RequiredAmr) > 0 && !slices.ContainsFunc(found.amr, func(m string) bool { return slices.Contains(c.RequiredAmr, m) }) {
		return refusal{tooWeak, fmt.Sprintf("amr is %.100q", found.amr)}
	}
	return nil
}

// exchangeCode gets the tokens for a code. The program proves itself as the
// provider expects it to.
func (s *Service) exchangeCode(ctx context.Context, c Client, e endpoints, in Answer) (tokens, error) {
	var t tokens
	form := url.Values{"grant_type": {"authorization_code"}, "code": {in.Code}, "redirect_uri": {s.redirectURI()}}
	if c.UsesPkce {
		form.Set("code_verifier", s.verifier(in.State))
	}
	basic, err := s.authenticate(ctx, c, e, form)
	if err != nil {
		return t, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.Token, strings.NewReader(form.Encode()))
	if err != nil {
		return t, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	if basic != "" { // both parts are form-encoded (RFC 6749 §2.3.1)
		request.SetBasicAuth(url.QueryEscape(c.ClientID), url.QueryEscape(basic))
	}
	body, _, err := s.ask(request)
	if refused, ok := errors.AsType[answeredError](err); ok && refused.status >= 400 && refused.status < 500 {
		return t, refuse("%s", err.Error())
	}
	if err != nil {
		return t, refusal{unreachable, err.Error()}
	}
	if json.Unmarshal(body, &t) != nil {
		return t, refuse("the tokens cannot be read")
	}
	return t, nil
}

// authenticate puts the proof of who asks into the form, or gives the secret for
// the header.
func (s *Service) authenticate(ctx context.Context, c Client, e endpoints, form url.Values) (basic string, err error) {
	db := s.db.Tenant(c.TenantID)
	if c.Authentication == privateKeyJWT {
		der, err := s.needs.Keys.Open(ctx, db, c.TenantID, c.ProviderID.String(), c.PrivateKey)
		if err != nil {
			return "", err
		}
		private, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			return "", err
		}
		now := s.clock.Now()
		assertion := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.RegisteredClaims{
			Issuer: c.ClientID, Subject: c.ClientID, Audience: jwt.ClaimStrings{e.Token}, ID: ids.New().String(),
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(time.Minute)),
		})
		assertion.Header["kid"] = *c.KeyID
		signed, err := assertion.SignedString(private)
		form.Set("client_id", c.ClientID)
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", signed)
		return "", err
	}
	secret, err := s.needs.Secrets.Open(ctx, db, c.TenantID, c.ProviderID.String(), c.ClientSecret)
	if err != nil || c.Authentication == "client_secret_basic" {
		return string(secret), err
	}
	form.Set("client_id", c.ClientID)
	form.Set("client_secret", string(secret))
	return "", nil
}

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

// idToken judges an ID token (OpenID Connect Core 1.0 §3.1.3.7).
func (s *Service) idToken(ctx context.Context, p federation.Provider, c Client, row signindb.SignIn, t tokens) (claims, error) {
	var found claims
	if len(t.ID) > longestIDToken || p.Issuer == "" || c.ClientID == "" {
		return found, refuse("the ID token is too long")
	}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{c.IDTokenAlg}), jwt.WithIssuer(p.Issuer), jwt.WithAudience(c.ClientID), jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(), jwt.WithLeeway(leeway), jwt.WithTimeFunc(s.clock.Now), jwt.WithStrictDecoding())
	if _, err := parser.ParseWithClaims(t.ID, &found, s.keyFor(ctx, p, "JWT", "ID+JWT")); err != nil {
		return found, refuse("the ID token: %s", err)
	}
	nonce, _ := found.all["nonce"].(string)
	azp, hasParty := found.all["azp"]
	atHash, hasHash := found.all["at_hash"]
	switch {
	case found.Subject == "" || len(found.Subject) > 255:
		return found, refuse("no subject")
	case found.IssuedAt == nil || found.IssuedAt.Before(row.CreatedAt.Add(-leeway)):
		return found, refuse("the ID token is older than the sign-in")
	case nonce == "" || subtle.ConstantTimeCompare(hashOf(nonce), row.NonceHash) != 1:
		return found, refuse("the nonce is another")
	case (hasParty || len(found.Audience) > 1) && azp != any(c.ClientID):
		return found, refuse("the authorised party is another")
	case hasHash && atHash != any(halfHash(t.Access)):
		return found, refuse("the access token is another's")
	case found.all["events"] != nil:
		return found, refuse("a logout token")
	}
	return found, nil
}

// halfHash is the claim at_hash of an access token (OpenID Connect Core 1.0
// §3.1.3.6): all admitted algorithms use SHA-256.
func halfHash(access string) string {
	sum := sha256.Sum256([]byte(access))
	return base64.RawURLEncoding.EncodeToString(sum[:sha256.Size/2])
}

// keyFor sees to what the library leaves alone, and gives the key that agrees
// with the token's algorithm.
func (s *Service) keyFor(ctx context.Context, p federation.Provider, types ...string) jwt.Keyfunc {
	return func(t *jwt.Token) (any, error) {
		if _, critical := t.Header["crit"]; critical {
			return nil, refuse("critical extensions")
		}
		if typ, has := t.Header["typ"].(string); has && !slices.ContainsFunc(types, func(want string) bool { return strings.EqualFold(typ, want) }) {
			return nil, refuse("a token of the type %.20q", typ)
		}
		kid, _ := t.Header["kid"].(string)
		var key crypto.PublicKey
		key, err := s.needs.Federation.Key(ctx, p, kid, t.Method.Alg())
		return key, err
	}
}

// userinfo asks for the claims of the person (OpenID Connect Core 1.0 §5.3), in
// the form that was agreed on and in no other.
func (s *Service) userinfo(ctx context.Context, p federation.Provider, c Client, e endpoints, access, subject string) (map[string]any, error) {
	if !asSafe(p.Issuer, e.Userinfo) {
		return nil, refusal{unreachable, "the discovery document has no good userinfo_endpoint"}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.Userinfo, nil)
	if err != nil {
		return nil, err
	}
	want := "application/json"
	if c.Userinfo == "jwt" {
		want = "application/jwt"
	}
	request.Header.Set("Authorization", "Bearer "+access)
	request.Header.Set("Accept", want)
	body, header, err := s.ask(request)
	if err != nil {
		return nil, refusal{unreachable, err.Error()}
	}
	if media, _, _ := mime.ParseMediaType(header.Get("Content-Type")); media != want {
		return nil, refuse("userinfo is %.40q", media)
	}
	var found claims
	if c.Userinfo == "jwt" {
		parser := jwt.NewParser(jwt.WithValidMethods([]string{c.UserinfoAlg}), jwt.WithIssuedAt(), jwt.WithLeeway(leeway), jwt.WithTimeFunc(s.clock.Now), jwt.WithStrictDecoding())
		if _, err := parser.ParseWithClaims(strings.TrimSpace(string(body)), &found, s.keyFor(ctx, p, "JWT")); err != nil {
			return nil, refuse("userinfo: %s", err)
		}
		// A signed answer says by whom and for whom it is (§5.3.2).
		if (found.Issuer != "" && found.Issuer != p.Issuer) || (len(found.Audience) > 0 && !slices.Contains(found.Audience, c.ClientID)) {
			return nil, refuse("userinfo of %.100q for %.100q", found.Issuer, found.Audience)
		}
	} else if err := json.Unmarshal(body, &found); err != nil {
		return nil, refuse("userinfo cannot be read")
	}
	if found.Subject != subject {
		return nil, refuse("userinfo is about another person")
	}
	return found.all, nil
}

func textsOf(v any) []string {
	var out []string
	list, _ := v.([]any)
	if one, ok := v.(string); ok {
		out = append(out, one)
	}
	for _, item := range list {
		if text, ok := item.(string); ok {
			out = append(out, text)
		}
	}
	return out
}
