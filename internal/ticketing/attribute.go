package ticketing

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/contacts"
)

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

func (u *unit) sourceName() string { return sourceName(u.source) }

func sourceName(s Source) string { return "ticketing:" + s.Code }

// attribute finds, for each account and order that changed, the contact it
// belongs to, and creates the contact where there is none and enough is known.
func (u *unit) attribute(ctx context.Context) error {
	if err := u.loadRegister(ctx); err != nil {
		return err
	}
	if err := u.loadDecisions(ctx); err != nil {
		return err
	}
	if err := u.loadNamesakes(ctx); err != nil {
		return err
	}
	if err := u.rejoinBuyers(ctx); err != nil {
		return err
	}
	var linked []uuid.UUID
	for _, e := range sortedEntities(u.customers) {
		before := e.now.ContactID
		if err := u.attributeCustomer(ctx, e); err != nil {
			return err
		}
		if e.now.ContactID != nil && !sameID(before, e.now.ContactID) {
			linked = append(linked, e.now.ID)
		}
	}
	if len(linked) > 0 {
		if err := u.wakeOrders(ctx, linked); err != nil {
			return err
		}
	}
	if err := u.followAccounts(ctx); err != nil {
		return err
	}
	// Those that say how the person of an account is reached come first, so that the
	// others of this unit are of the same person.
	for _, reached := range []bool{true, false} {
		for _, id := range u.sequence {
			o := u.orders[id]
			if says := o.buyer != nil && o.buyer.Customer != nil && (o.buyer.Email != nil || o.buyer.Phone != nil); says == reached {
				if err := u.attributeOrder(ctx, o); err != nil {
					return err
				}
			}
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
		if err := u.loadDecisions(ctx); err != nil {
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

// attributeCustomer says whose account this is.
func (u *unit) attributeCustomer(ctx context.Context, e *customer) error {
	if e.now.Deleted || e.now.Profile == nil {
		return nil
	}
	profile := readPerson(e.now.Profile)
	account := e.now.ExternalID
	profile.Customer = &account
	inputs := u.digestOf(profile, "")
	f, decided := u.decided(uuid.Nil, inputs)
	if !decided {
		if !u.retried[e.now.ID] && e.now.ContactID != nil && e.now.MatchInputs != nil && *e.now.MatchInputs == inputs {
			return nil
		}
		d := u.describe(profile, "", nil)
		if err := u.rejoin(ctx, e.now.ID, profile, d); err != nil {
			return err
		}
		if err := u.disown(ctx, e, d); err != nil {
			return err
		}
		shown, ok := u.shownByOrder(e.now.ID, profile, d)
		if f = shown; ok {
			if err := u.enrich(ctx, *f.contact, profile, d); err != nil {
				return err
			}
		} else {
			var err error
			if f, err = u.identify(ctx, profile, d); err != nil {
				return err
			}
		}
	}
	u.note(inputs, kindCustomer, e.now.ID, e.now.MatchRule, f)
	e.now.ContactID, e.now.MatchRule, e.now.MatchScore, e.now.MatchInputs, e.now.MatchEvidence = f.contact, &f.rule, &f.score, &inputs, f.evidence
	return nil
}

// attributeOrder says whose order this is: as somebody decided, or else as the
// rules find. An order of which nothing relevant changed stays where it is.
func (u *unit) attributeOrder(ctx context.Context, o *order) error {
	if o.row.Stub || o.row.Deleted {
		return nil
	}
	row := &o.row
	if row.Test {
		rule := "test"
		row.ContactID, row.MatchRule, row.MatchScore, row.MatchInputs, row.MatchedAt, row.MatchEvidence = nil, &rule, nil, nil, nil, nil
		return nil
	}
	channel := or(row.ChannelKind, "")
	inputs := u.digestOfBuyer(o)
	f, decided := u.decided(row.ID, inputs)
	if !decided {
		if !o.retry && row.MatchInputs != nil && *row.MatchInputs == inputs {
			return nil
		}
		f = finding{rule: "anonymous", evidence: []string{"nothing_said"}}
		if o.buyer != nil {
			var err error
			if f, err = u.identify(ctx, o.buyer, u.describe(o.buyer, channel, readPerson(row.Payer))); err != nil {
				return err
			}
		}
	}
	u.note(inputs, kindOrder, row.ID, row.MatchRule, f)
	if sameID(row.ContactID, f.contact) && or(row.MatchRule, "") == f.rule && or(row.MatchScore, -1) == f.score &&
		or(row.MatchInputs, "") == inputs && slices.Equal(row.MatchEvidence, f.evidence) {
		return nil
	}
	row.ContactID, row.MatchRule, row.MatchScore, row.MatchInputs, row.MatchedAt, row.MatchEvidence = f.contact, &f.rule, &f.score, &inputs, &u.now, f.evidence
	return nil
}

// digestOfBuyer is the digest of who bought, and of the adult who paid where the
// buyer is a child: whether a child is reached depends on who stands beside it.
func (u *unit) digestOfBuyer(o *order) string {
	channel := or(o.row.ChannelKind, "")
	if payer := readPerson(o.row.Payer); payer != nil && o.buyer != nil {
		if born, ok := u.born(o.buyer); ok && u.child(born) {
			channel += "\x1f" + u.digestOf(payer, "")
		}
	}
	return u.digestOf(o.buyer, channel)
}

// digestOf is the SHA-256 of what identify compares, as it compares it: another
// spelling of the same is the same. An account is a name at its source and
// nowhere else.
func (u *unit) digestOf(p *person, channel string) string {
	relevant := person{}
	if p != nil {
		relevant = person{Customer: p.Customer, ContactID: p.ContactID, CardNumber: p.CardNumber, Email: p.Email, EmailVerified: p.EmailVerified, Phone: p.Phone,
			GivenName: folded(p.GivenName), FamilyName: folded(p.FamilyName), Name: folded(p.Name), Organisation: folded(p.Organisation), Birthdate: p.Birthdate}
		if email, phone := u.s.points(p); email != "" || phone != "" {
			relevant.Email, relevant.Phone = cmp.Or(filled(email), p.Email), cmp.Or(filled(phone), p.Phone)
		}
		if a := p.Address; a != nil {
			relevant.Address = &address{Street: folded(a.Street), PostalCode: folded(a.PostalCode)}
		}
		if p.Customer != nil {
			channel += "\x1f" + u.source.Code
		}
	}
	sum := sha256.Sum256(append(encode(relevant), channel...))
	return hex.EncodeToString(sum[:])
}

// folded is a text as names are compared.
func folded(text *string) *string {
	if text == nil {
		return nil
	}
	if folded := contacts.Fold(*text); folded != "" {
		return &folded
	}
	return text
}

func filled(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func sameID(a, b *uuid.UUID) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}
