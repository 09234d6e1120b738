package ticketing

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/money"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
)

// loadGiftBalances reads what the ledger holds of each transaction of the cards.
func (u *unit) loadGiftBalances(ctx context.Context, cards []uuid.UUID) error {
	rows, err := u.s.q.FindGiftCardBalances(ctx, u.tx, u.source.TenantID, cards)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if u.giftBalances[r.GiftCardID] == nil {
			u.giftBalances[r.GiftCardID] = map[string]balance{}
		}
		if r.Balance != 0 {
			u.giftBalances[r.GiftCardID][r.ExternalID] = balance{r.Balance, r.Currency}
		}
	}
	return nil
}

// settleGiftCards adds to the ledgers what is missing between them and what the
// source states. What its balance says and no transaction explains has an entry
// of its own, so that the ledger always comes to the balance.
func (u *unit) settleGiftCards() {
	for _, id := range sortedKeys(u.kinds.giftCards.rows) {
		e := u.kinds.giftCards.rows[id]
		if !e.dirty {
			continue
		}
		row := e.now
		var list []transaction
		_ = json.Unmarshal(row.Transactions, &list) // as this package wrote it
		want, rest := map[string]int64{}, row.BalanceMinor
		said := map[string]transaction{}
		for _, t := range list {
			want[t.ExternalID] += t.AmountMinor
			said[t.ExternalID] = t
			rest -= t.AmountMinor
		}
		want[""] += rest
		held := u.giftBalances[id]
		names := map[string]bool{}
		for name := range want {
			names[name] = true
		}
		for name := range held {
			names[name] = true
		}
		add := func(name string, minor int64, currency, reason string) {
			if minor != 0 {
				u.giftEntries = append(u.giftEntries, ticketingdb.TicketingGiftCardEntry{TenantID: row.TenantID, ID: ids.New(), GiftCardID: id, ExternalID: name,
					AmountMinor: minor, Currency: currency, Reason: reason, OccurredAt: said[name].At, RecordedAt: u.now})
			}
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			was, known := held[name]
			switch {
			case !known:
				add(name, want[name], row.Currency, "recorded")
			case was.currency != row.Currency:
				add(name, -was.minor, was.currency, "corrected")
				add(name, want[name], row.Currency, "corrected")
			default:
				add(name, want[name]-was.minor, row.Currency, "corrected")
			}
		}
	}
}

func sortedKeys[T any](all map[uuid.UUID]T) []uuid.UUID {
	return slices.SortedFunc(maps.Keys(all), func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
}

// balanceEvents tell whose gift card has more or less money than before.
func (u *unit) balanceEvents(out *[]events.Entry) {
	for _, e := range sortedEntities(u.kinds.giftCards.rows) {
		was := ticketingdb.TicketingGiftCard{Currency: e.now.Currency}
		if e.before != nil {
			was = *e.before
		}
		if e.now.Test || (was.BalanceMinor == e.now.BalanceMinor && (was.Currency == e.now.Currency || e.now.BalanceMinor == 0)) {
			continue
		}
		facts := map[string]any{
			"balance": money.Amount{Minor: e.now.BalanceMinor, Currency: e.now.Currency}.String(), "currency": e.now.Currency,
			"previous_balance": money.Amount{Minor: was.BalanceMinor, Currency: was.Currency}.String(),
		}
		if e.now.ContactID != nil {
			facts["contact_id"] = *e.now.ContactID
		}
		*out = append(*out, events.Entry{Type: "giftcard.balance_changed", Subject: events.Subject{Kind: kindGiftCard, ID: e.now.ID, Version: e.now.Version}, Facts: facts, Source: u.sourceName()})
	}
}

// settleOwners finds out whose memberships, gift cards and bookings are, once
// accounts, orders and tickets have their contacts: of those of this unit, and
// of those that name an account, order or ticket whose contact changed. It is
// for whoever changes such a contact outside a unit, too.
func (s *Service) settleOwners(ctx context.Context, tx pgx.Tx, source Source, own map[string][]uuid.UUID, touched touched) (owners, error) {
	var out owners
	if len(own[kindMembership])+len(own[kindGiftCard])+len(own[kindGroupBooking])+touched.size() == 0 {
		return out, nil
	}
	now := s.clock.Now()
	var err error
	if out.memberships, err = s.q.SettleMembershipOwners(ctx, tx, ticketingdb.SettleMembershipOwnersParams{
		Own: some(own[kindMembership]), SettledAt: now, TenantID: source.TenantID, Customers: some(touched.customers), Orders: some(touched.orders), Tickets: some(touched.tickets),
	}); err != nil {
		return out, err
	}
	if out.giftCards, err = s.q.SettleGiftCardOwners(ctx, tx, ticketingdb.SettleGiftCardOwnersParams{
		Own: some(own[kindGiftCard]), SettledAt: now, TenantID: source.TenantID, Customers: some(touched.customers), Orders: some(touched.orders), Tickets: some(touched.tickets),
	}); err != nil {
		return out, err
	}
	out.groupBookings, err = s.q.SettleGroupBookingOwners(ctx, tx, ticketingdb.SettleGroupBookingOwnersParams{
		Own: some(own[kindGroupBooking]), SettledAt: now, TenantID: source.TenantID, Customers: some(touched.customers), Orders: some(touched.orders),
	})
	return out, err
}

// touched are accounts, orders and tickets whose contact changed.
type touched struct{ customers, orders, tickets []uuid.UUID }

func (t touched) size() int { return len(t.customers) + len(t.orders) + len(t.tickets) }

// owners are the rows whose owner changed.
type owners struct {
	memberships   []ticketingdb.SettleMembershipOwnersRow
	giftCards     []ticketingdb.SettleGiftCardOwnersRow
	groupBookings []ticketingdb.SettleGroupBookingOwnersRow
}

func some(list []uuid.UUID) []uuid.UUID {
	if list == nil {
		return []uuid.UUID{}
	}
	return list
}

// settleBelongings is settleOwners for this unit, whose rows learn of it.
func (u *unit) settleBelongings(ctx context.Context) error {
	own := map[string][]uuid.UUID{}
	for kind, list := range map[string][]uuid.UUID{
		kindMembership: dirtyKeys(u.kinds.memberships.rows), kindGiftCard: dirtyKeys(u.kinds.giftCards.rows), kindGroupBooking: dirtyKeys(u.kinds.groupBookings.rows),
	} {
		if len(list) > 0 {
			own[kind] = list
		}
	}
	out, err := u.s.settleOwners(ctx, u.tx, u.source, own, u.relinked())
	if err != nil {
		return err
	}
	for _, r := range out.memberships {
		if e := u.kinds.memberships.rows[r.ID]; e != nil && e.dirty {
			e.now.ContactID, e.now.ContactRule = r.ContactID, r.ContactRule
			continue
		}
		u.belong(kindMembership, r.ID, r.Version, r.ContactBefore, r.ContactID)
	}
	for _, r := range out.giftCards {
		if e := u.kinds.giftCards.rows[r.ID]; e != nil && e.dirty {
			e.now.ContactID, e.now.ContactRule = r.ContactID, r.ContactRule
			continue
		}
		u.belong(kindGiftCard, r.ID, r.Version, r.ContactBefore, r.ContactID)
	}
	for _, r := range out.groupBookings {
		if e := u.kinds.groupBookings.rows[r.ID]; e != nil && e.dirty {
			e.now.ContactID, e.now.PersonContactID, e.now.ContactRule = r.ContactID, r.PersonContactID, r.ContactRule
			continue
		}
		u.belong(kindGroupBooking, r.ID, r.Version, r.ContactBefore, r.ContactID)
	}
	return nil
}

// belong notes that a record that nobody described changed hands.
func (u *unit) belong(kind string, id uuid.UUID, version int64, before, after *uuid.UUID) {
	if sameID(before, after) {
		return
	}
	facts := map[string]any{}
	if after != nil {
		facts["contact_id"] = *after
	}
	if before != nil {
		facts["previous_contact_id"] = *before
	}
	u.belongings = append(u.belongings, events.Entry{Type: "ticketing." + kind + ".updated", Subject: events.Subject{Kind: kind, ID: id, Version: version}, Source: u.sourceName(),
		Facts: facts, Changes: []events.Change{{Pointer: "/contact_id", Before: before, After: after}}})
}

func dirtyKeys[T any](all map[uuid.UUID]*entity[T]) []uuid.UUID {
	var out []uuid.UUID
	for _, id := range sortedKeys(all) {
		if all[id].dirty {
			out = append(out, id)
		}
	}
	return out
}

// relinked are the accounts, orders and tickets of this unit that somebody could
// have referred to before, and that have another contact now.
func (u *unit) relinked() touched {
	var t touched
	for id, e := range u.customers {
		if e.before != nil && !sameID(e.before.ContactID, e.now.ContactID) {
			t.customers = append(t.customers, id)
		}
	}
	for id, o := range u.orders {
		if o.before != nil && (!sameID(o.before.ContactID, o.row.ContactID) || o.before.Stub != o.row.Stub) {
			t.orders = append(t.orders, id)
		}
		// An account that nobody described is known by the orders that name it.
		if account := o.row.CustomerID; account != nil && (o.before == nil || !sameID(o.before.ContactID, o.row.ContactID)) && u.wasKnown(*account) {
			t.customers = append(t.customers, *account)
		}
		if !o.changed {
			continue
		}
		for _, ticket := range o.tickets() {
			if u.wasKnown(ticket) {
				t.tickets = append(t.tickets, ticket)
			}
		}
	}
	return t
}

// tickets are those that the order names or named.
func (o *order) tickets() []uuid.UUID {
	out := slices.Collect(maps.Keys(o.lines))
	for id := range o.linesBefore {
		if o.lines[id] == nil {
			out = append(out, id)
		}
	}
	return out
}

// settleAttendance finds which scans count, for tickets and performances that
// changed, and tells what came of it.
func (u *unit) settleAttendance(ctx context.Context) error {
	p := ticketingdb.SettleAttendanceParams{TenantID: u.source.TenantID, SettledAt: u.now, Scans: some(dirtyKeys(u.kinds.scans.rows)), Tickets: []uuid.UUID{}, Performances: []uuid.UUID{}}
	for _, e := range u.kinds.scans.rows { // a scan that was of another ticket frees that one
		if e.dirty && e.before != nil && e.before.TicketID != nil && !sameID(e.before.TicketID, e.now.TicketID) {
			p.Tickets = append(p.Tickets, *e.before.TicketID)
		}
	}
	for _, o := range u.orders {
		if !o.changed {
			continue
		}
		for _, ticket := range o.tickets() {
			if u.wasKnown(ticket) {
				p.Tickets = append(p.Tickets, ticket)
			}
		}
	}
	for id, e := range u.performances {
		if e.dirty && e.before != nil && (!sameTime(e.before.StartsAt, e.now.StartsAt) || !sameTime(e.before.EndsAt, e.now.EndsAt)) {
			p.Performances = append(p.Performances, id)
		}
	}
	if len(p.Scans)+len(p.Tickets)+len(p.Performances) == 0 {
		return nil
	}
	rows, err := u.s.q.SettleAttendance(ctx, u.tx, p)
	if err != nil {
		return err
	}
	u.attendanceEvents(rows)
	return nil
}

type visit struct{ ticket, performance uuid.UUID }

// attendanceEvents say for each ticket and performance whether it counts as used
// that did not before, or no longer, or since another time.
func (u *unit) attendanceEvents(rows []ticketingdb.SettleAttendanceRow) {
	was, is := map[visit]ticketingdb.SettleAttendanceRow{}, map[visit]ticketingdb.SettleAttendanceRow{}
	for _, r := range rows {
		if e := u.kinds.scans.rows[r.ID]; e != nil {
			e.now.EnteredID, e.now.Late, e.now.Attended = r.EnteredID, r.Late, r.Attended
		}
		if r.TicketID == nil {
			continue
		}
		ticket := *r.TicketID
		if e := u.kinds.scans.rows[r.ID]; r.AttendedBefore && e != nil && e.before != nil && e.before.TicketID != nil {
			ticket = *e.before.TicketID
		}
		if r.AttendedBefore {
			was[visit{ticket, or(r.EnteredBefore, uuid.Nil)}] = r
		}
		if r.Attended {
			is[visit{*r.TicketID, or(r.EnteredID, uuid.Nil)}] = r
		}
	}
	say := func(kind string, v visit, r ticketingdb.SettleAttendanceRow) {
		facts := map[string]any{"scan_id": r.ID}
		if v.performance != uuid.Nil {
			facts["performance_id"] = v.performance
		}
		if r.OrderID != uuid.Nil {
			facts["order_id"] = r.OrderID
		}
		if kind == "recorded" {
			facts["attended_at"] = r.OccurredAt
		}
		u.belongings = append(u.belongings, events.Entry{Type: "ticketing.attendance." + kind, Subject: events.Subject{Kind: "ticket", ID: v.ticket, Version: 1}, Facts: facts, Source: u.sourceName()})
	}
	for _, v := range sortedVisits(is) {
		say("recorded", v, is[v])
	}
	for _, v := range sortedVisits(was) {
		if _, still := is[v]; !still {
			say("revoked", v, was[v])
		}
	}
}

func sortedVisits[T any](all map[visit]T) []visit {
	return slices.SortedFunc(maps.Keys(all), func(a, b visit) int {
		if c := slices.Compare(a.ticket[:], b.ticket[:]); c != 0 {
			return c
		}
		return slices.Compare(a.performance[:], b.performance[:])
	})
}
