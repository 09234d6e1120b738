package billetweb

import (
	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// orderRecords put an order together from its tickets, and add their scans.
func (s *session) orderRecords(event, id string, tickets []attendee) []port.Record {
	first := tickets[0]
	d := port.OrderData{
		Number: port.Clip(string(first.OrderExtID), 80), CommercialState: commercialState(tickets), Channel: s.channel(first.Origin), PlacedAt: s.time(first.OrderDate),
		Currency: s.c.Currency, Buyer: buyer(first), Lines: []port.Line{},
	}
	if d.Number == "" {
		d.Number = id
	}
	last := d.PlacedAt
	var scans []port.Record
	for _, t := range tickets {
		last = port.Latest(last, s.time(t.LastUpdate))
		d.Lines = append(d.Lines, s.line(event, t))
		if scan, ok := s.scan(event, t); ok {
			scans = append(scans, scan)
		}
	}
	s.money(&d, id, tickets)
	return append([]port.Record{{Kind: port.Order, ExternalID: event + "/" + id, ModifiedAt: last, Data: d}}, scans...)
}

// commercialState: Billetweb says of an order that it is paid, of a ticket that it
// was refunded, and of an accreditation how it stands.
func commercialState(tickets []attendee) string {
	first := tickets[0]
	good := false
	for _, t := range tickets {
		good = good || !t.Disabled.Yes()
	}
	switch {
	case !good || first.Accreditation == "2":
		return "cancelled"
	case first.Accreditation == "1", !first.OrderPaid.Yes() && !free(tickets):
		return "reserved"
	}
	return "confirmed"
}

// free reports whether nothing was to be paid.
func free(tickets []attendee) bool {
	for _, t := range tickets {
		if n, ok := t.Price.Hundredths(); !ok || n != 0 {
			return false
		}
	}
	return true
}

// money: there are no payments to be read. An order that is paid had one, over
// all its tickets; a ticket that was refunded went back at its price. An order
// whose tickets were all refunded is no longer called paid, as is one that was
// only reserved: how it was to be paid tells them apart.
func (s *session) money(d *port.OrderData, id string, tickets []attendee) {
	first := tickets[0]
	if first.PaymentType == "free" || first.PaymentType == "invitation" || free(tickets) {
		return
	}
	if !first.OrderPaid.Yes() && (d.CommercialState != "cancelled" || first.PaymentType == "reservation") {
		return
	}
	total := int64(0)
	for _, t := range tickets {
		n, ok := t.Price.Hundredths()
		if !ok {
			return // the line is refused, and the order with it
		}
		total += n
	}
	method := method(string(first.PaymentType))
	d.Payments = []port.Payment{{ExternalID: "P-" + id, Method: method, Amount: port.Decimal(total), State: "settled", At: s.time(first.OrderDate)}}
	for _, t := range tickets {
		if n, _ := t.Price.Hundredths(); !t.Disabled.Yes() || n <= 0 {
			continue
		}
		d.Refunds = append(d.Refunds, port.Refund{ExternalID: "R-" + string(t.ID), Method: method, Amount: t.Price.Amount(), State: "settled", At: s.time(t.LastUpdate), Payment: "P-" + id, Lines: []string{string(t.ID)}})
	}
}

func method(kind string) string {
	switch kind {
	case "web":
		return "online"
	case "cash", "card":
		return kind
	case "check":
		return "cheque"
	}
	return "other" // several at once, or one that the organiser made up
}

func (s *session) line(event string, t attendee) port.Line {
	l := port.Line{
		ExternalID: string(t.ID), Kind: s.kind(event), PriceType: event + "/" + string(t.TicketID), Label: port.Clip(t.Ticket, 200), Amount: t.Price.Amount(),
		Seat: port.Clip(t.Seat, 120), State: "valid", Holder: person(t.FirstName, t.Name, t.Email, ""),
	}
	if l.Kind == "ticket" {
		l.Performance = performance(event, string(t.Session))
	}
	if t.TicketID == "" {
		l.PriceType = ""
	}
	if t.Disabled.Yes() || t.Accreditation == "2" {
		l.State = "cancelled"
	}
	return l
}

// kind of what an event sells: some are subscriptions or gift tickets, which only
// the settings can tell.
func (s *session) kind(event string) string {
	if kind := s.set.EventKinds[event]; kind != "" {
		return kind
	}
	return "ticket"
}

// performance is a date of an event; one that has no dates is its own only one,
// and its tickets have the session 0.
func performance(event, session string) string {
	if session == "" || session == "0" {
		return event
	}
	return event + "/" + session
}

func buyer(t attendee) *port.Person {
	return person(t.OrderFirst, t.OrderName, t.OrderEmail, t.Language)
}

func person(first, last, email, language string) *port.Person {
	p := port.Person{GivenName: port.Clip(first, 120), FamilyName: port.Clip(last, 120), Email: port.Clip(email, 320), Locale: port.Clip(language, 35)}
	if p.Empty() {
		return nil
	}
	return &p
}

// channel: the origin is `web`, or whatever the organiser wrote, which may name
// somebody and is not kept.
func (s *session) channel(origin string) *port.Channel {
	kind := s.set.Channels[origin]
	switch {
	case kind != "":
		return &port.Channel{Kind: kind}
	case origin == "":
		return nil
	case origin == "web":
		return &port.Channel{Kind: "web"}
	}
	return &port.Channel{Kind: "other"}
}

// scan is the last time that a ticket was checked: 1 in, 2 out again.
func (s *session) scan(event string, t attendee) (port.Record, bool) {
	at := s.time(t.UsedDate)
	if at == nil || (t.Used != "1" && t.Used != "2" && t.Used != "true") {
		return port.Record{}, false
	}
	d := port.ScanData{Ticket: string(t.ID), OccurredAt: *at, Direction: "entry", Result: "accepted"}
	if s.kind(event) == "ticket" {
		d.Performance = performance(event, string(t.Session))
	}
	id := string(t.ID) + "/in"
	if t.Used == "2" {
		d.Direction, id = "exit", string(t.ID)+"/out"
	}
	return port.Record{Kind: port.Scan, ExternalID: id, Data: d}, true
}
