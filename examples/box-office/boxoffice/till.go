// Copyright the Parvis maintainers. Licensed under the Apache License 2.0.

package boxoffice

import (
	"fmt"
	"slices"
	"sync"
)

// entry is something the till knows. Each change numbers it anew, and keeps
// when it happened: that is its position, whatever arrives first.
type entry struct {
	version int64
	at      string
	deleted bool

	performance *performance
	priceType   *priceType
	account     *account
	order       *sale
	scan        *scan
}

// sale is an order with what became of it.
type sale struct {
	order
	state     string
	splitFrom string
	refunds   []refund
	anonymous bool
}

// name is what a thing is called towards Parvis: for ever, whoever asks.
type name struct{ kind, id string }

// till is one organisation's box office.
type till struct {
	mutex   sync.Mutex
	entries map[name]*entry
	names   map[string]name // by what a fact calls it
	serial  map[string]int
	changed func(name)
}

func newTill(changed func(name)) *till {
	return &till{entries: map[name]*entry{}, names: map[string]name{}, serial: map[string]int{}, changed: changed}
}

// prefixes of the numbers that the till gives.
var prefixes = map[string]string{"performance": "P", "price_type": "T", "customer": "C", "order": "A", "ticket": "B", "scan": "S", "fee": "F", "payment": "R", "refund": "G"}

// called gives a thing its number.
func (t *till) called(kind, ref string) name {
	if n, ok := t.names[ref]; ok {
		return n
	}
	t.serial[kind]++
	n := name{kind, fmt.Sprintf("%s-%04d", prefixes[kind], t.serial[kind])}
	t.names[ref] = n
	return n
}

// id is the number of what a fact refers to.
func (t *till) id(ref string) string { return t.names[ref].id }

// change edits an entry and numbers the change.
func (t *till) change(n name, at string, edit func(*entry)) {
	e := t.entries[n]
	if e == nil {
		e = &entry{}
		t.entries[n] = e
	}
	edit(e)
	e.version++
	e.at = at
	t.changed(n)
}

func (t *till) schedule(p performance) {
	for _, price := range p.PriceTypes {
		n := t.called("price_type", price.Ref)
		if e := t.entries[n]; e == nil || *e.priceType != price {
			t.change(n, p.At, func(e *entry) { e.priceType = &price })
		}
	}
	t.change(t.called("performance", p.Ref), p.At, func(e *entry) { e.performance = &p })
}

func (t *till) open(a account) {
	t.change(t.called("customer", a.Ref), a.At, func(e *entry) { e.account = &a })
}

func (t *till) place(o order) {
	s := &sale{order: o, state: "confirmed"}
	for i := range s.Tickets {
		t.called("ticket", s.Tickets[i].Ref)
		s.Tickets[i].state = "valid"
	}
	for _, f := range s.Fees {
		t.called("fee", f.Ref)
	}
	for _, p := range s.Payments {
		t.called("payment", p.Ref)
	}
	t.change(t.called("order", o.Ref), o.At, func(e *entry) { e.order = s })
}

// edit changes an order that is there.
func (t *till) edit(ref, at string, edit func(*sale)) {
	n, known := t.names[ref]
	if !known || t.entries[n] == nil {
		return
	}
	t.change(n, at, func(e *entry) { edit(e.order) })
}

func (s *sale) ticket(ref string) *ticket {
	i := slices.IndexFunc(s.Tickets, func(t ticket) bool { return t.Ref == ref })
	if i < 0 {
		return &ticket{}
	}
	return &s.Tickets[i]
}

func (t *till) reseat(c change) {
	t.edit(c.Order, c.At, func(s *sale) { s.ticket(c.Ticket).Seat = c.Seat })
}

func (t *till) refund(r refund) {
	t.called("refund", r.Ref)
	t.edit(r.Order, r.At, func(s *sale) { s.refunds = append(s.refunds, r) })
}

func (t *till) cancel(c change) {
	if c.Fee != nil {
		t.called("fee", c.Fee.Ref)
	}
	if c.Refund != nil {
		t.called("refund", c.Refund.Ref)
	}
	t.edit(c.Order, c.At, func(s *sale) {
		s.state = "cancelled"
		for i := range s.Tickets {
			s.Tickets[i].state = "cancelled"
		}
		for i := range s.Fees {
			s.Fees[i].cancelled = true
		}
		if c.Fee != nil {
			s.Fees = append(s.Fees, *c.Fee)
		}
		if c.Refund != nil {
			s.refunds = append(s.refunds, *c.Refund)
		}
	})
}

func (t *till) reinstate(c change) {
	t.edit(c.Order, c.At, func(s *sale) {
		s.state = "confirmed"
		for i := range s.Tickets {
			s.Tickets[i].state = "valid"
		}
		for i := range s.Fees {
			s.Fees[i].cancelled = false
		}
	})
}

func (t *till) exchange(c change) {
	t.called("ticket", c.By.Ref)
	t.edit(c.Order, c.At, func(s *sale) {
		s.ticket(c.Ticket).state = "exchanged"
		by := *c.By
		by.state, by.replaces = "valid", c.Ticket
		s.Tickets = append(s.Tickets, by)
	})
}

// split moves tickets. They keep their numbers, and the money stays where it
// was paid.
func (t *till) split(c change) {
	moved := &sale{state: "confirmed", splitFrom: c.Order}
	t.edit(c.Order, c.At, func(s *sale) {
		moved.order = order{Ref: c.Into, At: c.At, Channel: s.Channel, Currency: s.Currency, Test: s.Test, Buyer: s.Buyer}
		s.Tickets = slices.DeleteFunc(s.Tickets, func(one ticket) bool {
			if slices.Contains(c.Tickets, one.Ref) {
				moved.Tickets = append(moved.Tickets, one)
				return true
			}
			return false
		})
	})
	t.change(t.called("order", c.Into), c.At, func(e *entry) { e.order = moved })
}

func (t *till) remove(c change, gone bool) {
	n, known := t.names[c.Order]
	if known {
		t.change(n, c.At, func(e *entry) { e.deleted = gone })
	}
}

func (t *till) anonymise(c change) {
	t.edit(c.Order, c.At, func(s *sale) {
		s.Buyer, s.anonymous = nil, true
		for i := range s.Tickets {
			s.Tickets[i].Holder = nil
		}
	})
}

// scanned: a device at the door may know of a ticket before the till does.
func (t *till) scanned(s scan) {
	t.called("ticket", s.Ticket)
	t.change(t.called("scan", s.Ref), s.At, func(e *entry) { e.scan = &s })
}

// all are the names of everything the till knows.
func (t *till) all() []name {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	out := make([]name, 0, len(t.entries))
	for n := range t.entries {
		out = append(out, n)
	}
	return out
}

// numbers are the names by what facts call things.
func (t *till) numbers() map[string]string {
	out := map[string]string{}
	for ref, n := range t.names {
		out[ref] = n.id
	}
	return out
}
