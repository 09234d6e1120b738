package federation

import (
	"context"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/federation.yaml.
type Handlers struct {
	service *Service
	cursors web.Cursors
}

var _ api.FederationOperations = (*Handlers)(nil)

// NewHandlers makes the handlers.
func NewHandlers(s *Service, c web.Cursors) *Handlers { return &Handlers{service: s, cursors: c} }

// ListIdentityProviders implements GET /v1/identity-providers.
func (h *Handlers) ListIdentityProviders(ctx context.Context, r api.ListIdentityProvidersRequestObject) (api.ListIdentityProvidersResponseObject, error) {
	const walk = "identity-providers"
	limit := web.Limit(r.Params.Limit)
	var after uuid.UUID
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	rows, err := h.service.List(ctx, web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(p Provider) any { return p.ID })
	if err != nil {
		return nil, err
	}
	data, err := providersToAPI(page.Items)
	return api.ListIdentityProviders200JSONResponse{
		Body:    api.IdentityProviderList{Data: data, NextCursor: page.Next},
		Headers: api.ListIdentityProviders200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}

// CreateIdentityProvider implements POST /v1/identity-providers.
func (h *Handlers) CreateIdentityProvider(ctx context.Context, r api.CreateIdentityProviderRequestObject) (api.CreateIdentityProviderResponseObject, error) {
	in, err := providerFromAPI(*r.Body)
	if err != nil {
		return nil, err
	}
	p, err := h.service.Create(ctx, in)
	if err != nil {
		return nil, err
	}
	out, err := providerToAPI(p)
	return api.CreateIdentityProvider201JSONResponse{
		Body: out, Headers: api.CreateIdentityProvider201ResponseHeaders{Location: "/v1/identity-providers/" + p.ID.String(), ETag: web.ETag(p.Version)},
	}, err
}

// GetIdentityProvider implements GET /v1/identity-providers/{identity_provider_id}.
func (h *Handlers) GetIdentityProvider(ctx context.Context, r api.GetIdentityProviderRequestObject) (api.GetIdentityProviderResponseObject, error) {
	p, err := h.service.Get(ctx, r.IdentityProviderID)
	if err != nil {
		return nil, err
	}
	out, err := providerToAPI(p)
	return api.GetIdentityProvider200JSONResponse{Body: out, Headers: api.GetIdentityProvider200ResponseHeaders{ETag: web.ETag(p.Version)}}, err
}

// UpdateIdentityProvider implements PATCH /v1/identity-providers/{identity_provider_id}.
func (h *Handlers) UpdateIdentityProvider(ctx context.Context, r api.UpdateIdentityProviderRequestObject) (api.UpdateIdentityProviderResponseObject, error) {
	version, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	p, err := h.service.Update(ctx, r.IdentityProviderID, version, func(p *Provider) error { return patchFromAPI(p, *r.Body) })
	if err != nil {
		return nil, err
	}
	out, err := providerToAPI(p)
	return api.UpdateIdentityProvider200JSONResponse{Body: out, Headers: api.UpdateIdentityProvider200ResponseHeaders{ETag: web.ETag(p.Version)}}, err
}

// ListIdentities implements GET /v1/users/{user_id}/identities.
func (h *Handlers) ListIdentities(ctx context.Context, r api.ListIdentitiesRequestObject) (api.ListIdentitiesResponseObject, error) {
	walk, limit := "identities "+r.UserID.String(), web.Limit(r.Params.Limit)
	var after uuid.UUID
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	rows, err := h.service.Identities(ctx, r.UserID, web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(l Link) any { return l.ID })
	if err != nil {
		return nil, err
	}
	return api.ListIdentities200JSONResponse{
		Body:    api.IdentityList{Data: web.Map(page.Items, identityToAPI), NextCursor: page.Next},
		Headers: api.ListIdentities200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// LinkIdentity implements POST /v1/users/{user_id}/identities.
func (h *Handlers) LinkIdentity(ctx context.Context, r api.LinkIdentityRequestObject) (api.LinkIdentityResponseObject, error) {
	l, err := h.service.LinkIdentity(ctx, r.UserID, r.Body.Issuer, r.Body.Subject)
	if err != nil {
		return nil, err
	}
	return api.LinkIdentity201JSONResponse{
		Body: identityToAPI(l), Headers: api.LinkIdentity201ResponseHeaders{Location: "/v1/users/" + l.UserID.String() + "/identities"},
	}, nil
}

// UnlinkIdentity implements POST /v1/users/{user_id}/identities/{identity_id}/unlink.
func (h *Handlers) UnlinkIdentity(ctx context.Context, r api.UnlinkIdentityRequestObject) (api.UnlinkIdentityResponseObject, error) {
	return api.UnlinkIdentity204Response{}, h.service.UnlinkIdentity(ctx, r.UserID, r.IdentityID)
}
