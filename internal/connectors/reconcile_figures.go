package connectors

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/parvis-crm/parvis/internal/connectors/internal/connectorsdb"
	"github.com/parvis-crm/parvis/internal/connectors/port"
	"github.com/parvis-crm/parvis/internal/money"
)

// figuresOf adds an order up as it would be added up here.
func figuresOf(r port.Record, currency string) (Figures, error) {
	raw, err := json.Marshal(r.Data)
	if err != nil {
		return Figures{}, err
	}
	var d port.OrderData
	if err := json.Unmarshal(raw, &d); err != nil {
		return Figures{}, err
	}
	if d.Currency != "" {
		currency = d.Currency
	}
	var sum totals
	var lines int64
	amount := func(text string) int64 {
		a, parseErr := money.Parse(text, currency)
		err = errors.Join(err, parseErr)
		return a.Minor
	}
	owing := d.CommercialState == "reserved" || d.CommercialState == "confirmed"
	for _, l := range d.Lines {
		minor := amount(l.Amount)
		sum.gross += minor
		switch l.State {
		case "", "valid", "blocked":
			lines++
			if owing {
				sum.due += minor
			}
		case "transferred": // it is somebody else's, and was paid for here
			if owing {
				sum.due += minor
			}
		}
	}
	for _, f := range d.Fees {
		minor := amount(f.Amount)
		sum.gross += minor
		if owing && (f.State == "" || f.State == "valid") {
			sum.due += minor
		}
	}
	for _, p := range d.Payments {
		if p.State == "settled" {
			sum.paid += amount(p.Amount)
		}
	}
	for _, p := range d.Refunds {
		if p.State == "settled" {
			sum.refunded += amount(p.Amount)
		}
	}
	text := func(minor int64) *string {
		s := money.Amount{Minor: minor, Currency: currency}.String()
		return &s
	}
	return Figures{
		ExternalID: r.ExternalID, Currency: &currency, CommercialState: &d.CommercialState, ValidLines: &lines,
		Gross: text(sum.gross), Due: text(sum.due), Paid: text(sum.paid), Refunded: text(sum.refunded), test: d.Test,
	}, err
}

// set puts an order of the vendor beside what is here of it. A trial order is no
// sale and in no figure; one that is a trial on one side alone is an order on the
// other alone. Figures do not say which are trials: those that are here, are.
func (c *comparing) set(f Figures, h connectorsdb.ListHeldRow, here bool) {
	trial := here && h.Test
	switch {
	case f.test && (!here || trial), trial && c.in.Declared:
	case f.test:
		c.onlyHere(f.ExternalID, h.Currency, totals{h.GrossMinor, h.DueMinor, h.PaidMinor, h.RefundedMinor})
	default:
		c.out.OrdersThere++
		c.differs(f, h, here && !trial)
	}
}

// onlyHere counts and notes an order that the vendor does not have.
func (c *comparing) onlyHere(order, currency string, sum totals) {
	exists := "exists"
	c.out.OrdersHere++
	c.here.add(currency, sum)
	c.note(order, "order", nil, &exists)
}

// differs adds an order up on both sides and notes where they are not the same.
func (c *comparing) differs(f Figures, h connectorsdb.ListHeldRow, here bool) {
	currency := or(f.Currency, c.src.Currency)
	if here {
		if f.Currency == nil {
			currency = h.Currency
		}
		c.out.OrdersHere++
		c.here.add(h.Currency, totals{h.GrossMinor, h.DueMinor, h.PaidMinor, h.RefundedMinor})
	}
	note := func(field string, there, here *string) { c.note(f.ExternalID, field, there, here) }
	var there totals
	if here && currency != h.Currency {
		note("currency", &currency, &h.Currency)
	}
	for _, a := range []struct {
		field string
		there *string
		here  int64
		into  *int64
	}{{"gross", f.Gross, h.GrossMinor, &there.gross}, {"due", f.Due, h.DueMinor, &there.due}, {"paid", f.Paid, h.PaidMinor, &there.paid}, {"refunded", f.Refunded, h.RefundedMinor, &there.refunded}} {
		if a.there == nil {
			*a.into = a.here // not declared: taken as here, so that the sums can be set side by side
			continue
		}
		amount, err := money.Parse(*a.there, currency)
		if err == nil {
			*a.into = amount.Minor
		}
		if here && (err != nil || amount.Minor != a.here) {
			text := money.Amount{Minor: a.here, Currency: h.Currency}.String()
			note(a.field, a.there, &text)
		}
	}
	c.there.add(currency, there)
	if !here {
		exists := "exists"
		note("order", &exists, nil)
		return
	}
	if f.CommercialState != nil && *f.CommercialState != h.CommercialState {
		note("commercial_state", f.CommercialState, &h.CommercialState)
	}
	if f.ValidLines != nil && *f.ValidLines != h.ValidLines {
		a, b := fmt.Sprint(*f.ValidLines), fmt.Sprint(h.ValidLines)
		note("valid_lines", &a, &b)
	}
}
