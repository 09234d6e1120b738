package scim

import (
	"context"
	"strings"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/scim.yaml.
type Handlers struct{ service *Service }

var _ api.ScimOperations = (*Handlers)(nil)

// NewHandlers makes the handlers.
func NewHandlers(s *Service) *Handlers { return &Handlers{service: s} }

// GetScimConfiguration implements GET /v1/scim/v2/ServiceProviderConfig.
func (h *Handlers) GetScimConfiguration(ctx context.Context, _ api.GetScimConfigurationRequestObject) (api.GetScimConfigurationResponseObject, error) {
	return api.GetScimConfiguration200ApplicationScimPlusJSONResponse(configuration(ctx)), nil
}

// ListScimResourceTypes implements GET /v1/scim/v2/ResourceTypes.
func (h *Handlers) ListScimResourceTypes(ctx context.Context, r api.ListScimResourceTypesRequestObject) (api.ListScimResourceTypesResponseObject, error) {
	body, err := answerAll(ctx, r.Params.Filter, kindOf.resourceType)
	if err != nil {
		return nil, err
	}
	return api.ListScimResourceTypes200ApplicationScimPlusJSONResponse(body), nil
}

// GetScimResourceType implements GET /v1/scim/v2/ResourceTypes/{name}.
func (h *Handlers) GetScimResourceType(ctx context.Context, r api.GetScimResourceTypeRequestObject) (api.GetScimResourceTypeResponseObject, error) {
	for _, k := range kinds() {
		if k.name == r.Name {
			return api.GetScimResourceType200ApplicationScimPlusJSONResponse(k.resourceType(ctx)), nil
		}
	}
	return nil, fault.NotFound()
}

// ListScimSchemas implements GET /v1/scim/v2/Schemas.
func (h *Handlers) ListScimSchemas(ctx context.Context, r api.ListScimSchemasRequestObject) (api.ListScimSchemasResponseObject, error) {
	body, err := answerAll(ctx, r.Params.Filter, kindOf.schema)
	if err != nil {
		return nil, err
	}
	return api.ListScimSchemas200ApplicationScimPlusJSONResponse(body), nil
}

// GetScimSchema implements GET /v1/scim/v2/Schemas/{name}.
func (h *Handlers) GetScimSchema(ctx context.Context, r api.GetScimSchemaRequestObject) (api.GetScimSchemaResponseObject, error) {
	for _, k := range kinds() {
		if strings.EqualFold(k.urn, r.Name) {
			return api.GetScimSchema200ApplicationScimPlusJSONResponse(k.schema(ctx)), nil
		}
	}
	return nil, fault.NotFound()
}

// ListScimUsers implements GET /v1/scim/v2/Users.
func (h *Handlers) ListScimUsers(ctx context.Context, r api.ListScimUsersRequestObject) (api.ListScimUsersResponseObject, error) {
	selection, err := Select(r.Params.Attributes, r.Params.ExcludedAttributes)
	if err != nil {
		return nil, err
	}
	page, err := h.service.ListUsers(ctx, Search{
		Filter: deref(r.Params.Filter, ""), SortBy: deref(r.Params.SortBy, ""), SortOrder: string(deref(r.Params.SortOrder, "")),
		StartIndex: int(deref(r.Params.StartIndex, 1)), Count: int(deref(r.Params.Count, usualResults)), Selection: selection,
	})
	if err != nil {
		return nil, err
	}
	return api.ListScimUsers200ApplicationScimPlusJSONResponse(answerPage(userKind(), page, selection)), nil
}

// CreateScimUser implements POST /v1/scim/v2/Users.
func (h *Handlers) CreateScimUser(ctx context.Context, r api.CreateScimUserRequestObject) (api.CreateScimUserResponseObject, error) {
	selection, err := Select(r.Params.Attributes, r.Params.ExcludedAttributes)
	if err != nil {
		return nil, err
	}
	x, err := h.service.CreateUser(ctx, *r.Body)
	if err != nil {
		return nil, err
	}
	return api.CreateScimUser201ApplicationScimPlusJSONResponse{
		Body: selection.of(userKind(), x.Doc), Headers: api.CreateScimUser201ResponseHeaders{Location: locationOf(ctx, "/Users", x.ID), ETag: x.Version},
	}, nil
}

// GetScimUser implements GET /v1/scim/v2/Users/{resource}.
func (h *Handlers) GetScimUser(ctx context.Context, r api.GetScimUserRequestObject) (api.GetScimUserResponseObject, error) {
	selection, err := Select(r.Params.Attributes, r.Params.ExcludedAttributes)
	if err != nil {
		return nil, err
	}
	x, err := h.service.GetUser(ctx, r.Resource)
	if err != nil {
		return nil, err
	}
	return api.GetScimUser200ApplicationScimPlusJSONResponse{Body: selection.of(userKind(), x.Doc), Headers: api.GetScimUser200ResponseHeaders{ETag: x.Version}}, nil
}

// ReplaceScimUser implements PUT /v1/scim/v2/Users/{resource}.
func (h *Handlers) ReplaceScimUser(ctx context.Context, r api.ReplaceScimUserRequestObject) (api.ReplaceScimUserResponseObject, error) {
	selection, err := Select(r.Params.Attributes, r.Params.ExcludedAttributes)
	if err != nil {
		return nil, err
	}
	x, err := h.service.ReplaceUser(ctx, r.Resource, *r.Body, r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	return api.ReplaceScimUser200ApplicationScimPlusJSONResponse{Body: selection.of(userKind(), x.Doc), Headers: api.ReplaceScimUser200ResponseHeaders{ETag: x.Version}}, nil
}

// PatchScimUser implements PATCH /v1/scim/v2/Users/{resource}.
func (h *Handlers) PatchScimUser(ctx context.Context, r api.PatchScimUserRequestObject) (api.PatchScimUserResponseObject, error) {
	selection, err := Select(r.Params.Attributes, r.Params.ExcludedAttributes)
	if err != nil {
		return nil, err
	}
	x, err := h.service.PatchUser(ctx, r.Resource, *r.Body, r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	return api.PatchScimUser200ApplicationScimPlusJSONResponse{Body: selection.of(userKind(), x.Doc), Headers: api.PatchScimUser200ResponseHeaders{ETag: x.Version}}, nil
}

// DeleteScimUser implements DELETE /v1/scim/v2/Users/{resource}.
func (h *Handlers) DeleteScimUser(ctx context.Context, r api.DeleteScimUserRequestObject) (api.DeleteScimUserResponseObject, error) {
	if err := h.service.DeleteUser(ctx, r.Resource, r.Params.IfMatch); err != nil {
		return nil, err
	}
	return api.DeleteScimUser204Response{}, nil
}

// ListScimGroups implements GET /v1/scim/v2/Groups.
func (h *Handlers) ListScimGroups(ctx context.Context, r api.ListScimGroupsRequestObject) (api.ListScimGroupsResponseObject, error) {
	selection, err := Select(r.Params.Attributes, r.Params.ExcludedAttributes)
	if err != nil {
		return nil, err
	}
	page, err := h.service.ListGroups(ctx, Search{
		Filter: deref(r.Params.Filter, ""), SortBy: deref(r.Params.SortBy, ""), SortOrder: string(deref(r.Params.SortOrder, "")),
		StartIndex: int(deref(r.Params.StartIndex, 1)), Count: int(deref(r.Params.Count, usualResults)), Selection: selection,
	})
	if err != nil {
		return nil, err
	}
	return api.ListScimGroups200ApplicationScimPlusJSONResponse(answerPage(groupKind(), page, selection)), nil
}

// CreateScimGroup implements POST /v1/scim/v2/Groups.
func (h *Handlers) CreateScimGroup(ctx context.Context, r api.CreateScimGroupRequestObject) (api.CreateScimGroupResponseObject, error) {
	selection, err := Select(r.Params.Attributes, r.Params.ExcludedAttributes)
	if err != nil {
		return nil, err
	}
	x, err := h.service.CreateGroup(ctx, *r.Body)
	if err != nil {
		return nil, err
	}
	return api.CreateScimGroup201ApplicationScimPlusJSONResponse{
		Body: selection.of(groupKind(), x.Doc), Headers: api.CreateScimGroup201ResponseHeaders{Location: locationOf(ctx, "/Groups", x.ID), ETag: x.Version},
	}, nil
}

// GetScimGroup implements GET /v1/scim/v2/Groups/{resource}.
func (h *Handlers) GetScimGroup(ctx context.Context, r api.GetScimGroupRequestObject) (api.GetScimGroupResponseObject, error) {
	selection, err := Select(r.Params.Attributes, r.Params.ExcludedAttributes)
	if err != nil {
		return nil, err
	}
	x, err := h.service.GetGroup(ctx, r.Resource)
	if err != nil {
		return nil, err
	}
	return api.GetScimGroup200ApplicationScimPlusJSONResponse{Body: selection.of(groupKind(), x.Doc), Headers: api.GetScimGroup200ResponseHeaders{ETag: x.Version}}, nil
}

// ReplaceScimGroup implements PUT /v1/scim/v2/Groups/{resource}.
func (h *Handlers) ReplaceScimGroup(ctx context.Context, r api.ReplaceScimGroupRequestObject) (api.ReplaceScimGroupResponseObject, error) {
	selection, err := Select(r.Params.Attributes, r.Params.ExcludedAttributes)
	if err != nil {
		return nil, err
	}
	x, err := h.service.ReplaceGroup(ctx, r.Resource, *r.Body, r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	return api.ReplaceScimGroup200ApplicationScimPlusJSONResponse{Body: selection.of(groupKind(), x.Doc), Headers: api.ReplaceScimGroup200ResponseHeaders{ETag: x.Version}}, nil
}

// PatchScimGroup implements PATCH /v1/scim/v2/Groups/{resource}.
func (h *Handlers) PatchScimGroup(ctx context.Context, r api.PatchScimGroupRequestObject) (api.PatchScimGroupResponseObject, error) {
	selection, err := Select(r.Params.Attributes, r.Params.ExcludedAttributes)
	if err != nil {
		return nil, err
	}
	x, err := h.service.PatchGroup(ctx, r.Resource, *r.Body, r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	return api.PatchScimGroup200ApplicationScimPlusJSONResponse{Body: selection.of(groupKind(), x.Doc), Headers: api.PatchScimGroup200ResponseHeaders{ETag: x.Version}}, nil
}

// DeleteScimGroup implements DELETE /v1/scim/v2/Groups/{resource}.
func (h *Handlers) DeleteScimGroup(ctx context.Context, r api.DeleteScimGroupRequestObject) (api.DeleteScimGroupResponseObject, error) {
	if err := h.service.DeleteGroup(ctx, r.Resource, r.Params.IfMatch); err != nil {
		return nil, err
	}
	return api.DeleteScimGroup204Response{}, nil
}

// SearchScim implements POST /v1/scim/v2/.search.
func (h *Handlers) SearchScim(ctx context.Context, r api.SearchScimRequestObject) (api.SearchScimResponseObject, error) {
	search, err := readSearch(*r.Body)
	if err != nil {
		return nil, err
	}
	body, err := h.service.searchAll(ctx, search)
	if err != nil {
		return nil, err
	}
	return api.SearchScim200ApplicationScimPlusJSONResponse(body), nil
}

// SearchScimUsers implements POST /v1/scim/v2/Users/.search.
func (h *Handlers) SearchScimUsers(ctx context.Context, r api.SearchScimUsersRequestObject) (api.SearchScimUsersResponseObject, error) {
	search, err := readSearch(*r.Body)
	if err != nil {
		return nil, err
	}
	page, err := h.service.ListUsers(ctx, search)
	if err != nil {
		return nil, err
	}
	return api.SearchScimUsers200ApplicationScimPlusJSONResponse(answerPage(userKind(), page, search.Selection)), nil
}

// SearchScimGroups implements POST /v1/scim/v2/Groups/.search.
func (h *Handlers) SearchScimGroups(ctx context.Context, r api.SearchScimGroupsRequestObject) (api.SearchScimGroupsResponseObject, error) {
	search, err := readSearch(*r.Body)
	if err != nil {
		return nil, err
	}
	page, err := h.service.ListGroups(ctx, search)
	if err != nil {
		return nil, err
	}
	return api.SearchScimGroups200ApplicationScimPlusJSONResponse(answerPage(groupKind(), page, search.Selection)), nil
}

// GetScimMe implements GET /v1/scim/v2/Me.
func (h *Handlers) GetScimMe(ctx context.Context, r api.GetScimMeRequestObject) (api.GetScimMeResponseObject, error) {
	selection, err := Select(r.Params.Attributes, r.Params.ExcludedAttributes)
	if err != nil {
		return nil, err
	}
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	if actor.Kind != web.User {
		return nil, fault.New(fault.Forbidden, "not-a-person")
	}
	x, err := h.service.GetUser(ctx, actor.ID)
	if err != nil {
		return nil, err
	}
	return api.GetScimMe200ApplicationScimPlusJSONResponse{
		Body: selection.of(userKind(), x.Doc), Headers: api.GetScimMe200ResponseHeaders{Location: locationOf(ctx, "/Users", x.ID), ETag: x.Version},
	}, nil
}

// BulkScim implements POST /v1/scim/v2/Bulk.
func (h *Handlers) BulkScim(ctx context.Context, r api.BulkScimRequestObject) (api.BulkScimResponseObject, error) {
	body, err := h.service.Bulk(ctx, *r.Body)
	if err != nil {
		return nil, err
	}
	return api.BulkScim200ApplicationScimPlusJSONResponse(body), nil
}
