package ticketing

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/web"
)

var _ api.TicketingImportsOperations = (*Handlers)(nil)

// GetTicketingImportResults implements GET /v1/ticketing/sources/{source}/imports/{operation_id}/results.
func (h *Handlers) GetTicketingImportResults(ctx context.Context, r api.GetTicketingImportResultsRequestObject) (api.GetTicketingImportResultsResponseObject, error) {
	pages, err := h.imports.Results(ctx, r.Source, r.OperationID)
	if err != nil {
		return nil, err
	}
	first, err := pages(ctx, 0)
	if err != nil {
		return nil, err
	}
	return resultLines{ctx: ctx, pages: pages, first: first}, nil
}

// resultLines writes results as they are read.
type resultLines struct {
	ctx   context.Context //nolint:containedctx // of the request that it answers
	pages func(context.Context, int64) ([]Result, error)
	first []Result
}

type resultLine struct {
	Record     int64           `json:"record"`
	Line       int64           `json:"line"`
	Kind       string          `json:"kind"`
	ExternalID string          `json:"external_id"`
	Status     string          `json:"status"`
	ID         *string         `json:"id"`
	Code       *string         `json:"code"`
	Errors     json.RawMessage `json:"errors"`
}

// VisitGetTicketingImportResultsResponse implements the response. An error after
// the first byte ends the connection, so that an answer that ends is whole.
func (l resultLines) VisitGetTicketingImportResultsResponse(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	out := bufio.NewWriterSize(w, 64<<10)
	lines := json.NewEncoder(out)
	for page := l.first; len(page) > 0; {
		for _, r := range page {
			line := resultLine{Record: r.Record, Line: r.Line, Kind: unformulated(r.Kind), ExternalID: unformulated(r.ExternalID), Status: r.Status, Code: r.Code, Errors: r.Errors}
			if r.SubjectID != nil {
				id := r.SubjectID.String()
				line.ID = &id
			}
			if line.Errors == nil {
				line.Errors = json.RawMessage("[]")
			}
			if err := lines.Encode(line); err != nil {
				panic(http.ErrAbortHandler)
			}
		}
		var err error
		if page, err = l.pages(l.ctx, page[len(page)-1].Record); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
	if err := out.Flush(); err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}
