// Copyright the Parvis maintainers. Licensed under the Apache License 2.0.

package boxoffice

import (
	"fmt"
	"strings"
	"time"
)

type object = map[string]any

// record says a thing in the neutral form, as the till knows it now.
func (t *till) record(n name, d Defects) (object, bool) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	e := t.entries[n]
	if e == nil {
		return nil, false
	}
	out := object{"kind": n.kind, "external_id": n.id, "op": "upsert", "source_version": e.version, "source_modified_at": e.at}
	d.position(out)
	if e.deleted {
		out["op"] = "delete"
		return out, true
	}
	switch {
	case e.performance != nil:
		p := *e.performance
		out["data"] = object{"name": object{"fr": p.Title}, "starts_at": d.instant(p.Starts, p.TimeZone), "time_zone": p.TimeZone, "capacity": p.Capacity, "status": "scheduled"}
	case e.priceType != nil:
		out["data"] = object{"name": object{"fr": e.priceType.Label}, "class": e.priceType.Class}
	case e.account != nil:
		p := t.person(&e.account.Person, d)
		delete(p, "customer")
		out["data"] = p
	case e.scan != nil:
		out["data"] = object{"ticket": t.id(e.scan.Ticket), "performance": t.id(e.scan.Performance), "occurred_at": e.scan.At, "gate": e.scan.Gate, "direction": "entry", "result": "accepted"}
	case e.order != nil:
		out["data"] = t.order(e.order, d)
	}
	return out, true
}

func (t *till) order(s *sale, d Defects) object {
	money := func(minor int64) string { return d.money(minor, s.Currency) }
	out := object{
		"number": t.id(s.Ref), "commercial_state": s.state, "channel": object{"kind": s.Channel}, "placed_at": s.At, "currency": s.Currency,
		"lines": []object{}, "fees": []object{}, "payments": []object{}, "refunds": []object{},
	}
	if p := t.person(s.Buyer, d); p != nil {
		out["buyer"] = p
	}
	d.buyer(out, s)
	if s.Test {
		out["test"] = true
	}
	if s.splitFrom != "" {
		out["split_from"] = t.id(s.splitFrom)
	}
	for _, one := range s.Tickets {
		l := object{
			"external_id": t.id(one.Ref), "kind": "ticket", "performance": t.id(one.Performance), "price_type": t.id(one.PriceType), "amount": money(one.PriceMinor), "state": one.state,
		}
		if one.TaxMinor != 0 {
			l["tax"] = money(one.TaxMinor)
		}
		if one.TaxRateBP != 0 {
			l["tax_rate_bp"] = one.TaxRateBP
		}
		if one.Seat != "" {
			l["seat"] = one.Seat
		}
		if one.replaces != "" {
			l["replaces"] = t.id(one.replaces)
		}
		// What is printed on a ticket that names nobody is no name.
		if p := t.person(one.Holder, d); p != nil {
			l["holder"] = p
		}
		d.holder(l, one, out)
		out["lines"] = append(out["lines"].([]object), l)
	}
	for _, f := range s.Fees {
		state := "valid"
		if f.cancelled {
			state = "cancelled"
		}
		out["fees"] = append(out["fees"].([]object), object{"external_id": t.id(f.Ref), "kind": f.Kind, "label": f.Label, "amount": money(f.PriceMinor), "state": state})
	}
	for _, p := range s.Payments {
		out["payments"] = append(out["payments"].([]object), object{"external_id": t.id(p.Ref), "method": p.Method, "amount": money(p.AmountMinor), "state": "settled", "at": p.At})
	}
	for _, r := range s.refunds {
		back := object{"external_id": t.id(r.Ref), "method": "card", "amount": money(r.AmountMinor), "state": "settled", "at": r.At, "payment": t.id(r.Payment)}
		lines := []string{}
		for _, ref := range r.Tickets {
			lines = append(lines, t.id(ref))
		}
		back["lines"] = lines
		out["refunds"] = append(out["refunds"].([]object), back)
	}
	d.order(out, s)
	return out
}

// person leaves out what nobody gave: no guessed account, nothing verified that
// was not.
func (t *till) person(p *person, d Defects) object {
	if p == nil {
		return nil
	}
	out := object{}
	for field, v := range map[string]string{"given_name": p.GivenName, "family_name": p.FamilyName, "organisation": p.Organisation, "email": p.Email, "phone": p.Phone} {
		if v != "" {
			out[field] = v
		}
	}
	if p.Account != "" {
		out["customer"] = t.id(p.Account)
	}
	if p.EmailVerified {
		out["email_verified"] = true
	}
	d.person(out, p)
	return out
}

// decimals of a currency (ISO 4217).
func decimals(currency string) int {
	switch currency {
	case "XPF", "XOF", "XAF", "JPY", "KMF":
		return 0
	case "TND", "BHD", "KWD":
		return 3
	}
	return 2
}

// decimal says an amount in its smallest unit as a decimal text, by digits
// alone: no floating point comes near money.
func decimal(minor int64, currency string) string {
	n := decimals(currency)
	sign := ""
	if minor < 0 {
		sign, minor = "-", -minor
	}
	digits := fmt.Sprintf("%0*d", n+1, minor)
	if n == 0 {
		return sign + digits
	}
	return sign + digits[:len(digits)-n] + "." + digits[len(digits)-n:]
}

// instant says the time on a wall with its offset. Of an hour that comes twice,
// when summer time ends, the till knows which one is meant.
func instant(w wall, zone string) string {
	where, err := time.LoadLocation(zone)
	if err != nil {
		return w.Local + ":00Z"
	}
	at, err := time.ParseInLocation("2006-01-02T15:04", w.Local, where)
	if err != nil {
		return ""
	}
	// ParseInLocation does not say which of two it gives, so both are tried.
	for _, other := range []time.Time{at.Add(-time.Hour), at.Add(time.Hour)} {
		if other.Format("2006-01-02T15:04") == strings.TrimSuffix(w.Local, ":00") && other.After(at) == w.Second {
			at = other
		}
	}
	return at.Format(time.RFC3339)
}
