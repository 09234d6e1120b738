package audit

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

// GetReadPolicy implements GET /v1/audit/read-policy.
func (h *Handlers) GetReadPolicy(ctx context.Context, _ api.GetReadPolicyRequestObject) (api.GetReadPolicyResponseObject, error) {
	p, err := h.service.Policy(ctx)
	return api.GetReadPolicy200JSONResponse{Body: policyToAPI(p), Headers: api.GetReadPolicy200ResponseHeaders{ETag: web.ETag(p.Version)}}, err
}

// PutReadPolicy implements PUT /v1/audit/read-policy.
func (h *Handlers) PutReadPolicy(ctx context.Context, r api.PutReadPolicyRequestObject) (api.PutReadPolicyResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	in := ReadPolicy{Operations: r.Body.Operations, Purposes: r.Body.Purposes, Restricted: r.Body.Restricted, Noted: string(r.Body.Noted)}
	f := fault.Invalid()
	for i, name := range in.Operations {
		if op, there := api.Operations[name]; !there || op.Purpose != "identifiable" {
			f.At("#/operations/"+strconv.Itoa(i), "unknown-reference")
		}
	}
	if err := f.OrNil(); err != nil {
		return nil, err
	}
	p, err := h.service.PutPolicy(ctx, in, want)
	if err != nil {
		return nil, err
	}
	h.changed(p.TenantID)
	return api.PutReadPolicy200JSONResponse{Body: policyToAPI(p), Headers: api.PutReadPolicy200ResponseHeaders{ETag: web.ETag(p.Version)}}, nil
}

// ListContactAccessLog implements GET /v1/contacts/{contact_id}/access-log.
func (h *Handlers) ListContactAccessLog(ctx context.Context, r api.ListContactAccessLogRequestObject) (api.ListContactAccessLogResponseObject, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	f := ReadFilter{Contact: &r.ContactID, Since: r.Params.OccurredAtGte, Until: r.Params.OccurredAtLt}
	walk, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	if err := h.service.seesContact(ctx, actor.Tenant, r.ContactID); err != nil {
		return nil, err
	}
	var before Position
	resumed, err := h.cursors.Decode(r.Params.Cursor, "access-log"+string(walk), &before)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.Reads(ctx, actor.Tenant, f, web.If(resumed, &before), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, "access-log"+string(walk), rows, limit, func(r Read) any { return Position{r.OccurredAt, r.ID} })
	return api.ListContactAccessLog200JSONResponse{
		Body:    api.AccessList{Data: web.Map(page.Items, accessToAPI), NextCursor: page.Next},
		Headers: api.ListContactAccessLog200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}
