package contacts

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/contacts/internal/contactsdb"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Department is one of the departments that hold a contact, with what it may do
// with it.
type Department = contactsdb.ContactDepartment

// heldOf says whose a contact is.
func heldOf(c Contact) pg.Held {
	return pg.Held{
		Restricted: c.Restricted, Viewers: c.ViewerIds, Departments: c.DepartmentIds,
		Reaching: c.ReachDepartmentIds, Acting: c.ActDepartmentIds, Exporting: c.ExportDepartmentIds,
	}
}

// Require refuses a principal that may not do something (see_contact_points,
// act or export) with a contact that it sees.
func Require(ctx context.Context, c Contact, v pg.Verb) error {
	if pg.SightIn(ctx).May(v, heldOf(c)) {
		return nil
	}
	return notHeld(v)
}

func notHeld(v pg.Verb) error {
	return fault.New(fault.Forbidden, "verb-not-held").With("verb", string(v)).Extra("required_verb", string(v))
}

// RequireTx is Require for a contact by its id.
func (s *Service) RequireTx(ctx context.Context, tx pgx.Tx, id uuid.UUID, v pg.Verb) error {
	c, err := s.GetTx(ctx, tx, id)
	if err != nil {
		return err
	}
	return Require(ctx, c, v)
}

// houses gives drafts the departments that hold them: those asked for, or else
// those in which a principal works that does not work in all of the
// institution, so that it sees what it made.
func (s *Service) houses(ctx context.Context, tx pgx.Tx, actor web.Actor, drafts []draft) error {
	var own []uuid.UUID
	var asked bool
	for i := range drafts {
		d := &drafts[i]
		asked = asked || len(d.contact.DepartmentIds) > 0
		if d.housed || actor.Sight.Holds(pg.Edit) || len(actor.Sight.Departments(pg.Edit)) == 0 {
			continue
		}
		if own == nil {
			var err error
			if own, err = s.q.FindTopDepartments(ctx, tx, actor.Tenant, actor.Sight.Departments(pg.Edit)); err != nil {
				return err
			}
		}
		d.settleIn(own)
	}
	if !asked {
		return nil
	}
	wanted := []uuid.UUID{}
	for _, d := range drafts {
		wanted = append(wanted, d.contact.DepartmentIds...)
	}
	known, err := s.q.FindDepartments(ctx, tx, actor.Tenant, wanted)
	if err != nil {
		return err
	}
	for _, d := range drafts {
		if err := d.checkHouses(actor.Sight, known); err != nil {
			return err
		}
	}
	return nil
}

func (d *draft) settleIn(departments []uuid.UUID) {
	held := slices.Clone(departments)
	slices.SortFunc(held, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	held = slices.Compact(held)
	if held == nil {
		held = []uuid.UUID{}
	}
	c := &d.contact
	c.DepartmentIds, c.ReachDepartmentIds, c.ActDepartmentIds, c.ExportDepartmentIds = held, held, held, held
}

// checkHouses: the departments are there, and whoever makes the contact works
// in one of them.
func (d *draft) checkHouses(sight pg.Sight, known []uuid.UUID) error {
	refused := fault.Invalid()
	for i, id := range d.contact.DepartmentIds {
		if !slices.Contains(known, id) {
			refused.At(fmt.Sprintf("#/department_ids/%d", i), "unknown-reference")
		}
	}
	if err := refused.OrNil(); err != nil || len(d.contact.DepartmentIds) == 0 {
		return err
	}
	if !sight.May(pg.Edit, heldOf(d.contact)) {
		return notHeld(pg.Edit)
	}
	return nil
}

// checkOwner: the user is there.
func (s *Service) checkOwner(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, owner *uuid.UUID) error {
	if owner == nil {
		return nil
	}
	found, err := s.q.FindUsers(ctx, tx, tenant, []uuid.UUID{*owner})
	if err == nil && len(found) == 0 {
		err = fault.Invalid().At("#/owner_id", "unknown-reference")
	}
	return err
}

// Restrict hides a contact from all but those who may see restricted contacts,
// and the viewers. Who would no longer see it is refused.
func (s *Service) Restrict(ctx context.Context, id uuid.UUID, reason string, viewers []uuid.UUID, want *int64) (Contact, error) {
	return s.setRestricted(ctx, id, reason, want, true, viewers)
}

// Unrestrict shows a contact again to all who see its departments.
func (s *Service) Unrestrict(ctx context.Context, id uuid.UUID, reason string, want *int64) (Contact, error) {
	return s.setRestricted(ctx, id, reason, want, false, []uuid.UUID{})
}

func (s *Service) setRestricted(ctx context.Context, id uuid.UUID, reason string, want *int64, restricted bool, viewers []uuid.UUID) (Contact, error) {
	return inTx(ctx, s, func(ctx context.Context, tx pgx.Tx) (Contact, error) {
		c, err := s.locked(ctx, tx, id)
		if err != nil {
			return c, err
		}
		if err := web.CheckVersion(want, c.Version); err != nil {
			return c, err
		}
		if viewers, err = s.viewers(ctx, tx, c.TenantID, viewers); err != nil {
			return c, err
		}
		if c.Restricted == restricted && slices.Equal(c.ViewerIds, viewers) {
			web.NoteUnchanged(ctx, c.ID)
			return c, nil
		}
		after, err := s.q.SetRestricted(ctx, tx, contactsdb.SetRestrictedParams{
			TenantID: c.TenantID, ID: c.ID, Restricted: restricted, ViewerIds: viewers, UpdatedAt: s.clock.Now(),
		})
		if err != nil {
			return c, err
		}
		if seen(ctx, after) != nil {
			return c, fault.New(fault.Forbidden, "out-of-sight")
		}
		kind := "contact.unrestricted"
		if restricted {
			kind = "contact.restricted"
		}
		e, err := contactEntry(kind, &c, after)
		if err != nil {
			return c, err
		}
		e.Source = ""
		e.Changes = append(e.Changes, events.Change{Pointer: "/restriction_reason", After: reason})
		return after, events.RecordTx(ctx, tx, e)
	})
}

// viewers are these users and teams in order; unknown ones are refused.
func (s *Service) viewers(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, asked []uuid.UUID) ([]uuid.UUID, error) {
	if len(asked) == 0 {
		return []uuid.UUID{}, nil
	}
	known, err := s.q.FindUsersAndTeams(ctx, tx, tenant, asked)
	if err != nil {
		return nil, err
	}
	refused := fault.Invalid()
	for i, id := range asked {
		if !slices.Contains(known, id) {
			refused.At(fmt.Sprintf("#/viewer_ids/%d", i), "unknown-reference")
		}
	}
	sorted := slices.Clone(asked)
	slices.SortFunc(sorted, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(sorted), refused.OrNil()
}

// Share gives a department verbs on a contact, in place of those it had.
func (s *Service) Share(ctx context.Context, id, department uuid.UUID, verbs []string) (Department, error) {
	return inTx(ctx, s, func(ctx context.Context, tx pgx.Tx) (Department, error) {
		c, err := s.locked(ctx, tx, id)
		if err != nil {
			return Department{}, err
		}
		known, err := s.q.FindDepartments(ctx, tx, c.TenantID, []uuid.UUID{department})
		if err != nil {
			return Department{}, err
		}
		if len(known) == 0 {
			return Department{}, fault.NotFound()
		}
		held := []string{string(pg.See)}
		for _, v := range pg.Verbs() {
			if v != pg.See && slices.Contains(verbs, string(v)) {
				held = append(held, string(v))
			}
		}
		before, err := s.q.GetContactDepartment(ctx, tx, c.TenantID, c.ID, department)
		if err == nil && slices.Equal(before.Verbs, held) {
			return before, nil
		}
		if err != nil && !noRows(err) {
			return Department{}, err
		}
		d, err := s.q.PutContactDepartment(ctx, tx, contactsdb.PutContactDepartmentParams{
			TenantID: c.TenantID, ContactID: c.ID, DepartmentID: department, Verbs: held, SharedAt: s.clock.Now(),
		})
		if err != nil {
			return Department{}, err
		}
		return d, s.toldOfSharing(ctx, tx, c, "contact.shared", map[string]any{"department_id": department, "verbs": held})
	})
}

// Unshare takes a contact from a department.
func (s *Service) Unshare(ctx context.Context, id, department uuid.UUID) error {
	_, err := inTx(ctx, s, func(ctx context.Context, tx pgx.Tx) (struct{}, error) {
		c, err := s.locked(ctx, tx, id)
		if err != nil {
			return struct{}{}, err
		}
		if _, err := s.q.GetContactDepartment(ctx, tx, c.TenantID, c.ID, department); err != nil {
			return struct{}{}, err
		}
		if err := s.q.DeleteContactDepartment(ctx, tx, c.TenantID, c.ID, department); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, s.toldOfSharing(ctx, tx, c, "contact.unshared", map[string]any{"department_id": department})
	})
	return err
}

// toldOfSharing gives a contact the version that its sharing makes, and records
// it.
func (s *Service) toldOfSharing(ctx context.Context, tx pgx.Tx, before Contact, kind string, facts map[string]any) error {
	after, err := s.q.TouchContact(ctx, tx, s.clock.Now(), before.TenantID, before.ID)
	if noRows(err) || err == nil && seen(ctx, after) != nil {
		return fault.New(fault.Forbidden, "out-of-sight")
	}
	if err != nil {
		return err
	}
	return events.RecordTx(ctx, tx, events.Entry{
		Type: kind, Subject: events.Subject{Kind: "contact", ID: after.ID, Version: after.Version}, Facts: facts,
		Changes: []events.Change{{Pointer: "/department_ids", Before: before.DepartmentIds, After: after.DepartmentIds}},
	})
}

// ListDepartments returns at most limit departments of a contact after one.
func (s *Service) ListDepartments(ctx context.Context, id, after uuid.UUID, limit int) ([]Department, error) {
	c, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.q.ListContactDepartments(ctx, s.db.Tenant(c.TenantID), contactsdb.ListContactDepartmentsParams{
		TenantID: c.TenantID, ContactID: c.ID, After: after, PageSize: int32(limit),
	})
}
