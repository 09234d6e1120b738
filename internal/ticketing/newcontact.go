package ticketing

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/contacts"
)

// create makes the contact of a person nobody in the register is. A service's
// address and a child's are no way to reach that person.
func (u *unit) create(ctx context.Context, p *person, d description) (*uuid.UUID, error) {
	email, phone := d.email, d.phone
	if d.service {
		email = ""
	}
	if d.minor {
		email, phone = "", ""
	}
	in := contacts.New{Fields: contacts.Fields{Kind: contacts.Person, GivenName: filled(d.name.Given), FamilyName: filled(d.name.Family)}, Source: u.sourceName()}
	if email != "" {
		in.Points = append(in.Points, contacts.NewPoint{Kind: contacts.Email, Value: strings.TrimSpace(*p.Email), Primary: true, Verified: p.EmailVerified})
	}
	if phone != "" {
		label := "home"
		if mobile(phone) {
			label = "mobile"
		}
		in.Points = append(in.Points, contacts.NewPoint{Kind: contacts.Phone, Label: label, Value: phone, Primary: true})
	}
	if !d.minor {
		in.Addresses = addressesOf(p)
	}
	if p.Customer != nil {
		in.ExternalIDs = []contacts.NewExternalID{{Source: u.sourceName(), ExternalID: *p.Customer}}
	}
	made, err := u.addContact(ctx, &in)
	if err != nil {
		return nil, err
	}
	c := candidate{id: made.ID, name: d.name, display: made.DisplayName}
	u.met[c.id] = true
	if in.Addresses != nil {
		c.places = []place{placeOf(p)}
	}
	u.people.byID[c.id] = c
	u.people.namesakes = append(u.people.namesakes, c)
	if email != "" {
		u.people.byEmail[email] = append(u.people.byEmail[email], c)
	}
	if phone != "" {
		u.people.byPhone[phone] = append(u.people.byPhone[phone], c)
	}
	if p.Customer != nil {
		u.people.byAccount[accountKey{u.sourceName(), *p.Customer}] = c.id
	}
	return &c.id, nil
}

// enrich adds to a known contact the account and the contact points that it
// was not known by. Names and addresses of a known contact are left alone.
func (u *unit) enrich(ctx context.Context, id uuid.UUID, p *person, d description) error {
	// What is added to a contact of this unit comes after the contact.
	written := func() error {
		if u.fresh.Holds(id) {
			return u.fresh.WriteTx(ctx, u.tx)
		}
		return nil
	}
	if p.Customer != nil {
		key := accountKey{u.sourceName(), *p.Customer}
		if _, known := u.people.byAccount[key]; !known {
			if err := written(); err != nil {
				return err
			}
			if _, _, err := u.s.contacts.AttachExternalIDTx(ctx, u.tx, id, u.sourceName(), *p.Customer); err != nil {
				return err
			}
			u.people.byAccount[key] = id
			u.met[id] = true
		}
	}
	c, ok := u.people.byID[id]
	if !ok {
		c = candidate{id: id, name: d.name}
	}
	// The address of a service is the organisation's own, where nobody in it is named.
	if d.minor || d.service && (!c.organisation || d.reseller || !namesOrganisation(p, d)) {
		return nil
	}
	if d.email != "" && !reachedAt(u.people.byEmail[d.email], id) {
		if err := written(); err != nil {
			return err
		}
		if _, err := u.s.contacts.EnsureContactPointTx(ctx, u.tx, id, contacts.NewPoint{Kind: contacts.Email, Value: d.email, Verified: p.EmailVerified, Source: u.sourceName()}); err != nil {
			return err
		}
		u.people.byEmail[d.email] = append(u.people.byEmail[d.email], c)
		u.met[id] = true
	}
	if d.phone != "" && !reachedAt(u.people.byPhone[d.phone], id) {
		if err := written(); err != nil {
			return err
		}
		if _, err := u.s.contacts.EnsureContactPointTx(ctx, u.tx, id, contacts.NewPoint{Kind: contacts.Phone, Value: d.phone, Source: u.sourceName()}); err != nil {
			return err
		}
		u.people.byPhone[d.phone] = append(u.people.byPhone[d.phone], c)
		u.met[id] = true
	}
	return nil
}

func reachedAt(list []candidate, id uuid.UUID) bool {
	for _, c := range list {
		if c.id == id {
			return true
		}
	}
	return false
}
