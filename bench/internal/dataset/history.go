package dataset

import (
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
)

// What an institution knows of its public besides names: two orders a contact,
// and about one answer to a question of consent.
const (
	OrdersPerContact = 2
	Tags             = 12 // of each institution
	Productions      = 40
	Performances     = 400
	PriceTypes       = 4
)

// Kinds of identifiers: what stands before the index in each.
const (
	kindContact = iota
	kindPoint
	kindAddress
	kindTag
	kindPurpose
	kindConsent
	kindSource
	kindProduction
	kindPerformance
	kindPriceType
	kindOrder
	kindTicket
	kindMovement
	kindCustomer
)

func identifier(kind byte, n uint64) uuid.UUID {
	id := uuid.UUID{0: 0x01, 1: 0x90 + kind, 6: 0x70, 8: 0x80}
	for i := range 6 {
		id[15-i] = byte(n >> (8 * i))
	}
	return id
}

// TagID of an institution's tag.
func TagID(tenant, n int) uuid.UUID { return identifier(kindTag, uint64(tenant*Tags+n)) }

// PurposeID of an institution's purpose: a newsletter.
func PurposeID(tenant int) uuid.UUID { return identifier(kindPurpose, uint64(tenant)) }

// SourceID of an institution's ticketing system.
func SourceID(tenant int) uuid.UUID { return identifier(kindSource, uint64(tenant)) }

// ProductionID of an institution.
func ProductionID(tenant, n int) uuid.UUID {
	return identifier(kindProduction, uint64(tenant*Productions+n))
}

// PerformanceID of an institution.
func PerformanceID(tenant, n int) uuid.UUID {
	return identifier(kindPerformance, uint64(tenant*Performances+n))
}

// PriceTypeID of an institution.
func PriceTypeID(tenant, n int) uuid.UUID {
	return identifier(kindPriceType, uint64(tenant*PriceTypes+n))
}

// ConsentID of a contact's answer about e-mail (0) or text messages (1).
func ConsentID(i, which int) uuid.UUID { return identifier(kindConsent, uint64(i*2+which)) }

// CustomerID is the account of a contact at its institution's ticketing system,
// and whether it has one: a quarter has.
func CustomerID(i int) (uuid.UUID, bool) { return identifier(kindCustomer, uint64(i)), i%4 == 0 }

// TagsOf are the tags that a contact bears: none, one or two.
func TagsOf(p Person) []int {
	r := rand.New(rand.NewPCG(uint64(p.Index), 3))
	first := r.IntN(Tags)
	switch f := r.Float64(); {
	case f < 0.5:
		return nil
	case f < 0.9:
		return []int{first}
	}
	return []int{first, (first + 1 + r.IntN(Tags-1)) % Tags}
}

// Answer is what somebody said to a question of consent.
type Answer struct {
	Which   int // 0 by e-mail, 1 by text message
	Channel string
	Address string
	Action  string
	At      time.Time
}

// AnswersOf are what a contact has said: nearly everybody with an address was
// asked about the newsletter, few about text messages.
func AnswersOf(p Person) []Answer {
	r := rand.New(rand.NewPCG(uint64(p.Index), 5))
	action := func() string {
		switch f := r.Float64(); {
		case f < 0.7:
			return "given"
		case f < 0.9:
			return "refused"
		}
		return "withdrawn"
	}
	var out []Answer
	if first := action(); p.Email != "" {
		out = append(out, Answer{0, "email", p.Email, first, p.CreatedAt})
	}
	if second, asked := action(), r.Float64() < 0.25; p.Phone != "" && asked {
		out = append(out, Answer{1, "sms", p.Phone, second, p.CreatedAt.Add(time.Second)})
	}
	return out
}

// Order is one invented order, confirmed and paid.
type Order struct {
	Index   int
	Buyer   int // index of the contact
	Placed  time.Time
	Tickets []Ticket
}

// Ticket is one line of an order.
type Ticket struct {
	Performance, PriceType int
	Minor                  int64
}

// OrderAt returns order k of a data set of so many people. Who bought early has
// bought more often.
func OrderAt(k, people int) Order {
	r := rand.New(rand.NewPCG(uint64(k), 11))
	o := Order{Index: k, Buyer: falling(r, people)}
	o.Placed = Epoch.Add(time.Duration(people)*time.Minute - time.Duration(r.IntN(3*365*24*60))*time.Minute)
	performance := r.IntN(Performances)
	for range 1 + r.IntN(2) {
		kind := r.IntN(PriceTypes)
		o.Tickets = append(o.Tickets, Ticket{performance, kind, int64(2400 - 600*kind)})
	}
	return o
}

// ID of the order.
func (o Order) ID() uuid.UUID { return identifier(kindOrder, uint64(o.Index)) }

// TicketID of a line.
func (o Order) TicketID(line int) uuid.UUID {
	return identifier(kindTicket, uint64(o.Index*4+line))
}

// MovementID of the order's payment.
func (o Order) MovementID() uuid.UUID { return identifier(kindMovement, uint64(o.Index)) }

// Total of the order, in cents.
func (o Order) Total() (sum int64) {
	for _, t := range o.Tickets {
		sum += t.Minor
	}
	return sum
}

// TenantOf is whose contact it is.
func TenantOf(i int) int { return tenantOf(i) }
