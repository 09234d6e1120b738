package ticketing

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/ticketing.yaml.
type Handlers struct {
	service *Service
	imports *Imports
	cursors web.Cursors
}

var _ api.TicketingOperations = (*Handlers)(nil)

// NewHandlers makes the handlers.
func NewHandlers(s *Service, i *Imports, c web.Cursors) *Handlers {
	return &Handlers{service: s, imports: i, cursors: c}
}

// ListTicketingSources implements GET /v1/ticketing/sources.
func (h *Handlers) ListTicketingSources(ctx context.Context, r api.ListTicketingSourcesRequestObject) (api.ListTicketingSourcesResponseObject, error) {
	walk := fmt.Sprint("ticketing-sources", text(r.Params.Status), r.Params.Fields)
	var after string
	if _, err := h.cursors.Decode(r.Params.Cursor, walk, &after); err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListSources(ctx, plainText(r.Params.Status), after, limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(s Source) any { return s.Code })
	return api.ListTicketingSources200JSONResponse{
		Body:    api.TicketingSourceList{Data: web.Map(page.Items, sourceToAPI), NextCursor: page.Next},
		Headers: api.ListTicketingSources200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}

// CreateTicketingSource implements POST /v1/ticketing/sources.
func (h *Handlers) CreateTicketingSource(ctx context.Context, r api.CreateTicketingSourceRequestObject) (api.CreateTicketingSourceResponseObject, error) {
	s, err := h.service.CreateSource(ctx, sourceFromAPI(*r.Body))
	if err != nil {
		return nil, err
	}
	return api.CreateTicketingSource201JSONResponse{
		Body:    sourceToAPI(s),
		Headers: api.CreateTicketingSource201ResponseHeaders{ETag: web.ETag(s.Version), Location: "/v1/ticketing/sources/" + s.ID.String()},
	}, nil
}

// GetTicketingSource implements GET /v1/ticketing/sources/{source}.
func (h *Handlers) GetTicketingSource(ctx context.Context, r api.GetTicketingSourceRequestObject) (api.GetTicketingSourceResponseObject, error) {
	s, err := h.service.GetSource(ctx, r.Source)
	if err != nil {
		return nil, err
	}
	return api.GetTicketingSource200JSONResponse{Body: sourceToAPI(s), Headers: api.GetTicketingSource200ResponseHeaders{ETag: web.ETag(s.Version)}}, nil
}

// UpdateTicketingSource implements PATCH /v1/ticketing/sources/{source}.
func (h *Handlers) UpdateTicketingSource(ctx context.Context, r api.UpdateTicketingSourceRequestObject) (api.UpdateTicketingSourceResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	s, err := h.service.UpdateSource(ctx, r.Source, sourcePatchFromAPI(*r.Body), want)
	if err != nil {
		return nil, err
	}
	return api.UpdateTicketingSource200JSONResponse{Body: sourceToAPI(s), Headers: api.UpdateTicketingSource200ResponseHeaders{ETag: web.ETag(s.Version)}}, nil
}

// DeleteTicketingSource implements DELETE /v1/ticketing/sources/{source}.
func (h *Handlers) DeleteTicketingSource(ctx context.Context, r api.DeleteTicketingSourceRequestObject) (api.DeleteTicketingSourceResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	return api.DeleteTicketingSource204Response{}, h.service.DeleteSource(ctx, r.Source, want)
}

// GetTicketingSourceHealth implements GET /v1/ticketing/sources/{source}/health.
func (h *Handlers) GetTicketingSourceHealth(ctx context.Context, r api.GetTicketingSourceHealthRequestObject) (api.GetTicketingSourceHealthResponseObject, error) {
	health, err := h.service.Health(ctx, r.Source)
	if err != nil {
		return nil, err
	}
	return api.GetTicketingSourceHealth200JSONResponse(healthToAPI(health)), nil
}

// CreateTicketingBatch implements POST /v1/ticketing/sources/{source}/batches.
func (h *Handlers) CreateTicketingBatch(ctx context.Context, r api.CreateTicketingBatchRequestObject) (api.CreateTicketingBatchResponseObject, error) {
	outcomes, err := h.service.Receive(ctx, r.Source, inputsFromAPI(ctx, r.Body.Records))
	if err != nil {
		return nil, err
	}
	return api.CreateTicketingBatch207JSONResponse(batchToAPI(ctx, r.Body.BatchID, outcomes)), nil
}

// GetTicketingRecord implements GET /v1/ticketing/sources/{source}/records/{kind}/{external_id}.
func (h *Handlers) GetTicketingRecord(ctx context.Context, r api.GetTicketingRecordRequestObject) (api.GetTicketingRecordResponseObject, error) {
	record, err := h.service.Lookup(ctx, r.Source, string(r.Kind), r.ExternalID)
	if err != nil {
		return nil, err
	}
	return api.GetTicketingRecord200JSONResponse(recordToAPI(record)), nil
}

// PutTicketingRecord implements PUT /v1/ticketing/sources/{source}/records/{kind}/{external_id}.
func (h *Handlers) PutTicketingRecord(ctx context.Context, r api.PutTicketingRecordRequestObject) (api.PutTicketingRecordResponseObject, error) {
	out, err := h.service.ReceiveOne(ctx, r.Source, Input{
		Kind: string(r.Kind), ExternalID: r.ExternalID, SourceVersion: r.Body.SourceVersion, SourceModifiedAt: r.Body.SourceModifiedAt, Data: r.Body.Data,
	})
	if err != nil {
		return nil, err
	}
	return api.PutTicketingRecord200JSONResponse(resultToAPI(out)), nil
}

// DeleteTicketingRecord implements DELETE /v1/ticketing/sources/{source}/records/{kind}/{external_id}.
func (h *Handlers) DeleteTicketingRecord(ctx context.Context, r api.DeleteTicketingRecordRequestObject) (api.DeleteTicketingRecordResponseObject, error) {
	out, err := h.service.ReceiveOne(ctx, r.Source, Input{
		Kind: string(r.Kind), ExternalID: r.ExternalID, Delete: true, SourceVersion: r.Params.SourceVersion, SourceModifiedAt: r.Params.SourceModifiedAt,
	})
	if err != nil {
		return nil, err
	}
	return api.DeleteTicketingRecord200JSONResponse(resultToAPI(out)), nil
}

// ListTicketingOrders implements GET /v1/ticketing/orders.
func (h *Handlers) ListTicketingOrders(ctx context.Context, r api.ListTicketingOrdersRequestObject) (api.ListTicketingOrdersResponseObject, error) {
	f := filterFromAPI(r.Params)
	list, link, err := h.orders(ctx, f, r.Params.Fields, r.Params.Cursor, web.Limit(r.Params.Limit), h.service.ListOrders)
	return api.ListTicketingOrders200JSONResponse{Body: list, Headers: api.ListTicketingOrders200ResponseHeaders{Link: link}}, err
}

// ListContactOrders implements GET /v1/contacts/{contact_id}/orders.
func (h *Handlers) ListContactOrders(ctx context.Context, r api.ListContactOrdersRequestObject) (api.ListContactOrdersResponseObject, error) {
	f := OrderFilter{ContactID: &r.ContactID, Source: r.Params.Source}
	list, link, err := h.orders(ctx, f, r.Params.Fields, r.Params.Cursor, web.Limit(r.Params.Limit), h.service.ListContactOrders)
	return api.ListContactOrders200JSONResponse{Body: list, Headers: api.ListContactOrders200ResponseHeaders{Link: link}}, err
}

type listOrders func(context.Context, OrderFilter, *OrderPosition, int) ([]ticketingdb.TicketingOrder, error)

func (h *Handlers) orders(ctx context.Context, f OrderFilter, fields []string, cursor *string, limit int, list listOrders) (api.TicketingOrderList, *string, error) {
	walk := walkOf("ticketing-orders", f, fields)
	var after OrderPosition
	resumed, err := h.cursors.Decode(cursor, walk, &after)
	if err != nil {
		return api.TicketingOrderList{}, nil, err
	}
	rows, err := list(ctx, f, web.If(resumed, &after), limit+1)
	if err != nil {
		return api.TicketingOrderList{}, nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(o ticketingdb.TicketingOrder) any { return OrderPosition{o.PlacedAt, o.ID} })
	return api.TicketingOrderList{Data: web.Map(page.Items, orderSummaryToAPI), NextCursor: page.Next}, page.Link(ctx), err
}

// GetTicketingOrder implements GET /v1/ticketing/orders/{order_id}.
func (h *Handlers) GetTicketingOrder(ctx context.Context, r api.GetTicketingOrderRequestObject) (api.GetTicketingOrderResponseObject, error) {
	o, err := h.service.GetOrder(ctx, r.OrderID)
	if err != nil {
		return nil, err
	}
	return api.GetTicketingOrder200JSONResponse{Body: orderToAPI(o), Headers: api.GetTicketingOrder200ResponseHeaders{ETag: web.ETag(o.Version)}}, nil
}

// ListTicketingProductions implements GET /v1/ticketing/productions.
func (h *Handlers) ListTicketingProductions(ctx context.Context, r api.ListTicketingProductionsRequestObject) (api.ListTicketingProductionsResponseObject, error) {
	walk := walkOf("ticketing-productions", r.Params.Source, r.Params.Reference, r.Params.Fields)
	var after uuid.UUID
	if _, err := h.cursors.Decode(r.Params.Cursor, walk, &after); err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListProductions(ctx, r.Params.Source, ReadReference(r.Params.Reference), after, limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(p Production) any { return p.ID })
	return api.ListTicketingProductions200JSONResponse{
		Body:    api.TicketingProductionList{Data: web.Map(page.Items, productionToAPI), NextCursor: page.Next},
		Headers: api.ListTicketingProductions200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}

// GetTicketingProduction implements GET /v1/ticketing/productions/{production_id}.
func (h *Handlers) GetTicketingProduction(ctx context.Context, r api.GetTicketingProductionRequestObject) (api.GetTicketingProductionResponseObject, error) {
	p, err := h.service.GetProduction(ctx, r.ProductionID)
	if err != nil {
		return nil, err
	}
	return api.GetTicketingProduction200JSONResponse{Body: productionToAPI(p), Headers: api.GetTicketingProduction200ResponseHeaders{ETag: web.ETag(p.Version)}}, nil
}

// ListTicketingPriceTypes implements GET /v1/ticketing/price-types.
func (h *Handlers) ListTicketingPriceTypes(ctx context.Context, r api.ListTicketingPriceTypesRequestObject) (api.ListTicketingPriceTypesResponseObject, error) {
	walk := walkOf("ticketing-price-types", r.Params.Source, r.Params.Fields)
	var after uuid.UUID
	if _, err := h.cursors.Decode(r.Params.Cursor, walk, &after); err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListPriceTypes(ctx, r.Params.Source, after, limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(p PriceType) any { return p.ID })
	return api.ListTicketingPriceTypes200JSONResponse{
		Body:    api.TicketingPriceTypeList{Data: web.Map(page.Items, priceTypeToAPI), NextCursor: page.Next},
		Headers: api.ListTicketingPriceTypes200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}

// GetTicketingPriceType implements GET /v1/ticketing/price-types/{price_type_id}.
func (h *Handlers) GetTicketingPriceType(ctx context.Context, r api.GetTicketingPriceTypeRequestObject) (api.GetTicketingPriceTypeResponseObject, error) {
	p, err := h.service.GetPriceType(ctx, r.PriceTypeID)
	if err != nil {
		return nil, err
	}
	return api.GetTicketingPriceType200JSONResponse{Body: priceTypeToAPI(p), Headers: api.GetTicketingPriceType200ResponseHeaders{ETag: web.ETag(p.Version)}}, nil
}

// ListTicketingPerformances implements GET /v1/ticketing/performances.
func (h *Handlers) ListTicketingPerformances(ctx context.Context, r api.ListTicketingPerformancesRequestObject) (api.ListTicketingPerformancesResponseObject, error) {
	f := PerformanceFilter{Source: r.Params.Source, ProductionID: r.Params.ProductionID, StartsFrom: r.Params.StartsAtGte, StartsBefore: r.Params.StartsAtLt, Reference: ReadReference(r.Params.Reference)}
	walk := walkOf("ticketing-performances", f, r.Params.Fields)
	var after PerformancePosition
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListPerformances(ctx, f, web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(p Performance) any { return PerformancePosition{p.StartsAt, p.ID} })
	return api.ListTicketingPerformances200JSONResponse{
		Body:    api.TicketingPerformanceList{Data: web.Map(page.Items, performanceToAPI), NextCursor: page.Next},
		Headers: api.ListTicketingPerformances200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}

// GetTicketingPerformance implements GET /v1/ticketing/performances/{performance_id}.
func (h *Handlers) GetTicketingPerformance(ctx context.Context, r api.GetTicketingPerformanceRequestObject) (api.GetTicketingPerformanceResponseObject, error) {
	p, err := h.service.GetPerformance(ctx, r.PerformanceID)
	if err != nil {
		return nil, err
	}
	return api.GetTicketingPerformance200JSONResponse{Body: performanceToAPI(p), Headers: api.GetTicketingPerformance200ResponseHeaders{ETag: web.ETag(p.Version)}}, nil
}
