package webhooks

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
	"github.com/parvis-crm/parvis/internal/webhooks/internal/webhooksdb"
)

const verificationType = "webhook_endpoint.verification"

// startVerification queues the delivery whose success makes e active.
func (s *Service) startVerification(ctx context.Context, tx pgx.Tx, e webhooksdb.WebhookEndpoint) error {
	if err := s.q.DropVerifications(ctx, tx, e.TenantID, e.ID, e.VerificationID); err != nil {
		return err
	}
	if _, err := s.q.InsertDelivery(ctx, tx, webhooksdb.InsertDeliveryParams{
		TenantID: e.TenantID, EndpointID: e.ID, EventID: e.VerificationID, EventType: verificationType, Kind: "verification",
	}); err != nil {
		return err
	}
	if err := s.q.ResetHealth(ctx, tx, e.TenantID, e.ID); err != nil {
		return err
	}
	s.changed(e.TenantID)
	return s.q.PushQueues(ctx, tx, e.TenantID, []uuid.UUID{e.ID})
}

// Verify sends a new verification at once. An active endpoint needs none and
// stays as it is; a disabled one becomes pending.
func (s *Service) Verify(ctx context.Context, id uuid.UUID) (Endpoint, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Endpoint{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Endpoint, error) {
		head, err := s.lockLog(ctx, tx, actor.Tenant)
		if err != nil {
			return Endpoint{}, err
		}
		e, err := s.q.LockEndpoint(ctx, tx, actor.Tenant, id)
		if err != nil {
			return Endpoint{}, err
		}
		if e.Status == active {
			return s.withHealth(ctx, tx, e)
		}
		if err := s.revive(ctx, actor, &e); err != nil {
			return Endpoint{}, err
		}
		if e.Status == disabled {
			e.FromSequence = head
		}
		e.Status, e.DisabledReason, e.DisabledAt, e.VerificationID, e.AllowedRate = pending, nil, nil, ids.New(), nil
		if e, err = s.q.UpdateEndpoint(ctx, tx, updateParams(e)); err != nil {
			return Endpoint{}, err
		}
		if err := s.startVerification(ctx, tx, e); err != nil {
			return Endpoint{}, err
		}
		return s.withHealth(ctx, tx, e)
	})
}
