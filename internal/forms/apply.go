package forms

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/consents"
	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/fault"
)

// apply brings a submission into the register and the ledger. A name that the
// register has is never overwritten. It returns nil where the form says nothing
// about a contact.
func (s *Service) apply(ctx context.Context, tx pgx.Tx, sub Submission, byLink bool, now time.Time) (*uuid.UUID, error) {
	v, err := s.q.GetFormVersion(ctx, tx, sub.TenantID, sub.FormID, sub.FormVersion)
	if err != nil {
		return nil, err
	}
	var d Definition
	var data map[string]any
	if err := json.Unmarshal(v.Definition, &d); err != nil {
		return nil, err
	}
	if err := s.reveal(ctx, tx, &sub); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(sub.Data, &data); err != nil {
		return nil, err
	}
	p := personOf(d, data)
	if !p.somebody() {
		return nil, nil
	}
	if err := s.checkPerson(d, data); err != nil { // the rules may be others than when it was sent
		return nil, err
	}
	contact, err := s.match(ctx, tx, sub, p, byLink)
	if err != nil {
		return nil, err
	}
	where, err := s.reach(ctx, tx, contact, p.contact(sub.FormID, byLink))
	if err != nil {
		return nil, err
	}
	facts, err := s.q.TenantFacts(ctx, tx, sub.TenantID)
	if err != nil {
		return nil, err
	}
	for _, c := range d.Consents {
		if ticked, _ := data[c.Field].(bool); !ticked {
			continue // an empty box is no answer
		}
		if err := s.consent(ctx, tx, consenting{sub, d, c, p, contact, where, facts.TimeZone, byLink, now}); err != nil {
			return nil, atBox(err, c)
		}
	}
	return &contact, nil
}

// reached are the ids of the very addresses and number that were given, by kind
// of contact point and consents.Post: what somebody agrees to holds for these
// alone, whatever else the register has of them.
type reached map[string]*uuid.UUID

// reach adds what the contact lacks of the addresses and number that were given.
func (s *Service) reach(ctx context.Context, tx pgx.Tx, contact uuid.UUID, n contacts.New) (reached, error) {
	out := reached{}
	for _, point := range n.Points {
		p, err := s.contacts.EnsureContactPointTx(ctx, tx, contact, point)
		if err != nil {
			return nil, err
		}
		out[p.Kind] = &p.ID
	}
	for _, address := range n.Addresses {
		a, err := s.contacts.EnsureAddressTx(ctx, tx, contact, address)
		if err != nil {
			return nil, err
		}
		out[consents.Post] = &a.ID
	}
	return out, nil
}

// match finds the person by address and name, or makes a contact.
func (s *Service) match(ctx context.Context, tx pgx.Tx, sub Submission, p person, byLink bool) (uuid.UUID, error) {
	if p.email != "" {
		normalized, err := contacts.NormalizeEmail(p.email)
		if err != nil {
			return uuid.Nil, err
		}
		// Two links of one address may be used in the same instant.
		if err := s.q.LockText(ctx, tx, hex.EncodeToString(s.mac("email", sub.TenantID.String(), normalized))); err != nil {
			return uuid.Nil, err
		}
		found, err := s.contacts.FindByContactPointTx(ctx, tx, contacts.Email, normalized)
		if err != nil {
			return uuid.Nil, err
		}
		if c, ok := choose(found, p); ok {
			return c.ID, s.completeName(ctx, tx, c, sub, p, byLink)
		}
	}
	c, err := s.contacts.CreateTx(ctx, tx, p.contact(sub.FormID, byLink))
	return c.ID, err
}

// completeName gives a person whom the register has by the family name alone the
// given name that came, so that the next of the family with another one is told
// from them. Only who has proven the address may.
func (s *Service) completeName(ctx context.Context, tx pgx.Tx, c contacts.Contact, sub Submission, p person, byLink bool) error {
	if !byLink || !lacksGivenName(c, p) {
		return nil
	}
	_, _, err := s.contacts.UpdateTx(ctx, tx, c.ID, contacts.Patch{
		GivenName: nullable.NewNullableWithValue(*p.fields.GivenName), Source: "form:" + sub.FormID.String(),
	}, nil)
	return err
}

type consenting struct {
	sub     Submission
	form    Definition
	consent Consent
	person  person
	contact uuid.UUID
	reached reached
	zone    string
	byLink  bool
	now     time.Time
}

func (s *Service) consent(ctx context.Context, tx pgx.Tx, c consenting) error {
	texts, err := s.q.WordingsOf(ctx, tx, c.sub.TenantID, c.consent.WordingIDs)
	if err != nil {
		return err
	}
	e := consents.Entry{
		Contact: c.contact, Purpose: c.consent.Purpose, Channel: c.consent.Channel, Action: consents.Given,
		When: c.sub.ReceivedAt, Zone: c.zone, Mechanism: "unticked_box", Source: "form:" + c.sub.FormID.String(), Reference: c.sub.ID.String(),
		FormID: &c.sub.FormID, FormVersion: &c.sub.FormVersion,
		Evidence: consents.Evidence{Identity: c.person.typed, UserAgent: c.sub.UserAgent, SubmittedAt: &c.sub.ReceivedAt},
	}
	if c.sub.Origin != "" {
		e.URL = &c.sub.Origin
	}
	if network, err := netip.ParsePrefix(c.sub.Network); err == nil {
		e.Evidence.IP = network.Addr().String()
	}
	if c.byLink {
		e.Mechanism, e.When, e.Evidence.ConfirmedAt = "double_opt_in", c.now, &c.now
	}
	if w, ok := c.consent.wording(texts, c.sub.Language, c.form.DefaultLanguage); ok {
		e.WordingID = &w.ID
	}
	switch c.consent.Channel {
	case consents.Email:
		e.ContactPoint = c.reached[contacts.Email]
	case consents.Post:
		e.PostalAddress = c.reached[consents.Post]
	default:
		e.ContactPoint = c.reached[contacts.Phone]
	}
	if e.ContactPoint == nil && e.PostalAddress == nil {
		return nil // the box was ticked and the address left out: there is nothing it could hold for
	}
	_, err = s.consents.RecordTx(ctx, tx, e)
	return err
}

// atBox says what a rule of the ledger refuses of the box that was ticked.
func atBox(err error, c Consent) error {
	if f, ok := fault.As(err); ok {
		for i := range f.Violations {
			f.Violations[i].Pointer = "#/data/" + c.Field
		}
	}
	return err
}
