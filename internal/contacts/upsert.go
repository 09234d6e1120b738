package contacts

import (
	"cmp"
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/contacts/internal/contactsdb"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Results of an upsert.
const (
	Created   = "created"
	Updated   = "updated"
	Unchanged = "unchanged"
	Matched   = "matched"
)

// Upsert is what another system says of one of its records. Points, addresses,
// external ids and tags are added where they are missing, never removed.
type Upsert struct {
	Kind        *string // of a contact to be made; person unless given
	Patch       Patch
	Points      []NewPoint
	Addresses   []NewAddress
	ExternalIDs []NewExternalID
	TagIDs      []uuid.UUID
	// DepartmentIDs hold a contact to be made, see New.
	DepartmentIDs []uuid.UUID
	Source        string // where a contact to be made comes from
	// MatchVerifiedEmail recognises a contact without the external id by an
	// e-mail address that it has proven to be its own, if the names agree.
	MatchVerifiedEmail     bool
	OnlyCreate, OnlyUpdate bool
	Version                *int64 // that must still be the present one
}

// create is the upsert as a creation.
func (u Upsert) create() New {
	n := New{Points: u.Points, Addresses: u.Addresses, ExternalIDs: u.ExternalIDs, TagIDs: u.TagIDs, DepartmentIDs: u.DepartmentIDs, Source: u.Source}
	n.Kind = Person
	if u.Kind != nil {
		n.Kind = *u.Kind
	}
	n.Fields.apply(u.Patch)
	return n
}

// Upsert creates or updates the contact that another system knows by a name.
func (s *Service) Upsert(ctx context.Context, key NewExternalID, u Upsert) (c Contact, result string, err error) {
	c, err = inTx(ctx, s, func(ctx context.Context, tx pgx.Tx) (Contact, error) {
		var err error
		c, result, err = s.UpsertTx(ctx, tx, key, u)
		return c, err
	})
	return c, result, err
}

// UpsertTx is Upsert as part of tx. result is Created, Updated, Unchanged, or
// Matched when the external id was linked to, or after a merge led to, a
// contact that was there before.
func (s *Service) UpsertTx(ctx context.Context, tx pgx.Tx, key NewExternalID, u Upsert) (Contact, string, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Contact{}, "", err
	}
	c, err := s.lockByExternalID(ctx, tx, actor.Tenant, key)
	if err == nil {
		err = s.seen(ctx, tx, c)
	}
	f, isFault := fault.As(err)
	switch {
	case noRows(err), isFault && f.Kind == fault.Missing: // of nobody, or of a contact out of sight
		return s.upsertUnknown(ctx, tx, actor.Tenant, key, u)
	case err != nil:
		return Contact{}, "", err
	case u.OnlyCreate:
		return Contact{}, "", fault.New(fault.Stale, "precondition-failed").Extra("current_version", c.Version)
	}
	merged := c.MergedInto != nil
	if merged {
		if c, err = s.SurvivorTx(ctx, tx, c.ID); err == nil {
			c, err = s.locked(ctx, tx, c.ID)
		}
		if err != nil {
			return Contact{}, "", err
		}
	}
	if err := web.CheckVersion(u.Version, c.Version); err != nil {
		return Contact{}, "", err
	}
	c, changed, err := s.enrich(ctx, tx, c, u)
	switch {
	case err != nil:
		return Contact{}, "", err
	case merged:
		return c, Matched, nil
	case changed:
		return c, Updated, nil
	}
	return c, Unchanged, nil
}

// lockByExternalID holds the name and, if it is known, the contact, in one
// round trip.
func (s *Service) lockByExternalID(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, key NewExternalID) (Contact, error) {
	b := &pgx.Batch{}
	b.Queue(contactsdb.LockNames, lockNames(tenant, []ExternalID{{Source: key.Source, ExternalID: key.ExternalID}}))
	b.Queue(contactsdb.LockByExternalID, tenant, key.Source, key.ExternalID)
	results := tx.SendBatch(ctx, b)
	defer func() { _ = results.Close() }()
	if _, err := results.Exec(); err != nil {
		return Contact{}, err
	}
	rows, err := results.Query()
	if err != nil {
		return Contact{}, err
	}
	c, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Contact])
	if err != nil {
		return Contact{}, err
	}
	return c, results.Close()
}

func (s *Service) upsertUnknown(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, key NewExternalID, u Upsert) (Contact, string, error) {
	// Whoever makes or links a contact asks by itself whether the name was an erased
	// one's.
	if u.OnlyUpdate || u.Version != nil {
		return Contact{}, "", cmp.Or(s.refuseErased(ctx, tx, key), error(fault.New(fault.Stale, "precondition-failed")))
	}
	if u.MatchVerifiedEmail {
		c, found, err := s.recognise(ctx, tx, tenant, u)
		if err != nil {
			return Contact{}, "", err
		}
		if found && u.OnlyCreate {
			return Contact{}, "", fault.New(fault.Stale, "precondition-failed").Extra("current_version", c.Version)
		}
		if found {
			if _, _, err := s.AttachExternalIDTx(ctx, tx, c.ID, key.Source, key.ExternalID); err != nil {
				return Contact{}, "", err
			}
			c, _, err := s.enrich(ctx, tx, c, u)
			return c, Matched, err
		}
	}
	n := u.create()
	if !slices.Contains(n.ExternalIDs, key) {
		n.ExternalIDs = append([]NewExternalID{key}, n.ExternalIDs...)
	}
	c, err := s.CreateTx(ctx, tx, n)
	return c, Created, err
}

// recognise finds the one contact that has proven one of the addresses and has
// a compatible name, and holds it.
func (s *Service) recognise(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, u Upsert) (Contact, bool, error) {
	var addresses []string
	for _, p := range u.Points {
		if p.Kind != Email {
			continue
		}
		if normalized, err := NormalizeEmail(p.Value); err == nil {
			addresses = append(addresses, normalized)
		}
	}
	if len(addresses) == 0 {
		return Contact{}, false, nil
	}
	owners, err := s.q.FindByVerifiedPoint(ctx, tx, tenant, Email, addresses)
	if err != nil {
		return Contact{}, false, err
	}
	owners = slices.DeleteFunc(owners, func(o Contact) bool { return seen(ctx, o) != nil || !reachable(ctx, o) })
	asked := Contact{}
	proposed := u.create()
	proposed.Fields.into(&asked, "")
	var candidates []uuid.UUID
	for _, o := range owners {
		same := o.Kind == asked.Kind && NamesCompatible(NameOf(o), NameOf(asked))
		if o.Kind == Organisation && asked.Kind == Organisation {
			same = Fold(o.DisplayName) == Fold(asked.DisplayName)
		}
		if same && !slices.Contains(candidates, o.ID) {
			candidates = append(candidates, o.ID)
		}
	}
	switch len(candidates) {
	case 0:
		return Contact{}, false, nil
	case 1:
		c, err := s.locked(ctx, tx, candidates[0])
		return c, err == nil, err
	}
	return Contact{}, false, fault.New(fault.Conflict, "ambiguous-match").Extra("candidates", candidates)
}

// enrich changes a held contact as the upsert says and adds what it lacks.
func (s *Service) enrich(ctx context.Context, tx pgx.Tx, c Contact, u Upsert) (Contact, bool, error) {
	if u.Kind != nil && *u.Kind != c.Kind {
		return c, false, fault.Invalid().At("#/kind", "kind-cannot-change")
	}
	c, changed, err := s.changeTx(ctx, tx, c, u.Patch)
	if err != nil {
		return c, false, err
	}
	for i, p := range u.Points {
		_, existed, err := s.ensurePoint(ctx, tx, c.ID, p)
		if err != nil {
			return c, false, reanchor(err, "#/contact_points/"+itoa(i))
		}
		changed = changed || !existed
	}
	if len(u.Addresses) > 0 {
		added, err := s.addMissingAddresses(ctx, tx, c, u.Addresses)
		if err != nil {
			return c, false, err
		}
		changed = changed || added
	}
	for _, e := range u.ExternalIDs {
		_, linked, err := s.AttachExternalIDTx(ctx, tx, c.ID, e.Source, e.ExternalID)
		if err != nil {
			return c, false, err
		}
		changed = changed || linked
	}
	for i, id := range u.TagIDs {
		if _, err := s.grantable(ctx, tx, c.TenantID, []uuid.UUID{id}, "#/tag_ids"); err != nil {
			return c, false, reanchorFrom(err, "#/tag_ids/0", "#/tag_ids/"+itoa(i))
		}
		given, err := s.GiveTagTx(ctx, tx, c.ID, id)
		if err != nil {
			return c, false, err
		}
		changed = changed || given
	}
	if f := fieldsOf(c); changed && !f.named() {
		c, err = s.locked(ctx, tx, c.ID) // which may go by another of them now
	}
	return c, changed, err
}

// addMissingAddresses adds those that lead where no address of the contact does.
func (s *Service) addMissingAddresses(ctx context.Context, tx pgx.Tx, c Contact, wanted []NewAddress) (bool, error) {
	if err := Require(ctx, c, pg.SeeContactPoints); err != nil {
		return false, err
	}
	have, err := s.q.LockAddresses(ctx, tx, c.TenantID, c.ID)
	if err != nil {
		return false, err
	}
	added := false
	for i, n := range wanted {
		refused := fault.Invalid()
		a := n.settle("#/addresses/"+itoa(i), s.clock.Now(), refused)
		if err := refused.OrNil(); err != nil {
			return false, err
		}
		if slices.ContainsFunc(have, func(o Address) bool { return sameDestination(o, a) }) {
			continue
		}
		if a, err = s.addAddress(ctx, tx, c, have, a); err != nil {
			return false, err
		}
		have, added = append(have, a), true
	}
	return added, nil
}
