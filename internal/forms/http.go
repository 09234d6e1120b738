package forms

import (
	"context"
	"fmt"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/forms.yaml.
type Handlers struct {
	service *Service
	cursors web.Cursors
}

var _ api.FormsOperations = (*Handlers)(nil)

// NewHandlers makes the handlers.
func NewHandlers(s *Service, c web.Cursors) *Handlers { return &Handlers{service: s, cursors: c} }

// ListForms implements GET /v1/forms.
func (h *Handlers) ListForms(ctx context.Context, r api.ListFormsRequestObject) (api.ListFormsResponseObject, error) {
	walk := fmt.Sprint("forms ", r.Params.Status, r.Params.Fields)
	var after Position
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.List(ctx, texts(r.Params.Status), web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(f Form) any { return Position{f.CreatedAt, f.ID} })
	if err != nil {
		return nil, err
	}
	return api.ListForms200JSONResponse{
		Body:    api.FormList{Data: web.Map(page.Items, toAPI), NextCursor: page.Next},
		Headers: api.ListForms200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// CreateForm implements POST /v1/forms.
func (h *Handlers) CreateForm(ctx context.Context, r api.CreateFormRequestObject) (api.CreateFormResponseObject, error) {
	d, err := definition(r.Body.Definition)
	if err != nil {
		return nil, err
	}
	f, err := h.service.Create(ctx, r.Body.Slug, r.Body.Name, d)
	if err != nil {
		return nil, err
	}
	return api.CreateForm201JSONResponse{
		Body: toAPI(f), Headers: api.CreateForm201ResponseHeaders{ETag: web.ETag(f.Version), Location: "/v1/forms/" + f.ID.String()},
	}, nil
}

// GetForm implements GET /v1/forms/{form_id}.
func (h *Handlers) GetForm(ctx context.Context, r api.GetFormRequestObject) (api.GetFormResponseObject, error) {
	f, err := h.service.Get(ctx, r.FormID)
	if err != nil {
		return nil, err
	}
	return api.GetForm200JSONResponse{Body: toAPI(f), Headers: api.GetForm200ResponseHeaders{ETag: web.ETag(f.Version)}}, nil
}

// UpdateForm implements PATCH /v1/forms/{form_id}.
func (h *Handlers) UpdateForm(ctx context.Context, r api.UpdateFormRequestObject) (api.UpdateFormResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	var d *Definition
	if r.Body.Definition != nil {
		read, err := definition(*r.Body.Definition)
		if err != nil {
			return nil, err
		}
		d = &read
	}
	f, err := h.service.Update(ctx, r.FormID, want, r.Body.Name, d)
	if err != nil {
		return nil, err
	}
	return api.UpdateForm200JSONResponse{Body: toAPI(f), Headers: api.UpdateForm200ResponseHeaders{ETag: web.ETag(f.Version)}}, nil
}

// DeleteForm implements DELETE /v1/forms/{form_id}.
func (h *Handlers) DeleteForm(ctx context.Context, r api.DeleteFormRequestObject) (api.DeleteFormResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	return api.DeleteForm204Response{}, h.service.Delete(ctx, r.FormID, want)
}

// PublishForm implements POST /v1/forms/{form_id}/publish.
func (h *Handlers) PublishForm(ctx context.Context, r api.PublishFormRequestObject) (api.PublishFormResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	f, err := h.service.Publish(ctx, r.FormID, want)
	if err != nil {
		return nil, err
	}
	return api.PublishForm200JSONResponse{Body: toAPI(f), Headers: api.PublishForm200ResponseHeaders{ETag: web.ETag(f.Version)}}, nil
}

// CloseForm implements POST /v1/forms/{form_id}/close.
func (h *Handlers) CloseForm(ctx context.Context, r api.CloseFormRequestObject) (api.CloseFormResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	f, err := h.service.Close(ctx, r.FormID, want)
	if err != nil {
		return nil, err
	}
	return api.CloseForm200JSONResponse{Body: toAPI(f), Headers: api.CloseForm200ResponseHeaders{ETag: web.ETag(f.Version)}}, nil
}

// GetFormVersion implements GET /v1/forms/{form_id}/versions/{number}.
func (h *Handlers) GetFormVersion(ctx context.Context, r api.GetFormVersionRequestObject) (api.GetFormVersionResponseObject, error) {
	v, err := h.service.GetVersion(ctx, r.FormID, r.Number)
	if err != nil {
		return nil, err
	}
	return api.GetFormVersion200JSONResponse(versionToAPI(v)), nil
}

// ListFormSubmissions implements GET /v1/forms/{form_id}/submissions.
func (h *Handlers) ListFormSubmissions(ctx context.Context, r api.ListFormSubmissionsRequestObject) (api.ListFormSubmissionsResponseObject, error) {
	walk := fmt.Sprint("submissions ", r.FormID, r.Params.Status, r.Params.Fields)
	var after Position
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListSubmissions(ctx, r.FormID, texts(r.Params.Status), web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(s Submission) any { return Position{s.ReceivedAt, s.ID} })
	if err != nil {
		return nil, err
	}
	return api.ListFormSubmissions200JSONResponse{
		Body:    api.FormSubmissionList{Data: web.Map(page.Items, submissionToAPI), NextCursor: page.Next},
		Headers: api.ListFormSubmissions200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// GetFormSubmission implements GET /v1/form-submissions/{submission_id}.
func (h *Handlers) GetFormSubmission(ctx context.Context, r api.GetFormSubmissionRequestObject) (api.GetFormSubmissionResponseObject, error) {
	s, err := h.service.GetSubmission(ctx, r.SubmissionID)
	if err != nil {
		return nil, err
	}
	return api.GetFormSubmission200JSONResponse{Body: submissionToAPI(s), Headers: api.GetFormSubmission200ResponseHeaders{ETag: web.ETag(s.Version)}}, nil
}

// GetPublicForm implements GET /v1/public/forms/{form_id}.
func (h *Handlers) GetPublicForm(ctx context.Context, r api.GetPublicFormRequestObject) (api.GetPublicFormResponseObject, error) {
	shown, err := h.service.Show(ctx, r.FormID, deref(r.Params.Language))
	if err != nil {
		return nil, err
	}
	body, err := shownToAPI(shown, h.service.config.MinimumFill)
	// Long enough to spare a busy page, short enough for the issue token's time to mean something.
	return api.GetPublicForm200JSONResponse{Body: body, Headers: api.GetPublicForm200ResponseHeaders{CacheControl: "public, max-age=60"}}, err
}

// GetFormChallenge implements GET /v1/public/forms/{form_id}/challenge.
func (h *Handlers) GetFormChallenge(ctx context.Context, r api.GetFormChallengeRequestObject) (api.GetFormChallengeResponseObject, error) {
	c, err := h.service.Challenge(ctx, r.FormID)
	if err != nil {
		return nil, err
	}
	out, err := challengeToAPI(c)
	return api.GetFormChallenge200JSONResponse(out), err
}

// SubmitForm implements POST /v1/public/forms/{form_id}/submissions.
func (h *Handlers) SubmitForm(ctx context.Context, r api.SubmitFormRequestObject) (api.SubmitFormResponseObject, error) {
	sent, err := h.sent(ctx, r)
	if err != nil {
		return nil, err
	}
	message, err := h.service.Submit(ctx, r.FormID, sent)
	if err != nil {
		return nil, err
	}
	if v := visitor(ctx); sent.Scriptless && v.WantsPage {
		return newHTML(202, receivedPage(firstOf(sent.Language, web.Language(ctx)), message))
	}
	return api.SubmitForm202JSONResponse{Object: api.FormReceiptObjectFormReceipt, Status: api.FormReceiptStatusReceived, Message: message}, nil
}

// GetConfirmation implements GET /v1/public/confirmations/{token}.
func (h *Handlers) GetConfirmation(ctx context.Context, r api.GetConfirmationRequestObject) (api.GetConfirmationResponseObject, error) {
	lang, ok, err := h.service.Confirmable(ctx, r.Token)
	if err != nil {
		return nil, err
	}
	if !ok {
		return newHTML(200, gonePage(firstOf(lang, web.Language(ctx))))
	}
	return newHTML(200, confirmPage(lang))
}

// ConfirmSubmission implements POST /v1/public/confirmations/{token}.
func (h *Handlers) ConfirmSubmission(ctx context.Context, r api.ConfirmSubmissionRequestObject) (api.ConfirmSubmissionResponseObject, error) {
	s, err := h.service.Confirm(ctx, r.Token)
	if fault.Is(err, "confirmation-gone") && visitor(ctx).WantsPage {
		return newHTML(410, gonePage(web.Language(ctx)))
	}
	if err != nil {
		return nil, err
	}
	if s.Status == "rejected" {
		return nil, fault.New(fault.Refused, "submission-rejected")
	}
	return newHTML(200, donePage(s.Language))
}
