package conformance

// What the vendor's test system is told. Facts are said as a till knows them:
// money in the smallest unit of its currency, times as the clock on the wall
// shows them, people as they gave their names. Saying them in the neutral form
// is what the connector is for.

// Call is one message to the hook of a vendor.
type Call struct {
	Run      string `json:"run"`
	Scenario string `json:"scenario"`
	Step     int    `json:"step"`
	Action   string `json:"action"`
	Facts    any    `json:"facts"`
}

// The actions.
const (
	actConnect   = "connect"
	actSchedule  = "performance.schedule"
	actAccount   = "account.open"
	actPlace     = "order.place"
	actReseat    = "ticket.reseat"
	actRefund    = "order.refund"
	actCancel    = "order.cancel"
	actReinstate = "order.reinstate"
	actExchange  = "ticket.exchange"
	actSplit     = "order.split"
	actDelete    = "order.delete"
	actRestore   = "order.restore"
	actAnonymise = "buyer.anonymise"
	actScan      = "ticket.scan"
	actResync    = "resync"
	actRetry     = "retry"
)

// Connection is where the connector sends from now on.
type Connection struct {
	BaseURL  string `json:"base_url"`
	Source   string `json:"source"`
	Key      string `json:"key"`
	TimeZone string `json:"time_zone"`
	Currency string `json:"currency"`
}

// Wall is a time as the clock in a hall shows it. Hour 2 of the night in which
// summer time ends comes twice: Second says that the second one is meant.
type Wall struct {
	Local  string `json:"local"` // 2026-12-04T20:00
	Second bool   `json:"second,omitempty"`
}

// Performance is put on sale.
type Performance struct {
	Ref        string      `json:"ref"`
	Title      string      `json:"title"`
	Starts     Wall        `json:"starts"`
	TimeZone   string      `json:"time_zone"`
	Capacity   int         `json:"capacity"`
	PriceTypes []PriceType `json:"price_types"`
	At         string      `json:"at"`
}

// PriceType is a tariff.
type PriceType struct {
	Ref   string `json:"ref"`
	Label string `json:"label"`
	Class string `json:"class"`
}

// Person is a buyer or holder.
type Person struct {
	Account       string `json:"account,omitempty"`
	GivenName     string `json:"given_name,omitempty"`
	FamilyName    string `json:"family_name,omitempty"`
	Organisation  string `json:"organisation,omitempty"`
	Email         string `json:"email,omitempty"`
	EmailVerified bool   `json:"email_verified,omitempty"`
	Phone         string `json:"phone,omitempty"`
}

// Account is a customer account.
type Account struct {
	Ref    string `json:"ref"`
	Person Person `json:"person"`
	At     string `json:"at"`
}

// Order is a sale.
type Order struct {
	Ref      string    `json:"ref"`
	At       string    `json:"at"`
	Channel  string    `json:"channel"`
	Currency string    `json:"currency"`
	Test     bool      `json:"test,omitempty"`
	Buyer    *Person   `json:"buyer"`
	Tickets  []Ticket  `json:"tickets"`
	Fees     []Fee     `json:"fees,omitempty"`
	Payments []Payment `json:"payments,omitempty"`
}

// Ticket is sold. Printed is what stands on a ticket that names nobody.
type Ticket struct {
	Ref         string  `json:"ref"`
	Performance string  `json:"performance"`
	PriceType   string  `json:"price_type"`
	PriceMinor  int64   `json:"price_minor"`
	TaxMinor    int64   `json:"tax_minor,omitempty"`
	TaxRateBP   int     `json:"tax_rate_bp,omitempty"`
	Seat        string  `json:"seat,omitempty"`
	Holder      *Person `json:"holder,omitempty"`
	Printed     string  `json:"printed,omitempty"`
}

// Fee is paid beside the tickets.
type Fee struct {
	Ref        string `json:"ref"`
	Kind       string `json:"kind"`
	Label      string `json:"label"`
	PriceMinor int64  `json:"price_minor"`
}

// Payment is money that came in and is there.
type Payment struct {
	Ref         string `json:"ref"`
	Method      string `json:"method"`
	AmountMinor int64  `json:"amount_minor"`
	At          string `json:"at"`
}

// Refund is money that went back.
type Refund struct {
	Ref         string   `json:"ref"`
	Order       string   `json:"order"`
	Payment     string   `json:"payment"`
	Tickets     []string `json:"tickets,omitempty"`
	AmountMinor int64    `json:"amount_minor"`
	At          string   `json:"at"`
}

// Reseat gives a ticket another seat.
type Reseat struct {
	Order  string `json:"order"`
	Ticket string `json:"ticket"`
	Seat   string `json:"seat"`
	At     string `json:"at"`
}

// Cancel ends an order with all its tickets; Fee is kept of the money.
type Cancel struct {
	Order  string  `json:"order"`
	Fee    *Fee    `json:"fee,omitempty"`
	Refund *Refund `json:"refund,omitempty"`
	At     string  `json:"at"`
}

// Change is about a whole order, or about a buyer everywhere.
type Change struct {
	Order string `json:"order"`
	At    string `json:"at"`
}

// Exchange gives a new ticket for an old one.
type Exchange struct {
	Order  string `json:"order"`
	Ticket string `json:"ticket"`
	By     Ticket `json:"by"`
	At     string `json:"at"`
}

// Split moves tickets into an order of their own. They stay the same tickets.
type Split struct {
	Order   string   `json:"order"`
	Tickets []string `json:"tickets"`
	Into    string   `json:"into"`
	At      string   `json:"at"`
}

// Scan is a reading at a door.
type Scan struct {
	Ref         string `json:"ref"`
	Ticket      string `json:"ticket"`
	Performance string `json:"performance"`
	At          string `json:"at"`
	Gate        string `json:"gate"`
}

// Names is what a vendor answers: how its connector calls what was referred to.
type Names struct {
	Names map[string]string `json:"names"`
}
