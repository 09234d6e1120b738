package events

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/events.yaml.
type Handlers struct {
	service *Service
	cursors web.Cursors
	types   func() ([]api.EventType, error)
}

var _ api.EventsOperations = (*Handlers)(nil)

// NewHandlers makes the handlers; the catalogue of types is read once, when it
// is first asked for.
func NewHandlers(s *Service, c web.Cursors) *Handlers {
	return &Handlers{service: s, cursors: c, types: sync.OnceValues(func() ([]api.EventType, error) {
		types, err := Types(api.SpecJSON)
		if err != nil {
			return nil, err
		}
		return typesToAPI(types)
	})}
}

// ListEvents implements GET /v1/events.
func (h *Handlers) ListEvents(ctx context.Context, r api.ListEventsRequestObject) (api.ListEventsResponseObject, error) {
	tenant, err := tenantOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := h.known(r.Params.Types); err != nil {
		return nil, err
	}
	f := Filter{Types: r.Params.Types, SubjectID: r.Params.SubjectID}
	reading, err := h.service.Wait(ctx, tenant, orZero(r.Params.After), f, limit(r.Params.Limit), time.Duration(orZero(r.Params.Wait))*time.Second)
	if err != nil {
		return nil, err
	}
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	items := make([]json.RawMessage, len(reading.Events))
	for i, e := range reading.Events {
		if items[i], err = e.ForReader(actor).form(); err != nil {
			return nil, err
		}
	}
	return api.ListEvents200JSONResponse{Data: items, NextAfter: reading.Next, Head: reading.Head}, nil
}

// StreamEvents implements GET /v1/events/stream.
func (h *Handlers) StreamEvents(ctx context.Context, r api.StreamEventsRequestObject) (api.StreamEventsResponseObject, error) {
	tenant, err := tenantOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := h.known(r.Params.Types); err != nil {
		return nil, err
	}
	return h.service.newStream(ctx, tenant, r.Params.LastEventID, r.Params.After, Filter{Types: r.Params.Types})
}

// known refuses to listen for what no type is called, or begins with: nothing would
// ever come, and nobody would know why.
func (h *Handlers) known(globs []string) error {
	types, err := h.types()
	if err != nil {
		return err
	}
	f := fault.Invalid()
	for _, glob := range globs {
		begin, open := strings.CutSuffix(glob, "*")
		if !slices.ContainsFunc(types, func(t api.EventType) bool { return t.Name == glob || open && strings.HasPrefix(t.Name, begin) }) {
			f.AtParameter("types", "unknown-event-type")
			break
		}
	}
	return f.OrNil()
}

// GetEventDigest implements GET /v1/events/digest.
func (h *Handlers) GetEventDigest(ctx context.Context, r api.GetEventDigestRequestObject) (api.GetEventDigestResponseObject, error) {
	tenant, err := tenantOf(ctx)
	if err != nil {
		return nil, err
	}
	d, err := h.service.Digest(ctx, tenant, max(1, orZero(r.Params.From)), r.Params.To)
	return api.GetEventDigest200JSONResponse(digestToAPI(d)), err
}

// GetEvent implements GET /v1/events/{event_id}.
func (h *Handlers) GetEvent(ctx context.Context, r api.GetEventRequestObject) (api.GetEventResponseObject, error) {
	tenant, err := tenantOf(ctx)
	if err != nil {
		return nil, err
	}
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	e, err := h.service.Get(ctx, tenant, r.EventID)
	return api.GetEvent200JSONResponse{Body: toAPI(e.ForReader(actor)), Headers: api.GetEvent200ResponseHeaders{ETag: web.ETag(e.Sequence)}}, err
}

// GetEventChanges implements GET /v1/events/{event_id}/changes.
func (h *Handlers) GetEventChanges(ctx context.Context, r api.GetEventChangesRequestObject) (api.GetEventChangesResponseObject, error) {
	tenant, err := tenantOf(ctx)
	if err != nil {
		return nil, err
	}
	c, err := h.service.Changes(ctx, tenant, r.EventID)
	if err != nil {
		return nil, err
	}
	holders, err := h.service.Holders(ctx, tenant, r.EventID)
	if err != nil {
		return nil, err
	}
	web.NoteSubjects(ctx, append(holders, c.contacts()...)...)
	return api.GetEventChanges200JSONResponse(changesToAPI(c)), nil
}

// ListEventTypes implements GET /v1/event-types.
func (h *Handlers) ListEventTypes(context.Context, api.ListEventTypesRequestObject) (api.ListEventTypesResponseObject, error) {
	types, err := h.types()
	return api.ListEventTypes200JSONResponse{Data: types}, err
}

// ListEventConsumers implements GET /v1/event-consumers.
func (h *Handlers) ListEventConsumers(ctx context.Context, r api.ListEventConsumersRequestObject) (api.ListEventConsumersResponseObject, error) {
	tenant, err := tenantOf(ctx)
	if err != nil {
		return nil, err
	}
	var after string
	resumed, err := h.cursors.Decode(r.Params.Cursor, "event-consumers", &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.Consumers(ctx, tenant, web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, "event-consumers", rows, limit, func(c Consumer) any { return c.Name })
	return api.ListEventConsumers200JSONResponse{
		Body:    api.EventConsumerList{Data: web.Map(page.Items, consumerToAPI), NextCursor: page.Next},
		Headers: api.ListEventConsumers200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}

// GetEventConsumer implements GET /v1/event-consumers/{consumer_name}.
func (h *Handlers) GetEventConsumer(ctx context.Context, r api.GetEventConsumerRequestObject) (api.GetEventConsumerResponseObject, error) {
	tenant, err := tenantOf(ctx)
	if err != nil {
		return nil, err
	}
	c, err := h.service.Consumer(ctx, tenant, r.ConsumerName)
	return api.GetEventConsumer200JSONResponse{Body: consumerToAPI(c), Headers: api.GetEventConsumer200ResponseHeaders{ETag: web.ETag(c.Version)}}, err
}

// PutEventConsumer implements PUT /v1/event-consumers/{consumer_name}.
func (h *Handlers) PutEventConsumer(ctx context.Context, r api.PutEventConsumerRequestObject) (api.PutEventConsumerResponseObject, error) {
	tenant, err := tenantOf(ctx)
	if err != nil {
		return nil, err
	}
	version, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	c, err := h.service.MoveConsumer(ctx, tenant, r.ConsumerName, r.Body.Sequence, orZero(r.Body.Force), version)
	return api.PutEventConsumer200JSONResponse{Body: consumerToAPI(c), Headers: api.PutEventConsumer200ResponseHeaders{ETag: web.ETag(c.Version)}}, err
}

// DeleteEventConsumer implements DELETE /v1/event-consumers/{consumer_name}.
func (h *Handlers) DeleteEventConsumer(ctx context.Context, r api.DeleteEventConsumerRequestObject) (api.DeleteEventConsumerResponseObject, error) {
	tenant, err := tenantOf(ctx)
	if err != nil {
		return nil, err
	}
	version, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	return api.DeleteEventConsumer204Response{}, h.service.DeleteConsumer(ctx, tenant, r.ConsumerName, version)
}
