package indicators

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/money"
	"github.com/parvis-crm/parvis/internal/web"
)

func toAPI(i Indicators) api.ContactIndicators {
	out := api.ContactIndicators{
		ContactID: i.ContactID, Object: api.ContactIndicatorsObjectContactIndicators, AsOf: i.AsOf, CountedAt: i.CountedAt, Orders: i.Orders, OrdersLastYear: i.OrdersLastYear,
		FirstOrderAt: web.Nullable(i.FirstOrderAt), LastOrderAt: web.Nullable(i.LastOrderAt), DaysSinceLastOrder: nullable.NewNullNullable[int32](), Net: []api.Money{},
		Tickets: i.Tickets, Visits: i.Visits, MissedVisits: i.Missed, UpcomingVisits: i.Upcoming, FirstVisitAt: web.Nullable(i.FirstVisitAt), LastVisitAt: web.Nullable(i.LastVisitAt),
		AverageLeadDays: nullable.NewNullNullable[float64](), Disciplines: sharesToAPI(i.Disciplines), Seasons: sharesToAPI(i.Seasons), Subscriptions: i.Subscriptions,
	}
	if i.LastOrderAt != nil {
		out.DaysSinceLastOrder = nullable.NewNullableWithValue(int32(i.AsOf.Sub(*i.LastOrderAt) / (24 * time.Hour)))
	}
	if i.LeadTickets > 0 {
		out.AverageLeadDays = nullable.NewNullableWithValue(twoPlaces(float64(i.LeadSeconds) / float64(i.LeadTickets) / 86400))
	}
	for _, c := range currencies(i.Net) {
		out.Net = append(out.Net, moneyToAPI(i.Net[c], c))
	}
	return out
}

func twoPlaces(x float64) float64 { return math.Round(x*100) / 100 }

func moneyToAPI(minor int64, currency string) api.Money {
	return api.Money{Amount: money.Amount{Minor: minor, Currency: currency}.String(), Currency: currency}
}

func sharesToAPI(of map[string]int32) []api.IndicatorShare {
	out := make([]api.IndicatorShare, 0, len(of))
	for _, name := range slices.Sorted(maps.Keys(of)) {
		out = append(out, api.IndicatorShare{Name: name, Tickets: of[name]})
	}
	return out
}

func factToAPI(f Fact) api.IndicatorFact {
	out := api.IndicatorFact{Kind: f.Kind, ID: f.ID, OrderID: nullable.NewNullNullable[uuid.UUID](), PerformanceID: web.Nullable(f.PerformanceID), At: f.At,
		CountsFor: nullable.NewNullNullable[string](), Amount: nullable.NewNullNullable[api.Money]()}
	if f.OrderID != uuid.Nil {
		out.OrderID = nullable.NewNullableWithValue(f.OrderID)
	}
	if f.Label != "" {
		out.CountsFor = nullable.NewNullableWithValue(f.Label)
	}
	if f.Currency != "" {
		out.Amount = nullable.NewNullableWithValue(moneyToAPI(f.Minor, f.Currency))
	}
	return out
}

func ratesToAPI(from, before time.Time, rows []Captured) api.CaptureRates {
	out := api.CaptureRates{Object: api.CaptureRatesObjectCaptureRates, PlacedAtGte: from.UTC(), PlacedAtLt: before.UTC(), Channels: []api.CaptureRate{}}
	var all Captured
	for _, r := range rows {
		all.Tickets, all.Identified, all.Reachable = all.Tickets+r.Tickets, all.Identified+r.Identified, all.Reachable+r.Reachable
		out.Channels = append(out.Channels, rateToAPI(r))
	}
	out.Total = rateToAPI(all)
	return out
}

func rateToAPI(r Captured) api.CaptureRate {
	out := api.CaptureRate{Channel: nullable.NewNullNullable[string](), Tickets: r.Tickets, Identified: r.Identified, Reachable: r.Reachable,
		IdentifiedPercent: nullable.NewNullNullable[float64](), ReachablePercent: nullable.NewNullNullable[float64]()}
	if r.Channel != "" {
		out.Channel = nullable.NewNullableWithValue(r.Channel)
	}
	if r.Tickets > 0 {
		out.IdentifiedPercent = nullable.NewNullableWithValue(twoPlaces(100 * float64(r.Identified) / float64(r.Tickets)))
		out.ReachablePercent = nullable.NewNullableWithValue(twoPlaces(100 * float64(r.Reachable) / float64(r.Tickets)))
	}
	return out
}
