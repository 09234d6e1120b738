// Copyright the Parvis maintainers. Licensed under the Apache License 2.0.

package boxoffice

// Facts of the hook, as docs/ticketing-vendors.md describes them.

type connection struct {
	BaseURL  string `json:"base_url"`
	Source   string `json:"source"`
	Key      string `json:"key"`
	TimeZone string `json:"time_zone"`
	Currency string `json:"currency"`
}

type wall struct {
	Local  string `json:"local"`
	Second bool   `json:"second"`
}

type performance struct {
	Ref        string      `json:"ref"`
	Title      string      `json:"title"`
	Starts     wall        `json:"starts"`
	TimeZone   string      `json:"time_zone"`
	Capacity   int         `json:"capacity"`
	PriceTypes []priceType `json:"price_types"`
	At         string      `json:"at"`
}

type priceType struct {
	Ref   string `json:"ref"`
	Label string `json:"label"`
	Class string `json:"class"`
}

type person struct {
	Account       string `json:"account"`
	GivenName     string `json:"given_name"`
	FamilyName    string `json:"family_name"`
	Organisation  string `json:"organisation"`
	Email         string `json:"email"`
	EmailVerified bool   `json:"email_verified"`
	Phone         string `json:"phone"`
}

type account struct {
	Ref    string `json:"ref"`
	Person person `json:"person"`
	At     string `json:"at"`
}

type order struct {
	Ref      string    `json:"ref"`
	At       string    `json:"at"`
	Channel  string    `json:"channel"`
	Currency string    `json:"currency"`
	Test     bool      `json:"test"`
	Buyer    *person   `json:"buyer"`
	Tickets  []ticket  `json:"tickets"`
	Fees     []fee     `json:"fees"`
	Payments []payment `json:"payments"`
}

type ticket struct {
	Ref         string  `json:"ref"`
	Performance string  `json:"performance"`
	PriceType   string  `json:"price_type"`
	PriceMinor  int64   `json:"price_minor"`
	TaxMinor    int64   `json:"tax_minor"`
	TaxRateBP   int     `json:"tax_rate_bp"`
	Seat        string  `json:"seat"`
	Holder      *person `json:"holder"`
	Printed     string  `json:"printed"`

	state    string
	replaces string
}

type fee struct {
	Ref        string `json:"ref"`
	Kind       string `json:"kind"`
	Label      string `json:"label"`
	PriceMinor int64  `json:"price_minor"`

	cancelled bool
}

type payment struct {
	Ref         string `json:"ref"`
	Method      string `json:"method"`
	AmountMinor int64  `json:"amount_minor"`
	At          string `json:"at"`
}

type refund struct {
	Ref         string   `json:"ref"`
	Order       string   `json:"order"`
	Payment     string   `json:"payment"`
	Tickets     []string `json:"tickets"`
	AmountMinor int64    `json:"amount_minor"`
	At          string   `json:"at"`
}

type change struct {
	Order   string   `json:"order"`
	Ticket  string   `json:"ticket"`
	Tickets []string `json:"tickets"`
	Into    string   `json:"into"`
	Seat    string   `json:"seat"`
	By      *ticket  `json:"by"`
	Fee     *fee     `json:"fee"`
	Refund  *refund  `json:"refund"`
	At      string   `json:"at"`
}

type scan struct {
	Ref         string `json:"ref"`
	Ticket      string `json:"ticket"`
	Performance string `json:"performance"`
	At          string `json:"at"`
	Gate        string `json:"gate"`
}
