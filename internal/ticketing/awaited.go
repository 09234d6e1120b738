package ticketing

import (
	"context"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/contacts"
)

// awaitedRow is a row of ticketing_awaited.
type awaitedRow struct {
	TenantID uuid.UUID `json:"tenant_id"`
	Kind     string    `json:"kind"`
	Key      string    `json:"key"`
	OrderID  uuid.UUID `json:"order_id"`
	OfNobody bool      `json:"of_nobody"`
}

// awaited are the names under which an order awaits somebody whom nobody knows:
// its buyer, or the holder of one of its tickets. They are written as contacts
// are known by them; whether the names agree is looked at when one is found.
func (u *unit) awaited(o *order) []awaitedRow {
	if o.row.Stub || o.row.Deleted || o.row.Test {
		return nil
	}
	var out []awaitedRow
	seen := map[awaitedRow]bool{}
	add := func(p *person, channel string, ofNobody bool) {
		for _, name := range u.keysOf(p, channel) {
			row := awaitedRow{TenantID: o.row.TenantID, Kind: name.kind, Key: name.externalID, OrderID: o.row.ID, OfNobody: ofNobody}
			if !seen[row] {
				seen[row] = true
				out = append(out, row)
			}
		}
	}
	if o.row.ContactID == nil && o.buyer != nil {
		add(o.buyer, or(o.row.ChannelKind, ""), true)
	}
	for _, l := range o.lines {
		if l.Current && l.HolderContactID == nil && or(l.HolderRule, "") == "unknown" {
			add(readPerson(l.Holder), "", false)
		}
	}
	return out
}

// keysOf are the names under which the register would know a person. A name alone
// leads to nobody, so it counts where something else is known to go with it.
func (u *unit) keysOf(p *person, channel string) []recordKey {
	if p == nil {
		return nil
	}
	d := u.describe(p, channel, nil)
	var out []recordKey
	if d.email != "" {
		out = append(out, recordKey{"email", d.email})
	}
	if d.phone != "" && mobile(d.phone) {
		out = append(out, recordKey{"phone", d.phone})
	}
	if p.Customer != nil {
		out = append(out, recordKey{"account", u.sourceName() + "\x1f" + *p.Customer})
	}
	if d.birthdate != "" || placeOf(p).postcode != "" {
		for _, name := range contacts.SortNames(d.name) {
			out = append(out, recordKey{"name", name})
		}
	}
	return out
}

// noteAwaited has it looked again at sales, of any source, that the contacts whom
// this unit met may turn out to have to do with: what comes first must not
// decide whose something is.
func (u *unit) noteAwaited(ctx context.Context) error {
	if len(u.met) == 0 {
		return nil
	}
	found, err := u.s.q.FindAwaiting(ctx, u.tx, u.source.TenantID, sortedKeys(u.met))
	if err != nil || len(found) == 0 {
		return err
	}
	due := map[uuid.UUID]bool{}
	for _, f := range found {
		due[f.ContactID] = true
	}
	return u.s.q.NoteRematches(ctx, u.tx, u.source.TenantID, sortedKeys(due))
}
