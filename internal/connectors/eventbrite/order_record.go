package eventbrite

import (
	"strings"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// orderRecords bring an order into the neutral form, with the checks of its
// attendees.
func (s *session) orderRecords(o order) []port.Record {
	id := string(o.ID)
	d := port.OrderData{
		Number: port.Clip(id, 80), CommercialState: commercialState(o), Channel: &port.Channel{Kind: "web", Code: "eventbrite"}, PlacedAt: s.time(o.Created),
		Currency: s.currency(o), Buyer: person(o.FirstName, o.LastName, o.Email), Lines: []port.Line{},
	}
	last := s.time(o.Changed)
	var scans []port.Record
	for _, a := range o.Attendees {
		last = port.Latest(last, s.time(a.Changed))
		d.Lines = append(d.Lines, s.line(o, a))
		if scan, ok := s.scan(o, a); ok {
			scans = append(scans, scan)
		}
	}
	s.amounts(&d, o)
	if last != nil && s.c.Now().Sub(*last) < remembered {
		s.read[id] = *last
	}
	return append([]port.Record{{Kind: port.Order, ExternalID: id, ModifiedAt: last, Data: d}}, scans...)
}

func (s *session) currency(o order) string {
	if c := o.Costs.Gross.Currency; len(c) == 3 {
		return c
	}
	return s.c.Currency
}

// commercialState: an order that was placed stays so when its attendees are
// cancelled; one that was refunded may well be good.
func commercialState(o order) string {
	good := len(o.Attendees) == 0
	for _, a := range o.Attendees {
		good = good || lineState(a) != "cancelled"
	}
	switch strings.ToLower(o.Status) {
	case "placed", "refunded", "completed", "transferred":
		if good {
			return "confirmed"
		}
		return "cancelled"
	case "cancelled", "canceled", "deleted":
		return "cancelled"
	case "abandoned", "expired":
		return "expired"
	}
	return "reserved"
}

func lineState(a attendee) string {
	switch {
	case a.Cancelled, strings.EqualFold(a.Status, "Deleted"):
		return "cancelled"
	case strings.EqualFold(a.Status, "Transferred"):
		return "transferred"
	}
	return "valid"
}

// price of a ticket, with the tax on it and without what Eventbrite takes.
func price(c costs) (int64, string) {
	base, ok := c.Base.hundredths()
	tax, taxed := c.Tax.hundredths()
	if !ok || !taxed {
		return 0, string(c.Base.Major) // refused with its order
	}
	return base + tax, port.Decimal(base + tax)
}

func (s *session) line(o order, a attendee) port.Line {
	_, amount := price(a.Costs)
	l := port.Line{
		ExternalID: string(a.ID), Kind: "ticket", Performance: string(o.EventID), PriceType: string(a.ClassID), Label: port.Clip(a.ClassName, 200), Amount: amount, State: lineState(a),
		Holder: person(a.Profile.FirstName, a.Profile.LastName, a.Profile.Email),
	}
	if tax, ok := a.Costs.Tax.hundredths(); ok && tax > 0 {
		l.Tax = port.Decimal(tax)
	}
	// Who was not named has this for a name, and the buyer's address.
	if strings.EqualFold(a.Profile.FirstName+" "+a.Profile.LastName, "Info Requested") {
		l.Holder = nil
	}
	return l
}

func person(first, last, email string) *port.Person {
	p := port.Person{GivenName: port.Clip(first, 120), FamilyName: port.Clip(last, 120), Email: port.Clip(email, 320)}
	if p.Empty() {
		return nil
	}
	return &p
}

// amounts: the buyer paid the gross amount. What it holds besides prices and tax
// are fees, which Eventbrite keeps when a ticket goes back: how much went back is
// told nowhere, so the price stands in.
func (s *session) amounts(d *port.OrderData, o order) {
	gross, ok := o.Costs.Gross.hundredths()
	if !ok || gross == 0 || d.CommercialState == "reserved" || d.CommercialState == "expired" {
		return
	}
	id := string(o.ID)
	base, _ := o.Costs.Base.hundredths()
	tax, _ := o.Costs.Tax.hundredths()
	service, _ := o.Costs.EventbriteFee.hundredths()
	payment, _ := o.Costs.PaymentFee.hundredths()
	switch over := gross - base - tax; {
	case over > 0 && over == service+payment:
		for _, f := range []port.Fee{{ExternalID: id + "/service", Kind: "service", Amount: port.Decimal(service)}, {ExternalID: id + "/payment", Kind: "payment", Amount: port.Decimal(payment)}} {
			if f.Amount != "0.00" {
				d.Fees = append(d.Fees, f)
			}
		}
	case over > 0:
		d.Fees = append(d.Fees, port.Fee{ExternalID: id + "/fees", Kind: "other", Amount: port.Decimal(over)})
	}
	d.Payments = []port.Payment{{ExternalID: "P-" + id, Method: "online", Amount: port.Decimal(gross), State: "settled", At: s.time(o.Created)}}
	for _, a := range o.Attendees {
		if n, amount := price(a.Costs); a.Refunded && n > 0 {
			d.Refunds = append(d.Refunds, port.Refund{ExternalID: "R-" + string(a.ID), Method: "online", Amount: amount, State: "settled", At: s.time(a.Changed), Payment: "P-" + id, Lines: []string{string(a.ID)}})
		}
	}
	if len(d.Refunds) == 0 && strings.EqualFold(o.Status, "refunded") {
		d.Refunds = []port.Refund{{ExternalID: "R-" + id, Method: "online", Amount: port.Decimal(gross), State: "settled", At: s.time(o.Changed), Payment: "P-" + id}}
	}
}

// scan is when an attendee was checked in: when their bar code was used, as far
// as that is told.
func (s *session) scan(o order, a attendee) (port.Record, bool) {
	if !a.CheckedIn {
		return port.Record{}, false
	}
	at := s.time(a.Changed)
	for _, b := range a.Barcodes {
		if used := s.time(b.Changed); used != nil && b.Status == "used" {
			at = used
		}
	}
	if at == nil {
		return port.Record{}, false
	}
	return port.Record{Kind: port.Scan, ExternalID: string(a.ID), Data: port.ScanData{Ticket: string(a.ID), Performance: string(o.EventID), OccurredAt: *at, Direction: "entry", Result: "accepted"}}, true
}
