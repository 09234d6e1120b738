package events

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Withheld is the type of what stands for an event about somebody whom its
// reader does not see: its number and its digest, nothing else.
const Withheld = "withheld"

func withheld(sequence int64, digest string) Envelope {
	return Envelope{Type: Withheld, Sequence: sequence, Digest: digest}
}

// withheldForm is a withheld event as it is written.
type withheldForm struct {
	Type     string `json:"type"`
	Sequence int64  `json:"sequence"`
	Digest   string `json:"digest"`
}

// about is whom an event is about: contacts it names, and records that are of
// a contact.
type about struct {
	contacts []uuid.UUID
	records  []uuid.UUID
	// personal: it is about somebody by what it is, so that whoever is held to a
	// purpose may read it where there is a basis. The rest it does not read.
	personal bool
}

func (e Envelope) about() about {
	var a about
	var facts struct {
		ContactID  *uuid.UUID `json:"contact_id"`
		PreviousID *uuid.UUID `json:"previous_contact_id"`
		OrderID    *uuid.UUID `json:"order_id"`
		Kind       string     `json:"kind"`
		BeforeID   *uuid.UUID `json:"previous_order_id"`
	}
	_ = json.Unmarshal(e.Data.Facts, &facts) // facts are an object of ours
	for _, id := range []*uuid.UUID{facts.ContactID, facts.PreviousID} {
		if id != nil {
			a.contacts = append(a.contacts, *id)
		}
	}
	for _, id := range []*uuid.UUID{facts.OrderID, facts.BeforeID} {
		if id != nil {
			a.records = append(a.records, *id)
		}
	}
	switch e.Data.Object {
	case "contact":
		a.contacts, a.personal = append(a.contacts, e.Data.ID), true
	case "order", "ticketing_customer", "membership", "gift_card", "group_booking", "voucher":
		a.records, a.personal = append(a.records, e.Data.ID), true
	case "scan":
		a.records = append(a.records, e.Data.ID)
	case "ticketing_record":
		switch facts.Kind {
		case "order", "customer", "membership", "gift_card", "group_booking", "scan", "voucher":
			a.records = append(a.records, e.Data.ID)
		}
	case "ticket":
		if a.personal = true; facts.OrderID == nil {
			a.records = append(a.records, uuid.Nil) // of no order, so of nobody who is seen
		}
	case "contact_point", "address", "consent":
		a.personal = true
	}
	return a
}

// look is the program's own look at events, whatever the database let through.
type look struct {
	everything bool
	bound      bool // to purposes
	contacts   pg.Look
	records    map[uuid.UUID][]*uuid.UUID // whose each of them is, as far as it is somebody's
}

// lookAt reads whom these events are about.
func (s *Service) lookAt(ctx context.Context, tenant uuid.UUID, list []Envelope) (look, error) {
	l := look{everything: pg.SightIn(ctx).All()}
	_, _, l.bound = pg.SightIn(ctx).Bound()
	if l.everything || len(list) == 0 {
		return l, nil
	}
	scope := s.db.Tenant(tenant)
	var contacts, records []uuid.UUID
	for _, e := range list {
		a := e.about()
		contacts = append(contacts, a.contacts...)
		records = append(records, a.records...)
	}
	l.records = map[uuid.UUID][]*uuid.UUID{}
	if len(records) > 0 {
		rows, err := s.q.ListNamedBy(ctx, scope, tenant, records)
		if err != nil {
			return l, err
		}
		for _, r := range rows {
			l.records[r.ID] = append(l.records[r.ID], r.ContactID)
			if r.ContactID != nil {
				contacts = append(contacts, *r.ContactID)
			}
		}
	}
	var err error
	l.contacts, err = pg.LookAt(ctx, scope, tenant, contacts)
	return l, err
}

// sees reports whether an event may be handed out.
func (l look) sees(e Envelope) bool {
	if l.everything {
		return true
	}
	a := e.about()
	if l.bound && !a.personal {
		return false
	}
	for _, record := range a.records {
		whose, there := l.records[record]
		if !there {
			return false
		}
		for _, contact := range whose {
			if contact != nil {
				a.contacts = append(a.contacts, *contact)
			} else if l.bound {
				return false // where nobody is known there is no basis
			}
		}
	}
	return !slices.ContainsFunc(a.contacts, func(id uuid.UUID) bool { return !l.contacts.Sees(&id) })
}

// reaches reports whether the values of an event may be handed out: those of a
// contact point or address only to who sees how to reach the person.
func (l look) reaches(e Envelope) bool {
	if l.everything || (e.Data.Object != "contact_point" && e.Data.Object != "address") {
		return true
	}
	return !slices.ContainsFunc(e.about().contacts, func(id uuid.UUID) bool { return !l.contacts.May(pg.SeeContactPoints, &id) })
}

// mask takes the values out whose classes the reader may not read.
func (c *Changes) mask(ctx context.Context) error {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return err
	}
	classes, err := web.ContractClasses()
	if err != nil {
		return err
	}
	c.Changes = slices.DeleteFunc(c.Changes, func(change Change) bool {
		if classes.ReadsField(actor, c.Event.Data.Object, change.Pointer) {
			return false
		}
		c.Masked = append(c.Masked, change.Pointer)
		return true
	})
	return nil
}

// amounts are the facts that tell what somebody paid.
var amounts = []string{"amount", "tax", "gross", "due", "paid", "refunded", "net", "total", "totals", "balance", "previous_balance"}

// ForReader is an event as an actor may read it: facts about money only where it
// reads that class.
func (e Envelope) ForReader(actor web.Actor) Envelope {
	if actor.Reads("financial") || len(e.Data.Facts) < 3 {
		return e
	}
	var facts map[string]json.RawMessage
	if json.Unmarshal(e.Data.Facts, &facts) != nil {
		return e
	}
	before := len(facts)
	maps.DeleteFunc(facts, func(name string, _ json.RawMessage) bool { return slices.Contains(amounts, name) })
	if len(facts) == before {
		return e
	}
	e.Data.Facts, _ = json.Marshal(facts) //nolint:errchkjson // raw messages that were read a moment ago
	return e
}

// Sees reports whether the principal of the context sees what an event is about.
func (s *Service) Sees(ctx context.Context, e Envelope) (bool, error) {
	l, err := s.lookAt(ctx, e.Tenant, []Envelope{e})
	return err == nil && l.sees(e), err
}

// Seen are those of these events that the principal of the context sees, as it
// may read them now.
func (s *Service) Seen(ctx context.Context, tenant uuid.UUID, list []Envelope) ([]Envelope, error) {
	if pg.SightIn(ctx).All() {
		return list, nil
	}
	return s.only(ctx, tenant, slices.Clone(list))
}

// SeenOf are the ids of those of these events that the principal of the context
// sees.
func (s *Service) SeenOf(ctx context.Context, tenant uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]bool, error) {
	rows, err := s.q.ListAbout(ctx, s.db.Tenant(tenant).ByIndex(), tenant, ids)
	if err != nil {
		return nil, err
	}
	list := make([]Envelope, len(rows))
	for i, r := range rows {
		list[i] = Envelope{ID: r.ID, Tenant: tenant, Data: EnvelopeData{Object: r.SubjectKind, ID: r.SubjectID, Facts: r.Facts}}
	}
	if list, err = s.only(ctx, tenant, list); err != nil {
		return nil, err
	}
	out := make(map[uuid.UUID]bool, len(list))
	for _, e := range list {
		out[e.ID] = true
	}
	return out, nil
}

// OfFormer are those of these events whose values are about somebody whom the
// principal of the context does not see, since what the event is about was theirs
// then: an order has the name and address of its buyer of the time, whose ever it
// has become.
func (s *Service) OfFormer(ctx context.Context, tenant uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]bool, error) {
	if pg.SightIn(ctx).All() || len(ids) == 0 {
		return nil, nil
	}
	rows, err := s.q.ListFormer(ctx, s.db.Tenant(tenant).ByIndex(), tenant, ids)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	contacts := make([]uuid.UUID, len(rows))
	for i, r := range rows {
		contacts[i] = r.ContactID
	}
	look, err := pg.LookAt(ctx, s.db.Tenant(tenant), tenant, contacts)
	if err != nil {
		return nil, err
	}
	out := map[uuid.UUID]bool{}
	for _, r := range rows {
		if !look.Sees(&r.ContactID) {
			out[r.ID] = true
		}
	}
	return out, nil
}

// Holders are those whose the records of these events were: an event about an
// order need not name anybody, and has the name and address of its buyer in its
// values.
func (s *Service) Holders(ctx context.Context, tenant uuid.UUID, ids ...uuid.UUID) ([]uuid.UUID, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := s.q.ListHolders(ctx, s.db.Tenant(tenant).ByIndex(), tenant, ids)
	out := make([]uuid.UUID, 0, len(rows))
	for _, r := range rows {
		out = append(out, r.ContactID)
	}
	return out, err
}

// only leaves the events that may be handed out.
func (s *Service) only(ctx context.Context, tenant uuid.UUID, list []Envelope) ([]Envelope, error) {
	l, err := s.lookAt(ctx, tenant, list)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(e Envelope) bool { return !l.sees(e) }), nil
}

// listForSight is a page of the log for a principal that does not see
// everything: contiguous, with what it does not see withheld.
func (s *Service) listForSight(ctx context.Context, tenant uuid.UUID, after int64, limit int) ([]Envelope, error) {
	rows, err := s.db.Tenant(tenant).ByIndex().Query(ctx, `
		select s.sequence, s.digest, e.id, coalesce(e.type, ''), coalesce(e.subject_kind, ''), e.subject_id, coalesce(e.subject_version, 0),
		       coalesce(e.occurred_at, 'epoch'), coalesce(e.actor_kind, ''), coalesce(e.actor_id, ''), coalesce(e.request_id, ''), coalesce(e.source, ''),
		       e.changed, e.facts, e.changes_digest, t.mode = 'test'
		from (select tenant_id, sequence, event_id, digest from event_sequence where tenant_id = $1 and sequence > $2 order by sequence limit $3) s
		join tenants t on t.tenant_id = s.tenant_id
		left join lateral (select * from events where tenant_id = s.tenant_id and id = s.event_id offset 0) e on true
		order by s.sequence`, tenant, after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []Envelope{}
	for rows.Next() {
		var id, subject *uuid.UUID
		var sequence int64
		var digest []byte
		r := row{tenant: tenant}
		if err := rows.Scan(&sequence, &digest, &id, &r.typ, &r.subjectKind, &subject, &r.subjectVersion, &r.occurredAt,
			&r.actorKind, &r.actorID, &r.requestID, &r.source, &r.changed, &r.facts, &r.changesDigest, &r.test); err != nil {
			return nil, err
		}
		e := withheld(sequence, hex.EncodeToString(digest))
		if id != nil {
			r.id, r.subjectID = *id, *subject
			e = r.envelope(sequence)
			e.Digest = hex.EncodeToString(digest)
		}
		list = append(list, e)
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return nil, err
	}
	l, err := s.lookAt(ctx, tenant, list)
	if err != nil {
		return nil, err
	}
	for i, e := range list {
		if e.Type != Withheld && !l.sees(e) {
			list[i] = withheld(e.Sequence, e.Digest)
		}
	}
	return list, nil
}
