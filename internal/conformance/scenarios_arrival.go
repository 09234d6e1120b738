package conformance

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync"
)

// once makes a rule that does something to the first delivery that fits.
func once(fits func(*delivery) bool, do rule) rule {
	var mutex sync.Mutex
	done := false
	return func(d *delivery, forward func() answer) *answer {
		mutex.Lock()
		mine := !done && fits(d)
		done = done || mine
		mutex.Unlock()
		if !mine {
			return nil
		}
		return do(d, forward)
	}
}

func (p *play) withOrder(ref string) func(*delivery) bool {
	return func(d *delivery) bool { return d.names("order", p.name(ref)) != nil }
}

func anyOrder(d *delivery) bool { return d.carries("order") }

// create: an order arrives as it was placed, and nothing else does.
func create(ctx context.Context, p *play) error {
	if err := p.tell(ctx, actPlace, sale("o1", 2, 5)); err != nil {
		return err
	}
	o, err := p.awaitOrder(ctx, "o1", "order-wrong", all(state("confirmed", "paid"), totals("49.50", "49.50", "0.00", "49.50"), p.lineStates("valid", "o1-ticket-1", "o1-ticket-2"), p.seat("B12")))
	if err != nil || o == nil {
		return err
	}
	p.expect(len(o.each("lines")) == 2, "lines-wrong", "The order has %d lines; two tickets were sold.", len(o.each("lines")))
	p.expect(o.in("buyer").text("email") == lena().Email && o.in("buyer").text("family_name") == "Kervadec", "buyer-wrong", "The buyer is not as it was given.")
	if err := p.settle(ctx); err != nil {
		return err
	}
	return p.only(ctx, "o1")
}

// replaySameKey: what was taken in but not answered is sent again, under the
// same key and word for word if there is a key.
func replaySameKey(ctx context.Context, p *play) error {
	p.stage.on(once(anyOrder, func(_ *delivery, forward func() answer) *answer {
		forward()
		return &answer{drop: true}
	}))
	if err := p.tell(ctx, actPlace, sale("o1", 1, 5)); err != nil {
		return err
	}
	sent := func() (all []*delivery) {
		for _, d := range p.stage.deliveries() {
			if p.withOrder("o1")(d) {
				all = append(all, d)
			}
		}
		return all
	}
	ok, err := p.await(ctx, "not-repeated", func(context.Context) (string, error) {
		if len(sent()) < 2 {
			return "No answer came to the order, and it was not sent again: the connector cannot know whether it arrived.", nil
		}
		return "", nil
	})
	if err != nil || !ok {
		return err
	}
	first, second := sent()[0], sent()[1]
	if first.key() != "" {
		p.expect(first.key() == second.key() || !bytes.Equal(first.body, second.body), "key-changed", "The same request was sent again under another Idempotency-Key: a repetition keeps its key.")
		p.expect(second.code != "idempotency-mismatch", "key-reused", "The key of the first request came back with another body.")
	}
	if _, err := p.arrives(ctx, "o1"); err != nil {
		return err
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	return p.only(ctx, "o1")
}

// replayOtherKey: everything again, as new requests, changes nothing.
func replayOtherKey(ctx context.Context, p *play) error {
	before, err := p.place(ctx, sale("o1", 2, 5))
	if err != nil || before == nil {
		return err
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	count := len(p.stage.deliveries())
	if err := p.tell(ctx, actResync, struct{}{}); err != nil {
		return err
	}
	again, err := p.awaitDelivery(ctx, "no-resync", "Everything was to be sent again, and no order came.", func(d *delivery) bool {
		all := p.stage.deliveries()
		for _, later := range all[min(count, len(all)):] {
			if later == d && anyOrder(d) {
				return true
			}
		}
		return false
	})
	if err != nil || again == nil {
		return err
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	for _, d := range p.stage.deliveries()[count:] {
		for _, r := range d.records {
			p.expect(r.Status == "" || r.Status == "unchanged", "replay-changed", "Sent again, %s %q was %s; it should be unchanged: names, versions and contents stay the same.", r.Kind, r.ExternalID, r.Status)
		}
	}
	after, err := p.api.record(ctx, "order", p.name("o1"))
	if err != nil {
		return err
	}
	p.expect(after != nil && after["version"] == before["version"], "replay-changed", "Sending again changed the order.")
	return p.only(ctx, "o1")
}

// sameKeyOtherBody: a 422 for a key that was used for another body is answered
// by a new key, never by giving up.
func sameKeyOtherBody(ctx context.Context, p *play) error {
	first, err := p.place(ctx, sale("o1", 1, 5))
	if err != nil || first == nil {
		return err
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	p.stage.on(once(func(d *delivery) bool { return anyOrder(d) && d.key() != "" }, func(*delivery, func() answer) *answer {
		a := problem(http.StatusUnprocessableEntity, "idempotency-mismatch")
		return &a
	}))
	if err := p.tell(ctx, actReseat, Reseat{Order: "o1", Ticket: "o1-ticket-1", Seat: "C7", At: at(10)}); err != nil {
		return err
	}
	if _, err := p.awaitOrder(ctx, "o1", "given-up", p.seat("C7")); err != nil {
		return err
	}
	return p.settle(ctx)
}

// late holds the first delivery that fits on the way, so that the connector
// gets no answer, and gives what lets it arrive after all.
func (p *play) late(fits func(*delivery) bool) (arrive func()) {
	var mutex sync.Mutex
	var held func() answer
	p.stage.on(once(fits, func(_ *delivery, forward func() answer) *answer {
		mutex.Lock()
		held = forward
		mutex.Unlock()
		return &answer{drop: true}
	}))
	return func() {
		mutex.Lock()
		defer mutex.Unlock()
		if held != nil {
			held()
		}
	}
}

// held waits until a delivery of an order was held on the way.
func (p *play) awaitHeld(ctx context.Context, ref string) (bool, error) {
	d, err := p.awaitDelivery(ctx, "not-sent", "The order was not sent.", func(d *delivery) bool { return d.staged && d.status == 0 && p.withOrder(ref)(d) })
	return d != nil, err
}

// outOfOrder: of two descriptions the newer one stands, whichever comes last.
func outOfOrder(ctx context.Context, p *play) error {
	arrive := p.late(anyOrder)
	if err := p.tell(ctx, actPlace, sale("o1", 1, 5)); err != nil {
		return err
	}
	if ok, err := p.awaitHeld(ctx, "o1"); err != nil || !ok {
		return err
	}
	if err := p.tell(ctx, actReseat, Reseat{Order: "o1", Ticket: "o1-ticket-1", Seat: "C7", At: at(10)}); err != nil {
		return err
	}
	if _, err := p.awaitOrder(ctx, "o1", "not-arrived", p.seat("C7")); err != nil {
		return err
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	arrive()
	o, err := p.api.record(ctx, "order", p.name("o1"))
	if err != nil {
		return err
	}
	reason := "The order is gone."
	if o != nil {
		reason = p.seat("C7")(o)
	}
	p.expect(reason == "", "older-won", "After the older description arrived late: %s Give each record the version or the time of its change, not of its sending.", reason)
	p.positioned("order")
	return nil
}

// positioned looks that every record of a kind says where in time it stands.
func (p *play) positioned(kind string) {
	for _, d := range p.stage.deliveries() {
		for _, r := range d.records {
			if r.Kind == kind && !r.Delete {
				p.expect(r.Version != nil || r.ModifiedAt != "", "no-position", "%s %q came without source_version and source_modified_at, so it counts as of its arrival.", r.Kind, r.ExternalID)
			}
		}
	}
}

// duplicated: the connector takes "unchanged" for what it is.
func duplicated(ctx context.Context, p *play) error {
	p.stage.on(func(d *delivery, forward func() answer) *answer {
		forward()
		whole := d.header
		d.header = whole.Clone()
		d.header.Del("Idempotency-Key") // or the first answer would come again
		second := forward()
		d.header = whole
		return &second
	})
	if _, err := p.place(ctx, sale("o1", 1, 5)); err != nil {
		return err
	}
	if _, err := p.await(ctx, "unchanged-refused", func(context.Context) (string, error) {
		sendings := 0
		for _, d := range p.stage.deliveries() {
			if p.withOrder("o1")(d) && d.status/100 == 2 { // not those that it was asked to repeat
				sendings++
			}
		}
		if sendings > 2 {
			p.fail("unchanged-refused", "The order was sent again and again although it was taken in: \"unchanged\" is a success.")
			return "", nil
		}
		if p.stage.quietFor() >= quiet {
			return "", nil
		}
		return "The connector goes on sending, though everything was taken in.", nil
	}); err != nil {
		return err
	}
	return p.only(ctx, "o1")
}

// equalTimestamps: two changes of one second can be told apart.
func equalTimestamps(ctx context.Context, p *play) error {
	o, err := p.place(ctx, sale("o1", 1, 5))
	if err != nil || o == nil {
		return err
	}
	for _, seat := range []string{"C7", "D8"} {
		if err := p.tell(ctx, actReseat, Reseat{Order: "o1", Ticket: "o1-ticket-1", Seat: seat, At: at(10)}); err != nil {
			return err
		}
		d, err := p.awaitDelivery(ctx, "not-sent", fmt.Sprintf("The change of the seat to %s was not sent.", seat), func(d *delivery) bool {
			r := d.names("order", p.name("o1"))
			return r != nil && seatIn(r) == seat
		})
		if err != nil || d == nil {
			return err
		}
	}
	if _, err := p.awaitOrder(ctx, "o1", "older-won", p.seat("D8")); err != nil {
		return err
	}
	var before *record
	for _, d := range p.stage.deliveries() {
		r := d.names("order", p.name("o1"))
		if r == nil {
			continue
		}
		if before != nil && seatIn(before) == "C7" && seatIn(r) == "D8" {
			p.expect(later(before, r), "same-position", "Two changes of one second bear the same position, so chance decides which stands: number versions, or give times finer than a second.")
		}
		before = r
	}
	return nil
}

func seatIn(r *record) string {
	for _, l := range object(r.Data).each("lines") {
		return l.text("seat")
	}
	return ""
}

// later tells whether the position of the second is after that of the first.
func later(first, second *record) bool {
	if first.Version != nil && second.Version != nil {
		return *second.Version > *first.Version
	}
	return second.ModifiedAt > first.ModifiedAt
}

// stubThenParent: an order may come before its performance, which must come.
func stubThenParent(ctx context.Context, p *play) error {
	// The evening was announced when the scene began, so this one is another.
	if err := p.settle(ctx); err != nil {
		return err
	}
	p.stage.on(once(func(d *delivery) bool { return d.carries("performance") && !anyOrder(d) }, func(*delivery, func() answer) *answer {
		a := problem(http.StatusServiceUnavailable, "unavailable")
		return &a
	}))
	if err := p.tell(ctx, actSchedule, Performance{Ref: "matinee", Title: "La Nuit des gabians", Starts: Wall{Local: "2026-12-06T15:00"}, TimeZone: "Europe/Paris", Capacity: 120, At: at(2),
		PriceTypes: []PriceType{{Ref: fullPrice, Label: "Tarif plein", Class: "full"}}}); err != nil {
		return err
	}
	o := sale("o1", 1, 5)
	o.Tickets[0].Performance = "matinee"
	placed, err := p.place(ctx, o)
	if err != nil || placed == nil {
		return err
	}
	_, err = p.await(ctx, "parent-missing", func(ctx context.Context) (string, error) {
		performance, err := p.api.record(ctx, "performance", p.name("matinee"))
		if err != nil {
			return "", err
		}
		if performance == nil {
			return "The performance is still a stub: what an order refers to has to be described too.", nil
		}
		if performance.text("starts_at") != "2026-12-06T14:00:00Z" || performance["capacity"] != 120.0 {
			return "The performance is not described as it was announced.", nil
		}
		price, err := p.api.record(ctx, "price_type", p.name(fullPrice))
		if err != nil {
			return "", err
		}
		if price == nil || price.text("class") != "full" {
			return "The price type is not described as it was announced.", nil
		}
		placed, err = p.api.record(ctx, "order", p.name("o1"))
		if err != nil || placed == nil {
			return "The order is gone.", err
		}
		if l := placed.named("lines", p.name("o1-ticket-1")); l == nil || l.text("performance_id") != performance.text("id") {
			return "The ticket is not for the performance it was sold for.", nil
		}
		return "", nil
	})
	return err
}

// scanBeforeOrder: a device that sold and scanned off line may be heard of
// first.
func scanBeforeOrder(ctx context.Context, p *play) error {
	if err := p.tell(ctx, actScan, Scan{Ref: "scan-1", Ticket: "o1-ticket-1", Performance: evening, At: "2026-12-04T18:41:12Z", Gate: "Porte B"}); err != nil {
		return err
	}
	sent, err := p.awaitDelivery(ctx, "scan-waits", "The scan waits for its order: what happened at the door is sent whether or not the order is known.", func(d *delivery) bool {
		return d.names("scan", p.name("scan-1")) != nil
	})
	if err != nil || sent == nil {
		return err
	}
	if o, err := p.place(ctx, sale("o1", 1, 5)); err != nil || o == nil {
		return err
	}
	_, err = p.await(ctx, "scan-wrong", func(ctx context.Context) (string, error) {
		scan, err := p.api.record(ctx, "scan", p.name("scan-1"))
		switch {
		case err != nil:
			return "", err
		case scan == nil:
			return "The scan has not arrived.", nil
		case scan["is_attached"] != true:
			return "The scan names another ticket than the order does.", nil
		case scan["is_attendance"] != true || scan.text("occurred_at") != "2026-12-04T18:41:12Z":
			return "The scan does not count as the attendance it was.", nil
		}
		return "", nil
	})
	return err
}
