package webhooks

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
	"github.com/parvis-crm/parvis/internal/webhooks/internal/webhooksdb"
)

const (
	recoveryKind  = "webhook_recovery"
	recoveryBatch = 1000
)

// Recovery asks for a period of the log to be sent again. OnlyFailed leaves out
// what was delivered.
type Recovery struct {
	Endpoint   uuid.UUID `json:"endpoint"`
	Since      time.Time `json:"since"`
	Until      time.Time `json:"until"`
	OnlyFailed bool      `json:"only_failed"`
}

// Recover starts the operation.
func (s *Service) Recover(ctx context.Context, in Recovery) (operations.Operation, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return operations.Operation{}, err
	}
	if !in.Since.Before(in.Until) {
		return operations.Operation{}, fault.Invalid().At("#/until", "not-after-since")
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (operations.Operation, error) {
		e, err := s.q.GetEndpoint(ctx, tx, actor.Tenant, in.Endpoint)
		if err != nil {
			return operations.Operation{}, err
		}
		if e.Status == disabled {
			return operations.Operation{}, fault.New(fault.Conflict, "webhook-endpoint-not-active").With("status", e.Status)
		}
		return s.operations.StartTx(ctx, tx, operations.Start{Kind: recoveryKind, Unit: "events", Parameters: in})
	})
}

// recover is the work of the operation: it walks the period and queues what is
// asked for. Walking it twice queues nothing twice that is still waiting.
func (s *Service) recover(ctx context.Context, run *operations.Run) (any, error) {
	var in Recovery
	if err := run.Parameters(&in); err != nil {
		return nil, err
	}
	tenant := run.Tenant()
	after, before := firstID(in.Since), firstID(in.Until)
	var walked, queued int64
	for {
		e, err := s.q.GetEndpoint(ctx, s.db.Tenant(tenant), tenant, in.Endpoint)
		if err != nil {
			return nil, err
		}
		rows, err := s.q.ListRecorded(ctx, s.db.Tenant(tenant), webhooksdb.ListRecordedParams{TenantID: tenant, After: after, Before: before, BatchSize: recoveryBatch})
		if err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			return map[string]any{"events": walked, "deliveries_queued": queued}, nil
		}
		n, err := s.requeue(ctx, e, rows, in.OnlyFailed)
		if err != nil {
			return nil, err
		}
		walked, queued, after = walked+int64(len(rows)), queued+n, rows[len(rows)-1].ID
		if err := run.Progress(ctx, walked, nil); err != nil {
			return nil, err
		}
	}
}

func (s *Service) requeue(ctx context.Context, e webhooksdb.WebhookEndpoint, rows []webhooksdb.ListRecordedRow, onlyFailed bool) (int64, error) {
	of, err := s.readerFor(ctx, e.TenantID, makerOf(e))
	if err != nil {
		return 0, err
	}
	if !of.actor.Sight.All() {
		ids := make([]uuid.UUID, len(rows))
		for i, r := range rows {
			ids[i] = r.ID
		}
		if of.seen, err = s.events.SeenOf(web.WithActor(ctx, of.actor), e.TenantID, ids); err != nil {
			return 0, err
		}
	}
	p := webhooksdb.RecoverParams{TenantID: e.TenantID, EndpointID: e.ID, OnlyFailed: onlyFailed}
	for _, r := range rows {
		if !of.sends(r.ID, r.Type) || !wants(e.EventTypes, e.Scopes, r.Type) || (aboutItself(r.Type) && r.SubjectID == e.ID) {
			continue
		}
		p.EventIds, p.Sequences, p.EventTypes = append(p.EventIds, r.ID), append(p.Sequences, r.Sequence), append(p.EventTypes, r.Type)
	}
	if len(p.EventIds) == 0 {
		return 0, nil
	}
	return pg.InTxValue(ctx, s.db, e.TenantID, func(ctx context.Context, tx pgx.Tx) (int64, error) {
		n, err := s.q.Recover(ctx, tx, p)
		if err != nil {
			return 0, err
		}
		s.changed(e.TenantID)
		return n, s.q.PushQueues(ctx, tx, e.TenantID, []uuid.UUID{e.ID})
	})
}

// firstID is the lowest UUIDv7 (RFC 9562) of an instant.
func firstID(at time.Time) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(max(at.UnixMilli(), 0))<<16)
	return id
}
