package mail

import (
	"context"
	"fmt"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/mail.yaml.
type Handlers struct {
	service *Service
	cursors web.Cursors
}

var _ api.MailOperations = (*Handlers)(nil)

// NewHandlers makes the handlers.
func NewHandlers(s *Service, c web.Cursors) *Handlers { return &Handlers{service: s, cursors: c} }

// ListOutbox implements GET /v1/test/outbox.
func (h *Handlers) ListOutbox(ctx context.Context, r api.ListOutboxRequestObject) (api.ListOutboxResponseObject, error) {
	walk := "outbox "
	if r.Params.To != nil {
		walk = fmt.Sprintf("outbox %q", *r.Params.To)
	}
	var after Position
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.Outbox(ctx, r.Params.To, web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(m Mail) any { return Position{m.CreatedAt, m.ID} })
	if err != nil {
		return nil, err
	}
	return api.ListOutbox200JSONResponse{
		Body:    api.CapturedMailList{Data: web.Map(page.Items, toAPI), NextCursor: page.Next},
		Headers: api.ListOutbox200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}
