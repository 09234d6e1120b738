package helloasso

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// order is what is read of one. Codes that open a door, addresses of tickets and
// receipts, and birth dates are left where they are.
type order struct {
	ID           int64     `json:"id"`
	Date         string    `json:"date"`
	FormSlug     string    `json:"formSlug"`
	FormType     string    `json:"formType"`
	Organization string    `json:"organizationSlug"`
	Meta         meta      `json:"meta"`
	Payer        payer     `json:"payer"`
	Items        []item    `json:"items"`
	Payments     []payment `json:"payments"`
}

type meta struct {
	CreatedAt string `json:"createdAt"`
	UpdatedAt string `json:"updatedAt"`
}

type payer struct {
	Email     string `json:"email"`
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
	Company   string `json:"company"`
	Address   string `json:"address"`
	City      string `json:"city"`
	ZipCode   string `json:"zipCode"`
	Country   string `json:"country"`
}

type item struct {
	ID     int64      `json:"id"`
	Name   string     `json:"name"`
	Type   string     `json:"type"`
	State  string     `json:"state"`
	Amount port.Cents `json:"amount"`
	TierID *int64     `json:"tierId"`
	User   struct {
		FirstName string `json:"firstName"`
		LastName  string `json:"lastName"`
	} `json:"user"`
	CustomFields []field  `json:"customFields"`
	Options      []option `json:"options"`
}

type field struct {
	Name   string          `json:"name"`
	Answer json.RawMessage `json:"answer"`
}

type option struct {
	ID     int64      `json:"optionId"`
	Name   string     `json:"name"`
	Amount port.Cents `json:"amount"`
}

type payment struct {
	ID       int64       `json:"id"`
	Amount   port.Cents  `json:"amount"`
	Tip      port.Cents  `json:"amountTip"`
	Date     string      `json:"date"`
	Means    string      `json:"paymentMeans"`
	Offline  string      `json:"paymentOffLineMean"`
	State    string      `json:"state"`
	Type     string      `json:"type"`
	Meta     meta        `json:"meta"`
	Items    []share     `json:"items"`
	Refunds  []operation `json:"refundOperations"`
	OfOrders struct {
		ID int64 `json:"id"`
	} `json:"order"`
}

type share struct {
	Amount port.Cents `json:"shareAmount"`
}

type operation struct {
	ID     int64      `json:"id"`
	Amount port.Cents `json:"amount"`
	Tip    port.Cents `json:"amountTip"`
	Status string     `json:"status"`
	Meta   meta       `json:"meta"`
}

// overlap is how far before the place where a reading broke off it goes on.
const overlap = 5 * time.Minute

// whole asks for orders of the forms that are read, with what was answered.
func (s *session) whole() url.Values {
	return url.Values{"withDetails": {"true"}, "sortOrder": {"Asc"}, "formTypes": s.set.FormTypes}
}

const stamp = "2006-01-02T15:04:05.000Z"

func (s *session) readOrders(ctx context.Context, since port.Since, yield func(port.Page) error) (port.Mark, error) {
	query := s.whole()
	from := since.At
	if at, err := time.Parse(time.RFC3339Nano, since.Resume); err == nil {
		if at = at.Add(-overlap); at.After(from) {
			from = at
		}
	}
	if !from.IsZero() {
		query.Set("from", from.UTC().Format(stamp))
	}
	mark, err := s.list(ctx, query, yield)
	if from.IsZero() {
		s.began = mark.At
	}
	return mark, err
}

// lookBack reads orders of the last months again: an order that is cancelled
// without money coming back moves no payment. The first time there is nothing
// that the other streams have not read.
func (s *session) lookBack(ctx context.Context, since port.Since, yield func(port.Page) error) (port.Mark, error) {
	if since.At.IsZero() {
		return port.Mark{At: s.c.Now()}, nil
	}
	query := s.whole()
	query.Set("from", s.c.Now().AddDate(0, 0, -s.set.LookBack).UTC().Format(stamp))
	return s.list(ctx, query, yield)
}

var _ port.Reconciler = (*session)(nil)

// Reconcile implements port.Reconciler.
func (s *session) Reconcile(ctx context.Context, from, to time.Time, yield func(port.Page) error) error {
	query := s.whole()
	query.Set("from", from.UTC().Format(stamp))
	query.Set("to", to.UTC().Format(stamp))
	_, err := s.list(ctx, query, yield)
	return err
}

func (s *session) list(ctx context.Context, query url.Values, yield func(port.Page) error) (port.Mark, error) {
	generated, err := s.walk(ctx, s.path("orders"), query, func(results []json.RawMessage) (bool, error) {
		var p port.Page
		for _, raw := range results {
			o, err := port.Decode[order](raw)
			if err != nil {
				return false, err
			}
			if at := s.time(o.Date); at != nil {
				p.Resume = at.Format(time.RFC3339Nano)
			}
			if s.ours(o) {
				p.Records = append(p.Records, s.orderRecord(o))
			}
		}
		return true, yield(p)
	})
	return port.Mark{At: generated}, err
}

// ours tells an order of the association and of a form that is read from others,
// which a partner's account may see too.
func (s *session) ours(o order) bool {
	return (o.Organization == "" || o.Organization == s.set.Organization) && s.reads(o.FormType)
}

func (s *session) fetchOrder(ctx context.Context, id string) ([]port.Record, error) {
	if _, err := strconv.ParseInt(id, 10, 64); err != nil {
		return nil, port.ErrUnsupported
	}
	a, err := s.get(ctx, "/orders/"+id, nil)
	if err != nil {
		return nil, err
	}
	var o order
	if err := a.Object(&o, func() bool { return o.ID != 0 }); err != nil {
		return nil, err
	}
	if !s.ours(o) {
		return nil, port.ErrUnsupported
	}
	return []port.Record{s.orderRecord(o)}, nil
}
