package consents

import (
	"context"
	"fmt"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/consents.yaml.
type Handlers struct {
	service *Service
	cursors web.Cursors
}

var _ api.ConsentsOperations = (*Handlers)(nil)

// NewHandlers makes the handlers.
func NewHandlers(s *Service, c web.Cursors) *Handlers { return &Handlers{service: s, cursors: c} }

// ListContactConsents implements GET /v1/contacts/{contact_id}/consents.
func (h *Handlers) ListContactConsents(ctx context.Context, r api.ListContactConsentsRequestObject) (api.ListContactConsentsResponseObject, error) {
	states, at, err := h.service.States(ctx, r.ContactID, r.Params.AsOf)
	if err != nil {
		return nil, err
	}
	return api.ListContactConsents200JSONResponse{Data: web.Map(states, stateToAPI), AsOf: at}, nil
}

// CreateConsent implements POST /v1/contacts/{contact_id}/consents.
func (h *Handlers) CreateConsent(ctx context.Context, r api.CreateConsentRequestObject) (api.CreateConsentResponseObject, error) {
	c, err := h.service.Record(ctx, entry(r.ContactID, *r.Body))
	if err != nil {
		return nil, err
	}
	return api.CreateConsent201JSONResponse{
		Body:    toAPI(c),
		Headers: api.CreateConsent201ResponseHeaders{ETag: web.ETag(1), Location: "/v1/consents/" + c.ID.String()},
	}, nil
}

// ListContactConsentHistory implements GET /v1/contacts/{contact_id}/consents/history.
func (h *Handlers) ListContactConsentHistory(ctx context.Context, r api.ListContactConsentHistoryRequestObject) (api.ListContactConsentHistoryResponseObject, error) {
	walk := "consent history " + r.ContactID.String()
	var after Position
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.History(ctx, r.ContactID, web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(c Consent) any { return Position{c.OccurredAt, c.ID} })
	if err != nil {
		return nil, err
	}
	return api.ListContactConsentHistory200JSONResponse{
		Body:    api.ConsentList{Data: web.Map(page.Items, toAPI), NextCursor: page.Next},
		Headers: api.ListContactConsentHistory200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// ListConsents implements GET /v1/consents.
func (h *Handlers) ListConsents(ctx context.Context, r api.ListConsentsRequestObject) (api.ListConsentsResponseObject, error) {
	f := filter(r.Params)
	walk := fmt.Sprint("consents ", optional(f.Purpose), f.Channels, f.Actions, instantOrNil(f.RecordedFrom), instantOrNil(f.RecordedBefore), r.Params.Fields)
	var after Position
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.List(ctx, f, web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(c Consent) any { return Position{c.RecordedAt, c.ID} })
	if err != nil {
		return nil, err
	}
	return api.ListConsents200JSONResponse{
		Body:    api.ConsentList{Data: web.Map(page.Items, toAPI), NextCursor: page.Next},
		Headers: api.ListConsents200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// GetConsent implements GET /v1/consents/{consent_id}.
func (h *Handlers) GetConsent(ctx context.Context, r api.GetConsentRequestObject) (api.GetConsentResponseObject, error) {
	c, err := h.service.Get(ctx, r.ConsentID)
	if err != nil {
		return nil, err
	}
	return api.GetConsent200JSONResponse{Body: toAPI(c), Headers: api.GetConsent200ResponseHeaders{ETag: web.ETag(1)}}, nil
}

// GetConsentProof implements GET /v1/consents/{consent_id}/proof.
func (h *Handlers) GetConsentProof(ctx context.Context, r api.GetConsentProofRequestObject) (api.GetConsentProofResponseObject, error) {
	p, err := h.service.Proof(ctx, r.ConsentID)
	if err != nil {
		return nil, err
	}
	return api.GetConsentProof200JSONResponse(proofToAPI(p)), nil
}

// ListPurposes implements GET /v1/purposes.
func (h *Handlers) ListPurposes(ctx context.Context, r api.ListPurposesRequestObject) (api.ListPurposesResponseObject, error) {
	archived := "false"
	if r.Params.Archived != nil {
		archived = string(*r.Params.Archived)
	}
	walk := "purposes " + archived
	var after string
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListPurposes(ctx, archived, web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(p Purpose) any { return p.Code })
	if err != nil {
		return nil, err
	}
	return api.ListPurposes200JSONResponse{
		Body:    api.PurposeList{Data: web.Map(page.Items, purposeToAPI), NextCursor: page.Next},
		Headers: api.ListPurposes200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// CreatePurpose implements POST /v1/purposes.
func (h *Handlers) CreatePurpose(ctx context.Context, r api.CreatePurposeRequestObject) (api.CreatePurposeResponseObject, error) {
	p, err := h.service.CreatePurpose(ctx, NewPurpose{
		Code: r.Body.Code, Name: r.Body.Name, LegalBasis: string(r.Body.LegalBasis), Description: r.Body.Description,
	})
	if err != nil {
		return nil, err
	}
	return api.CreatePurpose201JSONResponse{
		Body:    purposeToAPI(p),
		Headers: api.CreatePurpose201ResponseHeaders{ETag: web.ETag(p.Version), Location: "/v1/purposes/" + p.ID.String()},
	}, nil
}

// GetPurpose implements GET /v1/purposes/{purpose_id}.
func (h *Handlers) GetPurpose(ctx context.Context, r api.GetPurposeRequestObject) (api.GetPurposeResponseObject, error) {
	p, err := h.service.GetPurpose(ctx, r.PurposeID)
	if err != nil {
		return nil, err
	}
	return api.GetPurpose200JSONResponse{Body: purposeToAPI(p), Headers: api.GetPurpose200ResponseHeaders{ETag: web.ETag(p.Version)}}, nil
}

// UpdatePurpose implements PATCH /v1/purposes/{purpose_id}.
func (h *Handlers) UpdatePurpose(ctx context.Context, r api.UpdatePurposeRequestObject) (api.UpdatePurposeResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	p, err := h.service.UpdatePurpose(ctx, r.PurposeID, want, purposeChange(*r.Body))
	if err != nil {
		return nil, err
	}
	return api.UpdatePurpose200JSONResponse{Body: purposeToAPI(p), Headers: api.UpdatePurpose200ResponseHeaders{ETag: web.ETag(p.Version)}}, nil
}

// ListConsentWordings implements GET /v1/consent-wordings.
func (h *Handlers) ListConsentWordings(ctx context.Context, r api.ListConsentWordingsRequestObject) (api.ListConsentWordingsResponseObject, error) {
	walk := fmt.Sprint("wordings ", optional(r.Params.Language))
	var after Position
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListWordings(ctx, r.Params.Language, web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(w StoredWording) any { return Position{w.CreatedAt, w.ID} })
	if err != nil {
		return nil, err
	}
	return api.ListConsentWordings200JSONResponse{
		Body:    api.ConsentWordingList{Data: web.Map(page.Items, wordingToAPI), NextCursor: page.Next},
		Headers: api.ListConsentWordings200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// CreateConsentWording implements POST /v1/consent-wordings.
func (h *Handlers) CreateConsentWording(ctx context.Context, r api.CreateConsentWordingRequestObject) (api.CreateConsentWordingResponseObject, error) {
	w, err := h.service.CreateWording(ctx, Wording{Text: r.Body.Text, Language: r.Body.Language, Label: r.Body.Label})
	if err != nil {
		return nil, err
	}
	return api.CreateConsentWording201JSONResponse{
		Body:    wordingToAPI(w),
		Headers: api.CreateConsentWording201ResponseHeaders{ETag: web.ETag(1), Location: "/v1/consent-wordings/" + w.ID.String()},
	}, nil
}

// GetConsentWording implements GET /v1/consent-wordings/{wording_id}.
func (h *Handlers) GetConsentWording(ctx context.Context, r api.GetConsentWordingRequestObject) (api.GetConsentWordingResponseObject, error) {
	w, err := h.service.GetWording(ctx, r.WordingID)
	if err != nil {
		return nil, err
	}
	return api.GetConsentWording200JSONResponse{Body: wordingToAPI(w), Headers: api.GetConsentWording200ResponseHeaders{ETag: web.ETag(1)}}, nil
}
