package contacts

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/contacts/internal/contactsdb"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
)

// New describes a contact to be made, with what it has from the start.
type New struct {
	Fields
	Points      []NewPoint
	Addresses   []NewAddress
	ExternalIDs []NewExternalID
	TagIDs      []uuid.UUID
	// DepartmentIDs hold the contact; nil: those of a principal that does not work
	// in the whole institution.
	DepartmentIDs []uuid.UUID
	Source        string // where it came from: "ticketing:<code>", "form:<id>"; empty for the API
}

// NewExternalID is the name of the contact in another system.
type NewExternalID struct{ Source, ExternalID string }

// draft is a contact about to be written, with everything decided.
type draft struct {
	contact   Contact
	points    []Point
	addresses []Address
	externals []ExternalID
	tagIDs    []uuid.UUID
	tags      []Tag
	housed    bool // its departments were said
}

// draft checks and completes what was asked for.
func (s *Service) draft(in New, tenant uuid.UUID) (draft, error) {
	now := s.clock.Now()
	refused := fault.Invalid()
	in.Fields.settle("#", now, refused)
	d := draft{contact: Contact{
		ViewerIds: []uuid.UUID{}, GivenPurposes: []uuid.UUID{}, RefusedPurposes: []uuid.UUID{},
		TenantID: tenant, ID: ids.New(), Source: in.Source, Version: 1, CreatedAt: now, UpdatedAt: now,
	}}
	for i, p := range in.Points {
		point := p.settle(fmt.Sprintf("#/contact_points/%d", i), now, refused)
		point.TenantID, point.ContactID = tenant, d.contact.ID
		if point.Source == "" {
			point.Source = in.Source
		}
		d.points = append(d.points, point)
	}
	settlePrimaries(d.points, refused)
	for i, a := range in.Addresses {
		address := a.settle(fmt.Sprintf("#/addresses/%d", i), now, refused)
		address.TenantID, address.ContactID = tenant, d.contact.ID
		if address.Source == "" {
			address.Source = in.Source
		}
		d.addresses = append(d.addresses, address)
	}
	settlePrimaryAddress(d.addresses, refused)
	for i, e := range in.ExternalIDs {
		if slices.Contains(in.ExternalIDs[:i], e) {
			refused.At(fmt.Sprintf("#/external_ids/%d", i), "not-unique")
			continue
		}
		d.externals = append(d.externals, ExternalID{TenantID: tenant, Source: e.Source, ExternalID: e.ExternalID, ContactID: d.contact.ID, FirstSeenAt: now})
	}
	fallback := goesBy(d.points, d.externals)
	if !in.named() && fallback == unnamed {
		refused.At("#", "name-required")
	}
	in.Fields.into(&d.contact, fallback)
	d.tagIDs = in.TagIDs
	d.housed = in.DepartmentIDs != nil
	d.settleIn(in.DepartmentIDs)
	return d, refused.OrNil()
}

// CreateTx makes a contact as part of tx and records contact.created, then one
// event for each contact point, address, external id and tag it comes with. An
// external id that another contact has is a 409 with existing_id.
func (s *Service) CreateTx(ctx context.Context, tx pgx.Tx, in New) (Contact, error) {
	c := s.NewCreation()
	if _, err := c.Add(ctx, in); err != nil {
		return Contact{}, err
	}
	written := c.drafts
	err := c.WriteTx(ctx, tx) // which settles where the contact is held
	return written[0].contact, err
}

func lockNames(tenant uuid.UUID, externals []ExternalID) []string {
	names := make([]string, 0, len(externals))
	for _, e := range externals {
		names = append(names, tenant.String()+"\x1f"+e.Source+"\x1f"+e.ExternalID)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// queue adds everything that is to be written to a batch.
func (d *draft) queue(b *pgx.Batch) {
	c := d.contact
	b.Queue(contactsdb.InsertContact, c.TenantID, c.ID, c.Kind, c.Civility, c.Title, c.GivenName, c.GivenNames, c.FamilyName,
		c.BirthName, c.Particle, c.NameSuffix, c.Nickname, c.Birthdate, c.LegalName, c.TradeName, c.OrganisationType, c.Siren,
		c.Siret, c.Rna, c.Website, c.Locale, c.Zoneinfo, c.DisplayName, c.SortName, c.Source, c.CreatedAt, c.UpdatedAt, c.DepartmentIds, c.OwnerID)
	if len(c.DepartmentIds) > 0 {
		b.Queue(contactsdb.InsertContactDepartments, c.TenantID, c.ID, pg.Verbs(), c.CreatedAt, c.DepartmentIds)
	}
	words := searchWords(c)
	b.Queue(contactsdb.InsertSearch, c.TenantID, c.ID, words, nameKeys(words))
	for _, p := range d.points {
		b.Queue(contactsdb.InsertPoint, p.TenantID, p.ID, p.ContactID, p.Kind, p.Platform, p.Label, p.Value, p.Normalized,
			p.IsPrimary, p.Status, p.StatusAt, p.StatusReason, p.VerifiedAt, p.Source, p.CreatedAt, p.UpdatedAt)
	}
	for _, a := range d.addresses {
		b.Queue(contactsdb.InsertAddress, a.TenantID, a.ID, a.ContactID, a.Label, a.Recipient, a.Delivery, a.Building, a.Street,
			a.Locality, a.PostalCode, a.City, a.Country, a.InseeCode, a.IsPrimary, a.Status, a.StatusAt, a.StatusReason,
			a.ValidFrom, a.ValidTo, a.Source, a.CreatedAt, a.UpdatedAt)
	}
	for _, e := range d.externals {
		b.Queue(contactsdb.InsertExternalID, e.TenantID, e.Source, e.ExternalID, e.ContactID, e.FirstSeenAt)
	}
	for _, t := range d.tags {
		b.Queue(contactsdb.GiveTag, c.TenantID, c.ID, t.ID, c.CreatedAt)
	}
}

func (d *draft) entries() ([]events.Entry, error) {
	created, err := contactEntry("contact.created", nil, d.contact)
	if err != nil {
		return nil, err
	}
	entries := []events.Entry{created}
	for _, p := range d.points {
		e, err := pointEntry("contact_point.added", nil, &p)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	for _, a := range d.addresses {
		e, err := addressEntry("address.added", nil, &a)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	for _, e := range d.externals {
		entries = append(entries, externalIDEntry("external_id.linked", d.contact, e))
	}
	for _, t := range d.tags {
		entries = append(entries, tagEntry("contact.tagged", d.contact, t.ID, d.contact.CreatedAt))
	}
	return entries, nil
}

// sourceOf is the source an event names: what the change came from.
func sourceOf(c Contact, at time.Time) string {
	if at.Equal(c.CreatedAt) {
		return c.Source
	}
	return ""
}
