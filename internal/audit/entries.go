package audit

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/audit/internal/auditdb"
	"github.com/parvis-crm/parvis/internal/pg"
)

// Entry is one line of what an auditor asks for: something that was done,
// refused or read. It has identifiers and no content.
type Entry struct {
	Log  string // events, refusals, reads
	ID   uuid.UUID
	Kind string
	// Action is the type of the event, "refused" or "read".
	Action             string
	At                 time.Time
	ActorKind, ActorID string // empty: nobody proved or claimed to be anybody
	Proven             bool
	Failed             bool
	Operation          string // empty for events, whose type says more
	Status             int16  // of a refusal
	Code, Rule         string // of a refusal
	Purpose            string // of a read
	SubjectKind        string
	SubjectID          *uuid.UUID
	Subjects           []uuid.UUID // the contacts of a read
	Address            string
	RequestID          string
	Repeated           int32
	Place              Place // up to and with this entry
}

// EntryFilter narrows the entries; nil means any.
type EntryFilter struct {
	Kinds        []string
	Actor        *string
	Subject      *uuid.UUID
	Operation    *string
	Since, Until *time.Time
}

func (f EntryFilter) wants(kind string) bool {
	return len(f.Kinds) == 0 || slices.Contains(f.Kinds, kind)
}

// EntryPosition is where a walk back through the entries stands in each log.
type EntryPosition struct {
	Event   int64     `json:"e"` // 0: before the last
	Read    *Position `json:"r"`
	Refusal *Position `json:"f"`
}

// Entries returns at most limit entries before a position, the newest first, and
// where the walk stands then; more tells whether there are others.
func (s *Service) Entries(ctx context.Context, tenant uuid.UUID, f EntryFilter, p EntryPosition, limit int) (out []Entry, next EntryPosition, more bool, err error) {
	fromEvents, err := s.eventsBefore(ctx, tenant, f, p.Event, limit+1)
	if err != nil {
		return nil, p, false, err
	}
	fromRefusals, err := s.refusalsBefore(ctx, tenant, f, p.Refusal, limit+1)
	if err != nil {
		return nil, p, false, err
	}
	fromReads, err := s.readsBefore(ctx, tenant, f, p.Read, limit+1)
	if err != nil {
		return nil, p, false, err
	}
	next = p
	queues := []*[]Entry{&fromEvents, &fromRefusals, &fromReads}
	for len(out) < limit {
		var latest *[]Entry
		for _, q := range queues {
			if len(*q) > 0 && (latest == nil || (*q)[0].At.After((*latest)[0].At)) {
				latest = q
			}
		}
		if latest == nil {
			break
		}
		e := (*latest)[0]
		*latest = (*latest)[1:]
		switch e.Log {
		case eventsLog:
			next.Event = e.Place.Event
		case refusalsLog:
			next.Refusal = &Position{e.At, e.ID}
		default:
			next.Read = &Position{e.At, e.ID}
		}
		out = append(out, e)
	}
	more = len(fromEvents)+len(fromRefusals)+len(fromReads) > 0
	out, err = s.hide(ctx, tenant, out)
	return out, next, more, err
}

// eventsLog names the log of events beside those that are chained in batches.
const eventsLog = "events"

func (s *Service) eventsBefore(ctx context.Context, tenant uuid.UUID, f EntryFilter, before int64, limit int) ([]Entry, error) {
	kinds := slices.DeleteFunc(slices.Clone(f.Kinds), func(k string) bool { return k == KindRead || k == KindRefusal })
	if f.Operation != nil || (len(f.Kinds) > 0 && len(kinds) == 0) {
		return nil, nil // an event names its type, not an operation
	}
	if before == 0 {
		before = math.MaxInt64
	}
	these, others := patterns(kinds)
	db := s.reads.db.Tenant(tenant).ByIndex()
	var rows []auditdb.ListEventEntriesRow
	switch {
	case f.Subject != nil:
		found, err := s.reads.q.ListEntriesAbout(ctx, db, auditdb.ListEntriesAboutParams{
			TenantID: tenant, SubjectID: *f.Subject, Before: before, Patterns: these, Others: others, ActorID: f.Actor, Since: f.Since, Until: f.Until, PageSize: int32(limit),
		})
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			rows = append(rows, auditdb.ListEventEntriesRow(r))
		}
	case len(these) > 0:
		found, err := s.reads.q.ListAdministrativeEntries(ctx, db, auditdb.ListAdministrativeEntriesParams{
			TenantID: tenant, Before: before, Patterns: these, ActorID: f.Actor, Since: f.Since, Until: f.Until, PageSize: int32(limit),
		})
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			rows = append(rows, auditdb.ListEventEntriesRow(r))
		}
	default:
		after, last, err := s.between(ctx, tenant, f.Since, f.Until)
		if err != nil {
			return nil, err
		}
		rows, err = s.reads.q.ListEventEntries(ctx, db, auditdb.ListEventEntriesParams{
			TenantID: tenant, After: after, Before: min(before, last+1), Patterns: these, Others: others, ActorID: f.Actor, Since: f.Since, Until: f.Until, PageSize: int32(limit),
		})
		if err != nil {
			return nil, err
		}
	}
	out := make([]Entry, 0, len(rows))
	for _, r := range rows {
		out = append(out, entryOfEvent(r))
	}
	return out, nil
}

func entryOfEvent(r auditdb.ListEventEntriesRow) Entry {
	return Entry{
		Log: eventsLog, ID: r.ID, Kind: kindOf(r.Type), Action: r.Type, At: r.OccurredAt, ActorKind: r.ActorKind, ActorID: r.ActorID, Proven: !failed(r.Type),
		Failed: failed(r.Type), SubjectKind: r.SubjectKind, SubjectID: &r.SubjectID, RequestID: r.RequestID, Repeated: 1, Place: Place{Event: r.Sequence},
	}
}

// apart bounds how much later than it happened an event is numbered: what ran in
// one transaction for longer is found all the same when no time is asked for.
const apart = 24 * time.Hour

// between narrows a stretch of time to one of the sequence, by halving: numbers
// follow time, but for what a transaction took.
func (s *Service) between(ctx context.Context, tenant uuid.UUID, since, until *time.Time) (after, last int64, err error) {
	head, _, err := s.log.Head(ctx, tenant)
	if err != nil {
		return 0, 0, err
	}
	last = head
	if since != nil {
		if after, err = s.lastBefore(ctx, tenant, head, since.Add(-apart)); err != nil {
			return 0, 0, err
		}
	}
	if until != nil {
		last, err = s.lastBefore(ctx, tenant, head, until.Add(apart))
	}
	return after, last, err
}

// lastBefore is about the last number of what happened before an instant.
func (s *Service) lastBefore(ctx context.Context, tenant uuid.UUID, head int64, at time.Time) (int64, error) {
	ctx = pg.WithSight(ctx, pg.Everything())
	low, high := int64(0), head
	for low < high {
		middle := low + (high-low+1)/2
		when, err := s.reads.q.WhenNumbered(ctx, s.reads.db.Tenant(tenant), tenant, middle)
		if err != nil && !pg.IsNoRows(err) {
			return 0, err
		}
		if err == nil && when.Before(at) {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low, nil
}

func (s *Service) refusalsBefore(ctx context.Context, tenant uuid.UUID, f EntryFilter, before *Position, limit int) ([]Entry, error) {
	if !f.wants(KindRefusal) {
		return nil, nil
	}
	if f.Subject != nil {
		if hidden, err := s.reads.hides(ctx, tenant, *f.Subject); err != nil || hidden {
			return nil, err
		}
	}
	p := auditdb.ListRefusalsParams{
		TenantID: tenant, ActorID: f.Actor, SubjectID: f.Subject, Operation: f.Operation, Since: f.Since, Until: f.Until, PageSize: int32(limit),
	}
	if before != nil {
		p.BeforeAt, p.BeforeID = &before.At, &before.ID
	}
	rows, err := s.reads.q.ListRefusals(ctx, s.reads.db.Tenant(tenant), p)
	out := make([]Entry, 0, len(rows))
	for _, r := range rows {
		out = append(out, entryOfRefusal(r))
	}
	return out, err
}

func entryOfRefusal(r Refusal) Entry {
	return Entry{
		Log: refusalsLog, ID: r.ID, Kind: KindRefusal, Action: "refused", At: r.OccurredAt, ActorKind: r.ActorKind, ActorID: r.ActorID, Proven: r.Proven, Failed: true,
		Operation: r.Operation, Status: r.Status, Code: r.Code, Rule: r.Rule, SubjectID: r.SubjectID, Address: r.Address, RequestID: r.RequestID, Repeated: r.Repeated,
	}
}

func (s *Service) readsBefore(ctx context.Context, tenant uuid.UUID, f EntryFilter, before *Position, limit int) ([]Entry, error) {
	if !f.wants(KindRead) {
		return nil, nil
	}
	rows, err := s.Reads(ctx, tenant, ReadFilter{Contact: f.Subject, Actor: f.Actor, Operation: f.Operation, Since: f.Since, Until: f.Until}, before, limit)
	out := make([]Entry, 0, len(rows))
	for _, r := range rows {
		out = append(out, entryOfRead(r))
	}
	return out, err
}

func entryOfRead(r Read) Entry {
	e := Entry{
		Log: readsLog, ID: r.ID, Kind: KindRead, Action: "read", At: r.OccurredAt, ActorKind: r.ActorKind, ActorID: r.ActorID, Proven: true,
		Operation: r.Operation, Purpose: r.Purpose, Subjects: r.Subjects, RequestID: r.RequestID, Repeated: 1,
	}
	if len(r.Subjects) == 1 {
		e.SubjectKind, e.SubjectID = "contact", &r.Subjects[0]
	}
	return e
}

// hide takes out what is about people whom its reader does not see: refusals
// that name a record which is no contact that they see, whether it is there or
// not, and contacts of a read, of which nothing is left when only they were read.
func (s *Service) hide(ctx context.Context, tenant uuid.UUID, entries []Entry) ([]Entry, error) {
	if pg.SightIn(ctx).All() {
		return entries, nil
	}
	var named, told []uuid.UUID
	for _, e := range entries {
		if e.Log == eventsLog {
			told = append(told, e.ID)
		}
		if named = append(named, e.Subjects...); e.Log == refusalsLog && e.SubjectID != nil {
			named = append(named, *e.SubjectID)
		}
	}
	look, err := pg.LookAt(ctx, s.reads.db.Tenant(tenant), tenant, named)
	if err != nil {
		return nil, err
	}
	seen, err := s.log.SeenOf(ctx, tenant, told)
	if err != nil {
		return nil, err
	}
	out := entries[:0]
	for _, e := range entries {
		switch e.Log {
		case eventsLog:
			if !seen[e.ID] {
				continue
			}
		case refusalsLog:
			if !look.Sees(e.SubjectID) {
				continue
			}
		case readsLog:
			e.Subjects = slices.DeleteFunc(slices.Clone(e.Subjects), func(id uuid.UUID) bool { return !look.Sees(&id) })
			if len(e.Subjects) == 0 {
				continue
			}
		}
		out = append(out, e)
	}
	return out, nil
}
