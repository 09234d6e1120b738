package ticketing

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// Names under which the list of who was forgotten has parts of a record: its
// buyer alone, the holder of a ticket, the contact person of a booking.
const (
	partBuyer  = "buyer"
	partHolder = "ticket"
	partPerson = "booking_person"
)

// Account is an account at a source, by its name there.
type Account struct {
	Source     Source
	ExternalID string
}

// ErasedSales is what became of what erased contacts have at the sources.
type ErasedSales struct {
	// Accounts were theirs: their sources are to forget them too.
	Accounts []Account
	// Records are all that were touched, by their names at their sources.
	Records []SourceRecord
	// What stays, as of nobody.
	Orders, Memberships, GiftCards, Bookings int64
	// Codes that were issued to them, now to nobody.
	Vouchers int64
	// What was emptied in orders of others.
	Tickets int64
}

// SourceRecord is a record by its name at its source.
type SourceRecord struct {
	SourceID         uuid.UUID
	Kind, ExternalID string
}

// HoldAllTx makes this transaction the only writer of every source: until it ends
// nothing arrives of anybody. It comes before contacts are held, as in everything
// that takes sales in.
func (s *Service) HoldAllTx(ctx context.Context, tx pgx.Tx) error {
	sources, err := s.allSources(ctx, tx)
	if err != nil {
		return err
	}
	t := affected{}
	for _, source := range sources {
		t.at(source.ID)
	}
	if len(sources) == 0 {
		return nil
	}
	return s.lockSources(ctx, tx, sources[0].TenantID, t)
}

func (s *Service) allSources(ctx context.Context, tx pgx.Tx) ([]Source, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	return s.q.ListSources(ctx, tx, ticketingdb.ListSourcesParams{TenantID: actor.Tenant, PageSize: 1000})
}

// EraseTx forgets erased contacts at every source, as an anonymisation by the
// source does, and whatever was found out or decided about whose sales are
// theirs (GDPR art. 17). What was sold and paid stays, of nobody, since the
// institution has to account for it (code de commerce, art. L123-22). The register
// has erased them before, and the caller holds every source.
func (s *Service) EraseTx(ctx context.Context, tx pgx.Tx, e contacts.Erasing) (ErasedSales, error) {
	var out ErasedSales
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return out, err
	}
	found, err := s.q.FindSalesOf(ctx, tx, actor.Tenant, e.IDs())
	if err != nil {
		return out, err
	}
	sources, err := s.allSources(ctx, tx)
	if err != nil {
		return out, err
	}
	// First, since what was decided stands above what is found.
	if _, err := s.q.EraseDecisions(ctx, tx, actor.Tenant, e.IDs(), []uuid.UUID{}); err != nil {
		return out, err
	}
	var subjects, orders []uuid.UUID
	for _, source := range sources {
		theirs := erasable{names: map[string][]string{}}
		for _, r := range found {
			if r.SourceID == source.ID {
				theirs.add(r.Part, r.ExternalID)
				out.count(r.Part)
			}
		}
		for _, x := range e.ExternalIDs {
			if x.Source == sourceName(source) {
				theirs.add(kindCustomer, x.ExternalID)
			}
		}
		if len(theirs.names) == 0 {
			continue
		}
		touched, bought, err := s.eraseAt(ctx, tx, source, theirs, e.At)
		if err != nil {
			return out, err
		}
		subjects, orders = append(subjects, touched...), append(orders, bought...)
		for _, name := range theirs.names[kindCustomer] {
			out.Accounts = append(out.Accounts, Account{source, name})
		}
		for part, names := range theirs.names {
			if part == "held" || part == partPerson {
				continue
			}
			for _, name := range names {
				out.Records = append(out.Records, SourceRecord{source.ID, part, name})
			}
		}
	}
	issued, err := s.q.EraseVoucherIssues(ctx, tx, e.At, actor.Tenant, e.IDs())
	if err != nil {
		return out, err
	}
	out.Vouchers, subjects = int64(len(issued)), append(subjects, issued...)
	if err := s.eraseFindings(ctx, tx, e, some(subjects), some(orders)); err != nil {
		return out, err
	}
	_, err = events.EraseChangesOfTx(ctx, tx, actor.Tenant, subjects)
	return out, err
}

func (e *ErasedSales) count(part string) {
	switch part {
	case kindOrder:
		e.Orders++
	case kindMembership:
		e.Memberships++
	case kindGiftCard:
		e.GiftCards++
	case kindGroupBooking, partPerson:
		e.Bookings++
	case partHolder:
		e.Tickets++
	}
}

// erasable are the names at one source of what is to be forgotten, by what it is.
type erasable struct{ names map[string][]string }

func (e erasable) add(part, name string) {
	if !slices.Contains(e.names[part], name) {
		e.names[part] = append(e.names[part], name)
	}
}

// eraseAt forgets what is named at one source. It returns the records whose
// history says something of the forgotten, and the orders that they bought.
func (s *Service) eraseAt(ctx context.Context, tx pgx.Tx, source Source, theirs erasable, now time.Time) (subjects, bought []uuid.UUID, err error) {
	u := newUnit(s, tx, source, now)
	u.erasing = true
	var messages []*message
	for part, names := range theirs.names {
		kind := part
		switch part {
		case "held":
			kind = kindOrder
		case partPerson:
			kind = kindGroupBooking
		case partHolder:
			continue // they are read with their orders
		}
		for _, name := range names {
			messages = append(messages, &message{kind: kind, externalID: name, anonymize: true})
		}
	}
	if err := u.load(ctx, messages); err != nil {
		return nil, nil, err
	}
	for _, kind := range []string{kindCustomer, kindMembership, kindGiftCard, kindGroupBooking} {
		for _, name := range theirs.names[kind] {
			u.forget(u.records[recordKey{kind, name}])
		}
	}
	for _, name := range theirs.names[kindOrder] {
		u.forgetBuyer(u.orders[u.records[recordKey{kindOrder, name}].ID])
	}
	for _, name := range theirs.names[partPerson] {
		u.forgetPerson(u.records[recordKey{kindGroupBooking, name}])
	}
	u.forgetHolders(theirs.names[partHolder])
	for id, o := range u.orders {
		if o.row.AnonymizedAt != nil && o.row.AnonymizedAt.Equal(now) {
			o.row.ClaimHash = nil
			subjects, bought = append(subjects, id), append(bought, id)
		}
	}
	subjects = append(subjects, dirtyKeys(u.customers)...)
	subjects = append(subjects, dirtyKeys(u.kinds.memberships.rows)...)
	subjects = append(subjects, dirtyKeys(u.kinds.giftCards.rows)...)
	subjects = append(subjects, dirtyKeys(u.kinds.groupBookings.rows)...)
	return subjects, bought, u.conclude(ctx, nil, nil)
}

// forgetBuyer empties what an order says of who bought it, for good.
func (u *unit) forgetBuyer(o *order) {
	if o == nil {
		return
	}
	if !u.forgotten.buyers[o.row.ID] {
		u.forgotten.buyers[o.row.ID] = true
		u.remember(partBuyer, o.row.ExternalID, o.row.ID)
	}
	o.retry = true
	if o.buyer != nil {
		u.forgetOrder(o, false, lostContact{record: o.row.ID})
		return
	}
	// Somebody said that it was theirs: nothing else in it tells of them.
	o.forgetTexts(o.people())
	o.row.Payer, o.row.Consents, o.row.AnonymizedAt = nil, json.RawMessage("[]"), &u.now
}

// forgetPerson empties what a booking says of its contact person, for good.
func (u *unit) forgetPerson(r *Record) {
	if !u.forgotten.persons[r.ID] {
		u.forgotten.persons[r.ID] = true
		u.remember(partPerson, r.ExternalID, r.ID)
	}
	if e := u.kinds.groupBookings.rows[r.ID]; e != nil {
		e.dirty, e.now.Person, e.now.AnonymizedAt = true, nil, &u.now
	}
}

// forgetHolders empties who holds these tickets, for good, in whichever orders
// they are.
func (u *unit) forgetHolders(tickets []string) {
	named := map[string]bool{}
	for _, name := range tickets {
		named[name] = true
	}
	for _, o := range u.orders {
		for ticket, l := range o.lines {
			if !named[l.ExternalID] {
				continue
			}
			l.Holder = nil
			if !u.forgotten.holders[ticket] {
				u.forgotten.holders[ticket] = true
				u.remember(partHolder, l.ExternalID, ticket)
			}
		}
	}
}

func (u *unit) remember(part, name string, record uuid.UUID) {
	u.forgotten.rows = append(u.forgotten.rows, ticketingdb.TicketingForgotten{TenantID: u.source.TenantID, SourceID: u.source.ID, Kind: part,
		NameHash: nameHash(u.key, u.source, part, name), RecordID: record, AnonymizedAt: u.now})
}

// eraseFindings removes what was found out and decided about whom sales belong to.
func (s *Service) eraseFindings(ctx context.Context, tx pgx.Tx, e contacts.Erasing, subjects, orders []uuid.UUID) error {
	tenant, all := e.Contact.TenantID, e.IDs()
	if _, err := s.q.EraseCandidates(ctx, tx, tenant, all); err != nil {
		return err
	}
	if _, err := s.q.EraseReviews(ctx, tx, ticketingdb.EraseReviewsParams{TenantID: tenant, Contacts: all, Subjects: subjects, At: e.At}); err != nil {
		return err
	}
	if _, err := s.q.EraseProposals(ctx, tx, tenant, all); err != nil {
		return err
	}
	if _, err := s.q.EraseDecisions(ctx, tx, tenant, all, orders); err != nil {
		return err
	}
	if err := s.q.EraseMoves(ctx, tx, tenant, all); err != nil {
		return err
	}
	if addresses := e.Reached(contacts.Email); len(addresses) > 0 {
		return s.q.EraseMailboxes(ctx, tx, tenant, addresses)
	}
	return nil
}

// erasedNames are identifiers by which a source names somebody who was erased.
type erasedNames struct {
	contacts map[uuid.UUID]bool
	cards    map[string]bool
}

// recallErased finds which of the identifiers of ours that messages carry are of
// somebody who was erased.
func (u *unit) recallErased(ctx context.Context, messages []*message) error {
	named, cards := map[uuid.UUID]bool{}, map[string]bool{}
	for _, m := range messages {
		if m == nil {
			continue
		}
		for _, p := range m.people() {
			if p == nil {
				continue
			}
			note(named, or(p.ContactID, uuid.Nil))
			note(cards, strings.TrimSpace(or(p.CardNumber, "")))
		}
	}
	if len(named) > 0 {
		found, err := u.s.q.FindErasedContacts(ctx, u.tx, u.source.TenantID, keysOf(named))
		if err != nil {
			return err
		}
		for _, id := range found {
			u.gone.contacts[id] = true
		}
	}
	if len(cards) == 0 {
		return nil
	}
	var names []contacts.NewExternalID
	for number := range cards {
		names = append(names, contacts.NewExternalID{Source: cardSource, ExternalID: number})
	}
	erased, err := u.s.contacts.ErasedNamesTx(ctx, u.tx, names)
	for n := range erased {
		u.gone.cards[n.ExternalID] = true
	}
	return err
}

// people are all whom a message says something of.
func (m *message) people() []*person {
	out := []*person{m.customer}
	if m.order != nil {
		out = append(out, m.order.Buyer, m.order.Payer)
		for _, l := range m.order.Lines {
			out = append(out, l.Holder)
		}
	}
	if m.membership != nil {
		out = append(out, m.membership.Holder)
	}
	if m.groupBooking != nil {
		out = append(out, m.groupBooking.Organisation, m.groupBooking.ContactPerson)
	}
	return out
}

// erased reports whether a source names somebody who was erased by an identifier
// of ours.
func (u *unit) erased(p *person) bool {
	return p != nil && (u.gone.contacts[or(p.ContactID, uuid.Nil)] || u.gone.cards[strings.TrimSpace(or(p.CardNumber, ""))])
}
