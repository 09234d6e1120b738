package ticketing

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/google/uuid"
)

// unanswered is what a source says of a question that was left open. It is kept
// with its order or account and goes no further: it is neither a yes nor a no,
// and never stands against an answer (GDPR art. 4 (11) and 7 (1)).
const unanswered = "unanswered"

// passConsents hands newly captured answers on, for orders and accounts that
// belong to somebody.
func (u *unit) passConsents(ctx context.Context) error {
	if u.s.consents == nil {
		return nil
	}
	for _, e := range sortedEntities(u.customers) {
		if e.now.ContactID == nil || e.now.Deleted {
			continue
		}
		var before json.RawMessage
		if e.before != nil && sameID(e.before.ContactID, e.now.ContactID) {
			before = e.before.Consents
		}
		if err := u.passAnswers(ctx, *e.now.ContactID, "account "+e.now.ID.String(), before, e.now.Consents); err != nil {
			return err
		}
	}
	for _, id := range u.sequence {
		o := u.orders[id]
		if !o.changed || o.row.ContactID == nil || o.row.Test {
			continue
		}
		var before json.RawMessage
		if o.before != nil && sameID(o.before.ContactID, o.row.ContactID) {
			before = o.before.Consents
		}
		if err := u.passAnswers(ctx, *o.row.ContactID, "order "+id.String(), before, o.row.Consents); err != nil {
			return err
		}
	}
	return nil
}

func (u *unit) passAnswers(ctx context.Context, contact uuid.UUID, reference string, before, now json.RawMessage) error {
	known := map[consentKey]bool{}
	for _, c := range readConsents(before) {
		known[c.key()] = true
	}
	for _, c := range readConsents(now) {
		if known[c.key()] || c.Value == unanswered {
			continue
		}
		if err := u.s.consents.RecordCaptureTx(ctx, u.tx, ConsentCapture{ContactID: contact, Purpose: u.settings.purpose(c.Purpose), Channel: c.Channel, Value: c.Value,
			At: c.At, Evidence: c.told(), Source: u.sourceName(), Reference: reference}); err != nil {
			return err
		}
	}
	return nil
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

type consentKey struct {
	purpose, channel, value string
	at                      int64
}

func (c consentDoc) key() consentKey {
	return consentKey{c.Purpose, c.Channel, c.Value, c.At.UnixMicro()}
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
