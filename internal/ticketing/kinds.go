package ticketing

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"
	"unicode"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/money"
)

const (
	kindVenue        = "venue"
	kindProduct      = "product"
	kindMembership   = "membership"
	kindGiftCard     = "gift_card"
	kindScan         = "scan"
	kindGroupBooking = "group_booking"
	kindVoucher      = "voucher"
)

type venueDoc struct {
	Name      map[string]string `json:"name"`
	Parent    *string           `json:"parent"`
	Address   *address          `json:"address"`
	SIRET     *string           `json:"siret"`
	SibilType *string           `json:"sibil_type"`
	Capacity  *int32            `json:"capacity"`

	References []Reference `json:"references"`
}

type productDoc struct {
	Name         map[string]string `json:"name"`
	Kind         string            `json:"kind"`
	GraceDays    *int32            `json:"grace_days"`
	RenewalDays  *int32            `json:"renewal_days"`
	ReminderDays []int32           `json:"reminder_days"`
	UsageLimit   *int32            `json:"usage_limit"`
	Benefits     []string          `json:"benefits"`
}

type membershipDoc struct {
	Kind        string     `json:"kind"`
	Number      *string    `json:"number"`
	Product     *string    `json:"product"`
	Customer    *string    `json:"customer"`
	Order       *string    `json:"order"`
	Ticket      *string    `json:"ticket"`
	Holder      *person    `json:"holder"`
	ValidFrom   *time.Time `json:"valid_from"`
	ValidTo     *time.Time `json:"valid_to"`
	TimeZone    *string    `json:"time_zone"`
	UsageLimit  *int32     `json:"usage_limit"`
	Usages      *int32     `json:"usages"`
	Benefits    []string   `json:"benefits"`
	AutoRenew   bool       `json:"auto_renew"`
	Renews      *string    `json:"renews"`
	State       *string    `json:"state"`
	CancelledAt *time.Time `json:"cancelled_at"`
	Test        bool       `json:"test"`
}

// giftCardDoc has the keyed hash of the code where the record had the code.
type giftCardDoc struct {
	Code         *string          `json:"code"`
	LastFour     *string          `json:"last_four"`
	Currency     string           `json:"currency"`
	Balance      string           `json:"balance"`
	ExpiresAt    *time.Time       `json:"expires_at"`
	State        *string          `json:"state"`
	Product      *string          `json:"product"`
	Customer     *string          `json:"customer"`
	Order        *string          `json:"order"`
	Ticket       *string          `json:"ticket"`
	Test         bool             `json:"test"`
	Transactions []transactionDoc `json:"transactions"`

	balance int64
}

type transactionDoc struct {
	ExternalID string     `json:"external_id"`
	Amount     string     `json:"amount"`
	At         *time.Time `json:"at"`
	Order      *string    `json:"order"`

	amount int64
}

type scanDoc struct {
	Ticket      *string    `json:"ticket"`
	Performance *string    `json:"performance"`
	OccurredAt  *time.Time `json:"occurred_at"`
	RecordedAt  *time.Time `json:"recorded_at"`
	Direction   string     `json:"direction"`
	Result      string     `json:"result"`
	Reason      *string    `json:"reason"`
	Gate        *string    `json:"gate"`
}

type groupBookingDoc struct {
	Number        *string        `json:"number"`
	State         string         `json:"state"`
	PlacedAt      *time.Time     `json:"placed_at"`
	Performance   *string        `json:"performance"`
	Order         *string        `json:"order"`
	Organisation  *person        `json:"organisation"`
	ContactPerson *person        `json:"contact_person"`
	Headcount     []headcountDoc `json:"headcount"`
	Test          bool           `json:"test"`

	// The accounts of both, which stay when who they are is forgotten.
	organisationAccount, personAccount *string
}

type headcountDoc struct {
	Class string `json:"class"`
	Count int32  `json:"count"`
}

// readKind reads a record of one of these kinds; false for the others.
func (m *message) readKind(raw []byte, source Source) (bool, error) {
	refused := fault.Invalid()
	switch m.kind {
	case kindVenue:
		m.venue = &venueDoc{}
		if err := decode(raw, m.venue); err != nil {
			return true, err
		}
		m.venue.References = once(m.venue.References, "#/data/references", refused)
	case kindVoucher:
		d := &offerDoc{State: "active"}
		if err := decode(raw, d); err != nil {
			return true, err
		}
		if d.ValidUntil, d.IssuedAt = micro(d.ValidUntil), micro(d.IssuedAt); !plausible(d.ValidUntil, d.IssuedAt) {
			refused.At("#/data/valid_until", "not-a-date")
		}
		m.voucher = d
	case kindProduct:
		m.product = &productDoc{}
		return true, decode(raw, m.product)
	case kindMembership:
		d := &membershipDoc{Kind: "membership"}
		if err := decode(raw, d); err != nil {
			return true, err
		}
		d.settle(m.externalID, refused)
		m.membership = d
	case kindGiftCard:
		d := &giftCardDoc{Currency: source.Currency}
		if err := decode(raw, d); err != nil {
			return true, err
		}
		d.settle(refused)
		m.giftCard = d
	case kindScan:
		d := &scanDoc{Direction: "entry", Result: "accepted"}
		if err := decode(raw, d); err != nil {
			return true, err
		}
		if d.OccurredAt, d.RecordedAt = micro(d.OccurredAt), micro(d.RecordedAt); d.OccurredAt == nil || !plausible(d.OccurredAt, d.RecordedAt) {
			refused.At("#/data/occurred_at", "not-a-date")
		}
		if d.RecordedAt == nil {
			d.RecordedAt = d.OccurredAt
		}
		m.scan = d
	case kindGroupBooking:
		d := &groupBookingDoc{}
		if err := decode(raw, d); err != nil {
			return true, err
		}
		if d.PlacedAt = micro(d.PlacedAt); !plausible(d.PlacedAt) {
			refused.At("#/data/placed_at", "not-a-date")
		}
		if d.Organisation != nil {
			d.organisationAccount = d.Organisation.Customer
		}
		if d.ContactPerson != nil {
			d.personAccount = d.ContactPerson.Customer
		}
		seen := map[string]bool{}
		for i, h := range d.Headcount {
			if seen[h.Class] {
				refused.At(fmt.Sprintf("#/data/headcount/%d/class", i), "not-unique")
			}
			seen[h.Class] = true
		}
		m.groupBooking = d
	default:
		return false, nil
	}
	return true, refused.OrNil()
}

// settle refuses times that cannot be, and what renews itself.
func (d *membershipDoc) settle(externalID string, refused *fault.Error) {
	d.ValidFrom, d.ValidTo, d.CancelledAt = micro(d.ValidFrom), micro(d.ValidTo), micro(d.CancelledAt)
	if d.TimeZone != nil && !clock.IsZone(*d.TimeZone) {
		refused.At("#/data/time_zone", "unknown-time-zone")
	}
	if !plausible(d.ValidFrom, d.ValidTo, d.CancelledAt) {
		refused.At("#/data/valid_from", "not-a-date")
	}
	if d.ValidFrom != nil && d.ValidTo != nil && d.ValidTo.Before(*d.ValidFrom) {
		refused.At("#/data/valid_to", "ends-before-start")
	}
	if d.Renews != nil && *d.Renews == externalID {
		refused.At("#/data/renews", "no-match")
	}
}

// settle reads amounts and refuses what names one transaction twice.
func (d *giftCardDoc) settle(refused *fault.Error) {
	if d.ExpiresAt = micro(d.ExpiresAt); !plausible(d.ExpiresAt) {
		refused.At("#/data/expires_at", "not-a-date")
	}
	amount := func(text, pointer string) int64 {
		a, err := money.Parse(text, d.Currency)
		if err != nil {
			refused.At(pointer, "amount")
		}
		return a.Minor
	}
	d.balance = amount(d.Balance, "#/data/balance")
	seen := map[string]bool{}
	for i := range d.Transactions {
		t, at := &d.Transactions[i], fmt.Sprintf("#/data/transactions/%d", i)
		t.amount, t.At = amount(t.Amount, at+"/amount"), micro(t.At)
		if !plausible(t.At) {
			refused.At(at+"/at", "not-a-date")
		}
		if seen[t.ExternalID] {
			refused.At(at+"/external_id", "not-unique")
		}
		seen[t.ExternalID] = true
	}
}

// references that a message of one of these kinds names.
func (m *message) kindReferences(add func(kind string, name *string)) {
	switch {
	case m.venue != nil:
		add(kindVenue, m.venue.Parent)
	case m.membership != nil:
		d := m.membership
		add(kindProduct, d.Product)
		add(kindCustomer, d.account())
		add(kindOrder, d.Order)
		add(kindTicket, d.Ticket)
		add(kindMembership, d.Renews)
	case m.giftCard != nil:
		d := m.giftCard
		add(kindProduct, d.Product)
		add(kindCustomer, d.Customer)
		add(kindOrder, d.Order)
		add(kindTicket, d.Ticket)
	case m.voucher != nil:
		add(kindPerformance, m.voucher.Performance)
	case m.scan != nil:
		add(kindTicket, m.scan.Ticket)
		add(kindPerformance, m.scan.Performance)
	case m.groupBooking != nil:
		d := m.groupBooking
		add(kindPerformance, d.Performance)
		add(kindOrder, d.Order)
		add(kindCustomer, d.organisationAccount)
		add(kindCustomer, d.personAccount)
	}
}

// account is the one that the membership is said to belong to.
func (d *membershipDoc) account() *string {
	if d.Customer == nil && d.Holder != nil {
		return d.Holder.Customer
	}
	return d.Customer
}

// withoutCode replaces the code of a gift card, which opens its money, by a
// keyed hash, and keeps its last four characters apart: nothing that is made of
// the record afterwards, its digest included, holds the code.
func (s *Service) withoutCode(data map[string]any) map[string]any {
	code, _ := data["code"].(string)
	code = plainCode(code)
	out := make(map[string]any, len(data)+1)
	maps.Copy(out, data)
	delete(out, "code")
	if code == "" {
		return out
	}
	out["code"] = s.codeHash(code)
	if runes := []rune(code); out["last_four"] == nil && len(runes) >= 12 {
		out["last_four"] = string(runes[len(runes)-4:]) // a shorter code would be guessed from what is left
	}
	return out
}

// plainCode is a code as it is compared: without spaces and dashes, in capitals.
func plainCode(code string) string {
	return strings.ToUpper(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '-' {
			return -1
		}
		return r
	}, code))
}

func (s *Service) codeHash(code string) string {
	h := hmac.New(sha256.New, s.secret)
	_, _ = h.Write([]byte("gift card\x00" + plainCode(code)))
	return hex.EncodeToString(h.Sum(nil))
}

// transaction is one as it is kept with its card.
type transaction struct {
	ExternalID  string     `json:"external_id"`
	AmountMinor int64      `json:"amount_minor"`
	At          *time.Time `json:"at,omitempty"`
	Order       *string    `json:"order,omitempty"`
}

func (d *giftCardDoc) kept() json.RawMessage {
	out := make([]transaction, 0, len(d.Transactions))
	for _, t := range d.Transactions {
		out = append(out, transaction{t.ExternalID, t.amount, t.At, t.Order})
	}
	return encode(out)
}
