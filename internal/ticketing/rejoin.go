package ticketing

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
)

// rejoin brings an account to the person whom its address or mobile number shows
// it to be of, where it was met before that was known of it, and so was made a
// person of its own of whom nothing else knows. Had it been known at once, there
// would never have been two. That person is put into the trash as it was: nobody is
// renamed, and it can be restored.
func (u *unit) rejoin(ctx context.Context, account uuid.UUID, p *person, d description) error {
	key := accountKey{u.sourceName(), *p.Customer}
	from, known := u.people.byAccount[key]
	if !known || d.email == "" && d.phone == "" {
		return nil
	}
	reached := *p
	reached.Customer = nil
	f, ok := u.surely(&reached, d)
	if !ok && namesOrganisation(p, d) {
		if known, _ := u.organisationsAt(organisationOf(p), d); len(known) == 1 {
			f, ok = finding{contact: &known[0].id}, true
		}
	}
	if !ok || f.contact == nil || *f.contact == from {
		return nil
	}
	// An order of the account may be somebody else's, as a spouse's.
	one, met := u.people.byID[from]
	if !met || !one.canBe(u.people.byID[*f.contact]) {
		return nil
	}
	if u.fresh.Holds(from) || u.fresh.Holds(*f.contact) {
		if err := u.fresh.WriteTx(ctx, u.tx); err != nil {
			return err
		}
	}
	only, err := u.s.q.IsOnlyOfAccount(ctx, u.tx, ticketingdb.IsOnlyOfAccountParams{TenantID: u.source.TenantID, ContactID: from, CustomerID: account, OtherID: *f.contact, Source: u.sourceName(), ExternalID: *p.Customer})
	if err != nil || !only {
		return err
	}
	if err := u.s.contacts.ForgetExternalIDTx(ctx, u.tx, from, u.sourceName(), *p.Customer); err != nil {
		return err
	}
	if _, _, err := u.s.contacts.AttachExternalIDTx(ctx, u.tx, *f.contact, u.sourceName(), *p.Customer); err != nil {
		return err
	}
	if _, err := u.s.contacts.ArchiveTx(ctx, u.tx, from, nil); err != nil {
		return err
	}
	u.people.forget(from)
	u.people.byAccount[key] = *f.contact
	u.met[*f.contact] = true
	u.rejoined = append(u.rejoined, account)
	return nil
}

// canBe reports whether two contacts can be one, met twice, as far as their names
// and dates of birth say.
func (c candidate) canBe(other candidate) bool {
	if c.organisation || other.organisation {
		return c.organisation && other.organisation && contacts.Fold(c.display) == contacts.Fold(other.display)
	}
	return contacts.HowNamesAgree(c.name, other.name) != nil && (c.birthdate == "" || other.birthdate == "" || c.birthdate == other.birthdate)
}

// disown takes an account from whom an order under it was made a contact of,
// where the account's own description, met only now, names somebody else: a
// spouse ordered under it before it was described, or a teacher under a school's. Described first it would have
// been the person it names, and that order theirs. Nobody is renamed: who was made
// is put into the trash, as by rejoin, and it is decided anew whose the account is.
func (u *unit) disown(ctx context.Context, e *customer, d description) error {
	key := accountKey{u.sourceName(), e.now.ExternalID}
	from, known := u.people.byAccount[key]
	profile := readPerson(e.now.Profile)
	if !known || !named(d.name) && !namesOrganisation(profile, d) || e.before != nil && e.before.Profile != nil {
		return nil
	}
	one, met := u.people.byID[from]
	if !met || one.organisation || named(d.name) && (!named(one.name) || contacts.HowNamesAgree(one.name, d.name) != nil) {
		return nil
	}
	if u.fresh.Holds(from) {
		if err := u.fresh.WriteTx(ctx, u.tx); err != nil {
			return err
		}
	}
	only, err := u.s.q.IsOnlyOfAccount(ctx, u.tx, ticketingdb.IsOnlyOfAccountParams{TenantID: u.source.TenantID, ContactID: from, CustomerID: e.now.ID, OtherID: from, Source: u.sourceName(), ExternalID: e.now.ExternalID})
	if err != nil || !only {
		return err
	}
	if err := u.s.contacts.ForgetExternalIDTx(ctx, u.tx, from, u.sourceName(), e.now.ExternalID); err != nil {
		return err
	}
	if _, err := u.s.contacts.ArchiveTx(ctx, u.tx, from, nil); err != nil {
		return err
	}
	u.people.forget(from)
	u.rejoined = append(u.rejoined, e.now.ID)
	return nil
}

// forget takes somebody who was put into the trash out of what is known.
func (r *register) forget(id uuid.UUID) {
	is := func(c candidate) bool { return c.id == id }
	for _, all := range []map[string][]candidate{r.byEmail, r.byPhone} {
		for point, list := range all {
			all[point] = slices.DeleteFunc(slices.Clone(list), is)
		}
	}
	for key, who := range r.byAccount {
		if who == id {
			delete(r.byAccount, key)
		}
	}
	r.namesakes = slices.DeleteFunc(r.namesakes, is)
}

// rejoinBuyers does so for the accounts that orders of this unit name.
func (u *unit) rejoinBuyers(ctx context.Context) error {
	for _, id := range u.sequence {
		o := u.orders[id]
		if o.row.Stub || o.row.Deleted || o.row.Test || o.row.CustomerID == nil || o.buyer == nil || o.buyer.Customer == nil {
			continue
		}
		channel := or(o.row.ChannelKind, "")
		if inputs := u.digestOfBuyer(o); o.row.MatchInputs != nil && *o.row.MatchInputs == inputs {
			continue
		}
		if err := u.rejoin(ctx, *o.row.CustomerID, o.buyer, u.describe(o.buyer, channel, readPerson(o.row.Payer))); err != nil {
			return err
		}
	}
	return nil
}

// shownByOrder finds whose an account is that is met for the first time and
// described by less than an order beside it, which names it and says how its
// person is reached. Made a person of its own, it would have to be rejoined when
// that order is read, and in this unit it is read already.
func (u *unit) shownByOrder(account uuid.UUID, p *person, d description) (finding, bool) {
	if _, found := u.surely(p, d); found {
		return finding{}, false
	}
	for _, id := range u.sequence {
		o := u.orders[id]
		if o.row.Stub || o.row.Deleted || o.row.Test || o.row.CustomerID == nil || *o.row.CustomerID != account || o.buyer == nil {
			continue
		}
		reached := *o.buyer
		reached.Customer = nil
		f, ok := u.surely(&reached, u.describe(o.buyer, or(o.row.ChannelKind, ""), readPerson(o.row.Payer)))
		// An order of the account may be somebody else's, as a spouse's.
		if ok && f.contact != nil && u.people.byID[*f.contact].agrees(d) != nil {
			f.evidence = append([]string{"order_under_account"}, f.evidence...)
			return f, true
		}
	}
	return finding{}, false
}

// followAccounts has it decided anew whose the orders of rejoined accounts are.
func (u *unit) followAccounts(ctx context.Context) error {
	if len(u.rejoined) == 0 {
		return nil
	}
	of := map[uuid.UUID]bool{}
	for _, id := range u.rejoined {
		of[id] = true
	}
	theirs, err := u.s.q.FindAttributedOrders(ctx, u.tx, u.source.TenantID, u.rejoined)
	if err != nil {
		return err
	}
	if len(theirs) > 0 {
		if err := u.loadWhole(ctx, theirs); err != nil {
			return err
		}
		if err := u.loadDecisions(ctx); err != nil {
			return err
		}
	}
	for _, o := range u.orders {
		if o.row.CustomerID != nil && of[*o.row.CustomerID] {
			o.retry = true
		}
	}
	return nil
}
