package connectors

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/connectors/port"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// RegisterHook tells the vendor of a source where to call.
func (s *Service) RegisterHook(ctx context.Context, reference string) (Connection, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Connection{}, err
	}
	db := s.DB.Tenant(actor.Tenant)
	src, err := s.source(ctx, db, actor, reference)
	if err != nil {
		return Connection{}, err
	}
	row, err := s.q.GetConnection(ctx, db, actor.Tenant, src.ID)
	if err != nil {
		return Connection{}, err
	}
	session, err := s.open(ctx, db, src, row)
	if err != nil {
		return Connection{}, err
	}
	registrar, ok := session.(port.HookRegistrar)
	if !ok {
		return Connection{}, missing("register_hooks", row.Connector)
	}
	plain, err := s.openSecrets(ctx, db, actor.Tenant, src.ID, row.Secrets)
	if err != nil {
		return Connection{}, err
	}
	id, err := registrar.RegisterHook(ctx, s.hookAddress(row.Connector, plain.HookKey), or(row.HookVendorID, ""))
	if err != nil {
		return Connection{}, vendorFault(err)
	}
	if id != or(row.HookVendorID, "") {
		err = pg.InTx(ctx, s.DB, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
			before, err := s.q.LockConnection(ctx, tx, actor.Tenant, src.ID)
			if err != nil {
				return err
			}
			after, err := s.q.SetHookVendorID(ctx, tx, &id, actor.Tenant, src.ID)
			if err != nil {
				return err
			}
			return recordConnection(ctx, tx, "ticketing.connection.updated", src, &before, after)
		})
		if err != nil {
			return Connection{}, err
		}
	}
	return s.Connection(ctx, reference)
}
