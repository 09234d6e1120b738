package eventbrite

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// order is what is read of one, with its attendees. Bar codes themselves, and
// answers, are left where they are.
type order struct {
	ID        port.Loose `json:"id"`
	EventID   port.Loose `json:"event_id"`
	Changed   string     `json:"changed"`
	Created   string     `json:"created"`
	Name      string     `json:"name"`
	FirstName string     `json:"first_name"`
	LastName  string     `json:"last_name"`
	Email     string     `json:"email"`
	Status    string     `json:"status"`
	Costs     costs      `json:"costs"`
	Attendees []attendee `json:"attendees"`
}

type costs struct {
	Base          money `json:"base_price"`
	Gross         money `json:"gross"`
	EventbriteFee money `json:"eventbrite_fee"`
	PaymentFee    money `json:"payment_fee"`
	Tax           money `json:"tax"`
}

// money has its value twice: in the smallest unit, and as a decimal.
type money struct {
	Currency string     `json:"currency"`
	Value    port.Cents `json:"value"`
	Major    port.Loose `json:"major_value"`
}

// hundredths of the amount; none where nothing is said. false: it cannot be read.
func (m money) hundredths() (int64, bool) {
	if m.Major != "" {
		return m.Major.Hundredths()
	}
	if m.Value == "" {
		return 0, true
	}
	return m.Value.Int()
}

type attendee struct {
	ID        port.Loose `json:"id"`
	OrderID   port.Loose `json:"order_id"`
	EventID   port.Loose `json:"event_id"`
	Changed   string     `json:"changed"`
	ClassID   port.Loose `json:"ticket_class_id"`
	ClassName string     `json:"ticket_class_name"`
	Costs     costs      `json:"costs"`
	Profile   struct {
		FirstName string `json:"first_name"`
		LastName  string `json:"last_name"`
		Email     string `json:"email"`
	} `json:"profile"`
	Barcodes []struct {
		Status  string `json:"status"`
		Changed string `json:"changed"`
	} `json:"barcodes"`
	CheckedIn bool   `json:"checked_in"`
	Cancelled bool   `json:"cancelled"`
	Refunded  bool   `json:"refunded"`
	Status    string `json:"status"`
}

func (s *session) readOrders(ctx context.Context, since port.Since, yield func(port.Page) error) (port.Mark, error) {
	var from place
	_ = json.Unmarshal([]byte(since.Resume), &from) // nothing, or what was written here
	began, err := s.list(ctx, since.At, from, yield)
	if rejected := (*port.RejectedError)(nil); errors.As(err, &rejected) && from.Continuation != "" {
		began, err = s.list(ctx, since.At, place{}, yield) // what led on is too old
	}
	if since.At.IsZero() {
		s.began = began
	}
	return port.Mark{At: began}, err
}

func (s *session) list(ctx context.Context, since time.Time, from place, yield func(port.Page) error) (time.Time, error) {
	query := url.Values{"expand": {"attendees"}}
	if !since.IsZero() {
		query.Set("changed_since", since.UTC().Format(stamp))
	}
	return s.walk(ctx, s.path("orders"), "orders", query, from, func(rows []json.RawMessage, at place) (bool, error) {
		var p port.Page
		for _, raw := range rows {
			o, err := port.Decode[order](raw)
			if err != nil {
				return false, err
			}
			if s.reads(string(o.EventID)) {
				p.Records = append(p.Records, s.orderRecords(o)...)
			}
		}
		if at.Continuation != "" {
			resume, err := json.Marshal(at)
			if err != nil {
				return false, err
			}
			p.Resume = string(resume)
		}
		return true, yield(p)
	})
}

func (s *session) fetchOrder(ctx context.Context, id string) ([]port.Record, error) {
	a, err := s.client.Get(ctx, "/v3/orders/"+id+"/", url.Values{"expand": {"attendees"}})
	if err != nil {
		return nil, err
	}
	var o order
	if err := a.Object(&o, func() bool { return o.ID != "" }); err != nil {
		return nil, err
	}
	if !s.reads(string(o.EventID)) {
		return nil, port.ErrUnsupported
	}
	return s.orderRecords(o), nil
}

// remembered is how long the state in which an order was read is kept in mind.
const remembered = 24 * time.Hour

// unknownFirst is how far back changes are looked for the first time where nobody
// remembers when orders began to be read: the program was stopped meanwhile.
const unknownFirst = 7 * 24 * time.Hour

// readAttendees finds orders whose attendees changed and which do not say so
// themselves, such as by a check at the door. The first time those are looked for
// that changed since all orders began to be read, which may take hours.
func (s *session) readAttendees(ctx context.Context, since port.Since, yield func(port.Page) error) (port.Mark, error) {
	if since.At.IsZero() {
		if since.At = s.began.Add(-time.Minute); s.began.IsZero() {
			since.At = s.c.Now().Add(-unknownFirst)
		}
	}
	maps.DeleteFunc(s.read, func(_ string, at time.Time) bool { return s.c.Now().Sub(at) > remembered })
	var ids []string
	changed := map[string]bool{}
	began, err := s.walk(ctx, s.path("attendees"), "attendees", url.Values{"changed_since": {since.At.UTC().Format(stamp)}}, place{}, func(rows []json.RawMessage, _ place) (bool, error) {
		for _, raw := range rows {
			a, err := port.Decode[attendee](raw)
			if err != nil {
				return false, err
			}
			id, at := string(a.OrderID), s.time(a.Changed)
			known, ok := s.read[id]
			if changed[id] || !number(id) || !s.reads(string(a.EventID)) || (ok && at != nil && !at.After(known)) {
				continue
			}
			changed[id] = true
			ids = append(ids, id)
		}
		return true, nil
	})
	if err != nil {
		return port.Mark{}, err
	}
	for _, id := range ids {
		records, err := s.fetchOrder(ctx, id)
		if errors.Is(err, port.ErrGone) || errors.Is(err, port.ErrUnsupported) {
			continue
		}
		if err != nil {
			return port.Mark{}, err
		}
		if err := yield(port.Page{Records: records}); err != nil {
			return port.Mark{}, err
		}
	}
	return port.Mark{At: began}, nil
}

var _ port.Reconciler = (*session)(nil)

// Reconcile implements port.Reconciler: what was placed since a time has changed
// since then too.
func (s *session) Reconcile(ctx context.Context, from, to time.Time, yield func(port.Page) error) error {
	_, err := s.list(ctx, from, place{}, func(p port.Page) error {
		var kept []port.Record
		for _, r := range p.Records {
			if d, ok := r.Data.(port.OrderData); ok && d.PlacedAt != nil && !d.PlacedAt.Before(from) && d.PlacedAt.Before(to) {
				kept = append(kept, r)
			}
		}
		return yield(port.Page{Records: kept})
	})
	return err
}
