package federation

import (
	"encoding/json"

	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/web"
)

func providersToAPI(in []Provider) ([]api.IdentityProvider, error) {
	out := make([]api.IdentityProvider, 0, len(in))
	for _, p := range in {
		one, err := providerToAPI(p)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

func providerToAPI(p Provider) (api.IdentityProvider, error) {
	out := api.IdentityProvider{
		ID: p.ID, Object: api.IdentityProviderObjectIdentityProvider, Name: p.Name, Issuer: p.Issuer, Audience: p.Audience, JwksURI: web.Nullable(p.JwksUri),
		AllowedAlgs: p.AllowedAlgs, TokenTypes: p.TokenTypes, AcceptsIDTokens: p.AcceptsIDTokens, TenantClaim: web.Nullable(p.TenantClaim),
		TenantValue: web.Nullable(p.TenantValue), EmailClaim: p.EmailClaim, NameClaim: p.NameClaim, RoleClaim: web.Nullable(p.RoleClaim),
		RoleMapping: []api.IdentityRoleRule{}, RequiredClaims: map[string]string{}, Provision: p.Provision, IsEnabled: p.IsEnabled,
		Protocol: p.Protocol, AcceptsBearerTokens: p.AcceptsBearerTokens, StrongAcr: p.StrongAcr, StrongAmr: p.StrongAmr,
		CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, Version: p.Version,
	}
	if err := json.Unmarshal(p.RequiredClaims, &out.RequiredClaims); err != nil {
		return out, err
	}
	return out, json.Unmarshal(p.RoleMapping, &out.RoleMapping)
}

func providerFromAPI(in api.IdentityProviderCreate) (Provider, error) {
	p := Provider{
		Name: in.Name, Issuer: in.Issuer, Audience: in.Audience, AllowedAlgs: []string{"RS256", "ES256"}, TokenTypes: []string{"at+jwt"},
		EmailClaim: "email", NameClaim: "name", Provision: "none", IsEnabled: true, RequiredClaims: json.RawMessage("{}"), RoleMapping: json.RawMessage("[]"),
		Protocol: "oidc", AcceptsBearerTokens: true, StrongAcr: list(in.StrongAcr), StrongAmr: list(in.StrongAmr),
	}
	if in.Protocol != nil {
		p.Protocol = string(*in.Protocol)
	}
	replace(&p.AcceptsBearerTokens, in.AcceptsBearerTokens)
	assign(&p.JwksUri, in.JwksURI)
	assign(&p.TenantClaim, in.TenantClaim)
	assign(&p.TenantValue, in.TenantValue)
	assign(&p.RoleClaim, in.RoleClaim)
	replace(&p.AcceptsIDTokens, in.AcceptsIDTokens)
	replace(&p.EmailClaim, in.EmailClaim)
	replace(&p.NameClaim, in.NameClaim)
	replace(&p.IsEnabled, in.IsEnabled)
	if in.Provision != nil {
		p.Provision = string(*in.Provision)
	}
	if in.AllowedAlgs != nil {
		p.AllowedAlgs = names(in.AllowedAlgs)
	}
	if in.TokenTypes != nil {
		p.TokenTypes = names(in.TokenTypes)
	}
	return p, rest(&p, in.RequiredClaims, in.RoleMapping)
}

func patchFromAPI(p *Provider, in api.IdentityProviderPatch) error {
	assign(&p.JwksUri, in.JwksURI)
	assign(&p.RoleClaim, in.RoleClaim)
	replace(&p.Name, in.Name)
	replace(&p.AcceptsBearerTokens, in.AcceptsBearerTokens)
	if in.StrongAcr != nil {
		p.StrongAcr = in.StrongAcr
	}
	if in.StrongAmr != nil {
		p.StrongAmr = in.StrongAmr
	}
	replace(&p.AcceptsIDTokens, in.AcceptsIDTokens)
	replace(&p.EmailClaim, in.EmailClaim)
	replace(&p.NameClaim, in.NameClaim)
	replace(&p.IsEnabled, in.IsEnabled)
	if in.Provision != nil {
		p.Provision = string(*in.Provision)
	}
	if in.AllowedAlgs != nil {
		p.AllowedAlgs = names(in.AllowedAlgs)
	}
	if in.TokenTypes != nil {
		p.TokenTypes = names(in.TokenTypes)
	}
	return rest(p, in.RequiredClaims, in.RoleMapping)
}

// rest carries over what is kept as JSON.
func rest(p *Provider, required map[string]string, rules []api.IdentityRoleRule) (err error) {
	if required != nil {
		if p.RequiredClaims, err = json.Marshal(required); err != nil {
			return err
		}
	}
	if rules != nil {
		p.RoleMapping, err = json.Marshal(rules)
	}
	return err
}

// list is never null in an answer or in a column.
func list(in []string) []string {
	if in == nil {
		return []string{}
	}
	return in
}

func identityToAPI(l Link) api.Identity {
	return api.Identity{
		ID: l.ID, Object: api.IdentityObjectIdentity, UserID: l.UserID, Issuer: l.Issuer, Subject: l.Subject, CreatedAt: l.CreatedAt, Version: l.Version,
	}
}

func names[T ~string](in []T) []string {
	return web.Map(in, func(t T) string { return string(t) })
}

// assign carries one member of a merge patch over: absent keeps, null clears.
func assign(to **string, from nullable.Nullable[string]) {
	if !from.IsSpecified() {
		return
	}
	*to = nil
	if value, err := from.Get(); err == nil {
		*to = &value
	}
}

func replace[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}
