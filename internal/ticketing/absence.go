package ticketing

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
)

// absentAfter is how many complete windows in a row must be without a record
// before it counts as cancelled. One may have been cut short at the source.
const absentAfter = 2

// missingAtSource is the reason of such a cancellation.
const missingAtSource = "missing_at_source"

// Window is all that a source has of one kind, as of one instant. Orders and
// group bookings are within it by when they were placed, performances by when
// they start, scans by when they occurred, everything else by when it was last
// changed; nil bounds are open. It must be complete: what is not in it is not at
// the source.
type Window struct {
	Kind        string
	TakenAt     time.Time // when reading it began
	From, Until *time.Time
}

// Absences is what a window led to.
type Absences struct {
	Missing   []uuid.UUID // without which a window was for the first time
	Cancelled []uuid.UUID // for the second time
	Restored  []uuid.UUID // that a window has again after they were cancelled
}

// MarkAbsent compares a complete window of a source with what is held. What it
// is without is missing at the source after the first such window, and counts as
// cancelled after the second in a row, with its money and whatever else is known
// of it; an order has the reason missing_at_source then. Nothing is deleted, and
// what a window or a message has again is what it was. A window that is told
// twice, or that is older than another one, changes nothing, nor does it judge
// what was received after it was taken. The caller's actor is the source's.
func (s *Service) MarkAbsent(ctx context.Context, tx pgx.Tx, source Source, w Window, present []string) (Absences, error) {
	var out Absences
	err := pg.AsEverything(ctx, tx, func(ctx context.Context) error {
		if err := s.lock(ctx, tx, source, nil); err != nil {
			return err
		}
		taken := *micro(&w.TakenAt)
		if present == nil {
			present = []string{}
		}
		met, err := s.q.MeetRecords(ctx, tx, ticketingdb.MeetRecordsParams{TenantID: source.TenantID, SourceID: source.ID, Kind: w.Kind, TakenAt: &taken, Present: present})
		if err != nil {
			return err
		}
		missed, err := s.q.MissRecords(ctx, tx, ticketingdb.MissRecordsParams{TakenAt: &taken, TenantID: source.TenantID, SourceID: source.ID, Kind: w.Kind,
			WindowFrom: micro(w.From), WindowUntil: micro(w.Until), Present: present})
		if err != nil {
			return err
		}
		for _, r := range met {
			if r.AbsencesBefore >= absentAfter {
				out.Restored = append(out.Restored, r.ID)
			}
		}
		for _, r := range missed {
			switch r.Absences {
			case 1:
				out.Missing = append(out.Missing, r.ID)
			case absentAfter:
				out.Cancelled = append(out.Cancelled, r.ID)
			}
		}
		return s.applyAbsence(ctx, tx, source, w.Kind, taken, out)
	})
	return out, err
}

func (s *Service) applyAbsence(ctx context.Context, tx pgx.Tx, source Source, kind string, taken time.Time, a Absences) error {
	u := newUnit(s, tx, source, s.clock.Now())
	for _, id := range a.Missing {
		u.belongings = append(u.belongings, events.Entry{Type: "ticketing.record.missing", Subject: events.Subject{Kind: "ticketing_record", ID: id, Version: 1},
			Facts: map[string]any{"kind": kind}, Source: u.sourceName()})
	}
	touched := append(append([]uuid.UUID{}, a.Cancelled...), a.Restored...)
	if len(touched) > 0 {
		if err := u.loadKind(ctx, kind, touched); err != nil {
			return err
		}
	}
	for _, id := range a.Cancelled {
		u.setAbsent(kind, id, &taken)
	}
	for _, id := range a.Restored {
		u.setAbsent(kind, id, nil)
	}
	if len(touched)+len(a.Missing) == 0 {
		return nil
	}
	return u.conclude(ctx, nil, nil)
}

// loadKind reads records of one kind with their rows.
func (u *unit) loadKind(ctx context.Context, kind string, list []uuid.UUID) error {
	records, err := u.s.q.FindRecordsByID(ctx, u.tx, u.source.TenantID, list)
	if err != nil {
		return err
	}
	for _, r := range records {
		u.read(r)
	}
	if kind == kindOrder {
		return u.loadWhole(ctx, list)
	}
	if shelf := u.kinds.on(kind); shelf != nil {
		if err := shelf.load(ctx, u, list); err != nil {
			return err
		}
		if kind == kindGiftCard {
			return u.loadGiftBalances(ctx, list)
		}
		return nil
	}
	return u.loadCatalogue(ctx, map[string][]uuid.UUID{kind: list})
}

// setAbsent says of a record since when the source is without it, nil for no
// more. What the source itself last said stays with it.
func (u *unit) setAbsent(kind string, id uuid.UUID, since *time.Time) {
	switch kind {
	case kindOrder:
		o := u.orders[id]
		if o == nil || o.row.Stub || o.row.Deleted {
			return
		}
		if o.row.StatedState == nil { // of before it was kept apart
			state := o.row.CommercialState
			o.row.StatedState = &state
		}
		reason := missingAtSource
		if o.row.CommercialState, o.row.CancellationReason = "cancelled", &reason; since == nil {
			o.row.CommercialState, o.row.CancellationReason = *o.row.StatedState, nil
		}
	case kindPerformance:
		e := u.performances[id]
		if e == nil || e.now.Stub || e.now.Deleted {
			return
		}
		if e.now.StatedStatus == nil {
			status := e.now.Status
			e.now.StatedStatus = &status
		}
		if e.dirty, e.now.Status = true, "cancelled"; since == nil {
			e.now.Status = *e.now.StatedStatus
		}
	case kindMembership:
		if e := u.kinds.memberships.rows[id]; e != nil {
			e.dirty, e.now.AbsentAt = true, since
		}
	case kindGiftCard:
		if e := u.kinds.giftCards.rows[id]; e != nil {
			e.dirty, e.now.AbsentAt = true, since
		}
	case kindScan:
		if e := u.kinds.scans.rows[id]; e != nil {
			e.dirty, e.now.AbsentAt = true, since
		}
	case kindGroupBooking:
		e := u.kinds.groupBookings.rows[id]
		if e == nil {
			return
		}
		if e.dirty, e.now.AbsentAt, e.now.State = true, since, "cancelled"; since == nil {
			e.now.State = or(e.now.StatedState, "requested")
		}
	}
}

// present notes that the source has a record that was missing: it said so again.
func (u *unit) present(m *message, r *Record, out *Outcome) {
	if r.Absences == 0 {
		return
	}
	cancelled := r.Absences >= absentAfter
	r.Absences, r.MissingSince, r.AbsentAsOf = 0, nil, nil
	u.dirtyRecords[r] = true
	if cancelled {
		out.Status = Updated
		u.project(m, r)
	}
}
