package ticketing

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
)

type recordKey struct{ kind, externalID string }

// unit is the state of everything that some messages touch, loaded whole,
// changed in memory and written back whole.
type unit struct {
	// contested are the tickets of which every order that names them was read.
	contested map[uuid.UUID]bool
	s         *Service
	tx        pgx.Tx
	source    Source
	now       time.Time

	records      map[recordKey]*Record
	recordOf     map[uuid.UUID]*Record
	dirtyRecords map[*Record]bool
	counted      map[*Record]standing // how the counts have each record that was read

	productions  map[uuid.UUID]*entity[ticketingdb.TicketingProduction]
	performances map[uuid.UUID]*entity[ticketingdb.TicketingPerformance]
	priceTypes   map[uuid.UUID]*entity[ticketingdb.TicketingPriceType]
	customers    map[uuid.UUID]*entity[ticketingdb.TicketingCustomer]
	orders       map[uuid.UUID]*order
	sequence     []uuid.UUID // orders in the order they were touched

	matching
	people    register
	fresh     *contacts.Creation // contacts that wait to be written together
	movements []ticketingdb.TicketingMovement

	kinds        *shelves
	settings     settings
	giftBalances map[uuid.UUID]map[string]balance
	giftEntries  []ticketingdb.TicketingGiftCardEntry
	forgotten    forgotten
	key          []byte // of names that are forgotten; nil: none is yet, or by this unit
	gone         erasedNames
	erasing      bool           // contacts are erased: what becomes of them is decided already
	belongings   []events.Entry // what came of it for records that nobody described
}

// entity is a row as it was and as it is. before is nil for a row that this
// unit makes.
type entity[T any] struct {
	before *T
	now    T
	dirty  bool
}

func newUnit(s *Service, tx pgx.Tx, source Source, now time.Time) *unit {
	return &unit{
		matching: matching{met: map[uuid.UUID]bool{}},
		s:        s, tx: tx, source: source, now: now,
		records: map[recordKey]*Record{}, recordOf: map[uuid.UUID]*Record{}, dirtyRecords: map[*Record]bool{}, counted: map[*Record]standing{},
		productions: map[uuid.UUID]*entity[ticketingdb.TicketingProduction]{}, performances: map[uuid.UUID]*entity[ticketingdb.TicketingPerformance]{},
		priceTypes: map[uuid.UUID]*entity[ticketingdb.TicketingPriceType]{}, customers: map[uuid.UUID]*entity[ticketingdb.TicketingCustomer]{},
		orders: map[uuid.UUID]*order{}, fresh: s.contacts.NewCreation(),
		kinds: newShelves(s.q, source, now), settings: settingsOf(source), giftBalances: map[uuid.UUID]map[string]balance{},
		forgotten: forgotten{records: map[uuid.UUID]bool{}, names: map[uuid.UUID]recordKey{}, became: map[uuid.UUID]string{},
			buyers: map[uuid.UUID]bool{}, holders: map[uuid.UUID]bool{}, persons: map[uuid.UUID]bool{}, emptied: map[uuid.UUID]bool{}},
		gone: erasedNames{contacts: map[uuid.UUID]bool{}, cards: map[string]bool{}},
	}
}

// references are the records that a message names, itself first.
func (m *message) references() []recordKey {
	out := []recordKey{{m.kind, m.externalID}}
	add := func(kind string, name *string) {
		if name != nil {
			out = append(out, recordKey{kind, *name})
		}
	}
	switch {
	case m.performance != nil:
		add(kindProduction, m.performance.Production)
		add(kindVenue, m.performance.Venue)
		add(kindPerformance, m.performance.Replaces)
	case m.order != nil:
		add(kindOrder, m.order.SplitFrom)
		if m.order.Buyer != nil {
			add(kindCustomer, m.order.Buyer.Customer)
		}
		for i := range m.order.Lines {
			l := &m.order.Lines[i]
			add(kindTicket, &l.ExternalID)
			add(kindPerformance, l.Performance)
			add(kindPriceType, l.PriceType)
			add(kindProduct, l.Product)
			add(kindVoucher, l.Voucher.record())
		}
	default:
		m.kindReferences(add)
	}
	return out
}

// accountsBeside are those that an order names besides its buyer's.
func (m *message) accountsBeside() (out []string) {
	if m == nil || m.order == nil {
		return nil
	}
	add := func(p *person) {
		if p != nil && p.Customer != nil {
			out = append(out, *p.Customer)
		}
	}
	add(m.order.Payer)
	for _, l := range m.order.Lines {
		add(l.Holder)
	}
	return out
}

// load reads the state of what the messages touch, in a number of statements
// that does not depend on how many they are.
func (u *unit) load(ctx context.Context, messages []*message) error {
	var kinds, names []string
	seen := map[recordKey]bool{}
	var described []recordKey
	for _, m := range messages {
		if m == nil {
			continue
		}
		for i, k := range m.references() {
			if !seen[k] {
				seen[k] = true
				kinds, names = append(kinds, k.kind), append(names, k.externalID)
			}
			if i == 0 {
				described = append(described, k)
			}
		}
	}
	tenant := u.source.TenantID
	found, err := u.s.q.FindRecords(ctx, u.tx, ticketingdb.FindRecordsParams{TenantID: tenant, SourceID: u.source.ID, Kinds: kinds, ExternalIds: names})
	if err != nil {
		return err
	}
	for _, r := range found {
		u.read(r)
	}
	forgetting := slices.ContainsFunc(messages, func(m *message) bool { return m != nil && m.anonymize })
	if u.key, err = u.s.contacts.ForgettingKeyTx(ctx, u.tx, forgetting); err != nil {
		return err
	}
	// Who pays for another, or holds a ticket, may be an account that was forgotten;
	// of one that was not, no record is made for it.
	besideKinds, besideNames := slices.Clone(kinds), slices.Clone(names)
	for _, m := range messages {
		for _, account := range m.accountsBeside() {
			besideKinds, besideNames = append(besideKinds, kindCustomer), append(besideNames, account)
		}
	}
	if err := u.recallForgotten(ctx, besideKinds, besideNames); err != nil {
		return err
	}
	if err := u.recallErased(ctx, messages); err != nil {
		return err
	}
	for i := range kinds {
		k := recordKey{kinds[i], names[i]}
		if u.records[k] == nil {
			u.dirtyRecords[u.know(Record{TenantID: tenant, SourceID: u.source.ID, Kind: k.kind, ExternalID: k.externalID, ID: ids.New(), Stub: true, CreatedAt: u.now, UpdatedAt: u.now})] = true
		}
	}
	byKind := map[string][]uuid.UUID{}
	for _, k := range described {
		byKind[k.kind] = append(byKind[k.kind], u.records[k].ID)
	}
	if err := u.addForgetting(ctx, messages, byKind); err != nil {
		return err
	}
	if err := u.loadCatalogue(ctx, byKind); err != nil {
		return err
	}
	for _, shelf := range u.kinds.all() {
		if list := byKind[shelf.named()]; len(list) > 0 {
			if err := shelf.load(ctx, u, list); err != nil {
				return err
			}
		}
	}
	if list := byKind[kindGiftCard]; len(list) > 0 {
		if err := u.loadGiftBalances(ctx, list); err != nil {
			return err
		}
	}
	if err := u.loadOrders(ctx, byKind[kindOrder]); err != nil {
		return err
	}
	if err := u.recallParents(ctx, messages); err != nil {
		return err
	}
	u.makeStubs()
	return nil
}

// read knows a record that is in the database.
func (u *unit) read(r Record) {
	p := u.know(r)
	u.counted[p] = standingOf(p)
}

// wasKnown reports whether something could have referred to a record before.
func (u *unit) wasKnown(id uuid.UUID) bool {
	r := u.recordOf[id]
	return r == nil || u.counted[r] != 0
}

func (u *unit) know(r Record) *Record {
	p := &r
	u.records[recordKey{r.Kind, r.ExternalID}] = p
	u.recordOf[r.ID] = p
	return p
}

func (u *unit) loadCatalogue(ctx context.Context, wanted map[string][]uuid.UUID) error {
	tenant := u.source.TenantID
	if list := wanted[kindProduction]; len(list) > 0 {
		rows, err := u.s.q.FindProductions(ctx, u.tx, tenant, list)
		if err != nil {
			return err
		}
		for _, r := range rows {
			u.productions[r.ID] = loaded(r)
		}
	}
	if list := wanted[kindPerformance]; len(list) > 0 {
		rows, err := u.s.q.FindPerformances(ctx, u.tx, tenant, list)
		if err != nil {
			return err
		}
		for _, r := range rows {
			u.performances[r.ID] = loaded(r)
		}
	}
	if list := wanted[kindPriceType]; len(list) > 0 {
		rows, err := u.s.q.FindPriceTypes(ctx, u.tx, tenant, list)
		if err != nil {
			return err
		}
		for _, r := range rows {
			u.priceTypes[r.ID] = loaded(r)
		}
	}
	if list := wanted[kindCustomer]; len(list) > 0 {
		rows, err := u.s.q.FindCustomers(ctx, u.tx, tenant, list)
		if err != nil {
			return err
		}
		for _, r := range rows {
			u.customers[r.ID] = loaded(r)
		}
	}
	return nil
}

func loaded[T any](row T) *entity[T] {
	before := row
	return &entity[T]{before: &before, now: row}
}

// makeStubs gives every new record its row, so that others can refer to it.
func (u *unit) makeStubs() {
	var fresh []*Record
	for r := range u.dirtyRecords {
		fresh = append(fresh, r)
	}
	slices.SortFunc(fresh, func(a, b *Record) int { return slices.Compare(a.ID[:], b.ID[:]) })
	for _, r := range fresh {
		switch r.Kind {
		case kindProduction:
			u.productions[r.ID] = &entity[ticketingdb.TicketingProduction]{dirty: true, now: ticketingdb.TicketingProduction{
				TenantID: r.TenantID, ID: r.ID, SourceID: r.SourceID, ExternalID: r.ExternalID, Name: json.RawMessage("{}"), StatedReferences: json.RawMessage("[]"), SetReferences: json.RawMessage("[]"), Stub: true, Version: 1, CreatedAt: u.now, UpdatedAt: u.now}}
		case kindPerformance:
			u.performances[r.ID] = &entity[ticketingdb.TicketingPerformance]{dirty: true, now: ticketingdb.TicketingPerformance{
				TenantID: r.TenantID, ID: r.ID, SourceID: r.SourceID, ExternalID: r.ExternalID, Name: json.RawMessage("{}"), TimeZone: u.source.TimeZone, Status: "scheduled", StatedReferences: json.RawMessage("[]"), SetReferences: json.RawMessage("[]"), Stub: true, Version: 1, CreatedAt: u.now, UpdatedAt: u.now}}
		case kindPriceType:
			class, origin := u.settings.class(r.ExternalID, nil)
			u.priceTypes[r.ID] = &entity[ticketingdb.TicketingPriceType]{dirty: true, now: ticketingdb.TicketingPriceType{
				TenantID: r.TenantID, ID: r.ID, SourceID: r.SourceID, ExternalID: r.ExternalID, Name: json.RawMessage("{}"), Class: class, ClassOrigin: origin, Stub: true, Version: 1, CreatedAt: u.now, UpdatedAt: u.now}}
		case kindCustomer:
			u.customers[r.ID] = &entity[ticketingdb.TicketingCustomer]{dirty: true, now: ticketingdb.TicketingCustomer{
				TenantID: r.TenantID, ID: r.ID, SourceID: r.SourceID, ExternalID: r.ExternalID, Consents: json.RawMessage("[]"), Stub: true, Version: 1, CreatedAt: u.now, UpdatedAt: u.now}}
		case kindOrder:
			u.orders[r.ID] = newOrder(ticketingdb.TicketingOrder{
				TenantID: r.TenantID, ID: r.ID, SourceID: r.SourceID, ExternalID: r.ExternalID, Currency: u.source.Currency, CommercialState: "reserved", PaymentState: "unpaid",
				Consents: json.RawMessage("[]"), Stub: true, Version: 1, CreatedAt: u.now, UpdatedAt: u.now})
			u.sequence = append(u.sequence, r.ID)
		default:
			if shelf := u.kinds.on(r.Kind); shelf != nil {
				shelf.stub(r)
			}
		}
	}
}

// take applies one message to the state in memory.
func (u *unit) take(m *message, out *Outcome) {
	r := u.records[recordKey{m.kind, m.externalID}]
	id := r.ID
	out.ID = &id
	if m.anonymize {
		out.Status = u.forget(r)
		return
	}
	if !m.delete && r.Kind == kindCustomer && (u.forgotten.records[id] || u.erased(m.customer)) {
		out.Status = Forgotten
		return
	}
	u.withhold(m, r)
	wasStub, wasDeleted := r.Stub, r.Deleted
	if m.delete {
		if held := deletionPosition(r); held != nil && m.position.compare(*held) <= 0 {
			out.Status = Stale
			if m.position.compare(*held) == 0 {
				out.Status = Unchanged
			}
			return
		}
		r.DeletionVersion, r.DeletionModifiedAt = m.position.version, m.position.modifiedAt
	} else {
		if held := contentPosition(r); held != nil && m.position.compare(*held) <= 0 {
			out.Status = Stale
			if m.position.compare(*held) == 0 {
				out.Status = Unchanged
				u.present(m, r, out)
			}
			return
		}
		same := r.ContentHash != nil && *r.ContentHash == m.position.hash
		r.ContentVersion, r.ContentModifiedAt, r.ContentHash, r.Stub = m.position.version, m.position.modifiedAt, &m.position.hash, false
		out.Status = Updated
		if wasStub {
			out.Status = Created
		}
		if same && !wasDeleted {
			out.Status = Unchanged
		}
	}
	if same := r.Absences >= absentAfter; same && out.Status == Unchanged {
		out.Status = Updated
	}
	r.Absences, r.MissingSince, r.AbsentAsOf = 0, nil, nil
	settleDeleted(r)
	r.UpdatedAt = u.now
	u.dirtyRecords[r] = true
	switch {
	case m.delete && r.Deleted:
		out.Status = Applied
		if wasDeleted {
			out.Status = Unchanged
		}
	case m.delete, r.Deleted:
		out.Status = Stale
	case wasDeleted:
		out.Status = Created
	}
	if m.order != nil {
		u.inherit(r, m.order.parted)
	}
	if out.Status != Unchanged || !m.delete {
		u.project(m, r)
	}
}

// project brings the row of a record in line with its newest description.
// Catalogue rows keep what they say when they are deleted, since tickets refer
// to them; accounts and orders are emptied.
func (u *unit) project(m *message, r *Record) {
	switch m.kind {
	case kindProduction:
		e := u.productions[r.ID]
		e.dirty, e.now.Stub, e.now.Deleted = true, r.Stub, r.Deleted
		if d := m.production; d != nil {
			e.now.Name, e.now.Discipline, e.now.Season = encode(d.Name), d.Discipline, d.Season
			e.now.Festival, e.now.SibilDomain, e.now.YoungAudience, e.now.StatedReferences = d.Festival, d.SibilDomain, d.YoungAudience, keptReferences(d.References)
		}
	case kindPerformance:
		e := u.performances[r.ID]
		e.dirty, e.now.Stub, e.now.Deleted = true, r.Stub, r.Deleted
		if d := m.performance; d != nil {
			e.now.Name, e.now.StartsAt, e.now.EndsAt, e.now.Venue, e.now.Capacity, e.now.Status = encode(d.Name), d.StartsAt, d.EndsAt, d.Venue, d.Capacity, d.Status
			e.now.TimeZone, e.now.ProductionID = or(d.TimeZone, u.source.TimeZone), u.reference(kindProduction, d.Production)
			e.now.AdmissionAt, e.now.SibilDomain, e.now.YoungAudience, e.now.StatedStatus = d.AdmissionAt, d.SibilDomain, d.YoungAudience, &d.Status
			e.now.StatedReferences = keptReferences(d.References)
			e.now.VenueID, e.now.ReplacesID = u.reference(kindVenue, d.Venue), u.reference(kindPerformance, d.Replaces)
		}
	case kindPriceType:
		e := u.priceTypes[r.ID]
		e.dirty, e.now.Stub, e.now.Deleted = true, r.Stub, r.Deleted
		if d := m.priceType; d != nil {
			e.now.Name, e.now.StatedClass, e.now.Audience = encode(d.Name), d.Class, d.Audience
			e.now.Class, e.now.ClassOrigin = u.settings.class(r.ExternalID, d.Class)
		}
	case kindCustomer:
		e := u.customers[r.ID]
		e.dirty, e.now.Stub, e.now.Deleted = true, r.Stub, r.Deleted
		if r.Deleted {
			e.now.Profile, e.now.ContactID, e.now.MatchRule, e.now.MatchScore, e.now.MatchInputs = nil, nil, nil, nil, nil
			e.now.Consents = json.RawMessage("[]")
		} else if m.customer != nil {
			e.now.Profile, e.now.Consents = encode(m.customer), consentsOf(m.consents)
		}
	case kindOrder:
		u.projectOrder(m, r)
	default:
		u.projectKind(m, r)
	}
}

// reference is the id of a record that a message names.
func (u *unit) reference(kind string, name *string) *uuid.UUID {
	if name == nil {
		return nil
	}
	id := u.records[recordKey{kind, *name}].ID
	return &id
}

// encode writes what was decoded a moment ago, which cannot fail.
func encode(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil || string(raw) == "null" {
		return json.RawMessage("{}")
	}
	return raw
}

// complete adds to an outcome what is known once everything is settled.
func (u *unit) complete(m *message, out *Outcome) {
	r := u.records[recordKey{m.kind, m.externalID}]
	out.forgotten = u.forgotten.became[r.ID]
	switch m.kind {
	case kindOrder:
		if o := u.orders[r.ID]; o != nil && !o.row.Deleted {
			out.ContactID, out.Match = o.row.ContactID, matchOf(o.row.MatchRule, o.row.MatchScore, o.row.MatchInputs)
		}
	case kindCustomer:
		if e := u.customers[r.ID]; e != nil && !e.now.Deleted {
			out.ContactID, out.Match = e.now.ContactID, matchOf(e.now.MatchRule, e.now.MatchScore, e.now.MatchInputs)
		}
	case kindMembership:
		if e := u.kinds.memberships.rows[r.ID]; e != nil {
			out.ContactID = e.now.ContactID
		}
	case kindGiftCard:
		if e := u.kinds.giftCards.rows[r.ID]; e != nil {
			out.ContactID = e.now.ContactID
		}
	case kindGroupBooking:
		if e := u.kinds.groupBookings.rows[r.ID]; e != nil {
			out.ContactID = e.now.ContactID
		}
	}
}

func matchOf(rule *string, score *float64, inputs *string) *Match {
	if rule == nil {
		return nil
	}
	return &Match{Rule: *rule, Confidence: or(score, 0), InputsDigest: inputs}
}
