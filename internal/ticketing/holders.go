package ticketing

import (
	"bytes"
	"context"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
)

// attributeHolders says who holds each ticket, where that is certain. A holder
// is never made a contact, and so no child is given a way to be reached:
// families, schools and resellers share addresses, and an unknown holder is
// better than a wrong one. A ticket that came back to an order was not looked at
// while it was elsewhere, and its holder may have been met meanwhile.
func (u *unit) attributeHolders(ctx context.Context) error {
	for _, id := range u.sequence {
		o := u.orders[id]
		relinked := o.retry || o.before == nil || !sameID(o.before.ContactID, o.row.ContactID)
		for ticket, l := range o.lines {
			before, existed := o.linesBefore[ticket]
			if _, decided := u.decisions[decisionKey{scopeTicket, ticket.String()}]; existed && !relinked && !decided && bytes.Equal(before.Holder, l.Holder) && (before.HolderContactID != nil || !o.guests && (before.Current || !l.Current)) {
				l.HolderContactID, l.HolderRule, l.HolderScore, l.HolderInputs, l.HolderEvidence = before.HolderContactID, before.HolderRule, before.HolderScore, before.HolderInputs, before.HolderEvidence
				continue
			}
			if err := u.attributeHolder(ctx, o, l); err != nil {
				return err
			}
			// Others of this buyer's tickets may turn out to be for the same person.
			if l.HolderContactID != nil && (!existed || !sameID(before.HolderContactID, l.HolderContactID) || !sameID(o.before.ContactID, o.row.ContactID)) {
				u.met[*l.HolderContactID] = true
			}
		}
	}
	return nil
}

func (u *unit) attributeHolder(ctx context.Context, o *order, l *ticketingdb.TicketingLine) error {
	l.HolderContactID, l.HolderRule, l.HolderScore, l.HolderInputs, l.HolderEvidence = nil, nil, nil, nil, nil
	if o.row.Test {
		return nil
	}
	p := readPerson(l.Holder)
	var f finding
	if d, ok := u.decisions[decisionKey{scopeTicket, l.TicketID.String()}]; ok && d.Action != actionRules {
		f = findingOf(d)
	} else if p == nil {
		return nil
	} else {
		around, err := u.around(ctx, o)
		if err != nil {
			return err
		}
		f = u.holderOf(o, p, around)
	}
	inputs := u.digestOf(p, "")
	l.HolderContactID, l.HolderRule, l.HolderScore, l.HolderInputs, l.HolderEvidence = f.contact, &f.rule, &f.score, &inputs, f.evidence
	return nil
}

// holderOf tries, from the surest down: an identifier of ours, the buyer by
// name, whoever shares the buyer's address or number or was bought for before,
// and then the whole register as for a buyer.
func (u *unit) holderOf(o *order, p *person, around []candidate) finding {
	d := u.describe(p, "", nil)
	if p.ContactID != nil {
		if c, ok := u.people.byID[*p.ContactID]; ok {
			return finding{contact: &c.id, rule: "contact_id", score: 1, evidence: []string{"contact_id_given"}}
		}
	}
	if !named(d.name) {
		return finding{rule: "placeholder", evidence: []string{"placeholder_name"}}
	}
	if o.row.ContactID != nil {
		if buyer, ok := u.people.byID[*o.row.ContactID]; ok {
			if how := buyer.agrees(d); how != nil {
				return finding{contact: o.row.ContactID, rule: "holder_is_buyer", score: 0.95, evidence: append([]string{"same_order"}, how...)}
			}
		}
	}
	email, phone := u.s.points(o.buyer)
	for _, list := range [][]candidate{u.people.byEmail[email], u.people.byPhone[phone], around} {
		if f, ok := closest(list, d, "household", 0.9, "household"); ok {
			return certain(f)
		}
	}
	if f, ok := u.surely(p, d); ok {
		return certain(f)
	}
	if exact, _ := u.namesakesOf(p, d); len(exact) == 1 && !d.service {
		return finding{contact: &exact[0].contact, rule: exact[0].rule, score: exact[0].score, evidence: exact[0].evidence}
	}
	return finding{rule: "unknown", evidence: []string{"nobody_like_this"}}
}

// certain leaves a holder who could be one of several unknown: nobody is asked
// about holders.
func certain(f finding) finding {
	if f.contact == nil {
		return finding{rule: "unknown", evidence: f.evidence}
	}
	return f
}

// around are those for whom the buyer of an order bought before. All buyers of
// the unit are asked about at once, the first time one is.
func (u *unit) around(ctx context.Context, o *order) ([]candidate, error) {
	if o.row.ContactID == nil {
		return nil, nil
	}
	if u.held == nil {
		u.held = map[uuid.UUID][]candidate{}
		buyers := map[uuid.UUID]bool{}
		for _, o := range u.orders {
			note(buyers, or(o.row.ContactID, uuid.Nil))
		}
		rows, err := u.s.q.FindHoldersOfBuyers(ctx, u.tx, u.source.TenantID, keysOf(buyers))
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			c := candidate{id: r.ID, organisation: r.Kind == contacts.Organisation, name: contacts.Name{Given: r.GivenName, Family: r.FamilyName, Birth: r.BirthName}, display: r.DisplayName, birthdate: dateText(r.Birthdate)}
			u.held[*r.BuyerID] = append(u.held[*r.BuyerID], c)
		}
	}
	return u.held[*o.row.ContactID], nil
}
