package signin

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/access/jwk"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/federation"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/signin/internal/signindb"
	"github.com/parvis-crm/parvis/internal/web"
)

// Client is how this program is known to a provider.
type Client = signindb.SignInClient

const privateKeyJWT = "private_key_jwt"

// reserved are the parameters of the authorisation request that the protocol
// itself sets, or that would change what it means.
var reserved = []string{
	"response_type", "response_mode", "client_id", "client_secret", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method",
	"claims", "acr_values", "request", "request_uri", "id_token_hint",
}

// GetClient is how people of the actor's institution sign in with a provider.
func (s *Service) GetClient(ctx context.Context, provider uuid.UUID) (Client, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Client{}, err
	}
	return s.q.GetClient(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, provider)
}

// PutClient replaces it. An empty secret keeps the one that is there.
func (s *Service) PutClient(ctx context.Context, c Client, secret string, version *int64) (Client, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Client{}, err
	}
	if err := federation.MayTrust(actor); err != nil {
		return Client{}, err
	}
	c.TenantID = actor.Tenant
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Client, error) {
		p, err := s.needs.Federation.GetTx(ctx, tx, c.ProviderID)
		if err != nil {
			return Client{}, err
		}
		before, err := s.q.LockClient(ctx, tx, actor.Tenant, c.ProviderID)
		if err != nil && !pg.IsNoRows(err) {
			return Client{}, err
		}
		if err := web.CheckVersion(version, before.Version); err != nil {
			return Client{}, err
		}
		c.ClientSecret, c.PrivateKey, c.KeyID, c.PublicKey = before.ClientSecret, before.PrivateKey, before.KeyID, before.PublicKey
		if err := checkClient(p, c, secret); err != nil {
			return Client{}, err
		}
		if err := s.sealClient(ctx, tx, &c, secret); err != nil {
			return Client{}, err
		}
		after, err := s.q.PutClient(ctx, tx, signindb.PutClientParams{
			TenantID: c.TenantID, ProviderID: c.ProviderID, IsEnabled: c.IsEnabled, ClientID: c.ClientID, Authentication: c.Authentication,
			ClientSecret: c.ClientSecret, PrivateKey: c.PrivateKey, KeyID: c.KeyID, PublicKey: c.PublicKey, Scopes: c.Scopes, IDTokenAlg: c.IDTokenAlg,
			Userinfo: c.Userinfo, UserinfoAlg: c.UserinfoAlg, Parameters: c.Parameters, UsesPkce: c.UsesPkce, AcrRequest: c.AcrRequest,
			RequestedAcr: c.RequestedAcr, RequestsAmr: c.RequestsAmr, RequiredAcr: c.RequiredAcr, RequiredAmr: c.RequiredAmr, SessionSeconds: c.SessionSeconds,
		})
		if err != nil {
			return Client{}, err
		}
		changes, err := events.Diff(recordOf(before), recordOf(after))
		if err != nil {
			return Client{}, err
		}
		return after, events.RecordTx(ctx, tx, events.Entry{
			Type: "identity_provider.sign_in_changed", Subject: events.Subject{Kind: "identity_provider", ID: c.ProviderID, Version: p.Version},
			Facts: map[string]any{"secret_changed": secret != ""}, Changes: changes,
		})
	})
}

func checkClient(p federation.Provider, c Client, secret string) error {
	f := fault.Invalid()
	if p.Protocol != "oidc" {
		f.At("#/client_id", "not-for-saml")
	}
	if !slices.Contains(c.Scopes, "openid") {
		f.At("#/scopes", "required")
	}
	if c.Authentication != privateKeyJWT && secret == "" && c.ClientSecret == nil {
		f.At("#/client_secret", "required")
	}
	if c.AcrRequest != "none" && len(c.RequestedAcr) == 0 && len(p.StrongAcr) == 0 {
		f.At("#/requested_acr", "required")
	}
	parameters, err := parametersOf(c)
	if err != nil {
		return err
	}
	for name := range parameters {
		if name == "" || slices.Contains(reserved, name) {
			f.At("#/parameters/"+name, "parameter-reserved")
		}
	}
	return f.OrNil()
}

func parametersOf(c Client) (map[string]string, error) {
	var out map[string]string
	return out, json.Unmarshal(c.Parameters, &out)
}

// sealClient keeps a new secret, and makes the key with which the program proves
// itself where it has none yet.
func (s *Service) sealClient(ctx context.Context, tx pgx.Tx, c *Client, secret string) (err error) {
	if secret != "" {
		if c.ClientSecret, err = s.needs.Secrets.Seal(ctx, tx, c.TenantID, c.ProviderID.String(), []byte(secret)); err != nil {
			return err
		}
	}
	if c.Authentication != privateKeyJWT || c.PrivateKey != nil {
		return nil
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	id := base64.RawURLEncoding.EncodeToString(hashOf(newSecret())[:9])
	public, err := jwk.Encode(id, private.Public())
	if err != nil {
		return err
	}
	if c.PublicKey, err = json.Marshal(public); err != nil {
		return err
	}
	c.KeyID = &id
	c.PrivateKey, err = s.needs.Keys.Seal(ctx, tx, c.TenantID, c.ProviderID.String(), der)
	return err
}

func recordOf(c Client) map[string]any {
	if c.ProviderID == uuid.Nil {
		return nil
	}
	return map[string]any{
		"is_enabled": c.IsEnabled, "client_id": c.ClientID, "authentication": c.Authentication, "key_id": c.KeyID, "scopes": c.Scopes, "id_token_alg": c.IDTokenAlg,
		"userinfo": c.Userinfo, "userinfo_alg": c.UserinfoAlg, "parameters": c.Parameters, "uses_pkce": c.UsesPkce, "acr_request": c.AcrRequest,
		"requested_acr": c.RequestedAcr, "requests_amr": c.RequestsAmr, "required_acr": c.RequiredAcr, "required_amr": c.RequiredAmr,
		"session_seconds": c.SessionSeconds,
	}
}
