package ticketing

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/web"
)

var _ api.TicketingImportsOperations = (*Handlers)(nil)

// CreateTicketingImport implements POST /v1/ticketing/sources/{source}/imports.
func (h *Handlers) CreateTicketingImport(ctx context.Context, r api.CreateTicketingImportRequestObject) (api.CreateTicketingImportResponseObject, error) {
	in := NewImport{Source: r.Source, Kind: text(r.Params.Kind), DryRun: or(r.Params.DryRun, false), Digest: r.Params.ContentDigest, Body: r.Body}
	in.Format, in.Packed = formatOf(web.MediaType(ctx), text(r.Params.Format))
	o, err := h.imports.Start(ctx, in)
	if err != nil {
		return nil, err
	}
	return api.CreateTicketingImport202JSONResponse{
		Body:    operations.ToAPI(o),
		Headers: api.CreateTicketingImport202ResponseHeaders{ETag: web.ETag(o.Version), Location: "/v1/operations/" + o.ID.String(), RetryAfter: operations.PollAfter()},
	}, nil
}

// ListTicketingImportResults implements GET /v1/ticketing/sources/{source}/imports/{operation_id}/results.
func (h *Handlers) ListTicketingImportResults(ctx context.Context, r api.ListTicketingImportResultsRequestObject) (api.ListTicketingImportResultsResponseObject, error) {
	walk := fmt.Sprint("ticketing-import-results ", r.Source, r.OperationID, text(r.Params.Status))
	var after int64
	if _, err := h.cursors.Decode(r.Params.Cursor, walk, &after); err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.imports.Results(ctx, r.Source, r.OperationID, plainText(r.Params.Status), after, limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(r Result) any { return r.Record })
	if err != nil {
		return nil, err
	}
	list := api.TicketingImportResultList{Data: make([]api.TicketingImportResult, 0, len(page.Items)), NextCursor: page.Next}
	for _, r := range page.Items {
		item := api.TicketingImportResult{Record: r.Record, Line: r.Line, Kind: r.Kind, ExternalID: r.ExternalID, Status: r.Status, ID: web.Nullable(r.SubjectID), Code: web.Nullable(r.Code)}
		if err := json.Unmarshal(r.Violations, &item.Violations); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(r.Warnings, &item.Warnings); err != nil {
			return nil, err
		}
		list.Data = append(list.Data, item)
	}
	return api.ListTicketingImportResults200JSONResponse{Body: list, Headers: api.ListTicketingImportResults200ResponseHeaders{Link: page.Link(ctx)}}, nil
}

// formatOf tells from what kind of file came what is in it.
func formatOf(media, said string) (format string, packed bool) {
	switch media {
	case "application/gzip":
		return said, true
	case "text/csv":
		return formatCSV, false
	}
	return formatLine, false
}
