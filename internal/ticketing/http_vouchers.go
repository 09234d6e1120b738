package ticketing

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
	"github.com/parvis-crm/parvis/internal/web"
)

var _ api.TicketingVouchersOperations = (*Handlers)(nil)

// ListTicketingVouchers implements GET /v1/ticketing/vouchers.
func (h *Handlers) ListTicketingVouchers(ctx context.Context, r api.ListTicketingVouchersRequestObject) (api.ListTicketingVouchersResponseObject, error) {
	f := VoucherFilter{ContactID: r.Params.ContactID, Source: r.Params.Source, Code: r.Params.VoucherCode, Campaign: r.Params.Campaign, Kind: plainText(r.Params.Kind), State: plainText(r.Params.State)}
	walk := walkOf("ticketing-vouchers", f, r.Params.Fields)
	var before uuid.UUID
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &before)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListVouchers(ctx, f, web.If(resumed, &before), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(v Voucher) any { return v.ID })
	return api.ListTicketingVouchers200JSONResponse{
		Body:    api.TicketingVoucherList{Data: web.Map(page.Items, voucherToAPI), NextCursor: page.Next},
		Headers: api.ListTicketingVouchers200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}

// GetTicketingVoucher implements GET /v1/ticketing/vouchers/{voucher_id}.
func (h *Handlers) GetTicketingVoucher(ctx context.Context, r api.GetTicketingVoucherRequestObject) (api.GetTicketingVoucherResponseObject, error) {
	v, err := h.service.GetVoucher(ctx, r.VoucherID)
	if err != nil {
		return nil, err
	}
	return api.GetTicketingVoucher200JSONResponse{Body: voucherToAPI(v), Headers: api.GetTicketingVoucher200ResponseHeaders{ETag: web.ETag(v.Version)}}, nil
}

// UpdateTicketingVoucher implements PATCH /v1/ticketing/vouchers/{voucher_id}.
func (h *Handlers) UpdateTicketingVoucher(ctx context.Context, r api.UpdateTicketingVoucherRequestObject) (api.UpdateTicketingVoucherResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	v, err := h.service.UpdateVoucher(ctx, r.VoucherID, issueFromAPI(*r.Body), want)
	if err != nil {
		return nil, err
	}
	return api.UpdateTicketingVoucher200JSONResponse{Body: voucherToAPI(v), Headers: api.UpdateTicketingVoucher200ResponseHeaders{ETag: web.ETag(v.Version)}}, nil
}

// ListTicketingVoucherRedemptions implements GET /v1/ticketing/vouchers/{voucher_id}/redemptions.
func (h *Handlers) ListTicketingVoucherRedemptions(ctx context.Context, r api.ListTicketingVoucherRedemptionsRequestObject) (api.ListTicketingVoucherRedemptionsResponseObject, error) {
	walk := walkOf("ticketing-redemptions", r.VoucherID, r.Params.Fields)
	var after uuid.UUID
	if _, err := h.cursors.Decode(r.Params.Cursor, walk, &after); err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListRedemptions(ctx, r.VoucherID, after, limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(x ticketingdb.ListVoucherRedemptionsRow) any { return x.TicketID })
	return api.ListTicketingVoucherRedemptions200JSONResponse{
		Body:    api.TicketingVoucherRedemptionList{Data: web.Map(page.Items, redemptionToAPI), NextCursor: page.Next},
		Headers: api.ListTicketingVoucherRedemptions200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}

// GetTicketingVoucherCampaign implements GET /v1/ticketing/voucher-campaigns/{campaign}.
func (h *Handlers) GetTicketingVoucherCampaign(ctx context.Context, r api.GetTicketingVoucherCampaignRequestObject) (api.GetTicketingVoucherCampaignResponseObject, error) {
	c, err := h.service.VoucherCampaign(ctx, r.Campaign, r.Params.Source)
	if err != nil {
		return nil, err
	}
	return api.GetTicketingVoucherCampaign200JSONResponse{Object: api.TicketingVoucherCampaignObjectVoucherCampaign, Campaign: r.Campaign, Issued: c.Issued, IssuedToContacts: c.IssuedToContacts,
		Redeemed: c.Redeemed, Redemptions: c.Redemptions, ByIssuedTo: c.ByIssuedTo, ByOthers: c.ByOthers, ByUnknown: c.ByUnknown}, nil
}

func issueFromAPI(in api.TicketingVoucherPatch) Issue {
	out := Issue{ContactID: change(in.ContactID), Campaign: change(in.Campaign)}
	if in.Kind.IsSpecified() {
		kind := plainText(given(in.Kind))
		out.Kind = &kind
	}
	return out
}

func voucherToAPI(v Voucher) api.TicketingIssuedVoucher {
	return api.TicketingIssuedVoucher{ID: v.ID, Object: api.TicketingIssuedVoucherObjectVoucher, SourceID: v.SourceID, ExternalID: v.ExternalID, Code: web.Nullable(v.Code), Kind: web.Nullable(v.kind()),
		Campaign: web.Nullable(v.Meant), StatedCampaign: web.Nullable(v.StatedCampaign), ContactID: web.Nullable(v.ContactID), CommandID: web.Nullable(v.CommandID), PerformanceID: web.Nullable(v.PerformanceID),
		MaxUses: web.Nullable(v.MaxUses), Uses: web.Nullable(v.Uses), ValidUntil: web.Nullable(v.ValidUntil), IssuedAt: web.Nullable(v.IssuedAt), State: v.State, Redemptions: v.Redemptions,
		RedemptionsByOthers: v.ByOthers, IsStub: v.Stub, IsDeleted: v.Deleted, CreatedAt: v.CreatedAt, UpdatedAt: v.UpdatedAt, Version: v.Version}
}

func redemptionToAPI(r ticketingdb.ListVoucherRedemptionsRow) api.TicketingVoucherRedemption {
	counted := !slices.Contains([]string{"cancelled", "exchanged"}, r.State) && slices.Contains([]string{"reserved", "confirmed"}, r.CommercialState)
	return api.TicketingVoucherRedemption{TicketID: r.TicketID, Object: api.TicketingVoucherRedemptionObjectVoucherRedemption, OrderID: r.OrderID, OrderNumber: web.Nullable(r.Number), ExternalID: r.ExternalID,
		RedeemedAt: web.Nullable(r.PlacedAt), ContactID: web.Nullable(r.ContactID), HolderContactID: web.Nullable(r.HolderContactID), By: r.ByWhom, IsCounted: counted, TicketState: r.State, CommercialState: r.CommercialState}
}
