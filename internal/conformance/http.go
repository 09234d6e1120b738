package conformance

import (
	"context"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/conformance.yaml.
type Handlers struct {
	service *Service
	cursors web.Cursors
}

var _ api.ConformanceOperations = (*Handlers)(nil)

// NewHandlers makes the handlers.
func NewHandlers(s *Service, cursors web.Cursors) *Handlers { return &Handlers{s, cursors} }

// CreateConformanceRun implements POST /v1/conformance-runs.
func (h *Handlers) CreateConformanceRun(ctx context.Context, r api.CreateConformanceRunRequestObject) (api.CreateConformanceRunResponseObject, error) {
	o, err := h.service.Start(ctx, newRun(*r.Body))
	if err != nil {
		return nil, err
	}
	return api.CreateConformanceRun202JSONResponse{
		Body:    operations.ToAPI(o),
		Headers: api.CreateConformanceRun202ResponseHeaders{ETag: web.ETag(o.Version), Location: "/v1/operations/" + o.ID.String(), RetryAfter: operations.PollAfter()},
	}, nil
}

// GetConformanceRun implements GET /v1/conformance-runs/{conformance_run_id}.
func (h *Handlers) GetConformanceRun(ctx context.Context, r api.GetConformanceRunRequestObject) (api.GetConformanceRunResponseObject, error) {
	run, err := h.service.Get(ctx, r.ConformanceRunID)
	if err != nil {
		return nil, err
	}
	body, err := toAPI(run)
	return api.GetConformanceRun200JSONResponse{Body: body, Headers: api.GetConformanceRun200ResponseHeaders{ETag: web.ETag(run.Version)}}, err
}

// ListConformanceRuns implements GET /v1/conformance-runs.
func (h *Handlers) ListConformanceRuns(ctx context.Context, r api.ListConformanceRunsRequestObject) (api.ListConformanceRunsResponseObject, error) {
	walk := walkOf("conformance-runs", r.Params.Fields)
	var before uuid.UUID
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &before)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.List(ctx, web.If(resumed, &before), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(r Run) any { return r.ID })
	if err != nil {
		return nil, err
	}
	out := api.ConformanceRunList{Data: make([]api.ConformanceRun, 0, len(page.Items)), NextCursor: page.Next}
	for _, run := range page.Items {
		one, err := toAPI(run)
		if err != nil {
			return nil, err
		}
		out.Data = append(out.Data, one)
	}
	return api.ListConformanceRuns200JSONResponse{Body: out, Headers: api.ListConformanceRuns200ResponseHeaders{Link: page.Link(ctx)}}, nil
}

// GetConformanceKeys implements GET /.well-known/conformance-keys.json.
func (h *Handlers) GetConformanceKeys(context.Context, api.GetConformanceKeysRequestObject) (api.GetConformanceKeysResponseObject, error) {
	return api.GetConformanceKeys200JSONResponse(keysToAPI(h.service.Keys())), nil
}
