package main

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

type page struct {
	Results []order `json:"results"`
}

type order struct {
	Code            string         `json:"code"`
	Event           string         `json:"event"`
	Status          string         `json:"status"`
	TestMode        bool           `json:"testmode"`
	RequireApproval bool           `json:"require_approval"`
	Email           *string        `json:"email"`
	Phone           *string        `json:"phone"`
	Locale          string         `json:"locale"`
	Customer        *string        `json:"customer"`
	Datetime        string         `json:"datetime"`
	SalesChannel    string         `json:"sales_channel"`
	APIMeta         map[string]any `json:"api_meta"`
	Invoice         *invoice       `json:"invoice_address"`
	Positions       []position     `json:"positions"`
	Fees            []fee          `json:"fees"`
	Payments        []payment      `json:"payments"`
	Refunds         []payment      `json:"refunds"`
	LastModified    string         `json:"last_modified"`
}

type invoice struct {
	IsBusiness bool              `json:"is_business"`
	Company    string            `json:"company"`
	Name       string            `json:"name"`
	Parts      map[string]string `json:"name_parts"`
	Street     string            `json:"street"`
	Zipcode    string            `json:"zipcode"`
	City       string            `json:"city"`
	Country    string            `json:"country"`
}

type position struct {
	ID            int64             `json:"id"`
	Item          int64             `json:"item"`
	Price         string            `json:"price"`
	AttendeeName  *string           `json:"attendee_name"`
	AttendeeParts map[string]string `json:"attendee_name_parts"`
	AttendeeEmail *string           `json:"attendee_email"`
	TaxRate       string            `json:"tax_rate"`
	TaxValue      string            `json:"tax_value"`
	Subevent      *int64            `json:"subevent"`
	Seat          *struct {
		GUID string `json:"seat_guid"`
	} `json:"seat"`
	Blocked  []string `json:"blocked"`
	AddonTo  *int64   `json:"addon_to"`
	Canceled bool     `json:"canceled"`
	Answers  []struct {
		Identifier string `json:"question_identifier"`
		Answer     string `json:"answer"`
	} `json:"answers"`
}

type fee struct {
	ID       int64  `json:"id"`
	Type     string `json:"fee_type"`
	Value    string `json:"value"`
	TaxRate  string `json:"tax_rate"`
	TaxValue string `json:"tax_value"`
	Canceled bool   `json:"canceled"`
}

type payment struct {
	LocalID  int     `json:"local_id"`
	State    string  `json:"state"`
	Amount   string  `json:"amount"`
	Provider string  `json:"provider"`
	Date     *string `json:"payment_date"`
	Executed *string `json:"execution_date"`
	Payment  *int    `json:"payment"`
}

type object = map[string]any

// consentQuestion is the question whose answer is a consent to the newsletter.
const consentQuestion = "NEWSLTR"

// record says an order in the neutral form. A ticket is named by the id of its
// position, which it keeps when the order is split, and never by its rank.
func (o order) record() object {
	data := object{
		"number": o.Code, "commercial_state": o.state(), "channel": o.channel(), "placed_at": o.Datetime, "currency": "EUR", "test": o.TestMode,
		"buyer": o.buyer(), "lines": o.lines(), "fees": o.fees(), "payments": payments(o.Payments), "refunds": payments(o.Refunds), "consents": o.consents(),
	}
	return object{"kind": "order", "op": "upsert", "external_id": o.Event + "/" + o.Code, "source_modified_at": o.LastModified, "data": data}
}

// state: a paid order without any position is one that was cancelled and of
// which a fee was kept.
func (o order) state() string {
	switch {
	case o.Status == "e":
		return "expired"
	case o.Status == "c" || o.Status == "p" && len(o.Positions) == 0:
		return "cancelled"
	case o.Status == "n":
		return "reserved"
	}
	return "confirmed"
}

func (o order) channel() object {
	kind := "web"
	switch {
	case o.APIMeta["reseller"] != nil:
		kind = "reseller"
	case o.SalesChannel == "pretixpos":
		kind = "box_office"
	}
	return object{"kind": kind, "code": o.SalesChannel}
}

func (o order) buyer() object {
	p := object{}
	set(p, "email", o.Email)
	set(p, "phone", o.Phone)
	set(p, "customer", o.Customer)
	if o.Invoice != nil {
		names(p, o.Invoice.Parts, &o.Invoice.Name)
		if o.Invoice.IsBusiness && o.Invoice.Company != "" {
			p["organisation"] = o.Invoice.Company
		}
		if o.Invoice.City != "" {
			p["address"] = object{"street": o.Invoice.Street, "postal_code": o.Invoice.Zipcode, "city": o.Invoice.City, "country": o.Invoice.Country}
		}
	}
	if reseller, ok := o.APIMeta["reseller"].(string); ok {
		p["organisation"] = reseller
	}
	return p
}

func (o order) lines() []object {
	out := []object{}
	for _, p := range o.Positions {
		l := object{"external_id": fmt.Sprintf("pos:%d", p.ID), "kind": "ticket", "price_type": fmt.Sprintf("item:%d", p.Item), "amount": p.Price, "tax": p.TaxValue, "tax_rate_bp": basisPoints(p.TaxRate), "state": "valid"}
		if p.Subevent != nil {
			l["performance"] = fmt.Sprintf("sub:%d", *p.Subevent)
		}
		if p.AddonTo != nil {
			l["parent"] = fmt.Sprintf("pos:%d", *p.AddonTo)
		}
		if p.Seat != nil {
			l["seat"] = p.Seat.GUID
		}
		switch {
		case p.Canceled:
			l["state"] = "cancelled"
		case len(p.Blocked) > 0:
			l["state"] = "blocked"
		}
		holder := object{}
		names(holder, p.AttendeeParts, p.AttendeeName)
		set(holder, "email", p.AttendeeEmail)
		if len(holder) > 0 {
			l["holder"] = holder
		}
		out = append(out, l)
	}
	return out
}

func (o order) fees() []object {
	out := []object{}
	for _, f := range o.Fees {
		kind, state := "other", "valid"
		switch f.Type {
		case "service", "shipping", "payment", "insurance":
			kind = f.Type
		case "cancellation":
			kind = "cancellation"
		}
		if f.Canceled {
			state = "cancelled"
		}
		out = append(out, object{"external_id": fmt.Sprintf("fee:%d", f.ID), "kind": kind, "amount": f.Value, "tax": f.TaxValue, "tax_rate_bp": basisPoints(f.TaxRate), "state": state})
	}
	return out
}

func payments(list []payment) []object {
	methods := map[string]string{"stripe": "card", "banktransfer": "bank_transfer", "cash": "cash", "giftcard": "gift_card"}
	states := map[string]string{"confirmed": "settled", "refunded": "settled", "done": "settled", "transit": "settled", "created": "pending", "pending": "pending", "canceled": "cancelled", "failed": "failed"}
	out := []object{}
	for _, p := range list {
		method, state := methods[p.Provider], states[p.State]
		if method == "" {
			method = "other"
		}
		if state == "" {
			state = "pending"
		}
		e := object{"external_id": strconv.Itoa(p.LocalID), "method": method, "amount": p.Amount, "state": state}
		set(e, "at", p.Date)
		set(e, "at", p.Executed)
		if p.Payment != nil {
			e["payment"] = strconv.Itoa(*p.Payment)
		}
		out = append(out, e)
	}
	return out
}

// consents: a question nobody answered is no answer.
func (o order) consents() []object {
	out := []object{}
	for _, p := range o.Positions {
		for _, a := range p.Answers {
			if a.Identifier == consentQuestion && a.Answer == "True" {
				return append(out, object{"purpose": "newsletter", "channel": "email", "value": "granted", "at": o.Datetime, "evidence": "question " + a.Identifier})
			}
		}
	}
	return out
}

func names(p object, parts map[string]string, whole *string) {
	for _, name := range []string{"given_name", "family_name"} {
		if parts[name] != "" {
			p[name] = parts[name]
		}
	}
	if parts["given_name"]+parts["family_name"] == "" && whole != nil && *whole != "" {
		p["name"] = *whole
	}
}

func set(p object, name string, value *string) {
	if value != nil && *value != "" {
		p[name] = *value
	}
}

// basisPoints reads "5.50" as 550.
func basisPoints(rate string) int64 {
	r, ok := new(big.Rat).SetString(strings.TrimSpace(rate))
	if !ok {
		return 0
	}
	r.Mul(r, big.NewRat(100, 1))
	return new(big.Int).Quo(r.Num(), r.Denom()).Int64()
}
