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

// UpdateTx changes the fields of a contact that the patch names, as part of tx,
// and reports whether anything changed: a patch that says what is so already
// makes no version and no event. want is the version that the caller read, nil
// for none.
func (s *Service) UpdateTx(ctx context.Context, tx pgx.Tx, id uuid.UUID, p Patch, want *int64) (Contact, bool, error) {
	c, err := s.locked(ctx, tx, id)
	if err != nil {
		return c, false, err
	}
	if err := web.CheckVersion(want, c.Version); err != nil {
		return c, false, err
	}
	return s.changeTx(ctx, tx, c, p)
}

// changeTx is UpdateTx for a contact whose row is held.
func (s *Service) changeTx(ctx context.Context, tx pgx.Tx, c Contact, p Patch) (Contact, bool, error) {
	f := fieldsOf(c)
	hadName := f.named()
	f.apply(p)
	refused := fault.Invalid()
	now := s.clock.Now()
	f.settle("#", now, refused)
	fallback := c.DisplayName
	if hadName && !f.named() {
		points, externals, err := s.reach(ctx, tx, c)
		if err != nil {
			return c, false, err
		}
		if fallback = goesBy(points, externals); fallback == unnamed {
			refused.At("#", "name-required")
		}
	}
	if err := refused.OrNil(); err != nil {
		return c, false, err
	}
	after := c
	f.into(&after, fallback)
	e, err := contactEntry("contact.updated", &c, after)
	if err != nil || len(e.Changes) == 0 {
		return c, false, err
	}
	if after.OwnerID != nil && (c.OwnerID == nil || *c.OwnerID != *after.OwnerID) {
		if err := s.checkOwner(ctx, tx, c.TenantID, after.OwnerID); err != nil {
			return c, false, err
		}
	}
	e.Source = p.Source
	saved, err := s.saveTx(ctx, tx, c, after, e)
	return saved, err == nil, err
}

// Archive puts a contact into the trash: it keeps everything it has, leaves the
// ordinary lists, and may be purged after TrashPeriod. Archiving what is
// archived changes nothing.
func (s *Service) Archive(ctx context.Context, id uuid.UUID, want *int64) (Contact, error) {
	return inTx(ctx, s, func(ctx context.Context, tx pgx.Tx) (Contact, error) {
		return s.noted(ctx, tx, id, func() (Contact, error) { return s.ArchiveTx(ctx, tx, id, want) })
	})
}

// ArchiveTx is Archive as part of tx.
func (s *Service) ArchiveTx(ctx context.Context, tx pgx.Tx, id uuid.UUID, want *int64) (Contact, error) {
	now := s.clock.Now()
	purge := now.Add(TrashPeriod)
	return s.setArchived(ctx, tx, id, want, contactsdb.SetArchivedParams{ArchivedAt: &now, PurgeAfter: &purge, UpdatedAt: now}, "contact.archived")
}

// Restore takes a contact out of the trash with all its links, which it never
// lost.
func (s *Service) Restore(ctx context.Context, id uuid.UUID, want *int64) (Contact, error) {
	return inTx(ctx, s, func(ctx context.Context, tx pgx.Tx) (Contact, error) {
		return s.noted(ctx, tx, id, func() (Contact, error) {
			return s.setArchived(ctx, tx, id, want, contactsdb.SetArchivedParams{UpdatedAt: s.clock.Now()}, "contact.restored")
		})
	})
}

// noted makes a change whose answer is a read if it changes nothing.
func (s *Service) noted(ctx context.Context, tx pgx.Tx, id uuid.UUID, change func() (Contact, error)) (Contact, error) {
	before, err := s.locked(ctx, tx, id)
	if err != nil {
		return before, err
	}
	after, err := change()
	if err == nil && after.Version == before.Version {
		web.NoteUnchanged(ctx, id)
	}
	return after, err
}

func (s *Service) setArchived(ctx context.Context, tx pgx.Tx, id uuid.UUID, want *int64, p contactsdb.SetArchivedParams, kind string) (Contact, error) {
	c, err := s.locked(ctx, tx, id)
	if err != nil {
		return c, err
	}
	if err := web.CheckVersion(want, c.Version); err != nil {
		return c, err
	}
	if (c.ArchivedAt != nil) == (p.ArchivedAt != nil) {
		return c, nil
	}
	p.TenantID, p.ID = c.TenantID, c.ID
	after, err := s.q.SetArchived(ctx, tx, p)
	if err != nil {
		return c, err
	}
	e, err := contactEntry(kind, &c, after)
	if err != nil {
		return c, err
	}
	e.Source = ""
	return after, events.RecordTx(ctx, tx, e)
}
