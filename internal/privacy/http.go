package privacy

import (
	"context"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/contacts"
)

// Handlers answers the operations of api/privacy.yaml.
type Handlers struct{ service *Service }

var _ api.PrivacyOperations = (*Handlers)(nil)

// NewHandlers makes the handlers.
func NewHandlers(s *Service) *Handlers { return &Handlers{service: s} }

// EraseContact implements POST /v1/contacts/{contact_id}/erase.
func (h *Handlers) EraseContact(ctx context.Context, r api.EraseContactRequestObject) (api.EraseContactResponseObject, error) {
	want, err := contacts.RequiredVersion(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	e, err := h.service.Erase(ctx, r.ContactID, want, Instruction{Reason: r.Body.Reason, Reference: r.Body.InstructionReference})
	if err != nil {
		return nil, err
	}
	return api.EraseContact200JSONResponse(toAPI(e)), nil
}

// GetContactErasure implements GET /v1/contacts/{contact_id}/erasure.
func (h *Handlers) GetContactErasure(ctx context.Context, r api.GetContactErasureRequestObject) (api.GetContactErasureResponseObject, error) {
	e, err := h.service.Get(ctx, r.ContactID)
	if err != nil {
		return nil, err
	}
	return api.GetContactErasure200JSONResponse(toAPI(e)), nil
}
