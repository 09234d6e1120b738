package events

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/events/internal/eventsdb"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Service reads the log.
type Service struct {
	db  *pg.DB
	q   *eventsdb.Queries
	hub *Hub
	// ping is how often a quiet stream says that it is alive.
	ping time.Duration
}

// NewService makes the service.
func NewService(db *pg.DB, hub *Hub) *Service {
	return &Service{db: db, q: eventsdb.New(), hub: hub, ping: pingEvery}
}

// SetPing is how often a quiet stream says that it is alive, where that is not to
// be every so often as by itself; before the first stream.
func (s *Service) SetPing(d time.Duration) { s.ping = d }

// Filter narrows a reading of the log.
type Filter struct {
	Types     []string // exact, or with a trailing star
	SubjectID *uuid.UUID
}

// patterns turns type globs into LIKE patterns.
func (f Filter) patterns() []string {
	out := make([]string, 0, len(f.Types))
	for _, t := range f.Types {
		out = append(out, strings.ReplaceAll(strings.ReplaceAll(t, "_", `\_`), "*", "%"))
	}
	return out
}

// Reading is one page of the log.
type Reading struct {
	Events []Envelope
	Next   int64 // where the next reading goes on, even when the page is empty
	Head   int64 // the last sequence given out when the page was made
}

const (
	// scanWindow bounds how much of the log one filtered statement passes over.
	scanWindow = 20_000
	// scanFor bounds how long a reading that may not wait looks for its first
	// event; where it stops the next one goes on.
	scanFor = 500 * time.Millisecond
	// lookAgain is how often a waiting reader looks without being woken, in case
	// an announcement of another process was lost.
	lookAgain = 5 * time.Second
)

// Read returns at most limit events of a tenant after a sequence.
func (s *Service) Read(ctx context.Context, tenant uuid.UUID, after int64, f Filter, limit int) (Reading, error) {
	scope := s.db.Tenant(tenant).ByIndex()
	head, err := s.q.GetHead(ctx, scope, tenant)
	if err != nil && !pg.IsNoRows(err) {
		return Reading{}, err
	}
	r := Reading{Events: []Envelope{}, Next: after, Head: head.Sequence}
	if after >= head.Sequence {
		return r, nil
	}
	upTo := head.Sequence
	var rows []eventsdb.ListSequencedRow
	switch {
	case f.SubjectID != nil:
		found, findErr := s.q.ListSequencedAbout(ctx, scope, eventsdb.ListSequencedAboutParams{
			TenantID: tenant, SubjectID: *f.SubjectID, After: after, Patterns: f.patterns(), PageSize: int32(limit),
		})
		err, rows = findErr, convertRows(found)
	case len(f.Types) > 0:
		upTo = min(upTo, after+scanWindow)
		found, findErr := s.q.ListSequencedOf(ctx, scope, eventsdb.ListSequencedOfParams{
			TenantID: tenant, After: after, UpTo: upTo, Stretch: scanWindow, Patterns: f.patterns(), PageSize: int32(limit),
		})
		err, rows = findErr, convertRows(found)
	case !pg.SightIn(ctx).All():
		r.Events, err = s.listForSight(ctx, tenant, after, limit)
	default:
		rows, err = s.q.ListSequenced(ctx, scope, tenant, after, int32(limit))
	}
	if err != nil {
		return Reading{}, err
	}
	for _, e := range rows {
		r.Events = append(r.Events, sequenced(e))
	}
	// Rows may go beyond the head that was read a moment before them.
	r.Next = upTo
	if n := len(r.Events); n > 0 && (n == limit || r.Events[n-1].Sequence > upTo) {
		r.Next = r.Events[n-1].Sequence
	}
	r.Head = max(r.Head, r.Next)
	if len(rows) > 0 { // asked for by type or subject, what is not seen is left out
		r.Events, err = s.only(ctx, tenant, r.Events)
	}
	return r, err
}

// beyond refuses a position that the log has not come to: whoever has one was
// told by another log, or by this one before it was restored from an older copy,
// and would miss what comes until the log is there.
func beyond(after, head int64) *fault.Error {
	if after <= head {
		return nil
	}
	return fault.New(fault.Refused, "position-beyond-head").With("head", head)
}

// Wait is Read that waits for the first event, at most for d. It refuses a
// position beyond the log.
func (s *Service) Wait(ctx context.Context, tenant uuid.UUID, after int64, f Filter, limit int, d time.Duration) (Reading, error) {
	bell, done := s.hub.Subscribe(tenant)
	defer done()
	deadline := clock.Mark().Add(d)
	scanUntil := clock.Mark().Add(max(d, scanFor))
	for {
		r, err := s.Read(ctx, tenant, after, f, limit)
		if err != nil || len(r.Events) > 0 {
			return r, err
		}
		if f := beyond(after, r.Head); f != nil {
			return r, f.AtParameter("after", "too-big", "limit", r.Head)
		}
		after = r.Next
		if r.Next < r.Head {
			if clock.Mark().After(scanUntil) {
				return r, nil
			}
			continue
		}
		left := time.Until(deadline)
		if left <= 0 {
			return r, nil
		}
		again := time.NewTimer(min(left, lookAgain))
		select {
		case <-bell:
		case <-again.C:
		case <-s.hub.Closed():
			again.Stop()
			return r, nil
		case <-ctx.Done():
			again.Stop()
			return r, ctx.Err()
		}
		again.Stop()
	}
}

// Get returns one event. It is there once it has its number.
func (s *Service) Get(ctx context.Context, tenant, id uuid.UUID) (Envelope, error) {
	e, err := s.q.GetSequenced(ctx, s.db.Tenant(tenant).ByIndex(), tenant, id)
	if err != nil {
		return Envelope{}, err
	}
	out := sequenced(eventsdb.ListSequencedRow(e))
	sees, err := s.Sees(ctx, out)
	if err == nil && !sees {
		err = fault.NotFound()
	}
	return out, err
}

// Changes are the values before and after an event.
type Changes struct {
	Event   Envelope
	Changes []Change
	Erased  bool     // there were values; erasure has removed them
	Masked  []string // pointers whose values are not shown
}

// Changes returns the values of one event.
func (s *Service) Changes(ctx context.Context, tenant, id uuid.UUID) (Changes, error) {
	e, err := s.Get(ctx, tenant, id)
	if err != nil {
		return Changes{}, err
	}
	out := Changes{Event: e, Changes: []Change{}}
	l, err := s.lookAt(ctx, tenant, []Envelope{e})
	if err != nil {
		return Changes{}, err
	}
	former, err := s.OfFormer(ctx, tenant, []uuid.UUID{id})
	if err != nil {
		return Changes{}, err
	}
	if former[id] || !l.reaches(e) {
		out.Masked = e.Data.Changed
		return out, nil
	}
	raw, err := s.q.GetChanges(ctx, s.db.Tenant(tenant), tenant, id)
	if pg.IsNoRows(err) {
		out.Erased = e.ChangesDigest != nil
		return out, nil
	}
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(raw, &out.Changes); err != nil {
		return out, fmt.Errorf("events: changes of %s: %w", id, err)
	}
	return out, out.mask(ctx)
}

type sequencedRow interface {
	eventsdb.ListSequencedOfRow | eventsdb.ListSequencedAboutRow
}

func convertRows[R sequencedRow](in []R) []eventsdb.ListSequencedRow {
	out := make([]eventsdb.ListSequencedRow, 0, len(in))
	for _, r := range in {
		out = append(out, eventsdb.ListSequencedRow(r))
	}
	return out
}

func sequenced(e eventsdb.ListSequencedRow) Envelope {
	out := row{
		id: e.ID, tenant: e.TenantID, typ: e.Type, subjectKind: e.SubjectKind, subjectID: e.SubjectID, subjectVersion: e.SubjectVersion,
		occurredAt: e.OccurredAt, actorKind: e.ActorKind, actorID: e.ActorID, requestID: e.RequestID, source: e.Source,
		changed: e.Changed, facts: e.Facts, changesDigest: e.ChangesDigest, test: e.Mode == "test",
	}.envelope(e.Sequence)
	out.Digest = hex.EncodeToString(e.Digest)
	return out
}

// tenantOf is the tenant of the request's actor.
func tenantOf(ctx context.Context) (uuid.UUID, error) {
	actor, err := web.ActorFrom(ctx)
	if err == nil && actor.Source != "" { // the log is of all sources
		err = fault.New(fault.Forbidden, "events-beyond-source")
	}
	return actor.Tenant, err
}
