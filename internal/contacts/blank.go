package contacts

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/contacts/internal/contactsdb"
	"github.com/parvis-crm/parvis/internal/events"
)

// blankName is what a contact is called of whom nothing is known any more.
const blankName = "Anonymisé"

// BlankTx empties a contact of which nothing is to be known any more (GDPR art.
// 17): its names and other fields, its contact points and addresses. The row
// stays, in the trash, for what refers to it.
func (s *Service) BlankTx(ctx context.Context, tx pgx.Tx, id uuid.UUID, source string) error {
	c, err := s.locked(ctx, tx, id)
	if err != nil {
		return err
	}
	now := s.clock.Now()
	var told []events.Entry
	points, err := s.q.LockPoints(ctx, tx, c.TenantID, c.ID)
	if err != nil {
		return err
	}
	for _, p := range points {
		if err := s.q.DeletePoint(ctx, tx, c.TenantID, p.ID); err != nil {
			return err
		}
		e, err := pointEntry("contact_point.removed", &p, nil)
		if err != nil {
			return err
		}
		told = append(told, e)
	}
	addresses, err := s.q.LockAddresses(ctx, tx, c.TenantID, c.ID)
	if err != nil {
		return err
	}
	for _, a := range addresses {
		if err := s.q.DeleteAddress(ctx, tx, c.TenantID, a.ID); err != nil {
			return err
		}
		e, err := addressEntry("address.removed", &a, nil)
		if err != nil {
			return err
		}
		told = append(told, e)
	}
	after, empty := c, Fields{Kind: c.Kind}
	empty.into(&after, blankName)
	e, err := contactEntry("contact.updated", &c, after)
	if err != nil {
		return err
	}
	if len(e.Changes) > 0 {
		after, err = s.q.UpdateContact(ctx, tx, contactsdb.UpdateContactParams{TenantID: c.TenantID, ID: c.ID, DisplayName: after.DisplayName, SortName: after.SortName, UpdatedAt: now})
		if err != nil {
			return err
		}
		words := searchWords(after)
		if err := s.q.UpdateSearch(ctx, tx, contactsdb.UpdateSearchParams{TenantID: c.TenantID, ContactID: c.ID, Words: words, NameKeys: nameKeys(words)}); err != nil {
			return err
		}
		e.Subject.Version = after.Version
		told = append(told, e)
	}
	for i := range told {
		told[i].Source, told[i].At = source, now
	}
	if len(told) > 0 {
		if err := events.RecordTx(ctx, tx, told...); err != nil {
			return err
		}
	}
	if c.ArchivedAt != nil {
		return nil
	}
	_, err = s.ArchiveTx(ctx, tx, c.ID, nil)
	return err
}

// ForgetExternalIDTx frees a name that another system knew a contact by, if the
// contact has it.
func (s *Service) ForgetExternalIDTx(ctx context.Context, tx pgx.Tx, contactID uuid.UUID, source, externalID string) error {
	c, err := s.GetTx(ctx, tx, contactID)
	if err != nil {
		return err
	}
	n, err := s.q.UnlinkExternalID(ctx, tx, contactsdb.UnlinkExternalIDParams{TenantID: c.TenantID, ContactID: c.ID, Source: source, ExternalID: externalID})
	if err != nil || n == 0 {
		return err
	}
	told := externalIDEntry("external_id.unlinked", c, ExternalID{TenantID: c.TenantID, Source: source, ExternalID: externalID, ContactID: c.ID})
	told.At = s.clock.Now()
	if err := events.RecordTx(ctx, tx, told); err != nil {
		return err
	}
	return s.follow(ctx, tx, c)
}
