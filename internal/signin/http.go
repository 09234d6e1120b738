package signin

import (
	"bytes"
	"context"

	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/accounts"
	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/signin.yaml.
type Handlers struct{ service *Service }

var _ api.SigninOperations = (*Handlers)(nil)

// NewHandlers makes the handlers.
func NewHandlers(s *Service) *Handlers { return &Handlers{service: s} }

// GetProviderSignIn implements GET /v1/identity-providers/{identity_provider_id}/sign-in.
func (h *Handlers) GetProviderSignIn(ctx context.Context, r api.GetProviderSignInRequestObject) (api.GetProviderSignInResponseObject, error) {
	c, err := h.service.GetClient(ctx, r.IdentityProviderID)
	if err != nil {
		return nil, err
	}
	out, err := h.service.clientToAPI(c)
	return api.GetProviderSignIn200JSONResponse{Body: out, Headers: api.GetProviderSignIn200ResponseHeaders{ETag: web.ETag(c.Version)}}, err
}

// PutProviderSignIn implements PUT /v1/identity-providers/{identity_provider_id}/sign-in.
func (h *Handlers) PutProviderSignIn(ctx context.Context, r api.PutProviderSignInRequestObject) (api.PutProviderSignInResponseObject, error) {
	version, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	in, secret, err := clientFromAPI(r.IdentityProviderID, *r.Body)
	if err != nil {
		return nil, err
	}
	c, err := h.service.PutClient(ctx, in, secret, version)
	if err != nil {
		return nil, err
	}
	out, err := h.service.clientToAPI(c)
	return api.PutProviderSignIn200JSONResponse{Body: out, Headers: api.PutProviderSignIn200ResponseHeaders{ETag: web.ETag(c.Version)}}, err
}

// ListSignInProviders implements GET /v1/public/institutions/{institution_id}/identity-providers.
func (h *Handlers) ListSignInProviders(ctx context.Context, r api.ListSignInProvidersRequestObject) (api.ListSignInProvidersResponseObject, error) {
	rows, err := h.service.ListProviders(ctx, r.InstitutionID)
	return api.ListSignInProviders200JSONResponse{Data: web.Map(rows, providerToAPI)}, err
}

// StartSignIn implements POST /v1/sign-ins.
func (h *Handlers) StartSignIn(ctx context.Context, r api.StartSignInRequestObject) (api.StartSignInResponseObject, error) {
	out, err := h.service.Start(ctx, startFromAPI(*r.Body))
	return api.StartSignIn201JSONResponse{Object: api.SignInStartedObjectSignInStarted, AuthorizationURL: out.URL, ExpiresAt: out.ExpiresAt}, err
}

// FinishSignIn implements GET /v1/sign-ins/callback.
func (h *Handlers) FinishSignIn(ctx context.Context, r api.FinishSignInRequestObject) (api.FinishSignInResponseObject, error) {
	p := r.Params
	to, err := h.service.Finish(ctx, Answer{State: p.State, Code: orElse(p.Code, ""), Issuer: orElse(p.Iss, ""), Error: orElse(p.Error, "")})
	if err != nil {
		return nil, err
	}
	return api.FinishSignIn303Response{Headers: api.FinishSignIn303ResponseHeaders{Location: to}}, nil
}

// ExchangeSignIn implements POST /v1/sign-ins/exchange.
func (h *Handlers) ExchangeSignIn(ctx context.Context, r api.ExchangeSignInRequestObject) (api.ExchangeSignInResponseObject, error) {
	t, err := h.service.Exchange(ctx, r.Body.Code, r.Body.CodeVerifier)
	if err != nil {
		return nil, err
	}
	return api.ExchangeSignIn201JSONResponse(accounts.TokensToAPI(t)), nil
}

// SignOutAtProvider implements POST /v1/sign-ins/sign-out.
func (h *Handlers) SignOutAtProvider(ctx context.Context, r api.SignOutAtProviderRequestObject) (api.SignOutAtProviderResponseObject, error) {
	at, err := h.service.SignOut(ctx, orElse(r.Body.ReturnTo, ""), orElse(r.Body.State, ""))
	if err != nil {
		return nil, err
	}
	out := api.SignOutAtProvider200JSONResponse{Object: api.ProviderSignedOutObjectSignedOut, LogoutURL: nullable.NewNullNullable[string]()}
	if at != "" {
		out.LogoutURL = nullable.NewNullableWithValue(at)
	}
	return out, nil
}

// GetSamlConnection implements GET /v1/identity-providers/{identity_provider_id}/saml.
func (h *Handlers) GetSamlConnection(ctx context.Context, r api.GetSamlConnectionRequestObject) (api.GetSamlConnectionResponseObject, error) {
	c, err := h.service.GetConnection(ctx, r.IdentityProviderID)
	if err != nil {
		return nil, err
	}
	out, err := h.connection(ctx, c)
	return api.GetSamlConnection200JSONResponse{Body: out, Headers: api.GetSamlConnection200ResponseHeaders{ETag: web.ETag(c.Version)}}, err
}

// PutSamlConnection implements PUT /v1/identity-providers/{identity_provider_id}/saml.
func (h *Handlers) PutSamlConnection(ctx context.Context, r api.PutSamlConnectionRequestObject) (api.PutSamlConnectionResponseObject, error) {
	version, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	c, err := h.service.PutConnection(ctx, connectionFromAPI(r.IdentityProviderID, *r.Body), version)
	if err != nil {
		return nil, err
	}
	out, err := h.connection(ctx, c)
	return api.PutSamlConnection200JSONResponse{Body: out, Headers: api.PutSamlConnection200ResponseHeaders{ETag: web.ETag(c.Version)}}, err
}

func (h *Handlers) connection(ctx context.Context, c Connection) (api.SamlConnection, error) {
	p, err := h.service.needs.Federation.Get(ctx, c.ProviderID)
	if err != nil {
		return api.SamlConnection{}, err
	}
	return h.service.connectionToAPI(c, p.Issuer)
}

// GetSamlMetadata implements GET /v1/public/institutions/{institution_id}/identity-providers/{identity_provider_id}/saml-metadata.
func (h *Handlers) GetSamlMetadata(ctx context.Context, r api.GetSamlMetadataRequestObject) (api.GetSamlMetadataResponseObject, error) {
	raw, err := h.service.Metadata(ctx, r.InstitutionID, r.IdentityProviderID)
	if err != nil {
		return nil, err
	}
	return api.GetSamlMetadata200ApplicationSamlmetadataXMLResponse{Body: bytes.NewReader(raw), ContentLength: int64(len(raw))}, nil
}

// FinishSamlSignIn implements POST /v1/public/sign-ins/saml.
func (h *Handlers) FinishSamlSignIn(ctx context.Context, _ api.FinishSamlSignInRequestObject) (api.FinishSamlSignInResponseObject, error) {
	form := web.VisitorOf(ctx).Fields
	to, err := h.service.FinishSAML(ctx, form.Get("RelayState"), form.Get("SAMLResponse"))
	if err != nil {
		return nil, err
	}
	return api.FinishSamlSignIn303Response{Headers: api.FinishSamlSignIn303ResponseHeaders{Location: to}}, nil
}
