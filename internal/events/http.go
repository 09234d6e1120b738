package events

import (
	"context"
	"encoding/json"
	"time"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/events.yaml.
type Handlers struct{ service *Service }

var _ api.EventsOperations = (*Handlers)(nil)

// NewHandlers makes the handlers.
func NewHandlers(s *Service) *Handlers { return &Handlers{service: s} }

// ListEvents implements GET /v1/events.
func (h *Handlers) ListEvents(ctx context.Context, r api.ListEventsRequestObject) (api.ListEventsResponseObject, error) {
	tenant, err := tenantOf(ctx)
	if err != nil {
		return nil, err
	}
	f := Filter{Types: r.Params.Types, SubjectID: r.Params.SubjectID}
	reading, err := h.service.Wait(ctx, tenant, orZero(r.Params.After), f, limit(r.Params.Limit), time.Duration(orZero(r.Params.Wait))*time.Second)
	if err != nil {
		return nil, err
	}
	return api.ListEvents200JSONResponse{Data: web.Map(reading.Events, toAPI), NextAfter: reading.Next, Head: reading.Head}, nil
}

func toAPI(e Envelope) api.Event {
	var out api.Event
	raw, err := json.Marshal(e)
	if err == nil {
		_ = json.Unmarshal(raw, &out)
	}
	return out
}

func limit(n *int32) int {
	if n == nil {
		return 100
	}
	return int(*n)
}

func orZero[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
