package sibil

import (
	"context"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/sibil.yaml.
type Handlers struct {
	service *Service
	cursors web.Cursors
}

var _ api.SibilOperations = (*Handlers)(nil)

// NewHandlers makes the handlers.
func NewHandlers(s *Service, c web.Cursors) *Handlers { return &Handlers{service: s, cursors: c} }

// GetSibilSettings implements GET /v1/statutory/sibil/settings.
func (h *Handlers) GetSibilSettings(ctx context.Context, _ api.GetSibilSettingsRequestObject) (api.GetSibilSettingsResponseObject, error) {
	s, err := h.service.Settings(ctx)
	if err != nil {
		return nil, err
	}
	return api.GetSibilSettings200JSONResponse{Body: settingsToAPI(s), Headers: api.GetSibilSettings200ResponseHeaders{ETag: web.ETag(s.Version)}}, nil
}

// UpdateSibilSettings implements PATCH /v1/statutory/sibil/settings.
func (h *Handlers) UpdateSibilSettings(ctx context.Context, r api.UpdateSibilSettingsRequestObject) (api.UpdateSibilSettingsResponseObject, error) {
	version, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	s, err := h.service.UpdateSettings(ctx, patchFromAPI(*r.Body), version)
	if err != nil {
		return nil, err
	}
	return api.UpdateSibilSettings200JSONResponse{Body: settingsToAPI(s), Headers: api.UpdateSibilSettings200ResponseHeaders{ETag: web.ETag(s.Version)}}, nil
}

// GetSibilQuarter implements GET /v1/statutory/sibil/quarters/{quarter}.
func (h *Handlers) GetSibilQuarter(ctx context.Context, r api.GetSibilQuarterRequestObject) (api.GetSibilQuarterResponseObject, error) {
	s, err := h.service.Summary(ctx, r.Quarter)
	if err != nil {
		return nil, err
	}
	return api.GetSibilQuarter200JSONResponse(summaryToAPI(s)), nil
}

// ListSibilDeclarations implements GET /v1/statutory/sibil/quarters/{quarter}/declarations.
func (h *Handlers) ListSibilDeclarations(ctx context.Context, r api.ListSibilDeclarationsRequestObject) (api.ListSibilDeclarationsResponseObject, error) {
	walk := "sibil declarations " + r.Quarter
	var after Position
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.List(ctx, r.Quarter, web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(d Declaration) any { return Position{*d.StartsAt, d.ID} })
	if err != nil {
		return nil, err
	}
	return api.ListSibilDeclarations200JSONResponse{
		Body:    api.SibilDeclarationList{Data: web.Map(page.Items, declarationToAPI), NextCursor: page.Next},
		Headers: api.ListSibilDeclarations200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// ListSibilSubmissions implements GET /v1/statutory/sibil/submissions.
func (h *Handlers) ListSibilSubmissions(ctx context.Context, r api.ListSibilSubmissionsRequestObject) (api.ListSibilSubmissionsResponseObject, error) {
	const walk = "sibil submissions"
	var after SubmissionPosition
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.Submissions(ctx, web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(s Submission) any { return SubmissionPosition{s.CreatedAt, s.ID} })
	if err != nil {
		return nil, err
	}
	return api.ListSibilSubmissions200JSONResponse{
		Body:    api.SibilSubmissionList{Data: web.Map(page.Items, submissionToAPI), NextCursor: page.Next},
		Headers: api.ListSibilSubmissions200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// CreateSibilSubmission implements POST /v1/statutory/sibil/submissions.
func (h *Handlers) CreateSibilSubmission(ctx context.Context, r api.CreateSibilSubmissionRequestObject) (api.CreateSibilSubmissionResponseObject, error) {
	o, err := h.service.Submit(ctx, r.Body.Quarter, r.Body.PerformanceIds)
	if err != nil {
		return nil, err
	}
	return api.CreateSibilSubmission202JSONResponse{
		Body:    operations.ToAPI(o),
		Headers: api.CreateSibilSubmission202ResponseHeaders{ETag: web.ETag(o.Version), Location: "/v1/operations/" + o.ID.String(), RetryAfter: operations.PollAfter()},
	}, nil
}

// GetSibilSubmission implements GET /v1/statutory/sibil/submissions/{sibil_submission_id}.
func (h *Handlers) GetSibilSubmission(ctx context.Context, r api.GetSibilSubmissionRequestObject) (api.GetSibilSubmissionResponseObject, error) {
	s, results, err := h.service.Submission(ctx, r.SibilSubmissionID)
	if err != nil {
		return nil, err
	}
	return api.GetSibilSubmission200JSONResponse(withResultsToAPI(s, results)), nil
}
