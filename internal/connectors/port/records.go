package port

import "time"

// The kinds of records.
const (
	Production  = "production"
	Performance = "performance"
	PriceType   = "price_type"
	Customer    = "customer"
	Order       = "order"
	Venue       = "venue"
	Product     = "product"
	Membership  = "membership"
	GiftCard    = "gift_card"
	Scan        = "scan"
	Voucher     = "voucher"
)

// Record is one thing at the vendor, in the neutral form: Data is one of the
// types below, or anything that the contract's schema of the kind accepts.
type Record struct {
	Kind       string     `json:"kind"`
	ExternalID string     `json:"external_id"`
	Delete     bool       `json:"delete,omitempty"`
	Version    *int64     `json:"source_version,omitempty"`
	ModifiedAt *time.Time `json:"source_modified_at,omitempty"`
	Data       any        `json:"data,omitempty"`
}

// Text is a text by language.
type Text map[string]string

// ProductionData is what performances are dates of.
type ProductionData struct {
	Name       Text   `json:"name"`
	Discipline string `json:"discipline,omitempty"`
	Season     string `json:"season,omitempty"`
}

// PerformanceData is a date, or an undated shop.
type PerformanceData struct {
	Production string     `json:"production,omitempty"`
	Name       Text       `json:"name,omitempty"`
	StartsAt   *time.Time `json:"starts_at,omitempty"`
	EndsAt     *time.Time `json:"ends_at,omitempty"`
	TimeZone   string     `json:"time_zone,omitempty"`
	Venue      string     `json:"venue,omitempty"`
	Capacity   *int32     `json:"capacity,omitempty"`
	Status     string     `json:"status,omitempty"`
}

// PriceTypeData is a tariff.
type PriceTypeData struct {
	Name     Text   `json:"name"`
	Class    string `json:"class,omitempty"`
	Audience string `json:"audience,omitempty"`
}

// VenueData is a place.
type VenueData struct {
	Name     Text     `json:"name"`
	Parent   string   `json:"parent,omitempty"`
	Address  *Address `json:"address,omitempty"`
	Capacity *int32   `json:"capacity,omitempty"`
}

// ProductData is what is sold besides admission to one date, or its type.
type ProductData struct {
	Name       Text   `json:"name"`
	Kind       string `json:"kind"`
	UsageLimit *int32 `json:"usage_limit,omitempty"`
}

// MembershipData is a subscription, pass or membership of somebody.
type MembershipData struct {
	Kind       string     `json:"kind,omitempty"`
	Number     string     `json:"number,omitempty"`
	Product    string     `json:"product,omitempty"`
	Customer   string     `json:"customer,omitempty"`
	Order      string     `json:"order,omitempty"`
	Ticket     string     `json:"ticket,omitempty"`
	Holder     *Person    `json:"holder,omitempty"`
	ValidFrom  *time.Time `json:"valid_from,omitempty"`
	ValidTo    *time.Time `json:"valid_to,omitempty"`
	UsageLimit *int32     `json:"usage_limit,omitempty"`
	Usages     *int32     `json:"usages,omitempty"`
	State      string     `json:"state,omitempty"`
	Test       bool       `json:"test,omitempty"`
}

// GiftCardData is a card with its ledger. Code opens the money: ticketing keeps
// a keyed hash of it, and nothing else may keep anything.
type GiftCardData struct {
	Code         string                `json:"code,omitempty"`
	LastFour     string                `json:"last_four,omitempty"`
	Currency     string                `json:"currency,omitempty"`
	Balance      string                `json:"balance"`
	ExpiresAt    *time.Time            `json:"expires_at,omitempty"`
	State        string                `json:"state,omitempty"`
	Customer     string                `json:"customer,omitempty"`
	Ticket       string                `json:"ticket,omitempty"`
	Test         bool                  `json:"test,omitempty"`
	Transactions []GiftCardTransaction `json:"transactions,omitempty"`
}

// GiftCardTransaction loads a card, or uses it.
type GiftCardTransaction struct {
	ExternalID string     `json:"external_id"`
	Amount     string     `json:"amount"`
	At         *time.Time `json:"at,omitempty"`
	Order      string     `json:"order,omitempty"`
}

// VoucherData is a code that was given out.
type VoucherData struct {
	Code        string     `json:"code,omitempty"`
	Kind        string     `json:"kind,omitempty"`
	Campaign    string     `json:"campaign,omitempty"`
	Performance string     `json:"performance,omitempty"`
	MaxUses     *int32     `json:"max_uses,omitempty"`
	Uses        *int32     `json:"uses,omitempty"`
	ValidUntil  *time.Time `json:"valid_until,omitempty"`
	IssuedAt    *time.Time `json:"issued_at,omitempty"`
	State       string     `json:"state,omitempty"`
}

// Offer is what a ticket was bought with: the name of a voucher, or its code.
type Offer struct {
	Record string `json:"record,omitempty"`
	Code   string `json:"code,omitempty"`
}

// ScanData is one reading at a door.
type ScanData struct {
	Ticket      string     `json:"ticket,omitempty"`
	Performance string     `json:"performance,omitempty"`
	OccurredAt  time.Time  `json:"occurred_at"`
	RecordedAt  *time.Time `json:"recorded_at,omitempty"`
	Direction   string     `json:"direction,omitempty"`
	Result      string     `json:"result,omitempty"`
	Reason      string     `json:"reason,omitempty"`
	Gate        string     `json:"gate,omitempty"`
}

// Person is what the vendor says about somebody.
type Person struct {
	Customer      string   `json:"customer,omitempty"`
	ContactID     string   `json:"contact_id,omitempty"`
	Email         string   `json:"email,omitempty"`
	EmailVerified bool     `json:"email_verified,omitempty"`
	Phone         string   `json:"phone,omitempty"`
	GivenName     string   `json:"given_name,omitempty"`
	FamilyName    string   `json:"family_name,omitempty"`
	Name          string   `json:"name,omitempty"`
	Organisation  string   `json:"organisation,omitempty"`
	Birthdate     string   `json:"birthdate,omitempty"`
	Locale        string   `json:"locale,omitempty"`
	Address       *Address `json:"address,omitempty"`
}

// Empty reports whether nothing is said.
func (p Person) Empty() bool {
	address := p.Address
	p.Address, p.Locale, p.EmailVerified = nil, "", false
	return p == Person{} && (address == nil || *address == Address{})
}

// Address is a postal address.
type Address struct {
	Street     string `json:"street,omitempty"`
	PostalCode string `json:"postal_code,omitempty"`
	City       string `json:"city,omitempty"`
	Country    string `json:"country,omitempty"`
}

// OrderData is a whole order as the vendor sees it now.
type OrderData struct {
	Number          string     `json:"number,omitempty"`
	CommercialState string     `json:"commercial_state"`
	Channel         *Channel   `json:"channel,omitempty"`
	PlacedAt        *time.Time `json:"placed_at,omitempty"`
	Currency        string     `json:"currency,omitempty"`
	Test            bool       `json:"test,omitempty"`
	SplitFrom       string     `json:"split_from,omitempty"`
	Buyer           *Person    `json:"buyer,omitempty"`
	Payer           *Person    `json:"payer,omitempty"`
	Lines           []Line     `json:"lines"`
	Fees            []Fee      `json:"fees,omitempty"`
	Payments        []Payment  `json:"payments,omitempty"`
	Refunds         []Refund   `json:"refunds,omitempty"`
	Consents        []Consent  `json:"consents,omitempty"`
}

// Channel is where an order was sold.
type Channel struct {
	Kind string `json:"kind"`
	Code string `json:"code,omitempty"`
}

// Line is a ticket or another thing sold. Amounts are decimals.
type Line struct {
	ExternalID  string  `json:"external_id"`
	Kind        string  `json:"kind,omitempty"`
	Performance string  `json:"performance,omitempty"`
	PriceType   string  `json:"price_type,omitempty"`
	Label       string  `json:"label,omitempty"`
	Amount      string  `json:"amount"`
	Tax         string  `json:"tax,omitempty"`
	TaxRateBP   *int32  `json:"tax_rate_bp,omitempty"`
	Seat        string  `json:"seat,omitempty"`
	Parent      string  `json:"parent,omitempty"`
	Replaces    string  `json:"replaces,omitempty"`
	State       string  `json:"state,omitempty"`
	Holder      *Person `json:"holder,omitempty"`
	Voucher     *Offer  `json:"voucher,omitempty"`
}

// Fee is what is paid besides.
type Fee struct {
	ExternalID string `json:"external_id"`
	Kind       string `json:"kind,omitempty"`
	Label      string `json:"label,omitempty"`
	Amount     string `json:"amount"`
	Tax        string `json:"tax,omitempty"`
	TaxRateBP  *int32 `json:"tax_rate_bp,omitempty"`
	State      string `json:"state,omitempty"`
}

// Payment is money in.
type Payment struct {
	ExternalID string     `json:"external_id"`
	Method     string     `json:"method,omitempty"`
	Amount     string     `json:"amount"`
	State      string     `json:"state"`
	At         *time.Time `json:"at,omitempty"`
}

// Refund is money back.
type Refund struct {
	ExternalID string     `json:"external_id"`
	Method     string     `json:"method,omitempty"`
	Amount     string     `json:"amount"`
	State      string     `json:"state"`
	At         *time.Time `json:"at,omitempty"`
	Payment    string     `json:"payment,omitempty"`
	Lines      []string   `json:"lines,omitempty"`
	Reason     string     `json:"reason,omitempty"`
}

// Consent is an answer given while buying; one that was not given is left out.
type Consent struct {
	Purpose  string    `json:"purpose"`
	Channel  string    `json:"channel"`
	Value    string    `json:"value"`
	At       time.Time `json:"at"`
	Evidence string    `json:"evidence,omitempty"`
}
