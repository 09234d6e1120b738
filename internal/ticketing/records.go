package ticketing

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/gowebpki/jcs"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/money"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
)

// Record is the identity of something a source names, and the positions of
// what is held of it.
type Record = ticketingdb.TicketingRecord

// The kinds of records. A ticket is only ever part of an order.
const (
	kindProduction  = "production"
	kindPerformance = "performance"
	kindPriceType   = "price_type"
	kindCustomer    = "customer"
	kindOrder       = "order"
	kindTicket      = "ticket"
)

// RecordSchemas are the components of the contract that data of each kind
// follows.
func RecordSchemas() map[string]string {
	return map[string]string{
		kindProduction: "TicketingProductionRecord", kindPerformance: "TicketingPerformanceRecord", kindPriceType: "TicketingPriceTypeRecord",
		kindCustomer: "TicketingCustomerRecord", kindOrder: "TicketingOrderRecord", kindVenue: "TicketingVenueRecord", kindProduct: "TicketingProductRecord",
		kindMembership: "TicketingMembershipRecord", kindGiftCard: "TicketingGiftCardRecord", kindScan: "TicketingScanRecord", kindGroupBooking: "TicketingGroupBookingRecord",
		kindVoucher: "TicketingVoucherRecord",
	}
}

// Input is one record as sent.
type Input struct {
	Kind, ExternalID string
	Delete           bool
	Anonymize        bool
	SourceVersion    *int64
	SourceModifiedAt *time.Time
	Misdated         bool // the time of the change was not a time
	Data             map[string]any
	Refused          *fault.Error // it is not as the contract says
}

// message is an input that has been understood.
type message struct {
	kind, externalID string
	delete           bool
	anonymize        bool
	position         position
	production       *productionDoc
	performance      *performanceDoc
	priceType        *priceTypeDoc
	customer         *person
	consents         []consentDoc // of a customer
	order            *orderDoc
	venue            *venueDoc
	product          *productDoc
	membership       *membershipDoc
	giftCard         *giftCardDoc
	scan             *scanDoc
	groupBooking     *groupBookingDoc
	voucher          *offerDoc
	warnings         []Warning
}

type productionDoc struct {
	Name          map[string]string `json:"name"`
	Discipline    *string           `json:"discipline"`
	Season        *string           `json:"season"`
	References    []Reference       `json:"references"`
	Festival      *string           `json:"festival"`
	SibilDomain   *string           `json:"sibil_domain"`
	YoungAudience *bool             `json:"young_audience"`
}

type performanceDoc struct {
	Production    *string           `json:"production"`
	Name          map[string]string `json:"name"`
	StartsAt      *time.Time        `json:"starts_at"`
	EndsAt        *time.Time        `json:"ends_at"`
	TimeZone      *string           `json:"time_zone"`
	AdmissionAt   *time.Time        `json:"admission_at"`
	Venue         *string           `json:"venue"`
	SibilDomain   *string           `json:"sibil_domain"`
	YoungAudience *bool             `json:"young_audience"`
	Replaces      *string           `json:"replaces"`
	Capacity      *int32            `json:"capacity"`
	Status        string            `json:"status"`
	References    []Reference       `json:"references"`
}

type priceTypeDoc struct {
	Name     map[string]string `json:"name"`
	Class    *string           `json:"class"` // nil where the source has none
	Audience *string           `json:"audience"`
}

// person is what a source says about a buyer, payer, holder or account.
type person struct {
	Customer      *string    `json:"customer,omitempty"`
	ContactID     *uuid.UUID `json:"contact_id,omitempty"`
	CardNumber    *string    `json:"card_number,omitempty"`
	Email         *string    `json:"email,omitempty"`
	EmailVerified bool       `json:"email_verified,omitempty"`
	Phone         *string    `json:"phone,omitempty"`
	GivenName     *string    `json:"given_name,omitempty"`
	FamilyName    *string    `json:"family_name,omitempty"`
	Name          *string    `json:"name,omitempty"`
	Organisation  *string    `json:"organisation,omitempty"`
	Birthdate     *string    `json:"birthdate,omitempty"`
	Locale        *string    `json:"locale,omitempty"`
	Address       *address   `json:"address,omitempty"`
}

type address struct {
	Street     *string `json:"street,omitempty"`
	PostalCode *string `json:"postal_code,omitempty"`
	City       *string `json:"city,omitempty"`
	Country    *string `json:"country,omitempty"`
}

type orderDoc struct {
	Number          *string      `json:"number"`
	CommercialState string       `json:"commercial_state"`
	Channel         *channelDoc  `json:"channel"`
	PlacedAt        *time.Time   `json:"placed_at"`
	Currency        string       `json:"currency"`
	Test            bool         `json:"test"`
	SplitFrom       *string      `json:"split_from"`
	ClaimSecret     *string      `json:"claim_secret"`
	Buyer           *person      `json:"buyer"`
	Payer           *person      `json:"payer"`
	Lines           []lineDoc    `json:"lines"`
	Fees            []feeDoc     `json:"fees"`
	Payments        []paymentDoc `json:"payments"`
	Refunds         []paymentDoc `json:"refunds"`
	Consents        []consentDoc `json:"consents"`

	// forgotten: whoever bought it was; forgottenBuyer is the account's name.
	forgotten      bool
	forgottenBuyer *string
	parted         inherited // from an order of somebody who was
}

type channelDoc struct {
	Kind string  `json:"kind"`
	Code *string `json:"code"`
}

type lineDoc struct {
	ExternalID  string      `json:"external_id"`
	Kind        string      `json:"kind"`
	Performance *string     `json:"performance"`
	PriceType   *string     `json:"price_type"`
	Product     *string     `json:"product"`
	Exemption   *string     `json:"exemption"`
	Voucher     *voucherDoc `json:"voucher"`
	Label       *string     `json:"label"`
	Amount      string      `json:"amount"`
	Tax         *string     `json:"tax"`
	TaxRateBP   *int32      `json:"tax_rate_bp"`
	Seat        *string     `json:"seat"`
	Parent      *string     `json:"parent"`
	Replaces    *string     `json:"replaces"`
	State       string      `json:"state"`
	Holder      *person     `json:"holder"`

	amount int64
	tax    *int64
}

type voucherDoc struct {
	Code     *string `json:"code"`
	Record   *string `json:"record"`
	Campaign *string `json:"campaign"`
}

type feeDoc struct {
	ExternalID string  `json:"external_id"`
	Kind       string  `json:"kind"`
	Label      *string `json:"label"`
	Amount     string  `json:"amount"`
	Tax        *string `json:"tax"`
	TaxRateBP  *int32  `json:"tax_rate_bp"`
	State      string  `json:"state"`

	amount int64
	tax    *int64
}

type paymentDoc struct {
	ExternalID string     `json:"external_id"`
	Method     string     `json:"method"`
	Amount     string     `json:"amount"`
	State      string     `json:"state"`
	At         *time.Time `json:"at"`
	Payment    *string    `json:"payment"`
	Lines      []string   `json:"lines"`
	Reason     *string    `json:"reason"`

	amount int64
}

type consentDoc struct {
	Purpose        string    `json:"purpose"`
	Channel        string    `json:"channel"`
	Value          string    `json:"value"`
	At             time.Time `json:"at"`
	Evidence       *string   `json:"evidence,omitempty"`
	Question       *string   `json:"question,omitempty"`
	WordingVersion *string   `json:"wording_version,omitempty"`
}

// understand checks one record and reads it. Pointers of what is wrong begin at
// the record: "#/data/lines/0/amount". Of a record without any position the
// time of arrival is the position.
func (s *Service) understand(in Input, source Source, now time.Time) (*message, error) {
	if in.Refused != nil {
		return nil, in.Refused
	}
	m := &message{kind: in.Kind, externalID: in.ExternalID, delete: in.Delete, anonymize: in.Anonymize}
	f := fault.New(fault.Malformed, "invalid-request")
	schema, known := RecordSchemas()[in.Kind]
	if !known {
		f.At("#/kind", "enum", "allowed", "venue, production, performance, price_type, product, customer, order, membership, gift_card, scan, group_booking, voucher")
	}
	if n := utf8.RuneCountInString(in.ExternalID); n == 0 {
		f.At("#/external_id", "required")
	} else if n > 200 {
		f.At("#/external_id", "too-long", "limit", 200)
	}
	if in.Misdated || !plausible(in.SourceModifiedAt) {
		f.At("#/source_modified_at", "format", "want", "date-time")
	}
	if err := f.OrNil(); err != nil {
		return nil, err
	}
	m.position = position{version: in.SourceVersion, modifiedAt: micro(in.SourceModifiedAt)}
	if m.position.version == nil && m.position.modifiedAt == nil {
		m.position.modifiedAt = &now
	}
	if in.Anonymize {
		if !personal(in.Kind) {
			return nil, f.At("#/op", "no-match")
		}
		return m, nil
	}
	if in.Delete {
		m.position.hash = deletionHash
		return m, nil
	}
	if in.Data == nil {
		return nil, f.At("#/data", "required")
	}
	if err := s.schemas.Check(schema, in.Data); err != nil {
		return nil, under(err, "#/data")
	}
	data := in.Data
	if in.Kind == kindGiftCard {
		data = s.withoutCode(data)
	}
	raw, err := json.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("ticketing: a record: %w", err)
	}
	canonical, err := jcs.Transform(raw)
	if err != nil {
		return nil, f.At("#/data", "no-match")
	}
	sum := sha256.Sum256(canonical)
	m.position.hash = hex.EncodeToString(sum[:])
	times := localTime{zone: zoneOf(data, source)}
	if raw, err = json.Marshal(times.read(data, "#/data")); err != nil {
		return nil, fmt.Errorf("ticketing: a record: %w", err)
	}
	refused := fault.Invalid()
	for _, pointer := range times.wrong {
		refused.At(pointer, "not-a-date")
	}
	if err := refused.OrNil(); err != nil {
		return nil, err
	}
	m.warnings = times.warnings
	if err := m.read(raw, source); err != nil {
		return m, err
	}
	return m, m.answeredBy(now.Add(clockSkew))
}

// zoneOf is where the local times of a record are local: in the time zone that
// it names, or else in that of its source.
func zoneOf(data map[string]any, source Source) *time.Location {
	name, _ := data["time_zone"].(string)
	if !clock.IsZone(name) {
		name = source.TimeZone
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return zone
}

func (m *message) read(raw []byte, source Source) error {
	if known, err := m.readKind(raw, source); known {
		return err
	}
	refused := fault.Invalid()
	switch m.kind {
	case kindProduction:
		m.production = &productionDoc{}
		if err := decode(raw, m.production); err != nil {
			return err
		}
		m.production.References = once(m.production.References, "#/data/references", refused)
		return refused.OrNil()
	case kindPriceType:
		m.priceType = &priceTypeDoc{}
		return decode(raw, m.priceType)
	case kindCustomer:
		m.customer = &person{}
		var answers struct {
			Consents []consentDoc `json:"consents"`
		}
		if err := decode(raw, m.customer); err != nil {
			return err
		}
		if err := decode(raw, &answers); err != nil {
			return err
		}
		m.consents = settleConsents(answers.Consents, refused)
		return refused.OrNil()
	case kindPerformance:
		d := &performanceDoc{Status: "scheduled"}
		if err := decode(raw, d); err != nil {
			return err
		}
		d.StartsAt, d.EndsAt, d.AdmissionAt = micro(d.StartsAt), micro(d.EndsAt), micro(d.AdmissionAt)
		if or(d.Venue, "") == "" {
			d.Venue = nil
		}
		if d.TimeZone != nil && !clock.IsZone(*d.TimeZone) {
			refused.At("#/data/time_zone", "unknown-time-zone")
		}
		if !plausible(d.StartsAt, d.EndsAt, d.AdmissionAt) {
			refused.At("#/data/starts_at", "not-a-date")
		}
		if d.StartsAt != nil && d.EndsAt != nil && d.EndsAt.Before(*d.StartsAt) {
			refused.At("#/data/ends_at", "ends-before-start")
		}
		d.References = once(d.References, "#/data/references", refused)
		m.performance = d
		return refused.OrNil()
	}
	d := &orderDoc{Currency: source.Currency}
	if err := decode(raw, d); err != nil {
		return err
	}
	d.settle(refused)
	m.order = d
	return refused.OrNil()
}

// settle reads amounts and refuses what names one thing twice.
func (d *orderDoc) settle(refused *fault.Error) {
	if d.PlacedAt = micro(d.PlacedAt); !plausible(d.PlacedAt) {
		refused.At("#/data/placed_at", "not-a-date")
	}
	amount := func(text, pointer string) int64 {
		a, err := money.Parse(text, d.Currency)
		if err != nil {
			refused.At(pointer, "amount")
		}
		return a.Minor
	}
	optional := func(text *string, pointer string) *int64 {
		if text == nil {
			return nil
		}
		minor := amount(*text, pointer)
		return &minor
	}
	once := func(seen map[string]bool, name, pointer string) {
		if seen[name] {
			refused.At(pointer+"/external_id", "not-unique")
		}
		seen[name] = true
	}
	lines, fees := map[string]bool{}, map[string]bool{}
	for i := range d.Lines {
		l, at := &d.Lines[i], fmt.Sprintf("#/data/lines/%d", i)
		l.Kind, l.State = fallback(l.Kind, "ticket"), fallback(l.State, "valid")
		l.amount, l.tax = amount(l.Amount, at+"/amount"), optional(l.Tax, at+"/tax")
		once(lines, l.ExternalID, at)
	}
	for i := range d.Fees {
		f, at := &d.Fees[i], fmt.Sprintf("#/data/fees/%d", i)
		f.Kind, f.State = fallback(f.Kind, "other"), fallback(f.State, "valid")
		f.amount, f.tax = amount(f.Amount, at+"/amount"), optional(f.Tax, at+"/tax")
		once(fees, f.ExternalID, at)
	}
	settlePayments := func(list []paymentDoc, name string) {
		seen := map[string]bool{}
		for i := range list {
			p, at := &list[i], fmt.Sprintf("#/data/%s/%d", name, i)
			p.Method, p.At = fallback(p.Method, "other"), micro(p.At)
			if !plausible(p.At) {
				refused.At(at+"/at", "not-a-date")
			}
			p.amount = amount(p.Amount, at+"/amount")
			once(seen, p.ExternalID, at)
		}
	}
	settlePayments(d.Payments, "payments")
	settlePayments(d.Refunds, "refunds")
	d.Consents = settleConsents(d.Consents, refused)
}

// settleConsents brings answers to what is kept of them; each must say when it
// was given.
func settleConsents(list []consentDoc, refused *fault.Error) []consentDoc {
	for i := range list {
		if list[i].At = *micro(&list[i].At); !plausible(&list[i].At) {
			refused.At(fmt.Sprintf("#/data/consents/%d/at", i), "not-a-date")
		}
	}
	return list
}

func decode(raw []byte, into any) error {
	if err := json.Unmarshal(raw, into); err != nil {
		return fault.New(fault.Malformed, "invalid-request").Because(err).At("#/data", "no-match")
	}
	return nil
}

// under moves the pointers of a fault below another place.
func under(err error, place string) error {
	f, ok := fault.As(err)
	if !ok {
		return err
	}
	for i := range f.Violations {
		if rest, found := strings.CutPrefix(f.Violations[i].Pointer, "#"); found {
			f.Violations[i].Pointer = place + rest
		}
	}
	return f
}

// micro brings a time to UTC and to what PostgreSQL keeps.
func micro(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC().Truncate(time.Microsecond)
	return &u
}

// plausible times are those PostgreSQL keeps and a ticket can have.
func plausible(times ...*time.Time) bool {
	for _, t := range times {
		if t != nil && (t.Year() < 1900 || t.Year() > 9000) {
			return false
		}
	}
	return true
}

func fallback(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
