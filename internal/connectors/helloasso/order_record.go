package helloasso

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// orderRecord brings an order into the neutral form.
func (s *session) orderRecord(o order) port.Record {
	id := strconv.FormatInt(o.ID, 10)
	d := port.OrderData{Number: id, CommercialState: commercialState(o), Channel: channel(o), PlacedAt: s.time(o.Date), Currency: s.c.Currency, Test: s.sandbox(), Buyer: buyer(o.Payer), Lines: []port.Line{}}
	for _, i := range o.Items {
		d.Lines = append(d.Lines, s.lines(o, i)...)
	}
	for _, p := range o.Payments {
		s.money(&d, p)
	}
	at := s.modified(o)
	if at != nil && s.c.Now().Sub(*at) < remembered {
		s.read[o.ID] = *at
	}
	return port.Record{Kind: port.Order, ExternalID: id, ModifiedAt: at, Data: d}
}

// modified is the last time that the order or a payment of it names: a refund
// does not move the order's own.
func (s *session) modified(o order) *time.Time {
	last := port.Latest(s.time(o.Meta.UpdatedAt), s.time(o.Meta.CreatedAt))
	for _, p := range o.Payments {
		last = port.Latest(last, s.paymentChanged(p))
	}
	return last
}

// commercialState: HelloAsso has none for orders, only for what is in them.
func commercialState(o order) string {
	states := map[string]bool{}
	for _, i := range o.Items {
		states[i.State] = true
	}
	switch {
	case states["Processed"], states["Registered"]:
		return "confirmed"
	case states["Waiting"], states["Unknown"], states[""]:
		return "reserved"
	case states["Abandoned"] && len(states) == 1:
		return "expired"
	}
	return "cancelled"
}

// channel: an order whose payments were all entered by hand was not sold on line.
func channel(o order) *port.Channel {
	for _, p := range o.Payments {
		if p.Type != "Offline" {
			return &port.Channel{Kind: "web", Code: "helloasso"}
		}
	}
	if len(o.Payments) == 0 {
		return &port.Channel{Kind: "web", Code: "helloasso"}
	}
	return &port.Channel{Kind: "other", Code: "offline"}
}

// buyer is who pays: HelloAsso knows nobody else who has an address. The date of
// birth is not read.
func buyer(p payer) *port.Person {
	out := port.Person{
		Email: port.Clip(p.Email, 320), GivenName: port.Clip(p.FirstName, 120), FamilyName: port.Clip(p.LastName, 120), Organisation: port.Clip(p.Company, 240),
		Address: address(p.Address, p.ZipCode, p.City, p.Country),
	}
	if out.Empty() {
		return nil
	}
	return &out
}

// address: countries have three letters there (ISO 3166-1 alpha-3), two here.
func address(street, zipCode, city, country string) *port.Address {
	a := port.Address{Street: port.Clip(strings.Join(strings.Fields(street), " "), 200), PostalCode: port.Clip(zipCode, 20), City: port.Clip(city, 120)}
	if a == (port.Address{}) {
		return nil
	}
	if region, err := language.ParseRegion(country); err == nil && len(region.String()) == 2 {
		a.Country = region.String()
	}
	return &a
}

// lines are an item and the options that were taken with it, whose price is not
// in the item's.
func (s *session) lines(o order, i item) []port.Line {
	id := strconv.FormatInt(i.ID, 10)
	l := port.Line{ExternalID: id, Kind: lineKind(i.Type), Label: port.Clip(i.Name, 200), Amount: i.Amount.Decimal(), State: lineState(i.State), Holder: s.holder(i)}
	if o.FormType == "Event" && l.Kind == "ticket" {
		l.Performance = form(o.FormType, o.FormSlug)
	}
	if i.TierID != nil {
		l.PriceType = strconv.FormatInt(*i.TierID, 10)
	}
	out := []port.Line{l}
	seen := map[int64]int{}
	for _, option := range i.Options {
		name := fmt.Sprintf("%d/%d", i.ID, option.ID)
		if seen[option.ID]++; seen[option.ID] > 1 {
			name += fmt.Sprintf("/%d", seen[option.ID])
		}
		out = append(out, port.Line{ExternalID: name, Kind: "goods", Label: port.Clip(option.Name, 200), Amount: option.Amount.Decimal(), Parent: id, State: l.State})
	}
	return out
}

func lineKind(kind string) string {
	switch kind {
	case "Registration":
		return "ticket"
	case "Membership":
		return "membership"
	case "Donation", "MonthlyDonation", "OfflineDonation", "Contribution":
		return "donation"
	case "Payment", "MonthlyPayment":
		return "service"
	}
	return "goods"
}

// lineState: an item of a refunded payment may well be good still, as only what
// the item says counts.
func lineState(state string) string {
	switch state {
	case "Deleted", "Canceled", "Refused", "Abandoned":
		return "cancelled"
	}
	return "valid"
}

// holder has a name and nothing else; where a form asks for an address, the
// settings say in which field.
func (s *session) holder(i item) *port.Person {
	h := port.Person{GivenName: port.Clip(i.User.FirstName, 120), FamilyName: port.Clip(i.User.LastName, 120)}
	for _, f := range i.CustomFields {
		if answer := ""; s.set.EmailField != "" && strings.EqualFold(strings.TrimSpace(f.Name), s.set.EmailField) && json.Unmarshal(f.Answer, &answer) == nil {
			h.Email = port.Clip(answer, 320)
		}
	}
	if h.Empty() {
		return nil
	}
	return &h
}
