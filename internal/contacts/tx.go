package contacts

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/contacts/internal/contactsdb"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

// What other domains call inside a transaction of theirs, besides CreateTx,
// UpdateTx and ArchiveTx. The actor, and with it the tenant, comes from the
// context. Every function that changes something records its events.

// GetTx returns a contact as it is now. Of a merged one it returns the 410 that
// names the survivor.
func (s *Service) GetTx(ctx context.Context, tx pgx.Tx, id uuid.UUID) (Contact, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Contact{}, err
	}
	c, err := s.q.GetContact(ctx, tx, actor.Tenant, id)
	if err != nil {
		return Contact{}, err
	}
	if err := s.seen(ctx, tx, c); err != nil {
		return Contact{}, err
	}
	return c, present(c)
}

// SurvivorTx returns the contact, or the one in which it lives on after any
// number of merges. Of one that was erased it returns the 410.
func (s *Service) SurvivorTx(ctx context.Context, tx pgx.Tx, id uuid.UUID) (Contact, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Contact{}, err
	}
	c, err := s.q.GetContact(ctx, tx, actor.Tenant, id)
	// Merges form no circle; the bound is for a database that somebody repaired by hand.
	for hops := 0; err == nil && c.MergedInto != nil && hops < 100; hops++ {
		c, err = s.q.GetContact(ctx, tx, actor.Tenant, *c.MergedInto)
	}
	if err != nil {
		return Contact{}, err
	}
	if err := s.seen(ctx, tx, c); err != nil {
		return Contact{}, err
	}
	return c, present(c)
}

// FindByExternalIDTx returns the contact that another system knows by this
// name, following merges; nil when there is none. It locks nothing: who will
// create the contact when there is none calls LockExternalIDTx first.
func (s *Service) FindByExternalIDTx(ctx context.Context, tx pgx.Tx, source, externalID string) (*Contact, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	c, err := s.q.FindByExternalID(ctx, tx, actor.Tenant, source, externalID)
	if noRows(err) {
		return nil, nil
	}
	if err == nil {
		if err = s.seen(ctx, tx, c); fault.Is(err, "not-found") {
			return nil, nil
		}
	}
	if err == nil && c.MergedInto != nil {
		c, err = s.SurvivorTx(ctx, tx, *c.MergedInto)
	}
	if err != nil {
		return nil, err
	}
	return &c, nil
}

// LockExternalIDTx makes this transaction the only one that may bring the
// external id in, until it ends: look it up after the call, then create.
func (s *Service) LockExternalIDTx(ctx context.Context, tx pgx.Tx, source, externalID string) error {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return err
	}
	return s.q.LockNames(ctx, tx, lockNames(actor.Tenant, []ExternalID{{Source: source, ExternalID: externalID}}))
}

// FindByContactPointTx returns the contacts, neither archived nor merged, that
// are reached at a contact point, at most 200 by id. kind is Email or Phone,
// normalized what NormalizeEmail or NormalizePhone gave. Several is normal:
// families share an address. NameOf gives the name to compare.
func (s *Service) FindByContactPointTx(ctx context.Context, tx pgx.Tx, kind, normalized string) ([]Contact, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	found, err := s.q.FindByPoint(ctx, tx, actor.Tenant, kind, normalized)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(found, func(c Contact) bool { return seen(ctx, c) != nil || !reachable(ctx, c) }), nil
}

// EnsureContactPointTx returns the contact's point with this value, adding it
// when the contact has none. An existing point is left as it is, except that
// proof of control (Verified) makes an unverified or bounced one valid.
func (s *Service) EnsureContactPointTx(ctx context.Context, tx pgx.Tx, contactID uuid.UUID, n NewPoint) (Point, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Point{}, err
	}
	normalized, err := normalizePoint(n.Kind, n.Platform, n.Value, n.Region)
	if err != nil {
		return Point{}, fault.Invalid().At("#/value", n.Kind)
	}
	p, err := s.q.FindPoint(ctx, tx, contactsdb.FindPointParams{TenantID: actor.Tenant, ContactID: contactID, Kind: n.Kind, Normalized: normalized})
	if noRows(err) {
		p, _, err = s.ensurePoint(ctx, tx, contactID, n)
	}
	if err != nil || !n.Verified || (p.Status != "unverified" && p.Status != "bounced") {
		return p, err
	}
	return s.MarkContactPointTx(ctx, tx, p.ID, "valid", "")
}

// MarkContactPointTx gives a contact point a status (unverified, valid,
// bounced, invalid, opted_out) with a reason for people, empty for none. A
// transition that the status machine does not know is a 409
// contact-point-status; the present status again changes only the reason.
func (s *Service) MarkContactPointTx(ctx context.Context, tx pgx.Tx, id uuid.UUID, status, reason string) (Point, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Point{}, err
	}
	before, err := s.q.LockPointAlone(ctx, tx, actor.Tenant, id)
	if err != nil {
		return Point{}, err
	}
	now, after := s.clock.Now(), before
	if err := become(&after, status, typed(clip(reason, 400)), now); err != nil {
		return before, err
	}
	e, err := pointEntry("contact_point.updated", &before, &after)
	if err != nil || len(e.Changes) == 0 {
		return before, err
	}
	if after, err = s.savePoint(ctx, tx, after, now); err != nil {
		return before, err
	}
	e.Subject.Version, e.At = after.Version, after.UpdatedAt
	return after, events.RecordTx(ctx, tx, e)
}

// AttachExternalIDTx makes a contact known to another system by this name.
// Attaching it again changes nothing; when another contact has it, the answer
// is a 409 already-exists with existing_id.
func (s *Service) AttachExternalIDTx(ctx context.Context, tx pgx.Tx, contactID uuid.UUID, source, externalID string) (ExternalID, bool, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return ExternalID{}, false, err
	}
	c, err := s.GetTx(ctx, tx, contactID)
	if err != nil {
		return ExternalID{}, false, err
	}
	if err := s.refuseErased(ctx, tx, NewExternalID{source, externalID}); err != nil {
		return ExternalID{}, false, err
	}
	linked, err := s.q.LinkExternalID(ctx, tx, contactsdb.LinkExternalIDParams{
		TenantID: actor.Tenant, Source: source, ExternalID: externalID, ContactID: c.ID, FirstSeenAt: s.clock.Now(),
	})
	if err != nil {
		return ExternalID{}, false, err
	}
	if len(linked) == 1 {
		if err := events.RecordTx(ctx, tx, externalIDEntry("external_id.linked", c, linked[0])); err != nil {
			return ExternalID{}, false, err
		}
		return linked[0], true, s.follow(ctx, tx, c)
	}
	present, err := s.q.GetExternalID(ctx, tx, actor.Tenant, source, externalID)
	if noRows(err) { // of a contact out of sight
		return ExternalID{}, false, fault.New(fault.Conflict, "already-exists")
	}
	if err != nil {
		return ExternalID{}, false, err
	}
	if present.ContactID != c.ID {
		return ExternalID{}, false, alreadyOf(ctx, tx, actor.Tenant, present.ContactID)
	}
	return present, false, nil
}
