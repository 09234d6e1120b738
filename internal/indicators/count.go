package indicators

import (
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/indicators/internal/indicatorsdb"
)

// facts are what the figures of one contact are made from.
type facts struct {
	persons map[uuid.UUID]bool // the contact and everybody merged into it
	orders  []indicatorsdb.FindOrderFactsRow
	money   []indicatorsdb.FindMoneyFactsRow
	tickets []indicatorsdb.FindTicketFactsRow
}

// Fact is one thing that a figure counts.
type Fact struct {
	Kind          string // order, ticket, movement
	ID            uuid.UUID
	OrderID       uuid.UUID
	PerformanceID *uuid.UUID
	At            time.Time
	Label         string // the discipline or season it counts for
	Minor         int64  // of a movement
	Currency      string
	BuyerID       *uuid.UUID // whose order it is, which may be somebody else's
}

// The figures, by their names in the contract.
const (
	Orders         = "orders"
	OrdersLastYear = "orders_last_year"
	Net            = "net"
	NetLastYear    = "net_last_year"
	Tickets        = "tickets"
	Visits         = "visits"
	Missed         = "missed_visits"
	Upcoming       = "upcoming_visits"
	LeadTime       = "lead_time"
	Disciplines    = "disciplines"
	Seasons        = "seasons"
	Subscriptions  = "subscriptions"
)

// Names are all figures.
func Names() []string {
	return []string{Orders, OrdersLastYear, Net, NetLastYear, Tickets, Visits, Missed, Upcoming, LeadTime, Disciplines, Seasons, Subscriptions}
}

const year = 365 * 24 * time.Hour

// counted are the facts that each figure counts at an instant, in the order of
// their time. What happened later does not count; what was said later of what
// had happened does, such as that a ticket is not valid any more.
func (f facts) counted(at time.Time) map[string][]Fact {
	out := map[string][]Fact{}
	add := func(name string, fact Fact) { out[name] = append(out[name], fact) }
	for _, o := range f.orders {
		when := o.CreatedAt
		if o.PlacedAt != nil {
			when = *o.PlacedAt
		}
		if when.After(at) || o.CommercialState != "confirmed" {
			continue
		}
		fact := Fact{Kind: "order", ID: o.ID, OrderID: o.ID, At: when, BuyerID: o.ContactID}
		add(Orders, fact)
		if at.Sub(when) < year {
			add(OrdersLastYear, fact)
		}
	}
	for _, m := range f.money {
		if m.At.After(at) {
			continue
		}
		fact := Fact{Kind: "movement", ID: m.ID, OrderID: m.OrderID, At: m.At, Minor: m.AmountMinor, Currency: m.Currency, BuyerID: m.ContactID}
		add(Net, fact)
		if at.Sub(m.At) < year {
			add(NetLastYear, fact)
		}
	}
	for _, t := range f.tickets {
		f.ticket(t, at, add)
	}
	for _, fact := range f.missed(out[Visits]) {
		add(Missed, fact)
	}
	return out
}

// missed are the visits to performances of which entries were recorded, and none
// with a ticket of the contact. Where nobody's entry was, nothing is known.
func (f facts) missed(visits []Fact) []Fact {
	watched, came := map[uuid.UUID]bool{}, map[uuid.UUID]bool{}
	for _, t := range f.tickets {
		watched[t.TicketID] = t.Watched
	}
	for _, t := range f.tickets {
		if t.Came && t.PerformanceID != nil {
			came[*t.PerformanceID] = came[*t.PerformanceID] || slices.ContainsFunc(visits, func(v Fact) bool { return v.ID == t.TicketID })
		}
	}
	return slices.DeleteFunc(slices.Clone(visits), func(v Fact) bool {
		return !watched[v.ID] || v.PerformanceID == nil || came[*v.PerformanceID]
	})
}

func (f facts) ticket(t indicatorsdb.FindTicketFactsRow, at time.Time, add func(string, Fact)) {
	if t.PlacedAt.After(at) || t.CommercialState != "confirmed" || t.State != "valid" {
		return
	}
	bought := t.BuyerID != nil && f.persons[*t.BuyerID]
	fact := Fact{Kind: "ticket", ID: t.TicketID, OrderID: t.OrderID, PerformanceID: t.PerformanceID, At: t.PlacedAt, BuyerID: t.BuyerID}
	if t.Kind != "ticket" {
		if bought && (t.Kind == "subscription" || t.Kind == "pass" || t.Kind == "membership") {
			add(Subscriptions, fact)
		}
		return
	}
	if bought {
		add(Tickets, fact)
		if t.StartsAt != nil && !t.CalledOff && !t.StartsAt.Before(t.PlacedAt) {
			add(LeadTime, fact)
		}
		if t.Discipline != "" {
			fact.Label = t.Discipline
			add(Disciplines, fact)
		}
		if t.Season != "" {
			fact.Label = t.Season
			add(Seasons, fact)
		}
		fact.Label = ""
	}
	// Whoever holds a ticket comes; of a ticket that nobody holds, the buyer.
	comes := bought && t.HolderID == nil || t.HolderID != nil && f.persons[*t.HolderID]
	if !comes || t.StartsAt == nil || t.CalledOff {
		return
	}
	fact.At = *t.StartsAt
	if t.StartsAt.After(at) {
		add(Upcoming, fact)
	} else {
		add(Visits, fact)
	}
}

// Figures are what is counted of a contact at an instant.
type Figures struct {
	Orders         int32            `json:"orders"`
	OrdersLastYear int32            `json:"orders_last_year"`
	FirstOrderAt   *time.Time       `json:"first_order_at"`
	LastOrderAt    *time.Time       `json:"last_order_at"`
	Net            map[string]int64 `json:"net"` // minor units by currency
	NetLastYear    map[string]int64 `json:"net_last_year"`
	Tickets        int32            `json:"tickets"`
	Visits         int32            `json:"visits"`
	Missed         int32            `json:"missed_visits"`
	Upcoming       int32            `json:"upcoming_visits"`
	FirstVisitAt   *time.Time       `json:"first_visit_at"`
	LastVisitAt    *time.Time       `json:"last_visit_at"`
	LeadSeconds    int64            `json:"lead_seconds"`
	LeadTickets    int32            `json:"lead_tickets"`
	Disciplines    map[string]int32 `json:"disciplines"`
	Seasons        map[string]int32 `json:"seasons"`
	Subscriptions  int32            `json:"subscriptions"`
}

// figures makes the figures from the facts, and says when time alone will change
// one of them.
func (f facts) figures(at time.Time) (Figures, *time.Time) {
	c := f.counted(at)
	out := Figures{Net: sums(c[Net]), NetLastYear: sums(c[NetLastYear]), Disciplines: map[string]int32{}, Seasons: map[string]int32{}}
	span := func(list []Fact) (first, last *time.Time) {
		for _, x := range list {
			if first == nil || x.At.Before(*first) {
				first = new(x.At)
			}
			if last == nil || x.At.After(*last) {
				last = new(x.At)
			}
		}
		return first, last
	}
	out.Orders, out.OrdersLastYear, out.Tickets, out.Subscriptions = int32(len(c[Orders])), int32(len(c[OrdersLastYear])), int32(len(c[Tickets])), int32(len(c[Subscriptions]))
	out.FirstOrderAt, out.LastOrderAt = span(c[Orders])
	out.Visits, out.Missed, out.Upcoming = performances(c[Visits]), performances(c[Missed]), performances(c[Upcoming])
	out.FirstVisitAt, out.LastVisitAt = span(c[Visits])
	for _, x := range c[Disciplines] {
		out.Disciplines[x.Label]++
	}
	for _, x := range c[Seasons] {
		out.Seasons[x.Label]++
	}
	starts := map[uuid.UUID]time.Time{}
	for _, t := range f.tickets {
		if t.StartsAt != nil {
			starts[t.TicketID] = *t.StartsAt
		}
	}
	for _, x := range c[LeadTime] {
		out.LeadTickets++
		out.LeadSeconds += int64(starts[x.ID].Sub(x.At) / time.Second)
	}
	return out, f.changes(c, at)
}

// sums adds movements up by currency, and leaves out what comes to nothing.
func sums(list []Fact) map[string]int64 {
	out := map[string]int64{}
	for _, x := range list {
		if out[x.Currency] += x.Minor; out[x.Currency] == 0 {
			delete(out, x.Currency)
		}
	}
	return out
}

// performances counts each performance once, however many tickets there are.
func performances(list []Fact) int32 {
	seen := map[uuid.UUID]bool{}
	for _, x := range list {
		if x.PerformanceID != nil {
			seen[*x.PerformanceID] = true
		}
	}
	return int32(len(seen))
}

// changes is the next instant at which time alone changes a figure.
func (f facts) changes(c map[string][]Fact, at time.Time) *time.Time {
	var next *time.Time
	take := func(t time.Time) {
		if t.After(at) && (next == nil || t.Before(*next)) {
			next = &t
		}
	}
	for _, x := range c[Upcoming] {
		take(x.At)
	}
	for _, x := range c[OrdersLastYear] {
		take(x.At.Add(year))
	}
	for _, x := range c[NetLastYear] {
		take(x.At.Add(year))
	}
	// What is dated in the future counts when its time has come.
	for _, o := range f.orders {
		if o.PlacedAt != nil {
			take(*o.PlacedAt)
		}
	}
	for _, m := range f.money {
		take(m.At)
	}
	for _, t := range f.tickets {
		take(t.PlacedAt)
	}
	return next
}

// sortFacts brings facts into the order in which they are listed.
func sortFacts(list []Fact) {
	slices.SortFunc(list, func(a, b Fact) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return slices.Compare(a.ID[:], b.ID[:])
	})
}

// currencies of amounts, in their order.
func currencies(amounts ...map[string]int64) []string {
	all := map[string]bool{}
	for _, of := range amounts {
		for currency := range of {
			all[currency] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}
