package ticketing

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/contacts"
)

// finding is whom the rules take somebody for, and why. Evidence are words of
// explain_texts.go, never the values that were compared.
type finding struct {
	contact  *uuid.UUID
	rule     string
	score    float64
	evidence []string
	// Whom it could be, when only a person can say, and why they are asked.
	candidates []suggestion
	reason     string
	// others reached at the same address under another name
	sharing []uuid.UUID
}

type suggestion struct {
	contact  uuid.UUID
	rule     string
	score    float64
	evidence []string
}

// description is what the rules look at of a person.
type description struct {
	email, phone string
	name         contacts.Name
	birthdate    string
	// service: the address is not one person's own, for the reason in mailbox.
	service  bool
	mailbox  string
	reseller bool
	// minor: under the age from which somebody is reached without their parents.
	minor bool
}

// ageOfOwnConsent is the age from which a minor agrees alone to being written
// to by an online service: fifteen years (GDPR art. 8 (1); loi n° 78-17,
// art. 45). Below it no way to reach a child is kept unless an adult stands
// beside it.
const ageOfOwnConsent = 15

// describe reads a person. payer, who may be nil, is the adult beside a minor.
func (u *unit) describe(p *person, channel string, payer *person) description {
	d := description{name: nameOf(p), reseller: channel == "reseller"}
	d.email, d.phone = u.s.points(p)
	d.service, d.mailbox = u.serviceOf(d.email)
	if d.reseller {
		d.service, d.mailbox = true, "reseller_channel"
	}
	if born, ok := u.born(p); ok {
		d.birthdate = *p.Birthdate
		d.minor = u.child(born) && !u.guards(payer, d.name)
	}
	return d
}

// born is a date of birth that can be one.
func (u *unit) born(p *person) (time.Time, bool) {
	born, err := time.Parse(time.DateOnly, or(p.Birthdate, ""))
	return born, err == nil && born.Year() > 1890 && born.Before(u.now)
}

func (u *unit) child(born time.Time) bool {
	return u.now.Before(born.AddDate(ageOfOwnConsent, 0, 0))
}

// guards reports whether a payer is an adult other than the child, whom one can
// reach.
func (u *unit) guards(payer *person, child contacts.Name) bool {
	if payer == nil {
		return false
	}
	name := nameOf(payer)
	email, phone := u.s.points(payer)
	if !named(name) || contacts.NamesCompatible(name, child) || email == "" && phone == "" {
		return false
	}
	if payer.Birthdate == nil {
		return true
	}
	born, err := time.Parse(time.DateOnly, *payer.Birthdate)
	return err == nil && !u.now.Before(born.AddDate(18, 0, 0))
}

// surely tries what needs no second look: the account, an identifier of ours, a
// card, and an address or mobile number together with the name. Without a contact,
// what it finds is a question: which of several.
func (u *unit) surely(p *person, d description) (finding, bool) {
	if p.Customer != nil {
		if id, ok := u.people.byAccount[accountKey{u.sourceName(), *p.Customer}]; ok {
			return finding{contact: &id, rule: "external_ref", score: 1, evidence: []string{"account_known"}}, true
		}
	}
	if p.ContactID != nil {
		if c, ok := u.people.byID[*p.ContactID]; ok {
			return finding{contact: &c.id, rule: "contact_id", score: 1, evidence: []string{"contact_id_given"}}, true
		}
	}
	if p.CardNumber != nil {
		if id, ok := u.people.byAccount[accountKey{cardSource, strings.TrimSpace(*p.CardNumber)}]; ok {
			return finding{contact: &id, rule: "card_number", score: 1, evidence: []string{"card_number_known"}}, true
		}
	}
	var several finding
	var ok bool
	// An address that only turned out to be shared by many still leads to those
	// whom it led to before.
	if d.email != "" && (!d.service || d.mailbox == "mailbox_learnt") {
		rule, score, evidence := "email_name", 0.93, []string{"email"}
		if p.EmailVerified {
			rule, score, evidence = "verified_email_name", 0.97, []string{"email", "email_verified"}
		}
		if several, ok = closest(u.people.byEmail[d.email], d, rule, score, evidence...); several.contact != nil {
			return several, true
		}
	}
	// Of several at one address the number may say which.
	if d.phone != "" && mobile(d.phone) && !d.reseller {
		if f, found := closest(u.people.byPhone[d.phone], d, "phone_name", 0.92, "mobile_phone"); found && (f.contact != nil || !ok) {
			return f, true
		}
	}
	return several, ok
}

// agrees says on what a person of the register and a description agree that can
// be the same one; nil when they cannot.
func (c candidate) agrees(d description) []string {
	if c.organisation || c.birthdate != "" && d.birthdate != "" && c.birthdate != d.birthdate {
		return nil
	}
	how := contacts.HowNamesAgree(c.name, d.name)
	if how != nil && c.birthdate != "" && c.birthdate == d.birthdate {
		how = append(how, "birthdate")
	}
	return how
}

// identify decides whom a buyer or account is. Rules are tried from the surest
// down; an e-mail address alone is never an identity, and nobody is renamed.
func (u *unit) identify(ctx context.Context, p *person, d description) (finding, error) {
	if f, ok := u.surely(p, d); ok {
		if f.contact == nil {
			return f, nil
		}
		return f, u.enrich(ctx, *f.contact, p, d)
	}
	if d.service || namesOrganisation(p, d) {
		if f, ok, err := u.organisation(ctx, p, d); err != nil || ok {
			return f, err
		}
	}
	if d.service && p.Customer == nil {
		return finding{rule: "generic_mailbox", evidence: []string{d.mailbox}}, nil
	}
	exact, weak := u.namesakesOf(p, d)
	switch {
	case d.service:
	case len(exact) == 1:
		f := finding{contact: &exact[0].contact, rule: exact[0].rule, score: exact[0].score, evidence: exact[0].evidence}
		return f, u.enrich(ctx, *f.contact, p, d)
	case len(exact) > 1:
		for i := range exact {
			exact[i].score = scoreOfSeveral
		}
		return among(exact), nil
	case len(weak) > 0 && (d.minor || d.email == "" && d.phone == "") && p.Customer == nil:
		return finding{rule: "review", score: weak[0].score, evidence: weak[0].evidence, candidates: weak, reason: "name_and_postcode"}, nil
	}
	if missing := lacking(p, d); missing != nil {
		if d.minor {
			missing = append(missing, "minor_without_guardian")
		}
		return finding{rule: "anonymous", evidence: missing}, nil
	}
	f := finding{rule: "new_contact", score: 1, evidence: []string{"nobody_like_this"}}
	if !d.service && d.email != "" {
		for _, c := range u.people.byEmail[d.email] {
			if !c.organisation {
				f.rule, f.evidence = "email_other_name", []string{"email", "name_differs"}
				f.sharing = append(f.sharing, c.id)
			}
		}
	}
	var err error
	f.contact, err = u.create(ctx, p, d)
	if d.minor {
		f.evidence = append(f.evidence, "minor_without_guardian")
	}
	return f, err
}

// lacking says what is missing to make somebody a contact, nil for nothing: of a
// name, a way to reach them and an account, two are needed.
func lacking(p *person, d description) []string {
	var known int
	var missing []string
	for _, e := range []struct {
		there bool
		word  string
	}{{named(d.name), "no_name"}, {!d.minor && (d.email != "" || d.phone != ""), "no_point"}, {p.Customer != nil, "no_account"}} {
		if e.there {
			known++
		} else {
			missing = append(missing, e.word)
		}
	}
	if known >= 2 {
		return nil
	}
	if !named(d.name) && placeholder(rawName(p)) && (rawName(p) != contacts.Name{}) {
		missing = append(missing, "placeholder_name")
	}
	return missing
}

// note keeps what a finding asks of people: a review of whom it could be, and
// homes that may be shared. A description that waited and is attributed now is
// no longer asked about.
func (u *unit) note(inputs, kind string, subject uuid.UUID, ruleBefore *string, f finding) {
	if len(f.candidates) > 0 {
		if !slices.ContainsFunc(u.asked, func(q question) bool { return q.inputs == inputs }) {
			u.asked = append(u.asked, question{inputs: inputs, kind: kind, subject: subject, finding: f})
		}
	} else if strings.HasPrefix(or(ruleBefore, ""), "review") && !strings.HasPrefix(f.rule, "review") && f.rule != "claimed" && !strings.HasPrefix(f.rule, "decided") {
		u.answered = append(u.answered, inputs)
	}
	if f.contact == nil {
		return
	}
	for _, other := range f.sharing {
		p := pair{one: *f.contact, other: other}
		if kind == kindOrder {
			p.order = &subject
		}
		u.homes = append(u.homes, p)
	}
}
