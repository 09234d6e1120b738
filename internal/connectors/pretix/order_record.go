package pretix

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// orderRecord brings an order into the neutral form.
func (s *session) orderRecord(ctx context.Context, o order) (port.Record, error) {
	e, err := s.event(ctx, o.Event)
	if err != nil {
		return port.Record{}, err
	}
	channel, err := s.channel(ctx, o.SalesChannel)
	if err != nil {
		return port.Record{}, err
	}
	d := port.OrderData{
		Number: o.Code, CommercialState: commercialState(o), Channel: channel, PlacedAt: o.DateTime, Currency: e.Currency, Test: o.TestMode,
		Buyer: buyer(o), Lines: []port.Line{},
	}
	gone := d.CommercialState == "expired" || o.Status == "c" || o.Status == "r"
	for _, p := range o.Positions {
		l, err := s.line(ctx, e, p)
		if err != nil {
			return port.Record{}, err
		}
		if gone || p.Canceled {
			l.State = "cancelled"
		}
		d.Lines = append(d.Lines, l)
	}
	for _, f := range o.Fees {
		fee := feeOf(f, gone)
		if fee.TaxRateBP == nil {
			if fee.TaxRateBP, err = s.rate(ctx, o.Event, f.TaxRule); err != nil {
				return port.Record{}, err
			}
		}
		d.Fees = append(d.Fees, fee)
	}
	for _, p := range o.Payments {
		d.Payments = append(d.Payments, port.Payment{
			ExternalID: "P-" + strconv.FormatInt(p.LocalID, 10), Method: method(text(p.Provider), p.Details.PaymentType), Amount: p.Amount, State: paymentState(p.State), At: first(p.PaymentDate, p.Created),
		})
	}
	for _, r := range o.Refunds {
		d.Refunds = append(d.Refunds, refundOf(r))
	}
	d.Consents = s.consents(o)
	return port.Record{Kind: port.Order, ExternalID: o.Event + "/" + o.Code, ModifiedAt: modified(o), Data: d}, nil
}

// modified is the latest time that an order names: a refund that is entered by
// itself does not move the order's own.
func modified(o order) *time.Time {
	last := o.LastModified
	for _, r := range o.Refunds {
		for _, at := range []*time.Time{r.Created, r.ExecutionDate} {
			if at != nil && last != nil && at.After(*last) {
				last = at
			}
		}
	}
	return last
}

// commercialState makes one of four out of pretix' four codes, the wish for
// approval and whether any position is left: an order that was cancelled with a
// fee kept is called paid and has none.
func commercialState(o order) string {
	switch o.Status {
	case "e":
		return "expired"
	case "c", "r":
		return "cancelled"
	case "p":
		for _, p := range o.Positions {
			if !p.Canceled {
				return "confirmed"
			}
		}
		return "cancelled"
	}
	if o.ValidIfPending && !o.RequireApproval {
		return "confirmed" // the tickets are good before they are paid
	}
	return "reserved"
}

// buyer is who ordered. Whoever the invoice names is taken for the buyer's name,
// since an order has no other.
func buyer(o order) *port.Person {
	p := port.Person{Customer: text(o.Customer), Email: port.Clip(text(o.Email), 320), Phone: port.Clip(text(o.Phone), 60), Locale: port.Clip(text(o.Locale), 35)}
	if i := o.InvoiceAddress; i != nil {
		p.GivenName, p.FamilyName, p.Name = names(i.NameParts, text(i.Name))
		p.Organisation = port.Clip(text(i.Company), 240)
		p.Address = address(i.Street, i.Zipcode, i.City, i.Country)
	}
	if p.Empty() {
		return nil
	}
	return &p
}

func (s *session) line(ctx context.Context, e event, p position) (port.Line, error) {
	l := port.Line{
		ExternalID: strconv.FormatInt(p.ID, 10), Kind: "ticket", Amount: p.Price, Tax: text(p.TaxValue), TaxRateBP: basisPoints(p.TaxRate), State: "valid", Holder: holder(p),
	}
	if l.TaxRateBP == nil {
		rate, err := s.rate(ctx, e.Slug, p.TaxRule)
		if err != nil {
			return l, err
		}
		l.TaxRateBP = rate
	}
	switch {
	case p.Subevent != nil:
		l.Performance = fmt.Sprintf("%s/%d", e.Slug, *p.Subevent)
	case !e.HasSubevents:
		l.Performance = e.Slug // the event is its own only date
	}
	if p.Item != nil {
		l.PriceType = priceType(e.Slug, *p.Item, p.Variation)
		i, err := s.item(ctx, e.Slug, *p.Item)
		if err != nil {
			return l, err
		}
		l.Kind, l.Label = i.lineKind(), port.Clip(i.label(p.Variation), 200)
		if l.Kind == "gift_card" {
			l.Performance = ""
		}
	}
	if p.AddonTo != nil {
		l.Parent = strconv.FormatInt(*p.AddonTo, 10)
	}
	if p.Voucher != nil {
		l.Voucher = &port.Offer{Record: voucherName(e.Slug, *p.Voucher)}
	}
	if p.Seat != nil {
		l.Seat = port.Clip(text(p.Seat.Name), 120)
	}
	if blocked := bytes.TrimSpace(p.Blocked); len(blocked) > 0 && !bytes.Equal(blocked, []byte("null")) && !bytes.Equal(blocked, []byte("[]")) && !bytes.Equal(blocked, []byte("false")) {
		l.State = "blocked"
	}
	return l, nil
}

func priceType(event string, item int64, variation *int64) string {
	if variation == nil {
		return fmt.Sprintf("%s/%d", event, item)
	}
	return fmt.Sprintf("%s/%d/%d", event, item, *variation)
}

func holder(p position) *port.Person {
	h := port.Person{Email: port.Clip(text(p.AttendeeEmail), 320), Organisation: port.Clip(text(p.Company), 240), Address: address(p.Street, p.Zipcode, p.City, p.Country)}
	h.GivenName, h.FamilyName, h.Name = names(p.AttendeeNameParts, text(p.AttendeeName))
	if h.Empty() {
		return nil
	}
	return &h
}

func feeOf(f fee, gone bool) port.Fee {
	out := port.Fee{ExternalID: strconv.FormatInt(f.ID, 10), Kind: feeKind(text(f.FeeType)), Label: port.Clip(text(f.Description), 200), Amount: f.Value, Tax: text(f.TaxValue), TaxRateBP: basisPoints(f.TaxRate), State: "valid"}
	if f.Canceled || gone {
		out.State = "cancelled"
	}
	return out
}

func feeKind(kind string) string {
	switch kind {
	case "service", "shipping", "payment", "insurance":
		return kind
	case "cancellation":
		return "cancellation"
	}
	return "other"
}

// paymentState: what pretix calls refunded was paid; that it went back is said by
// a refund of its own.
func paymentState(state string) string {
	switch state {
	case "confirmed", "refunded":
		return "settled"
	case "failed":
		return "failed"
	case "canceled":
		return "cancelled"
	}
	return "pending"
}

func refundOf(r refund) port.Refund {
	out := port.Refund{ExternalID: "R-" + strconv.FormatInt(r.LocalID, 10), Method: method(text(r.Provider), ""), Amount: r.Amount, State: "pending", At: first(r.ExecutionDate, r.Created), Reason: port.Clip(text(r.Comment), 200)}
	switch r.State {
	case "done", "transit":
		out.State = "settled"
	case "failed":
		out.State = "failed"
	case "canceled":
		out.State = "cancelled"
	}
	if r.Payment != nil {
		out.Payment = "P-" + strconv.FormatInt(*r.Payment, 10)
	}
	return out
}

// method is the class of a payment provider.
func method(provider, paymentType string) string {
	switch {
	case provider == "giftcard":
		return "gift_card"
	case provider == "banktransfer":
		return "bank_transfer"
	case strings.HasPrefix(provider, "sepadebit"), strings.HasPrefix(provider, "stripe_sepa"):
		return "direct_debit"
	case provider == "cash", provider == "boxoffice" && paymentType == "cash":
		return "cash"
	case provider == "boxoffice", strings.HasPrefix(provider, "stripe"), provider == "izettle", provider == "sumup":
		return "card"
	case strings.HasPrefix(provider, "paypal"):
		return "online"
	}
	return "other"
}

// consents are answers to the questions that the settings name. An answer that
// was given for somebody else than the buyer is not the buyer's.
func (s *session) consents(o order) []port.Consent {
	if o.DateTime == nil {
		return nil
	}
	var out []port.Consent
	for _, wanted := range s.set.Consents {
		for _, p := range o.Positions {
			if other := text(p.AttendeeEmail); other != "" && !strings.EqualFold(other, text(o.Email)) {
				continue
			}
			value := ""
			for _, a := range p.Answers {
				if text(a.Identifier) == wanted.Question {
					value = consentValue(text(a.Answer))
				}
			}
			if value == "" {
				continue
			}
			evidence := "pretix, question " + wanted.Question
			if wanted.Wording != "" {
				evidence += ", " + wanted.Wording
			}
			out = append(out, port.Consent{Purpose: wanted.Purpose, Channel: wanted.Channel, Value: value, At: *o.DateTime, Evidence: port.Clip(evidence, 400)})
			break
		}
	}
	return out
}

func consentValue(answer string) string {
	switch strings.ToLower(answer) {
	case "true":
		return "granted"
	case "false":
		return "refused"
	}
	return ""
}
