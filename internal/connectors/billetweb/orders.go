package billetweb

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// attendee is a ticket with what is known of its order. Bar codes and addresses
// of downloads are not read, nor who checked it.
type attendee struct {
	ID            port.Loose `json:"id"`
	Event         port.Loose `json:"event"`
	Used          port.Loose `json:"used"`
	UsedDate      port.Loose `json:"used_date"`
	Email         string     `json:"email"`
	FirstName     string     `json:"firstname"`
	Name          string     `json:"name"`
	Ticket        string     `json:"ticket"`
	TicketID      port.Loose `json:"ticket_id"`
	Price         port.Loose `json:"price"`
	Seat          string     `json:"seating_location"`
	LastUpdate    port.Loose `json:"last_update"`
	Disabled      port.Loose `json:"disabled"`
	OrderID       port.Loose `json:"order_id"`
	OrderExtID    port.Loose `json:"order_ext_id"`
	OrderFirst    string     `json:"order_firstname"`
	OrderName     string     `json:"order_name"`
	OrderEmail    string     `json:"order_email"`
	OrderDate     port.Loose `json:"order_date"`
	OrderPaid     port.Loose `json:"order_paid"`
	PaymentType   port.Loose `json:"order_payment_type"`
	Origin        string     `json:"order_origin"`
	Session       port.Loose `json:"order_session"`
	Accreditation port.Loose `json:"order_accreditation"`
	Language      string     `json:"order_language"`
}

// progress is where the first reading is: when it began, and the last event that
// was read.
type progress struct {
	Began time.Time `json:"began"`
	Event string    `json:"event"`
}

// readEverything reads every event's tickets, one event a page. What changes
// meanwhile is asked for next, since the mark is when the first event was read.
func (s *session) readEverything(ctx context.Context, resume string, yield func(port.Page) error) (port.Mark, error) {
	events, a, err := s.events(ctx)
	if err != nil {
		return port.Mark{}, err
	}
	done := progress{Began: a.Answered(s.c.Now())}
	_ = json.Unmarshal([]byte(resume), &done) // nothing, or what was written here
	for _, e := range events {
		if done.Event != "" && !before(done.Event, string(e.ID)) {
			continue
		}
		records, err := s.ordersOf(ctx, string(e.ID), nil)
		if err != nil && !errors.Is(err, port.ErrGone) {
			return port.Mark{}, err
		}
		raw, err := json.Marshal(progress{done.Began, string(e.ID)})
		if err != nil {
			return port.Mark{}, err
		}
		if err := yield(port.Page{Records: records, Resume: string(raw)}); err != nil {
			return port.Mark{}, err
		}
	}
	return port.Mark{At: done.Began}, nil
}

// before orders identifiers as numbers.
func before(a, b string) bool {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) < 0
}

// readChanged asks over all events which tickets changed, and reads their orders
// whole: a ticket alone says nothing of the others of its order.
func (s *session) readChanged(ctx context.Context, since time.Time, yield func(port.Page) error) (port.Mark, error) {
	changed, a, err := list[attendee](ctx, s, "/attendees", url.Values{"last_update": {strconv.FormatInt(since.Unix(), 10)}})
	if err != nil {
		return port.Mark{}, err
	}
	wanted := map[string]map[string]bool{}
	for _, t := range changed {
		event := string(t.Event)
		if event == "" || !s.reads(event) {
			continue
		}
		if wanted[event] == nil {
			wanted[event] = map[string]bool{}
		}
		wanted[event][string(t.OrderID)] = true
	}
	for event, ids := range wanted {
		records, err := s.ordersOf(ctx, event, ids)
		if errors.Is(err, port.ErrGone) {
			continue // removed since
		}
		if err != nil {
			return port.Mark{}, err
		}
		if err := yield(port.Page{Records: records}); err != nil {
			return port.Mark{}, err
		}
	}
	return port.Mark{At: a.Answered(s.c.Now())}, nil
}

// ordersOf reads the tickets of an event and gives its orders, or those that are
// wanted, with the scans of their tickets.
func (s *session) ordersOf(ctx context.Context, event string, wanted map[string]bool) ([]port.Record, error) {
	tickets, _, err := list[attendee](ctx, s, "/event/"+url.PathEscape(event)+"/attendees", nil)
	if err != nil {
		return nil, err
	}
	var ids []string
	by := map[string][]attendee{}
	for _, t := range tickets {
		id := string(t.OrderID)
		if wanted != nil && !wanted[id] {
			continue
		}
		if by[id] == nil {
			ids = append(ids, id)
		}
		by[id] = append(by[id], t)
	}
	var out []port.Record
	for _, id := range ids {
		// The order of a list says nothing, and must not look like a change.
		slices.SortFunc(by[id], func(a, b attendee) int {
			return cmp.Or(cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
		})
		out = append(out, s.orderRecords(event, id, by[id])...)
	}
	return out, nil
}

func (s *session) fetchOrder(ctx context.Context, event, id string) ([]port.Record, error) {
	records, err := s.ordersOf(ctx, event, map[string]bool{id: true})
	if err == nil && len(records) == 0 {
		err = port.ErrGone
	}
	return records, err
}

var _ port.Reconciler = (*session)(nil)

// Reconcile implements port.Reconciler: there is no list by when orders were
// placed, so events are read that were not over before the window.
func (s *session) Reconcile(ctx context.Context, from, to time.Time, yield func(port.Page) error) error {
	events, _, err := s.events(ctx)
	if err != nil {
		return err
	}
	for _, e := range events {
		if end := port.Latest(s.time(e.Start), s.time(e.End)); end != nil && end.Before(from) {
			continue
		}
		records, err := s.ordersOf(ctx, string(e.ID), nil)
		if err != nil {
			return err
		}
		records = slices.DeleteFunc(records, func(r port.Record) bool {
			d, ok := r.Data.(port.OrderData)
			return !ok || d.PlacedAt == nil || d.PlacedAt.Before(from) || !d.PlacedAt.Before(to)
		})
		if err := yield(port.Page{Records: records}); err != nil {
			return err
		}
	}
	return nil
}
