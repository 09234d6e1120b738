package webhooks

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
	"github.com/parvis-crm/parvis/internal/webhooks/internal/webhooksdb"
)

// Delivery is the delivery of one event to one endpoint, identified by the
// event.
type Delivery = webhooksdb.WebhookDelivery

// DeliverySummary is a delivery without its attempts.
type DeliverySummary = webhooksdb.ListDeliveriesRow

// Attempt is one attempt as it is kept.
type Attempt struct {
	At        time.Time `json:"at"`
	Status    int       `json:"status,omitempty"` // HTTP status; 0: no answer
	LatencyMS int64     `json:"ms"`
	Error     string    `json:"error,omitempty"`
	Body      string    `json:"body,omitempty"` // at most 1 KiB
}

// DeliveryFilter narrows a list of deliveries.
type DeliveryFilter struct {
	Statuses  []string
	EventType *string // exact, or with a trailing star
	Since     *time.Time
}

// Deliveries returns at most limit deliveries of an endpoint before an event,
// the newest event first.
func (s *Service) Deliveries(ctx context.Context, endpoint uuid.UUID, f DeliveryFilter, after *uuid.UUID, limit int) ([]DeliverySummary, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	scope := s.db.Tenant(actor.Tenant)
	if _, err := s.q.GetEndpoint(ctx, scope, actor.Tenant, endpoint); err != nil {
		return nil, err
	}
	p := webhooksdb.ListDeliveriesParams{
		TenantID: actor.Tenant, EndpointID: endpoint, Statuses: nonNil(f.Statuses), Patterns: []string{}, Since: f.Since, AfterEventID: after, PageSize: int32(limit),
	}
	if f.EventType != nil {
		p.Patterns = []string{strings.NewReplacer("_", `\_`, "*", "%").Replace(*f.EventType)}
	}
	if actor.Sight.All() {
		return s.q.ListDeliveries(ctx, scope, p)
	}
	out := []DeliverySummary{}
	for {
		page, err := s.q.ListDeliveries(ctx, scope, p)
		if err != nil {
			return nil, err
		}
		seen, err := s.seenDeliveries(ctx, actor.Tenant, page)
		if err != nil {
			return nil, err
		}
		for _, d := range page {
			if d.Kind != "event" || seen[d.EventID] {
				out = append(out, d)
			}
		}
		if len(out) >= limit || len(page) < limit {
			return out[:min(len(out), limit)], nil
		}
		p.AfterEventID = &page[len(page)-1].EventID
	}
}

// seenDeliveries are the events among these deliveries that the caller sees: the
// delivery of an event is seen where the event is.
func (s *Service) seenDeliveries(ctx context.Context, tenant uuid.UUID, page []DeliverySummary) (map[uuid.UUID]bool, error) {
	ids := make([]uuid.UUID, 0, len(page))
	for _, d := range page {
		if d.Kind == "event" {
			ids = append(ids, d.EventID)
		}
	}
	return s.events.SeenOf(ctx, tenant, ids)
}

// seen refuses a delivery whose event the caller does not see.
func (s *Service) seen(ctx context.Context, d Delivery, err error) (Delivery, error) {
	if err != nil || d.Kind != "event" || pg.SightIn(ctx).All() {
		return d, err
	}
	seen, err := s.events.SeenOf(ctx, d.TenantID, []uuid.UUID{d.EventID})
	if err == nil && !seen[d.EventID] {
		err = fault.NotFound()
	}
	return d, err
}

// Delivery returns one delivery with its attempts.
func (s *Service) Delivery(ctx context.Context, endpoint, event uuid.UUID) (Delivery, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Delivery{}, err
	}
	scope := s.db.Tenant(actor.Tenant)
	if _, err := s.q.GetEndpoint(ctx, scope, actor.Tenant, endpoint); err != nil {
		return Delivery{}, err
	}
	d, err := s.q.GetDelivery(ctx, scope, actor.Tenant, endpoint, event)
	return s.seen(ctx, d, err)
}

// Retry sends a delivery again at once, whatever became of it, with a schedule
// that begins anew. While the endpoint is not active, it waits.
func (s *Service) Retry(ctx context.Context, endpoint, event uuid.UUID) (Delivery, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Delivery{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Delivery, error) {
		e, err := s.q.GetEndpoint(ctx, tx, actor.Tenant, endpoint)
		if err != nil {
			return Delivery{}, err
		}
		if e.Status == disabled {
			return Delivery{}, fault.New(fault.Conflict, "webhook-endpoint-not-active").With("status", e.Status)
		}
		before, err := s.q.GetDelivery(ctx, tx, actor.Tenant, endpoint, event)
		if before, err = s.seen(ctx, before, err); err != nil {
			return Delivery{}, err
		}
		if before.Kind == "verification" && e.VerificationID != event {
			return Delivery{}, fault.New(fault.Conflict, "webhook-verification-over")
		}
		d, err := s.q.RetryDelivery(ctx, tx, actor.Tenant, endpoint, event)
		if err != nil {
			return Delivery{}, err
		}
		s.changed(actor.Tenant)
		return d, s.q.PushQueues(ctx, tx, actor.Tenant, []uuid.UUID{endpoint})
	})
}

// Test sends a made-up event of a type to an active endpoint.
func (s *Service) Test(ctx context.Context, endpoint uuid.UUID, eventType string) (Delivery, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Delivery{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Delivery, error) {
		e, err := s.q.GetEndpoint(ctx, tx, actor.Tenant, endpoint)
		if err != nil {
			return Delivery{}, err
		}
		if e.Status != active {
			return Delivery{}, fault.New(fault.Conflict, "webhook-endpoint-not-active").With("status", e.Status)
		}
		d, err := s.q.InsertDelivery(ctx, tx, webhooksdb.InsertDeliveryParams{
			TenantID: actor.Tenant, EndpointID: endpoint, EventID: ids.New(), EventType: eventType, Kind: "test",
		})
		if err != nil {
			return Delivery{}, err
		}
		s.changed(actor.Tenant)
		return d, s.q.PushQueues(ctx, tx, actor.Tenant, []uuid.UUID{endpoint})
	})
}
