package connectors

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/connectors/internal/connectorsdb"
	"github.com/parvis-crm/parvis/internal/connectors/port"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// DeadLetter is a record that could not be taken in.
type DeadLetter = connectorsdb.ConnectorDeadLetter

// violation says what is wrong in a record: never the value that is there.
type violation struct {
	Pointer string `json:"pointer"`
	Code    string `json:"code"`
}

// bury keeps a record that was refused, for somebody to look at.
func (t *turn) bury(ctx context.Context, record port.Record, cause error) error {
	f := web.Fault(cause)
	if f == nil {
		return cause
	}
	violations := make([]violation, 0, len(f.Violations))
	for _, v := range f.Violations {
		violations = append(violations, violation{v.Pointer, v.Code})
	}
	problem, err := json.Marshal(map[string]any{"code": f.Code, "violations": violations})
	if err != nil {
		return err
	}
	raw, err := json.Marshal(record)
	if err != nil {
		return err
	}
	name := record.ExternalID
	if n := utf8.RuneCountInString(name); n == 0 || n > 200 {
		// What has no name that could be kept must not stand in the way of the rest.
		name = fmt.Sprintf("unnamed-%x", sha256.Sum256(raw))
	}
	return pg.InTx(ctx, t.s.DB, t.row.TenantID, func(ctx context.Context, tx pgx.Tx) error {
		id, err := t.s.q.PutDeadLetter(ctx, tx, connectorsdb.PutDeadLetterParams{
			TenantID: t.row.TenantID, ID: ids.New(), SourceID: t.row.SourceID, Kind: record.Kind, ExternalID: name, Code: f.Code, Problem: problem,
		})
		if err != nil || record.Data == nil {
			return err
		}
		sealed, err := t.s.DeadLetters.Seal(ctx, tx, t.row.TenantID, id.String(), raw)
		if err != nil {
			return err
		}
		return t.s.q.SealDeadLetter(ctx, tx, sealed, t.row.TenantID, id)
	})
}

// exhume gives the record of a dead letter as it was kept.
func (t *turn) exhume(ctx context.Context, ref port.Ref) (port.Record, error) {
	row, err := t.s.q.FindDeadLetter(ctx, t.db, connectorsdb.FindDeadLetterParams{TenantID: t.row.TenantID, SourceID: t.row.SourceID, Kind: ref.Kind, ExternalID: ref.ExternalID})
	if pg.IsNoRows(err) || (err == nil && row.Record == nil) {
		return port.Record{}, port.ErrUnsupported
	}
	if err != nil {
		return port.Record{}, err
	}
	raw, err := t.s.DeadLetters.Open(ctx, t.db, row.TenantID, row.ID.String(), row.Record)
	if err != nil {
		return port.Record{}, err
	}
	var out port.Record
	return out, json.Unmarshal(raw, &out)
}

// ListDeadLetters lists what could not be taken in, newest first.
func (s *Service) ListDeadLetters(ctx context.Context, reference string, status *string, after *Position, limit int) ([]DeadLetter, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	db := s.DB.Tenant(actor.Tenant)
	src, err := s.source(ctx, db, actor, reference)
	if err != nil {
		return nil, err
	}
	p := connectorsdb.ListDeadLettersParams{TenantID: actor.Tenant, SourceID: src.ID, Status: status, PageSize: int32(limit)}
	if after != nil {
		p.AfterAt, p.AfterID = &after.At, &after.ID
	}
	return s.q.ListDeadLetters(ctx, db, p)
}

// RetryDeadLetter has a record looked for again.
func (s *Service) RetryDeadLetter(ctx context.Context, reference string, id uuid.UUID) (DeadLetter, error) {
	out, err := s.markDeadLetter(ctx, reference, id, "retrying", func(ctx context.Context, tx pgx.Tx, d DeadLetter) error {
		if err := s.q.PutFetches(ctx, tx, connectorsdb.PutFetchesParams{TenantID: d.TenantID, SourceID: d.SourceID, Reason: "retry", Kinds: []string{d.Kind}, ExternalIds: []string{d.ExternalID}}); err != nil {
			return err
		}
		return s.q.Wake(ctx, tx, 0, d.TenantID, d.SourceID)
	})
	s.ring()
	return out, err
}

// DismissDeadLetter sets a record aside.
func (s *Service) DismissDeadLetter(ctx context.Context, reference string, id uuid.UUID) (DeadLetter, error) {
	return s.markDeadLetter(ctx, reference, id, "dismissed", func(ctx context.Context, tx pgx.Tx, d DeadLetter) error {
		return s.q.DropFetches(ctx, tx, connectorsdb.DropFetchesParams{TenantID: d.TenantID, SourceID: d.SourceID, Kinds: []string{d.Kind}, ExternalIds: []string{d.ExternalID}})
	})
}

func (s *Service) markDeadLetter(ctx context.Context, reference string, id uuid.UUID, status string, also func(context.Context, pgx.Tx, DeadLetter) error) (DeadLetter, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return DeadLetter{}, err
	}
	src, err := s.source(ctx, s.DB.Tenant(actor.Tenant), actor, reference)
	if err != nil {
		return DeadLetter{}, err
	}
	return pg.InTxValue(ctx, s.DB, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (DeadLetter, error) {
		d, err := s.q.LockDeadLetter(ctx, tx, actor.Tenant, src.ID, id)
		if err != nil {
			return d, err
		}
		if d.Status != "open" && d.Status != "retrying" {
			return d, fault.New(fault.Conflict, "dead-letter-settled").With("status", d.Status)
		}
		// Only a source that is connected has somebody to look.
		if _, err := s.q.GetConnection(ctx, tx, actor.Tenant, src.ID); status == "retrying" && pg.IsNoRows(err) {
			return d, fault.New(fault.Conflict, "ticketing-source-not-connected").With("code", src.Code)
		}
		if err := also(ctx, tx, d); err != nil {
			return d, err
		}
		return s.q.MarkDeadLetter(ctx, tx, status, actor.Tenant, id)
	})
}
