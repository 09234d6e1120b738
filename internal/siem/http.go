package siem

import (
	"bufio"
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/audit"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/siem.yaml.
type Handlers struct {
	service *Service
	cursors web.Cursors
}

var _ api.SiemOperations = (*Handlers)(nil)

// NewHandlers makes the handlers.
func NewHandlers(s *Service, c web.Cursors) *Handlers { return &Handlers{service: s, cursors: c} }

const (
	defaultFollowed = 500
	ndjson          = "application/x-ndjson"
)

// FollowAudit implements GET /v1/audit/stream.
func (h *Handlers) FollowAudit(ctx context.Context, r api.FollowAuditRequestObject) (api.FollowAuditResponseObject, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	if !actor.Sight.Whole() {
		return nil, fault.New(fault.Forbidden, "verb-not-held").With("verb", string(pg.SeeRestricted)).Extra("required_verb", string(pg.SeeRestricted))
	}
	place := audit.Place{}
	if r.Params.After != nil {
		var ok bool
		if place, ok = audit.ParsePlace(*r.Params.After); !ok {
			return nil, fault.New(fault.Malformed, "invalid-request").AtParameter("after", "format", "want", "position")
		}
	}
	limit := defaultFollowed
	if r.Params.Limit != nil {
		limit = int(*r.Params.Limit)
	}
	entries, err := h.service.Audit.Follow(ctx, actor.Tenant, place, limit)
	if err != nil {
		return nil, err
	}
	if len(entries) > 0 {
		place = entries[len(entries)-1].Place
	}
	return followed{actor.Tenant, entries, place.String(), web.Representation(ctx) == ndjson}, nil
}

// followed is the answer in either of its forms.
type followed struct {
	tenant  uuid.UUID
	entries []audit.Entry
	place   string
	lines   bool
}

// VisitFollowAuditResponse implements api.FollowAuditResponseObject.
func (f followed) VisitFollowAuditResponse(w http.ResponseWriter) error {
	w.Header().Set("Parvis-Position", f.place)
	if !f.lines {
		return api.FollowAudit200JSONResponse{
			Body:    api.AuditRecordList{Data: web.Map(f.entries, func(e audit.Entry) api.AuditRecord { return recordToAPI(recordOf(f.tenant, e)) }), Position: f.place},
			Headers: api.FollowAudit200ResponseHeaders{ParvisPosition: f.place},
		}.VisitFollowAuditResponse(w)
	}
	w.Header().Set("Content-Type", ndjson)
	w.WriteHeader(http.StatusOK)
	out := bufio.NewWriter(w)
	for _, e := range f.entries {
		text, err := line(recordOf(f.tenant, e))
		if err != nil {
			panic(http.ErrAbortHandler) //nolint:forbidigo // the one that may be thrown: the answer has begun: it must not look whole
		}
		if _, err := out.Write(append(text, '\n')); err != nil {
			return err
		}
	}
	return out.Flush()
}

// ListForwarders implements GET /v1/audit/forwarders.
func (h *Handlers) ListForwarders(ctx context.Context, r api.ListForwardersRequestObject) (api.ListForwardersResponseObject, error) {
	const walk = "siem forwarders"
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
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(f Forwarder) any { return f.ID })
	if err != nil {
		return nil, err
	}
	data := make([]api.Forwarder, 0, len(page.Items))
	for _, f := range page.Items {
		one, err := h.toAPI(ctx, f)
		if err != nil {
			return nil, err
		}
		data = append(data, one)
	}
	return api.ListForwarders200JSONResponse{
		Body:    api.ForwarderList{Data: data, NextCursor: page.Next},
		Headers: api.ListForwarders200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// CreateForwarder implements POST /v1/audit/forwarders.
func (h *Handlers) CreateForwarder(ctx context.Context, r api.CreateForwarderRequestObject) (api.CreateForwarderResponseObject, error) {
	f, err := h.service.Create(ctx, newOf(*r.Body))
	if err != nil {
		return nil, err
	}
	body, err := h.toAPI(ctx, f)
	return api.CreateForwarder201JSONResponse{
		Body:    body,
		Headers: api.CreateForwarder201ResponseHeaders{ETag: web.ETag(f.Version), Location: "/v1/audit/forwarders/" + f.ID.String()},
	}, err
}

// GetForwarder implements GET /v1/audit/forwarders/{forwarder_id}.
func (h *Handlers) GetForwarder(ctx context.Context, r api.GetForwarderRequestObject) (api.GetForwarderResponseObject, error) {
	f, err := h.service.Get(ctx, r.ForwarderID)
	if err != nil {
		return nil, err
	}
	body, err := h.toAPI(ctx, f)
	return api.GetForwarder200JSONResponse{Body: body, Headers: api.GetForwarder200ResponseHeaders{ETag: web.ETag(f.Version)}}, err
}

// UpdateForwarder implements PATCH /v1/audit/forwarders/{forwarder_id}.
func (h *Handlers) UpdateForwarder(ctx context.Context, r api.UpdateForwarderRequestObject) (api.UpdateForwarderResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	f, err := h.service.Update(ctx, r.ForwarderID, patchOf(*r.Body), want)
	if err != nil {
		return nil, err
	}
	body, err := h.toAPI(ctx, f)
	return api.UpdateForwarder200JSONResponse{Body: body, Headers: api.UpdateForwarder200ResponseHeaders{ETag: web.ETag(f.Version)}}, err
}

// DeleteForwarder implements DELETE /v1/audit/forwarders/{forwarder_id}.
func (h *Handlers) DeleteForwarder(ctx context.Context, r api.DeleteForwarderRequestObject) (api.DeleteForwarderResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err == nil && want == nil {
		err = fault.New(fault.PreconditionRequired, "precondition-required").AtHeader("If-Match", "required")
	}
	if err == nil {
		err = h.service.Delete(ctx, r.ForwarderID, want)
	}
	if err != nil {
		return nil, err
	}
	return api.DeleteForwarder204Response{}, nil
}
