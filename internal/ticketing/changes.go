package ticketing

import (
	"context"

	"slices"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/money"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
)

// unrecorded are members of rows that are no change of the record itself.
var unrecorded = []string{"tenant_id", "id", "source_id", "external_id", "stub", "deleted", "version", "created_at", "updated_at", "match_inputs", "match_evidence", "matched_at", "claim_hash",
	"code", "campaign", "code_hash", "told_status", "due_at", "contact_rule", "transactions", "late", "attended", "entered_id", "absent_at", "anonymized_at"}

// recordChanges writes one event for each thing that changed, and none for
// what is as it was.
func (u *unit) recordChanges(ctx context.Context) error {
	var out []events.Entry
	for _, e := range sortedEntities(u.productions) {
		p := e.now
		if err := u.entityEvent(&out, "production", p.ID, p.Version, e.before, p, e.before == nil || e.before.Stub, p.Stub, e.before != nil && e.before.Deleted, p.Deleted, ""); err != nil {
			return err
		}
	}
	for _, e := range sortedEntities(u.performances) {
		p, special := e.now, ""
		if p.Status == "cancelled" && e.before != nil && !e.before.Stub && e.before.Status != "cancelled" {
			special = "cancelled"
		}
		if err := u.entityEvent(&out, "performance", p.ID, p.Version, e.before, p, e.before == nil || e.before.Stub, p.Stub, e.before != nil && e.before.Deleted, p.Deleted, special); err != nil {
			return err
		}
	}
	for _, e := range sortedEntities(u.priceTypes) {
		p := e.now
		if err := u.entityEvent(&out, "price_type", p.ID, p.Version, e.before, p, e.before == nil || e.before.Stub, p.Stub, e.before != nil && e.before.Deleted, p.Deleted, ""); err != nil {
			return err
		}
	}
	for _, e := range sortedEntities(u.customers) {
		p := e.now
		if err := u.entityEvent(&out, "customer", p.ID, p.Version, e.before, p, e.before == nil || e.before.Stub, p.Stub, e.before != nil && e.before.Deleted, p.Deleted, ""); err != nil {
			return err
		}
	}
	for _, shelf := range u.kinds.all() {
		if err := shelf.tell(u, &out); err != nil {
			return err
		}
	}
	for _, id := range u.sequence {
		if err := u.orderEvents(&out, u.orders[id]); err != nil {
			return err
		}
	}
	u.ticketEvents(&out)
	u.balanceEvents(&out)
	out = append(out, u.belongings...)
	if len(out) == 0 {
		return nil
	}
	return events.RecordTx(ctx, u.tx, out...)
}

func sortedEntities[T any](all map[uuid.UUID]*entity[T]) []*entity[T] {
	var keys []uuid.UUID
	for id, e := range all {
		if e.dirty {
			keys = append(keys, id)
		}
	}
	slices.SortFunc(keys, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	out := make([]*entity[T], 0, len(keys))
	for _, id := range keys {
		out = append(out, all[id])
	}
	return out
}

// verb says what happened to a record, empty when nobody needs to know: a stub
// that is only referred to, a change of something deleted.
func verb(wasStub, stub, wasDeleted, deleted bool, special string) string {
	switch {
	case stub && !deleted, wasDeleted && deleted, wasStub && deleted:
		return ""
	case deleted:
		return "deleted"
	case wasStub, wasDeleted:
		return "created"
	case special != "":
		return special
	}
	return "updated"
}

func (u *unit) entityEvent(out *[]events.Entry, name string, id uuid.UUID, version int64, before, after any, wasStub, stub, wasDeleted, deleted bool, special string) error {
	what := verb(wasStub, stub, wasDeleted, deleted, special)
	if what == "" {
		return nil
	}
	if what == "created" {
		before = nil
	}
	e := events.Entry{Type: "ticketing." + name + "." + what, Subject: events.Subject{Kind: name, ID: id, Version: version}, Source: u.sourceName()}
	if name == kindCustomer {
		e.Subject.Kind = "ticketing_customer"
	}
	if what != "deleted" {
		var err error
		if e.Changes, err = events.Diff(before, after, unrecorded...); err != nil {
			return err
		}
		e.Changes = referenceChange(e.Changes, before, after)
	}
	*out = append(*out, e)
	return nil
}

func (u *unit) orderEvents(out *[]events.Entry, o *order) error {
	if !o.changed {
		return nil
	}
	row := o.row
	subject := events.Subject{Kind: "order", ID: row.ID, Version: row.Version}
	was := ticketingdb.TicketingOrder{Stub: true}
	if o.before != nil {
		was = *o.before
	}
	special := ""
	if row.CommercialState == "cancelled" && was.CommercialState != "cancelled" {
		special = "cancelled"
	}
	what := verb(was.Stub, row.Stub, was.Deleted, row.Deleted, special)
	if what == "" {
		return nil
	}
	facts := map[string]any{"commercial_state": row.CommercialState, "payment_state": row.PaymentState, "currency": row.Currency,
		"net": money.Amount{Minor: row.PaidMinor - row.RefundedMinor, Currency: row.Currency}.String(), "test": row.Test}
	var before any
	if what != "created" {
		before = was
	}
	changes, err := events.Diff(before, row, unrecorded...)
	if err != nil {
		return err
	}
	if len(o.lines) != len(o.linesBefore) || linesDiffer(o) {
		changes = append(changes, events.Change{Pointer: "/lines", Before: linesOf(o.linesBefore), After: linesNow(o)})
	}
	if what == "deleted" {
		changes = nil
	}
	*out = append(*out, events.Entry{Type: "ticketing.order." + what, Subject: subject, Changes: changes, Facts: facts, Source: u.sourceName()})
	if what != "deleted" && row.ContactID != nil && !sameID(was.ContactID, row.ContactID) || was.ContactID != nil && row.ContactID == nil && what != "deleted" {
		kind := "ticketing.order.linked"
		if was.ContactID != nil {
			kind = "ticketing.order.relinked"
		}
		*out = append(*out, events.Entry{Type: kind, Subject: subject, Source: u.sourceName(),
			Facts:   map[string]any{"contact_id": row.ContactID, "previous_contact_id": was.ContactID, "rule": row.MatchRule, "confidence": row.MatchScore},
			Changes: []events.Change{{Pointer: "/contact_id", Before: was.ContactID, After: row.ContactID}}})
	}
	if o.refunded > 0 {
		*out = append(*out, events.Entry{Type: "ticketing.refund.recorded", Subject: subject, Source: u.sourceName(),
			Facts: map[string]any{"amount": money.Amount{Minor: o.refunded, Currency: row.Currency}.String(), "currency": row.Currency}})
	}
	return nil
}

type lineChange struct {
	ExternalID  string `json:"external_id"`
	State       string `json:"state"`
	AmountMinor int64  `json:"amount_minor"`
	Current     bool   `json:"current"`
}

func linesDiffer(o *order) bool {
	for ticket, l := range o.lines {
		if before, ok := o.linesBefore[ticket]; !ok || !sameRow(before, *l) {
			return true
		}
	}
	return false
}

func linesOf(lines map[uuid.UUID]ticketingdb.TicketingLine) []lineChange {
	out := make([]lineChange, 0, len(lines))
	for _, l := range lines {
		out = append(out, lineChange{l.ExternalID, l.State, l.AmountMinor, l.Current})
	}
	slices.SortFunc(out, func(a, b lineChange) int { return compareText(a.ExternalID, b.ExternalID) })
	return out
}

func linesNow(o *order) []lineChange {
	now := make(map[uuid.UUID]ticketingdb.TicketingLine, len(o.lines))
	for ticket, l := range o.lines {
		now[ticket] = *l
	}
	return linesOf(now)
}

// ticketEvents compares each ticket with what it was, wherever it was.
func (u *unit) ticketEvents(out *[]events.Entry) {
	was, is := map[uuid.UUID]ticketingdb.TicketingLine{}, map[uuid.UUID]ticketingdb.TicketingLine{}
	var tickets []uuid.UUID
	seen := map[uuid.UUID]bool{}
	add := func(id uuid.UUID) {
		if !seen[id] {
			seen[id] = true
			tickets = append(tickets, id)
		}
	}
	for _, id := range u.sequence {
		o := u.orders[id]
		for ticket, l := range o.linesBefore {
			if l.Current {
				was[ticket] = l
				add(ticket)
			}
		}
		for ticket, l := range o.lines {
			if l.Current {
				is[ticket] = *l
				add(ticket)
			}
		}
	}
	slices.SortFunc(tickets, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	for _, id := range tickets {
		before, existed := was[id]
		after, exists := is[id]
		kind, version, holder := "", after.Version, after
		switch {
		case !exists:
			kind, version, holder = "cancelled", before.Version+1, before
		case !existed:
			kind = "issued"
		case before.OrderID == after.OrderID && sameRow(before, after):
			continue
		default:
			kind = "updated"
			if before.State != after.State {
				kind = changeOf(after.State)
			}
		}
		facts := map[string]any{"order_id": holder.OrderID, "state": holder.State, "performance_id": holder.PerformanceID}
		if existed && exists && before.OrderID != after.OrderID {
			facts["previous_order_id"] = before.OrderID
		}
		*out = append(*out, events.Entry{Type: "ticketing.ticket." + kind, Subject: events.Subject{Kind: "ticket", ID: id, Version: max(version, 1)}, Facts: facts, Source: u.sourceName()})
	}
}

func changeOf(state string) string {
	switch state {
	case "cancelled", "exchanged", "transferred":
		return state
	case "resold":
		return "transferred"
	}
	return "updated"
}
