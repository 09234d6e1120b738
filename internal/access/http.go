package access

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/access/accesstoken"
	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/access.yaml.
type Handlers struct {
	service *Service
	cursors web.Cursors
	facts   Facts
}

// Facts of the installation that are told to clients.
type Facts struct {
	Version       string
	Policies      map[string]web.Policy
	BulkPlaces    int
	OperationDays int
}

var _ api.AccessOperations = (*Handlers)(nil)

// NewHandlers makes the handlers.
func NewHandlers(s *Service, c web.Cursors, f Facts) *Handlers {
	return &Handlers{service: s, cursors: c, facts: f}
}

const (
	noStore = "no-store"
	cached5 = "public, max-age=300"
)

// walk reads where a list goes on. Rows are ordered by their id, which grows
// with time.
func (h *Handlers) walk(cursor *string, walk string) (*uuid.UUID, error) {
	var after uuid.UUID
	resumed, err := h.cursors.Decode(cursor, walk, &after)
	return web.If(resumed, &after), err
}

// GetInstitution implements GET /v1/institution.
func (h *Handlers) GetInstitution(ctx context.Context, _ api.GetInstitutionRequestObject) (api.GetInstitutionResponseObject, error) {
	t, err := h.service.Institution(ctx)
	if err != nil {
		return nil, err
	}
	return api.GetInstitution200JSONResponse{Body: tenantToAPI(t), Headers: api.GetInstitution200ResponseHeaders{ETag: web.ETag(t.Version)}}, nil
}

// UpdateInstitution implements PATCH /v1/institution.
func (h *Handlers) UpdateInstitution(ctx context.Context, r api.UpdateInstitutionRequestObject) (api.UpdateInstitutionResponseObject, error) {
	version, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	t, err := h.service.UpdateInstitution(ctx, tenantPatchFromAPI(*r.Body), version)
	if err != nil {
		return nil, err
	}
	return api.UpdateInstitution200JSONResponse{Body: tenantToAPI(t), Headers: api.UpdateInstitution200ResponseHeaders{ETag: web.ETag(t.Version)}}, nil
}

// CreateSandbox implements POST /v1/institution/sandbox.
func (h *Handlers) CreateSandbox(ctx context.Context, r api.CreateSandboxRequestObject) (api.CreateSandboxResponseObject, error) {
	t, key, secret, err := h.service.CreateSandbox(ctx, r.Body.Name)
	if err != nil {
		return nil, err
	}
	return api.CreateSandbox201JSONResponse{
		Body:    api.Sandbox{Institution: tenantToAPI(t), APIKey: newKeyToAPI(key, secret)},
		Headers: api.CreateSandbox201ResponseHeaders{Location: "/v1/institution"},
	}, nil
}

// ListDepartments implements GET /v1/departments.
func (h *Handlers) ListDepartments(ctx context.Context, r api.ListDepartmentsRequestObject) (api.ListDepartmentsResponseObject, error) {
	walk, limit := fmt.Sprintf("departments %s %s", deref(r.Params.Archived), deref(r.Params.ParentID)), web.Limit(r.Params.Limit)
	after, err := h.walk(r.Params.Cursor, walk)
	if err != nil {
		return nil, err
	}
	rows, err := h.service.ListDepartments(ctx, DepartmentFilter{Archived: orElse(string(deref(r.Params.Archived)), "false"), ParentID: r.Params.ParentID}, after, limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(x Department) any { return x.ID })
	if err != nil {
		return nil, err
	}
	return api.ListDepartments200JSONResponse{
		Body:    api.DepartmentList{Data: web.Map(page.Items, departmentToAPI), NextCursor: page.Next},
		Headers: api.ListDepartments200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// CreateDepartment implements POST /v1/departments.
func (h *Handlers) CreateDepartment(ctx context.Context, r api.CreateDepartmentRequestObject) (api.CreateDepartmentResponseObject, error) {
	x, err := h.service.CreateDepartment(ctx, departmentFromAPI(*r.Body))
	if err != nil {
		return nil, err
	}
	return api.CreateDepartment201JSONResponse{
		Body:    departmentToAPI(x),
		Headers: api.CreateDepartment201ResponseHeaders{Location: "/v1/departments/" + x.ID.String(), ETag: web.ETag(x.Version)},
	}, nil
}

// GetDepartment implements GET /v1/departments/{department_id}.
func (h *Handlers) GetDepartment(ctx context.Context, r api.GetDepartmentRequestObject) (api.GetDepartmentResponseObject, error) {
	x, err := h.service.GetDepartment(ctx, r.DepartmentID)
	if err != nil {
		return nil, err
	}
	return api.GetDepartment200JSONResponse{Body: departmentToAPI(x), Headers: api.GetDepartment200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// UpdateDepartment implements PATCH /v1/departments/{department_id}.
func (h *Handlers) UpdateDepartment(ctx context.Context, r api.UpdateDepartmentRequestObject) (api.UpdateDepartmentResponseObject, error) {
	version, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	x, err := h.service.UpdateDepartment(ctx, r.DepartmentID, DepartmentPatch(*r.Body), version)
	if err != nil {
		return nil, err
	}
	return api.UpdateDepartment200JSONResponse{Body: departmentToAPI(x), Headers: api.UpdateDepartment200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// ArchiveDepartment implements POST /v1/departments/{department_id}/archive.
func (h *Handlers) ArchiveDepartment(ctx context.Context, r api.ArchiveDepartmentRequestObject) (api.ArchiveDepartmentResponseObject, error) {
	version, err := required(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	x, err := h.service.ArchiveDepartment(ctx, r.DepartmentID, version)
	if err != nil {
		return nil, err
	}
	return api.ArchiveDepartment200JSONResponse{Body: departmentToAPI(x), Headers: api.ArchiveDepartment200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// RestoreDepartment implements POST /v1/departments/{department_id}/restore.
func (h *Handlers) RestoreDepartment(ctx context.Context, r api.RestoreDepartmentRequestObject) (api.RestoreDepartmentResponseObject, error) {
	version, err := required(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	x, err := h.service.RestoreDepartment(ctx, r.DepartmentID, version)
	if err != nil {
		return nil, err
	}
	return api.RestoreDepartment200JSONResponse{Body: departmentToAPI(x), Headers: api.RestoreDepartment200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// ListUsers implements GET /v1/users.
func (h *Handlers) ListUsers(ctx context.Context, r api.ListUsersRequestObject) (api.ListUsersResponseObject, error) {
	walk, limit := fmt.Sprintf("users %s %q %s", deref(r.Params.Status), deref(r.Params.Email), deref(r.Params.DepartmentID)), web.Limit(r.Params.Limit)
	after, err := h.walk(r.Params.Cursor, walk)
	if err != nil {
		return nil, err
	}
	rows, err := h.service.ListUsers(ctx, UserFilter{Status: text(r.Params.Status), Email: r.Params.Email, DepartmentID: r.Params.DepartmentID}, after, limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(x User) any { return x.ID })
	if err != nil {
		return nil, err
	}
	return api.ListUsers200JSONResponse{
		Body:    api.UserList{Data: web.Map(page.Items, userToAPI), NextCursor: page.Next},
		Headers: api.ListUsers200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// CreateUser implements POST /v1/users.
func (h *Handlers) CreateUser(ctx context.Context, r api.CreateUserRequestObject) (api.CreateUserResponseObject, error) {
	x, err := h.service.CreateUser(ctx, userFromAPI(*r.Body))
	if err != nil {
		return nil, err
	}
	return api.CreateUser201JSONResponse{
		Body:    userToAPI(x),
		Headers: api.CreateUser201ResponseHeaders{Location: "/v1/users/" + x.ID.String(), ETag: web.ETag(x.Version)},
	}, nil
}

// GetUser implements GET /v1/users/{user_id}.
func (h *Handlers) GetUser(ctx context.Context, r api.GetUserRequestObject) (api.GetUserResponseObject, error) {
	x, err := h.service.GetUser(ctx, r.UserID)
	if err != nil {
		return nil, err
	}
	return api.GetUser200JSONResponse{Body: userToAPI(x), Headers: api.GetUser200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// UpdateUser implements PATCH /v1/users/{user_id}.
func (h *Handlers) UpdateUser(ctx context.Context, r api.UpdateUserRequestObject) (api.UpdateUserResponseObject, error) {
	version, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	x, err := h.service.UpdateUser(ctx, r.UserID, userPatchFromAPI(*r.Body), version)
	if err != nil {
		return nil, err
	}
	return api.UpdateUser200JSONResponse{Body: userToAPI(x), Headers: api.UpdateUser200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// DeactivateUser implements POST /v1/users/{user_id}/deactivate.
func (h *Handlers) DeactivateUser(ctx context.Context, r api.DeactivateUserRequestObject) (api.DeactivateUserResponseObject, error) {
	version, err := required(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	var to *uuid.UUID
	if r.Body != nil {
		assign(&to, r.Body.ReassignTo)
	}
	d, err := h.service.Deactivate(ctx, r.UserID, to, version)
	if err != nil {
		return nil, err
	}
	return api.DeactivateUser200JSONResponse{Body: departureToAPI(d), Headers: api.DeactivateUser200ResponseHeaders{ETag: web.ETag(d.User.Version)}}, nil
}

// GetUserBelongings implements GET /v1/users/{user_id}/belongings.
func (h *Handlers) GetUserBelongings(ctx context.Context, r api.GetUserBelongingsRequestObject) (api.GetUserBelongingsResponseObject, error) {
	d, err := h.service.Belongings(ctx, r.UserID)
	if err != nil {
		return nil, err
	}
	return api.GetUserBelongings200JSONResponse{Object: "user_belongings", UserID: d.User.ID, Status: d.User.Status, Belongings: belongingsToAPI(d.Belongings)}, nil
}

// ReactivateUser implements POST /v1/users/{user_id}/reactivate.
func (h *Handlers) ReactivateUser(ctx context.Context, r api.ReactivateUserRequestObject) (api.ReactivateUserResponseObject, error) {
	version, err := required(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	x, err := h.service.Reactivate(ctx, r.UserID, version)
	if err != nil {
		return nil, err
	}
	return api.ReactivateUser200JSONResponse{Body: userToAPI(x), Headers: api.ReactivateUser200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// ListAPIKeys implements GET /v1/api-keys.
func (h *Handlers) ListAPIKeys(ctx context.Context, r api.ListAPIKeysRequestObject) (api.ListAPIKeysResponseObject, error) {
	walk, limit := fmt.Sprintf("api_keys %s %s", deref(r.Params.Status), deref(r.Params.Kind)), web.Limit(r.Params.Limit)
	after, err := h.walk(r.Params.Cursor, walk)
	if err != nil {
		return nil, err
	}
	rows, err := h.service.ListKeys(ctx, text(r.Params.Status), text(r.Params.Kind), after, limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(x APIKey) any { return x.ID })
	if err != nil {
		return nil, err
	}
	return api.ListAPIKeys200JSONResponse{
		Body:    api.APIKeyList{Data: web.Map(page.Items, keyToAPI), NextCursor: page.Next},
		Headers: api.ListAPIKeys200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// CreateAPIKey implements POST /v1/api-keys.
func (h *Handlers) CreateAPIKey(ctx context.Context, r api.CreateAPIKeyRequestObject) (api.CreateAPIKeyResponseObject, error) {
	in, err := keyFromAPI(*r.Body)
	if err != nil {
		return nil, err
	}
	x, secret, err := h.service.CreateKey(ctx, in)
	if err != nil {
		return nil, err
	}
	return api.CreateAPIKey201JSONResponse{
		Body:    newKeyToAPI(x, secret),
		Headers: api.CreateAPIKey201ResponseHeaders{Location: "/v1/api-keys/" + x.ID.String(), ETag: web.ETag(x.Version)},
	}, nil
}

// GetAPIKey implements GET /v1/api-keys/{api_key_id}.
func (h *Handlers) GetAPIKey(ctx context.Context, r api.GetAPIKeyRequestObject) (api.GetAPIKeyResponseObject, error) {
	x, err := h.service.GetKey(ctx, r.APIKeyID)
	if err != nil {
		return nil, err
	}
	return api.GetAPIKey200JSONResponse{Body: keyToAPI(x), Headers: api.GetAPIKey200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// UpdateAPIKey implements PATCH /v1/api-keys/{api_key_id}.
func (h *Handlers) UpdateAPIKey(ctx context.Context, r api.UpdateAPIKeyRequestObject) (api.UpdateAPIKeyResponseObject, error) {
	version, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	patch, err := keyPatchFromAPI(*r.Body)
	if err != nil {
		return nil, err
	}
	x, err := h.service.UpdateKey(ctx, r.APIKeyID, patch, version)
	if err != nil {
		return nil, err
	}
	return api.UpdateAPIKey200JSONResponse{Body: keyToAPI(x), Headers: api.UpdateAPIKey200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// RevokeAPIKey implements POST /v1/api-keys/{api_key_id}/revoke.
func (h *Handlers) RevokeAPIKey(ctx context.Context, r api.RevokeAPIKeyRequestObject) (api.RevokeAPIKeyResponseObject, error) {
	version, err := required(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	x, err := h.service.RevokeKey(ctx, r.APIKeyID, version)
	if err != nil {
		return nil, err
	}
	return api.RevokeAPIKey200JSONResponse{Body: keyToAPI(x), Headers: api.RevokeAPIKey200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// RotateAPIKey implements POST /v1/api-keys/{api_key_id}/rotate.
func (h *Handlers) RotateAPIKey(ctx context.Context, r api.RotateAPIKeyRequestObject) (api.RotateAPIKeyResponseObject, error) {
	x, secret, err := h.service.RotateKey(ctx, r.APIKeyID, overlap(r.Body))
	if err != nil {
		return nil, err
	}
	return api.RotateAPIKey201JSONResponse{
		Body:    newKeyToAPI(x, secret),
		Headers: api.RotateAPIKey201ResponseHeaders{Location: "/v1/api-keys/" + x.ID.String(), ETag: web.ETag(x.Version)},
	}, nil
}

// ListOAuthClients implements GET /v1/oauth-clients.
func (h *Handlers) ListOAuthClients(ctx context.Context, r api.ListOAuthClientsRequestObject) (api.ListOAuthClientsResponseObject, error) {
	walk, limit := fmt.Sprintf("oauth_clients %s", deref(r.Params.Status)), web.Limit(r.Params.Limit)
	after, err := h.walk(r.Params.Cursor, walk)
	if err != nil {
		return nil, err
	}
	rows, err := h.service.ListClients(ctx, text(r.Params.Status), after, limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(x OAuthClient) any { return x.ID })
	if err != nil {
		return nil, err
	}
	return api.ListOAuthClients200JSONResponse{
		Body:    api.OAuthClientList{Data: web.Map(page.Items, clientToAPI), NextCursor: page.Next},
		Headers: api.ListOAuthClients200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// CreateOAuthClient implements POST /v1/oauth-clients.
func (h *Handlers) CreateOAuthClient(ctx context.Context, r api.CreateOAuthClientRequestObject) (api.CreateOAuthClientResponseObject, error) {
	in, err := clientFromAPI(*r.Body)
	if err != nil {
		return nil, err
	}
	x, secret, err := h.service.CreateClient(ctx, in)
	if err != nil {
		return nil, err
	}
	return api.CreateOAuthClient201JSONResponse{
		Body:    newClientToAPI(x, secret),
		Headers: api.CreateOAuthClient201ResponseHeaders{Location: "/v1/oauth-clients/" + x.ID.String(), ETag: web.ETag(x.Version)},
	}, nil
}

// GetOAuthClient implements GET /v1/oauth-clients/{oauth_client_id}.
func (h *Handlers) GetOAuthClient(ctx context.Context, r api.GetOAuthClientRequestObject) (api.GetOAuthClientResponseObject, error) {
	x, err := h.service.GetClient(ctx, r.OauthClientID)
	if err != nil {
		return nil, err
	}
	return api.GetOAuthClient200JSONResponse{Body: clientToAPI(x), Headers: api.GetOAuthClient200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// UpdateOAuthClient implements PATCH /v1/oauth-clients/{oauth_client_id}.
func (h *Handlers) UpdateOAuthClient(ctx context.Context, r api.UpdateOAuthClientRequestObject) (api.UpdateOAuthClientResponseObject, error) {
	version, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	p, err := clientPatchFromAPI(*r.Body)
	if err != nil {
		return nil, err
	}
	x, err := h.service.UpdateClient(ctx, r.OauthClientID, p, version)
	if err != nil {
		return nil, err
	}
	return api.UpdateOAuthClient200JSONResponse{Body: clientToAPI(x), Headers: api.UpdateOAuthClient200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// RevokeOAuthClient implements POST /v1/oauth-clients/{oauth_client_id}/revoke.
func (h *Handlers) RevokeOAuthClient(ctx context.Context, r api.RevokeOAuthClientRequestObject) (api.RevokeOAuthClientResponseObject, error) {
	version, err := required(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	x, err := h.service.RevokeClient(ctx, r.OauthClientID, version)
	if err != nil {
		return nil, err
	}
	return api.RevokeOAuthClient200JSONResponse{Body: clientToAPI(x), Headers: api.RevokeOAuthClient200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// RotateOAuthClientSecret implements POST /v1/oauth-clients/{oauth_client_id}/rotate-secret.
func (h *Handlers) RotateOAuthClientSecret(ctx context.Context, r api.RotateOAuthClientSecretRequestObject) (api.RotateOAuthClientSecretResponseObject, error) {
	x, secret, err := h.service.RotateClientSecret(ctx, r.OauthClientID, overlap(r.Body))
	if err != nil {
		return nil, err
	}
	return api.RotateOAuthClientSecret200JSONResponse{
		Body: newClientToAPI(x, secret), Headers: api.RotateOAuthClientSecret200ResponseHeaders{ETag: web.ETag(x.Version)},
	}, nil
}

// GetMe implements GET /v1/me.
func (h *Handlers) GetMe(ctx context.Context, _ api.GetMeRequestObject) (api.GetMeResponseObject, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	t, err := h.service.Institution(ctx)
	if err != nil {
		return nil, err
	}
	var roles []HeldRole
	if id, failed := uuid.Parse(actor.ID); actor.Kind == web.User && failed == nil {
		p, err := h.service.PrincipalOf(ctx, web.User, id)
		if err != nil {
			return nil, err
		}
		roles = p.Roles
	}
	return api.GetMe200JSONResponse(meToAPI(actor, t, roles)), nil
}

// ListScopes implements GET /v1/scopes.
func (h *Handlers) ListScopes(context.Context, api.ListScopesRequestObject) (api.ListScopesResponseObject, error) {
	return api.ListScopes200JSONResponse{Data: catalogueToAPI(h.service.ScopeNames(), h.service.Catalogue())}, nil
}

// GetLimits implements GET /v1/limits.
func (h *Handlers) GetLimits(context.Context, api.GetLimitsRequestObject) (api.GetLimitsResponseObject, error) {
	return api.GetLimits200JSONResponse{
		Object: api.LimitsObjectLimits, Policies: policiesToAPI(h.facts.Policies, h.facts.BulkPlaces), MaxBodyBytes: web.MaxBody,
		DefaultPageSize: web.DefaultLimit, MaxPageSize: maxPage,
	}, nil
}

// maxPage is the greatest limit that the contract admits.
const maxPage = 200

// GetMeta implements GET /v1/meta.
func (h *Handlers) GetMeta(context.Context, api.GetMetaRequestObject) (api.GetMetaResponseObject, error) {
	return api.GetMeta200JSONResponse{
		Object: api.MetaObjectMeta, Version: h.facts.Version, APIVersion: "v1", IdempotencyRetentionDays: int32(web.KeepAnswers.Hours() / 24),
		EventRetentionDays: nullable.NewNullNullable[int32](), OperationRetentionDays: int32(h.facts.OperationDays),
		AccessTokenSeconds: int32(accesstoken.Lifetime.Seconds()),
	}, nil
}

// IssueToken implements POST /oauth/token.
func (h *Handlers) IssueToken(ctx context.Context, _ api.IssueTokenRequestObject) (api.IssueTokenResponseObject, error) {
	t, err := h.service.IssueToken(ctx, web.OAuthRequestFrom(ctx))
	if r, ok := asRefusal(err); ok {
		return r, nil
	}
	return api.IssueToken200JSONResponse{
		Body:    tokenToAPI(t),
		Headers: api.IssueToken200ResponseHeaders{CacheControl: noStore},
	}, err
}

// IntrospectToken implements POST /oauth/introspect.
func (h *Handlers) IntrospectToken(ctx context.Context, _ api.IntrospectTokenRequestObject) (api.IntrospectTokenResponseObject, error) {
	claims, err := h.service.Introspect(ctx, web.OAuthRequestFrom(ctx))
	if r, ok := asRefusal(err); ok {
		return r, nil
	}
	return api.IntrospectToken200JSONResponse{
		Body: introspectionToAPI(claims), Headers: api.IntrospectToken200ResponseHeaders{CacheControl: noStore},
	}, err
}

// RevokeToken implements POST /oauth/revoke.
func (h *Handlers) RevokeToken(ctx context.Context, _ api.RevokeTokenRequestObject) (api.RevokeTokenResponseObject, error) {
	err := h.service.RevokeToken(ctx, web.OAuthRequestFrom(ctx))
	if r, ok := asRefusal(err); ok {
		return r, nil
	}
	return api.RevokeToken200Response{Headers: api.RevokeToken200ResponseHeaders{CacheControl: noStore}}, err
}

// GetAuthorizationServerMetadata implements GET /.well-known/oauth-authorization-server.
func (h *Handlers) GetAuthorizationServerMetadata(context.Context, api.GetAuthorizationServerMetadataRequestObject) (api.GetAuthorizationServerMetadataResponseObject, error) {
	return api.GetAuthorizationServerMetadata200JSONResponse{
		Body:    serverMetadata(h.service.issuer, h.service.ScopeNames()),
		Headers: api.GetAuthorizationServerMetadata200ResponseHeaders{CacheControl: cached5},
	}, nil
}

// GetProtectedResourceMetadata implements GET /.well-known/oauth-protected-resource.
func (h *Handlers) GetProtectedResourceMetadata(context.Context, api.GetProtectedResourceMetadataRequestObject) (api.GetProtectedResourceMetadataResponseObject, error) {
	return api.GetProtectedResourceMetadata200JSONResponse{
		Body:    resourceMetadata(h.service.issuer, h.service.ScopeNames()),
		Headers: api.GetProtectedResourceMetadata200ResponseHeaders{CacheControl: cached5},
	}, nil
}

// GetJWKS implements GET /.well-known/jwks.json.
func (h *Handlers) GetJWKS(ctx context.Context, _ api.GetJWKSRequestObject) (api.GetJWKSResponseObject, error) {
	set, err := h.service.keys.published(ctx)
	return api.GetJWKS200JSONResponse{
		Body: api.JWKS{Keys: web.Map(set.Keys, jwkToAPI)}, Headers: api.GetJWKS200ResponseHeaders{CacheControl: cached5},
	}, err
}
