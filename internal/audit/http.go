package audit

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/audit.yaml.
type Handlers struct {
	service  *Service
	cursors  web.Cursors
	changed  func(tenant uuid.UUID) // its policy of reads
	verifier *Verifier
}

var _ api.AuditOperations = (*Handlers)(nil)

// NewHandlers makes the handlers; l is what goes by the policy of reads.
func NewHandlers(s *Service, l *ReadLog, v *Verifier, c web.Cursors) *Handlers {
	return &Handlers{service: s, cursors: c, changed: l.policies.forget, verifier: v}
}

// actorsScope is what looking for the reads of one agent asks for besides.
const actorsScope = "audit:actors"

// VerifyLog implements GET /v1/audit/verification.
func (h *Handlers) VerifyLog(ctx context.Context, r api.VerifyLogRequestObject) (api.VerifyLogResponseObject, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	report, err := h.service.Verify(ctx, actor.Tenant, orOne(r.Params.From), r.Params.To, events.MostAtOnce, nil)
	return api.VerifyLog200JSONResponse(reportToAPI(report)), err
}

// ListReads implements GET /v1/audit/reads.
func (h *Handlers) ListReads(ctx context.Context, r api.ListReadsRequestObject) (api.ListReadsResponseObject, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	if r.Params.ActorID != nil && !actor.Scopes.Allow(actorsScope) {
		// Logs prove who did what; they are not there to watch people at work.
		return nil, fault.New(fault.Forbidden, "insufficient-scope").With("scope", actorsScope).Extra("required_scope", actorsScope)
	}
	f := ReadFilter{Contact: r.Params.ContactID, Actor: r.Params.ActorID, Since: r.Params.OccurredAtGte, Until: r.Params.OccurredAtLt}
	walk, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	var before Position
	resumed, err := h.cursors.Decode(r.Params.Cursor, "reads"+string(walk), &before)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.Reads(ctx, actor.Tenant, f, web.If(resumed, &before), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, "reads"+string(walk), rows, limit, func(r Read) any { return Position{r.OccurredAt, r.ID} })
	return api.ListReads200JSONResponse{
		Body:    api.ReadList{Data: web.Map(page.Items, readToAPI), NextCursor: page.Next},
		Headers: api.ListReads200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}
