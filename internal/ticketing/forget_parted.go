package ticketing

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/contacts"
)

// inherited is how much of an order is forgotten because of where it comes from.
type inherited int

const (
	nothing   inherited = iota
	buyerGone           // who bought it, as of the order it was parted from
	allGone             // everybody in it
)

// recallParents finds which of the orders that others were split from have nobody
// in them any more, where they were not read for their tickets.
func (u *unit) recallParents(ctx context.Context, messages []*message) error {
	asked := map[uuid.UUID]bool{}
	for _, m := range messages {
		if m == nil || m.order == nil || m.order.SplitFrom == nil {
			continue
		}
		if parent := u.records[recordKey{kindOrder, *m.order.SplitFrom}]; u.orders[parent.ID] == nil || !u.orders[parent.ID].emptied() {
			asked[parent.ID] = true
		}
	}
	if len(asked) == 0 {
		return nil
	}
	found, err := u.s.q.FindEmptiedOrders(ctx, u.tx, u.source.TenantID, keysOf(asked))
	for _, id := range found {
		u.forgotten.emptied[id] = true
	}
	return err
}

// emptied reports whether whoever bought an order was forgotten.
func (o *order) emptied() bool { return o.row.AnonymizedAt != nil && o.buyer == nil }

// partedFrom says what an order inherits of the forgetting of others: of the one
// that it was split from, and of those that its tickets are or were in. Who was
// forgotten there is in it again, under whichever name it came.
func (u *unit) partedFrom(m *message, r *Record) inherited {
	if m.order == nil {
		return nothing
	}
	out := nothing
	consider := func(from *Record) {
		switch {
		case from == nil || from.ID == r.ID:
		case u.forgotten.records[from.ID], from.Kind == kindOrder && from.AnonymizedAt != nil:
			out = allGone
		case u.forgotten.buyers[from.ID], u.forgotten.emptied[from.ID], u.orders[from.ID] != nil && u.orders[from.ID].emptied():
			out = max(out, buyerGone)
		}
	}
	if m.order.SplitFrom != nil {
		consider(u.records[recordKey{kindOrder, *m.order.SplitFrom}])
	}
	for id, o := range u.orders {
		if o.emptied() && slices.ContainsFunc(m.order.Lines, func(l lineDoc) bool { return o.names(u.records[recordKey{kindTicket, l.ExternalID}]) }) {
			consider(u.recordOf[id])
		}
	}
	return out
}

func (o *order) names(ticket *Record) bool { return ticket != nil && o.lines[ticket.ID] != nil }

// inherit remembers of an order that is taken in that it was parted from a
// forgotten one: it stays without a name, wherever it says that it comes from.
func (u *unit) inherit(r *Record, how inherited) {
	if u.key == nil {
		return
	}
	switch {
	case how == allGone && !u.forgotten.records[r.ID]:
		u.forgotten.records[r.ID] = true
		r.AnonymizedAt = &u.now
		u.remember(kindOrder, r.ExternalID, r.ID)
	case how == buyerGone && !u.forgotten.records[r.ID] && !u.forgotten.buyers[r.ID]:
		u.forgotten.buyers[r.ID] = true
		u.remember(partBuyer, r.ExternalID, r.ID)
	}
}

// told are the people of whom something is said.
func told(all ...*person) (out []*person) {
	for _, p := range all {
		if p != nil {
			out = append(out, p)
		}
	}
	return out
}

// withoutNames is a text about what was sold, nothing where it names somebody.
func withoutNames(text *string, people []*person) *string {
	if text == nil {
		return nil
	}
	words := strings.Fields(contacts.Fold(*text))
	for _, p := range people {
		name := nameOf(p)
		for _, part := range append(strings.Fields(contacts.Fold(name.Given+" "+name.Family)), contacts.Fold(name.Family)) {
			// A particle is nobody's name.
			if (len(part) > 2 || part == contacts.Fold(name.Family)) && slices.Contains(words, part) {
				return nil
			}
		}
		if p.Email != nil && strings.Contains(strings.ToLower(*text), strings.ToLower(strings.TrimSpace(*p.Email))) {
			return nil
		}
	}
	return text
}

// withholdTexts takes out of an order of somebody who was forgotten why money was
// given back, which is said of them, and the labels that name somebody. What was
// sold stays, as the books have it.
func (d *orderDoc) withholdTexts(people []*person) {
	for i := range d.Lines {
		d.Lines[i].Label = withoutNames(d.Lines[i].Label, people)
	}
	d.Fees, d.Payments, d.Refunds = slices.Clone(d.Fees), slices.Clone(d.Payments), slices.Clone(d.Refunds)
	for i := range d.Fees {
		d.Fees[i].Label = withoutNames(d.Fees[i].Label, people)
	}
	for i := range d.Payments {
		d.Payments[i].Reason = nil
	}
	for i := range d.Refunds {
		d.Refunds[i].Reason = nil
	}
}

// forgetTexts does so of an order that is here.
func (o *order) forgetTexts(people []*person) {
	for _, l := range o.lines {
		l.Label = withoutNames(l.Label, people)
	}
	o.fees, o.payments = slices.Clone(o.fees), slices.Clone(o.payments)
	for i := range o.fees {
		o.fees[i].Label = withoutNames(o.fees[i].Label, people)
	}
	for i := range o.payments {
		o.payments[i].Reason = nil
	}
}

// people are all whom an order says something of.
func (o *order) people() []*person {
	out := told(o.buyer, readPerson(o.row.Payer))
	for _, l := range o.lines {
		out = append(out, told(readPerson(l.Holder))...)
	}
	return out
}
