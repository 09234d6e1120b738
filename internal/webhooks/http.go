package webhooks

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/webhooks.yaml.
type Handlers struct {
	service *Service
	cursors web.Cursors
}

var _ api.WebhooksOperations = (*Handlers)(nil)

// NewHandlers makes the handlers.
func NewHandlers(s *Service, c web.Cursors) *Handlers { return &Handlers{service: s, cursors: c} }

// ListWebhookEndpoints implements GET /v1/webhook-endpoints.
func (h *Handlers) ListWebhookEndpoints(ctx context.Context, r api.ListWebhookEndpointsRequestObject) (api.ListWebhookEndpointsResponseObject, error) {
	walk := fmt.Sprint("webhook_endpoints", r.Params.Status)
	var after Position
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.List(ctx, texts(r.Params.Status), web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(e Endpoint) any { return Position{e.CreatedAt, e.ID} })
	if err != nil {
		return nil, err
	}
	return api.ListWebhookEndpoints200JSONResponse{
		Body:    api.WebhookEndpointList{Data: web.Map(page.Items, toAPI), NextCursor: page.Next},
		Headers: api.ListWebhookEndpoints200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// CreateWebhookEndpoint implements POST /v1/webhook-endpoints.
func (h *Handlers) CreateWebhookEndpoint(ctx context.Context, r api.CreateWebhookEndpointRequestObject) (api.CreateWebhookEndpointResponseObject, error) {
	if err := checkTypes(r.Body.EventTypes); err != nil {
		return nil, err
	}
	made, err := h.service.Create(ctx, newEndpoint(*r.Body))
	if err != nil {
		return nil, err
	}
	return api.CreateWebhookEndpoint201JSONResponse{
		Body:    withSecret(made),
		Headers: api.CreateWebhookEndpoint201ResponseHeaders{ETag: web.ETag(made.Endpoint.Version), Location: location(made.Endpoint.ID)},
	}, nil
}

// GetWebhookEndpoint implements GET /v1/webhook-endpoints/{endpoint_id}.
func (h *Handlers) GetWebhookEndpoint(ctx context.Context, r api.GetWebhookEndpointRequestObject) (api.GetWebhookEndpointResponseObject, error) {
	e, err := h.service.Get(ctx, r.EndpointID)
	if err != nil {
		return nil, err
	}
	return api.GetWebhookEndpoint200JSONResponse{Body: toAPI(e), Headers: api.GetWebhookEndpoint200ResponseHeaders{ETag: web.ETag(e.Version)}}, nil
}

// UpdateWebhookEndpoint implements PATCH /v1/webhook-endpoints/{endpoint_id}.
func (h *Handlers) UpdateWebhookEndpoint(ctx context.Context, r api.UpdateWebhookEndpointRequestObject) (api.UpdateWebhookEndpointResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	if err := checkTypes(r.Body.EventTypes); err != nil {
		return nil, err
	}
	e, err := h.service.Update(ctx, r.EndpointID, want, change(*r.Body))
	if err != nil {
		return nil, err
	}
	return api.UpdateWebhookEndpoint200JSONResponse{Body: toAPI(e), Headers: api.UpdateWebhookEndpoint200ResponseHeaders{ETag: web.ETag(e.Version)}}, nil
}

// DeleteWebhookEndpoint implements DELETE /v1/webhook-endpoints/{endpoint_id}.
func (h *Handlers) DeleteWebhookEndpoint(ctx context.Context, r api.DeleteWebhookEndpointRequestObject) (api.DeleteWebhookEndpointResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	if want == nil {
		return nil, fault.New(fault.PreconditionRequired, "precondition-required")
	}
	return api.DeleteWebhookEndpoint204Response{}, h.service.Delete(ctx, r.EndpointID, want)
}

// VerifyWebhookEndpoint implements POST /v1/webhook-endpoints/{endpoint_id}/verify.
func (h *Handlers) VerifyWebhookEndpoint(ctx context.Context, r api.VerifyWebhookEndpointRequestObject) (api.VerifyWebhookEndpointResponseObject, error) {
	e, err := h.service.Verify(ctx, r.EndpointID)
	if err != nil {
		return nil, err
	}
	return api.VerifyWebhookEndpoint202JSONResponse{
		Body: toAPI(e), Headers: api.VerifyWebhookEndpoint202ResponseHeaders{ETag: web.ETag(e.Version), Location: location(e.ID)},
	}, nil
}

// RotateWebhookSecret implements POST /v1/webhook-endpoints/{endpoint_id}/rotate-secret.
func (h *Handlers) RotateWebhookSecret(ctx context.Context, r api.RotateWebhookSecretRequestObject) (api.RotateWebhookSecretResponseObject, error) {
	overlap := DefaultOverlap
	if r.Body.OverlapSeconds != nil {
		overlap = time.Duration(*r.Body.OverlapSeconds) * time.Second
	}
	made, err := h.service.Rotate(ctx, r.EndpointID, overlap)
	if err != nil {
		return nil, err
	}
	return api.RotateWebhookSecret201JSONResponse{
		Body:    withSecret(made),
		Headers: api.RotateWebhookSecret201ResponseHeaders{ETag: web.ETag(made.Endpoint.Version), Location: location(made.Endpoint.ID)},
	}, nil
}

// ListWebhookKeys implements GET /v1/webhook-endpoints/{endpoint_id}/keys.
func (h *Handlers) ListWebhookKeys(ctx context.Context, r api.ListWebhookKeysRequestObject) (api.ListWebhookKeysResponseObject, error) {
	keys, err := h.service.PublicKeys(ctx, r.EndpointID)
	if err != nil {
		return nil, err
	}
	return api.ListWebhookKeys200JSONResponse{Keys: web.Map(keys, keyToAPI)}, nil
}

// GetWebhookKeySet implements GET /.well-known/webhook-keys.json.
func (h *Handlers) GetWebhookKeySet(ctx context.Context, r api.GetWebhookKeySetRequestObject) (api.GetWebhookKeySetResponseObject, error) {
	keys, err := h.service.PublicKeys(ctx, r.Params.Endpoint)
	if err != nil {
		return nil, err
	}
	return api.GetWebhookKeySet200JSONResponse{Keys: web.Map(keys, keyToAPI)}, nil
}

// ListWebhookDeliveries implements GET /v1/webhook-endpoints/{endpoint_id}/deliveries.
func (h *Handlers) ListWebhookDeliveries(ctx context.Context, r api.ListWebhookDeliveriesRequestObject) (api.ListWebhookDeliveriesResponseObject, error) {
	f := DeliveryFilter{Statuses: texts(r.Params.Status), EventType: r.Params.EventType, Since: r.Params.Since}
	walk := fmt.Sprint("webhook_deliveries", r.EndpointID, f.Statuses, orEmpty(f.EventType), orZero(f.Since).UTC())
	var after uuid.UUID
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.Deliveries(ctx, r.EndpointID, f, web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(d DeliverySummary) any { return d.EventID })
	if err != nil {
		return nil, err
	}
	return api.ListWebhookDeliveries200JSONResponse{
		Body:    api.WebhookDeliveryList{Data: web.Map(page.Items, summaryToAPI), NextCursor: page.Next},
		Headers: api.ListWebhookDeliveries200ResponseHeaders{Link: page.Link(ctx)},
	}, nil
}

// GetWebhookDelivery implements GET /v1/webhook-endpoints/{endpoint_id}/deliveries/{delivery_id}.
func (h *Handlers) GetWebhookDelivery(ctx context.Context, r api.GetWebhookDeliveryRequestObject) (api.GetWebhookDeliveryResponseObject, error) {
	d, err := h.service.Delivery(ctx, r.EndpointID, r.DeliveryID)
	if err != nil {
		return nil, err
	}
	out, err := detailToAPI(d)
	if err != nil {
		return nil, err
	}
	return api.GetWebhookDelivery200JSONResponse{Body: out, Headers: api.GetWebhookDelivery200ResponseHeaders{ETag: web.ETag(d.Version)}}, nil
}

// RetryWebhookDelivery implements POST /v1/webhook-endpoints/{endpoint_id}/deliveries/{delivery_id}/retry.
func (h *Handlers) RetryWebhookDelivery(ctx context.Context, r api.RetryWebhookDeliveryRequestObject) (api.RetryWebhookDeliveryResponseObject, error) {
	d, err := h.service.Retry(ctx, r.EndpointID, r.DeliveryID)
	if err != nil {
		return nil, err
	}
	return api.RetryWebhookDelivery202JSONResponse{
		Body: deliveryToAPI(d), Headers: api.RetryWebhookDelivery202ResponseHeaders{ETag: web.ETag(d.Version), Location: deliveryLocation(d)},
	}, nil
}

// RecoverWebhookEndpoint implements POST /v1/webhook-endpoints/{endpoint_id}/recover.
func (h *Handlers) RecoverWebhookEndpoint(ctx context.Context, r api.RecoverWebhookEndpointRequestObject) (api.RecoverWebhookEndpointResponseObject, error) {
	in := Recovery{Endpoint: r.EndpointID, Since: r.Body.Since, Until: clock.System{}.Now(), OnlyFailed: r.Body.OnlyFailed == nil || *r.Body.OnlyFailed}
	if r.Body.Until != nil {
		in.Until = *r.Body.Until
	} else if !in.Since.Before(in.Until) {
		return nil, fault.Invalid().At("#/since", "not-past")
	}
	o, err := h.service.Recover(ctx, in)
	if err != nil {
		return nil, err
	}
	return api.RecoverWebhookEndpoint202JSONResponse{
		Body:    operations.ToAPI(o),
		Headers: api.RecoverWebhookEndpoint202ResponseHeaders{ETag: web.ETag(o.Version), Location: "/v1/operations/" + o.ID.String(), RetryAfter: operations.PollAfter()},
	}, nil
}

// TestWebhookEndpoint implements POST /v1/webhook-endpoints/{endpoint_id}/test.
func (h *Handlers) TestWebhookEndpoint(ctx context.Context, r api.TestWebhookEndpointRequestObject) (api.TestWebhookEndpointResponseObject, error) {
	d, err := h.service.Test(ctx, r.EndpointID, r.Body.Type)
	if err != nil {
		return nil, err
	}
	return api.TestWebhookEndpoint202JSONResponse{
		Body: deliveryToAPI(d), Headers: api.TestWebhookEndpoint202ResponseHeaders{ETag: web.ETag(d.Version), Location: deliveryLocation(d)},
	}, nil
}
