package audit

import (
	"context"
	"encoding/json"

	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

// ListAuditEntries implements GET /v1/audit/entries.
func (h *Handlers) ListAuditEntries(ctx context.Context, r api.ListAuditEntriesRequestObject) (api.ListAuditEntriesResponseObject, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	p := r.Params
	if p.ActorID != nil && !actor.Scopes.Allow(actorsScope) {
		return nil, fault.New(fault.Forbidden, "insufficient-scope").With("scope", actorsScope).Extra("required_scope", actorsScope)
	}
	f := EntryFilter{
		Kinds: web.Map(p.Kinds, func(k api.ListAuditEntriesParamsKinds) string { return string(k) }),
		Actor: p.ActorID, Subject: p.SubjectID, Operation: p.Operation, Since: p.OccurredAtGte, Until: p.OccurredAtLt,
	}
	walk, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	var at EntryPosition
	if _, err := h.cursors.Decode(p.Cursor, "audit entries"+string(walk), &at); err != nil {
		return nil, err
	}
	entries, next, more, err := h.service.Entries(ctx, actor.Tenant, f, at, web.Limit(p.Limit))
	if err != nil {
		return nil, err
	}
	page := web.Page[Entry]{Items: entries, Next: nullable.NewNullNullable[string]()}
	if more {
		cursor, err := h.cursors.Encode("audit entries"+string(walk), next)
		if err != nil {
			return nil, err
		}
		page.Next = nullable.NewNullableWithValue(cursor)
	}
	return api.ListAuditEntries200JSONResponse{
		Body:    api.AuditEntryList{Data: web.Map(page.Items, entryToAPI), NextCursor: page.Next},
		Headers: api.ListAuditEntries200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}
