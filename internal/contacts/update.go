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
	if hadName && !f.named() {
		refused.At("#", "name-required")
	}
	if err := refused.OrNil(); err != nil {
		return c, false, err
	}
	after := c
	f.into(&after, c.DisplayName)
	e, err := contactEntry("contact.updated", &c, after)
	if err != nil || len(e.Changes) == 0 {
		return c, false, err
	}
	if after.OwnerID != nil && (c.OwnerID == nil || *c.OwnerID != *after.OwnerID) {
		if err := s.checkOwner(ctx, tx, c.TenantID, after.OwnerID); err != nil {
			return c, false, err
		}
	}
	wordsBefore := searchWords(c)
	after, err = s.q.UpdateContact(ctx, tx, contactsdb.UpdateContactParams{
		TenantID: after.TenantID, ID: after.ID, Civility: after.Civility, Title: after.Title, GivenName: after.GivenName,
		GivenNames: after.GivenNames, FamilyName: after.FamilyName, BirthName: after.BirthName, Particle: after.Particle,
		NameSuffix: after.NameSuffix, Nickname: after.Nickname, Birthdate: after.Birthdate, LegalName: after.LegalName,
		TradeName: after.TradeName, OrganisationType: after.OrganisationType, Siren: after.Siren, Siret: after.Siret, Rna: after.Rna,
		Website: after.Website, Locale: after.Locale, Zoneinfo: after.Zoneinfo, DisplayName: after.DisplayName, SortName: after.SortName,
		OwnerID: after.OwnerID, UpdatedAt: now,
	})
	if err != nil {
		return c, false, err
	}
	if words := searchWords(after); words != wordsBefore {
		if err := s.q.UpdateSearch(ctx, tx, contactsdb.UpdateSearchParams{
			TenantID: after.TenantID, ContactID: after.ID, Words: words, NameKeys: nameKeys(words),
		}); err != nil {
			return c, false, err
		}
	}
	e.Subject.Version, e.Source, e.At = after.Version, p.Source, after.UpdatedAt
	return after, true, events.RecordTx(ctx, tx, e)
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
