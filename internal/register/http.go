package register

import (
	"bytes"
	"context"
	"strings"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/register.yaml.
type Handlers struct {
	service *Service
	cursors web.Cursors
}

var _ api.RegisterOperations = (*Handlers)(nil)

// NewHandlers makes the handlers.
func NewHandlers(s *Service, c web.Cursors) *Handlers { return &Handlers{service: s, cursors: c} }

// ListProcessingActivities implements GET /v1/processing-activities.
func (h *Handlers) ListProcessingActivities(ctx context.Context, r api.ListProcessingActivitiesRequestObject) (api.ListProcessingActivitiesResponseObject, error) {
	const walk = "processing activities"
	var after string
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.List(ctx, web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(a Activity) any { return a.Code })
	if err != nil {
		return nil, err
	}
	return api.ListProcessingActivities200JSONResponse{
		Body:    api.ProcessingActivityList{Data: web.Map(page.Items, toAPI), NextCursor: page.Next},
		Headers: api.ListProcessingActivities200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// CreateProcessingActivity implements POST /v1/processing-activities.
func (h *Handlers) CreateProcessingActivity(ctx context.Context, r api.CreateProcessingActivityRequestObject) (api.CreateProcessingActivityResponseObject, error) {
	a, err := h.service.Create(ctx, created(*r.Body))
	if err != nil {
		return nil, err
	}
	return api.CreateProcessingActivity201JSONResponse{
		Body:    toAPI(a),
		Headers: api.CreateProcessingActivity201ResponseHeaders{ETag: web.ETag(a.Version), Location: "/v1/processing-activities/" + a.ID.String()},
	}, nil
}

// GetProcessingActivity implements GET /v1/processing-activities/{activity_id}.
func (h *Handlers) GetProcessingActivity(ctx context.Context, r api.GetProcessingActivityRequestObject) (api.GetProcessingActivityResponseObject, error) {
	a, err := h.service.Get(ctx, r.ActivityID)
	if err != nil {
		return nil, err
	}
	return api.GetProcessingActivity200JSONResponse{Body: toAPI(a), Headers: api.GetProcessingActivity200ResponseHeaders{ETag: web.ETag(a.Version)}}, nil
}

// UpdateProcessingActivity implements PATCH /v1/processing-activities/{activity_id}.
func (h *Handlers) UpdateProcessingActivity(ctx context.Context, r api.UpdateProcessingActivityRequestObject) (api.UpdateProcessingActivityResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	a, err := h.service.Update(ctx, r.ActivityID, want, changed(*r.Body))
	if err != nil {
		return nil, err
	}
	return api.UpdateProcessingActivity200JSONResponse{Body: toAPI(a), Headers: api.UpdateProcessingActivity200ResponseHeaders{ETag: web.ETag(a.Version)}}, nil
}

// GetProcessingRegister implements GET /v1/processing-register.
func (h *Handlers) GetProcessingRegister(ctx context.Context, _ api.GetProcessingRegisterRequestObject) (api.GetProcessingRegisterResponseObject, error) {
	d, err := h.service.Render(ctx)
	if err != nil {
		return nil, err
	}
	switch web.Representation(ctx) {
	case "text/csv":
		raw, err := asCSV(d.Table())
		return api.GetProcessingRegister200TextCsvResponse{Body: bytes.NewReader(raw), ContentLength: int64(len(raw))}, err
	case spreadsheetType:
		raw, err := asODS(strings.ToValidUTF8(d.Institution, ""), d.Table())
		return api.GetProcessingRegister200ApplicationVndOasisOpendocumentSpreadsheetResponse{Body: bytes.NewReader(raw), ContentLength: int64(len(raw))}, err
	}
	return api.GetProcessingRegister200JSONResponse(documentToAPI(d)), nil
}

// GetDeployment implements GET /v1/deployment.
func (h *Handlers) GetDeployment(ctx context.Context, _ api.GetDeploymentRequestObject) (api.GetDeploymentResponseObject, error) {
	d, err := h.service.Deployment(ctx)
	if err != nil {
		return nil, err
	}
	return api.GetDeployment200JSONResponse(deploymentToAPI(d)), nil
}
