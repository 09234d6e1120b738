package operations

import (
	"context"
	"fmt"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/operations.yaml.
type Handlers struct {
	service *Service
	cursors web.Cursors
}

var _ api.OperationsOperations = (*Handlers)(nil)

// NewHandlers makes the handlers.
func NewHandlers(s *Service, c web.Cursors) *Handlers { return &Handlers{service: s, cursors: c} }

// GetOperation implements GET /v1/operations/{operation_id}.
func (h *Handlers) GetOperation(ctx context.Context, r api.GetOperationRequestObject) (api.GetOperationResponseObject, error) {
	o, err := h.service.Get(ctx, r.OperationID)
	if err != nil {
		return nil, err
	}
	out := api.GetOperation200JSONResponse{Body: toAPI(o), Headers: api.GetOperation200ResponseHeaders{ETag: web.ETag(o.Version)}}
	if o.FinishedAt == nil {
		out.Headers.RetryAfter = PollAfter()
	}
	return out, nil
}

// ListOperations implements GET /v1/operations.
func (h *Handlers) ListOperations(ctx context.Context, r api.ListOperationsRequestObject) (api.ListOperationsResponseObject, error) {
	walk := fmt.Sprint("operations", r.Params.Status, deref(r.Params.Kind))
	var after Position
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.List(ctx, statuses(r.Params.Status), r.Params.Kind, web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(o Operation) any { return Position{o.CreatedAt, o.ID} })
	if err != nil {
		return nil, err
	}
	return api.ListOperations200JSONResponse{
		Body:    api.OperationList{Data: web.Map(page.Items, toAPI), NextCursor: page.Next},
		Headers: api.ListOperations200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// CancelOperation implements POST /v1/operations/{operation_id}/cancel.
func (h *Handlers) CancelOperation(ctx context.Context, r api.CancelOperationRequestObject) (api.CancelOperationResponseObject, error) {
	o, err := h.service.Cancel(ctx, r.OperationID)
	if err != nil {
		return nil, err
	}
	return api.CancelOperation202JSONResponse{
		Body:    toAPI(o),
		Headers: api.CancelOperation202ResponseHeaders{ETag: web.ETag(o.Version), Location: "/v1/operations/" + o.ID.String(), RetryAfter: PollAfter()},
	}, nil
}
