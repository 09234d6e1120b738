package access

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/access/accesstoken"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/web"
)

// refusal is an error as OAuth answers it (RFC 6749 §5.2): two members of JSON
// and not a problem, so that every OAuth library understands it.
type refusal struct {
	status      int
	code        string
	description string
	wait        time.Duration
}

// Error implements error.
func (r *refusal) Error() string { return r.code + ": " + r.description }

func refuse(code, description string) error {
	return &refusal{status: http.StatusBadRequest, code: code, description: description}
}

// refuseClient is the one answer to every client that did not prove itself.
func refuseClient(description string) error {
	return &refusal{status: http.StatusUnauthorized, code: "invalid_client", description: description}
}

// refuseGuesses is the answer to a client, known or not, at which too many
// attempts have failed.
func refuseGuesses(wait time.Duration) error {
	return &refusal{status: http.StatusTooManyRequests, code: "temporarily_unavailable", description: "Too many attempts have failed; wait as long as Retry-After says.", wait: wait}
}

func asRefusal(err error) (*refusal, bool) {
	var r *refusal
	return r, errors.As(err, &r)
}

func (r *refusal) write(w http.ResponseWriter) error {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if r.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Basic realm="parvis", charset="UTF-8"`)
	}
	if r.wait > 0 {
		h.Set("Retry-After", strconv.Itoa(int(r.wait.Seconds()+0.999)))
	}
	w.WriteHeader(r.status)
	return json.NewEncoder(w).Encode(map[string]string{"error": r.code, "error_description": r.description})
}

// VisitIssueTokenResponse writes the refusal as the answer of /oauth/token.
func (r *refusal) VisitIssueTokenResponse(w http.ResponseWriter) error { return r.write(w) }

// VisitIntrospectTokenResponse writes the refusal as the answer of /oauth/introspect.
func (r *refusal) VisitIntrospectTokenResponse(w http.ResponseWriter) error { return r.write(w) }

// VisitRevokeTokenResponse writes the refusal as the answer of /oauth/revoke.
func (r *refusal) VisitRevokeTokenResponse(w http.ResponseWriter) error { return r.write(w) }

// checkForm refuses what no OAuth endpoint takes: an unreadable form, and a
// parameter that comes twice (RFC 6749 §3.2), save resource.
func checkForm(in web.OAuthRequest) error {
	if !in.Readable {
		return refuse("invalid_request", "The body must be a form (application/x-www-form-urlencoded) in UTF-8.")
	}
	for name, values := range in.Form {
		if len(values) > 1 && name != "resource" {
			return refuse("invalid_request", "A parameter may appear only once.")
		}
	}
	return nil
}

// IssuedToken is an access token just made.
type IssuedToken struct {
	Token  string
	Scopes []string
}

// IssueToken answers the client credentials grant (RFC 6749 §4.4).
func (s *Service) IssueToken(ctx context.Context, in web.OAuthRequest) (IssuedToken, error) {
	client, err := s.oauthClient(ctx, in)
	if err != nil {
		return IssuedToken{}, err
	}
	switch grant := in.Form.Get("grant_type"); grant {
	case "client_credentials":
	case "":
		return IssuedToken{}, refuse("invalid_request", "grant_type is missing.")
	default:
		return IssuedToken{}, refuse("unsupported_grant_type", "The only grant_type is client_credentials.")
	}
	for _, resource := range in.Form["resource"] {
		if strings.TrimRight(resource, "/") != s.issuer {
			return IssuedToken{}, refuse("invalid_target", "The only resource is "+s.issuer+".")
		}
	}
	scopes, err := s.requestedScopes(client, in.Form.Get("scope"))
	if err != nil {
		return IssuedToken{}, err
	}
	key, err := s.keys.signing(ctx)
	if err != nil {
		return IssuedToken{}, err
	}
	now := s.clock.Now()
	token, err := accesstoken.Sign(accesstoken.Claims{
		ClientID: client.id.String(), Scope: strings.Join(scopes, " "), Tenant: client.tenant,
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: s.issuer, Audience: jwt.ClaimStrings{s.issuer}, Subject: client.id.String(), ID: ids.New().String(),
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(accesstoken.Lifetime)),
		},
	}, key.kid, key.algorithm, key.private)
	if err != nil {
		return IssuedToken{}, err
	}
	if len(token) > accesstoken.MaxLength {
		return IssuedToken{}, refuse("invalid_scope", "Ask for fewer scopes: the token would be too long.")
	}
	return IssuedToken{Token: token, Scopes: scopes}, s.q.TouchOAuthClient(ctx, s.db.Tenant(client.tenant), &now, client.tenant, client.id)
}

// requestedScopes narrows a client's rights to those it asks for.
func (s *Service) requestedScopes(client knownClient, asked string) ([]string, error) {
	if strings.TrimSpace(asked) == "" {
		if len(client.scopes) == 0 {
			return nil, refuse("invalid_scope", "The client has no scopes.")
		}
		return client.scopes, nil
	}
	scopes := strings.Fields(asked)
	if slices.ContainsFunc(scopes, func(scope string) bool { return !s.knownScope(scope) || !client.scopes.Allow(scope) }) {
		return nil, refuse("invalid_scope", "The client does not have a scope that it asks for, or the scope does not exist.")
	}
	return sorted(scopes), nil
}

// Introspect tells a client about a token of its institution (RFC 7662). It
// returns nil for every token that is not active, whatever the reason.
func (s *Service) Introspect(ctx context.Context, in web.OAuthRequest) (*accesstoken.Claims, error) {
	client, err := s.oauthClient(ctx, in)
	if err != nil {
		return nil, err
	}
	c, claims, err := s.askedToken(ctx, in)
	if err != nil || c == nil || c.actor.Tenant != client.tenant {
		return nil, err
	}
	if claims.User() {
		claims.Scope = strings.Join(c.actor.Scopes, " ")
		return &claims, nil
	}
	scopes := slices.DeleteFunc(claims.Scopes(), func(scope string) bool { return !c.actor.Scopes.Allow(scope) })
	claims.Scope = strings.Join(scopes, " ")
	return &claims, nil
}

// RevokeToken ends a token of the client before its time (RFC 7009). A token
// that is not the client's, or none at all, is left alone without a word.
func (s *Service) RevokeToken(ctx context.Context, in web.OAuthRequest) error {
	client, err := s.oauthClient(ctx, in)
	if err != nil {
		return err
	}
	c, claims, err := s.askedToken(ctx, in)
	if err != nil || c == nil || claims.User() || c.id != client.id {
		return err
	}
	id, err := uuid.Parse(claims.ID)
	if err != nil {
		return err
	}
	s.known.forget(client.tenant)
	return s.q.RevokeToken(ctx, s.db.Tenant(client.tenant), client.tenant, id, claims.ExpiresAt.Add(2*accesstoken.Leeway))
}

// askedToken is the active token that a request is about, nil if it is none.
func (s *Service) askedToken(ctx context.Context, in web.OAuthRequest) (*credential, accesstoken.Claims, error) {
	token := in.Form.Get("token")
	if token == "" {
		return nil, accesstoken.Claims{}, refuse("invalid_request", "token is missing.")
	}
	c, claims, err := s.tokenCredential(ctx, token)
	if f, ok := fault.As(err); ok && f.Kind == fault.Unauthenticated {
		return nil, claims, nil
	}
	return c, claims, err
}
