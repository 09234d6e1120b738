package ticketing

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
)

// personal reports whether records of a kind say something of persons.
func personal(kind string) bool {
	switch kind {
	case kindCustomer, kindOrder, kindMembership, kindGiftCard, kindGroupBooking:
		return true
	}
	return false
}

// forgotten is who of a unit was forgotten, before or by it.
type forgotten struct {
	records map[uuid.UUID]bool
	names   map[uuid.UUID]recordKey // of those forgotten by this unit
	rows    []ticketingdb.TicketingForgotten
	became  map[uuid.UUID]string // of the contacts of records
	// Parts that were: of an order its buyer, of a ticket its holder, of a booking
	// its contact person.
	buyers, holders, persons map[uuid.UUID]bool
	// emptied are orders without a buyer any more that others were split from.
	emptied map[uuid.UUID]bool
	// contacts that lost what this source knew of them, with the account's name.
	contacts []lostContact
}

type lostContact struct {
	contact uuid.UUID
	account string
	record  uuid.UUID
}

// nameHash stands for a name at the source in the list of who was forgotten. The
// key is the institution's, so that the list goes on to be good where it goes;
// what was forgotten before there was one is under the installation's.
func nameHash(key []byte, source Source, kind, externalID string) string {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte("forgotten\x00" + source.TenantID.String() + "\x00" + source.ID.String() + "\x00" + kind + "\x00" + externalID))
	return hex.EncodeToString(h.Sum(nil))
}

// recallForgotten finds which of the names that messages use are of somebody
// who was forgotten, and lets those names lead to what is left of them.
func (u *unit) recallForgotten(ctx context.Context, kinds, names []string) error {
	p := ticketingdb.FindForgottenParams{TenantID: u.source.TenantID, SourceID: u.source.ID}
	sent := map[string]recordKey{}
	keys := [][]byte{u.s.secret}
	if u.key != nil {
		keys = append(keys, u.key)
	}
	part := map[string]string{kindOrder: partBuyer, kindTicket: partHolder, kindGroupBooking: partPerson}
	for i := range kinds {
		ask := func(as string, keys ...[]byte) {
			for _, key := range keys {
				hash := nameHash(key, u.source, as, names[i])
				sent[hash] = recordKey{kinds[i], names[i]}
				p.Kinds, p.Hashes = append(p.Kinds, as), append(p.Hashes, hash)
			}
		}
		if personal(kinds[i]) {
			ask(kinds[i], keys...)
		}
		if as, ok := part[kinds[i]]; ok && u.key != nil {
			ask(as, u.key)
		}
	}
	if len(p.Kinds) == 0 {
		return nil
	}
	rows, err := u.s.q.FindForgotten(ctx, u.tx, p)
	if err != nil || len(rows) == 0 {
		return err
	}
	var missing []uuid.UUID
	of := map[uuid.UUID]recordKey{}
	parts := map[string]map[uuid.UUID]bool{partBuyer: u.forgotten.buyers, partHolder: u.forgotten.holders, partPerson: u.forgotten.persons}
	for _, r := range rows {
		if of, is := parts[r.Kind]; is {
			of[r.RecordID] = true
			continue
		}
		u.forgotten.records[r.RecordID] = true
		if of[r.RecordID] = sent[r.NameHash]; u.recordOf[r.RecordID] == nil {
			missing = append(missing, r.RecordID)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	records, err := u.s.q.FindRecordsByID(ctx, u.tx, u.source.TenantID, missing)
	if err != nil {
		return err
	}
	for _, r := range records {
		u.read(r)
		u.records[of[r.ID]] = u.recordOf[r.ID]
	}
	return nil
}

// addForgetting adds to what is loaded everything that names an account that is
// to be forgotten.
func (u *unit) addForgetting(ctx context.Context, messages []*message, byKind map[string][]uuid.UUID) error {
	for _, m := range messages {
		if m == nil || !m.anonymize || m.kind != kindCustomer {
			continue
		}
		rows, err := u.s.q.FindOfCustomer(ctx, u.tx, ticketingdb.FindOfCustomerParams{
			TenantID: u.source.TenantID, CustomerID: u.records[recordKey{m.kind, m.externalID}].ID, SourceID: u.source.ID, Account: m.externalID,
		})
		if err != nil {
			return err
		}
		var known []uuid.UUID
		for _, r := range rows {
			if byKind[r.Kind] = append(byKind[r.Kind], r.ID); u.recordOf[r.ID] == nil {
				known = append(known, r.ID)
			}
		}
		if len(known) == 0 {
			continue
		}
		records, err := u.s.q.FindRecordsByID(ctx, u.tx, u.source.TenantID, known)
		if err != nil {
			return err
		}
		for _, r := range records {
			u.read(r)
		}
	}
	return nil
}

// forget empties what a record says of persons, for good.
func (u *unit) forget(r *Record) string {
	if u.forgotten.records[r.ID] {
		return Unchanged
	}
	u.forgotten.records[r.ID] = true
	u.forgotten.rows = append(u.forgotten.rows, ticketingdb.TicketingForgotten{TenantID: r.TenantID, SourceID: r.SourceID, Kind: r.Kind,
		NameHash: nameHash(u.key, u.source, r.Kind, r.ExternalID), RecordID: r.ID, AnonymizedAt: u.now})
	r.AnonymizedAt, r.UpdatedAt = &u.now, u.now
	u.dirtyRecords[r] = true
	u.belongings = append(u.belongings, events.Entry{Type: "ticketing.record.anonymized", Subject: events.Subject{Kind: "ticketing_record", ID: r.ID, Version: 1},
		Facts: map[string]any{"kind": r.Kind}, Source: u.sourceName()})
	switch r.Kind {
	case kindOrder:
		u.forgetOrder(u.orders[r.ID], true, lostContact{record: r.ID})
	case kindMembership:
		u.forgetMembership(r.ID)
	case kindGiftCard:
		u.forgetGiftCard(r.ID)
	case kindGroupBooking:
		u.forgetBooking(r.ID, nil)
	case kindCustomer:
		u.forgetCustomer(r)
	}
	return Applied
}

// forgetCustomer leaves of an account a record without a name, so that its
// orders still are of one and the same buyer.
func (u *unit) forgetCustomer(r *Record) {
	e := u.customers[r.ID]
	account := r.ExternalID
	u.forgotten.names[r.ID] = recordKey{r.Kind, account}
	r.ExternalID = "anonymized-" + r.ID.String()
	r.ContentVersion, r.ContentModifiedAt, r.ContentHash, r.Stub = nil, nil, nil, true
	settleDeleted(r)
	if e.now.ContactID != nil {
		u.forgotten.contacts = append(u.forgotten.contacts, lostContact{*e.now.ContactID, account, r.ID})
	}
	e.dirty = true
	e.now.ExternalID, e.now.Profile, e.now.Consents, e.now.Stub, e.now.Deleted, e.now.AnonymizedAt = r.ExternalID, nil, json.RawMessage("[]"), r.Stub, r.Deleted, &u.now
	e.now.ContactID, e.now.MatchRule, e.now.MatchScore, e.now.MatchInputs = nil, nil, nil, nil
	for _, id := range u.sequence {
		if o := u.orders[id]; sameID(o.row.CustomerID, &r.ID) {
			u.forgetOrder(o, false, lostContact{account: account, record: r.ID})
		} else {
			o.forgetBeside(account)
		}
	}
	for id, m := range u.kinds.memberships.rows {
		if sameID(m.now.CustomerID, &r.ID) {
			u.forgetMembership(id)
		}
	}
	for id, g := range u.kinds.giftCards.rows {
		if sameID(g.now.CustomerID, &r.ID) {
			u.forgetGiftCard(id)
		}
	}
	for id, b := range u.kinds.groupBookings.rows {
		if sameID(b.now.OrganisationCustomerID, &r.ID) || sameID(b.now.PersonCustomerID, &r.ID) {
			u.forgetBooking(id, &r.ID)
		}
	}
}

// forgetOrder keeps what was sold and paid. Where the order itself is forgotten
// nobody in it stays; where its buyer is, those holders stay that are others.
func (u *unit) forgetOrder(o *order, everybody bool, lost lostContact) {
	if o == nil {
		return
	}
	if o.row.ContactID != nil {
		lost.contact = *o.row.ContactID
		u.forgotten.contacts = append(u.forgotten.contacts, lost)
	}
	o.forgetTexts(o.people())
	for _, l := range o.lines {
		if everybody || samePerson(o.buyer, readPerson(l.Holder)) {
			l.Holder = nil
		}
	}
	o.buyer, o.row.Buyer, o.row.Payer, o.row.Consents, o.row.AnonymizedAt = nil, nil, nil, json.RawMessage("[]"), &u.now
	if everybody {
		o.row.CustomerID = nil
	}
}

// forgetBeside takes an account out of somebody else's order, as who paid for it
// and who held its tickets.
func (o *order) forgetBeside(account string) {
	is := func(p *person) bool { return p != nil && p.Customer != nil && *p.Customer == account }
	if is(readPerson(o.row.Payer)) {
		o.row.Payer = nil
	}
	for _, l := range o.lines {
		if is(readPerson(l.Holder)) {
			l.Holder = nil
		}
	}
}

// samePerson reports whether a holder is the buyer, as far as can be told.
func samePerson(buyer, holder *person) bool {
	if buyer == nil || holder == nil {
		return holder != nil
	}
	for _, pair := range [][2]*string{{buyer.Customer, holder.Customer}, {buyer.Email, holder.Email}, {buyer.Phone, holder.Phone}} {
		if pair[0] != nil && pair[1] != nil && *pair[0] == *pair[1] {
			return true
		}
	}
	return !named(nameOf(holder)) || contacts.NamesCompatible(nameOf(buyer), nameOf(holder))
}

func (u *unit) forgetMembership(id uuid.UUID) {
	if e := u.kinds.memberships.rows[id]; e != nil {
		e.dirty, e.now.Holder, e.now.Number, e.now.AnonymizedAt = true, nil, nil, &u.now
	}
}

func (u *unit) forgetGiftCard(id uuid.UUID) {
	if e := u.kinds.giftCards.rows[id]; e != nil {
		e.dirty, e.now.AnonymizedAt = true, &u.now
	}
}

// forgetBooking empties both snapshots, or that of one account.
func (u *unit) forgetBooking(id uuid.UUID, account *uuid.UUID) {
	e := u.kinds.groupBookings.rows[id]
	if e == nil {
		return
	}
	e.dirty, e.now.AnonymizedAt = true, &u.now
	if account == nil || sameID(e.now.OrganisationCustomerID, account) {
		e.now.Organisation = nil
	}
	if account == nil || sameID(e.now.PersonCustomerID, account) {
		e.now.Person = nil
	}
}

// withhold takes out of a message what says something of somebody who was
// forgotten, whether the record was or the account that it names.
func (u *unit) withhold(m *message, r *Record) {
	parted := u.partedFrom(m, r)
	if parted == nothing && len(u.forgotten.records)+len(u.forgotten.buyers)+len(u.forgotten.holders)+len(u.forgotten.persons)+len(u.gone.contacts)+len(u.gone.cards) == 0 {
		return
	}
	self := u.forgotten.records[r.ID] || parted == allGone
	gone := func(account *string) bool {
		if account == nil {
			return false
		}
		named := u.records[recordKey{kindCustomer, *account}]
		return named != nil && u.forgotten.records[named.ID]
	}
	switch {
	case m.order != nil:
		m.order.parted = parted
		u.withholdOrder(m, gone, self, self || parted == buyerGone || u.forgotten.buyers[r.ID] || u.erased(m.order.Buyer) || m.order.Buyer != nil && gone(m.order.Buyer.Customer))
	case m.membership != nil && (self || gone(m.membership.account()) || u.erased(m.membership.Holder)):
		d := *m.membership
		d.Customer = m.membership.account()
		d.Holder, d.Number = nil, nil
		m.membership = &d
	case m.groupBooking != nil:
		d := *m.groupBooking
		if self || gone(d.organisationAccount) || u.erased(d.Organisation) {
			d.Organisation = nil
		}
		if self || gone(d.personAccount) || u.forgotten.persons[r.ID] || u.erased(d.ContactPerson) {
			d.ContactPerson = nil
		}
		m.groupBooking = &d
	}
}

// withholdOrder takes its buyer out of an order, where that is somebody who was
// forgotten, and of its tickets those holders who were.
func (u *unit) withholdOrder(m *message, gone func(account *string) bool, self, buyer bool) {
	account := func(p *person) bool { return p != nil && gone(p.Customer) }
	d := *m.order
	d.Lines = slices.Clone(d.Lines)
	if buyer {
		people := told(m.people()...)
		if o := u.orders[u.records[recordKey{m.kind, m.externalID}].ID]; o != nil {
			people = append(people, o.people()...)
		}
		d.withholdTexts(people)
	}
	for i, l := range d.Lines {
		ticket := u.records[recordKey{kindTicket, l.ExternalID}]
		if self || u.erased(l.Holder) || account(l.Holder) || ticket != nil && u.forgotten.holders[ticket.ID] || buyer && m.order.Buyer != nil && samePerson(m.order.Buyer, l.Holder) {
			d.Lines[i].Holder = nil
		}
	}
	if u.erased(d.Payer) || account(d.Payer) {
		d.Payer = nil
	}
	if buyer {
		d.forgottenBuyer = nil
		if !self && m.order.Buyer != nil && (d.parted == nothing || gone(m.order.Buyer.Customer)) {
			d.forgottenBuyer = m.order.Buyer.Customer
		}
		d.Buyer, d.Payer, d.Consents, d.forgotten = nil, nil, nil, true
	}
	m.order = &d
}

// forgetContacts decides about the contacts that this source no longer knows.
// One that something else knows is kept and loses only the account's name; one
// that nothing knows is emptied.
func (u *unit) forgetContacts(ctx context.Context) error {
	if u.erasing {
		return nil
	}
	for id, name := range u.forgotten.names { // also of an account that was never described
		c, err := u.s.contacts.FindByExternalIDTx(ctx, u.tx, u.sourceName(), name.externalID)
		if err != nil {
			return err
		}
		if c != nil {
			u.forgotten.contacts = append(u.forgotten.contacts, lostContact{c.ID, name.externalID, id})
		}
	}
	seen := map[uuid.UUID]bool{}
	for _, lost := range u.forgotten.contacts {
		survivor, err := u.s.contacts.SurvivorTx(ctx, u.tx, lost.contact)
		if f, ok := fault.As(pg.Translate(err)); ok && (f.Kind == fault.Missing || f.Code == "contact-erased") {
			continue
		}
		if err != nil {
			return err
		}
		known, err := u.s.q.IsKnownOtherwise(ctx, u.tx, ticketingdb.IsKnownOtherwiseParams{TenantID: u.source.TenantID, ContactID: survivor.ID, Source: u.sourceName(), ExternalID: lost.account})
		if err != nil {
			return err
		}
		if lost.account != "" {
			if err := u.s.contacts.ForgetExternalIDTx(ctx, u.tx, survivor.ID, u.sourceName(), lost.account); err != nil {
				return err
			}
		}
		if u.forgotten.became[lost.record] = contactKept; known && !seen[survivor.ID] {
			continue
		}
		if u.forgotten.became[lost.record] = contactBlanked; seen[survivor.ID] {
			continue
		}
		seen[survivor.ID] = true
		if err := u.s.contacts.BlankTx(ctx, u.tx, survivor.ID, u.sourceName()); err != nil {
			return err
		}
	}
	return nil
}

// What became of the contact of a record that was forgotten.
const (
	contactNone    = "none"
	contactKept    = "kept"
	contactBlanked = "blanked"
)

// Forgetting is what came of anonymising a record.
type Forgetting struct {
	Status  string
	ID      uuid.UUID
	Contact string
}

// Anonymize forgets whom a record of a source is about. It is for the source,
// which forgot them itself, and for the erasure of a contact, which asks it of
// each record that the contact's accounts are.
func (s *Service) Anonymize(ctx context.Context, reference, kind, externalID string) (Forgetting, error) {
	outcomes, err := s.Receive(ctx, reference, []Input{{Kind: kind, ExternalID: externalID, Anonymize: true}})
	if err != nil {
		return Forgetting{}, err
	}
	out := outcomes[0]
	if out.Problem != nil {
		return Forgetting{}, out.Problem
	}
	return Forgetting{out.Status, *out.ID, fallback(out.forgotten, contactNone)}, nil
}
