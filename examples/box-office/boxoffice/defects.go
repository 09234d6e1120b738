// Copyright the Parvis maintainers. Licensed under the Apache License 2.0.

package boxoffice

import (
	"fmt"
	"slices"
	"strconv"
)

// Defects are mistakes that connectors make. The zero value makes none. They
// are here so that it can be seen that each is found out, and what the report
// says then: `go run ./examples/box-office -defect float-money`.
type Defects struct {
	NewNames        bool // everything sent again gets new names
	NeverRetries    bool // what fails once is forgotten
	Impatient       bool // Retry-After is not read
	FloatMoney      bool // amounts go through floating point
	NoPositions     bool // neither version nor time of the change
	SecondsOnly     bool // the time alone, by the second
	NaiveTimes      bool // times without their offset
	ShrugsAtRefusal bool // 409 and 422 count as success
	LeaksTests      bool // test orders count as real
	NoTombstones    bool // deletions are not told
	NoCatalogue     bool // performances and price types are not described
	IgnoresResults  bool // 207 counts as success for every record
	NeverDivides    bool // what is too large is left
	DropsWithKey    bool // what a dead key could not send is forgotten
	AccountByMail   bool // an address is taken for an account
	HolderFromBuyer bool // who bought is said to hold every ticket
	CounterCustomer bool // sales without a name get one
	RefundsCancel   bool // refunded tickets count as cancelled
	LowersRefunded  bool // refunds are taken off the lines
	DropsCancelled  bool // cancelled lines are left out
	KeepsPeople     bool // who was made anonymous is still told of
	KeyOfName       bool // the idempotency key is the name of the record
	DoubtsUnchanged bool // "unchanged" counts as a failure
	ScansWait       bool // scans are sent with their order only
}

// Named are the defects by the names that the command takes.
func Named() map[string]Defects {
	return map[string]Defects{
		"": {}, "no-dedupe": {NewNames: true}, "no-retry": {NeverRetries: true}, "impatient": {Impatient: true}, "float-money": {FloatMoney: true},
		"no-order": {NoPositions: true}, "seconds-only": {SecondsOnly: true}, "naive-times": {NaiveTimes: true}, "ignores-409-422": {ShrugsAtRefusal: true},
		"leaks-tests": {LeaksTests: true}, "no-tombstones": {NoTombstones: true}, "no-catalogue": {NoCatalogue: true}, "ignores-results": {IgnoresResults: true},
		"never-divides": {NeverDivides: true}, "drops-with-key": {DropsWithKey: true}, "account-by-mail": {AccountByMail: true},
		"holder-from-buyer": {HolderFromBuyer: true}, "counter-customer": {CounterCustomer: true}, "refunds-cancel": {RefundsCancel: true},
		"lowers-refunded": {LowersRefunded: true}, "drops-cancelled": {DropsCancelled: true}, "keeps-people": {KeepsPeople: true},
		"key-of-name": {KeyOfName: true}, "doubts-unchanged": {DoubtsUnchanged: true}, "scans-wait": {ScansWait: true},
	}
}

func (d Defects) position(r object) {
	if d.NoPositions {
		delete(r, "source_version")
		delete(r, "source_modified_at")
	}
	if d.SecondsOnly {
		delete(r, "source_version")
	}
}

func (d Defects) instant(w wall, zone string) string {
	if d.NaiveTimes {
		return w.Local + ":00Z"
	}
	return instant(w, zone)
}

func (d Defects) money(minor int64, currency string) string {
	if d.FloatMoney {
		return strconv.FormatFloat(float64(float32(minor)/100), 'f', 2, 64)
	}
	return decimal(minor, currency)
}

func (d Defects) person(out object, p *person) {
	if d.AccountByMail && p.Email != "" {
		out["customer"] = p.Email
	}
}

func (d Defects) buyer(out object, s *sale) {
	if d.CounterCustomer && s.Buyer == nil && !s.anonymous {
		out["buyer"] = object{"given_name": "Client", "family_name": "Comptoir", "email": "comptoir@guichet.example"}
	}
	if d.KeepsPeople && s.Buyer == nil && s.anonymous {
		out["buyer"] = object{"given_name": "Léna", "family_name": "Kervadec"}
	}
}

func (d Defects) holder(l object, one ticket, out object) {
	if d.HolderFromBuyer && one.Holder == nil && out["buyer"] != nil {
		l["holder"] = object{"given_name": "Léna", "family_name": "Kervadec"}
	}
}

func (d Defects) order(out object, s *sale) {
	if d.LeaksTests {
		delete(out, "test")
	}
	lines := out["lines"].([]object)
	if d.RefundsCancel && len(s.refunds) > 0 {
		for _, l := range lines {
			l["state"] = "cancelled"
		}
	}
	if d.LowersRefunded && len(s.refunds) > 0 {
		for _, l := range lines {
			l["amount"] = "0.00"
		}
	}
	if d.DropsCancelled {
		out["lines"] = slices.DeleteFunc(lines, func(l object) bool { return l["state"] != "valid" })
	}
}

// skips leaves a record out.
func (d Defects) skips(r object) bool {
	return d.NoTombstones && r["op"] == "delete" ||
		d.ScansWait && r["kind"] == "scan" && r["source_version"] == int64(1) ||
		d.NoCatalogue && (r["kind"] == "performance" || r["kind"] == "price_type")
}

func (d Defects) rename(r object, resyncs int) object {
	if d.NewNames && resyncs > 0 {
		r["external_id"] = fmt.Sprint(r["external_id"], "-", resyncs)
	}
	return r
}

func (d Defects) shrugs(status int) bool {
	return d.ShrugsAtRefusal && (status == 409 || status == 422)
}
