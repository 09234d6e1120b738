package contacts

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/contacts/internal/contactsdb"
	"github.com/parvis-crm/parvis/internal/country"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// NewAddress describes a postal address to be added, in the parts of NF Z
// 10-011: recipient (line 1 when it is not the contact's own name), delivery
// (2, inside the building), building (3), street (4), locality (5), postal code
// and city (6).
type NewAddress struct {
	Label                                                           string
	Recipient, Delivery, Building, Street, Locality, Postcode, City *string
	Country                                                         string // ISO 3166-1 alpha-2; empty: FR
	INSEECode                                                       *string
	Primary                                                         bool
	ValidFrom, ValidTo                                              *time.Time
	Source                                                          string
}

// AddressPatch changes a postal address.
type AddressPatch struct {
	Label, Country, Status                                          *string
	Recipient, Delivery, Building, Street, Locality, Postcode, City nullable.Nullable[string]
	INSEECode, StatusReason                                         nullable.Nullable[string]
	ValidFrom, ValidTo                                              nullable.Nullable[time.Time]
	Primary                                                         *bool
}

var (
	frenchPostcode = regexp.MustCompile(`^[0-9]{5}$`)
	inseeForm      = regexp.MustCompile(`^[0-9][0-9AB][0-9]{3}$`)
)

func (n NewAddress) settle(base string, now time.Time, refused *fault.Error) Address {
	a := Address{
		ID: ids.New(), Label: n.Label, Recipient: n.Recipient, Delivery: n.Delivery, Building: n.Building, Street: n.Street,
		Locality: n.Locality, PostalCode: n.Postcode, City: n.City, Country: n.Country, InseeCode: n.INSEECode, IsPrimary: n.Primary,
		Status: "unverified", StatusAt: now, ValidFrom: n.ValidFrom, ValidTo: n.ValidTo, Source: n.Source,
		Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	if a.Label == "" {
		a.Label = "main"
	}
	if a.Country == "" {
		a.Country = DefaultRegion
	}
	settleAddress(&a, base, refused)
	return a
}

// settleAddress brings the parts into the form in which they are kept. A
// commune is not looked up: a CEDEX code is nobody's commune and yet right.
func settleAddress(a *Address, base string, refused *fault.Error) {
	for _, part := range []struct {
		name  string
		value **string
		max   int
	}{
		{"recipient", &a.Recipient, 120}, {"delivery", &a.Delivery, 120}, {"building", &a.Building, 120}, {"street", &a.Street, 200},
		{"locality", &a.Locality, 120}, {"postal_code", &a.PostalCode, 20}, {"city", &a.City, 120}, {"insee_code", &a.InseeCode, 5},
	} {
		if *part.value == nil {
			continue
		}
		if *part.value = typed(**part.value); *part.value != nil && utf8.RuneCountInString(**part.value) > part.max {
			refused.At(base+"/"+part.name, "too-long", "limit", part.max)
		}
	}
	if a.City == nil && a.Street == nil && a.PostalCode == nil {
		refused.At(base, "empty-address")
	}
	if !country.Exists(a.Country) {
		refused.At(base+"/country", "unknown-country")
	}
	if a.Country == DefaultRegion && a.PostalCode != nil {
		compact := compactDigits(*a.PostalCode)
		a.PostalCode = &compact
		if !frenchPostcode.MatchString(compact) {
			refused.At(base+"/postal_code", "pattern", "want", "75001")
		}
	}
	if a.InseeCode != nil && !inseeForm.MatchString(*a.InseeCode) {
		refused.At(base+"/insee_code", "pattern", "want", "2A004")
	}
	if a.ValidFrom != nil && a.ValidTo != nil && a.ValidTo.Before(*a.ValidFrom) {
		refused.At(base+"/valid_to", "ends-before-it-begins")
	}
}

func settlePrimaryAddress(addresses []Address, refused *fault.Error) {
	primary := -1
	for i, a := range addresses {
		if a.IsPrimary && primary >= 0 {
			refused.At(fmt.Sprintf("#/addresses/%d/is_primary", i), "one-primary")
		} else if a.IsPrimary {
			primary = i
		}
	}
	if primary < 0 && len(addresses) > 0 {
		addresses[0].IsPrimary = true
	}
}

// AddAddress adds a postal address. The first is the primary one.
func (s *Service) AddAddress(ctx context.Context, contactID uuid.UUID, n NewAddress) (Address, Contact, error) {
	var c Contact
	a, err := inTx(ctx, s, func(ctx context.Context, tx pgx.Tx) (Address, error) {
		var err error
		if c, err = s.locked(ctx, tx, contactID); err != nil {
			return Address{}, err
		}
		if err := Require(ctx, c, pg.SeeContactPoints); err != nil {
			return Address{}, err
		}
		now, refused := s.clock.Now(), fault.Invalid()
		a := n.settle("#", now, refused)
		if err := refused.OrNil(); err != nil {
			return Address{}, err
		}
		others, err := s.q.LockAddresses(ctx, tx, c.TenantID, c.ID)
		if err != nil {
			return Address{}, err
		}
		return s.addAddress(ctx, tx, c, others, a)
	})
	return a, c, err
}

// addAddress adds an address to a held contact, whose others are held too.
func (s *Service) addAddress(ctx context.Context, tx pgx.Tx, c Contact, others []Address, a Address) (Address, error) {
	a.TenantID, a.ContactID = c.TenantID, c.ID
	a.IsPrimary = a.IsPrimary || len(others) == 0
	entries, err := s.demoteAddresses(ctx, tx, others, a, a.CreatedAt)
	if err != nil {
		return Address{}, err
	}
	if err := s.q.InsertAddress(ctx, tx, insertAddress(a)); err != nil {
		return Address{}, err
	}
	added, err := addressEntry("address.added", nil, &a)
	if err != nil {
		return Address{}, err
	}
	return a, events.RecordTx(ctx, tx, append(entries, added)...)
}

func insertAddress(a Address) contactsdb.InsertAddressParams {
	return contactsdb.InsertAddressParams{
		TenantID: a.TenantID, ID: a.ID, ContactID: a.ContactID, Label: a.Label, Recipient: a.Recipient, Delivery: a.Delivery,
		Building: a.Building, Street: a.Street, Locality: a.Locality, PostalCode: a.PostalCode, City: a.City, Country: a.Country,
		InseeCode: a.InseeCode, IsPrimary: a.IsPrimary, Status: a.Status, StatusAt: a.StatusAt, StatusReason: a.StatusReason,
		ValidFrom: a.ValidFrom, ValidTo: a.ValidTo, Source: a.Source, CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt,
	}
}

func (s *Service) demoteAddresses(ctx context.Context, tx pgx.Tx, others []Address, a Address, now time.Time) ([]events.Entry, error) {
	var entries []events.Entry
	for _, o := range others {
		if !a.IsPrimary || !o.IsPrimary || o.ID == a.ID {
			continue
		}
		after := o
		after.IsPrimary = false
		after, err := s.saveAddress(ctx, tx, after, now)
		if err != nil {
			return nil, err
		}
		e, err := addressEntry("address.updated", &o, &after)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func (s *Service) saveAddress(ctx context.Context, tx pgx.Tx, a Address, now time.Time) (Address, error) {
	return s.q.UpdateAddress(ctx, tx, contactsdb.UpdateAddressParams{
		TenantID: a.TenantID, ID: a.ID, Label: a.Label, Recipient: a.Recipient, Delivery: a.Delivery, Building: a.Building,
		Street: a.Street, Locality: a.Locality, PostalCode: a.PostalCode, City: a.City, Country: a.Country, InseeCode: a.InseeCode,
		IsPrimary: a.IsPrimary, Status: a.Status, StatusAt: a.StatusAt, StatusReason: a.StatusReason,
		ValidFrom: a.ValidFrom, ValidTo: a.ValidTo, UpdatedAt: now,
	})
}

// lockedAddress is one address of a present contact, with all its others held.
func (s *Service) lockedAddress(ctx context.Context, tx pgx.Tx, contactID, id uuid.UUID, want *int64) (Contact, []Address, int, error) {
	c, err := s.locked(ctx, tx, contactID)
	if err != nil {
		return c, nil, 0, err
	}
	if !reachable(ctx, c) {
		return c, nil, 0, fault.NotFound()
	}
	all, err := s.q.LockAddresses(ctx, tx, c.TenantID, c.ID)
	if err != nil {
		return c, nil, 0, err
	}
	i := slices.IndexFunc(all, func(a Address) bool { return a.ID == id })
	if i < 0 {
		return c, nil, 0, fault.NotFound()
	}
	return c, all, i, web.CheckVersion(want, all[i].Version)
}

// UpdateAddress changes a postal address. When where it leads changes, its
// status starts again.
func (s *Service) UpdateAddress(ctx context.Context, contactID, id uuid.UUID, p AddressPatch, want *int64) (Address, Contact, error) {
	var c Contact
	a, err := inTx(ctx, s, func(ctx context.Context, tx pgx.Tx) (Address, error) {
		var all []Address
		var i int
		var err error
		if c, all, i, err = s.lockedAddress(ctx, tx, contactID, id, want); err != nil {
			return Address{}, err
		}
		now, before := s.clock.Now(), all[i]
		after, err := p.applied(before, now)
		if err != nil {
			return Address{}, err
		}
		e, err := addressEntry("address.updated", &before, &after)
		if err != nil {
			return before, err
		}
		if len(e.Changes) == 0 {
			web.NoteUnchanged(ctx, c.ID)
			return before, nil
		}
		entries, err := s.demoteAddresses(ctx, tx, all, after, now)
		if err != nil {
			return Address{}, err
		}
		if after, err = s.saveAddress(ctx, tx, after, now); err != nil {
			return Address{}, err
		}
		e.Subject.Version, e.At = after.Version, after.UpdatedAt
		return after, events.RecordTx(ctx, tx, append(entries, e)...)
	})
	return a, c, err
}

func (p AddressPatch) applied(before Address, now time.Time) (Address, error) {
	after := before
	refused := fault.Invalid()
	for _, part := range []struct {
		change nullable.Nullable[string]
		value  **string
	}{
		{p.Recipient, &after.Recipient}, {p.Delivery, &after.Delivery}, {p.Building, &after.Building}, {p.Street, &after.Street},
		{p.Locality, &after.Locality}, {p.Postcode, &after.PostalCode}, {p.City, &after.City}, {p.INSEECode, &after.InseeCode},
		{p.StatusReason, &after.StatusReason},
	} {
		setNullable(part.value, part.change)
	}
	setNullable(&after.ValidFrom, p.ValidFrom)
	setNullable(&after.ValidTo, p.ValidTo)
	if p.Label != nil {
		after.Label = *p.Label
	}
	if p.Country != nil {
		after.Country = *p.Country
	}
	settleAddress(&after, "#", refused)
	if p.Primary != nil {
		if before.IsPrimary && !*p.Primary {
			refused.At("#/is_primary", "name-another-primary")
		}
		after.IsPrimary = *p.Primary
	}
	if !sameDestination(before, after) && p.Status == nil {
		after.Status, after.StatusAt, after.StatusReason = "unverified", now, nil
	}
	if p.Status != nil && *p.Status != before.Status {
		after.Status, after.StatusAt = *p.Status, now
		if !p.StatusReason.IsSpecified() {
			after.StatusReason = nil
		}
	}
	return after, refused.OrNil()
}

func setNullable[T any](into **T, change nullable.Nullable[T]) {
	if !change.IsSpecified() {
		return
	}
	*into = nil
	if v, err := change.Get(); err == nil {
		*into = &v
	}
}

func sameDestination(a, b Address) bool {
	same := func(x, y *string) bool { return (x == nil) == (y == nil) && (x == nil || *x == *y) }
	return same(a.Delivery, b.Delivery) && same(a.Building, b.Building) && same(a.Street, b.Street) && same(a.Locality, b.Locality) &&
		same(a.PostalCode, b.PostalCode) && same(a.City, b.City) && a.Country == b.Country
}

// RemoveAddress deletes a postal address. When it was the primary one, the
// oldest takes its place.
func (s *Service) RemoveAddress(ctx context.Context, contactID, id uuid.UUID, want *int64) error {
	_, err := inTx(ctx, s, func(ctx context.Context, tx pgx.Tx) (struct{}, error) {
		c, all, i, err := s.lockedAddress(ctx, tx, contactID, id, want)
		if err != nil {
			return struct{}{}, err
		}
		gone := all[i]
		if err := s.q.DeleteAddress(ctx, tx, c.TenantID, gone.ID); err != nil {
			return struct{}{}, err
		}
		removed, err := addressEntry("address.removed", &gone, nil)
		if err != nil {
			return struct{}{}, err
		}
		removed.At = s.clock.Now()
		entries := []events.Entry{removed}
		heir := slices.IndexFunc(all, func(o Address) bool { return o.ID != gone.ID })
		if gone.IsPrimary && heir >= 0 {
			after := all[heir]
			after.IsPrimary = true
			if after, err = s.saveAddress(ctx, tx, after, s.clock.Now()); err != nil {
				return struct{}{}, err
			}
			e, err := addressEntry("address.updated", &all[heir], &after)
			if err != nil {
				return struct{}{}, err
			}
			entries = append(entries, e)
		}
		return struct{}{}, events.RecordTx(ctx, tx, entries...)
	})
	return err
}

// GetAddress returns one postal address of a contact, and the contact.
func (s *Service) GetAddress(ctx context.Context, contactID, id uuid.UUID) (Address, Contact, error) {
	c, err := s.Get(ctx, contactID)
	if err != nil {
		return Address{}, c, err
	}
	if !reachable(ctx, c) {
		return Address{}, c, fault.NotFound()
	}
	a, err := s.q.GetAddress(ctx, s.db.Tenant(c.TenantID), c.TenantID, c.ID, id)
	return a, c, err
}

// ListAddresses returns at most limit postal addresses of a contact after an
// id, and the contact.
func (s *Service) ListAddresses(ctx context.Context, contactID, after uuid.UUID, limit int) ([]Address, Contact, error) {
	c, err := s.Get(ctx, contactID)
	if err != nil {
		return nil, c, err
	}
	if !reachable(ctx, c) {
		web.NoteMasked(ctx, "/data")
		return nil, c, nil
	}
	rows, err := s.q.ListAddresses(ctx, s.db.Tenant(c.TenantID), contactsdb.ListAddressesParams{
		TenantID: c.TenantID, ContactID: c.ID, After: after, PageSize: int32(limit),
	})
	return rows, c, err
}
