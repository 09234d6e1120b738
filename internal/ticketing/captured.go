package ticketing

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
)

// unanswered is what a source says of a question that was left open. It is kept
// with its order or account and goes no further: it is neither a yes nor a no,
// and never stands against an answer (GDPR art. 4 (11) and 7 (1)).
const unanswered = "unanswered"

// clockSkew is how far ahead of ours the clock of a source may be for an answer of
// its; the ledger allows no more.
const clockSkew = 5 * time.Minute

// answeredBy refuses answers of later than an instant. Whether a record is taken
// must not depend on whose it turns out to be.
func (m *message) answeredBy(latest time.Time) error {
	list := m.consents
	if m.order != nil {
		list = m.order.Consents
	}
	refused := fault.Invalid()
	for i, c := range list {
		if c.At.After(latest) {
			refused.At(fmt.Sprintf("#/data/consents/%d/at", i), "in-the-future")
		}
	}
	return refused.OrNil()
}

// capture is what one order or account says that somebody answered.
type capture struct {
	contact, before *uuid.UUID // whose it is, and whose it was
	reference       string
	speaker         *person // for whose address or number
	answers         []consentDoc
}

// passConsents hands the captured answers on, for orders and accounts that belong
// to somebody, and takes them back from whoever they turned out not to be of.
// What was handed on before is known by its reference, so that an answer which
// could not be bound to an address finds it when the address is known.
func (u *unit) passConsents(ctx context.Context) error {
	if u.s.consents == nil {
		return nil
	}
	list, err := u.captures(ctx)
	if err != nil || len(list) == 0 {
		return err
	}
	var references []string
	for _, c := range list {
		references = append(references, c.reference)
	}
	heard, err := u.s.consents.HeardTx(ctx, u.tx, u.sourceName(), references)
	if err != nil {
		return err
	}
	for _, c := range list {
		moved := !sameID(c.before, c.contact)
		if moved && c.before != nil {
			if err := u.s.consents.TakeBackTx(ctx, u.tx, *c.before, u.sourceName(), c.reference); err != nil {
				return err
			}
		}
		if c.contact == nil {
			continue
		}
		for _, a := range c.answers {
			if !moved && heard[Heard{*c.contact, c.reference, u.settings.purpose(a.Purpose), a.Channel, a.Value, a.At.UnixMicro()}] {
				continue
			}
			if err := u.passAnswer(ctx, c, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// captures are those of the orders and accounts of the unit, and of the orders of
// accounts that are described anew.
func (u *unit) captures(ctx context.Context) ([]capture, error) {
	var out []capture
	var described []uuid.UUID
	add := func(c capture, raw json.RawMessage) {
		c.answers = slices.DeleteFunc(readConsents(raw), func(a consentDoc) bool { return a.Value == unanswered })
		if len(c.answers) > 0 && (c.contact != nil || c.before != nil) {
			out = append(out, c)
		}
	}
	for _, e := range sortedEntities(u.customers) {
		if e.now.Deleted || u.forgotten.records[e.now.ID] {
			continue
		}
		c := capture{contact: e.now.ContactID, before: e.now.ContactID, reference: "account " + e.now.ID.String(), speaker: readPerson(e.now.Profile)}
		if e.before == nil || !sameRow(e.before.Profile, e.now.Profile) || !sameID(e.before.ContactID, e.now.ContactID) {
			described = append(described, e.now.ID)
		}
		if e.before != nil {
			c.before = e.before.ContactID
		}
		add(c, e.now.Consents)
	}
	for _, id := range u.sequence {
		o := u.orders[id]
		if o.row.Test || o.row.Deleted || u.forgotten.records[id] {
			continue
		}
		c := capture{contact: o.row.ContactID, before: o.row.ContactID, reference: "order " + id.String(), speaker: u.speaker(o.buyer, o.row.CustomerID)}
		if o.before != nil {
			c.before = o.before.ContactID
		}
		add(c, o.row.Consents)
	}
	if len(described) == 0 {
		return out, nil
	}
	more, err := u.s.q.FindAnswersOfCustomers(ctx, u.tx, u.source.TenantID, described)
	for _, o := range more {
		if u.orders[o.ID] == nil {
			add(capture{contact: o.ContactID, before: o.ContactID, reference: "order " + o.ID.String(), speaker: u.speaker(readPerson(o.Buyer), o.CustomerID)}, o.Consents)
		}
	}
	return out, err
}

// speaker is a buyer with what their account says beside: an answer is for the
// address or number that stood on the order, or else for the account's.
func (u *unit) speaker(buyer *person, customer *uuid.UUID) *person {
	out := person{}
	if buyer != nil {
		out = *buyer
	}
	if customer == nil || u.customers[*customer] == nil {
		return &out
	}
	if profile := readPerson(u.customers[*customer].now.Profile); profile != nil {
		out.Email, out.Phone = cmp.Or(out.Email, profile.Email), cmp.Or(out.Phone, profile.Phone)
		if out.Address == nil {
			out.Address = profile.Address
		}
	}
	return &out
}

func (u *unit) passAnswer(ctx context.Context, c capture, a consentDoc) error {
	email, phone := u.s.points(c.speaker)
	in := ConsentCapture{ContactID: *c.contact, Purpose: u.settings.purpose(a.Purpose), Channel: a.Channel, Value: a.Value,
		At: a.At, Evidence: a.told(), Source: u.sourceName(), Reference: c.reference, Email: email, Phone: phone}
	if s := c.speaker; s != nil && s.Address != nil {
		in.Street, in.PostalCode = or(s.Address.Street, ""), or(s.Address.PostalCode, "")
	}
	err := u.s.consents.RecordCaptureTx(ctx, u.tx, in)
	if f, ok := fault.As(pg.Translate(err)); ok && (f.Kind == fault.Refused || f.Kind == fault.Malformed || f.Kind == fault.Gone || f.Kind == fault.Missing) {
		return nil // what the ledger does not take stays with its order
	}
	return err
}

// told is what the source says of the question and the text that was answered.
func (c consentDoc) told() string {
	var parts []string
	for _, p := range []struct {
		label string
		value *string
	}{{"question ", c.Question}, {"wording ", c.WordingVersion}, {"", c.Evidence}} {
		if or(p.value, "") != "" {
			parts = append(parts, p.label+*p.value)
		}
	}
	return strings.Join(parts, "; ")
}

func consentsOf(list []consentDoc) json.RawMessage {
	if len(list) == 0 {
		return json.RawMessage("[]")
	}
	return encode(list)
}

func readConsents(raw json.RawMessage) []consentDoc {
	var out []consentDoc
	if json.Unmarshal(raw, &out) != nil {
		return nil
	}
	return out
}
