package webhooks

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/webhooks/internal/webhooksdb"
)

const (
	purgeEvery = time.Hour
	purgeBatch = 5000
)

// RunPurge removes deliveries past their time, and those of deleted endpoints,
// and ends the endpoints of makers that have expired, until the context ends. Two processes that do it at once do no harm.
func (s *Service) RunPurge(ctx context.Context) error {
	timer := time.NewTimer(time.Minute)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			if err := s.PurgeAll(ctx, clock.System{}.Now()); err != nil && ctx.Err() == nil {
				s.log.WarnContext(ctx, "webhook deliveries cannot be purged; will try again", "error", err)
			}
			timer.Reset(purgeEvery)
		}
	}
}

// PurgeAll is one purge of every tenant.
func (s *Service) PurgeAll(ctx context.Context, now time.Time) error {
	rows, err := s.db.Unscoped().Query(ctx, "select active_tenants()")
	if err != nil {
		return err
	}
	tenants, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return err
	}
	for _, tenant := range tenants {
		if err := s.purge(ctx, tenant, now); err != nil {
			return err
		}
		if err := s.endOrphans(ctx, tenant); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) purge(ctx context.Context, tenant uuid.UUID, now time.Time) error {
	scope := s.db.Tenant(tenant)
	if err := s.q.DeleteExpiredKeys(ctx, scope, tenant); err != nil {
		return err
	}
	endpoints, err := s.q.ListDeliveredEndpoints(ctx, scope, tenant)
	if err != nil {
		return err
	}
	for _, e := range endpoints {
		before := now.Add(-s.o.Keep)
		if !e.Present {
			before = now
		}
		for {
			n, err := s.q.PurgeDeliveries(ctx, scope, webhooksdb.PurgeDeliveriesParams{
				TenantID: tenant, EndpointID: e.EndpointID, BeforeID: firstID(before), Before: before, BatchSize: purgeBatch,
			})
			if err != nil {
				return err
			}
			if n < purgeBatch {
				break
			}
		}
	}
	return nil
}
