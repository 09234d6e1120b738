package ticketing

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
)

type movementKey struct{ kind, externalID string }

type balance struct {
	minor    int64
	currency string
}

// order is an order with its parts, as it was and as it is.
type order struct {
	before      *ticketingdb.TicketingOrder
	row         ticketingdb.TicketingOrder
	linesBefore map[uuid.UUID]ticketingdb.TicketingLine
	lines       map[uuid.UUID]*ticketingdb.TicketingLine
	feesBefore  []ticketingdb.TicketingFee
	fees        []ticketingdb.TicketingFee
	paidBefore  []ticketingdb.TicketingPayment
	payments    []ticketingdb.TicketingPayment
	balances    map[movementKey]balance
	buyer       *person
	retry       bool // attribute again although the inputs are the same
	guests      bool // attribute tickets of unknown holders again
	changed     bool
	refunded    int64 // what this unit added to the ledger as refunds
}

func newOrder(row ticketingdb.TicketingOrder) *order {
	return &order{row: row, linesBefore: map[uuid.UUID]ticketingdb.TicketingLine{}, lines: map[uuid.UUID]*ticketingdb.TicketingLine{}, balances: map[movementKey]balance{}}
}

// loadOrders reads the orders described by messages, and those that share a
// ticket with them now or will.
func (u *unit) loadOrders(ctx context.Context, described []uuid.UUID) error {
	if len(described) == 0 {
		return nil
	}
	tenant := u.source.TenantID
	own, err := u.s.q.FindLines(ctx, u.tx, tenant, described)
	if err != nil {
		return err
	}
	var tickets []uuid.UUID
	for _, l := range own {
		tickets = append(tickets, l.TicketID)
	}
	u.contested = map[uuid.UUID]bool{}
	for _, r := range u.records {
		if r.Kind != kindTicket {
			continue
		}
		u.contested[r.ID] = true
		if !u.dirtyRecords[r] {
			tickets = append(tickets, r.ID)
		}
	}
	for _, ticket := range tickets {
		u.contested[ticket] = true
	}
	around := described
	if len(tickets) > 0 {
		others, err := u.s.q.FindOrdersAround(ctx, u.tx, tenant, tickets)
		if err != nil {
			return err
		}
		around = append(slices.Clone(described), others...)
	}
	return u.loadWhole(ctx, around)
}

// loadWhole reads orders with all their parts.
func (u *unit) loadWhole(ctx context.Context, wanted []uuid.UUID) error {
	tenant := u.source.TenantID
	rows, err := u.s.q.FindOrders(ctx, u.tx, tenant, wanted)
	if err != nil || len(rows) == 0 {
		return err
	}
	var list, unknown []uuid.UUID
	for _, row := range rows {
		if u.orders[row.ID] != nil {
			continue
		}
		before := row
		o := newOrder(row)
		o.before = &before
		o.buyer = readPerson(row.Buyer)
		u.orders[row.ID] = o
		list = append(list, row.ID)
		if u.recordOf[row.ID] == nil {
			unknown = append(unknown, row.ID)
		}
	}
	u.sequence = append(u.sequence, list...)
	lines, err := u.s.q.FindLines(ctx, u.tx, tenant, list)
	if err != nil {
		return err
	}
	for _, l := range lines {
		o := u.orders[l.OrderID]
		now := l
		o.linesBefore[l.TicketID], o.lines[l.TicketID] = l, &now
	}
	fees, err := u.s.q.FindFees(ctx, u.tx, tenant, list)
	if err != nil {
		return err
	}
	for _, f := range fees {
		o := u.orders[f.OrderID]
		o.feesBefore, o.fees = append(o.feesBefore, f), append(o.fees, f)
	}
	payments, err := u.s.q.FindPayments(ctx, u.tx, tenant, list)
	if err != nil {
		return err
	}
	for _, p := range payments {
		o := u.orders[p.OrderID]
		o.paidBefore, o.payments = append(o.paidBefore, p), append(o.payments, p)
	}
	balances, err := u.s.q.FindBalances(ctx, u.tx, tenant, list)
	if err != nil {
		return err
	}
	for _, b := range balances {
		if b.Balance != 0 {
			u.orders[b.OrderID].balances[movementKey{b.Kind, b.ExternalID}] = balance{b.Balance, b.Currency}
		}
	}
	if len(unknown) > 0 {
		records, err := u.s.q.FindRecordsByID(ctx, u.tx, tenant, unknown)
		if err != nil {
			return err
		}
		for _, r := range records {
			u.read(r)
		}
	}
	return nil
}

func readPerson(raw json.RawMessage) *person {
	if raw == nil {
		return nil
	}
	p := &person{}
	if json.Unmarshal(raw, p) != nil {
		return nil
	}
	return p
}

// projectOrder replaces everything an order consists of by its description.
func (u *unit) projectOrder(m *message, r *Record) {
	o := u.orders[r.ID]
	o.row.Stub, o.row.Deleted = r.Stub, r.Deleted
	if r.Deleted {
		o.empty(u.source.Currency)
		return
	}
	d := m.order
	if d == nil {
		return
	}
	o.row.Number, o.row.PlacedAt, o.row.Currency, o.row.Test, o.row.CommercialState = d.Number, d.PlacedAt, d.Currency, d.Test, d.CommercialState
	o.row.StatedState, o.row.CancellationReason = &d.CommercialState, nil
	o.row.ChannelKind, o.row.ChannelCode = nil, nil
	if d.Channel != nil {
		o.row.ChannelKind, o.row.ChannelCode = &d.Channel.Kind, d.Channel.Code
	}
	o.buyer = d.Buyer
	o.row.ClaimHash = claimHash(d.ClaimSecret)
	o.row.Buyer, o.row.Payer, o.row.Consents = snapshot(d.Buyer), snapshot(d.Payer), consentsOf(d.Consents)
	o.row.CustomerID, o.row.SplitFromID = nil, u.reference(kindOrder, d.SplitFrom)
	if d.Buyer != nil {
		o.row.CustomerID = u.reference(kindCustomer, d.Buyer.Customer)
	}
	if d.forgotten {
		o.row.CustomerID = u.reference(kindCustomer, d.forgottenBuyer)
		if o.row.AnonymizedAt == nil {
			o.row.AnonymizedAt = &u.now
		}
	}
	o.lines = map[uuid.UUID]*ticketingdb.TicketingLine{}
	for i := range d.Lines {
		l := &d.Lines[i]
		ticket := u.records[recordKey{kindTicket, l.ExternalID}]
		voucher, campaign := l.Voucher.offer()
		o.lines[ticket.ID] = &ticketingdb.TicketingLine{
			TenantID: r.TenantID, OrderID: r.ID, TicketID: ticket.ID, Rank: int32(i), ExternalID: l.ExternalID, Kind: l.Kind,
			PerformanceID: u.reference(kindPerformance, l.Performance), PriceTypeID: u.reference(kindPriceType, l.PriceType), Label: l.Label,
			AmountMinor: l.amount, TaxMinor: l.tax, TaxRateBp: l.TaxRateBP, Seat: l.Seat, Parent: l.Parent, Replaces: l.Replaces,
			State: l.State, Holder: snapshot(l.Holder), Version: 1,
			ProductID: u.reference(kindProduct, l.Product), Exemption: l.Exemption, VoucherCode: voucher, Campaign: campaign, VoucherID: u.reference(kindVoucher, l.Voucher.record()),
		}
	}
	o.fees = nil
	for _, f := range d.Fees {
		o.fees = append(o.fees, ticketingdb.TicketingFee{TenantID: r.TenantID, OrderID: r.ID, ExternalID: f.ExternalID, Kind: f.Kind, Label: f.Label,
			AmountMinor: f.amount, TaxMinor: f.tax, TaxRateBp: f.TaxRateBP, State: f.State})
	}
	o.payments = nil
	for kind, list := range map[string][]paymentDoc{"payment": d.Payments, "refund": d.Refunds} {
		for _, p := range list {
			o.payments = append(o.payments, ticketingdb.TicketingPayment{TenantID: r.TenantID, OrderID: r.ID, Kind: kind, ExternalID: p.ExternalID, Method: p.Method,
				AmountMinor: p.amount, State: p.State, At: p.At, Payment: p.Payment, Lines: append([]string{}, p.Lines...), Reason: p.Reason})
		}
	}
	sortParts(o)
}

func sortParts(o *order) {
	slices.SortFunc(o.fees, func(a, b ticketingdb.TicketingFee) int { return compareText(a.ExternalID, b.ExternalID) })
	byName := func(a, b ticketingdb.TicketingPayment) int {
		if c := compareText(a.Kind, b.Kind); c != 0 {
			return c
		}
		return compareText(a.ExternalID, b.ExternalID)
	}
	slices.SortFunc(o.payments, byName)
	slices.SortFunc(o.paidBefore, byName)
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func snapshot(p *person) json.RawMessage {
	if p == nil {
		return nil
	}
	return encode(p)
}

// empty leaves of a deleted order only that it was there.
func (o *order) empty(currency string) {
	stub, deleted := o.row.Stub, o.row.Deleted
	o.row = ticketingdb.TicketingOrder{
		TenantID: o.row.TenantID, ID: o.row.ID, SourceID: o.row.SourceID, ExternalID: o.row.ExternalID, Currency: currency, CommercialState: "reserved",
		PaymentState: "unpaid", Consents: json.RawMessage("[]"), Stub: stub, Deleted: deleted, Version: o.row.Version, CreatedAt: o.row.CreatedAt, UpdatedAt: o.row.UpdatedAt,
		AnonymizedAt: o.row.AnonymizedAt,
	}
	o.buyer, o.lines, o.fees, o.payments = nil, map[uuid.UUID]*ticketingdb.TicketingLine{}, nil, nil
}

// settleTickets gives each ticket that several orders name to one of them. Orders
// that were read only because they share a ticket may name others too, which
// orders that were not read name as well: those stay whose they are.
func (u *unit) settleTickets() {
	owner := map[uuid.UUID]uuid.UUID{}
	for _, id := range u.sequence {
		for ticket := range u.orders[id].lines {
			if !u.contested[ticket] {
				continue
			}
			if held, ok := owner[ticket]; !ok || u.claim(ticket, id).compare(u.claim(ticket, held)) > 0 {
				owner[ticket] = id
			}
		}
	}
	for _, id := range u.sequence {
		for ticket, l := range u.orders[id].lines {
			if u.contested[ticket] {
				l.Current = owner[ticket] == id
			}
		}
	}
}

// claim is by what an order has a ticket that others name as well. Versions count
// the changes of one record and say nothing of two.
type claim struct {
	stands int       // 2 where it is valid, 1 where it was cancelled, 0 where it went on to another
	at     time.Time // as of when the source describes the order
	splits int       // how many of the others it was split from, one from the next
	name   string
}

func (u *unit) claim(ticket, id uuid.UUID) claim {
	r := u.recordOf[id]
	c := claim{name: r.ExternalID}
	switch u.orders[id].lines[ticket].State {
	case "valid", "blocked":
		c.stands = 2
	case "cancelled":
		c.stands = 1
	}
	if r.ContentModifiedAt != nil {
		c.at = *r.ContentModifiedAt
	}
	for from := u.orders[id].row.SplitFromID; from != nil && c.splits < len(u.orders); c.splits++ {
		o := u.orders[*from]
		if o == nil || o.lines[ticket] == nil {
			break
		}
		from = o.row.SplitFromID
	}
	return c
}

func (c claim) compare(o claim) int {
	return cmp.Or(cmp.Compare(c.stands, o.stands), c.at.Compare(o.at), cmp.Compare(c.splits, o.splits), cmp.Compare(c.name, o.name))
}

// settleMoney derives totals and payment states, and adds to the ledger what
// is missing between it and what the source states.
func (u *unit) settleMoney() {
	for _, id := range u.sequence {
		o := u.orders[id]
		settled := map[movementKey]int64{}
		var paid, refunded int64
		for _, p := range o.payments {
			if p.State != "settled" {
				continue
			}
			k := movementKey{p.Kind, p.ExternalID}
			if p.Kind == "payment" {
				settled[k] += p.AmountMinor
				paid += p.AmountMinor
			} else {
				settled[k] -= p.AmountMinor
				refunded += p.AmountMinor
			}
		}
		u.extendLedger(o, settled)
		gross, due := int64(0), int64(0)
		owing := o.row.CommercialState == "reserved" || o.row.CommercialState == "confirmed"
		for _, l := range o.lines {
			if !l.Current {
				continue
			}
			gross += l.AmountMinor
			if owing && (l.State == "valid" || l.State == "blocked" || l.State == "transferred") {
				due += l.AmountMinor
			}
		}
		for _, f := range o.fees {
			gross += f.AmountMinor
			if owing && f.State == "valid" {
				due += f.AmountMinor
			}
		}
		o.row.GrossMinor, o.row.DueMinor, o.row.PaidMinor, o.row.RefundedMinor = gross, due, paid, refunded
		o.row.PaymentState = paymentState(due, paid, refunded, owing && !o.row.Stub && !o.row.Deleted)
	}
}

// paymentState says where an order stands with its money, which is apart from
// whether it is confirmed or cancelled.
func paymentState(due, paid, refunded int64, owing bool) string {
	switch {
	case refunded > 0 && refunded >= paid:
		return "refunded"
	case refunded > 0:
		return "partially_refunded"
	case paid == 0 && (due > 0 || !owing):
		return "unpaid"
	case paid < due:
		return "partial"
	case paid > max(due, 0):
		return "overpaid"
	}
	return "paid"
}

// extendLedger adds one entry for each payment or refund whose settled amount
// is not what the ledger holds of it.
func (u *unit) extendLedger(o *order, settled map[movementKey]int64) {
	keys := map[movementKey]bool{}
	for k := range settled {
		keys[k] = true
	}
	for k := range o.balances {
		keys[k] = true
	}
	for _, k := range slices.SortedFunc(maps.Keys(keys), func(a, b movementKey) int {
		if c := compareText(a.kind, b.kind); c != 0 {
			return c
		}
		return compareText(a.externalID, b.externalID)
	}) {
		held, known := o.balances[k]
		add := func(minor int64, currency, reason string) {
			if minor == 0 {
				return
			}
			m := ticketingdb.TicketingMovement{TenantID: o.row.TenantID, ID: ids.New(), OrderID: o.row.ID, Kind: k.kind, ExternalID: k.externalID,
				AmountMinor: minor, Currency: currency, Method: "other", Reason: reason, RecordedAt: u.now}
			for _, p := range o.payments {
				if p.Kind == k.kind && p.ExternalID == k.externalID {
					m.Method, m.OccurredAt = p.Method, p.At
				}
			}
			u.movements = append(u.movements, m)
			if k.kind == "refund" {
				o.refunded -= minor
			}
		}
		want := settled[k]
		switch {
		case !known:
			add(want, o.row.Currency, "recorded")
		case held.currency != o.row.Currency:
			add(-held.minor, held.currency, "corrected")
			add(want, o.row.Currency, "corrected")
		default:
			add(want-held.minor, o.row.Currency, "corrected")
		}
	}
}

// settleVersions finds what has changed and numbers it.
func (u *unit) settleVersions() {
	tickets := map[uuid.UUID]int64{}
	for _, id := range u.sequence {
		for ticket, l := range u.orders[id].linesBefore {
			tickets[ticket] = max(tickets[ticket], l.Version)
		}
	}
	for _, id := range u.sequence {
		o := u.orders[id]
		linesChanged := len(o.lines) != len(o.linesBefore)
		for ticket, l := range o.lines {
			before, existed := o.linesBefore[ticket]
			l.Version = before.Version
			if existed && sameRow(before, *l) {
				continue
			}
			linesChanged = true
			l.Version = tickets[ticket] + 1
		}
		o.changed = o.before == nil || linesChanged || !sameRow(o.feesBefore, o.fees) || !sameRow(o.paidBefore, o.payments) || !sameRow(*o.before, o.row)
		if o.before != nil && o.changed {
			o.row.Version, o.row.UpdatedAt = o.before.Version+1, u.now
		}
	}
	settleEntities(u.productions, u.now, func(p *ticketingdb.TicketingProduction) (*int64, *time.Time) { return &p.Version, &p.UpdatedAt })
	settleEntities(u.performances, u.now, func(p *ticketingdb.TicketingPerformance) (*int64, *time.Time) { return &p.Version, &p.UpdatedAt })
	settleEntities(u.priceTypes, u.now, func(p *ticketingdb.TicketingPriceType) (*int64, *time.Time) { return &p.Version, &p.UpdatedAt })
	settleEntities(u.customers, u.now, func(p *ticketingdb.TicketingCustomer) (*int64, *time.Time) { return &p.Version, &p.UpdatedAt })
	for _, shelf := range u.kinds.all() {
		shelf.settle(u.now)
	}
}

func settleEntities[T any](all map[uuid.UUID]*entity[T], now time.Time, of func(*T) (*int64, *time.Time)) {
	for _, e := range all {
		if e.before == nil {
			e.dirty = true
			continue
		}
		if e.dirty = e.dirty && !sameRow(*e.before, e.now); e.dirty {
			version, at := of(&e.now)
			*version++
			*at = now
		}
	}
}

// sameRow compares rows by what they say, so that spacing and the order of
// members in JSON columns do not count.
func sameRow(a, b any) bool {
	if reflect.DeepEqual(a, b) {
		return true
	}
	return reflect.DeepEqual(plain(a), plain(b))
}

func plain(v any) any {
	raw, err := json.Marshal(v)
	if err != nil {
		return v
	}
	var out any
	if json.Unmarshal(raw, &out) != nil {
		return v
	}
	if list, ok := out.([]any); ok && len(list) == 0 {
		return nil
	}
	return out
}
