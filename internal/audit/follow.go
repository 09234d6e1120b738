package audit

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/audit/internal/auditdb"
	"github.com/parvis-crm/parvis/internal/pg"
)

// Place is up to where a reader has followed an institution's logs: each has its
// own order, in which nothing is ever put in between. The zero Place is the
// beginning.
type Place struct {
	Event         int64 // the sequence
	Read, Refusal BatchPlace
}

// BatchPlace is up to where a reader is in a log that is chained in batches.
type BatchPlace struct {
	Batch int64
	Taken int // entries of that batch
}

const placeForm = "e%d-r%d.%d-f%d.%d"

// String is the form in which a reader keeps a place. It is no secret and says
// nothing that its reader does not know.
func (p Place) String() string {
	return fmt.Sprintf(placeForm, p.Event, p.Read.Batch, p.Read.Taken, p.Refusal.Batch, p.Refusal.Taken)
}

// ParsePlace reads what String wrote.
func ParsePlace(text string) (Place, bool) {
	var p Place
	n, err := fmt.Fscanf(strings.NewReader(text), placeForm, &p.Event, &p.Read.Batch, &p.Read.Taken, &p.Refusal.Batch, &p.Refusal.Taken)
	ok := err == nil && n == 5 && p.String() == text && p.Event >= 0 && p.Read.Batch >= 0 && p.Read.Taken >= 0 && p.Refusal.Batch >= 0 && p.Refusal.Taken >= 0
	return p, ok
}

// Follow returns at most limit entries after a place, each log in its order and
// the logs among each other by time as far as they are there. Reads and refusals
// appear when they are sealed.
func (s *Service) Follow(ctx context.Context, tenant uuid.UUID, after Place, limit int) ([]Entry, error) {
	rows, err := s.reads.q.FollowEvents(ctx, s.reads.db.Tenant(tenant).ByIndex(), tenant, after.Event, int32(limit))
	if err != nil {
		return nil, err
	}
	fromEvents := make([]Entry, 0, len(rows))
	for _, r := range rows {
		fromEvents = append(fromEvents, entryOfEvent(auditdb.ListEventEntriesRow(r)))
	}
	fromReads, err := follow(ctx, s, tenant, readsLog, after.Read, limit, s.reads.q.ListReadsByID, entryOfRead)
	if err != nil {
		return nil, err
	}
	fromRefusals, err := follow(ctx, s, tenant, refusalsLog, after.Refusal, limit, s.reads.q.ListRefusalsByID, entryOfRefusal)
	if err != nil {
		return nil, err
	}
	out := make([]Entry, 0, limit)
	queues := []*[]Entry{&fromEvents, &fromReads, &fromRefusals}
	at := after
	for len(out) < limit {
		var earliest *[]Entry
		for _, q := range queues {
			if len(*q) > 0 && (earliest == nil || (*q)[0].At.Before((*earliest)[0].At)) {
				earliest = q
			}
		}
		if earliest == nil {
			break
		}
		e := (*earliest)[0]
		*earliest = (*earliest)[1:]
		switch e.Log {
		case eventsLog:
			at.Event = e.Place.Event
		case readsLog:
			at.Read = e.Place.Read
		default:
			at.Refusal = e.Place.Refusal
		}
		e.Place = at
		out = append(out, e)
	}
	return s.hide(ctx, tenant, out)
}

// batchesAtOnce bounds how many batches one page looks into.
const batchesAtOnce = 200

// follow reads a log that is chained in batches. What a purge has taken, and
// what its reader does not see, is passed over.
func follow[R any](ctx context.Context, s *Service, tenant uuid.UUID, log string, after BatchPlace, limit int,
	rows func(context.Context, auditdb.DBTX, uuid.UUID, []uuid.UUID) ([]R, error), entryOf func(R) Entry,
) ([]Entry, error) {
	// The seals are for whoever follows the log; what they seal, as far as it is seen.
	batches, err := s.reads.q.FollowBatches(pg.WithSight(ctx, pg.Everything()), s.reads.db.Tenant(tenant), auditdb.FollowBatchesParams{
		TenantID: tenant, Log: log, Number: max(after.Batch, 1), PageSize: int32(min(limit+1, batchesAtOnce)),
	})
	if err != nil {
		return nil, err
	}
	places := map[uuid.UUID]Place{}
	var order []uuid.UUID
	for _, b := range batches {
		skip := 0
		if b.Number == after.Batch {
			skip = after.Taken
		}
		for i := skip; i < len(b.Entries)/sealSize && len(order) < limit; i++ {
			id := uuid.UUID(b.Entries[i*sealSize : i*sealSize+16])
			place := BatchPlace{b.Number, i + 1}
			order = append(order, id)
			if log == readsLog {
				places[id] = Place{Read: place}
			} else {
				places[id] = Place{Refusal: place}
			}
		}
	}
	if len(order) == 0 {
		return nil, nil
	}
	found, err := rows(ctx, s.reads.db.Tenant(tenant), tenant, order)
	if err != nil {
		return nil, err
	}
	by := make(map[uuid.UUID]Entry, len(found))
	for _, r := range found {
		e := entryOf(r)
		by[e.ID] = e
	}
	out := make([]Entry, 0, len(order))
	for _, id := range order {
		if e, there := by[id]; there {
			e.Place = places[id]
			out = append(out, e)
		}
	}
	return out, nil
}

// Ahead is where a reader who has followed everything stands now.
func (s *Service) Ahead(ctx context.Context, tenant uuid.UUID) (Place, error) {
	head, _, err := s.log.Head(ctx, tenant)
	if err != nil {
		return Place{}, err
	}
	p := Place{Event: head}
	if p.Read, err = s.endOf(ctx, tenant, readsLog); err != nil {
		return Place{}, err
	}
	p.Refusal, err = s.endOf(ctx, tenant, refusalsLog)
	return p, err
}

func (s *Service) endOf(ctx context.Context, tenant uuid.UUID, log string) (BatchPlace, error) {
	last, err := s.reads.q.LastBatch(ctx, s.reads.db.Tenant(tenant), tenant, log)
	if pg.IsNoRows(err) {
		return BatchPlace{}, nil
	}
	return BatchPlace{last.Number, int(last.Entries)}, err
}
