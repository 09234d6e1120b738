package ticketing

import (
	"context"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/web"
)

var _ api.TicketingVocabulariesOperations = (*Handlers)(nil)

// UpdateTicketingProduction implements PATCH /v1/ticketing/productions/{production_id}.
func (h *Handlers) UpdateTicketingProduction(ctx context.Context, r api.UpdateTicketingProductionRequestObject) (api.UpdateTicketingProductionResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	x, err := h.service.SetProductionReferences(ctx, r.ProductionID, referencesFromAPI(r.Body.References), r.Body.References != nil, want)
	if err != nil {
		return nil, err
	}
	return api.UpdateTicketingProduction200JSONResponse{Body: productionToAPI(x), Headers: api.UpdateTicketingProduction200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// UpdateTicketingPerformance implements PATCH /v1/ticketing/performances/{performance_id}.
func (h *Handlers) UpdateTicketingPerformance(ctx context.Context, r api.UpdateTicketingPerformanceRequestObject) (api.UpdateTicketingPerformanceResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	x, err := h.service.SetPerformanceReferences(ctx, r.PerformanceID, referencesFromAPI(r.Body.References), r.Body.References != nil, want)
	if err != nil {
		return nil, err
	}
	return api.UpdateTicketingPerformance200JSONResponse{Body: performanceToAPI(x), Headers: api.UpdateTicketingPerformance200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// UpdateTicketingVenue implements PATCH /v1/ticketing/venues/{venue_id}.
func (h *Handlers) UpdateTicketingVenue(ctx context.Context, r api.UpdateTicketingVenueRequestObject) (api.UpdateTicketingVenueResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	x, err := h.service.SetVenueReferences(ctx, r.VenueID, referencesFromAPI(r.Body.References), r.Body.References != nil, want)
	if err != nil {
		return nil, err
	}
	return api.UpdateTicketingVenue200JSONResponse{Body: venueToAPI(x), Headers: api.UpdateTicketingVenue200ResponseHeaders{ETag: web.ETag(x.Version)}}, nil
}

// ListTicketingVocabularies implements GET /v1/ticketing/vocabularies.
func (h *Handlers) ListTicketingVocabularies(ctx context.Context, r api.ListTicketingVocabulariesRequestObject) (api.ListTicketingVocabulariesResponseObject, error) {
	walk := walkOf("ticketing-vocabularies", r.Params.Code, r.Params.Fields)
	var after string
	if _, err := h.cursors.Decode(r.Params.Cursor, walk, &after); err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListVocabularies(ctx, r.Params.Code, after, limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(v Vocabulary) any { return v.Code })
	return api.ListTicketingVocabularies200JSONResponse{
		Body:    api.TicketingVocabularyList{Data: web.Map(page.Items, vocabularyToAPI), NextCursor: page.Next},
		Headers: api.ListTicketingVocabularies200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}

// CreateTicketingVocabulary implements POST /v1/ticketing/vocabularies.
func (h *Handlers) CreateTicketingVocabulary(ctx context.Context, r api.CreateTicketingVocabularyRequestObject) (api.CreateTicketingVocabularyResponseObject, error) {
	v, err := h.service.CreateVocabulary(ctx, NewVocabulary{Code: r.Body.Code, Name: r.Body.Name, URI: given(r.Body.URI), Edition: given(r.Body.Edition), Description: given(r.Body.Description)})
	if err != nil {
		return nil, err
	}
	return api.CreateTicketingVocabulary201JSONResponse{
		Body:    vocabularyToAPI(v),
		Headers: api.CreateTicketingVocabulary201ResponseHeaders{ETag: web.ETag(v.Version), Location: "/v1/ticketing/vocabularies/" + v.ID.String()},
	}, nil
}

// GetTicketingVocabulary implements GET /v1/ticketing/vocabularies/{vocabulary_id}.
func (h *Handlers) GetTicketingVocabulary(ctx context.Context, r api.GetTicketingVocabularyRequestObject) (api.GetTicketingVocabularyResponseObject, error) {
	v, err := h.service.GetVocabulary(ctx, r.VocabularyID)
	if err != nil {
		return nil, err
	}
	return api.GetTicketingVocabulary200JSONResponse{Body: vocabularyToAPI(v), Headers: api.GetTicketingVocabulary200ResponseHeaders{ETag: web.ETag(v.Version)}}, nil
}

// UpdateTicketingVocabulary implements PATCH /v1/ticketing/vocabularies/{vocabulary_id}.
func (h *Handlers) UpdateTicketingVocabulary(ctx context.Context, r api.UpdateTicketingVocabularyRequestObject) (api.UpdateTicketingVocabularyResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	v, err := h.service.UpdateVocabulary(ctx, r.VocabularyID, VocabularyPatch{Name: r.Body.Name, URI: change(r.Body.URI), Edition: change(r.Body.Edition), Description: change(r.Body.Description)}, want)
	if err != nil {
		return nil, err
	}
	return api.UpdateTicketingVocabulary200JSONResponse{Body: vocabularyToAPI(v), Headers: api.UpdateTicketingVocabulary200ResponseHeaders{ETag: web.ETag(v.Version)}}, nil
}

// DeleteTicketingVocabulary implements DELETE /v1/ticketing/vocabularies/{vocabulary_id}.
func (h *Handlers) DeleteTicketingVocabulary(ctx context.Context, r api.DeleteTicketingVocabularyRequestObject) (api.DeleteTicketingVocabularyResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	return api.DeleteTicketingVocabulary204Response{}, h.service.DeleteVocabulary(ctx, r.VocabularyID, want)
}

// ListTicketingMappings implements GET /v1/ticketing/mappings.
func (h *Handlers) ListTicketingMappings(ctx context.Context, r api.ListTicketingMappingsRequestObject) (api.ListTicketingMappingsResponseObject, error) {
	f := MappingFilter{Vocabulary: r.Params.Vocabulary, Source: r.Params.Source, Field: plainText(r.Params.Field), Value: r.Params.Value, TermID: r.Params.TermID}
	walk := walkOf("ticketing-mappings", f, r.Params.Fields)
	var after uuid.UUID
	if _, err := h.cursors.Decode(r.Params.Cursor, walk, &after); err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListMappings(ctx, f, after, limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(v Mapping) any { return v.ID })
	return api.ListTicketingMappings200JSONResponse{
		Body:    api.TicketingMappingList{Data: web.Map(page.Items, mappingToAPI), NextCursor: page.Next},
		Headers: api.ListTicketingMappings200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}

// CreateTicketingMapping implements POST /v1/ticketing/mappings.
func (h *Handlers) CreateTicketingMapping(ctx context.Context, r api.CreateTicketingMappingRequestObject) (api.CreateTicketingMappingResponseObject, error) {
	v, err := h.service.CreateMapping(ctx, mappingFromAPI(*r.Body))
	if err != nil {
		return nil, err
	}
	return api.CreateTicketingMapping201JSONResponse{
		Body:    mappingToAPI(v),
		Headers: api.CreateTicketingMapping201ResponseHeaders{ETag: web.ETag(v.Version), Location: "/v1/ticketing/mappings/" + v.ID.String()},
	}, nil
}

// GetTicketingMapping implements GET /v1/ticketing/mappings/{mapping_id}.
func (h *Handlers) GetTicketingMapping(ctx context.Context, r api.GetTicketingMappingRequestObject) (api.GetTicketingMappingResponseObject, error) {
	v, err := h.service.GetMapping(ctx, r.MappingID)
	if err != nil {
		return nil, err
	}
	return api.GetTicketingMapping200JSONResponse{Body: mappingToAPI(v), Headers: api.GetTicketingMapping200ResponseHeaders{ETag: web.ETag(v.Version)}}, nil
}

// UpdateTicketingMapping implements PATCH /v1/ticketing/mappings/{mapping_id}.
func (h *Handlers) UpdateTicketingMapping(ctx context.Context, r api.UpdateTicketingMappingRequestObject) (api.UpdateTicketingMappingResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	v, err := h.service.UpdateMapping(ctx, r.MappingID, MappingPatch{TermID: r.Body.TermID, TermLabel: (*map[string]string)(r.Body.TermLabel), TermURI: change(r.Body.TermURI)}, want)
	if err != nil {
		return nil, err
	}
	return api.UpdateTicketingMapping200JSONResponse{Body: mappingToAPI(v), Headers: api.UpdateTicketingMapping200ResponseHeaders{ETag: web.ETag(v.Version)}}, nil
}

// DeleteTicketingMapping implements DELETE /v1/ticketing/mappings/{mapping_id}.
func (h *Handlers) DeleteTicketingMapping(ctx context.Context, r api.DeleteTicketingMappingRequestObject) (api.DeleteTicketingMappingResponseObject, error) {
	want, err := web.IfMatch(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	return api.DeleteTicketingMapping204Response{}, h.service.DeleteMapping(ctx, r.MappingID, want)
}

// BatchTicketingMappings implements POST /v1/ticketing/mappings/batch.
func (h *Handlers) BatchTicketingMappings(ctx context.Context, r api.BatchTicketingMappingsRequestObject) (api.BatchTicketingMappingsResponseObject, error) {
	items := web.Map(r.Body.Items, mappingItemFromAPI)
	for i := range items {
		items[i].Refused = web.RefusedItem(ctx, i)
	}
	results, err := h.service.BatchMappings(ctx, items)
	if err != nil {
		return nil, err
	}
	return api.BatchTicketingMappings207JSONResponse(mappingBatchToAPI(ctx, results)), nil
}
