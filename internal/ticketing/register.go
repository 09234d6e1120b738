package ticketing

import (
	"context"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/contacts"
)

// loadRegister reads, in at most three statements, every contact that a buyer,
// account or holder of the unit could be.
func (u *unit) loadRegister(ctx context.Context) error {
	u.people = register{byAccount: map[string]uuid.UUID{}, byID: map[uuid.UUID]candidate{}, byEmail: map[string][]candidate{}, byPhone: map[string][]candidate{}}
	accounts, wanted, emails, phones := map[string]bool{}, map[uuid.UUID]bool{}, map[string]bool{}, map[string]bool{}
	add := func(p *person) {
		if p == nil {
			return
		}
		email, phone := u.s.points(p)
		note(emails, email)
		note(phones, phone)
		note(accounts, or(p.Customer, ""))
		note(wanted, or(p.ContactID, uuid.Nil))
	}
	for _, e := range u.customers {
		accounts[e.now.ExternalID] = true
		add(readPerson(e.now.Profile))
		note(wanted, or(e.now.ContactID, uuid.Nil))
	}
	for _, o := range u.orders {
		if o.row.Stub || o.row.Deleted || o.row.Test {
			continue
		}
		add(o.buyer)
		note(wanted, or(o.row.ContactID, uuid.Nil))
		for _, l := range o.lines {
			add(readPerson(l.Holder))
		}
	}
	if len(accounts) > 0 {
		rows, err := u.s.q.FindContactsByName(ctx, u.tx, u.source.TenantID, u.sourceName(), keysOf(accounts))
		if err != nil {
			return err
		}
		for _, r := range rows {
			u.people.byAccount[r.ExternalID] = r.ID
			wanted[r.ID] = true
		}
	}
	if len(wanted) > 0 {
		rows, err := u.s.q.FindContactsByID(ctx, u.tx, u.source.TenantID, keysOf(wanted))
		if err != nil {
			return err
		}
		for _, r := range rows {
			c := candidate{id: r.ID, organisation: r.Kind == contacts.Organisation, name: contacts.Name{Given: r.GivenName, Family: r.FamilyName}, display: r.DisplayName}
			u.people.byID[r.Asked], u.people.byID[r.ID] = c, c
		}
	}
	if len(emails)+len(phones) > 0 {
		rows, err := u.s.q.FindContactsByPoint(ctx, u.tx, u.source.TenantID, keysOf(emails), keysOf(phones))
		if err != nil {
			return err
		}
		for _, r := range rows {
			c := candidate{id: r.ID, organisation: r.Kind == contacts.Organisation, name: contacts.Name{Given: r.GivenName, Family: r.FamilyName}, display: r.DisplayName}
			u.people.byID[r.ID] = c
			if r.PointKind == contacts.Email {
				u.people.byEmail[r.Normalized] = append(u.people.byEmail[r.Normalized], c)
			} else {
				u.people.byPhone[r.Normalized] = append(u.people.byPhone[r.Normalized], c)
			}
		}
	}
	return nil
}

func note[K comparable](set map[K]bool, k K) {
	var zero K
	if k != zero {
		set[k] = true
	}
}

func keysOf[K comparable](set map[K]bool) []K {
	out := make([]K, 0, len(set))
	for k := range set {
		out = append(out, k)
	}
	return out
}
