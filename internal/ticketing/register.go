package ticketing

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
)

// cardSource is the name under which the register knows cards of members: an
// external id of a contact.
const cardSource = "card"

// candidate is a contact as far as attribution needs to know it.
type candidate struct {
	id           uuid.UUID
	organisation bool
	archived     bool // in the trash
	name         contacts.Name
	display      string
	birthdate    string
	places       []place
}

// accountKey is the name of a contact in another system.
type accountKey struct{ source, name string }

// register is the part of the register of contacts that the orders of a unit
// may belong to, read at once and kept up to date with what the unit creates.
type register struct {
	byAccount map[accountKey]uuid.UUID
	byID      map[uuid.UUID]candidate
	byEmail   map[string][]candidate // oldest contact first
	byPhone   map[string][]candidate
	namesakes []candidate
	mailboxes map[string]ticketingdb.FindMailboxesRow
}

type customer = entity[ticketingdb.TicketingCustomer]

// wanted are the names under which to look into the register.
type wanted struct {
	accounts       map[accountKey]bool
	ids            map[uuid.UUID]bool
	emails, phones map[string]bool
}

func (u *unit) want() wanted {
	w := wanted{accounts: map[accountKey]bool{}, ids: map[uuid.UUID]bool{}, emails: map[string]bool{}, phones: map[string]bool{}}
	add := func(p *person) {
		if p == nil {
			return
		}
		email, phone := u.s.points(p)
		note(w.emails, email)
		note(w.phones, phone)
		if p.Customer != nil {
			w.accounts[accountKey{u.sourceName(), *p.Customer}] = true
		}
		if p.CardNumber != nil {
			w.accounts[accountKey{cardSource, strings.TrimSpace(*p.CardNumber)}] = true
		}
		note(w.ids, or(p.ContactID, uuid.Nil))
	}
	for _, e := range u.customers {
		w.accounts[accountKey{u.sourceName(), e.now.ExternalID}] = true
		add(readPerson(e.now.Profile))
		note(w.ids, or(e.now.ContactID, uuid.Nil))
	}
	for _, o := range u.orders {
		if o.row.Stub || o.row.Deleted || o.row.Test {
			continue
		}
		add(o.buyer)
		note(w.ids, or(o.row.ContactID, uuid.Nil))
		for _, l := range o.lines {
			add(readPerson(l.Holder))
		}
	}
	return w
}

// loadRegister reads, in a number of statements that does not grow, every
// contact that a buyer, account or holder of the unit could be.
func (u *unit) loadRegister(ctx context.Context) error {
	u.people = register{byAccount: map[accountKey]uuid.UUID{}, byID: map[uuid.UUID]candidate{}, byEmail: map[string][]candidate{}, byPhone: map[string][]candidate{}}
	w := u.want()
	if len(w.accounts) > 0 {
		p := ticketingdb.FindContactsByNameParams{TenantID: u.source.TenantID, SourceID: u.source.ID}
		for k := range w.accounts {
			p.Sources, p.ExternalIds = append(p.Sources, k.source), append(p.ExternalIds, k.name)
		}
		rows, err := u.s.q.FindContactsByName(ctx, u.tx, p)
		if err != nil {
			return err
		}
		for _, r := range rows {
			u.people.byAccount[accountKey{r.Source, r.ExternalID}] = r.ID
			w.ids[r.ID] = true
		}
	}
	if len(w.ids) > 0 {
		rows, err := u.s.q.FindContactsByID(ctx, u.tx, u.source.TenantID, keysOf(w.ids))
		if err != nil {
			return err
		}
		for _, r := range rows {
			c := candidate{id: r.ID, organisation: r.Kind == contacts.Organisation, name: contacts.Name{Given: r.GivenName, Family: r.FamilyName, Birth: r.BirthName},
				display: r.DisplayName, birthdate: dateText(r.Birthdate)}
			u.people.byID[r.Asked], u.people.byID[r.ID] = c, c
		}
	}
	if len(w.emails)+len(w.phones) > 0 {
		rows, err := u.s.q.FindContactsByPoint(ctx, u.tx, u.source.TenantID, keysOf(w.emails), keysOf(w.phones))
		if err != nil {
			return err
		}
		for _, r := range rows {
			c := candidate{id: r.ID, archived: r.Archived, organisation: r.Kind == contacts.Organisation, name: contacts.Name{Given: r.GivenName, Family: r.FamilyName, Birth: r.BirthName},
				display: r.DisplayName, birthdate: dateText(r.Birthdate)}
			u.people.byID[r.ID] = c
			if r.PointKind == contacts.Email {
				u.people.byEmail[r.Normalized] = append(u.people.byEmail[r.Normalized], c)
			} else {
				u.people.byPhone[r.Normalized] = append(u.people.byPhone[r.Normalized], c)
			}
		}
	}
	return u.loadMailboxes(ctx, keysOf(w.emails))
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
