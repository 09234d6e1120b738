package contacts

import (
	"context"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/web"
)

// RestrictContact implements POST /v1/contacts/{contact_id}/restrict.
func (h *Handlers) RestrictContact(ctx context.Context, r api.RestrictContactRequestObject) (api.RestrictContactResponseObject, error) {
	want, err := ifMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	c, err := h.service.Restrict(ctx, r.ContactID, r.Body.Reason, r.Body.ViewerIds, want)
	if err != nil {
		return nil, err
	}
	web.NoteSubjects(ctx, c.ID)
	return api.RestrictContact200JSONResponse{Body: bare(ctx, c), Headers: api.RestrictContact200ResponseHeaders{ETag: web.ETag(c.Version)}}, nil
}

// UnrestrictContact implements POST /v1/contacts/{contact_id}/unrestrict.
func (h *Handlers) UnrestrictContact(ctx context.Context, r api.UnrestrictContactRequestObject) (api.UnrestrictContactResponseObject, error) {
	want, err := ifMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	c, err := h.service.Unrestrict(ctx, r.ContactID, r.Body.Reason, want)
	if err != nil {
		return nil, err
	}
	web.NoteSubjects(ctx, c.ID)
	return api.UnrestrictContact200JSONResponse{Body: bare(ctx, c), Headers: api.UnrestrictContact200ResponseHeaders{ETag: web.ETag(c.Version)}}, nil
}

// ListContactDepartments implements GET /v1/contacts/{contact_id}/departments.
func (h *Handlers) ListContactDepartments(ctx context.Context, r api.ListContactDepartmentsRequestObject) (api.ListContactDepartmentsResponseObject, error) {
	walk, limit := "contact-departments"+r.ContactID.String(), web.Limit(r.Params.Limit)
	after, err := h.after(r.Params.Cursor, walk)
	if err != nil {
		return nil, err
	}
	rows, err := h.service.ListDepartments(ctx, r.ContactID, after, limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(d Department) any { return d.DepartmentID })
	if err != nil {
		return nil, err
	}
	return api.ListContactDepartments200JSONResponse{
		Body:    api.ContactDepartmentList{Data: web.Map(page.Items, toDepartment), NextCursor: page.Next},
		Headers: api.ListContactDepartments200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// PutContactDepartment implements PUT /v1/contacts/{contact_id}/departments/{department_id}.
func (h *Handlers) PutContactDepartment(ctx context.Context, r api.PutContactDepartmentRequestObject) (api.PutContactDepartmentResponseObject, error) {
	verbs := make([]string, 0, len(r.Body.Verbs))
	for _, v := range r.Body.Verbs {
		verbs = append(verbs, string(v))
	}
	d, err := h.service.Share(ctx, r.ContactID, r.DepartmentID, verbs)
	if err != nil {
		return nil, err
	}
	return api.PutContactDepartment200JSONResponse(toDepartment(d)), nil
}

// DeleteContactDepartment implements DELETE /v1/contacts/{contact_id}/departments/{department_id}.
func (h *Handlers) DeleteContactDepartment(ctx context.Context, r api.DeleteContactDepartmentRequestObject) (api.DeleteContactDepartmentResponseObject, error) {
	return api.DeleteContactDepartment204Response{}, h.service.Unshare(ctx, r.ContactID, r.DepartmentID)
}
