package access

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/access/accesstoken"
	"github.com/parvis-crm/parvis/internal/access/apikey"
	"github.com/parvis-crm/parvis/internal/access/jwk"
	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

func tenantToAPI(t Tenant) api.Institution {
	return api.Institution{
		ID: t.TenantID, Object: api.InstitutionObjectInstitution, Name: t.Name, Mode: t.Mode, SandboxOf: web.Nullable(t.SandboxOf), Locale: t.Locale,
		TimeZone: t.TimeZone, Currency: t.Currency, TechnicalContacts: t.TechnicalContacts, Status: t.Status, CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt, Version: t.Version,
	}
}

func departmentToAPI(d Department) api.Department {
	return api.Department{
		ID: d.ID, Object: api.DepartmentObjectDepartment, Code: d.Code, Name: d.Name, ParentID: web.Nullable(d.ParentID),
		ArchivedAt: web.Nullable(d.ArchivedAt), CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt, Version: d.Version,
	}
}

func userToAPI(u User) api.User {
	return api.User{
		ID: u.ID, Object: api.UserObjectUser, Email: u.Email, Name: u.Name, Locale: u.Locale, DepartmentID: web.Nullable(u.DepartmentID),
		Status: u.Status, Issuer: web.Nullable(u.Issuer), Subject: web.Nullable(u.Subject), Scopes: nonNil(u.Scopes), ExpiresAt: web.Nullable(u.ExpiresAt),
		CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt, Version: u.Version,
	}
}

func keyToAPI(k APIKey) api.APIKey {
	return api.APIKey{
		ID: k.ID, Object: api.APIKeyObjectAPIKey, KeyID: k.KeyID, Kind: k.Kind, Name: k.Name, Scopes: nonNil(k.Scopes), Source: web.Nullable(k.Source),
		AllowedCidrs: web.Map(k.AllowedCidrs, netip.Prefix.String), ExpiresAt: web.Nullable(k.ExpiresAt), RevokedAt: web.Nullable(k.RevokedAt),
		DepartmentIds: nonNil(k.DepartmentIds), Verbs: listed(k.Verbs),
		Purposes: nonNil(k.Purposes), ReadableClasses: listed(k.ReadableClasses), WritableClasses: listed(k.WritableClasses),
		LastUsedAt: web.Nullable(k.LastUsedAt), RotatedFrom: web.Nullable(k.RotatedFrom), CreatedBy: api.Actor{Kind: k.CreatedByKind, ID: k.CreatedBy},
		Secret: nullable.NewNullNullable[string](), CreatedAt: k.CreatedAt, UpdatedAt: k.UpdatedAt, Version: k.Version,
	}
}

func newKeyToAPI(k APIKey, secret string) api.APIKey {
	out := keyToAPI(k)
	out.Secret = nullable.NewNullableWithValue(secret)
	return out
}

func clientToAPI(c OAuthClient) api.OAuthClient {
	out := api.OAuthClient{
		ID: c.ID, Object: api.OAuthClientObjectOauthClient, ClientID: c.ID.String(), Name: c.Name, TokenEndpointAuthMethod: "client_secret_basic",
		Scopes: nonNil(c.Scopes), Source: web.Nullable(c.Source), Jwks: nullable.NewNullNullable[api.ClientKeys](), RevokedAt: web.Nullable(c.RevokedAt),
		AllowedCidrs: web.Map(c.AllowedCidrs, netip.Prefix.String), ExpiresAt: web.Nullable(c.ExpiresAt), DepartmentIds: nonNil(c.DepartmentIds), Verbs: listed(c.Verbs),
		Purposes: nonNil(c.Purposes), ReadableClasses: listed(c.ReadableClasses), WritableClasses: listed(c.WritableClasses),
		LastUsedAt: web.Nullable(c.LastUsedAt), FormerSecretExpiresAt: web.Nullable(c.FormerSecretExpiresAt), Secret: nullable.NewNullNullable[string](),
		CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt, Version: c.Version,
	}
	var keys api.ClientKeys
	if c.Jwks != nil && json.Unmarshal(c.Jwks, &keys) == nil {
		out.TokenEndpointAuthMethod, out.Jwks = "private_key_jwt", nullable.NewNullableWithValue(keys)
	}
	return out
}

func newClientToAPI(c OAuthClient, secret string) api.OAuthClient {
	out := clientToAPI(c)
	if secret != "" {
		out.Secret = nullable.NewNullableWithValue(secret)
	}
	return out
}

func keysFromAPI(in *api.ClientKeys) *jwk.Set {
	if in == nil {
		return nil
	}
	set := &jwk.Set{}
	for _, k := range in.Keys {
		out := jwk.Key{Type: string(k.Kty), ID: k.Kid, X: deref(k.X), Y: deref(k.Y), N: deref(k.N), E: deref(k.E)}
		if k.Use != nil {
			out.Use = string(*k.Use)
		}
		if k.Alg != nil {
			out.Algorithm = string(*k.Alg)
		}
		if k.Crv != nil {
			out.Curve = string(*k.Crv)
		}
		set.Keys = append(set.Keys, out)
	}
	return set
}

func jwkToAPI(k jwk.Key) api.JWK {
	return api.JWK{Kty: k.Type, Use: k.Use, Alg: k.Algorithm, Kid: k.ID, Crv: filled(k.Curve), X: filled(k.X), Y: filled(k.Y), N: filled(k.N), E: filled(k.E)}
}

func keyFromAPI(in api.APIKeyCreate) (NewKey, error) {
	out := NewKey{
		Name: in.Name, Kind: apikey.Kind(in.Kind), Scopes: in.Scopes,
		Limits: limitsFromAPI(in.DepartmentIds, in.Verbs, in.Purposes, in.ReadableClasses, in.WritableClasses).apply(Limits{}),
	}
	assign(&out.Source, in.Source)
	assign(&out.ExpiresAt, in.ExpiresAt)
	allowed, err := networks(in.AllowedCidrs)
	if allowed != nil {
		out.AllowedCIDRs = *allowed
	}
	return out, err
}

func keyPatchFromAPI(in api.APIKeyPatch) (KeyPatch, error) {
	allowed, err := networks(in.AllowedCidrs)
	return KeyPatch{Name: in.Name, Scopes: in.Scopes, Source: in.Source, AllowedCIDRs: allowed, ExpiresAt: in.ExpiresAt,
		Limits: limitsFromAPI(in.DepartmentIds, in.Verbs, in.Purposes, in.ReadableClasses, in.WritableClasses)}, err
}

func limitsFromAPI(departments *api.DepartmentIds, verbs nullable.Nullable[api.ProgramVerbs], purposes *api.PurposeCodes,
	readable, writable nullable.Nullable[api.FieldClasses]) LimitsPatch {
	return LimitsPatch{Departments: departments, Verbs: verbs, Purposes: purposes, Readable: readable, Writable: writable}
}

// listed writes a nil list as null, unlike an empty one.
func listed(in []string) nullable.Nullable[[]string] {
	if in == nil {
		return nullable.NewNullNullable[[]string]()
	}
	return nullable.NewNullableWithValue(in)
}

func networks(texts *[]string) (*[]netip.Prefix, error) {
	if texts == nil {
		return nil, nil
	}
	out, wrong := ParseCIDRs(*texts)
	f := fault.Invalid()
	for _, i := range wrong {
		f.At("#/allowed_cidrs/"+strconv.Itoa(i), "network")
	}
	return &out, f.OrNil()
}

func userFromAPI(in api.UserCreate) NewUser {
	out := NewUser{Email: string(in.Email), Name: in.Name, Locale: deref(in.Locale)}
	if in.Scopes != nil {
		out.Scopes = *in.Scopes
	}
	assign(&out.DepartmentID, in.DepartmentID)
	assign(&out.Issuer, in.Issuer)
	assign(&out.Subject, in.Subject)
	assign(&out.ExpiresAt, in.ExpiresAt)
	return out
}

func userPatchFromAPI(in api.UserPatch) UserPatch {
	return UserPatch{
		Email: text(in.Email), Name: in.Name, Locale: in.Locale, DepartmentID: in.DepartmentID,
		Issuer: in.Issuer, Subject: in.Subject, Scopes: in.Scopes, ExpiresAt: in.ExpiresAt,
	}
}

func clientFromAPI(in api.OAuthClientCreate) (NewClient, error) {
	out := NewClient{
		Name: in.Name, Scopes: in.Scopes, Keys: keysFromAPI(in.Jwks),
		Limits: limitsFromAPI(in.DepartmentIds, in.Verbs, in.Purposes, in.ReadableClasses, in.WritableClasses).apply(Limits{}),
	}
	assign(&out.Source, in.Source)
	assign(&out.ExpiresAt, in.ExpiresAt)
	allowed, err := networks(in.AllowedCidrs)
	if allowed != nil {
		out.AllowedCIDRs = *allowed
	}
	return out, err
}

func clientPatchFromAPI(in api.OAuthClientPatch) (ClientPatch, error) {
	allowed, err := networks(in.AllowedCidrs)
	return ClientPatch{
		Name: in.Name, Scopes: in.Scopes, Source: in.Source, Keys: keysFromAPI(in.Jwks), AllowedCIDRs: allowed, ExpiresAt: in.ExpiresAt,
		Limits: limitsFromAPI(in.DepartmentIds, in.Verbs, in.Purposes, in.ReadableClasses, in.WritableClasses),
	}, err
}

func tenantPatchFromAPI(in api.InstitutionPatch) TenantPatch {
	return TenantPatch{Name: in.Name, Locale: in.Locale, TimeZone: in.TimeZone, Currency: in.Currency, TechnicalContacts: addresses(in.TechnicalContacts)}
}

// addresses keeps the difference between no list and an empty one.
func addresses[T ~string](in []T) []string {
	if in == nil {
		return nil
	}
	return web.Map(in, func(a T) string { return string(a) })
}

func departmentFromAPI(in api.DepartmentCreate) NewDepartment {
	out := NewDepartment{Code: in.Code, Name: in.Name}
	assign(&out.ParentID, in.ParentID)
	return out
}

func introspectionToAPI(c *accesstoken.Claims) api.Introspection {
	if c == nil {
		return api.Introspection{Active: false}
	}
	kind, exp, iat := "Bearer", c.ExpiresAt.Unix(), c.IssuedAt.Unix()
	audience := strings.Join(c.Audience, " ")
	return api.Introspection{
		Active: true, Scope: &c.Scope, ClientID: &c.ClientID, TokenType: &kind, Exp: &exp, Iat: &iat, Sub: &c.Subject,
		Aud: &audience, Iss: &c.Issuer, Jti: &c.ID, Tenant: &c.Tenant,
	}
}

func departureToAPI(d Departure) api.DeactivatedUser {
	u := userToAPI(d.User)
	return api.DeactivatedUser{
		ID: u.ID, Object: api.DeactivatedUserObjectUser, Email: u.Email, Name: u.Name, Locale: u.Locale, DepartmentID: u.DepartmentID, Status: u.Status,
		ExpiresAt: u.ExpiresAt, Issuer: u.Issuer, Subject: u.Subject, Scopes: u.Scopes, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt, Version: u.Version,
		Belongings: belongingsToAPI(d.Belongings), ReassignmentID: web.Nullable(d.Reassignment),
	}
}

func belongingsToAPI(b Belongings) api.Belongings {
	return api.Belongings{
		Contacts: b.Contacts, RoleAssignmentIds: nonNil(b.Assignments), TeamIds: nonNil(b.Teams), APIKeyIds: nonNil(b.APIKeys), OauthClientIds: nonNil(b.OAuthClient),
	}
}

// HeldVerbToAPI is a verb as the contract writes it.
func HeldVerbToAPI(v HeldVerb) api.HeldVerb {
	return api.HeldVerb{Verb: v.Verb, IsEverywhere: v.Everywhere, DepartmentIds: nonNil(v.Departments)}
}

// HeldRoleToAPI is a held role as the contract writes it.
func HeldRoleToAPI(r HeldRole) api.HeldRole {
	return api.HeldRole{
		RoleID: r.RoleID, RoleCode: r.Code, AssignmentID: r.AssignmentID, Kind: r.Kind, TeamID: web.Nullable(r.Team), DepartmentID: web.Nullable(r.DepartmentID),
		StartsAt: r.StartsAt, EndsAt: web.Nullable(r.EndsAt),
	}
}

func meToAPI(actor web.Actor, t Tenant, roles []HeldRole) api.Me {
	out := api.Me{
		Object: api.MeObjectMe, Actor: api.Actor{Kind: string(actor.Kind), ID: actor.ID}, Scopes: nonNil([]string(actor.Scopes)),
		Source: nullable.NewNullNullable[string](), Institution: tenantToAPI(t),
		SeesEverything: actor.Sight.All(), Verbs: web.Map(HeldVerbs(actor.Sight), HeldVerbToAPI), Roles: web.Map(roles, HeldRoleToAPI),
		Purposes: nonNil(actor.Purposes), ReadableClasses: listed(actor.Readable), WritableClasses: listed(actor.Writable),
	}
	if actor.Source != "" {
		out.Source = nullable.NewNullableWithValue(actor.Source)
	}
	return out
}

func catalogueToAPI(names []string, catalogue map[string][]string) []api.Scope {
	return web.Map(names, func(name string) api.Scope {
		operations := slices.Clone(catalogue[name])
		slices.Sort(operations)
		return api.Scope{Scope: name, Operations: operations}
	})
}

func policiesToAPI(policies map[string]web.Policy, places int) []api.LimitPolicy {
	out := make([]api.LimitPolicy, 0, len(policies)+1)
	partitions := map[string]string{"public-form": "address", "oauth": "address", "sign-in": "address", "inbound": "address", web.AddressPolicy: "address", web.InstitutionPolicy: "institution"}
	for _, p := range policies {
		out = append(out, api.LimitPolicy{
			Name: p.Name, Quota: int32(p.Requests), WindowSeconds: int32(web.Window.Seconds()), Unit: "requests", Partition: orElse(partitions[p.Name], "credential"),
		})
	}
	if places > 0 {
		out = append(out, api.LimitPolicy{Name: web.BulkPlaces, Quota: int32(places), WindowSeconds: 1, Unit: "concurrent-requests", Partition: "institution"})
	}
	slices.SortFunc(out, func(a, b api.LimitPolicy) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func overlap(in *api.Rotation) time.Duration {
	if in == nil || in.OverlapSeconds == nil {
		return 24 * time.Hour
	}
	return time.Duration(*in.OverlapSeconds) * time.Second
}

// required turns the version of a destructive action, and 428 where there is none.
func required(header *string) (*int64, error) {
	version, err := web.IfMatch(header)
	if err == nil && version == nil {
		err = fault.New(fault.PreconditionRequired, "precondition-required").AtHeader("If-Match", "required")
	}
	return version, err
}

func text[T ~string](in *T) *string {
	if in == nil {
		return nil
	}
	s := string(*in)
	return &s
}

func filled(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func deref[T any](in *T) T {
	var zero T
	if in == nil {
		return zero
	}
	return *in
}

func tokenToAPI(t IssuedToken) api.TokenResponse {
	return api.TokenResponse{
		AccessToken: t.Token, TokenType: api.TokenResponseTokenTypeBearer,
		ExpiresIn: int32(accesstoken.Lifetime.Seconds()), Scope: strings.Join(t.Scopes, " "),
	}
}

// serverMetadata describes the authorization server (RFC 8414 §2).
func serverMetadata(issuer string, scopes []string) api.AuthorizationServerMetadata {
	methods := []string{"client_secret_basic", "private_key_jwt"}
	return api.AuthorizationServerMetadata{
		Issuer: issuer, TokenEndpoint: issuer + "/oauth/token", JwksURI: issuer + jwksPath,
		RevocationEndpoint: issuer + "/oauth/revoke", IntrospectionEndpoint: issuer + "/oauth/introspect",
		ScopesSupported: scopes, ResponseTypesSupported: []string{}, GrantTypesSupported: []string{"client_credentials"},
		TokenEndpointAuthMethodsSupported: methods, TokenEndpointAuthSigningAlgValuesSupported: []string{jwk.ES256, jwk.RS256},
		RevocationEndpointAuthMethodsSupported: methods, IntrospectionEndpointAuthMethodsSupported: methods,
		ServiceDocumentation: issuer + "/docs",
	}
}

// resourceMetadata describes the API as a protected resource (RFC 9728 §2).
func resourceMetadata(issuer string, scopes []string) api.ProtectedResourceMetadata {
	return api.ProtectedResourceMetadata{
		Resource: issuer, AuthorizationServers: []string{issuer}, JwksURI: issuer + jwksPath, ScopesSupported: scopes,
		BearerMethodsSupported: []string{"header"}, ResourceDocumentation: issuer + "/docs",
	}
}

const jwksPath = "/.well-known/jwks.json"
