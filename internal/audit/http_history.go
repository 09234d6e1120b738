package audit

import (
	"context"
	"encoding/json"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/web"
)

// ListHistory implements GET /v1/history.
func (h *Handlers) ListHistory(ctx context.Context, r api.ListHistoryRequestObject) (api.ListHistoryResponseObject, error) {
	p := r.Params
	f := HistoryFilter{Pointer: p.Pointer, Since: p.OccurredAtGte, Until: p.OccurredAtLt}
	body, page, err := h.history(ctx, []any{"history", p.SubjectKind, p.SubjectID, f}, p.Cursor, web.Limit(p.Limit), func(before *int64, limit int) ([]Told, error) {
		return h.service.History(ctx, p.SubjectKind, p.SubjectID, f, before, limit)
	})
	return api.ListHistory200JSONResponse{Body: body, Headers: api.ListHistory200ResponseHeaders{Link: page.Link(ctx)}}, err
}

// ListContactHistory implements GET /v1/contacts/{contact_id}/history.
func (h *Handlers) ListContactHistory(ctx context.Context, r api.ListContactHistoryRequestObject) (api.ListContactHistoryResponseObject, error) {
	p := r.Params
	f := HistoryFilter{Pointer: p.Pointer, Since: p.OccurredAtGte, Until: p.OccurredAtLt}
	var kind *string
	if p.SubjectKind != nil {
		text := string(*p.SubjectKind)
		kind = &text
	}
	body, page, err := h.history(ctx, []any{"contact history", r.ContactID, kind, f}, p.Cursor, web.Limit(p.Limit), func(before *int64, limit int) ([]Told, error) {
		return h.service.ContactHistory(ctx, r.ContactID, kind, f, before, limit)
	})
	return api.ListContactHistory200JSONResponse{Body: body, Headers: api.ListContactHistory200ResponseHeaders{Link: page.Link(ctx)}}, err
}

// history is one page; walk is all that makes the walk what it is.
func (h *Handlers) history(ctx context.Context, walk []any, cursor *string, limit int, read func(before *int64, limit int) ([]Told, error)) (api.HistoryList, web.Page[Told], error) {
	name, err := json.Marshal(walk)
	if err != nil {
		return api.HistoryList{}, web.Page[Told]{}, err
	}
	var before int64
	resumed, err := h.cursors.Decode(cursor, string(name), &before)
	if err != nil {
		return api.HistoryList{}, web.Page[Told]{}, err
	}
	rows, err := read(web.If(resumed, &before), limit+1)
	if err != nil {
		return api.HistoryList{}, web.Page[Told]{}, err
	}
	page, err := web.Paginate(h.cursors, string(name), rows, limit, func(t Told) any { return t.Sequence })
	if err != nil {
		return api.HistoryList{}, page, err
	}
	whose, err := h.service.contactsIn(ctx, page.Items)
	if err != nil {
		return api.HistoryList{}, page, err
	}
	web.NoteSubjects(ctx, whose...)
	return api.HistoryList{Data: web.Map(page.Items, toldToAPI), NextCursor: page.Next}, page, nil
}
