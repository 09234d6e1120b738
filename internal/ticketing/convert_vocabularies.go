package ticketing

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

func referencesToAPI(row any) []api.TicketingReferenceShown {
	return web.Map(referencesOf(row), func(r ShownReference) api.TicketingReferenceShown {
		return api.TicketingReferenceShown{Scheme: r.Scheme, ID: r.ID, URI: web.Nullable(r.URI), Origin: r.Origin}
	})
}

func referencesFromAPI(in []api.TicketingReferenceGiven) []Reference {
	return web.Map(in, func(r api.TicketingReferenceGiven) Reference {
		return Reference{Scheme: r.Scheme, ID: r.ID, URI: given(r.URI)}
	})
}

func termsToAPI(terms []Term) []api.TicketingTerm {
	return web.Map(terms, func(t Term) api.TicketingTerm {
		return api.TicketingTerm{Field: t.Mapping.Field, Value: t.Value, Vocabulary: t.Code, VocabularyID: t.Mapping.VocabularyID, TermID: t.Mapping.TermID,
			TermLabel: names(t.Mapping.TermLabel), TermURI: web.Nullable(t.Mapping.TermUri), MappingID: t.Mapping.ID}
	})
}

// given is a member that may be null or absent, which mean the same here.
func given[T any](n nullable.Nullable[T]) *T {
	v, err := n.Get()
	if err != nil {
		return nil
	}
	return &v
}

// change is a member of a merge patch (RFC 7396): absent, emptied or set.
func change[T any](n nullable.Nullable[T]) **T {
	if !n.IsSpecified() {
		return nil
	}
	v := given(n)
	return &v
}

func vocabularyToAPI(v Vocabulary) api.TicketingVocabulary {
	return api.TicketingVocabulary{ID: v.ID, Object: api.TicketingVocabularyObjectTicketingVocabulary, Code: v.Code, Name: v.Name, URI: web.Nullable(v.Uri), Edition: web.Nullable(v.Edition),
		Description: web.Nullable(v.Description), CreatedAt: v.CreatedAt, UpdatedAt: v.UpdatedAt, Version: v.Version}
}

func mappingToAPI(m Mapping) api.TicketingMapping {
	return api.TicketingMapping{ID: m.ID, Object: api.TicketingMappingObjectTicketingMapping, Vocabulary: m.Vocabulary, VocabularyID: m.VocabularyID, Source: web.Nullable(m.SourceCode), SourceID: web.Nullable(m.SourceID),
		Field: m.Field, Value: m.Value, TermID: m.TermID, TermLabel: names(m.TermLabel), TermURI: web.Nullable(m.TermUri), CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt, Version: m.Version}
}

func mappingFromAPI(in api.TicketingMappingCreate) NewMapping {
	return NewMapping{Vocabulary: in.Vocabulary, Source: given(in.Source), Field: string(in.Field), Value: in.Value, TermID: &in.TermID, TermLabel: in.TermLabel, TermURI: given(in.TermURI)}
}

func mappingItemFromAPI(in api.TicketingMappingBatchItem) MappingItem {
	return MappingItem{Delete: in.Op != nil && *in.Op == "delete", NewMapping: NewMapping{Vocabulary: in.Vocabulary, Source: given(in.Source), Field: string(in.Field), Value: in.Value,
		TermID: in.TermID, TermLabel: or(in.TermLabel, nil), TermURI: given(in.TermURI)}}
}

func mappingBatchToAPI(ctx context.Context, results []MappingResult) api.TicketingMappingBatchResult {
	out := api.TicketingMappingBatchResult{Results: make([]api.TicketingMappingBatchItemResult, 0, len(results))}
	out.Summary.Total = int32(len(results))
	for i, r := range results {
		item := api.TicketingMappingBatchItemResult{Index: int32(i), Status: http.StatusOK, Result: nullable.NewNullNullable[string](), ID: nullable.NewNullNullable[uuid.UUID](), Problem: nullable.NewNullNullable[api.Problem]()}
		if r.Fault != nil {
			item.Status, item.Problem = int32(web.Status(r.Fault)), asProblem(ctx, r.Fault)
			out.Summary.Failed++
		} else {
			item.Result, item.ID = nullable.NewNullableWithValue(r.Result), web.Nullable(r.ID)
			switch r.Result {
			case Created:
				item.Status = http.StatusCreated
				out.Summary.Created++
			case Unchanged:
				out.Summary.Unchanged++
			default:
				out.Summary.Updated++
			}
		}
		out.Results = append(out.Results, item)
	}
	return out
}

func asProblem(ctx context.Context, f *fault.Error) nullable.Nullable[api.Problem] {
	raw, err := json.Marshal(web.Problem(ctx, f))
	var p api.Problem
	if err != nil || json.Unmarshal(raw, &p) != nil {
		return nullable.NewNullNullable[api.Problem]()
	}
	return nullable.NewNullableWithValue(p)
}
