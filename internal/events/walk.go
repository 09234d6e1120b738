package events

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/pg"
)

// Link is one number of a tenant's sequence with what the tables hold for it,
// for those who check the log rather than read it.
type Link struct {
	Sequence int64
	EventID  uuid.UUID
	Digest   []byte
	Event    *Envelope       // nil: the sequence names an event that is not there
	Changes  json.RawMessage // nil: no values recorded, or erased
}

const walkPage = 1000

// Walk calls f for every number from … to that the tables hold, in order, in
// bounded memory, until f returns an error.
func (s *Service) Walk(ctx context.Context, tenant uuid.UUID, from, to int64, f func(Link) error) error {
	for from <= to {
		last, err := s.walkPage(ctx, tenant, from, to, f)
		if err != nil || last == 0 {
			return err
		}
		from = last + 1
	}
	return nil
}

func (s *Service) walkPage(ctx context.Context, tenant uuid.UUID, from, to int64, f func(Link) error) (int64, error) {
	rows, err := s.db.Tenant(tenant).ByIndex().Query(ctx, `
		select s.sequence, s.event_id, s.digest, e.id, coalesce(e.type, ''), coalesce(e.subject_kind, ''), e.subject_id, coalesce(e.subject_version, 0),
		       coalesce(e.occurred_at, 'epoch'), coalesce(e.actor_kind, ''), coalesce(e.actor_id, ''), coalesce(e.request_id, ''), coalesce(e.source, ''),
		       e.changed, e.facts, e.changes_digest, c.changes
		from (select tenant_id, sequence, event_id, digest from event_sequence where tenant_id = $1 and sequence between $2 and $3 order by sequence limit $4) s
		left join lateral (select * from events where tenant_id = s.tenant_id and id = s.event_id offset 0) e on true
		left join lateral (select * from event_changes where tenant_id = s.tenant_id and event_id = s.event_id offset 0) c on true
		order by s.sequence`, tenant, from, to, walkPage)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	page := make([]Link, 0, walkPage)
	for rows.Next() {
		var l Link
		var id, subject *uuid.UUID
		r := row{tenant: tenant}
		if err := rows.Scan(&l.Sequence, &l.EventID, &l.Digest, &id, &r.typ, &r.subjectKind, &subject, &r.subjectVersion,
			&r.occurredAt, &r.actorKind, &r.actorID, &r.requestID, &r.source, &r.changed, &r.facts, &r.changesDigest, &l.Changes); err != nil {
			return 0, err
		}
		if id != nil {
			r.id, r.subjectID = *id, *subject
			e := r.envelope(l.Sequence)
			l.Event = &e
		}
		page = append(page, l)
	}
	// The connection goes back before the checking, which may take longer.
	rows.Close()
	if err := rows.Err(); err != nil {
		return 0, err
	}
	var last int64
	for _, l := range page {
		if err := f(l); err != nil {
			return 0, err
		}
		last = l.Sequence
	}
	return last, nil
}

// Head is the last number given out and the digest of its event; zero and
// thirty-two zero bytes before the first.
func (s *Service) Head(ctx context.Context, tenant uuid.UUID) (int64, []byte, error) {
	head, err := s.q.GetHead(ctx, s.db.Tenant(tenant), tenant)
	if pg.IsNoRows(err) {
		return 0, make([]byte, 32), nil
	}
	return head.Sequence, head.Digest, err
}

// DigestAt is the digest kept for a number, nil when there is no such number.
func (s *Service) DigestAt(ctx context.Context, tenant uuid.UUID, sequence int64) ([]byte, error) {
	if sequence == 0 {
		return make([]byte, 32), nil
	}
	digest, err := s.q.GetDigest(ctx, s.db.Tenant(tenant), tenant, sequence)
	if pg.IsNoRows(err) {
		return nil, nil
	}
	return digest, err
}

// Unnumbered finds an event that has neither a number nor a place in the queue,
// which no program of ours leaves behind. It passes over all events.
func (s *Service) Unnumbered(ctx context.Context, tenant uuid.UUID) (*uuid.UUID, error) {
	var id uuid.UUID
	err := s.db.Tenant(tenant).QueryRow(ctx, `
		select e.id from events e
		where e.tenant_id = $1
		  and not exists (select 1 from event_sequence s where s.tenant_id = $1 and s.event_id = e.id)
		  and not exists (select 1 from event_queue q where q.tenant_id = $1 and q.event_id = e.id)
		limit 1`, tenant).Scan(&id)
	if pg.IsNoRows(err) {
		return nil, nil
	}
	return &id, err
}
