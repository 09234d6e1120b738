package conformance

import (
	"bytes"
	"context"
	"fmt"
)

// anonymise: whoever was forgotten there is not told of again.
func anonymise(ctx context.Context, p *play) error {
	o := sale("o1", 1, 5)
	o.Tickets[0].Holder = &Person{GivenName: "Léna", FamilyName: "Kervadec"}
	if placed, err := p.place(ctx, o); err != nil || placed == nil {
		return err
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	count := len(p.stage.deliveries())
	if err := p.tell(ctx, actAnonymise, Change{Order: "o1", At: at(60)}); err != nil {
		return err
	}
	blank := func(person object) bool {
		for _, name := range []string{"email", "phone", "given_name", "family_name", "name", "organisation", "customer"} {
			if person.text(name) != "" {
				return false
			}
		}
		return true
	}
	ok := false
	if _, err := p.awaitOrder(ctx, "o1", "not-anonymised", func(o object) string {
		switch {
		case !blank(o.in("buyer")) || !blank(o.in("payer")):
			return "The order still says who bought it."
		case !blank(o.named("lines", p.name("o1-ticket-1")).in("holder")):
			return "The ticket still says who holds it."
		}
		ok = true
		return totals("25.50", "25.50", "0.00", "25.50")(o)
	}); err != nil || !ok {
		return err
	}
	if err := p.tell(ctx, actResync, struct{}{}); err != nil {
		return err
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	for _, d := range p.stage.deliveries()[count:] {
		p.expect(!bytes.Contains(d.body, []byte("Kervadec")) && !bytes.Contains(d.body, []byte("lena.kervadec")) && !bytes.Contains(d.body, []byte("+33639981204")),
			"told-again", "After the buyer was made anonymous a request named them.")
	}
	return nil
}

// testOrder: it never counts.
func testOrder(ctx context.Context, p *play) error {
	o := sale("trial", 1, 5)
	o.Test = true
	if err := p.tell(ctx, actPlace, o); err != nil {
		return err
	}
	// A real one after it, so that there is something to wait for.
	if placed, err := p.place(ctx, sale("o1", 1, 6)); err != nil || placed == nil {
		return err
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	trial, err := p.api.record(ctx, "order", p.name("trial"))
	if err != nil {
		return err
	}
	p.expect(trial == nil || trial["is_test"] == true, "test-leaked", "A test order came as a real one: set test, or do not send it.")
	p.expect(trial == nil || trial["contact_id"] == nil, "test-leaked", "A test order was given to a contact.")
	sold, err := p.api.list(ctx, "/v1/ticketing/orders", "limit=200&source="+p.conn.Source)
	if err != nil {
		return err
	}
	p.expect(len(sold) == 1, "test-leaked", "Of one real order and one test order, %d count as real.", len(sold))
	return nil
}

// genericMailbox: an address of a service is nobody's.
func genericMailbox(ctx context.Context, p *play) error {
	o := sale("o1", 1, 5)
	o.Buyer = &Person{Organisation: "Lycée du Ponant", Email: "contact@lycee-ponant.example"}
	placed, err := p.place(ctx, o)
	if err != nil || placed == nil {
		return err
	}
	b := placed.in("buyer")
	p.expect(b.text("email") == "contact@lycee-ponant.example" && b.text("organisation") == "Lycée du Ponant", "buyer-wrong", "The buyer is not as it was given.")
	p.expect(b.text("given_name") == "" && b.text("family_name") == "" && b.text("customer") == "", "buyer-invented", "The buyer has a name or an account that nobody gave.")
	p.expect(b["email_verified"] != true, "verified-invented", "The address counts as verified; nobody verified it.")
	return nil
}

// sharedFamilyMail: one address, two people, each with their own name.
func sharedFamilyMail(ctx context.Context, p *play) error {
	people := []Person{
		{GivenName: "Anne", FamilyName: "Morvan", Email: "famille.morvan@courrier.example"},
		{GivenName: "Paul", FamilyName: "Le Goff", Email: "famille.morvan@courrier.example"},
	}
	var contacts []string
	for i, person := range people {
		o := sale(fmt.Sprintf("o%d", i+1), 1, 5+i)
		o.Buyer = &person
		placed, err := p.place(ctx, o)
		if err != nil || placed == nil {
			return err
		}
		b := placed.in("buyer")
		p.expect(b.text("given_name") == person.GivenName && b.text("family_name") == person.FamilyName, "buyer-wrong", "The order of %s %s names somebody else.", person.GivenName, person.FamilyName)
		p.expect(b.text("customer") == "", "account-invented", "The buyer has an account %q that nobody opened: an address is no identity.", b.text("customer"))
		p.expect(b["email_verified"] != true, "verified-invented", "The address counts as verified; nobody verified it.")
		contacts = append(contacts, placed.text("contact_id"))
	}
	p.expect(contacts[0] != "" && contacts[1] != "" && contacts[0] != contacts[1], "people-merged", "Two people who share an address became one contact, or none.")
	first, err := p.api.get(ctx, "/v1/contacts/"+contacts[0], "")
	if err != nil {
		return err
	}
	p.expect(first == nil || first.text("family_name") == "Morvan", "renamed", "The order of one person renamed the other.")
	return nil
}

// placeholderHolder: what is printed on a ticket without a name is no name.
func placeholderHolder(ctx context.Context, p *play) error {
	o := sale("o1", 2, 5)
	o.Tickets[0].Holder = &Person{GivenName: "Léna", FamilyName: "Kervadec"}
	o.Tickets[1].Printed = "Invité 2"
	placed, err := p.place(ctx, o)
	if err != nil || placed == nil {
		return err
	}
	named, unnamed := placed.named("lines", p.name("o1-ticket-1")), placed.named("lines", p.name("o1-ticket-2"))
	p.expect(named.in("holder").text("family_name") == "Kervadec", "holder-lost", "The ticket that names somebody came without the name.")
	h := unnamed.in("holder")
	p.expect(h.text("given_name")+h.text("family_name")+h.text("name")+h.text("email") == "" || unnamed.text("holder_rule") == "placeholder", "holder-invented",
		"The ticket that names nobody came with a holder: leave holder out.")
	p.expect(unnamed["holder_contact_id"] == nil, "holder-invented", "The ticket that names nobody was given to a contact.")
	return nil
}

// boxOfficeWithoutName: most sales at a counter are anonymous.
func boxOfficeWithoutName(ctx context.Context, p *play) error {
	o := sale("o1", 1, 5)
	o.Channel, o.Buyer, o.Fees, o.Payments = "box_office", nil, nil, nil
	o = o.paid()
	o.Payments[0].Method = "cash"
	placed, err := p.place(ctx, o)
	if err != nil || placed == nil {
		return err
	}
	p.expect(placed["contact_id"] == nil, "buyer-invented", "A sale without a name became somebody's.")
	b := placed.in("buyer")
	p.expect(b.text("given_name")+b.text("family_name")+b.text("name")+b.text("email")+b.text("customer") == "", "buyer-invented", "A sale without a name came with one.")
	p.expect(placed.text("channel") == "box_office", "channel-wrong", "The channel is %q; it was the box office.", placed.text("channel"))
	reason := totals("24.00", "24.00", "0.00", "24.00")(placed)
	p.expect(reason == "", "order-wrong", "%s", reason)
	return nil
}

// dstTimes: the clock on the wall, said as instants.
func dstTimes(ctx context.Context, p *play) error {
	nights := []struct {
		wall Wall
		zone string
		want string
	}{
		{Wall{Local: "2026-10-24T20:30"}, "Europe/Paris", "2026-10-24T18:30:00Z"},
		{Wall{Local: "2026-10-25T02:30"}, "Europe/Paris", "2026-10-25T00:30:00Z"},
		{Wall{Local: "2026-10-25T02:30", Second: true}, "Europe/Paris", "2026-10-25T01:30:00Z"},
		{Wall{Local: "2026-10-25T16:00"}, "Europe/Paris", "2026-10-25T15:00:00Z"},
		{Wall{Local: "2027-03-28T20:00"}, "Europe/Paris", "2027-03-28T18:00:00Z"},
		{Wall{Local: "2026-12-04T20:00"}, "Indian/Reunion", "2026-12-04T16:00:00Z"},
	}
	for i, n := range nights {
		if err := p.tell(ctx, actSchedule, Performance{Ref: fmt.Sprintf("night-%d", i+1), Title: "Nuit blanche", Starts: n.wall, TimeZone: n.zone, Capacity: 80, At: at(i),
			PriceTypes: []PriceType{{Ref: fullPrice, Label: "Tarif plein", Class: "full"}}}); err != nil {
			return err
		}
	}
	_, err := p.await(ctx, "time-wrong", func(ctx context.Context) (string, error) {
		for i, n := range nights {
			o, err := p.api.record(ctx, "performance", p.name(fmt.Sprintf("night-%d", i+1)))
			if err != nil {
				return "", err
			}
			if o == nil {
				return "A performance has not arrived.", nil
			}
			if got := o.text("starts_at"); got != n.want {
				return fmt.Sprintf("The performance at %s (%s, second: %t) starts at %s; it should be %s: give times with their offset.", n.wall.Local, n.zone, n.wall.Second, got, n.want), nil
			}
		}
		return "", nil
	})
	return err
}
