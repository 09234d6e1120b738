package signin

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/signin/internal/signindb"
)

func (s *Service) clientToAPI(c Client) (api.ProviderSignIn, error) {
	out := api.ProviderSignIn{
		Object: api.ProviderSignInObjectProviderSignIn, IdentityProviderID: c.ProviderID, IsEnabled: c.IsEnabled, ClientID: c.ClientID,
		Authentication: c.Authentication, HasClientSecret: c.ClientSecret != nil, PublicKey: nullable.NewNullNullable[api.SignInPublicKey](),
		RedirectURI: s.redirectURI(), Scopes: c.Scopes, IDTokenAlg: c.IDTokenAlg, Userinfo: c.Userinfo, UserinfoAlg: c.UserinfoAlg,
		Parameters: map[string]string{}, UsesPkce: c.UsesPkce, AcrRequest: c.AcrRequest, RequestedAcr: c.RequestedAcr, RequestsAmr: c.RequestsAmr,
		RequiredAcr: c.RequiredAcr, RequiredAmr: c.RequiredAmr, SessionSeconds: c.SessionSeconds, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt, Version: c.Version,
	}
	if c.PublicKey != nil && c.Authentication == privateKeyJWT {
		var key api.SignInPublicKey
		if err := json.Unmarshal(c.PublicKey, &key); err != nil {
			return out, err
		}
		out.PublicKey = nullable.NewNullableWithValue(key)
	}
	return out, json.Unmarshal(c.Parameters, &out.Parameters)
}

func clientFromAPI(provider uuid.UUID, in api.ProviderSignInPut) (c Client, secret string, err error) {
	c = Client{
		ProviderID: provider, IsEnabled: orElse(in.IsEnabled, true), ClientID: in.ClientID, Authentication: string(orElse(in.Authentication, "client_secret_basic")),
		Scopes: orElse(some(in.Scopes), []string{"openid", "email", "profile"}), IDTokenAlg: string(orElse(in.IDTokenAlg, "RS256")),
		Userinfo: string(orElse(in.Userinfo, "json")), UserinfoAlg: string(orElse(in.UserinfoAlg, "RS256")), UsesPkce: orElse(in.UsesPkce, true),
		AcrRequest: string(orElse(in.AcrRequest, "none")), RequestedAcr: orElse(some(in.RequestedAcr), []string{}), RequestsAmr: orElse(in.RequestsAmr, false),
		RequiredAcr: orElse(some(in.RequiredAcr), []string{}), RequiredAmr: orElse(some(in.RequiredAmr), []string{}),
		SessionSeconds: orElse(in.SessionSeconds, 12*60*60), Parameters: json.RawMessage("{}"),
	}
	if in.Parameters != nil {
		c.Parameters, err = json.Marshal(in.Parameters)
	}
	return c, orElse(in.ClientSecret, ""), err
}

func (s *Service) connectionToAPI(c Connection, issuer string) (api.SamlConnection, error) {
	at := s.entityOf(c.TenantID, c.ProviderID)
	out := api.SamlConnection{
		Object: api.SamlConnectionObjectSamlConnection, IdentityProviderID: c.ProviderID, IsEnabled: c.IsEnabled, EntityID: at, MetadataURL: at, AcsURL: s.acsURL(),
		Certificates: []api.SamlCertificate{}, NameIDFormat: c.NameIDFormat, RequestedContexts: c.RequestedContexts, RequiredContexts: c.RequiredContexts,
		SessionSeconds: c.SessionSeconds, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt, Version: c.Version,
	}
	e, err := entityFrom(c.Metadata, issuer)
	if err != nil {
		return out, err
	}
	out.SsoURL = ssoOf(e)
	all, err := certificatesOf(e)
	for _, one := range all {
		sum := sha256.Sum256(one.Raw)
		out.Certificates = append(out.Certificates, api.SamlCertificate{Sha256: hex.EncodeToString(sum[:]), ExpiresAt: one.NotAfter})
	}
	return out, err
}

func connectionFromAPI(provider uuid.UUID, in api.SamlConnectionPut) Connection {
	return Connection{
		ProviderID: provider, IsEnabled: orElse(in.IsEnabled, true), Metadata: in.Metadata, NameIDFormat: string(orElse(in.NameIDFormat, "persistent")),
		RequestedContexts: orElse(some(in.RequestedContexts), []string{}), RequiredContexts: orElse(some(in.RequiredContexts), []string{}),
		SessionSeconds: orElse(in.SessionSeconds, 12*60*60),
	}
}

func orElse[T any](given *T, otherwise T) T {
	if given == nil {
		return otherwise
	}
	return *given
}

func some(list []string) *[]string {
	if list == nil {
		return nil
	}
	return &list
}

func providerToAPI(r signindb.ListSignInProvidersRow) api.SignInProvider {
	return api.SignInProvider{ID: r.ID, Object: api.SignInProviderObjectSignInProvider, Name: r.Name, Protocol: r.Protocol}
}

func startFromAPI(in api.SignInStart) Start {
	return Start{
		Institution: in.InstitutionID, Provider: in.IdentityProviderID, ReturnTo: in.ReturnTo, Challenge: in.CodeChallenge, State: in.State,
		Level: string(orElse(in.Level, "usual")),
	}
}
