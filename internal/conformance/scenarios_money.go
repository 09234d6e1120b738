package conformance

import (
	"context"
	"fmt"
)

// partialRefund: money goes back, no line changes.
func partialRefund(ctx context.Context, p *play) error {
	if o, err := p.place(ctx, sale("o1", 2, 5)); err != nil || o == nil {
		return err
	}
	if err := p.tell(ctx, actRefund, Refund{Ref: "refund-1", Order: "o1", Payment: "o1-payment", Tickets: []string{"o1-ticket-2"}, AmountMinor: 2400, At: at(30)}); err != nil {
		return err
	}
	_, err := p.awaitOrder(ctx, "o1", "refund-wrong", all(totals("49.50", "49.50", "24.00", "25.50"), p.lineStates("valid", "o1-ticket-1", "o1-ticket-2"), state("confirmed", ""), lineAmounts("24.00")))
	return err
}

func lineAmounts(amount string) func(object) string {
	return func(o object) string {
		for _, l := range o.each("lines") {
			if got := l.amount("amount"); got != amount {
				return fmt.Sprintf("A line is %s; it was sold for %s, and a refund changes no line.", got, amount)
			}
		}
		return ""
	}
}

// fullRefundValidTickets: refunded is not cancelled.
func fullRefundValidTickets(ctx context.Context, p *play) error {
	if o, err := p.place(ctx, sale("o1", 2, 5)); err != nil || o == nil {
		return err
	}
	if err := p.tell(ctx, actRefund, Refund{Ref: "refund-1", Order: "o1", Payment: "o1-payment", AmountMinor: 4950, At: at(30)}); err != nil {
		return err
	}
	_, err := p.awaitOrder(ctx, "o1", "refund-wrong", all(totals("49.50", "49.50", "49.50", "0.00"), p.lineStates("valid", "o1-ticket-1", "o1-ticket-2"), state("confirmed", "refunded"), lineAmounts("24.00")))
	return err
}

// cancelFeeKept: what stays is the fee.
func cancelFeeKept(ctx context.Context, p *play) error {
	if o, err := p.place(ctx, sale("o1", 2, 5)); err != nil || o == nil {
		return err
	}
	if err := p.tell(ctx, actCancel, Cancel{
		Order: "o1", Fee: &Fee{Ref: "o1-kept", Kind: "cancellation", Label: "Frais d'annulation", PriceMinor: 500},
		Refund: &Refund{Ref: "refund-1", Order: "o1", Payment: "o1-payment", AmountMinor: 4450, At: at(30)}, At: at(30),
	}); err != nil {
		return err
	}
	_, err := p.awaitOrder(ctx, "o1", "cancel-wrong", all(state("cancelled", ""), p.lineStates("cancelled", "o1-ticket-1", "o1-ticket-2"), lineAmounts("24.00"), func(o object) string {
		if net := o.in("totals").amount("net"); net != "5.00" {
			return fmt.Sprintf("Of the order %s stays; a fee of 5.00 was kept.", net)
		}
		if f := o.named("fees", p.name("o1-kept")); f == nil || f.text("state") != "valid" || f.text("kind") != "cancellation" {
			return "The fee that was kept is not a valid fee of the order, of kind cancellation."
		}
		return ""
	}))
	return err
}

// exchange: the old ticket is exchanged, the new one replaces it.
func exchange(ctx context.Context, p *play) error {
	if o, err := p.place(ctx, sale("o1", 1, 5)); err != nil || o == nil {
		return err
	}
	if err := p.tell(ctx, actExchange, Exchange{Order: "o1", Ticket: "o1-ticket-1", At: at(30),
		By: Ticket{Ref: "o1-ticket-2", Performance: evening, PriceType: fullPrice, PriceMinor: 2400, Seat: "A1"}}); err != nil {
		return err
	}
	_, err := p.awaitOrder(ctx, "o1", "exchange-wrong", all(p.lineStates("exchanged", "o1-ticket-1"), p.lineStates("valid", "o1-ticket-2"), func(o object) string {
		if got := o.named("lines", p.name("o1-ticket-2")).text("replaces"); got != p.name("o1-ticket-1") {
			return fmt.Sprintf("The new ticket replaces %q; it should be %q.", got, p.name("o1-ticket-1"))
		}
		return ""
	}))
	return err
}

// split: a ticket moves and stays the same ticket.
func split(ctx context.Context, p *play) error {
	before, err := p.place(ctx, sale("o1", 2, 5))
	if err != nil || before == nil {
		return err
	}
	if err := p.tell(ctx, actSplit, Split{Order: "o1", Tickets: []string{"o1-ticket-2"}, Into: "o2", At: at(30)}); err != nil {
		return err
	}
	after, err := p.awaitOrder(ctx, "o2", "split-wrong", all(p.lineStates("valid", "o1-ticket-2"), func(o object) string {
		if o.text("split_from_id") != before.text("id") {
			return "The new order does not say of which one it was split."
		}
		return ""
	}))
	if err != nil || after == nil {
		return err
	}
	_, err = p.awaitOrder(ctx, "o1", "split-wrong", func(o object) string {
		if o.named("lines", p.name("o1-ticket-2")) != nil {
			return "The ticket that moved is still a line of the old order."
		}
		return p.lineStates("valid", "o1-ticket-1")(o)
	})
	if err != nil {
		return err
	}
	old, moved := before.named("lines", p.name("o1-ticket-2")), after.named("lines", p.name("o1-ticket-2"))
	p.expect(old.text("id") == moved.text("id"), "ticket-renamed", "The ticket got another name when it moved: a ticket keeps its name.")
	return nil
}

// reactivation: states go back too.
func reactivation(ctx context.Context, p *play) error {
	if o, err := p.place(ctx, sale("o1", 1, 5)); err != nil || o == nil {
		return err
	}
	if err := p.tell(ctx, actCancel, Cancel{Order: "o1", At: at(30)}); err != nil {
		return err
	}
	ok := false
	if _, err := p.awaitOrder(ctx, "o1", "not-cancelled", func(o object) string {
		reason := all(state("cancelled", ""), p.lineStates("cancelled", "o1-ticket-1"))(o)
		ok = reason == ""
		return reason
	}); err != nil || !ok {
		return err
	}
	if err := p.tell(ctx, actReinstate, Change{Order: "o1", At: at(60)}); err != nil {
		return err
	}
	_, err := p.awaitOrder(ctx, "o1", "not-reactivated", all(state("confirmed", "paid"), p.lineStates("valid", "o1-ticket-1")))
	return err
}

// deletedNow waits until an order is gone.
func (p *play) deletedNow(ctx context.Context, ref string) (bool, error) {
	return p.await(ctx, "not-deleted", func(ctx context.Context) (string, error) {
		r, err := p.api.position(ctx, "order", p.name(ref))
		if err != nil || (r != nil && r["is_deleted"] == true) {
			return "", err
		}
		return "The order was deleted and that was not said: send op delete, or DELETE the record.", nil
	})
}

// tombstoneThenOlder: what is deleted stays so.
func tombstoneThenOlder(ctx context.Context, p *play) error {
	if o, err := p.place(ctx, sale("o1", 1, 5)); err != nil || o == nil {
		return err
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	arrive := p.late(anyOrder)
	if err := p.tell(ctx, actReseat, Reseat{Order: "o1", Ticket: "o1-ticket-1", Seat: "C7", At: at(10)}); err != nil {
		return err
	}
	if ok, err := p.awaitHeld(ctx, "o1"); err != nil || !ok {
		return err
	}
	if err := p.tell(ctx, actDelete, Change{Order: "o1", At: at(20)}); err != nil {
		return err
	}
	if ok, err := p.deletedNow(ctx, "o1"); err != nil || !ok {
		return err
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	arrive()
	r, err := p.api.position(ctx, "order", p.name("o1"))
	if err != nil {
		return err
	}
	p.expect(r != nil && r["is_deleted"] == true, "resurrected", "An older description that arrived late brought the deleted order back: give descriptions and deletions the version or time of the change.")
	p.positioned("order")
	return nil
}

// tombstoneThenNewer: what is described anew is there again.
func tombstoneThenNewer(ctx context.Context, p *play) error {
	if o, err := p.place(ctx, sale("o1", 1, 5)); err != nil || o == nil {
		return err
	}
	if err := p.tell(ctx, actDelete, Change{Order: "o1", At: at(20)}); err != nil {
		return err
	}
	if ok, err := p.deletedNow(ctx, "o1"); err != nil || !ok {
		return err
	}
	if err := p.tell(ctx, actRestore, Change{Order: "o1", At: at(30)}); err != nil {
		return err
	}
	_, err := p.awaitOrder(ctx, "o1", "not-restored", all(state("confirmed", "paid"), p.lineStates("valid", "o1-ticket-1")))
	return err
}

// moneyToTheCent: every sum is the sum.
func moneyToTheCent(ctx context.Context, p *play) error {
	o := sale("o1", 3, 5)
	o.Fees = nil
	for i, minor := range []int64{10, 20, 123456789} {
		o.Tickets[i].PriceMinor, o.Tickets[i].TaxMinor = minor, []int64{0, 1, 2539272}[i]
	}
	if err := p.tell(ctx, actPlace, o.paid()); err != nil {
		return err
	}
	if _, err := p.awaitOrder(ctx, "o1", "money-wrong", all(totals("1234568.19", "1234568.19", "0.00", "1234568.19"), func(o object) string {
		for i, want := range [][2]string{{"0.10", ""}, {"0.20", "0.01"}, {"1234567.89", "25392.72"}} {
			l := o.named("lines", p.name(fmt.Sprintf("o1-ticket-%d", i+1)))
			if got := l.amount("amount"); got != want[0] {
				return fmt.Sprintf("A ticket is %s; it was sold for %s.", got, want[0])
			}
			if got := l.amount("tax"); want[1] != "" && got != want[1] {
				return fmt.Sprintf("The tax of a ticket is %q; it is %s.", got, want[1])
			}
		}
		return ""
	})); err != nil {
		return err
	}
	// The Pacific franc has no hundredths.
	pacific := sale("o2", 1, 6)
	pacific.Currency, pacific.Fees, pacific.Tickets[0].PriceMinor, pacific.Tickets[0].TaxMinor = "XPF", nil, 2865, 0
	if err := p.tell(ctx, actPlace, pacific.paid()); err != nil {
		return err
	}
	_, err := p.awaitOrder(ctx, "o2", "money-wrong", func(o object) string {
		if t := o.in("totals").in("gross"); t.text("amount") != "2865" || t.text("currency") != "XPF" {
			return fmt.Sprintf("An order of 2865 XPF, which has no decimals, is %s %s.", t.text("amount"), t.text("currency"))
		}
		return ""
	})
	return err
}
