package ticketing

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
)

// common are the columns that every kind of record has.
type common struct {
	id            *uuid.UUID
	version       *int64
	updatedAt     *time.Time
	stub, deleted *bool
}

// shelf holds the records of one kind that a unit touches.
type shelf[T any] struct {
	kind, table string
	rows        map[uuid.UUID]*entity[T]
	find        func(ctx context.Context, db ticketingdb.DBTX, tenant uuid.UUID, ids []uuid.UUID) ([]T, error)
	fresh       func(r *Record) T
	of          func(row *T) common
	// facts go with each event; special names what happened where that is more
	// than a change. Either may be nil.
	facts   func(row T) map[string]any
	special func(before, now T) string
}

// shelving is a shelf whatever it holds.
type shelving interface {
	load(ctx context.Context, u *unit, ids []uuid.UUID) error
	stub(r *Record)
	mark(id uuid.UUID, stub, deleted bool)
	settle(now time.Time)
	altered(id uuid.UUID) bool
	write(b *pgx.Batch) error
	tell(u *unit, out *[]events.Entry) error
	named() string
}

func (s *shelf[T]) named() string { return s.kind }

func (s *shelf[T]) load(ctx context.Context, u *unit, ids []uuid.UUID) error {
	rows, err := s.find(ctx, u.tx, u.source.TenantID, ids)
	if err != nil {
		return err
	}
	for _, r := range rows {
		s.rows[*s.of(&r).id] = loaded(r)
	}
	return nil
}

func (s *shelf[T]) stub(r *Record) {
	s.rows[r.ID] = &entity[T]{dirty: true, now: s.fresh(r)}
}

// mark notes that a row is touched, and whether it is described and there.
func (s *shelf[T]) mark(id uuid.UUID, stub, deleted bool) {
	e := s.rows[id]
	c := s.of(&e.now)
	e.dirty, *c.stub, *c.deleted = true, stub, deleted
}

func (s *shelf[T]) settle(now time.Time) {
	settleEntities(s.rows, now, func(row *T) (*int64, *time.Time) {
		c := s.of(row)
		return c.version, c.updatedAt
	})
}

func (s *shelf[T]) altered(id uuid.UUID) bool { return s.rows[id].dirty }

func (s *shelf[T]) write(b *pgx.Batch) error {
	return write(b, s.table, dirty(s.rows), "tenant_id", "id")
}

func (s *shelf[T]) tell(u *unit, out *[]events.Entry) error {
	for _, e := range sortedEntities(s.rows) {
		now, wasStub, wasDeleted, special := s.of(&e.now), true, false, ""
		if e.before != nil {
			was := s.of(e.before)
			wasStub, wasDeleted = *was.stub, *was.deleted
			if s.special != nil && !wasStub {
				special = s.special(*e.before, e.now)
			}
		}
		told := len(*out)
		var before any
		if e.before != nil {
			before = *e.before
		}
		if err := u.entityEvent(out, s.kind, *now.id, *now.version, before, e.now, wasStub, *now.stub, wasDeleted, *now.deleted, special); err != nil {
			return err
		}
		if s.facts != nil && len(*out) > told {
			(*out)[told].Facts = s.facts(e.now)
		}
	}
	return nil
}

// shelves are those of a unit, in the order in which they are written: what is
// referred to before what refers to it. Those before the accounts and orders are
// early.
type shelves struct {
	venues        *shelf[ticketingdb.TicketingVenue]
	products      *shelf[ticketingdb.TicketingProduct]
	memberships   *shelf[ticketingdb.TicketingMembership]
	giftCards     *shelf[ticketingdb.TicketingGiftCard]
	scans         *shelf[ticketingdb.TicketingScan]
	groupBookings *shelf[ticketingdb.TicketingGroupBooking]
	vouchers      *shelf[ticketingdb.TicketingVoucher]
}

func (s *shelves) early() []shelving { return []shelving{s.venues, s.products} }

// between are those that name performances and are named by orders.
func (s *shelves) between() []shelving { return []shelving{s.vouchers} }

func (s *shelves) late() []shelving {
	return []shelving{s.memberships, s.giftCards, s.scans, s.groupBookings}
}

func (s *shelves) all() []shelving { return slices.Concat(s.early(), s.between(), s.late()) }

func (s *shelves) on(kind string) shelving {
	for _, one := range s.all() {
		if one.named() == kind {
			return one
		}
	}
	return nil
}

func newShelves(q *ticketingdb.Queries, source Source, now time.Time) *shelves {
	empty := []byte("{}")
	contact := func(id *uuid.UUID) map[string]any {
		if id == nil {
			return nil
		}
		return map[string]any{"contact_id": *id}
	}
	return &shelves{
		venues: &shelf[ticketingdb.TicketingVenue]{
			kind: kindVenue, table: "ticketing_venues", rows: map[uuid.UUID]*entity[ticketingdb.TicketingVenue]{}, find: q.FindVenues,
			fresh: func(r *Record) ticketingdb.TicketingVenue {
				return ticketingdb.TicketingVenue{TenantID: r.TenantID, ID: r.ID, SourceID: r.SourceID, ExternalID: r.ExternalID, Name: empty, StatedReferences: []byte("[]"), SetReferences: []byte("[]"), Stub: true, Version: 1, CreatedAt: now, UpdatedAt: now}
			},
			of: func(r *ticketingdb.TicketingVenue) common {
				return common{&r.ID, &r.Version, &r.UpdatedAt, &r.Stub, &r.Deleted}
			},
		},
		products: &shelf[ticketingdb.TicketingProduct]{
			kind: kindProduct, table: "ticketing_products", rows: map[uuid.UUID]*entity[ticketingdb.TicketingProduct]{}, find: q.FindProducts,
			fresh: func(r *Record) ticketingdb.TicketingProduct {
				return ticketingdb.TicketingProduct{TenantID: r.TenantID, ID: r.ID, SourceID: r.SourceID, ExternalID: r.ExternalID, Name: empty, Kind: "ticket", Benefits: []string{}, Stub: true, Version: 1, CreatedAt: now, UpdatedAt: now}
			},
			of: func(r *ticketingdb.TicketingProduct) common {
				return common{&r.ID, &r.Version, &r.UpdatedAt, &r.Stub, &r.Deleted}
			},
		},
		memberships: &shelf[ticketingdb.TicketingMembership]{
			kind: kindMembership, table: "ticketing_memberships", rows: map[uuid.UUID]*entity[ticketingdb.TicketingMembership]{}, find: q.FindMemberships,
			fresh: func(r *Record) ticketingdb.TicketingMembership {
				return ticketingdb.TicketingMembership{TenantID: r.TenantID, ID: r.ID, SourceID: r.SourceID, ExternalID: r.ExternalID, Kind: "membership", TimeZone: source.TimeZone, Benefits: []string{}, Stub: true, Version: 1, CreatedAt: now, UpdatedAt: now}
			},
			of: func(r *ticketingdb.TicketingMembership) common {
				return common{&r.ID, &r.Version, &r.UpdatedAt, &r.Stub, &r.Deleted}
			},
			facts: func(r ticketingdb.TicketingMembership) map[string]any { return contact(r.ContactID) },
		},
		giftCards: &shelf[ticketingdb.TicketingGiftCard]{
			kind: kindGiftCard, table: "ticketing_gift_cards", rows: map[uuid.UUID]*entity[ticketingdb.TicketingGiftCard]{}, find: q.FindGiftCards,
			fresh: func(r *Record) ticketingdb.TicketingGiftCard {
				return ticketingdb.TicketingGiftCard{TenantID: r.TenantID, ID: r.ID, SourceID: r.SourceID, ExternalID: r.ExternalID, Currency: source.Currency, Transactions: []byte("[]"), Stub: true, Version: 1, CreatedAt: now, UpdatedAt: now}
			},
			of: func(r *ticketingdb.TicketingGiftCard) common {
				return common{&r.ID, &r.Version, &r.UpdatedAt, &r.Stub, &r.Deleted}
			},
			facts: func(r ticketingdb.TicketingGiftCard) map[string]any { return contact(r.ContactID) },
		},
		vouchers: &shelf[ticketingdb.TicketingVoucher]{
			kind: kindVoucher, table: "ticketing_vouchers", rows: map[uuid.UUID]*entity[ticketingdb.TicketingVoucher]{}, find: q.FindVouchers,
			fresh: func(r *Record) ticketingdb.TicketingVoucher {
				return ticketingdb.TicketingVoucher{TenantID: r.TenantID, ID: r.ID, SourceID: r.SourceID, ExternalID: r.ExternalID, Stub: true, Version: 1, CreatedAt: now, UpdatedAt: now}
			},
			of: func(r *ticketingdb.TicketingVoucher) common {
				return common{&r.ID, &r.Version, &r.UpdatedAt, &r.Stub, &r.Deleted}
			},
			facts: func(r ticketingdb.TicketingVoucher) map[string]any { return contact(r.ContactID) },
		},
		scans: &shelf[ticketingdb.TicketingScan]{
			kind: kindScan, table: "ticketing_scans", rows: map[uuid.UUID]*entity[ticketingdb.TicketingScan]{}, find: q.FindScans,
			fresh: func(r *Record) ticketingdb.TicketingScan {
				return ticketingdb.TicketingScan{TenantID: r.TenantID, ID: r.ID, SourceID: r.SourceID, ExternalID: r.ExternalID, Direction: "entry", Result: "accepted", Stub: true, Version: 1, CreatedAt: now, UpdatedAt: now}
			},
			of: func(r *ticketingdb.TicketingScan) common {
				return common{&r.ID, &r.Version, &r.UpdatedAt, &r.Stub, &r.Deleted}
			},
		},
		groupBookings: &shelf[ticketingdb.TicketingGroupBooking]{
			kind: kindGroupBooking, table: "ticketing_group_bookings", rows: map[uuid.UUID]*entity[ticketingdb.TicketingGroupBooking]{}, find: q.FindGroupBookings,
			fresh: func(r *Record) ticketingdb.TicketingGroupBooking {
				return ticketingdb.TicketingGroupBooking{TenantID: r.TenantID, ID: r.ID, SourceID: r.SourceID, ExternalID: r.ExternalID, State: "requested", Headcount: []byte("[]"), Stub: true, Version: 1, CreatedAt: now, UpdatedAt: now}
			},
			of: func(r *ticketingdb.TicketingGroupBooking) common {
				return common{&r.ID, &r.Version, &r.UpdatedAt, &r.Stub, &r.Deleted}
			},
			facts: func(r ticketingdb.TicketingGroupBooking) map[string]any { return contact(r.ContactID) },
			special: func(before, now ticketingdb.TicketingGroupBooking) string {
				if now.State == "cancelled" && before.State != "cancelled" {
					return "cancelled"
				}
				return ""
			},
		},
	}
}

// projectKind brings the row of a record of these kinds in line with its newest
// description. What is about persons or money is emptied when it is deleted;
// venues, products and scans keep what they say, since others refer to them.
func (u *unit) projectKind(m *message, r *Record) {
	u.kinds.on(r.Kind).mark(r.ID, r.Stub, r.Deleted)
	switch r.Kind {
	case kindVenue:
		u.projectVenue(m.venue, &u.kinds.venues.rows[r.ID].now)
	case kindVoucher:
		u.projectVoucher(m.voucher, &u.kinds.vouchers.rows[r.ID].now)
	case kindProduct:
		u.projectProduct(m.product, &u.kinds.products.rows[r.ID].now)
	case kindMembership:
		row := &u.kinds.memberships.rows[r.ID].now
		if row.AbsentAt = nil; r.Deleted {
			kept := *row
			*row = u.kinds.memberships.fresh(r)
			row.Stub, row.Deleted, row.Version, row.CreatedAt, row.UpdatedAt = kept.Stub, kept.Deleted, kept.Version, kept.CreatedAt, kept.UpdatedAt
			row.ToldStatus, row.DueAt, row.AnonymizedAt = kept.ToldStatus, kept.DueAt, kept.AnonymizedAt
			return
		}
		u.projectMembership(m.membership, row)
	case kindGiftCard:
		row := &u.kinds.giftCards.rows[r.ID].now
		if row.AbsentAt = nil; r.Deleted {
			kept := *row
			*row = u.kinds.giftCards.fresh(r)
			row.Stub, row.Deleted, row.Version, row.CreatedAt, row.UpdatedAt, row.AnonymizedAt = kept.Stub, kept.Deleted, kept.Version, kept.CreatedAt, kept.UpdatedAt, kept.AnonymizedAt
			return
		}
		u.projectGiftCard(m.giftCard, row)
	case kindScan:
		row := &u.kinds.scans.rows[r.ID].now
		row.AbsentAt = nil
		u.projectScan(m.scan, row)
	case kindGroupBooking:
		row := &u.kinds.groupBookings.rows[r.ID].now
		if row.AbsentAt = nil; r.Deleted {
			kept := *row
			*row = u.kinds.groupBookings.fresh(r)
			row.Stub, row.Deleted, row.Version, row.CreatedAt, row.UpdatedAt, row.AnonymizedAt = kept.Stub, kept.Deleted, kept.Version, kept.CreatedAt, kept.UpdatedAt, kept.AnonymizedAt
			return
		}
		u.projectGroupBooking(m.groupBooking, row)
	}
}

func (u *unit) projectVenue(d *venueDoc, row *ticketingdb.TicketingVenue) {
	if d == nil {
		return
	}
	row.Name, row.ParentID, row.Siret, row.SibilType, row.Capacity = encode(d.Name), u.reference(kindVenue, d.Parent), d.SIRET, d.SibilType, d.Capacity
	row.StatedReferences = keptReferences(d.References)
	row.Street, row.PostalCode, row.City, row.Country = nil, nil, nil, nil
	if a := d.Address; a != nil {
		row.Street, row.PostalCode, row.City, row.Country = a.Street, a.PostalCode, a.City, a.Country
	}
}

func (u *unit) projectProduct(d *productDoc, row *ticketingdb.TicketingProduct) {
	if d != nil {
		row.Name, row.Kind, row.GraceDays, row.RenewalDays, row.UsageLimit, row.Benefits = encode(d.Name), d.Kind, d.GraceDays, d.RenewalDays, d.UsageLimit, append([]string{}, d.Benefits...)
		row.ReminderDays = inOrder(d.ReminderDays)
	}
}

func (u *unit) projectMembership(d *membershipDoc, row *ticketingdb.TicketingMembership) {
	if d == nil {
		return
	}
	row.Kind, row.Number, row.Holder, row.Test = d.Kind, d.Number, snapshot(d.Holder), d.Test
	row.ProductID, row.CustomerID, row.OrderID = u.reference(kindProduct, d.Product), u.reference(kindCustomer, d.account()), u.reference(kindOrder, d.Order)
	row.TicketID, row.RenewsID = u.reference(kindTicket, d.Ticket), u.reference(kindMembership, d.Renews)
	row.ValidFrom, row.ValidUntil, row.TimeZone = d.ValidFrom, d.ValidTo, or(d.TimeZone, u.source.TimeZone)
	row.UsageLimit, row.Usages, row.Benefits, row.AutoRenew = d.UsageLimit, d.Usages, append([]string{}, d.Benefits...), d.AutoRenew
	row.StatedState, row.CancelledAt = d.State, d.CancelledAt
}

func (u *unit) projectGiftCard(d *giftCardDoc, row *ticketingdb.TicketingGiftCard) {
	if d == nil {
		return
	}
	row.CodeHash, row.LastFour, row.Currency, row.BalanceMinor, row.ExpiresAt, row.StatedState, row.Test = d.Code, d.LastFour, d.Currency, d.balance, d.ExpiresAt, d.State, d.Test
	row.ProductID, row.CustomerID, row.OrderID = u.reference(kindProduct, d.Product), u.reference(kindCustomer, d.Customer), u.reference(kindOrder, d.Order)
	row.TicketID, row.Transactions = u.reference(kindTicket, d.Ticket), d.kept()
}

func (u *unit) projectScan(d *scanDoc, row *ticketingdb.TicketingScan) {
	if d == nil {
		return
	}
	row.TicketID, row.PerformanceID = u.reference(kindTicket, d.Ticket), u.reference(kindPerformance, d.Performance)
	row.OccurredAt, row.RecordedAt, row.Direction, row.Result, row.Reason, row.Gate = d.OccurredAt, d.RecordedAt, d.Direction, d.Result, d.Reason, d.Gate
}

func (u *unit) projectGroupBooking(d *groupBookingDoc, row *ticketingdb.TicketingGroupBooking) {
	if d == nil {
		return
	}
	state := d.State
	row.Number, row.State, row.StatedState, row.PlacedAt, row.Test = d.Number, d.State, &state, d.PlacedAt, d.Test
	row.PerformanceID, row.OrderID = u.reference(kindPerformance, d.Performance), u.reference(kindOrder, d.Order)
	row.Organisation, row.Person = snapshot(d.Organisation), snapshot(d.ContactPerson)
	row.OrganisationCustomerID, row.PersonCustomerID = u.reference(kindCustomer, d.organisationAccount), u.reference(kindCustomer, d.personAccount)
	if row.Headcount = encode(d.Headcount); len(d.Headcount) == 0 {
		row.Headcount = []byte("[]")
	}
}
