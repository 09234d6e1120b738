package audit

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/web"
)

// StartVerification implements POST /v1/audit/verifications.
func (h *Handlers) StartVerification(ctx context.Context, _ api.StartVerificationRequestObject) (api.StartVerificationResponseObject, error) {
	o, err := h.verifier.Start(ctx)
	if err != nil {
		return nil, err
	}
	return api.StartVerification202JSONResponse{
		Body:    operations.ToAPI(o),
		Headers: api.StartVerification202ResponseHeaders{ETag: web.ETag(o.Version), Location: "/v1/operations/" + o.ID.String(), RetryAfter: operations.PollAfter()},
	}, nil
}

// GetAuditRetention implements GET /v1/audit/retention.
func (h *Handlers) GetAuditRetention(ctx context.Context, _ api.GetAuditRetentionRequestObject) (api.GetAuditRetentionResponseObject, error) {
	body, err := h.retention(ctx)
	return api.GetAuditRetention200JSONResponse(body), err
}

// PutAuditRetention implements PUT /v1/audit/retention.
func (h *Handlers) PutAuditRetention(ctx context.Context, r api.PutAuditRetentionRequestObject) (api.PutAuditRetentionResponseObject, error) {
	log := readsLog
	if r.Body.Log != nil {
		log = string(*r.Body.Log)
	}
	if err := h.service.Retain(ctx, log, int(r.Body.Months), r.Body.ValidFrom); err != nil {
		return nil, err
	}
	body, err := h.retention(ctx)
	return api.PutAuditRetention200JSONResponse(body), err
}

func (h *Handlers) retention(ctx context.Context) (api.AuditRetention, error) {
	kept, said, err := h.service.Retentions(ctx)
	return api.AuditRetention{
		Object: "audit_retention", Months: int32(kept.Reads), RefusalMonths: int32(kept.Refusals),
		Said: web.Map(said, func(r Retention) api.AuditRetentionSaid {
			return api.AuditRetentionSaid{Log: r.Log, Months: r.Months, ValidFrom: r.ValidFrom, CreatedAt: r.CreatedAt}
		}),
	}, err
}

// GetAuditKeys implements GET /.well-known/audit-keys.json.
func (h *Handlers) GetAuditKeys(context.Context, api.GetAuditKeysRequestObject) (api.GetAuditKeysResponseObject, error) {
	public := h.verifier.key
	name := sha256.Sum256(public)
	return api.GetAuditKeys200JSONResponse{Keys: []api.AuditKey{{
		Kty: "OKP", Crv: "Ed25519", Use: "sig", Kid: hex.EncodeToString(name[:8]), X: base64.RawURLEncoding.EncodeToString(public),
	}}}, nil
}
