package ticketing

import (
	"context"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// ListTicketingVenues implements GET /v1/ticketing/venues.
func (h *Handlers) ListTicketingVenues(ctx context.Context, r api.ListTicketingVenuesRequestObject) (api.ListTicketingVenuesResponseObject, error) {
	walk := walkOf("ticketing-venues", r.Params.Source, r.Params.Reference, r.Params.Fields)
	var after uuid.UUID
	if _, err := h.cursors.Decode(r.Params.Cursor, walk, &after); err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListVenues(ctx, r.Params.Source, ReadReference(r.Params.Reference), after, limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(x Venue) any { return x.ID })
	return api.ListTicketingVenues200JSONResponse{
		Body:    api.TicketingVenueList{Data: web.Map(page.Items, venueToAPI), NextCursor: page.Next},
		Headers: api.ListTicketingVenues200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}

// GetTicketingVenue implements GET /v1/ticketing/venues/{venue_id}.
func (h *Handlers) GetTicketingVenue(ctx context.Context, r api.GetTicketingVenueRequestObject) (api.GetTicketingVenueResponseObject, error) {
	x, err := h.service.GetVenue(ctx, r.VenueID)
	if err != nil {
		return nil, err
	}
	return api.GetTicketingVenue200JSONResponse{Body: venueToAPI(x), Headers: api.GetTicketingVenue200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// ListTicketingProducts implements GET /v1/ticketing/products.
func (h *Handlers) ListTicketingProducts(ctx context.Context, r api.ListTicketingProductsRequestObject) (api.ListTicketingProductsResponseObject, error) {
	walk := walkOf("ticketing-products", r.Params.Source, r.Params.Kind, r.Params.Fields)
	var after uuid.UUID
	if _, err := h.cursors.Decode(r.Params.Cursor, walk, &after); err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListProducts(ctx, r.Params.Source, plainText(r.Params.Kind), after, limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(x ticketingdb.TicketingProduct) any { return x.ID })
	return api.ListTicketingProducts200JSONResponse{
		Body:    api.TicketingProductList{Data: web.Map(page.Items, productToAPI), NextCursor: page.Next},
		Headers: api.ListTicketingProducts200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}

// GetTicketingProduct implements GET /v1/ticketing/products/{product_id}.
func (h *Handlers) GetTicketingProduct(ctx context.Context, r api.GetTicketingProductRequestObject) (api.GetTicketingProductResponseObject, error) {
	x, err := h.service.GetProduct(ctx, r.ProductID)
	if err != nil {
		return nil, err
	}
	return api.GetTicketingProduct200JSONResponse{Body: productToAPI(x), Headers: api.GetTicketingProduct200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// ListTicketingMemberships implements GET /v1/ticketing/memberships.
func (h *Handlers) ListTicketingMemberships(ctx context.Context, r api.ListTicketingMembershipsRequestObject) (api.ListTicketingMembershipsResponseObject, error) {
	f := MembershipFilter{ContactID: r.Params.ContactID, ProductID: r.Params.ProductID, Source: r.Params.Source, Statuses: texts(r.Params.Status), AsOf: r.Params.AsOf, UntilFrom: r.Params.ValidUntilGte, UntilBefore: r.Params.ValidUntilLt, Test: or(r.Params.Test, false)}
	walk := walkOf("ticketing-memberships", f, r.Params.Fields)
	var after uuid.UUID
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListMemberships(ctx, f, web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(x Membership) any { return x.ID })
	return api.ListTicketingMemberships200JSONResponse{
		Body:    api.TicketingMembershipList{Data: web.Map(page.Items, membershipToAPI), NextCursor: page.Next},
		Headers: api.ListTicketingMemberships200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}

// GetTicketingMembership implements GET /v1/ticketing/memberships/{membership_id}.
func (h *Handlers) GetTicketingMembership(ctx context.Context, r api.GetTicketingMembershipRequestObject) (api.GetTicketingMembershipResponseObject, error) {
	x, err := h.service.GetMembership(ctx, r.MembershipID, r.Params.AsOf)
	if err != nil {
		return nil, err
	}
	return api.GetTicketingMembership200JSONResponse{Body: membershipToAPI(x), Headers: api.GetTicketingMembership200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// ListTicketingGiftCards implements GET /v1/ticketing/gift-cards.
func (h *Handlers) ListTicketingGiftCards(ctx context.Context, r api.ListTicketingGiftCardsRequestObject) (api.ListTicketingGiftCardsResponseObject, error) {
	f := GiftCardFilter{ContactID: r.Params.ContactID, Source: r.Params.Source, Test: or(r.Params.Test, false)}
	walk := walkOf("ticketing-gift-cards", f, r.Params.Fields)
	var after uuid.UUID
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListGiftCards(ctx, f, web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(x ticketingdb.TicketingGiftCard) any { return x.ID })
	return api.ListTicketingGiftCards200JSONResponse{
		Body:    api.TicketingGiftCardList{Data: web.Map(page.Items, giftCardToAPI), NextCursor: page.Next},
		Headers: api.ListTicketingGiftCards200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}

// GetTicketingGiftCard implements GET /v1/ticketing/gift-cards/{gift_card_id}.
func (h *Handlers) GetTicketingGiftCard(ctx context.Context, r api.GetTicketingGiftCardRequestObject) (api.GetTicketingGiftCardResponseObject, error) {
	x, err := h.service.GetGiftCard(ctx, r.GiftCardID)
	if err != nil {
		return nil, err
	}
	return api.GetTicketingGiftCard200JSONResponse{Body: giftCardWholeToAPI(x), Headers: api.GetTicketingGiftCard200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// ListTicketingScans implements GET /v1/ticketing/scans.
func (h *Handlers) ListTicketingScans(ctx context.Context, r api.ListTicketingScansRequestObject) (api.ListTicketingScansResponseObject, error) {
	f := ScanFilter{Source: r.Params.Source, TicketID: r.Params.TicketID, PerformanceID: r.Params.PerformanceID, Attended: r.Params.Attended, Attached: r.Params.Attached, OccurredFrom: r.Params.OccurredAtGte, OccurredBefore: r.Params.OccurredAtLt}
	walk := walkOf("ticketing-scans", f, r.Params.Fields)
	var after MomentPosition
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListScans(ctx, f, web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(x Scan) any { return MomentPosition{x.OccurredAt, x.ID} })
	return api.ListTicketingScans200JSONResponse{
		Body:    api.TicketingScanList{Data: web.Map(page.Items, scanToAPI), NextCursor: page.Next},
		Headers: api.ListTicketingScans200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}

// GetTicketingScan implements GET /v1/ticketing/scans/{scan_id}.
func (h *Handlers) GetTicketingScan(ctx context.Context, r api.GetTicketingScanRequestObject) (api.GetTicketingScanResponseObject, error) {
	x, err := h.service.GetScan(ctx, r.ScanID)
	if err != nil {
		return nil, err
	}
	return api.GetTicketingScan200JSONResponse{Body: scanToAPI(x), Headers: api.GetTicketingScan200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// ListTicketingGroupBookings implements GET /v1/ticketing/group-bookings.
func (h *Handlers) ListTicketingGroupBookings(ctx context.Context, r api.ListTicketingGroupBookingsRequestObject) (api.ListTicketingGroupBookingsResponseObject, error) {
	f := GroupBookingFilter{ContactID: r.Params.ContactID, PerformanceID: r.Params.PerformanceID, Source: r.Params.Source, State: plainText(r.Params.State), Test: or(r.Params.Test, false)}
	walk := walkOf("ticketing-group-bookings", f, r.Params.Fields)
	var after uuid.UUID
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListGroupBookings(ctx, f, web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(x ticketingdb.TicketingGroupBooking) any { return x.ID })
	return api.ListTicketingGroupBookings200JSONResponse{
		Body:    api.TicketingGroupBookingList{Data: web.Map(page.Items, groupBookingToAPI), NextCursor: page.Next},
		Headers: api.ListTicketingGroupBookings200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}

// GetTicketingGroupBooking implements GET /v1/ticketing/group-bookings/{group_booking_id}.
func (h *Handlers) GetTicketingGroupBooking(ctx context.Context, r api.GetTicketingGroupBookingRequestObject) (api.GetTicketingGroupBookingResponseObject, error) {
	x, err := h.service.GetGroupBooking(ctx, r.GroupBookingID)
	if err != nil {
		return nil, err
	}
	return api.GetTicketingGroupBooking200JSONResponse{Body: groupBookingToAPI(x), Headers: api.GetTicketingGroupBooking200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// ListContactTickets implements GET /v1/contacts/{contact_id}/tickets.
func (h *Handlers) ListContactTickets(ctx context.Context, r api.ListContactTicketsRequestObject) (api.ListContactTicketsResponseObject, error) {
	f := TicketFilter{ContactID: r.ContactID, Source: r.Params.Source, Role: plainText(r.Params.As), States: texts(r.Params.State)}
	walk := walkOf("contact-tickets", f, r.Params.Fields)
	var after MomentPosition
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListContactTickets(ctx, f, web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(x ticketingdb.ListContactTicketsRow) any {
		return MomentPosition{x.StartsAt, x.TicketingLine.TicketID}
	})
	return api.ListContactTickets200JSONResponse{
		Body:    api.TicketingTicketList{Data: web.Map(page.Items, ticketToAPI), NextCursor: page.Next},
		Headers: api.ListContactTickets200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}

// ListContactAttendances implements GET /v1/contacts/{contact_id}/attendances.
func (h *Handlers) ListContactAttendances(ctx context.Context, r api.ListContactAttendancesRequestObject) (api.ListContactAttendancesResponseObject, error) {
	walk := walkOf("contact-attendances", r.ContactID, r.Params.Source, r.Params.Fields)
	var after MomentPosition
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListContactAttendances(ctx, r.ContactID, r.Params.Source, web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(x ticketingdb.ListContactAttendancesRow) any { return MomentPosition{&x.AttendedAt, x.ID} })
	return api.ListContactAttendances200JSONResponse{
		Body:    api.TicketingAttendanceList{Data: web.Map(page.Items, attendanceToAPI), NextCursor: page.Next},
		Headers: api.ListContactAttendances200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}

// GetContactEntitlements implements GET /v1/contacts/{contact_id}/entitlements.
func (h *Handlers) GetContactEntitlements(ctx context.Context, r api.GetContactEntitlementsRequestObject) (api.GetContactEntitlementsResponseObject, error) {
	e, err := h.service.Entitlements(ctx, r.ContactID, r.Params.AsOf)
	if err != nil {
		return nil, err
	}
	return api.GetContactEntitlements200JSONResponse(entitlementsToAPI(r.ContactID, e)), nil
}

// ListContactMemberships implements GET /v1/contacts/{contact_id}/memberships.
func (h *Handlers) ListContactMemberships(ctx context.Context, r api.ListContactMembershipsRequestObject) (api.ListContactMembershipsResponseObject, error) {
	f := MembershipFilter{ContactID: &r.ContactID, Source: r.Params.Source, Statuses: texts(r.Params.Status), AsOf: r.Params.AsOf}
	walk := walkOf("contact-memberships", f, r.Params.Fields)
	var after uuid.UUID
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListContactMemberships(ctx, f, web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(x Membership) any { return x.ID })
	return api.ListContactMemberships200JSONResponse{
		Body:    api.TicketingMembershipList{Data: web.Map(page.Items, membershipToAPI), NextCursor: page.Next},
		Headers: api.ListContactMemberships200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}

// ListContactGiftCards implements GET /v1/contacts/{contact_id}/gift-cards.
func (h *Handlers) ListContactGiftCards(ctx context.Context, r api.ListContactGiftCardsRequestObject) (api.ListContactGiftCardsResponseObject, error) {
	f := GiftCardFilter{ContactID: &r.ContactID, Source: r.Params.Source}
	walk := walkOf("contact-gift-cards", f, r.Params.Fields)
	var after uuid.UUID
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListContactGiftCards(ctx, f, web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(x ticketingdb.TicketingGiftCard) any { return x.ID })
	return api.ListContactGiftCards200JSONResponse{
		Body:    api.TicketingGiftCardList{Data: web.Map(page.Items, giftCardToAPI), NextCursor: page.Next},
		Headers: api.ListContactGiftCards200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}

// AnonymizeTicketingRecord implements POST /v1/ticketing/sources/{source}/records/{kind}/{external_id}/anonymize.
func (h *Handlers) AnonymizeTicketingRecord(ctx context.Context, r api.AnonymizeTicketingRecordRequestObject) (api.AnonymizeTicketingRecordResponseObject, error) {
	f, err := h.service.Anonymize(ctx, r.Source, string(r.Kind), r.ExternalID)
	if err != nil {
		return nil, err
	}
	return api.AnonymizeTicketingRecord200JSONResponse{Status: f.Status, ID: f.ID, Contact: f.Contact}, nil
}
