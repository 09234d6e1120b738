package pretix

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// order is what is read of one. Everything may be null, and members that are
// not here may come at any time.
type order struct {
	Code            string         `json:"code"`
	Event           string         `json:"event"`
	Status          string         `json:"status"`
	TestMode        bool           `json:"testmode"`
	Email           *string        `json:"email"`
	Phone           *string        `json:"phone"`
	Locale          *string        `json:"locale"`
	Customer        *string        `json:"customer"`
	DateTime        *time.Time     `json:"datetime"`
	SalesChannel    *string        `json:"sales_channel"`
	Fees            []fee          `json:"fees"`
	InvoiceAddress  *invoice       `json:"invoice_address"`
	Positions       []position     `json:"positions"`
	RequireApproval bool           `json:"require_approval"`
	ValidIfPending  bool           `json:"valid_if_pending"`
	Payments        []payment      `json:"payments"`
	Refunds         []refund       `json:"refunds"`
	LastModified    *time.Time     `json:"last_modified"`
	APIMeta         map[string]any `json:"api_meta"`
}

type fee struct {
	ID          int64   `json:"id"`
	FeeType     *string `json:"fee_type"`
	Value       string  `json:"value"`
	Description *string `json:"description"`
	TaxRate     *string `json:"tax_rate"`
	TaxValue    *string `json:"tax_value"`
	TaxRule     *int64  `json:"tax_rule"`
	Canceled    bool    `json:"canceled"`
}

type invoice struct {
	IsBusiness bool      `json:"is_business"`
	Company    *string   `json:"company"`
	Name       *string   `json:"name"`
	NameParts  nameParts `json:"name_parts"`
	Street     *string   `json:"street"`
	Zipcode    *string   `json:"zipcode"`
	City       *string   `json:"city"`
	Country    *string   `json:"country"`
}

type position struct {
	ID                int64     `json:"id"`
	PositionID        int64     `json:"positionid"`
	Item              *int64    `json:"item"`
	Variation         *int64    `json:"variation"`
	Price             string    `json:"price"`
	AttendeeName      *string   `json:"attendee_name"`
	AttendeeNameParts nameParts `json:"attendee_name_parts"`
	AttendeeEmail     *string   `json:"attendee_email"`
	Company           *string   `json:"company"`
	Street            *string   `json:"street"`
	Zipcode           *string   `json:"zipcode"`
	City              *string   `json:"city"`
	Country           *string   `json:"country"`
	TaxRate           *string   `json:"tax_rate"`
	TaxValue          *string   `json:"tax_value"`
	TaxRule           *int64    `json:"tax_rule"`
	AddonTo           *int64    `json:"addon_to"`
	Subevent          *int64    `json:"subevent"`
	Voucher           *int64    `json:"voucher"`
	Seat              *struct {
		Name *string `json:"name"`
	} `json:"seat"`
	Blocked  json.RawMessage `json:"blocked"`
	Answers  []answer        `json:"answers"`
	Canceled bool            `json:"canceled"`
}

type answer struct {
	Answer     *string `json:"answer"`
	Identifier *string `json:"question_identifier"`
}

type payment struct {
	LocalID     int64      `json:"local_id"`
	State       string     `json:"state"`
	Amount      string     `json:"amount"`
	Created     *time.Time `json:"created"`
	PaymentDate *time.Time `json:"payment_date"`
	Provider    *string    `json:"provider"`
	Details     details    `json:"details"`
}

// details of a payment are the provider's own; of them only the kind counts.
type details struct {
	PaymentType string
}

// UnmarshalJSON takes what is text and leaves the rest.
func (d *details) UnmarshalJSON(raw []byte) error {
	var all map[string]any
	if json.Unmarshal(raw, &all) == nil {
		d.PaymentType, _ = all["payment_type"].(string)
	}
	return nil
}

type refund struct {
	LocalID       int64      `json:"local_id"`
	State         string     `json:"state"`
	Amount        string     `json:"amount"`
	Payment       *int64     `json:"payment"`
	Created       *time.Time `json:"created"`
	ExecutionDate *time.Time `json:"execution_date"`
	Provider      *string    `json:"provider"`
	Comment       *string    `json:"comment"`
}

// whole asks for what lists leave out by themselves.
func whole() url.Values {
	return url.Values{"include_canceled_positions": {"true"}, "include_canceled_fees": {"true"}}
}

const stamp = "2006-01-02T15:04:05.000000Z"

func (s *session) readOrders(ctx context.Context, since port.Since, yield func(port.Page) error) (port.Mark, error) {
	query := whole()
	query.Set("ordering", "last_modified")
	query.Set("page_size", "50")
	from := since.At
	// An interrupted reading goes on where it was, less the same overlap.
	if at, err := time.Parse(time.RFC3339Nano, since.Resume); err == nil {
		if at = at.Add(-overlap); at.After(from) {
			from = at
		}
	}
	if !from.IsZero() {
		query.Set("modified_since", from.UTC().Format(stamp))
	}
	// Each page is asked for by the time of the last order of the one before. By its
	// number it would be another page as soon as an order of an earlier one changes:
	// that one goes to the end, the others move up, and one that moves onto a page
	// that was read already would be read by nobody. Only orders of one and the same
	// instant are followed by number.
	var mark port.Mark
	walk := s.client.Walk()
	for address, ask := s.path("orders"), query; ; {
		answer, err := walk.Get(ctx, address, ask)
		if err != nil {
			return mark, err
		}
		if mark.At.IsZero() {
			mark.At = s.generated(answer.Header)
		}
		var l list
		if err := answer.JSON(&l); err != nil {
			return mark, err
		}
		results, err := walk.Rows(l.Results)
		if err != nil {
			return mark, err
		}
		records, last, err := s.ordersOf(ctx, results)
		if err != nil {
			return mark, err
		}
		p := port.Page{Records: records}
		if !last.IsZero() {
			p.Resume = last.Format(time.RFC3339Nano)
		}
		if err := yield(p); err != nil || l.Next == nil || *l.Next == "" {
			return mark, err
		}
		if address, ask = *l.Next, nil; last.After(from) {
			from = last
			query.Set("modified_since", from.UTC().Format(stamp))
			address, ask = s.path("orders"), query
		}
	}
}

const overlap = 5 * time.Minute

func (s *session) ordersOf(ctx context.Context, results []json.RawMessage) (records []port.Record, last time.Time, err error) {
	for _, raw := range results {
		o, err := port.Decode[order](raw)
		if err != nil {
			record, at := strange(raw)
			if records = append(records, record); !at.IsZero() {
				last = at
			}
			continue
		}
		if o.LastModified != nil {
			last = *o.LastModified
		}
		if !s.reads(o.Event) {
			continue
		}
		r, err := s.orderRecord(ctx, o)
		if err != nil {
			return nil, last, err
		}
		records = append(records, r)
	}
	return records, last, nil
}

// strange is an order of another form than documented, as a record that will be
// refused and kept as it came for somebody to look at: the orders behind it do not
// wait until pretix is mended.
func strange(raw json.RawMessage) (record port.Record, modified time.Time) {
	var members map[string]json.RawMessage
	_ = json.Unmarshal(raw, &members) // nothing of what is no object
	text := func(name string) (out string) {
		_ = json.Unmarshal(members[name], &out) // nothing of what is no text
		return out
	}
	record = port.Record{Kind: port.Order, Data: map[string]any{"pretix": raw}}
	if code := text("code"); code != "" {
		record.ExternalID = text("event") + "/" + code
	}
	if at, err := time.Parse(time.RFC3339Nano, text("last_modified")); err == nil {
		modified = at
		record.ModifiedAt = &modified
	}
	return record, modified
}

func (s *session) fetchOrder(ctx context.Context, event, code string) ([]port.Record, error) {
	a, err := s.client.Get(ctx, s.path("events", event, "orders", code), whole())
	if err != nil {
		return nil, err
	}
	var raw json.RawMessage
	if err := a.JSON(&raw); err != nil {
		return nil, err
	}
	o, err := port.Decode[order](raw)
	if err == nil && o.Code == "" {
		return nil, &port.UnexpectedError{Text: "an answer does not name what it is of"}
	}
	if err != nil {
		record, _ := strange(raw)
		record.ExternalID = event + "/" + code
		return []port.Record{record}, nil //nolint:nilerr // the record is refused, and says why
	}
	if o.Event == "" {
		o.Event = event
	}
	r, err := s.orderRecord(ctx, o)
	return []port.Record{r}, err
}
