package connectors

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/connectors/internal/connectorsdb"
	"github.com/parvis-crm/parvis/internal/connectors/port"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// How long things are kept.
const (
	keepMessages    = 30 * 24 * time.Hour
	keepDeliveries  = 7 * 24 * time.Hour
	keepDeadLetters = 90 * 24 * time.Hour
)

// Position is where a walk through a list stands.
type Position struct {
	At time.Time
	ID uuid.UUID
}

// ListMessages lists what a vendor sent, newest first.
func (s *Service) ListMessages(ctx context.Context, reference string, status *string, after *Position, limit int) ([]connectorsdb.ListMessagesRow, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	db := s.DB.Tenant(actor.Tenant)
	src, err := s.source(ctx, db, actor, reference)
	if err != nil {
		return nil, err
	}
	p := connectorsdb.ListMessagesParams{TenantID: actor.Tenant, SourceID: src.ID, Status: status, PageSize: int32(limit)}
	if after != nil {
		p.AfterAt, p.AfterID = &after.At, &after.ID
	}
	return s.q.ListMessages(ctx, db, p)
}

// Message reads a message as it came. That somebody did is entered in the log of
// reads before it is given.
func (s *Service) Message(ctx context.Context, id uuid.UUID) (connectorsdb.ConnectorMessage, []byte, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return connectorsdb.ConnectorMessage{}, nil, err
	}
	// What is inside names people whom nobody has looked up: only those who see
	// everybody may read it.
	if !actor.Sight.Whole() {
		return connectorsdb.ConnectorMessage{}, nil, fault.NotFound()
	}
	db := s.DB.Tenant(actor.Tenant)
	row, err := s.q.GetMessage(ctx, db, actor.Tenant, id)
	if err != nil {
		return row, nil, err
	}
	if _, err := s.source(ctx, db, actor, row.SourceID.String()); err != nil {
		return row, nil, err
	}
	kept, err := s.openMessage(ctx, db, row)
	if err != nil {
		return row, nil, err
	}
	if _, err := s.Reads.Record(ctx, actor, "getInboundMessage", nil); err != nil {
		return row, nil, err
	}
	return row, kept.Body, nil
}

func (s *Service) openMessage(ctx context.Context, db pg.DBTX, row connectorsdb.ConnectorMessage) (message, error) {
	var out message
	raw, err := s.Messages.Open(ctx, db, row.TenantID, row.ID.String(), row.Body)
	if err != nil {
		return out, err
	}
	return out, json.Unmarshal(raw, &out)
}

// mostMessages bounds how many calls are read in one go.
const mostMessages = 500

// readMessages turns calls that were kept into streams to be read and records to
// be looked for.
func (t *turn) readMessages(ctx context.Context) error {
	for {
		rows, err := t.s.q.ListPendingMessages(ctx, t.db, t.row.TenantID, t.row.SourceID, mostMessages)
		if err != nil || len(rows) == 0 {
			return err
		}
		settle := connectorsdb.SettleMessagesParams{TenantID: t.row.TenantID}
		streams := map[string]bool{}
		changed, deleted := map[port.Ref]bool{}, map[port.Ref]bool{}
		for _, row := range rows {
			reading := t.read(ctx, row)
			status := "processed"
			if reading.Ignored {
				status = "ignored"
			}
			settle.Ids, settle.Statuses, settle.Notes = append(settle.Ids, row.ID), append(settle.Statuses, status), append(settle.Notes, web.ClipBytes(reading.Note, 200))
			for _, name := range reading.Streams {
				streams[name] = true
			}
			for _, r := range reading.Changed {
				changed[r] = true
			}
			for _, r := range reading.Deleted {
				deleted[r] = true
				delete(changed, r)
			}
		}
		if err := t.wake(ctx, streams); err != nil {
			return err
		}
		if err := t.put(ctx, "hook", changed); err != nil {
			return err
		}
		if err := t.put(ctx, "deleted", deleted); err != nil {
			return err
		}
		// Last, so that a turn that dies before reads them again.
		if err := t.s.q.SettleMessages(ctx, t.db, settle); err != nil {
			return err
		}
	}
}

// read understands one call; what cannot be read still makes us look.
func (t *turn) read(ctx context.Context, row connectorsdb.ConnectorMessage) port.Reading {
	kept, err := t.s.openMessage(ctx, t.db, row)
	if err != nil {
		return port.Reading{Note: "cannot be opened", Ignored: true}
	}
	return t.session.ReadHook(port.Hook{Header: kept.Header, Body: kept.Body, At: row.ReceivedAt})
}

func (t *turn) wake(ctx context.Context, streams map[string]bool) error {
	var names []string
	for name := range streams {
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil
	}
	return t.s.q.WakeStreams(ctx, t.db, t.row.TenantID, t.row.SourceID, names)
}

func (t *turn) put(ctx context.Context, reason string, refs map[port.Ref]bool) error {
	if len(refs) == 0 {
		return nil
	}
	p := connectorsdb.PutFetchesParams{TenantID: t.row.TenantID, SourceID: t.row.SourceID, Reason: reason}
	for r := range refs {
		p.Kinds, p.ExternalIds = append(p.Kinds, r.Kind), append(p.ExternalIds, r.ExternalID)
	}
	return t.s.q.PutFetches(ctx, t.db, p)
}
