package weezevent

import (
	"context"
	"slices"
	"strings"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// together puts the orders of an event together from its tickets, with the scans
// of these.
func (s *session) together(ctx context.Context, event string, tickets []participant) ([]port.Record, error) {
	if len(tickets) == 0 {
		return nil, nil
	}
	prices, err := s.prices(ctx, event)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(tickets, func(a, b participant) int { return byNumber(a.ID, b.ID) })
	var ids []string
	by := map[string][]participant{}
	for _, p := range tickets {
		id := p.order()
		if by[id] == nil {
			ids = append(ids, id)
		}
		by[id] = append(by[id], p)
	}
	var out []port.Record
	for _, id := range ids {
		out = append(out, s.orderRecords(event, id, by[id], prices)...)
	}
	return out, nil
}

func (s *session) orderRecords(event, id string, tickets []participant, prices map[string]category) []port.Record {
	first := tickets[0]
	d := port.OrderData{Number: port.Clip(string(first.Reference), 80), CommercialState: "cancelled", Channel: channel(string(first.Origin)), PlacedAt: s.time(first.CreateDate), Currency: s.c.Currency, Buyer: buyer(tickets), Lines: []port.Line{}}
	if d.Number == "" {
		d.Number = id
	}
	var scans []port.Record
	total, known, paid := int64(0), true, false
	for _, p := range tickets {
		price := prices[string(p.Ticket)]
		l := port.Line{ExternalID: string(p.ID), Kind: s.kind(event), PriceType: string(p.Ticket), Label: port.Clip(price.Name, 200), Amount: price.Price.Amount(), State: "valid", Holder: person(p.Owner)}
		if l.Kind == "ticket" {
			l.Performance = performance(event, string(p.Date))
		}
		switch {
		case p.Deleted.Yes():
			l.State = "cancelled"
		case p.Paid.Yes():
			d.CommercialState = "confirmed"
		case d.CommercialState == "cancelled":
			d.CommercialState = "reserved"
		}
		d.Lines = append(d.Lines, l)
		n, ok := price.Price.Hundredths()
		known = known && ok
		if p.Paid.Yes() {
			paid, total = true, total+n
		}
		if p.Refund.Yes() && p.Paid.Yes() && n > 0 {
			d.Refunds = append(d.Refunds, port.Refund{ExternalID: "R-" + string(p.ID), Method: "other", Amount: port.Decimal(n), State: "settled", Payment: "P-" + id, Lines: []string{string(p.ID)}})
		}
		if at := s.time(p.Control.ScanDate); at != nil && p.Control.Status.Yes() {
			scans = append(scans, port.Record{Kind: port.Scan, ExternalID: string(p.ID), Data: port.ScanData{Ticket: string(p.ID), Performance: l.Performance, OccurredAt: *at, Direction: "entry", Result: "accepted"}})
		}
	}
	// What was paid is not told: prices of paid tickets stand in for it. Where one is
	// not known, its line is refused, and the order with it.
	if paid && known && total > 0 {
		d.Payments = []port.Payment{{ExternalID: "P-" + id, Method: "other", Amount: port.Decimal(total), State: "settled", At: d.PlacedAt}}
	}
	return append([]port.Record{{Kind: port.Order, ExternalID: event + "/" + id, Data: d}}, scans...)
}

func (s *session) kind(event string) string {
	if kind := s.set.EventKinds[event]; kind != "" {
		return kind
	}
	return "ticket"
}

func performance(event, date string) string {
	if date == "" || date == "0" {
		return event
	}
	return event + "/" + date
}

// buyer: a transaction names nobody. Where all of its tickets that name somebody
// name the same person, that one is taken; where they do not, nobody is.
func buyer(tickets []participant) *port.Person {
	var found *port.Person
	for _, p := range tickets {
		who := person(p.Owner)
		if who == nil {
			continue
		}
		if found != nil && (!strings.EqualFold(found.Email, who.Email) || !strings.EqualFold(found.FamilyName, who.FamilyName) || !strings.EqualFold(found.GivenName, who.GivenName)) {
			return nil
		}
		if found == nil {
			found = who
		}
	}
	return found
}

func person(o owner) *port.Person {
	p := port.Person{GivenName: port.Clip(o.FirstName, 120), FamilyName: port.Clip(o.LastName, 120), Email: port.Clip(o.Email, 320)}
	if p.Empty() {
		return nil
	}
	return &p
}

// channel: an origin is a text for people.
func channel(origin string) *port.Channel {
	switch strings.ToLower(origin) {
	case "":
		return nil
	case "vente en ligne":
		return &port.Channel{Kind: "web"}
	}
	return &port.Channel{Kind: "other"}
}
