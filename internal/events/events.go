package events

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/events/internal/eventsdb"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Service reads the log.
type Service struct {
	db  *pg.DB
	q   *eventsdb.Queries
	hub *Hub
}

// NewService makes the service.
func NewService(db *pg.DB, hub *Hub) *Service { return &Service{db: db, q: eventsdb.New(), hub: hub} }

// Filter narrows a reading of the log.
type Filter struct {
	Types     []string // exact, or with a trailing star
	SubjectID *uuid.UUID
}

func (f Filter) empty() bool { return len(f.Types) == 0 && f.SubjectID == nil }

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

// scanWindow bounds how much of the log one filtered reading passes over.
const scanWindow = 50_000

// Read returns at most limit events of a tenant after a sequence.
func (s *Service) Read(ctx context.Context, tenant uuid.UUID, after int64, f Filter, limit int) (Reading, error) {
	scope := s.db.Tenant(tenant)
	head, err := s.q.GetHead(ctx, scope, tenant)
	if err != nil && !pg.IsNoRows(err) {
		return Reading{}, err
	}
	r := Reading{Events: []Envelope{}, Next: after, Head: head.Sequence}
	if after >= head.Sequence {
		return r, nil
	}
	if f.empty() {
		rows, err := s.q.ListSequenced(ctx, scope, tenant, after, int32(limit))
		if err != nil {
			return Reading{}, err
		}
		for _, e := range rows {
			r.Events = append(r.Events, sequenced(eventsdb.ListSequencedOfRow(e)))
		}
		if n := len(rows); n > 0 {
			r.Next = rows[n-1].Sequence
		}
		r.Head = max(r.Head, r.Next)
		return r, nil
	}
	upTo := min(head.Sequence, after+scanWindow)
	rows, err := s.q.ListSequencedOf(ctx, scope, eventsdb.ListSequencedOfParams{
		TenantID: tenant, After: after, UpTo: upTo, SubjectID: f.SubjectID, Patterns: f.patterns(), PageSize: int32(limit),
	})
	if err != nil {
		return Reading{}, err
	}
	for _, e := range rows {
		r.Events = append(r.Events, sequenced(e))
	}
	r.Next = upTo
	if len(rows) == limit {
		r.Next = rows[limit-1].Sequence
	}
	return r, nil
}

// Wait is Read that waits for the first event, at most for d.
func (s *Service) Wait(ctx context.Context, tenant uuid.UUID, after int64, f Filter, limit int, d time.Duration) (Reading, error) {
	bell, done := s.hub.Subscribe(tenant)
	defer done()
	deadline := time.NewTimer(d)
	defer deadline.Stop()
	for {
		r, err := s.Read(ctx, tenant, after, f, limit)
		if err != nil || len(r.Events) > 0 {
			return r, err
		}
		after = r.Next
		if r.Next < r.Head {
			continue
		}
		select {
		case <-bell:
		case <-deadline.C:
			return r, nil
		case <-s.hub.Closed():
			return r, nil
		case <-ctx.Done():
			return r, ctx.Err()
		}
	}
}

func sequenced(e eventsdb.ListSequencedOfRow) Envelope {
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
	return actor.Tenant, err
}
