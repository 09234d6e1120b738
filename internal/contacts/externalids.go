package contacts

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/contacts/internal/contactsdb"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

// FindByExternalID returns the contact that another system knows by this name,
// after merges the survivor; merged reports whether one was followed.
func (s *Service) FindByExternalID(ctx context.Context, source, externalID string) (c Contact, err error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Contact{}, err
	}
	db := s.db.Tenant(actor.Tenant)
	c, err = s.q.FindByExternalID(ctx, db, actor.Tenant, source, externalID)
	if noRows(err) {
		_, erased := inTx(ctx, s, func(ctx context.Context, tx pgx.Tx) (struct{}, error) {
			return struct{}{}, s.refuseErased(ctx, tx, NewExternalID{source, externalID})
		})
		if erased != nil {
			err = erased
		}
	}
	if err != nil {
		return Contact{}, err
	}
	if err := s.seen(ctx, db, c); err != nil {
		return Contact{}, err
	}
	if c.MergedInto == nil {
		return c, nil
	}
	return inTx(ctx, s, func(ctx context.Context, tx pgx.Tx) (Contact, error) { return s.SurvivorTx(ctx, tx, c.ID) })
}

// LinkExternalID makes a contact known to another system by this name.
func (s *Service) LinkExternalID(ctx context.Context, contactID uuid.UUID, source, externalID string) (ExternalID, error) {
	return inTx(ctx, s, func(ctx context.Context, tx pgx.Tx) (ExternalID, error) {
		e, _, err := s.AttachExternalIDTx(ctx, tx, contactID, source, externalID)
		return e, err
	})
}

// UnlinkExternalID frees an external id of a contact.
func (s *Service) UnlinkExternalID(ctx context.Context, contactID uuid.UUID, source, externalID string) error {
	_, err := inTx(ctx, s, func(ctx context.Context, tx pgx.Tx) (struct{}, error) {
		c, err := s.locked(ctx, tx, contactID)
		if err != nil {
			return struct{}{}, err
		}
		gone := ExternalID{TenantID: c.TenantID, Source: source, ExternalID: externalID, ContactID: c.ID}
		n, err := s.q.UnlinkExternalID(ctx, tx, contactsdb.UnlinkExternalIDParams{
			TenantID: c.TenantID, ContactID: c.ID, Source: source, ExternalID: externalID,
		})
		if err == nil && n == 0 {
			err = fault.NotFound()
		}
		if err != nil {
			return struct{}{}, err
		}
		told := externalIDEntry("external_id.unlinked", c, gone)
		told.At = s.clock.Now()
		if err := events.RecordTx(ctx, tx, told); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, s.follow(ctx, tx, c)
	})
	return err
}

// ListExternalIDs returns at most limit external ids of a contact after one.
func (s *Service) ListExternalIDs(ctx context.Context, contactID uuid.UUID, after NewExternalID, limit int) ([]ExternalID, error) {
	c, err := s.Get(ctx, contactID)
	if err != nil {
		return nil, err
	}
	return s.q.ListExternalIDs(ctx, s.db.Tenant(c.TenantID), contactsdb.ListExternalIDsParams{
		TenantID: c.TenantID, ContactID: c.ID, AfterSource: after.Source, AfterExternalID: after.ExternalID, PageSize: int32(limit),
	})
}
