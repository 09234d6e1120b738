package vault

import (
	"context"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/vault.yaml.
type Handlers struct{ vault *Vault }

var _ api.VaultOperations = (*Handlers)(nil)

// NewHandlers makes the handlers.
func NewHandlers(v *Vault) *Handlers { return &Handlers{vault: v} }

// GetEncryption implements GET /v1/encryption.
func (h *Handlers) GetEncryption(ctx context.Context, _ api.GetEncryptionRequestObject) (api.GetEncryptionResponseObject, error) {
	s, err := h.vault.State(ctx)
	if err != nil {
		return nil, err
	}
	return api.GetEncryption200JSONResponse(toAPI(s)), nil
}

// RotateEncryptionKey implements POST /v1/encryption/rotations.
func (h *Handlers) RotateEncryptionKey(ctx context.Context, _ api.RotateEncryptionKeyRequestObject) (api.RotateEncryptionKeyResponseObject, error) {
	o, err := h.vault.StartRotation(ctx)
	if err != nil {
		return nil, err
	}
	soon := int32(1)
	return api.RotateEncryptionKey202JSONResponse{
		Body: operations.ToAPI(o), Headers: api.RotateEncryptionKey202ResponseHeaders{
			ETag: web.ETag(o.Version), Location: "/v1/operations/" + o.ID.String(), RetryAfter: &soon,
		},
	}, nil
}
