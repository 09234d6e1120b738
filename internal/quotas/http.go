package quotas

import (
	"context"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/quotas.yaml.
type Handlers struct {
	service *Service
	cursors web.Cursors
}

var _ api.QuotasOperations = (*Handlers)(nil)

// NewHandlers makes the handlers.
func NewHandlers(s *Service, c web.Cursors) *Handlers { return &Handlers{service: s, cursors: c} }

// ListQuotas implements GET /v1/quotas.
func (h *Handlers) ListQuotas(ctx context.Context, r api.ListQuotasRequestObject) (api.ListQuotasResponseObject, error) {
	const walk = "quotas"
	var after uuid.UUID
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.List(ctx, web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(q Quota) any { return q.CredentialID })
	if err != nil {
		return nil, err
	}
	return api.ListQuotas200JSONResponse{
		Body:    api.QuotaList{Data: web.Map(page.Items, quotaToAPI), NextCursor: page.Next},
		Headers: api.ListQuotas200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// GetQuota implements GET /v1/quotas/{credential_id}.
func (h *Handlers) GetQuota(ctx context.Context, r api.GetQuotaRequestObject) (api.GetQuotaResponseObject, error) {
	q, err := h.service.Get(ctx, r.CredentialID)
	if err != nil {
		return nil, err
	}
	return api.GetQuota200JSONResponse{Body: quotaToAPI(q), Headers: api.GetQuota200ResponseHeaders{ETag: web.ETag(q.Version)}}, nil
}

// UpdateQuota implements PATCH /v1/quotas/{credential_id}.
func (h *Handlers) UpdateQuota(ctx context.Context, r api.UpdateQuotaRequestObject) (api.UpdateQuotaResponseObject, error) {
	version, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	q, err := h.service.Update(ctx, r.CredentialID, Patch{Default: r.Body.Default, Search: r.Body.Search, Bulk: r.Body.Bulk, Reason: r.Body.Reason}, version)
	if err != nil {
		return nil, err
	}
	return api.UpdateQuota200JSONResponse{Body: quotaToAPI(q), Headers: api.UpdateQuota200ResponseHeaders{ETag: web.ETag(q.Version)}}, nil
}
