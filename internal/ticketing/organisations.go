package ticketing

import (
	"context"
	"strings"

	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/fault"
)

// organisationOf is the organisation that a description names.
func organisationOf(p *person) string { return strings.TrimSpace(or(p.Organisation, "")) }

// namesOrganisation reports whether a description is of an organisation and of no
// person in it.
func namesOrganisation(p *person, d description) bool {
	return organisationOf(p) != "" && !named(d.name)
}

// organisation finds or makes the organisation that a description names, or that
// is behind a service's address. Of one known organisation at the address no name
// is needed.
func (u *unit) organisation(ctx context.Context, p *person, d description) (finding, bool, error) {
	known, evidence := u.organisationsAt(organisationOf(p), d)
	if len(known) == 1 {
		f := finding{contact: &known[0].id, rule: "organisation", score: 0.93, evidence: evidence}
		if !namesOrganisation(p, d) {
			return f, true, nil
		}
		return f, true, u.enrich(ctx, *f.contact, p, d)
	}
	if !canBeOrganisation(p, d) {
		return finding{}, false, nil
	}
	made, err := u.createOrganisation(ctx, p, d)
	if err != nil {
		return finding{}, false, err
	}
	return finding{contact: &made.id, rule: "organisation", score: 1, evidence: append(evidenceOfPoint(d), "organisation_named")}, true, nil
}

// organisationsAt are the known organisations at an address, and else those of
// that name at a number. A reseller's number is nobody's own.
func (u *unit) organisationsAt(name string, d description) ([]candidate, []string) {
	folded := contacts.Fold(name)
	bears := func(list []candidate, unnamed bool) (out []candidate) {
		for _, c := range list {
			if c.organisation && (folded == "" && unnamed || folded != "" && contacts.Fold(c.display) == folded) {
				out = append(out, c)
			}
		}
		return out
	}
	if known := bears(u.people.byEmail[d.email], true); len(known) > 0 || d.phone == "" || d.reseller || named(d.name) {
		return known, evidenceOfPoint(d)
	}
	return bears(u.people.byPhone[d.phone], false), []string{"phone", "organisation_named"}
}

func evidenceOfPoint(d description) []string {
	var out []string
	if d.email != "" {
		out = append(out, "email")
	}
	if d.mailbox != "" {
		out = append(out, d.mailbox)
	}
	return out
}

// canBeOrganisation reports whether enough is known to make an organisation: as of
// a person, its name and a way to reach it or an account. Where a person is named
// with it, only the address is the organisation's.
func canBeOrganisation(p *person, d description) bool {
	switch {
	case organisationOf(p) == "":
		return false
	case d.email != "":
		return true
	}
	return !named(d.name) && (p.Customer != nil || d.phone != "" && !d.reseller)
}

// createOrganisation makes the organisation that a description names. What a
// person in it gives besides the address of a service is that person's.
func (u *unit) createOrganisation(ctx context.Context, p *person, d description) (candidate, error) {
	name := organisationOf(p)
	in := contacts.New{Fields: contacts.Fields{Kind: contacts.Organisation, LegalName: &name}, Source: u.sourceName()}
	if d.email != "" {
		in.Points = append(in.Points, contacts.NewPoint{Kind: contacts.Email, Value: d.email, Primary: true})
	}
	own := !named(d.name) && !d.reseller
	if own && d.phone != "" {
		in.Points = append(in.Points, contacts.NewPoint{Kind: contacts.Phone, Value: d.phone, Primary: true})
	}
	if own {
		in.Addresses = addressesOf(p)
	}
	if p.Customer != nil {
		in.ExternalIDs = []contacts.NewExternalID{{Source: u.sourceName(), ExternalID: *p.Customer}}
	}
	made, err := u.addContact(ctx, &in)
	if err != nil {
		return candidate{}, err
	}
	c := candidate{id: made.ID, organisation: true, display: made.DisplayName}
	u.met[c.id] = true
	u.people.byID[c.id] = c
	for _, point := range in.Points {
		if point.Kind == contacts.Email {
			u.people.byEmail[d.email] = append(u.people.byEmail[d.email], c)
		} else {
			u.people.byPhone[d.phone] = append(u.people.byPhone[d.phone], c)
		}
	}
	if p.Customer != nil {
		u.people.byAccount[accountKey{u.sourceName(), *p.Customer}] = c.id
	}
	return c, nil
}

// addressesOf is where somebody who is made a contact lives or is.
func addressesOf(p *person) []contacts.NewAddress {
	a := p.Address
	if a == nil || a.City == nil {
		return nil
	}
	return []contacts.NewAddress{{Street: a.Street, Postcode: a.PostalCode, City: a.City, Country: or(a.Country, ""), Primary: true}}
}

// addContact makes a contact, without its address where that cannot be one, which
// is not a reason to lose who it is.
func (u *unit) addContact(ctx context.Context, in *contacts.New) (contacts.Contact, error) {
	made, err := u.fresh.Add(ctx, *in)
	if _, refused := fault.As(err); refused && in.Addresses != nil {
		in.Addresses = nil
		made, err = u.fresh.Add(ctx, *in)
	}
	return made, err
}
