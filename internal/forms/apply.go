package forms

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/consents"
	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/forms/internal/formsdb"
	"github.com/parvis-crm/parvis/internal/pg"
)

// person is what a submission says about whom.
type person struct {
	fields                               contacts.Fields
	email, phone                         string
	street, postalCode, city, countryISO string
	typed                                map[string]string
}

func personOf(d Definition, data map[string]any) person {
	m := d.mapping()
	p := person{typed: map[string]string{}}
	for attribute, field := range m.fields() {
		if field == nil {
			continue
		}
		if text, _ := data[*field].(string); strings.TrimSpace(text) != "" {
			p.typed[attribute] = strings.TrimSpace(text)
		}
	}
	p.fields = contacts.Fields{Kind: contacts.Person, GivenName: p.get("given_name"), FamilyName: p.get("family_name"), Locale: p.get("locale")}
	if born, err := time.Parse(time.DateOnly, p.typed["birthdate"]); err == nil {
		p.fields.Birthdate = &born
	}
	p.email, p.phone = p.typed["email"], p.typed["phone"]
	p.street, p.postalCode, p.city, p.countryISO = p.typed["street"], p.typed["postal_code"], p.typed["city"], strings.ToUpper(p.typed["country"])
	return p
}

func (p person) get(attribute string) *string {
	if text, ok := p.typed[attribute]; ok {
		return &text
	}
	return nil
}

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
	if p.email == "" && p.phone == "" && p.fields.FamilyName == nil {
		return nil, nil
	}
	contact, err := s.match(ctx, tx, sub, p, byLink)
	if err != nil {
		return nil, err
	}
	points := map[string]*uuid.UUID{}
	for _, n := range p.points(sub.FormID, byLink) {
		point, err := s.contacts.EnsureContactPointTx(ctx, tx, contact, n)
		if err != nil {
			return nil, err
		}
		points[n.Kind] = &point.ID
	}
	facts, err := s.q.TenantFacts(ctx, tx, sub.TenantID)
	if err != nil {
		return nil, err
	}
	for _, c := range d.Consents {
		if ticked, _ := data[c.Field].(bool); !ticked {
			continue // an empty box is no answer
		}
		if err := s.consent(ctx, tx, consenting{sub, d, c, p, contact, points, facts.TimeZone, byLink, now}); err != nil {
			return nil, err
		}
	}
	return &contact, nil
}

func (p person) points(form uuid.UUID, verified bool) []contacts.NewPoint {
	var out []contacts.NewPoint
	source := "form:" + form.String()
	if p.email != "" {
		out = append(out, contacts.NewPoint{Kind: contacts.Email, Value: p.email, Verified: verified, Source: source})
	}
	if p.phone != "" {
		out = append(out, contacts.NewPoint{Kind: contacts.Phone, Value: p.phone, Region: "FR", Source: source})
	}
	return out
}

// match finds the person by address and name, or makes a contact. An address
// alone is shared by families: it decides only where the visitor gave no name
// and the register has nobody else, or nobody named, at that address.
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
		if id, ok := choose(found, p); ok {
			return id, nil
		}
	}
	n := contacts.New{Fields: p.fields, Points: p.points(sub.FormID, byLink), Source: "form:" + sub.FormID.String()}
	if p.street != "" || p.postalCode != "" || p.city != "" {
		n.Addresses = []contacts.NewAddress{{Street: p.get("street"), Postcode: p.get("postal_code"), City: p.get("city"), Country: p.countryISO}}
	}
	c, err := s.contacts.CreateTx(ctx, tx, n)
	return c.ID, err
}

func choose(found []contacts.Contact, p person) (uuid.UUID, bool) {
	name := contacts.Name{}
	if p.fields.GivenName != nil {
		name.Given = *p.fields.GivenName
	}
	if p.fields.FamilyName != nil {
		name.Family = *p.fields.FamilyName
	}
	for _, c := range found {
		if contacts.NamesCompatible(contacts.NameOf(c), name) {
			return c.ID, true
		}
	}
	if name.Given != "" || name.Family != "" {
		return uuid.Nil, false
	}
	if len(found) == 1 {
		return found[0].ID, true
	}
	for _, c := range found {
		if contacts.NameOf(c) == (contacts.Name{}) {
			return c.ID, true
		}
	}
	return uuid.Nil, false
}

type consenting struct {
	sub     Submission
	form    Definition
	consent Consent
	person  person
	contact uuid.UUID
	points  map[string]*uuid.UUID
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
		e.ContactPoint = c.points[contacts.Email]
	case consents.Post:
		id, err := s.q.AddressOf(ctx, tx, addressOf(c))
		if err != nil && !pg.IsNoRows(err) {
			return err
		}
		if err == nil {
			e.PostalAddress = &id
		}
	default:
		e.ContactPoint = c.points[contacts.Phone]
	}
	if e.ContactPoint == nil && e.PostalAddress == nil {
		return nil // the box was ticked and the address left out: there is nothing it could hold for
	}
	_, err = s.consents.RecordTx(ctx, tx, e)
	return err
}

func addressOf(c consenting) formsdb.AddressOfParams {
	return formsdb.AddressOfParams{TenantID: c.sub.TenantID, ContactID: c.contact, Street: c.person.street, PostalCode: c.person.get("postal_code")}
}
