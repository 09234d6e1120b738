package contacts

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Creation collects contacts that one transaction makes, to write them in a
// number of round trips that does not grow with them.
type Creation struct {
	s      *Service
	drafts []draft
}

// NewCreation begins a collection.
func (s *Service) NewCreation() *Creation { return &Creation{s: s} }

// Add decides on a contact and returns it as it will be; nothing is written yet.
func (c *Creation) Add(ctx context.Context, in New) (Contact, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Contact{}, err
	}
	d, err := c.s.draft(in, actor.Tenant)
	if err != nil {
		return Contact{}, err
	}
	c.drafts = append(c.drafts, d)
	return d.contact, nil
}

// Holds reports whether a contact waits to be written.
func (c *Creation) Holds(id uuid.UUID) bool {
	return slices.ContainsFunc(c.drafts, func(d draft) bool { return d.contact.ID == id })
}

// WriteTx makes what was added since it was last called, as CreateTx makes one
// contact. What it refuses, it refuses for all of them.
func (c *Creation) WriteTx(ctx context.Context, tx pgx.Tx) error {
	if len(c.drafts) == 0 {
		return nil
	}
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return err
	}
	drafts := c.drafts
	c.drafts = nil
	// After the names are held, so that nobody erases them meanwhile.
	claimed, err := c.s.claimExternalIDs(ctx, tx, actor.Tenant, drafts)
	if err != nil {
		return err
	}
	key, err := c.s.erasureKey(ctx, tx, actor.Tenant, false)
	if err != nil {
		return err
	}
	if erased, err := c.s.erasedUnder(ctx, tx, actor.Tenant, key, claimed); err != nil || len(erased) > 0 {
		return cmp.Or(err, erasedFault())
	}
	if err := c.s.houses(ctx, tx, actor, drafts); err != nil {
		return err
	}
	var points []*Point
	for _, d := range drafts {
		for i := range d.points {
			points = append(points, &d.points[i])
		}
	}
	opposed, err := c.s.oppose(ctx, tx, actor.Tenant, key, points)
	if err != nil {
		return err
	}
	b := &pgx.Batch{}
	var entries []events.Entry
	for _, d := range drafts {
		if err := c.s.checkOwner(ctx, tx, actor.Tenant, d.contact.OwnerID); err != nil {
			return err
		}
		if d.tags, err = c.s.grantable(ctx, tx, actor.Tenant, d.tagIDs, "#/tag_ids"); err != nil {
			return err
		}
		d.queue(b)
		told, err := d.entries()
		if err != nil {
			return err
		}
		entries = append(entries, told...)
	}
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return err
	}
	if err := events.RecordTx(ctx, tx, entries...); err != nil {
		return err
	}
	return c.s.tellOpposed(ctx, tx, opposed)
}

// claimExternalIDs makes sure that nobody else has or is about to take them, and
// returns which they are.
func (s *Service) claimExternalIDs(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, drafts []draft) ([]NewExternalID, error) {
	var claimed []ExternalID
	var sources, names []string
	owner := map[NewExternalID]uuid.UUID{}
	for _, d := range drafts {
		for _, e := range d.externals {
			key := NewExternalID{e.Source, e.ExternalID}
			if id, ok := owner[key]; ok {
				return nil, fault.New(fault.Conflict, "already-exists").Extra("existing_id", id.String())
			}
			owner[key] = e.ContactID
			claimed = append(claimed, e)
			sources, names = append(sources, e.Source), append(names, e.ExternalID)
		}
	}
	if len(claimed) == 0 {
		return nil, nil
	}
	if err := s.q.LockNames(ctx, tx, lockNames(tenant, claimed)); err != nil {
		return nil, err
	}
	taken, err := s.q.FindTakenExternalIDs(ctx, tx, sources, names, tenant)
	if err == nil && len(taken) > 0 {
		err = alreadyOf(ctx, tx, tenant, taken[0])
	}
	return slices.Collect(maps.Keys(owner)), err
}

// alreadyOf refuses a name that a contact has, and says whose it is to those who
// see that contact.
func alreadyOf(ctx context.Context, tx pgx.Tx, tenant, contact uuid.UUID) error {
	f := fault.New(fault.Conflict, "already-exists")
	look, err := pg.LookAt(ctx, tx, tenant, []uuid.UUID{contact})
	if err != nil {
		return err
	}
	if look.Sees(&contact) {
		f.Extra("existing_id", contact.String())
	}
	return f
}
