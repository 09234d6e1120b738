package ticketing

import (
	"github.com/google/uuid"

	"encoding/json"

	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
	"github.com/parvis-crm/parvis/internal/web"
)

func warningsToAPI(list []Warning) []api.TicketingWarning {
	return web.Map(list, func(w Warning) api.TicketingWarning { return api.TicketingWarning{Code: w.Code, Pointer: w.Pointer} })
}

func venueToAPI(v Venue) api.TicketingVenue {
	place := nullable.NewNullNullable[api.TicketingPostalAddress]()
	if v.Street != nil || v.PostalCode != nil || v.City != nil || v.Country != nil {
		place = nullable.NewNullableWithValue(api.TicketingPostalAddress{Street: web.Nullable(v.Street), PostalCode: web.Nullable(v.PostalCode), City: web.Nullable(v.City), Country: web.Nullable(v.Country)})
	}
	return api.TicketingVenue{ID: v.ID, Object: api.TicketingVenueObjectVenue, SourceID: v.SourceID, ExternalID: v.ExternalID, Name: names(v.Name), ParentID: web.Nullable(v.ParentID), Address: place,
		Siret: web.Nullable(v.Siret), SibilType: web.Nullable(v.SibilType), Capacity: web.Nullable(v.Capacity), References: referencesToAPI(v.TicketingVenue), Terms: termsToAPI(v.Terms), IsStub: v.Stub, IsDeleted: v.Deleted, CreatedAt: v.CreatedAt, UpdatedAt: v.UpdatedAt, Version: v.Version}
}

func productToAPI(p ticketingdb.TicketingProduct) api.TicketingProduct {
	return api.TicketingProduct{ID: p.ID, Object: api.TicketingProductObjectProduct, SourceID: p.SourceID, ExternalID: p.ExternalID, Name: names(p.Name), Kind: p.Kind, GraceDays: web.Nullable(p.GraceDays),
		RenewalDays: web.Nullable(p.RenewalDays), ReminderDays: nullableDays(p.ReminderDays), UsageLimit: web.Nullable(p.UsageLimit), Benefits: p.Benefits, IsStub: p.Stub, IsDeleted: p.Deleted, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, Version: p.Version}
}

func nullableDays(days []int32) nullable.Nullable[[]int32] {
	if days == nil {
		return nullable.NewNullNullable[[]int32]()
	}
	return nullable.NewNullableWithValue(days)
}

func membershipToAPI(m Membership) api.TicketingMembership {
	return api.TicketingMembership{ID: m.ID, Object: api.TicketingMembershipObjectMembership, SourceID: m.SourceID, ExternalID: m.ExternalID, Kind: m.Kind, Number: web.Nullable(m.Number),
		ProductID: web.Nullable(m.ProductID), CustomerID: web.Nullable(m.CustomerID), OrderID: web.Nullable(m.OrderID), TicketID: web.Nullable(m.TicketID), Holder: object(m.Holder),
		ContactID: web.Nullable(m.ContactID), ContactRule: web.Nullable(m.ContactRule), ValidFrom: web.Nullable(m.ValidFrom), ValidUntil: web.Nullable(m.ValidUntil), TimeZone: m.TimeZone,
		UsageLimit: web.Nullable(m.UsageLimit), Usages: web.Nullable(m.Usages), Benefits: m.Benefits, AutoRenew: m.AutoRenew, RenewsID: web.Nullable(m.RenewsID), RenewedByID: web.Nullable(m.RenewedByID),
		IsTest: m.Test, Status: m.Status, IsRenewable: m.Renewable, AsOf: m.AsOf, StatedState: web.Nullable(m.StatedState), CancelledAt: web.Nullable(m.CancelledAt), IsMissingAtSource: m.AbsentAt != nil,
		CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt, Version: m.Version}
}

func giftCardToAPI(g ticketingdb.TicketingGiftCard) api.TicketingGiftCard {
	return api.TicketingGiftCard{ID: g.ID, Object: api.TicketingGiftCardObjectGiftCard, SourceID: g.SourceID, ExternalID: g.ExternalID, LastFour: web.Nullable(g.LastFour), Balance: moneyToAPI(g.BalanceMinor, g.Currency),
		ExpiresAt: web.Nullable(g.ExpiresAt), StatedState: web.Nullable(g.StatedState), IsMissingAtSource: g.AbsentAt != nil, ProductID: web.Nullable(g.ProductID), CustomerID: web.Nullable(g.CustomerID),
		OrderID: web.Nullable(g.OrderID), TicketID: web.Nullable(g.TicketID), ContactID: web.Nullable(g.ContactID), ContactRule: web.Nullable(g.ContactRule), IsTest: g.Test,
		CreatedAt: g.CreatedAt, UpdatedAt: g.UpdatedAt, Version: g.Version}
}

func entitlementsToAPI(contact uuid.UUID, e Entitlements) api.ContactEntitlements {
	return api.ContactEntitlements{
		ContactID: contact, Object: api.ContactEntitlementsObjectContactEntitlements, AsOf: e.AsOf,
		Memberships: web.Map(e.Memberships, func(m Entitlement) api.EntitledMembership {
			return api.EntitledMembership{MembershipID: m.ID, SourceID: m.SourceID, Kind: m.Kind, Number: web.Nullable(m.Number), Name: names(m.Name), Status: m.Status,
				ValidUntil: web.Nullable(m.ValidUntil), RemainingUses: web.Nullable(m.Remaining), Benefits: append([]string{}, m.Benefits...)}
		}),
		GiftCards: web.Map(e.GiftCards, func(g ticketingdb.TicketingGiftCard) api.EntitledGiftCard {
			return api.EntitledGiftCard{GiftCardID: g.ID, SourceID: g.SourceID, LastFour: web.Nullable(g.LastFour), Balance: moneyToAPI(g.BalanceMinor, g.Currency), ExpiresAt: web.Nullable(g.ExpiresAt)}
		}),
	}
}

func giftCardWholeToAPI(g GiftCard) api.TicketingGiftCardDetail {
	c := giftCardToAPI(g.TicketingGiftCard)
	return api.TicketingGiftCardDetail{ID: c.ID, Object: api.TicketingGiftCardDetailObjectGiftCard, SourceID: c.SourceID, ExternalID: c.ExternalID, LastFour: c.LastFour, Balance: c.Balance,
		ExpiresAt: c.ExpiresAt, StatedState: c.StatedState, IsMissingAtSource: c.IsMissingAtSource, ProductID: c.ProductID, CustomerID: c.CustomerID, OrderID: c.OrderID, TicketID: c.TicketID,
		ContactID: c.ContactID, ContactRule: c.ContactRule, IsTest: c.IsTest, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt, Version: c.Version,
		Ledger: web.Map(g.Ledger, func(e ticketingdb.TicketingGiftCardEntry) api.TicketingGiftCardEntry {
			return api.TicketingGiftCardEntry{ID: e.ID, ExternalID: web.Nullable(web.If(e.ExternalID != "", &e.ExternalID)), Amount: moneyToAPI(e.AmountMinor, e.Currency), Reason: e.Reason,
				OccurredAt: web.Nullable(e.OccurredAt), RecordedAt: e.RecordedAt}
		})}
}

func scanToAPI(s Scan) api.TicketingScan {
	return api.TicketingScan{ID: s.ID, Object: api.TicketingScanObjectScan, SourceID: s.SourceID, ExternalID: s.ExternalID, TicketID: web.Nullable(s.TicketID), PerformanceID: web.Nullable(s.EnteredID),
		OccurredAt: web.Nullable(s.OccurredAt), RecordedAt: web.Nullable(s.RecordedAt), Direction: s.Direction, Result: s.Result, Reason: web.Nullable(s.Reason), Gate: web.Nullable(s.Gate),
		IsLate: s.Late, IsAttendance: s.Attended, IsAttached: s.TicketID == nil || s.OrderID != nil, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, Version: s.Version}
}

func groupBookingToAPI(b ticketingdb.TicketingGroupBooking) api.TicketingGroupBooking {
	out := api.TicketingGroupBooking{ID: b.ID, Object: api.TicketingGroupBookingObjectGroupBooking, SourceID: b.SourceID, ExternalID: b.ExternalID, Number: web.Nullable(b.Number), State: b.State,
		PlacedAt: web.Nullable(b.PlacedAt), PerformanceID: web.Nullable(b.PerformanceID), OrderID: web.Nullable(b.OrderID), Organisation: object(b.Organisation), ContactPerson: object(b.Person),
		ContactID: web.Nullable(b.ContactID), PersonContactID: web.Nullable(b.PersonContactID), ContactRule: web.Nullable(b.ContactRule), Headcount: []api.TicketingHeadcount{},
		IsTest: b.Test, IsMissingAtSource: b.AbsentAt != nil, CreatedAt: b.CreatedAt, UpdatedAt: b.UpdatedAt, Version: b.Version}
	_ = json.Unmarshal(b.Headcount, &out.Headcount) // as it was received
	for _, h := range out.Headcount {
		out.HeadcountTotal += h.Count
	}
	return out
}

func ticketToAPI(r ticketingdb.ListContactTicketsRow) api.TicketingTicket {
	l := r.TicketingLine
	roles := []string{}
	if r.Bought {
		roles = append(roles, "buyer")
	}
	if r.Held {
		roles = append(roles, "holder")
	}
	return api.TicketingTicket{ID: l.TicketID, Object: api.TicketingTicketObjectTicket, SourceID: r.SourceID, OrderID: l.OrderID, ExternalID: l.ExternalID, Kind: l.Kind, Roles: roles, State: l.State,
		PerformanceID: web.Nullable(l.PerformanceID), PerformanceStartsAt: web.Nullable(r.StartsAt), PriceTypeID: web.Nullable(l.PriceTypeID), ProductID: web.Nullable(l.ProductID), Seat: web.Nullable(l.Seat),
		Label: web.Nullable(l.Label), Amount: moneyToAPI(l.AmountMinor, r.Currency), AttendedAt: web.Nullable(r.AttendedAt)}
}

func attendanceToAPI(r ticketingdb.ListContactAttendancesRow) api.TicketingAttendance {
	return api.TicketingAttendance{ScanID: r.ID, Object: api.TicketingAttendanceObjectAttendance, SourceID: r.SourceID, TicketID: r.TicketID, OrderID: r.OrderID, PerformanceID: web.Nullable(r.EnteredID),
		ProductionID: web.Nullable(r.ProductionID), AttendedAt: r.AttendedAt}
}
