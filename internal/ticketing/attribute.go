package ticketing

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/fault"
)

// candidate is a contact as far as attribution needs to know it.
type candidate struct {
	id           uuid.UUID
	organisation bool
	name         contacts.Name
	display      string
}

// register is the part of the register of contacts that the orders of a unit
// may belong to, read at once and kept up to date with what the unit creates.
type register struct {
	byAccount map[string]uuid.UUID // external id of an account at this source
	byID      map[uuid.UUID]candidate
	byEmail   map[string][]candidate // oldest contact first
	byPhone   map[string][]candidate
}

// points are the contact points of a person in their normal form; empty where
// there is none or where it cannot be one.
func (s *Service) points(p *person) (email, phone string) {
	if p == nil {
		return "", ""
	}
	if p.Email != nil {
		if normal, err := contacts.NormalizeEmail(strings.TrimSpace(*p.Email)); err == nil {
			email = normal
		}
	}
	if p.Phone != nil {
		if normal, err := contacts.NormalizePhone(*p.Phone, "FR"); err == nil {
			phone = normal
		}
	}
	return email, phone
}

// namesOf are the names under which a person could be made a contact of, for
// the locks that keep two transactions from making them twice.
func (s *Service) namesOf(p *person, account string, source Source) []string {
	email, phone := s.points(p)
	var out []string
	if email != "" {
		out = append(out, "email:"+email)
	}
	if phone != "" {
		out = append(out, "phone:"+phone)
	}
	if account != "" {
		out = append(out, "account:"+source.Code+":"+account)
	}
	return out
}

func (u *unit) sourceName() string { return "ticketing:" + u.source.Code }

// attribute finds, for each account and order that changed, the contact it
// belongs to, and creates the contact where there is none and enough is known.
func (u *unit) attribute(ctx context.Context) error {
	if err := u.loadRegister(ctx); err != nil {
		return err
	}
	var linked []uuid.UUID
	for id, e := range u.customers {
		if !e.dirty || e.now.Deleted || e.now.Profile == nil {
			continue
		}
		profile := readPerson(e.now.Profile)
		account := e.now.ExternalID
		profile.Customer = &account
		inputs := digestOf(profile, "")
		if e.now.ContactID != nil && e.now.MatchInputs != nil && *e.now.MatchInputs == inputs {
			continue
		}
		contact, rule, score, err := u.identify(ctx, profile, "")
		if err != nil {
			return err
		}
		e.now.ContactID, e.now.MatchRule, e.now.MatchScore, e.now.MatchInputs = contact, &rule, &score, &inputs
		if contact != nil {
			linked = append(linked, id)
		}
	}
	if len(linked) > 0 {
		if err := u.wakeOrders(ctx, linked); err != nil {
			return err
		}
	}
	for _, id := range u.sequence {
		if err := u.attributeOrder(ctx, u.orders[id]); err != nil {
			return err
		}
	}
	return u.fresh.WriteTx(ctx, u.tx)
}

// wakeOrders loads orders that waited for their account to be described.
func (u *unit) wakeOrders(ctx context.Context, customers []uuid.UUID) error {
	waiting, err := u.s.q.FindUnattributedOrders(ctx, u.tx, u.source.TenantID, customers)
	if err != nil {
		return err
	}
	if len(waiting) > 0 {
		if err := u.loadWhole(ctx, waiting); err != nil {
			return err
		}
	}
	of := map[uuid.UUID]bool{}
	for _, id := range customers {
		of[id] = true
	}
	for _, o := range u.orders {
		if o.row.CustomerID != nil && of[*o.row.CustomerID] && o.row.ContactID == nil {
			o.retry = true
		}
	}
	return nil
}

func (u *unit) attributeOrder(ctx context.Context, o *order) error {
	if o.row.Stub || o.row.Deleted {
		return nil
	}
	if o.row.Test {
		rule := "test"
		o.row.ContactID, o.row.MatchRule, o.row.MatchScore, o.row.MatchInputs, o.row.MatchedAt = nil, &rule, nil, nil, nil
		return nil
	}
	channel := or(o.row.ChannelKind, "")
	inputs := digestOf(o.buyer, channel)
	if !o.retry && o.row.MatchInputs != nil && *o.row.MatchInputs == inputs {
		return nil
	}
	rule, score := "anonymous", 0.0
	var contact *uuid.UUID
	if o.buyer != nil {
		var err error
		if contact, rule, score, err = u.identify(ctx, o.buyer, channel); err != nil {
			return err
		}
	}
	o.row.ContactID, o.row.MatchRule, o.row.MatchScore, o.row.MatchInputs, o.row.MatchedAt = contact, &rule, &score, &inputs, &u.now
	return nil
}

// digestOf is the SHA-256 of what identify compares.
func digestOf(p *person, channel string) string {
	relevant := person{}
	if p != nil {
		relevant = person{Customer: p.Customer, ContactID: p.ContactID, Email: p.Email, EmailVerified: p.EmailVerified, Phone: p.Phone,
			GivenName: p.GivenName, FamilyName: p.FamilyName, Name: p.Name, Organisation: p.Organisation}
	}
	sum := sha256.Sum256(append(encode(relevant), channel...))
	return hex.EncodeToString(sum[:])
}

// identify decides whom a buyer or account is. Rules are tried from the surest
// down; an e-mail address alone is never an identity, and nobody is renamed.
func (u *unit) identify(ctx context.Context, p *person, channel string) (*uuid.UUID, string, float64, error) {
	email, phone := u.s.points(p)
	name := nameOf(p)
	service := email != "" && generic(email) || channel == "reseller"
	link := func(id uuid.UUID, rule string, score float64) (*uuid.UUID, string, float64, error) {
		return &id, rule, score, u.enrich(ctx, id, p, email, phone, service)
	}
	if p.Customer != nil {
		if id, ok := u.people.byAccount[*p.Customer]; ok {
			return link(id, "external_ref", 1)
		}
	}
	if p.ContactID != nil {
		if c, ok := u.people.byID[*p.ContactID]; ok {
			return link(c.id, "contact_id", 1)
		}
	}
	known := false
	if email != "" && !service {
		for _, c := range u.people.byEmail[email] {
			known = true
			if !c.organisation && contacts.NamesCompatible(c.name, name) {
				if p.EmailVerified {
					return link(c.id, "verified_email_name", 0.97)
				}
				return link(c.id, "email_name", 0.93)
			}
		}
	}
	if phone != "" && mobile(phone) && channel != "reseller" {
		for _, c := range u.people.byPhone[phone] {
			if !c.organisation && contacts.NamesCompatible(c.name, name) {
				return link(c.id, "phone_name", 0.92)
			}
		}
	}
	organisation := strings.TrimSpace(or(p.Organisation, ""))
	if organisation != "" && (service || !named(name)) {
		return u.organisation(ctx, p, organisation, email)
	}
	if service && p.Customer == nil {
		return nil, "generic_mailbox", 0, nil
	}
	if anonymous(p, name, email, phone) {
		return nil, "anonymous", 0, nil
	}
	rule := "new_contact"
	if known {
		rule = "email_other_name"
	}
	if service {
		email = ""
	}
	id, err := u.create(ctx, p, name, email, phone)
	return id, rule, 1, err
}

// anonymous reports whether too little is known of somebody to make a contact:
// of a name, a way to reach them and an account, two are needed.
func anonymous(p *person, name contacts.Name, email, phone string) bool {
	known := 0
	for _, has := range []bool{named(name), email != "" || phone != "", p.Customer != nil} {
		if has {
			known++
		}
	}
	return known < 2
}

// organisation finds or makes the organisation behind a service's address.
func (u *unit) organisation(ctx context.Context, p *person, name, email string) (*uuid.UUID, string, float64, error) {
	folded := contacts.Fold(name)
	for _, c := range u.people.byEmail[email] {
		if c.organisation && contacts.Fold(c.display) == folded {
			id := c.id
			return &id, "organisation", 0.93, nil
		}
	}
	if email == "" {
		return nil, "anonymous", 0, nil
	}
	in := contacts.New{
		Fields: contacts.Fields{Kind: contacts.Organisation, LegalName: &name}, Source: u.sourceName(),
		Points: []contacts.NewPoint{{Kind: contacts.Email, Value: email, Primary: true}},
	}
	if p.Customer != nil {
		in.ExternalIDs = []contacts.NewExternalID{{Source: u.sourceName(), ExternalID: *p.Customer}}
	}
	made, err := u.fresh.Add(ctx, in)
	if err != nil {
		return nil, "", 0, err
	}
	u.people.byEmail[email] = append(u.people.byEmail[email], candidate{id: made.ID, organisation: true, display: made.DisplayName})
	if p.Customer != nil {
		u.people.byAccount[*p.Customer] = made.ID
	}
	return &made.ID, "organisation", 1, nil
}

// create makes the contact of a person nobody in the register is.
func (u *unit) create(ctx context.Context, p *person, name contacts.Name, email, phone string) (*uuid.UUID, error) {
	in := contacts.New{Fields: contacts.Fields{Kind: contacts.Person, GivenName: filled(name.Given), FamilyName: filled(name.Family)}, Source: u.sourceName()}
	if email != "" {
		in.Points = append(in.Points, contacts.NewPoint{Kind: contacts.Email, Value: strings.TrimSpace(*p.Email), Primary: true, Verified: p.EmailVerified})
	}
	if phone != "" {
		label := "home"
		if mobile(phone) {
			label = "mobile"
		}
		in.Points = append(in.Points, contacts.NewPoint{Kind: contacts.Phone, Label: label, Value: phone, Primary: true})
	}
	if a := p.Address; a != nil && a.City != nil {
		in.Addresses = []contacts.NewAddress{{Street: a.Street, Postcode: a.PostalCode, City: a.City, Country: or(a.Country, ""), Primary: true}}
	}
	if p.Customer != nil {
		in.ExternalIDs = []contacts.NewExternalID{{Source: u.sourceName(), ExternalID: *p.Customer}}
	}
	made, err := u.fresh.Add(ctx, in)
	if _, refused := fault.As(err); refused && in.Addresses != nil {
		in.Addresses = nil // an address that cannot be one is not a reason to lose the person
		made, err = u.fresh.Add(ctx, in)
	}
	if err != nil {
		return nil, err
	}
	c := candidate{id: made.ID, name: name, display: made.DisplayName}
	u.people.byID[c.id] = c
	if email != "" {
		u.people.byEmail[email] = append(u.people.byEmail[email], c)
	}
	if phone != "" {
		u.people.byPhone[phone] = append(u.people.byPhone[phone], c)
	}
	if p.Customer != nil {
		u.people.byAccount[*p.Customer] = c.id
	}
	return &c.id, nil
}

// enrich adds to a known contact the account and the contact points that it
// was not known by. Names and addresses of a known contact are left alone.
func (u *unit) enrich(ctx context.Context, id uuid.UUID, p *person, email, phone string, service bool) error {
	// What is added to a contact of this unit comes after the contact.
	written := func() error {
		if u.fresh.Holds(id) {
			return u.fresh.WriteTx(ctx, u.tx)
		}
		return nil
	}
	if p.Customer != nil {
		if _, known := u.people.byAccount[*p.Customer]; !known {
			if err := written(); err != nil {
				return err
			}
			if _, _, err := u.s.contacts.AttachExternalIDTx(ctx, u.tx, id, u.sourceName(), *p.Customer); err != nil {
				return err
			}
			u.people.byAccount[*p.Customer] = id
		}
	}
	c, ok := u.people.byID[id]
	if !ok {
		c = candidate{id: id, name: nameOf(p)}
	}
	if email != "" && !service && !reachedAt(u.people.byEmail[email], id) {
		if err := written(); err != nil {
			return err
		}
		if _, err := u.s.contacts.EnsureContactPointTx(ctx, u.tx, id, contacts.NewPoint{Kind: contacts.Email, Value: email, Verified: p.EmailVerified, Source: u.sourceName()}); err != nil {
			return err
		}
		u.people.byEmail[email] = append(u.people.byEmail[email], c)
	}
	if phone != "" && !service && !reachedAt(u.people.byPhone[phone], id) {
		if err := written(); err != nil {
			return err
		}
		if _, err := u.s.contacts.EnsureContactPointTx(ctx, u.tx, id, contacts.NewPoint{Kind: contacts.Phone, Value: phone, Source: u.sourceName()}); err != nil {
			return err
		}
		u.people.byPhone[phone] = append(u.people.byPhone[phone], c)
	}
	return nil
}

func reachedAt(list []candidate, id uuid.UUID) bool {
	for _, c := range list {
		if c.id == id {
			return true
		}
	}
	return false
}

func filled(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
