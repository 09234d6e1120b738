package sensitive

import (
	"context"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/sensitive.yaml.
type Handlers struct {
	service *Service
	cursors web.Cursors
}

var _ api.SensitiveOperations = (*Handlers)(nil)

// NewHandlers makes the handlers.
func NewHandlers(s *Service, c web.Cursors) *Handlers { return &Handlers{service: s, cursors: c} }

// ListSensitiveFacts implements GET /v1/contacts/{contact_id}/sensitive-facts.
func (h *Handlers) ListSensitiveFacts(ctx context.Context, r api.ListSensitiveFactsRequestObject) (api.ListSensitiveFactsResponseObject, error) {
	p := r.Params
	expired := p.IncludeExpired != nil && *p.IncludeExpired
	walk := "sensitive facts " + r.ContactID.String()
	if expired {
		walk += " with expired"
	}
	var after uuid.UUID
	if _, err := h.cursors.Decode(p.Cursor, walk, &after); err != nil {
		return nil, err
	}
	limit := web.Limit(p.Limit)
	facts, err := h.service.List(ctx, Reading{"listSensitiveFacts", p.ParvisReason}, r.ContactID, expired, after, limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, facts, limit, func(f Fact) any { return f.ID })
	if err != nil {
		return nil, err
	}
	return api.ListSensitiveFacts200JSONResponse{
		Body:    api.SensitiveFactList{Data: web.Map(page.Items, toAPI), NextCursor: page.Next},
		Headers: api.ListSensitiveFacts200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// CreateSensitiveFact implements POST /v1/contacts/{contact_id}/sensitive-facts.
func (h *Handlers) CreateSensitiveFact(ctx context.Context, r api.CreateSensitiveFactRequestObject) (api.CreateSensitiveFactResponseObject, error) {
	row, err := h.service.Create(ctx, r.ContactID, fromCreate(*r.Body))
	if err != nil {
		return nil, err
	}
	return api.CreateSensitiveFact201JSONResponse{Body: receipt(row), Headers: api.CreateSensitiveFact201ResponseHeaders{
		ETag: web.ETag(row.Version), Location: "/v1/contacts/" + row.ContactID.String() + "/sensitive-facts/" + row.ID.String(),
	}}, nil
}

// GetSensitiveFact implements GET /v1/contacts/{contact_id}/sensitive-facts/{sensitive_fact_id}.
func (h *Handlers) GetSensitiveFact(ctx context.Context, r api.GetSensitiveFactRequestObject) (api.GetSensitiveFactResponseObject, error) {
	f, err := h.service.Get(ctx, Reading{"getSensitiveFact", r.Params.ParvisReason}, r.ContactID, r.SensitiveFactID)
	if err != nil {
		return nil, err
	}
	return api.GetSensitiveFact200JSONResponse{Body: toAPI(f), Headers: api.GetSensitiveFact200ResponseHeaders{ETag: web.ETag(f.Version)}}, nil
}

// UpdateSensitiveFact implements PATCH /v1/contacts/{contact_id}/sensitive-facts/{sensitive_fact_id}.
func (h *Handlers) UpdateSensitiveFact(ctx context.Context, r api.UpdateSensitiveFactRequestObject) (api.UpdateSensitiveFactResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	row, err := h.service.Update(ctx, r.ContactID, r.SensitiveFactID, fromPatch(*r.Body), want)
	if err != nil {
		return nil, err
	}
	return api.UpdateSensitiveFact200JSONResponse{Body: receipt(row), Headers: api.UpdateSensitiveFact200ResponseHeaders{ETag: web.ETag(row.Version)}}, nil
}

// DeleteSensitiveFact implements DELETE /v1/contacts/{contact_id}/sensitive-facts/{sensitive_fact_id}.
func (h *Handlers) DeleteSensitiveFact(ctx context.Context, r api.DeleteSensitiveFactRequestObject) (api.DeleteSensitiveFactResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err == nil && want == nil {
		err = fault.New(fault.PreconditionRequired, "precondition-required").AtHeader("If-Match", "required")
	}
	if err == nil {
		err = h.service.Delete(ctx, r.ContactID, r.SensitiveFactID, want)
	}
	if err != nil {
		return nil, err
	}
	return api.DeleteSensitiveFact204Response{}, nil
}

// GetSensitiveFactHistory implements GET /v1/contacts/{contact_id}/sensitive-facts/{sensitive_fact_id}/history.
func (h *Handlers) GetSensitiveFactHistory(ctx context.Context, r api.GetSensitiveFactHistoryRequestObject) (api.GetSensitiveFactHistoryResponseObject, error) {
	changes, err := h.service.History(ctx, Reading{"getSensitiveFactHistory", r.Params.ParvisReason}, r.ContactID, r.SensitiveFactID)
	if err != nil {
		return nil, err
	}
	return api.GetSensitiveFactHistory200JSONResponse{
		Object: api.SensitiveFactHistoryObjectSensitiveFactHistory, SensitiveFactID: r.SensitiveFactID, Changes: web.Map(changes, changeToAPI),
	}, nil
}

// FindSensitiveIdentifier implements POST /v1/sensitive-facts/search.
func (h *Handlers) FindSensitiveIdentifier(ctx context.Context, r api.FindSensitiveIdentifierRequestObject) (api.FindSensitiveIdentifierResponseObject, error) {
	rows, err := h.service.Find(ctx, Reading{"findSensitiveIdentifier", r.Params.ParvisReason}, fromIdentifier(*r.Body))
	if err != nil {
		return nil, err
	}
	return api.FindSensitiveIdentifier200JSONResponse{Data: web.Map(rows, receipt)}, nil
}
