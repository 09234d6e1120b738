package webhooks

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/webhooks/internal/webhooksdb"
)

const (
	// fanOutRows is about how many deliveries one transaction writes.
	fanOutRows = 5000
	// sweepEvery is how often tenants are looked for whose growth nobody
	// announced: after a start, and when announcements were lost.
	sweepEvery = time.Second
)

// RunFanOut turns the log of every tenant into deliveries until the context
// ends. Any number of processes may run it.
func (s *Service) RunFanOut(ctx context.Context) error {
	grown, done := s.hub.Subscribe(uuid.Nil)
	defer done()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		waiting := map[uuid.UUID]struct{}{}
		select {
		case <-ctx.Done():
			return nil
		case tenant := <-grown:
			waiting[tenant] = struct{}{}
			for more := true; more; {
				select {
				case tenant := <-grown:
					waiting[tenant] = struct{}{}
				default:
					more = false
				}
			}
		case <-timer.C:
			for _, tenant := range s.tenantsWithWork(ctx) {
				waiting[tenant] = struct{}{}
			}
			timer.Reset(sweepEvery)
		}
		// One batch a tenant in turn: the log of a big institution does not
		// hold up the small ones.
		for len(waiting) > 0 && ctx.Err() == nil {
			for tenant := range waiting {
				more, err := s.FanOut(ctx, tenant)
				if err != nil && ctx.Err() == nil {
					s.log.WarnContext(ctx, "webhook fan-out: will try again", "tenant", tenant, "error", err)
				}
				if !more || err != nil {
					delete(waiting, tenant)
				}
			}
		}
	}
}

func (s *Service) tenantsWithWork(ctx context.Context) []uuid.UUID {
	rows, err := s.db.Unscoped().Query(ctx, "select tenants_with_webhook_work()")
	if err == nil {
		var tenants []uuid.UUID
		if tenants, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID]); err == nil {
			return tenants
		}
	}
	if ctx.Err() == nil {
		s.log.WarnContext(ctx, "webhook fan-out: will look again", "error", err)
	}
	return nil
}

// FanOut turns one batch of a tenant's log into deliveries and reports whether
// there is more. It does nothing while another process is at it.
func (s *Service) FanOut(ctx context.Context, tenant uuid.UUID) (bool, error) {
	ctx = system(ctx, tenant)
	at, err := s.q.PeekCursor(ctx, s.db.Tenant(tenant), tenant)
	if pg.IsNoRows(err) || (err == nil && at.Receivers == 0) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	batch := min(max(fanOutRows/int(at.Receivers), 50), 1000)
	reading, err := s.events.Read(ctx, tenant, at.Sequence, events.Filter{}, batch)
	if err != nil || len(reading.Events) == 0 {
		return false, err
	}
	messages := make([]message, 0, len(reading.Events))
	for _, e := range reading.Events {
		m, err := newMessage(e)
		if err != nil {
			return false, fmt.Errorf("webhooks: event %s: %w", e.ID, err)
		}
		messages = append(messages, m)
	}
	s.messages.put(tenant, messages)
	var filled []uuid.UUID
	taken := false
	err = pg.InTx(ctx, s.db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		stands, err := s.q.TryLockCursor(ctx, tx, tenant)
		if pg.IsNoRows(err) || (err == nil && stands > at.Sequence) {
			return nil // another process is, or was, faster
		}
		if err != nil {
			return err
		}
		// Read under the lock: whoever begins to receive waits for it.
		receivers, err := s.q.ListReceivers(ctx, tx, tenant)
		if err != nil {
			return err
		}
		readers, err := s.readersFor(ctx, tenant, receivers, reading.Events)
		if err != nil {
			return err
		}
		for _, r := range receivers {
			if ended := readers[makerFor(r)].ended; ended != "" {
				if err := s.orphanTx(ctx, tx, tenant, r.ID, ended); err != nil {
					return err
				}
			}
		}
		var p webhooksdb.FanOutParams
		if p, filled = match(tenant, receivers, readers, reading.Events); len(filled) > 0 {
			if _, err := s.q.FanOut(ctx, tx, p); err != nil {
				return err
			}
			if err := s.q.PushQueues(ctx, tx, tenant, filled); err != nil {
				return err
			}
		}
		taken = true
		return s.q.MoveCursor(ctx, tx, reading.Next, tenant)
	})
	if err != nil || !taken {
		return false, err
	}
	s.filled(filled)
	return reading.Next < reading.Head, nil
}

// match pairs events with the endpoints that want them and whose makers may read
// them, in the order of the log, and names the endpoints that get any.
func match(tenant uuid.UUID, receivers []webhooksdb.ListReceiversRow, readers map[maker]reader, list []events.Envelope) (webhooksdb.FanOutParams, []uuid.UUID) {
	p := webhooksdb.FanOutParams{TenantID: tenant}
	filled := make([]uuid.UUID, 0, len(receivers))
	for _, r := range receivers {
		known, some, endpoint, of := map[string]bool{}, false, r.ID.String(), readers[makerFor(r)]
		for _, e := range list {
			wanted, ok := known[e.Type]
			if !ok {
				wanted = wants(r.EventTypes, r.Scopes, e.Type)
				known[e.Type] = wanted
			}
			if !wanted || !of.sends(e.ID, e.Type) || e.Sequence <= r.FromSequence || (aboutItself(e.Type) && e.Data.ID == r.ID) {
				continue
			}
			some = true
			p.EndpointIds, p.EventIds = append(p.EndpointIds, endpoint), append(p.EventIds, e.ID.String())
			p.Sequences, p.EventTypes = append(p.Sequences, e.Sequence), append(p.EventTypes, e.Type)
		}
		if some {
			filled = append(filled, r.ID)
		}
	}
	return p, filled
}
