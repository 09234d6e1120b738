package events

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
)

// MostAtOnce is how many events one proof or verification covers.
const MostAtOnce = 100_000

// Mark names one event of the sequence.
type Mark struct {
	Sequence int64
	ID       uuid.UUID
}

// Digest is what a reader of a stretch of the log must hold. The recipe is in
// the description of the operation getEventDigest.
type Digest struct {
	From, To    int64 // To < From: nothing there yet
	First, Last *Mark
	Before, At  []byte
	Rolling     []byte
	Head        int64
	NextFrom    *int64
}

// Digest computes the proof of the events from … to; nil means to the head.
func (s *Service) Digest(ctx context.Context, tenant uuid.UUID, from int64, to *int64) (Digest, error) {
	if to != nil && *to < from {
		return Digest{}, fault.Invalid().AtParameter("to", "too-small", "limit", from)
	}
	var d Digest
	err := pg.Snapshot(ctx, s.db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		head, err := s.q.GetHead(ctx, tx, tenant)
		if err != nil && !pg.IsNoRows(err) {
			return err
		}
		if from > head.Sequence+1 {
			return fault.Invalid().AtParameter("from", "too-big", "limit", head.Sequence+1)
		}
		wanted := head.Sequence
		if to != nil {
			wanted = min(wanted, *to)
		}
		d = Digest{From: from, To: min(wanted, from+MostAtOnce-1), Head: head.Sequence, Before: make([]byte, sha256.Size)}
		if d.To < wanted {
			next := d.To + 1
			d.NextFrom = &next
		}
		if from > 1 {
			if d.Before, err = s.q.GetDigest(ctx, tx, tenant, from-1); err != nil {
				return fmt.Errorf("events: the log has no event %d: %w", from-1, err)
			}
		}
		d.At = d.Before
		if !pg.SightIn(ctx).All() {
			return nil
		}
		return d.roll(ctx, tx, tenant)
	})
	if err == nil && !pg.SightIn(ctx).All() {
		err = s.rollForSight(ctx, &d, tenant)
	}
	return d, err
}

// rollForSight is roll for a principal that does not see everything: a withheld
// event has no id.
func (s *Service) rollForSight(ctx context.Context, d *Digest, tenant uuid.UUID) error {
	h := sha256.New()
	for after := d.From - 1; after < d.To; {
		page, err := s.listForSight(ctx, tenant, after, int(min(1000, d.To-after)))
		if err != nil {
			return err
		}
		for _, e := range page {
			after = e.Sequence
			id := "-"
			if e.Type != Withheld {
				id = e.ID.String()
				last := Mark{e.Sequence, e.ID}
				d.Last = &last
				if d.First == nil {
					d.First = &last
				}
			}
			if d.At, err = hex.DecodeString(e.Digest); err != nil {
				return err
			}
			_, _ = fmt.Fprintf(h, "%d %s %s\n", e.Sequence, id, e.Digest)
		}
		if len(page) == 0 {
			return fmt.Errorf("events: the log has no event %d", after+1)
		}
	}
	d.Rolling = h.Sum(nil)
	return nil
}

// roll passes over the events one by one, so that memory does not grow with
// their number.
func (d *Digest) roll(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) error {
	rows, err := tx.Query(ctx, `select sequence, event_id, digest from event_sequence where tenant_id = $1 and sequence between $2 and $3 order by sequence`, tenant, d.From, d.To)
	if err != nil {
		return err
	}
	h := sha256.New()
	var m Mark
	var digest []byte
	_, err = pgx.ForEachRow(rows, []any{&m.Sequence, &m.ID, &digest}, func() error {
		last := m
		if d.First == nil {
			d.First = &Mark{m.Sequence, m.ID}
		}
		d.Last, d.At = &last, append(d.At[:0:0], digest...)
		_, err := fmt.Fprintf(h, "%d %s %s\n", m.Sequence, m.ID, hex.EncodeToString(digest))
		return err
	})
	d.Rolling = h.Sum(nil)
	return err
}
