package connectors

import (
	"context"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/internal/connectorsdb"
	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// sameMoment is how far apart two times may be that a vendor means as one.
const sameMoment = time.Millisecond

// receive takes in what the vendor has just answered.
//
// Vendors change records without moving the time of their change: a refund, a
// name that was removed in bulk. Of two descriptions of the same moment neither
// is the later by itself, but this one was read a moment ago and is what the
// vendor has now. So one that was set aside at the moment of what is held counts
// as of that very moment, and if that is not enough, as of a microsecond later:
// the vendor's next change still goes before it.
func (t *turn) receive(ctx context.Context, records []port.Record) ([]Outcome, error) {
	outcomes, err := t.s.Ingest.Receive(ctx, t.src.Code, records)
	if err != nil {
		return nil, err
	}
	for _, later := range []time.Duration{0, time.Microsecond} {
		if err := t.again(ctx, records, outcomes, later); err != nil {
			return nil, err
		}
	}
	return outcomes, nil
}

// again hands over once more what was set aside at the moment of what is held.
func (t *turn) again(ctx context.Context, records []port.Record, outcomes []Outcome, later time.Duration) error {
	var stale []int
	for i, o := range outcomes {
		if o.Status == statusStale && records[i].ModifiedAt != nil && records[i].Version == nil {
			stale = append(stale, i)
		}
	}
	if len(stale) == 0 {
		return nil
	}
	p := connectorsdb.ListPositionsParams{TenantID: t.row.TenantID, SourceID: t.row.SourceID}
	for _, i := range stale {
		p.Kinds, p.ExternalIds = append(p.Kinds, records[i].Kind), append(p.ExternalIds, records[i].ExternalID)
	}
	rows, err := t.s.q.ListPositions(ctx, t.db, p)
	if err != nil {
		return err
	}
	held := map[port.Ref]time.Time{}
	for _, r := range rows {
		if r.ContentModifiedAt != nil {
			held[port.Ref{Kind: r.Kind, ExternalID: r.ExternalID}] = *r.ContentModifiedAt
		}
	}
	var moved []port.Record
	var at []int
	for _, i := range stale {
		when, ok := held[port.Ref{Kind: records[i].Kind, ExternalID: records[i].ExternalID}]
		if !ok || when.Sub(*records[i].ModifiedAt) > sameMoment {
			continue // what is held is later
		}
		r := records[i]
		when = when.Add(later)
		r.ModifiedAt = &when
		moved, at = append(moved, r), append(at, i)
	}
	if len(moved) == 0 {
		return nil
	}
	fresh, err := t.s.Ingest.Receive(ctx, t.src.Code, moved)
	if err != nil {
		return err
	}
	for n, i := range at {
		outcomes[i] = fresh[n]
	}
	return nil
}

// What becomes of records, as ticketing calls it.
const (
	statusStale     = "ignored_stale"
	statusUnchanged = "unchanged"
)
