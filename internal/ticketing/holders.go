package ticketing

import (
	"bytes"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
)

// attributeHolders says who holds each ticket, where that is certain. A holder
// is never made a contact: families, schools and resellers share addresses, and
// an unknown holder is better than a wrong one.
func (u *unit) attributeHolders() {
	for _, id := range u.sequence {
		o := u.orders[id]
		relinked := o.before == nil || !sameID(o.before.ContactID, o.row.ContactID)
		for ticket, l := range o.lines {
			before, existed := o.linesBefore[ticket]
			if existed && !relinked && bytes.Equal(before.Holder, l.Holder) {
				l.HolderContactID, l.HolderRule = before.HolderContactID, before.HolderRule
				continue
			}
			u.attributeHolder(o, l)
		}
	}
}

func (u *unit) attributeHolder(o *order, l *ticketingdb.TicketingLine) {
	l.HolderContactID, l.HolderRule = nil, nil
	p := readPerson(l.Holder)
	if p == nil || o.row.Test {
		return
	}
	say := func(id *uuid.UUID, rule string) { l.HolderContactID, l.HolderRule = id, &rule }
	if p.ContactID != nil {
		if c, ok := u.people.byID[*p.ContactID]; ok {
			say(&c.id, "contact_id")
			return
		}
	}
	name := nameOf(p)
	if !named(name) {
		say(nil, "placeholder")
		return
	}
	if o.row.ContactID != nil {
		if buyer, ok := u.people.byID[*o.row.ContactID]; ok && contacts.NamesCompatible(buyer.name, name) {
			say(o.row.ContactID, "holder_is_buyer")
			return
		}
	}
	find := func(list []candidate, rule string) bool {
		for _, c := range list {
			if !c.organisation && contacts.NamesCompatible(c.name, name) {
				say(&c.id, rule)
				return true
			}
		}
		return false
	}
	// The buyer's household: whoever shares an address or number of the buyer.
	if email, phone := u.s.points(o.buyer); find(u.people.byEmail[email], "household") || find(u.people.byPhone[phone], "household") {
		return
	}
	email, phone := u.s.points(p)
	if email != "" && !generic(email) && find(u.people.byEmail[email], "email_name") {
		return
	}
	if phone != "" && mobile(phone) && find(u.people.byPhone[phone], "phone_name") {
		return
	}
	say(nil, "unknown")
}

func sameID(a, b *uuid.UUID) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}
