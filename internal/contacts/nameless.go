package contacts

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/contacts/internal/contactsdb"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/pg"
)

// unnamed is what a contact goes by that has neither a name nor anything else to
// go by.
const unnamed = "Sans nom"

// goesBy is the display name of a contact without a name: its first contact
// point, or else the first of its external ids. The same for the same points and
// ids, so that the past can be told again.
func goesBy(points []Point, externals []ExternalID) string {
	if len(points) > 0 {
		return slices.MinFunc(points, func(a, b Point) int { return bytes.Compare(a.ID[:], b.ID[:]) }).Value
	}
	if len(externals) > 0 {
		first := slices.MinFunc(externals, func(a, b ExternalID) int {
			return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.ExternalID, b.ExternalID))
		})
		return first.Source + ":" + first.ExternalID
	}
	return unnamed
}

// reach is what a contact without a name can go by, whatever the caller sees of
// it.
func (s *Service) reach(ctx context.Context, tx pgx.Tx, c Contact) (points []Point, externals []ExternalID, err error) {
	err = pg.AsEverything(ctx, tx, func(ctx context.Context) error {
		if points, err = s.q.ListPointsOf(ctx, tx, c.TenantID, []uuid.UUID{c.ID}); err != nil {
			return err
		}
		externals, err = s.q.ListExternalIDsOf(ctx, tx, c.TenantID, []uuid.UUID{c.ID})
		return err
	})
	return points, externals, err
}

// follow lets a contact without a name go by what it has now, after a change of
// its contact points or external ids: what was corrected or taken away names
// nobody, and finds nobody.
func (s *Service) follow(ctx context.Context, tx pgx.Tx, c Contact) error {
	f := fieldsOf(c)
	if f.named() {
		return nil
	}
	c, err := s.locked(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	points, externals, err := s.reach(ctx, tx, c)
	if err != nil || c.DisplayName == blankName && len(points) == 0 {
		return err
	}
	after := c
	f = fieldsOf(c)
	f.into(&after, goesBy(points, externals))
	if after.DisplayName == c.DisplayName {
		return nil
	}
	e, err := contactEntry("contact.updated", &c, after)
	if err != nil {
		return err
	}
	// It is derived: the points and ids it comes from tell their values.
	e.Changes = append(e.Changes, events.Change{Pointer: "/display_name"})
	_, err = s.saveTx(ctx, tx, c, after, e)
	return err
}

// saveTx writes a contact as it has become, with what it is found by, and records
// the event.
func (s *Service) saveTx(ctx context.Context, tx pgx.Tx, before, after Contact, e events.Entry) (Contact, error) {
	saved, err := s.q.UpdateContact(ctx, tx, contactsdb.UpdateContactParams{
		TenantID: after.TenantID, ID: after.ID, Civility: after.Civility, Title: after.Title, GivenName: after.GivenName,
		GivenNames: after.GivenNames, FamilyName: after.FamilyName, BirthName: after.BirthName, Particle: after.Particle,
		NameSuffix: after.NameSuffix, Nickname: after.Nickname, Birthdate: after.Birthdate, LegalName: after.LegalName,
		TradeName: after.TradeName, OrganisationType: after.OrganisationType, Siren: after.Siren, Siret: after.Siret, Rna: after.Rna,
		Website: after.Website, Locale: after.Locale, Zoneinfo: after.Zoneinfo, DisplayName: after.DisplayName, SortName: after.SortName,
		OwnerID: after.OwnerID, UpdatedAt: s.clock.Now(),
	})
	if err != nil {
		return before, err
	}
	if words := searchWords(saved); words != searchWords(before) {
		if err := s.q.UpdateSearch(ctx, tx, contactsdb.UpdateSearchParams{
			TenantID: saved.TenantID, ContactID: saved.ID, Words: words, NameKeys: nameKeys(words),
		}); err != nil {
			return before, err
		}
	}
	e.Subject.Version, e.At = saved.Version, saved.UpdatedAt
	return saved, events.RecordTx(ctx, tx, e)
}
