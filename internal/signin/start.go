package signin

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/federation"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/signin/internal/signindb"
	"github.com/parvis-crm/parvis/internal/web"
)

// strong is the level of a sign-in that asks for more than one factor.
const strong = "strong"

// Start is what a front end begins a sign-in with.
type Start struct {
	Institution, Provider uuid.UUID
	ReturnTo              string
	// Challenge is the SHA-256 of the front end's secret (RFC 7636 §4.2).
	Challenge string
	State     *string
	Level     string
}

// Started is where the browser is to be sent.
type Started struct {
	URL       string
	ExpiresAt time.Time
}

// ListProviders are those that people of an institution sign in with.
func (s *Service) ListProviders(ctx context.Context, institution uuid.UUID) ([]signindb.ListSignInProvidersRow, error) {
	tenant, err := s.q.ResolveInstitution(ctx, s.db.Unscoped(), institution)
	if pg.IsNoRows(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s.q.ListSignInProviders(ctx, s.db.Tenant(tenant), tenant)
}

// Start begins a sign-in.
func (s *Service) Start(ctx context.Context, in Start) (Started, error) {
	binding, err := base64.RawURLEncoding.Strict().DecodeString(in.Challenge)
	if err != nil || len(binding) != sha256.Size {
		return Started{}, fault.Invalid().At("#/code_challenge", "format", "want", "S256")
	}
	tenant, err := s.q.ResolveInstitution(ctx, s.db.Unscoped(), in.Institution)
	if err != nil {
		return Started{}, err
	}
	ctx = web.WithActor(ctx, web.SystemActor(tenant, "sign-in"))
	if err := s.mayReturn(ctx, tenant, in.ReturnTo, "#/return_to"); err != nil {
		return Started{}, err
	}
	state, now := newSecret(), s.clock.Now()
	row := signindb.InsertSignInParams{
		TenantID: tenant, ID: ids.New(), ProviderID: in.Provider, StateHash: hashOf(state), BindingHash: binding, Level: in.Level,
		ReturnTo: in.ReturnTo, FrontState: in.State, CreatedAt: now, ExpiresAt: now.Add(startedFor),
	}
	at, err := s.sendTo(ctx, &row, state)
	if err != nil {
		return Started{}, err
	}
	return Started{URL: at, ExpiresAt: row.ExpiresAt}, s.q.InsertSignIn(ctx, s.db.Tenant(tenant), row)
}

// sendTo is where the browser is sent, in the protocol of the provider, with
// what the answer will be known by.
func (s *Service) sendTo(ctx context.Context, row *signindb.InsertSignInParams, state string) (string, error) {
	p, err := s.needs.Federation.Known(ctx, row.TenantID, row.ProviderID)
	if err != nil {
		return "", err
	}
	if p.Protocol == "saml" {
		p, c, err := s.connected(ctx, row.TenantID, row.ProviderID)
		if err != nil {
			return "", err
		}
		at, id, err := s.request(ctx, p, c, row.Level, state)
		row.RequestID = &id
		return at, err
	}
	p, c, err := s.standing(ctx, row.TenantID, row.ProviderID)
	if err != nil {
		return "", err
	}
	e, err := s.discover(ctx, p)
	if err != nil {
		return "", unavailable(err)
	}
	nonce := newSecret()
	row.NonceHash = hashOf(nonce)
	return s.authorization(p, c, e, row.Level, state, nonce)
}

func unavailable(err error) error {
	return fault.New(fault.Unavailable, "provider-unavailable").Because(err)
}

// mayReturn refuses addresses that the institution has not named.
func (s *Service) mayReturn(ctx context.Context, tenant uuid.UUID, address, pointer string) error {
	known, err := s.q.ReturnAddresses(ctx, s.db.Tenant(tenant), tenant)
	if err == nil && !slices.Contains(known, address) {
		err = fault.Invalid().At(pointer, "return-address-unknown")
	}
	return err
}

// standing is a provider that people may sign in with now. One that they may
// not is not there.
func (s *Service) standing(ctx context.Context, tenant, provider uuid.UUID) (federation.Provider, Client, error) {
	p, err := s.needs.Federation.Known(ctx, tenant, provider)
	if err != nil {
		return p, Client{}, err
	}
	c, err := s.q.GetClient(ctx, s.db.Tenant(tenant), tenant, provider)
	if err == nil && (!p.IsEnabled || !c.IsEnabled || p.Protocol != "oidc") {
		err = fault.NotFound()
	}
	return p, c, err
}

// authorization is the address of the authorisation request (OpenID Connect
// Core 1.0 §3.1.2.1), with the parameters that the provider takes and no other.
func (s *Service) authorization(p federation.Provider, c Client, e endpoints, level, state, nonce string) (string, error) {
	at, err := url.Parse(e.Authorization)
	if err != nil {
		return "", err
	}
	query := at.Query()
	further, err := parametersOf(c)
	if err != nil {
		return "", err
	}
	for name, value := range further {
		query.Set(name, value)
	}
	query.Set("response_type", "code")
	query.Set("client_id", c.ClientID)
	query.Set("redirect_uri", s.redirectURI())
	query.Set("scope", strings.Join(c.Scopes, " "))
	query.Set("state", state)
	query.Set("nonce", nonce)
	if c.UsesPkce {
		challenge := sha256.Sum256([]byte(s.verifier(state)))
		query.Set("code_challenge", base64.RawURLEncoding.EncodeToString(challenge[:]))
		query.Set("code_challenge_method", "S256")
	}
	wanted := c.RequestedAcr
	if level == strong && len(p.StrongAcr) > 0 {
		wanted = p.StrongAcr
	}
	claims := map[string]any{}
	switch {
	case c.AcrRequest == "acr_values" && len(wanted) > 0:
		query.Set("acr_values", strings.Join(wanted, " "))
	case c.AcrRequest == "claims" && len(wanted) > 0:
		claims["acr"] = map[string]any{"essential": true, "values": wanted}
	}
	if c.RequestsAmr {
		claims["amr"] = map[string]any{"essential": true}
	}
	if len(claims) > 0 {
		raw, err := json.Marshal(map[string]any{"id_token": claims})
		if err != nil {
			return "", err
		}
		query.Set("claims", string(raw))
	}
	at.RawQuery = query.Encode()
	return at.String(), nil
}
