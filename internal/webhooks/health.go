package webhooks

import (
	"context"
	"maps"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/webhooks/internal/webhooksdb"
)

// disableTx ends deliveries to an endpoint. What is queued waits for it to be
// verified anew.
func (s *Service) disableTx(ctx context.Context, tx pgx.Tx, tenant, endpoint uuid.UUID, reason string, more map[string]any) error {
	e, err := s.q.DisableEndpoint(ctx, tx, &reason, tenant, endpoint)
	if pg.IsNoRows(err) {
		return nil // it is already
	}
	if err != nil {
		return err
	}
	s.changed(tenant)
	if err := s.tellTx(ctx, tx, e, time.Time{}, reason); err != nil {
		return err
	}
	facts := map[string]any{"reason": reason}
	maps.Copy(facts, more)
	return events.RecordTx(ctx, tx, events.Entry{Type: "webhook_endpoint.disabled", Subject: subject(e), Facts: facts})
}

// judgeHealth tells of an endpoint that has only been failing for a day, and
// disables it after five. A failure to do so is made good by the next attempt.
func (s *Service) judgeHealth(ctx context.Context, tenant uuid.UUID, h webhooksdb.RecordHealthRow) {
	since := time.Since(*h.FailingSince)
	if since < s.o.FailingAfter || (since < s.o.DisableAfter && h.FailingToldAt != nil) {
		return
	}
	err := pg.InTx(ctx, s.db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		if since >= s.o.DisableAfter {
			return s.disableTx(ctx, tx, tenant, h.EndpointID, "failing", nil)
		}
		e, err := s.q.GetEndpoint(ctx, tx, tenant, h.EndpointID)
		if err != nil {
			return err
		}
		n, err := s.q.TellFailing(ctx, tx, tenant, h.EndpointID)
		if err != nil || n == 0 {
			return err
		}
		if err := s.tellTx(ctx, tx, e, *h.FailingSince, ""); err != nil {
			return err
		}
		return events.RecordTx(ctx, tx, events.Entry{
			Type: "webhook_endpoint.failing", Subject: subject(e), Facts: map[string]any{"since": h.FailingSince.UTC().Format(time.RFC3339)},
		})
	})
	if err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "webhook endpoint's failing cannot be told; will try again", "endpoint", h.EndpointID, "error", err)
	}
}
