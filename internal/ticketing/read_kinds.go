package ticketing

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// GetVenue reads a venue.
func (s *Service) GetVenue(ctx context.Context, id uuid.UUID) (Venue, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Venue{}, err
	}
	row, err := s.q.GetVenue(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
	if err != nil {
		return Venue{}, err
	}
	if err := s.visible(ctx, row.SourceID); err != nil {
		return Venue{}, err
	}
	return one(s.withVenueTerms(ctx, []ticketingdb.TicketingVenue{row}))
}

// ListVenues returns at most limit venues after an id.
func (s *Service) ListVenues(ctx context.Context, wanted *string, reference *ReferenceQuery, after uuid.UUID, limit int) ([]Venue, error) {
	actor, source, err := s.scope(ctx, wanted)
	if err != nil {
		return nil, err
	}
	var rows []ticketingdb.TicketingVenue
	if reference == nil {
		rows, err = s.q.ListVenues(ctx, s.db.Tenant(actor.Tenant), ticketingdb.ListVenuesParams{TenantID: actor.Tenant, SourceID: source, AfterID: after, PageSize: int32(limit)})
	} else {
		rows, err = s.q.ListVenuesByReference(ctx, s.db.Tenant(actor.Tenant), ticketingdb.ListVenuesByReferenceParams{TenantID: actor.Tenant, Scheme: reference.Scheme, Identifier: reference.ID,
			SourceID: source, AfterID: after, PageSize: int32(limit)})
	}
	if err != nil {
		return nil, err
	}
	return s.withVenueTerms(ctx, rows)
}

// GetProduct reads a product.
func (s *Service) GetProduct(ctx context.Context, id uuid.UUID) (ticketingdb.TicketingProduct, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return ticketingdb.TicketingProduct{}, err
	}
	out, err := s.q.GetProduct(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
	if err != nil {
		return out, err
	}
	return out, s.visible(ctx, out.SourceID)
}

// ListProducts returns at most limit products after an id.
func (s *Service) ListProducts(ctx context.Context, wanted, kind *string, after uuid.UUID, limit int) ([]ticketingdb.TicketingProduct, error) {
	actor, source, err := s.scope(ctx, wanted)
	if err != nil {
		return nil, err
	}
	return s.q.ListProducts(ctx, s.db.Tenant(actor.Tenant), ticketingdb.ListProductsParams{TenantID: actor.Tenant, SourceID: source, Kind: kind, AfterID: after, PageSize: int32(limit)})
}

// Membership is a subscription, pass or membership with what it is worth at an
// instant.
type Membership struct {
	ticketingdb.TicketingMembership
	Status      string
	Renewable   bool
	RenewedByID *uuid.UUID
	AsOf        time.Time
}

func membershipOf(row ticketingdb.TicketingMembership, renewedBy uuid.UUID, status string, renewalDays int32, asOf time.Time) Membership {
	m := Membership{TicketingMembership: row, Status: status, AsOf: asOf}
	if renewedBy != uuid.Nil {
		m.RenewedByID = &renewedBy
	}
	open := status == "active" || status == "grace" || status == "used_up"
	m.Renewable = open && m.RenewedByID == nil && row.ValidUntil != nil && !asOf.Before(daysFrom(*row.ValidUntil, -int(renewalDays), row.TimeZone))
	return m
}

// MembershipFilter narrows a list of memberships.
type MembershipFilter struct {
	ContactID, ProductID   *uuid.UUID
	Source                 *string
	Statuses               []string
	AsOf                   *time.Time
	UntilFrom, UntilBefore *time.Time
	Test                   bool
}

// GetMembership reads a membership as of an instant, now when it is nil.
func (s *Service) GetMembership(ctx context.Context, id uuid.UUID, asOf *time.Time) (Membership, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Membership{}, err
	}
	at := or(micro(asOf), s.clock.Now())
	row, err := s.q.GetMembership(ctx, s.db.Tenant(actor.Tenant), at, actor.Tenant, id)
	if err != nil {
		return Membership{}, err
	}
	if err := s.visible(ctx, row.TicketingMembership.SourceID); err != nil {
		return Membership{}, err
	}
	list, err := s.limitMemberships(ctx, actor, []Membership{membershipOf(row.TicketingMembership, row.RenewedByID, row.Status, row.RenewalDays, at)})
	if err != nil {
		return Membership{}, err
	}
	if len(list) == 0 {
		return Membership{}, fault.NotFound()
	}
	return list[0], nil
}

// ListMemberships returns at most limit memberships before an id.
func (s *Service) ListMemberships(ctx context.Context, f MembershipFilter, before *uuid.UUID, limit int) ([]Membership, error) {
	actor, source, err := s.scope(ctx, f.Source)
	if err != nil {
		return nil, err
	}
	at := or(micro(f.AsOf), s.clock.Now())
	rows, err := s.q.ListMemberships(ctx, s.db.Tenant(actor.Tenant), ticketingdb.ListMembershipsParams{
		AsOf: at, TenantID: actor.Tenant, Test: f.Test, ContactID: f.ContactID, SourceID: source, ProductID: f.ProductID, Statuses: append([]string{}, f.Statuses...),
		UntilFrom: f.UntilFrom, UntilBefore: f.UntilBefore, AfterID: before, PageSize: int32(limit),
	})
	if err != nil {
		return nil, err
	}
	return s.limitMemberships(ctx, actor, web.Map(rows, func(r ticketingdb.ListMembershipsRow) Membership {
		return membershipOf(r.TicketingMembership, r.RenewedByID, r.Status, r.RenewalDays, at)
	}))
}

// ListContactMemberships is ListMemberships for a contact that must be there.
func (s *Service) ListContactMemberships(ctx context.Context, f MembershipFilter, before *uuid.UUID, limit int) ([]Membership, error) {
	if _, err := s.contacts.Get(ctx, *f.ContactID); err != nil {
		return nil, err
	}
	return s.ListMemberships(ctx, f, before, limit)
}

// limitMemberships is the program's own look: what is somebody's whom the reader
// does not see is not there, and how to reach somebody is for who may see it.
func (s *Service) limitMemberships(ctx context.Context, actor web.Actor, list []Membership) ([]Membership, error) {
	look, err := s.lookAt(ctx, actor, web.Map(list, func(m Membership) *uuid.UUID { return m.ContactID })...)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(m Membership) bool { return !look.Sees(m.ContactID) })
	for i, m := range list {
		list[i].Holder = reachable(ctx, look, "/holder", m.ContactID, m.Holder)
		noted(ctx, m.ContactID)
	}
	return list, nil
}

func (s *Service) lookAt(ctx context.Context, actor web.Actor, contacts ...*uuid.UUID) (pg.Look, error) {
	var named []uuid.UUID
	for _, id := range contacts {
		if id != nil {
			named = append(named, *id)
		}
	}
	return pg.LookAt(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, named)
}

// reachable takes how to reach somebody out of what a source says of them, for
// whom does not see that.
func reachable(ctx context.Context, look pg.Look, at string, contact *uuid.UUID, person json.RawMessage) json.RawMessage {
	if pg.SightIn(ctx).HoldsAnywhere(pg.SeeContactPoints) && look.May(pg.SeeContactPoints, contact) {
		return person
	}
	return unreached(ctx, at, person)
}

func noted(ctx context.Context, contacts ...*uuid.UUID) {
	for _, id := range contacts {
		if id != nil {
			web.NoteSubjects(ctx, *id)
		}
	}
}

// GiftCard is a card with its ledger.
type GiftCard struct {
	ticketingdb.TicketingGiftCard
	Ledger []ticketingdb.TicketingGiftCardEntry
}

// GetGiftCard reads a card.
func (s *Service) GetGiftCard(ctx context.Context, id uuid.UUID) (GiftCard, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return GiftCard{}, err
	}
	row, err := s.q.GetGiftCard(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
	if err != nil {
		return GiftCard{}, err
	}
	if err := s.visible(ctx, row.SourceID); err != nil {
		return GiftCard{}, err
	}
	look, err := s.lookAt(ctx, actor, row.ContactID)
	if err != nil {
		return GiftCard{}, err
	}
	if !look.Sees(row.ContactID) {
		return GiftCard{}, fault.NotFound()
	}
	noted(ctx, row.ContactID)
	ledger, err := s.q.ListGiftCardEntries(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
	return GiftCard{row, ledger}, err
}

// GiftCardFilter narrows a list of gift cards.
type GiftCardFilter struct {
	ContactID *uuid.UUID
	Source    *string
	Test      bool
}

// ListGiftCards returns at most limit cards before an id.
func (s *Service) ListGiftCards(ctx context.Context, f GiftCardFilter, before *uuid.UUID, limit int) ([]ticketingdb.TicketingGiftCard, error) {
	actor, source, err := s.scope(ctx, f.Source)
	if err != nil {
		return nil, err
	}
	rows, err := s.q.ListGiftCards(ctx, s.db.Tenant(actor.Tenant), ticketingdb.ListGiftCardsParams{TenantID: actor.Tenant, Test: f.Test, ContactID: f.ContactID, SourceID: source, AfterID: before, PageSize: int32(limit)})
	if err != nil {
		return nil, err
	}
	look, err := s.lookAt(ctx, actor, web.Map(rows, func(g ticketingdb.TicketingGiftCard) *uuid.UUID { return g.ContactID })...)
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(g ticketingdb.TicketingGiftCard) bool { return !look.Sees(g.ContactID) })
	for _, g := range rows {
		noted(ctx, g.ContactID)
	}
	return rows, nil
}

// ListContactGiftCards is ListGiftCards for a contact that must be there.
func (s *Service) ListContactGiftCards(ctx context.Context, f GiftCardFilter, before *uuid.UUID, limit int) ([]ticketingdb.TicketingGiftCard, error) {
	if _, err := s.contacts.Get(ctx, *f.ContactID); err != nil {
		return nil, err
	}
	return s.ListGiftCards(ctx, f, before, limit)
}

// Scan is a scan, and the order whose ticket it is of.
type Scan struct {
	ticketingdb.TicketingScan
	OrderID *uuid.UUID
}

// ScanFilter narrows a list of scans.
type ScanFilter struct {
	Source                       *string
	TicketID, PerformanceID      *uuid.UUID
	Attended, Attached           *bool
	OccurredFrom, OccurredBefore *time.Time
}

// MomentPosition is where a walk through something dated stands.
type MomentPosition struct {
	At *time.Time `json:"a"`
	ID uuid.UUID  `json:"i"`
}

// GetScan reads a scan.
func (s *Service) GetScan(ctx context.Context, id uuid.UUID) (Scan, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Scan{}, err
	}
	row, err := s.q.GetScan(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
	if err != nil {
		return Scan{}, err
	}
	if err := s.visible(ctx, row.TicketingScan.SourceID); err != nil {
		return Scan{}, err
	}
	look, err := s.lookAt(ctx, actor, row.ContactID, row.HolderContactID)
	if err != nil {
		return Scan{}, err
	}
	if !look.Sees(row.ContactID) || !look.Sees(row.HolderContactID) {
		return Scan{}, fault.NotFound()
	}
	noted(ctx, row.ContactID, row.HolderContactID)
	return Scan{row.TicketingScan, row.OrderID}, nil
}

// ListScans returns at most limit scans after a position, the latest first.
func (s *Service) ListScans(ctx context.Context, f ScanFilter, after *MomentPosition, limit int) ([]Scan, error) {
	actor, source, err := s.scope(ctx, f.Source)
	if err != nil {
		return nil, err
	}
	p := ticketingdb.ListScansParams{TenantID: actor.Tenant, SourceID: source, TicketID: f.TicketID, PerformanceID: f.PerformanceID, Attended: f.Attended, Attached: f.Attached,
		OccurredFrom: f.OccurredFrom, OccurredBefore: f.OccurredBefore, PageSize: int32(limit)}
	if after != nil {
		p.AfterOccurredAt, p.AfterID = after.At, after.ID
	}
	rows, err := s.q.ListScans(ctx, s.db.Tenant(actor.Tenant), p)
	if err != nil {
		return nil, err
	}
	var named []*uuid.UUID
	for _, r := range rows {
		named = append(named, r.ContactID, r.HolderContactID)
	}
	look, err := s.lookAt(ctx, actor, named...)
	if err != nil {
		return nil, err
	}
	out := make([]Scan, 0, len(rows))
	for _, r := range rows {
		if look.Sees(r.ContactID) && look.Sees(r.HolderContactID) {
			noted(ctx, r.ContactID, r.HolderContactID)
			out = append(out, Scan{r.TicketingScan, r.OrderID})
		}
	}
	return out, nil
}

// GroupBookingFilter narrows a list of group bookings.
type GroupBookingFilter struct {
	ContactID, PerformanceID *uuid.UUID
	Source, State            *string
	Test                     bool
}

// GetGroupBooking reads a group booking.
func (s *Service) GetGroupBooking(ctx context.Context, id uuid.UUID) (ticketingdb.TicketingGroupBooking, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return ticketingdb.TicketingGroupBooking{}, err
	}
	row, err := s.q.GetGroupBooking(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
	if err != nil {
		return row, err
	}
	if err := s.visible(ctx, row.SourceID); err != nil {
		return row, err
	}
	list, err := s.limitBookings(ctx, actor, []ticketingdb.TicketingGroupBooking{row})
	if err == nil && len(list) == 0 {
		err = fault.NotFound()
	}
	if err != nil {
		return ticketingdb.TicketingGroupBooking{}, err
	}
	return list[0], nil
}

// ListGroupBookings returns at most limit bookings before an id.
func (s *Service) ListGroupBookings(ctx context.Context, f GroupBookingFilter, before *uuid.UUID, limit int) ([]ticketingdb.TicketingGroupBooking, error) {
	actor, source, err := s.scope(ctx, f.Source)
	if err != nil {
		return nil, err
	}
	rows, err := s.q.ListGroupBookings(ctx, s.db.Tenant(actor.Tenant), ticketingdb.ListGroupBookingsParams{TenantID: actor.Tenant, Test: f.Test, ContactID: f.ContactID, SourceID: source,
		PerformanceID: f.PerformanceID, State: f.State, AfterID: before, PageSize: int32(limit)})
	if err != nil {
		return nil, err
	}
	return s.limitBookings(ctx, actor, rows)
}

func (s *Service) limitBookings(ctx context.Context, actor web.Actor, rows []ticketingdb.TicketingGroupBooking) ([]ticketingdb.TicketingGroupBooking, error) {
	var named []*uuid.UUID
	for _, r := range rows {
		named = append(named, r.ContactID, r.PersonContactID)
	}
	look, err := s.lookAt(ctx, actor, named...)
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(b ticketingdb.TicketingGroupBooking) bool {
		return !look.Sees(b.ContactID) || !look.Sees(b.PersonContactID)
	})
	for i, b := range rows {
		rows[i].Organisation = reachable(ctx, look, "/organisation", b.ContactID, b.Organisation)
		rows[i].Person = reachable(ctx, look, "/contact_person", b.PersonContactID, b.Person)
		noted(ctx, b.ContactID, b.PersonContactID)
	}
	return rows, nil
}

// TicketFilter narrows the tickets of a contact.
type TicketFilter struct {
	ContactID    uuid.UUID
	Source, Role *string
	States       []string
}

// ListContactTickets returns at most limit tickets that a contact bought or
// holds after a position, the latest performance first.
func (s *Service) ListContactTickets(ctx context.Context, f TicketFilter, after *MomentPosition, limit int) ([]ticketingdb.ListContactTicketsRow, error) {
	if _, err := s.contacts.Get(ctx, f.ContactID); err != nil {
		return nil, err
	}
	actor, source, err := s.scope(ctx, f.Source)
	if err != nil {
		return nil, err
	}
	p := ticketingdb.ListContactTicketsParams{TenantID: actor.Tenant, SourceID: source, States: append([]string{}, f.States...), Role: f.Role, PageSize: int32(limit), ContactID: f.ContactID}
	if after != nil {
		p.Resumed, p.AfterStartsAt, p.AfterID = true, after.At, after.ID
	}
	rows, err := s.q.ListContactTickets(ctx, s.db.Tenant(actor.Tenant), p)
	if err != nil {
		return nil, err
	}
	var named []*uuid.UUID
	for _, r := range rows {
		named = append(named, r.ContactID, r.TicketingLine.HolderContactID)
	}
	look, err := s.lookAt(ctx, actor, named...)
	if err != nil {
		return nil, err
	}
	noted(ctx, &f.ContactID)
	return slices.DeleteFunc(rows, func(r ticketingdb.ListContactTicketsRow) bool {
		return !look.Sees(r.ContactID) || !look.Sees(r.TicketingLine.HolderContactID)
	}), nil
}

// ListContactAttendances returns at most limit attendances of a contact after a
// position, the latest first.
func (s *Service) ListContactAttendances(ctx context.Context, contact uuid.UUID, wanted *string, after *MomentPosition, limit int) ([]ticketingdb.ListContactAttendancesRow, error) {
	if _, err := s.contacts.Get(ctx, contact); err != nil {
		return nil, err
	}
	actor, source, err := s.scope(ctx, wanted)
	if err != nil {
		return nil, err
	}
	p := ticketingdb.ListContactAttendancesParams{TenantID: actor.Tenant, SourceID: source, PageSize: int32(limit), ContactID: contact}
	if after != nil {
		p.AfterAttendedAt, p.AfterID = after.At, after.ID
	}
	rows, err := s.q.ListContactAttendances(ctx, s.db.Tenant(actor.Tenant), p)
	if err != nil {
		return nil, err
	}
	var named []*uuid.UUID
	for _, r := range rows {
		named = append(named, r.ContactID, r.HolderContactID)
	}
	look, err := s.lookAt(ctx, actor, named...)
	if err != nil {
		return nil, err
	}
	noted(ctx, &contact)
	return slices.DeleteFunc(rows, func(r ticketingdb.ListContactAttendancesRow) bool {
		return !look.Sees(r.ContactID) || !look.Sees(r.HolderContactID)
	}), nil
}
