package indicators

import (
	"context"
	"encoding/json"
	"time"

	"github.com/oapi-codegen/runtime/types"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/web"
)

// Handlers answers the operations of api/indicators.yaml.
type Handlers struct {
	service *Service
	cursors web.Cursors
}

var _ api.IndicatorsOperations = (*Handlers)(nil)

// NewHandlers makes the handlers.
func NewHandlers(s *Service, c web.Cursors) *Handlers { return &Handlers{service: s, cursors: c} }

func dayOf(d *types.Date) *time.Time {
	if d == nil {
		return nil
	}
	return &d.Time
}

// GetContactIndicators implements GET /v1/contacts/{contact_id}/indicators.
func (h *Handlers) GetContactIndicators(ctx context.Context, r api.GetContactIndicatorsRequestObject) (api.GetContactIndicatorsResponseObject, error) {
	i, err := h.service.Get(ctx, r.ContactID, dayOf(r.Params.AsOf))
	if err != nil {
		return nil, err
	}
	return api.GetContactIndicators200JSONResponse(toAPI(i)), nil
}

// ListIndicatorFacts implements GET /v1/contacts/{contact_id}/indicators/{indicator}/facts.
func (h *Handlers) ListIndicatorFacts(ctx context.Context, r api.ListIndicatorFactsRequestObject) (api.ListIndicatorFactsResponseObject, error) {
	asked, err := json.Marshal([]any{r.ContactID, r.Indicator, r.Params.AsOf, r.Params.Fields})
	if err != nil {
		return nil, err
	}
	walk := "indicator-facts" + string(asked)
	var after Position
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.ListFacts(ctx, r.ContactID, r.Indicator, dayOf(r.Params.AsOf), web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(f Fact) any { return Position{f.At, f.ID} })
	return api.ListIndicatorFacts200JSONResponse{
		Body:    api.IndicatorFactList{Data: web.Map(page.Items, factToAPI), NextCursor: page.Next},
		Headers: api.ListIndicatorFacts200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}

// RecountIndicators implements POST /v1/indicators/recount.
func (h *Handlers) RecountIndicators(ctx context.Context, _ api.RecountIndicatorsRequestObject) (api.RecountIndicatorsResponseObject, error) {
	o, err := h.service.Recount(ctx)
	if err != nil {
		return nil, err
	}
	return api.RecountIndicators202JSONResponse{
		Body:    operations.ToAPI(o),
		Headers: api.RecountIndicators202ResponseHeaders{ETag: web.ETag(o.Version), Location: "/v1/operations/" + o.ID.String(), RetryAfter: operations.PollAfter()},
	}, nil
}

// GetCaptureRates implements GET /v1/indicators/capture-rates.
func (h *Handlers) GetCaptureRates(ctx context.Context, r api.GetCaptureRatesRequestObject) (api.GetCaptureRatesResponseObject, error) {
	before := h.service.clock.Now()
	if r.Params.PlacedAtLt != nil {
		before = *r.Params.PlacedAtLt
	}
	from := before.Add(-year)
	if r.Params.PlacedAtGte != nil {
		from = *r.Params.PlacedAtGte
	}
	rows, err := h.service.CaptureRates(ctx, from, before, r.Params.Source)
	if err != nil {
		return nil, err
	}
	return api.GetCaptureRates200JSONResponse(ratesToAPI(from, before, rows)), nil
}

// ListContactIndicators implements GET /v1/contact-indicators.
func (h *Handlers) ListContactIndicators(ctx context.Context, r api.ListContactIndicatorsRequestObject) (api.ListContactIndicatorsResponseObject, error) {
	q, err := queryOf(r.Params)
	if err != nil {
		return nil, err
	}
	asked, err := json.Marshal([]any{q, r.Params.Fields})
	if err != nil {
		return nil, err
	}
	walk := "contact-indicators" + string(asked)
	var after Place
	resumed, err := h.cursors.Decode(r.Params.Cursor, walk, &after)
	if err != nil {
		return nil, err
	}
	limit := web.Limit(r.Params.Limit)
	rows, err := h.service.List(ctx, q, web.If(resumed, &after), limit+1)
	if err != nil {
		return nil, err
	}
	page, err := web.Paginate(h.cursors, walk, rows, limit, func(i Indicators) any { return q.Place(i) })
	return api.ListContactIndicators200JSONResponse{
		Body:    api.ContactIndicatorsList{Data: web.Map(page.Items, toAPI), NextCursor: page.Next},
		Headers: api.ListContactIndicators200ResponseHeaders{Link: page.Link(ctx)},
	}, err
}
