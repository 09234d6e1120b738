package helloasso

import (
	"strconv"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// money adds a payment and what was given back of it.
func (s *session) money(d *port.OrderData, p payment) {
	id := "P-" + strconv.FormatInt(p.ID, 10)
	tipIn := tipIncluded(p)
	amount := without(p.Amount, p.Tip, tipIn)
	if n, ok := p.Amount.Int(); ok && n == 0 {
		return // something free: there was no payment
	}
	d.Payments = append(d.Payments, port.Payment{ExternalID: id, Method: method(p), Amount: amount, State: paymentState(p.State, s.sandbox()), At: s.time(p.Date)})
	for _, r := range p.Refunds {
		d.Refunds = append(d.Refunds, port.Refund{
			ExternalID: "R-" + strconv.FormatInt(r.ID, 10), Method: method(p), Amount: without(r.Amount, r.Tip, tipIn), State: refundState(r.Status),
			At: port.Latest(s.time(r.Meta.UpdatedAt), s.time(r.Meta.CreatedAt)), Payment: id,
		})
	}
	// The list of operations is optional: a payment that is called refunded without
	// one went back whole.
	if p.State == "Refunded" && len(p.Refunds) == 0 {
		d.Refunds = append(d.Refunds, port.Refund{ExternalID: "R-" + id, Method: method(p), Amount: amount, State: "settled", At: port.Latest(s.time(p.Meta.UpdatedAt), s.time(p.Date)), Payment: id})
	}
}

// tipIncluded tells whether the amount of a payment holds what the payer left to
// HelloAsso, which is not the association's: then the shares of the items come
// to less, by just that.
func tipIncluded(p payment) bool {
	tip, ok := p.Tip.Int()
	amount, whole := p.Amount.Int()
	if !ok || !whole || tip == 0 || len(p.Items) == 0 {
		return false
	}
	sum := int64(0)
	for _, i := range p.Items {
		n, _ := i.Amount.Int()
		sum += n
	}
	return sum == amount-tip
}

func without(amount, tip port.Cents, included bool) string {
	a, ok := amount.Int()
	t, _ := tip.Int()
	if !ok || !included || t > a {
		return amount.Decimal()
	}
	return port.Decimal(a - t)
}

// paymentState: a payment that was refunded or contested was made; that it went
// back is said by an operation of its own.
func paymentState(state string, sandbox bool) string {
	switch state {
	case "Authorized", "Registered", "Refunded", "Refunding", "Contested":
		return "settled"
	case "AuthorizedPreprod":
		if sandbox {
			return "settled"
		}
		return "cancelled"
	case "Refused", "Error", "Inconsistent":
		return "failed"
	case "Canceled", "Abandoned", "Deleted", "Corrected", "NoDonation":
		return "cancelled"
	}
	return "pending"
}

func refundState(status string) string {
	switch status {
	case "Processed":
		return "settled"
	case "Error", "InternalError", "Refused", "Aborted":
		return "failed"
	case "Canceled":
		return "cancelled"
	}
	return "pending"
}

// method is the means of a payment; one that was entered by hand has its own.
func method(p payment) string {
	means := p.Means
	if p.Offline != "" && p.Offline != "None" {
		means = p.Offline
	}
	switch means {
	case "Card":
		return "card"
	case "Sepa":
		return "direct_debit"
	case "Check":
		return "cheque"
	case "Cash":
		return "cash"
	case "BankTransfer":
		return "bank_transfer"
	}
	return "other"
}
