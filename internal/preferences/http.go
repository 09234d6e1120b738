package preferences

import (
	"context"
	"net/http"
	"time"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/preferences.yaml.
type Handlers struct{ service *Service }

var _ api.PreferencesOperations = (*Handlers)(nil)

// NewHandlers makes the handlers.
func NewHandlers(s *Service) *Handlers { return &Handlers{service: s} }

// CreatePreferenceLink implements POST /v1/contacts/{contact_id}/contact-points/{contact_point_id}/preference-links.
func (h *Handlers) CreatePreferenceLink(ctx context.Context, r api.CreatePreferenceLinkRequestObject) (api.CreatePreferenceLinkResponseObject, error) {
	n := NewLink{Contact: r.ContactID, Point: r.ContactPointID, Purpose: r.Body.Purpose, Campaign: r.Body.CampaignID, Language: r.Body.Language}
	if r.Body.ExpiresInDays != nil {
		n.Life = time.Duration(*r.Body.ExpiresInDays) * day
	}
	l, err := h.service.Create(ctx, n)
	if err != nil {
		return nil, err
	}
	return api.CreatePreferenceLink201JSONResponse{Body: linkToAPI(l), Headers: api.CreatePreferenceLink201ResponseHeaders{Location: l.URL}}, nil
}

// GetPreferences implements GET /v1/public/preferences/{token}.
func (h *Handlers) GetPreferences(ctx context.Context, r api.GetPreferencesRequestObject) (api.GetPreferencesResponseObject, error) {
	v, err := h.service.Show(ctx, r.Token)
	if fault.Is(err, "preference-link-unknown") && web.VisitorOf(ctx).WantsPage {
		return newHTML(http.StatusNotFound, gonePage(web.Language(ctx)))
	}
	if err != nil {
		return nil, err
	}
	if web.VisitorOf(ctx).WantsPage {
		return newHTML(http.StatusOK, choicesPage(v, ""))
	}
	return api.GetPreferences200JSONResponse(viewToAPI(v)), nil
}

// ChangePreferences implements POST /v1/public/preferences/{token}.
func (h *Handlers) ChangePreferences(ctx context.Context, r api.ChangePreferencesRequestObject) (api.ChangePreferencesResponseObject, error) {
	wanted, err := changeFrom(ctx, r)
	if err != nil {
		return nil, err
	}
	if wanted.oneClick {
		v, err := h.service.Unsubscribe(ctx, r.Token)
		if err != nil {
			return refusedPage(ctx, err, v)
		}
		return newHTML(http.StatusOK, endedPage(v.Language))
	}
	v, err := h.service.Change(ctx, r.Token, wanted.Change)
	if err != nil {
		return refusedPage(ctx, err, v)
	}
	if web.VisitorOf(ctx).WantsPage {
		return newHTML(http.StatusOK, choicesPage(v, textsFor(v.Language).saved))
	}
	return api.ChangePreferences200JSONResponse(viewToAPI(v)), nil
}

// refusedPage tells a person, instead of a program, why nothing was changed.
func refusedPage(ctx context.Context, err error, v View) (api.ChangePreferencesResponseObject, error) {
	switch {
	case !web.VisitorOf(ctx).WantsPage:
		return nil, err
	case fault.Is(err, "preference-link-unknown"):
		return newHTML(http.StatusNotFound, gonePage(web.Language(ctx)))
	case fault.Is(err, "preferences-changed"):
		return newHTML(http.StatusConflict, choicesPage(v, textsFor(v.Language).changed))
	}
	return nil, err
}

// RequestPreferences implements POST /v1/public/institutions/{institution_id}/preference-requests.
func (h *Handlers) RequestPreferences(ctx context.Context, r api.RequestPreferencesRequestObject) (api.RequestPreferencesResponseObject, error) {
	email, lang, err := requestFrom(ctx, r)
	if err != nil {
		return nil, err
	}
	message, err := h.service.Request(ctx, r.InstitutionID, email, lang)
	if err != nil {
		return nil, err
	}
	if v := web.VisitorOf(ctx); v.Fields != nil && v.WantsPage {
		return newHTML(http.StatusAccepted, requestedPage(spoken(&lang, web.Language(ctx)), message))
	}
	return api.RequestPreferences202JSONResponse{Object: api.PreferenceReceiptObjectPreferenceReceipt, Status: api.PreferenceReceiptStatusReceived, Message: message}, nil
}
