package conformance

import (
	"context"
	"fmt"
	"time"
)

// The scene every scenario begins with: a fictional theatre, one evening, two
// tariffs.
const (
	evening    = "evening"
	fullPrice  = "full-price"
	youngPrice = "young"
)

// at is an instant of the story, some minutes after it began.
func at(minutes int) string {
	return time.Date(2026, time.November, 20, 9, 0, 0, 0, time.UTC).Add(time.Duration(minutes) * time.Minute).Format(time.RFC3339)
}

// begin points the connector at the stage and puts an evening on sale.
func (p *play) begin(ctx context.Context) error {
	if err := p.tell(ctx, actConnect, p.conn); err != nil {
		return err
	}
	return p.tell(ctx, actSchedule, Performance{
		Ref: evening, Title: "La Nuit des gabians", Starts: Wall{Local: "2026-12-04T20:00"}, TimeZone: "Europe/Paris", Capacity: 320, At: at(0),
		PriceTypes: []PriceType{{Ref: fullPrice, Label: "Tarif plein", Class: "full"}, {Ref: youngPrice, Label: "Moins de 26 ans", Class: "reduced"}},
	})
}

func lena() *Person {
	return &Person{GivenName: "Léna", FamilyName: "Kervadec", Email: "lena.kervadec@courrier.example", Phone: "+33639981204"}
}

// sale is an order of so many tickets at 24.00 with a fee of 1.50, paid.
func sale(ref string, tickets, minute int) Order {
	o := Order{Ref: ref, At: at(minute), Channel: "web", Currency: "EUR", Buyer: lena(), Fees: []Fee{{Ref: ref + "-fee", Kind: "service", Label: "Frais de dossier", PriceMinor: 150}}}
	for i := range tickets {
		o.Tickets = append(o.Tickets, Ticket{
			Ref: fmt.Sprintf("%s-ticket-%d", ref, i+1), Performance: evening, PriceType: fullPrice, PriceMinor: 2400, TaxMinor: 49, TaxRateBP: 210, Seat: fmt.Sprintf("B%d", 12+i),
		})
	}
	return o.paid()
}

// paid adds the payment of all of it.
func (o Order) paid() Order {
	total := int64(0)
	for _, t := range o.Tickets {
		total += t.PriceMinor
	}
	for _, f := range o.Fees {
		total += f.PriceMinor
	}
	if total > 0 {
		o.Payments = []Payment{{Ref: o.Ref + "-payment", Method: "card", AmountMinor: total, At: o.At}}
	}
	return o
}

// place sells and waits for the order.
func (p *play) place(ctx context.Context, o Order) (object, error) {
	if err := p.tell(ctx, actPlace, o); err != nil {
		return nil, err
	}
	return p.arrives(ctx, o.Ref)
}

// seat is a reason unless the first ticket of the order o1 has a seat.
func (p *play) seat(seat string) func(object) string {
	const ticket = "o1-ticket-1"
	return func(o object) string {
		l := o.named("lines", p.name(ticket))
		if l == nil {
			return fmt.Sprintf("The ticket %q is not among the lines of the order.", p.name(ticket))
		}
		if got := l.text("seat"); got != seat {
			return fmt.Sprintf("The seat of the ticket is %q; it should be %q.", got, seat)
		}
		return ""
	}
}

// totals is a reason unless the sums of an order are these.
func totals(gross, paid, refunded, net string) func(object) string {
	return func(o object) string {
		t := o.in("totals")
		for _, want := range [][2]string{{"gross", gross}, {"paid", paid}, {"refunded", refunded}, {"net", net}} {
			if got := t.amount(want[0]); got != want[1] {
				return fmt.Sprintf("The order's %s is %s; it should be %s.", want[0], got, want[1])
			}
		}
		return ""
	}
}

// state is a reason unless the axes of an order are these.
func state(commercial, payment string) func(object) string {
	return func(o object) string {
		if got := o.text("commercial_state"); got != commercial {
			return fmt.Sprintf("The commercial state is %s; it should be %s.", got, commercial)
		}
		if got := o.text("payment_state"); payment != "" && got != payment {
			return fmt.Sprintf("The payment state is %s; it should be %s.", got, payment)
		}
		return ""
	}
}

// lineStates is a reason unless tickets are in a state.
func (p *play) lineStates(state string, tickets ...string) func(object) string {
	return func(o object) string {
		for _, ref := range tickets {
			l := o.named("lines", p.name(ref))
			if l == nil {
				return fmt.Sprintf("The ticket %q is not among the lines of the order; lines are kept whatever becomes of them.", p.name(ref))
			}
			if got := l.text("state"); got != state {
				return fmt.Sprintf("The ticket %q is %s; it should be %s.", p.name(ref), got, state)
			}
		}
		return ""
	}
}

// all is the first reason of several.
func all(wants ...func(object) string) func(object) string {
	return func(o object) string {
		for _, want := range wants {
			if reason := want(o); reason != "" {
				return reason
			}
		}
		return ""
	}
}
