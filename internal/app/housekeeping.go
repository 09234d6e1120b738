package app

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/web"
)

// housekeep removes what has had its time, hourly: kept answers, quotas nobody uses. Running it in
// several processes is harmless.
func (a *App) housekeep(ctx context.Context) error {
	for {
		if err := a.tidy(ctx); err != nil && ctx.Err() == nil {
			a.Log.WarnContext(ctx, "housekeeping will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Hour):
		}
	}
}

func (a *App) tidy(ctx context.Context) error {
	if _, err := a.DB.Unscoped().Exec(ctx, "select forget_quotas()"); err != nil {
		return err
	}
	rows, err := a.DB.Unscoped().Query(ctx, "select active_tenants()")
	if err != nil {
		return err
	}
	tenants, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return err
	}
	for _, tenant := range tenants {
		if err := a.tellMemberships(ctx, tenant); err != nil {
			return err
		}
		scope := a.DB.Tenant(tenant)
		if _, err := scope.Exec(ctx, "delete from idempotency_keys where tenant_id = $1 and created_at < now() - $2::interval", tenant, web.KeepAnswers); err != nil {
			return err
		}
	}
	return nil
}

// tellMemberships tells which memberships have begun or ended by the clock alone.
func (a *App) tellMemberships(ctx context.Context, tenant uuid.UUID) error {
	ctx = web.WithActor(ctx, web.SystemActor(tenant, "memberships"))
	for {
		looked, err := a.domains.ticketing.TellDue(ctx, tenant)
		if err != nil || looked == 0 {
			return err
		}
	}
}
