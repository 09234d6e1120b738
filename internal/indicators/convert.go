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
		FirstOrderAt: web.Nullable(i.FirstOrderAt), LastOrderAt: web.Nullable(i.LastOrderAt), DaysSinceLastOrder: nullable.NewNullNullable[int32](), Net: amountsToAPI(i.Net), NetLastYear: amountsToAPI(i.NetLastYear),
		Tickets: i.Tickets, Visits: i.Visits, MissedVisits: i.Missed, UpcomingVisits: i.Upcoming, FirstVisitAt: web.Nullable(i.FirstVisitAt), LastVisitAt: web.Nullable(i.LastVisitAt),
		AverageLeadDays: nullable.NewNullNullable[float64](), Disciplines: sharesToAPI(i.Disciplines), Seasons: sharesToAPI(i.Seasons), Subscriptions: i.Subscriptions,
	}
	if i.LastOrderAt != nil {
		out.DaysSinceLastOrder = nullable.NewNullableWithValue(int32(i.AsOf.Sub(*i.LastOrderAt) / (24 * time.Hour)))
	}
	if i.LeadTickets > 0 {
		out.AverageLeadDays = nullable.NewNullableWithValue(twoPlaces(float64(i.LeadSeconds) / float64(i.LeadTickets) / 86400))
	}
	return out
}

func amountsToAPI(of map[string]int64) []api.Money {
	out := make([]api.Money, 0, len(of))
	for _, c := range currencies(of) {
		out = append(out, moneyToAPI(of[c], c))
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

// queryOf reads the filters of a list, in the order of the contract.
func queryOf(p api.ListContactIndicatorsParams) (Query, error) {
	q := Query{Currency: "EUR", Discipline: p.Discipline, Season: p.Season}
	if p.Currency != nil {
		q.Currency = *p.Currency
	}
	if p.Sort != nil {
		q.Sort = string(*p.Sort)
	}
	times := func(figure string, from, before *time.Time) {
		if from != nil {
			q.Bounds = append(q.Bounds, Bound{figure, ">=", *from})
		}
		if before != nil {
			q.Bounds = append(q.Bounds, Bound{figure, "<", *before})
		}
	}
	counts := func(figure string, least, most *int32) {
		if least != nil {
			q.Bounds = append(q.Bounds, Bound{figure, ">=", *least})
		}
		if most != nil {
			q.Bounds = append(q.Bounds, Bound{figure, "<=", *most})
		}
	}
	var failed error
	amounts := func(figure string, least, most *string) {
		for _, b := range []struct {
			suffix, op string
			text       *string
		}{{"_gte", ">=", least}, {"_lte", "<=", most}} {
			if b.text == nil || failed != nil {
				continue
			}
			value, err := minor(figure+b.suffix, *b.text, q.Currency)
			q.Bounds, failed = append(q.Bounds, Bound{figure, b.op, value}), err
		}
	}
	times("last_order_at", p.LastOrderAtGte, p.LastOrderAtLt)
	counts("orders", p.OrdersGte, p.OrdersLte)
	counts("orders_last_year", p.OrdersLastYearGte, p.OrdersLastYearLte)
	amounts("net", p.NetGte, p.NetLte)
	amounts("net_last_year", p.NetLastYearGte, p.NetLastYearLte)
	counts("tickets", p.TicketsGte, p.TicketsLte)
	counts("visits", p.VisitsGte, p.VisitsLte)
	counts("missed_visits", p.MissedVisitsGte, p.MissedVisitsLte)
	counts("subscriptions", p.SubscriptionsGte, p.SubscriptionsLte)
	times("first_visit_at", p.FirstVisitAtGte, p.FirstVisitAtLt)
	times("last_visit_at", p.LastVisitAtGte, p.LastVisitAtLt)
	return q, failed
}
