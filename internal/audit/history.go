package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/audit/internal/auditdb"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// HistoryFilter narrows a history; nil means any.
type HistoryFilter struct {
	Pointer      *string
	Since, Until *time.Time
}

// Told is one event of a history with its values.
type Told struct {
	auditdb.ListHistoryRow
	Values []FieldChange
	Erased bool
}

// FieldChange is one field before and after.
type FieldChange struct {
	Pointer string `json:"pointer"`
	Before  any    `json:"before"`
	After   any    `json:"after"`
	Masked  bool   `json:"-"`
}

// contactKinds are the kinds of records whose changes are the history of a
// contact.
func contactKinds() []string { return []string{"contact", "contact_point", "address", "consent"} }

// History returns at most limit changes of one record before a sequence (nil:
// the end), newest first.
func (s *Service) History(ctx context.Context, kind string, id uuid.UUID, f HistoryFilter, before *int64, limit int) ([]Told, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := s.reads.q.ListHistory(ctx, s.reads.db.Tenant(actor.Tenant), auditdb.ListHistoryParams{
		TenantID: actor.Tenant, SubjectID: id, SubjectKind: kind, Pointer: f.Pointer, Since: f.Since, Until: f.Until, Before: before, PageSize: int32(limit),
	})
	if err != nil {
		return nil, err
	}
	if rows, err = s.onlySeen(ctx, actor.Tenant, rows); err != nil {
		return nil, err
	}
	return s.told(ctx, actor, rows, f)
}

// ContactHistory is History for a contact with all that hangs on it; kind
// narrows it to records of one kind.
func (s *Service) ContactHistory(ctx context.Context, id uuid.UUID, kind *string, f HistoryFilter, before *int64, limit int) ([]Told, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	scope := s.reads.db.Tenant(actor.Tenant)
	if err := s.seesContact(ctx, actor.Tenant, id); err != nil {
		return nil, err
	}
	kinds := contactKinds()
	if kind != nil {
		kinds = []string{*kind}
	}
	found, err := s.reads.q.ListContactHistory(ctx, scope, auditdb.ListContactHistoryParams{
		TenantID: actor.Tenant, ContactID: id, SubjectKinds: kinds, Pointer: f.Pointer, Since: f.Since, Until: f.Until, Before: before, PageSize: int32(limit),
	})
	if err != nil {
		return nil, err
	}
	rows := make([]auditdb.ListHistoryRow, 0, len(found))
	for _, r := range found {
		rows = append(rows, auditdb.ListHistoryRow(r))
	}
	if rows, err = s.onlySeen(ctx, actor.Tenant, rows); err != nil {
		return nil, err
	}
	return s.told(ctx, actor, rows, f)
}

// seesContact refuses a contact that is not there or that the principal does not
// see.
func (s *Service) seesContact(ctx context.Context, tenant, id uuid.UUID) error {
	there, err := s.reads.sees(ctx, tenant, id)
	if err == nil && !there {
		err = fault.NotFound()
	}
	return err
}

// onlySeen leaves of events those that the principal sees.
func (s *Service) onlySeen(ctx context.Context, tenant uuid.UUID, rows []auditdb.ListHistoryRow) ([]auditdb.ListHistoryRow, error) {
	if pg.SightIn(ctx).All() || len(rows) == 0 {
		return rows, nil
	}
	ids := make([]uuid.UUID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	seen, err := s.log.SeenOf(ctx, tenant, ids)
	return slices.DeleteFunc(rows, func(r auditdb.ListHistoryRow) bool { return !seen[r.ID] }), err
}

// told gives events their values, as far as the actor may read them.
func (s *Service) told(ctx context.Context, actor web.Actor, rows []auditdb.ListHistoryRow, f HistoryFilter) ([]Told, error) {
	classes, err := web.ContractClasses()
	if err != nil {
		return nil, err
	}
	ids := make([]uuid.UUID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	former, err := s.log.OfFormer(ctx, actor.Tenant, ids)
	if err != nil {
		return nil, err
	}
	out := make([]Told, 0, len(rows))
	for _, r := range rows {
		t := Told{ListHistoryRow: r, Values: []FieldChange{}}
		if r.Changes != nil {
			d := json.NewDecoder(bytes.NewReader(r.Changes))
			d.UseNumber()
			if err := d.Decode(&t.Values); err != nil {
				return nil, fmt.Errorf("audit: changes of %s: %w", r.ID, err)
			}
		} else {
			for _, pointer := range r.Changed {
				t.Values = append(t.Values, FieldChange{Pointer: pointer})
			}
		}
		if f.Pointer != nil {
			t.Values = slices.DeleteFunc(t.Values, func(c FieldChange) bool { return c.Pointer != *f.Pointer })
		}
		// How to reach somebody is kept from whoever does not see it, and so is what
		// was said of somebody out of sight: there the absence of values does not
		// mean that they were erased.
		kept := former[r.ID] || (r.SubjectKind == "contact_point" || r.SubjectKind == "address") && !pg.SightIn(ctx).Holds(pg.SeeContactPoints)
		t.Erased = r.Changes == nil && r.ChangesDigest != nil && !kept
		// In a contact they are of this class whole, with all that is said of them.
		whole := former[r.ID] || (r.SubjectKind == "contact_point" || r.SubjectKind == "address") && !actor.Reads("contact_point")
		for i, c := range t.Values {
			if whole || !classes.ReadsField(actor, r.SubjectKind, c.Pointer) || r.Changes == nil && kept {
				t.Values[i] = FieldChange{Pointer: c.Pointer, Masked: true}
			}
		}
		out = append(out, t)
	}
	return out, nil
}

// contactsIn are those whose data a page of history holds.
func (s *Service) contactsIn(ctx context.Context, page []Told) ([]uuid.UUID, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	var out, others []uuid.UUID
	for _, t := range page {
		if t.SubjectKind == "contact" {
			out = append(out, t.SubjectID)
			continue
		}
		var facts struct {
			ContactID *uuid.UUID `json:"contact_id"`
		}
		if json.Unmarshal(t.Facts, &facts) == nil && facts.ContactID != nil {
			out = append(out, *facts.ContactID)
			continue
		}
		others = append(others, t.ID)
	}
	holders, err := s.log.Holders(ctx, actor.Tenant, others...)
	return append(out, holders...), err
}
