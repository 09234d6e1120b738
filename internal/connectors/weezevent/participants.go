package weezevent

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// participant is a ticket. Values are now text, now numbers, now true or false;
// codes that open a door, and who checked a ticket, are not read.
type participant struct {
	ID            port.Loose `json:"id_participant"`
	Event         port.Loose `json:"id_event"`
	Date          port.Loose `json:"id_date"`
	Ticket        port.Loose `json:"id_ticket"`
	Deleted       port.Loose `json:"deleted"`
	Refund        port.Loose `json:"refund"`
	CreateDate    port.Loose `json:"create_date"`
	Origin        port.Loose `json:"origin"`
	TransactionID port.Loose `json:"id_transaction"`
	Reference     port.Loose `json:"transaction_reference"`
	Paid          port.Loose `json:"paid"`
	Control       control    `json:"control_status"`
	Owner         owner      `json:"owner"`
}

// control is the last check of a ticket.
type control struct {
	Status   port.Loose `json:"status"`
	ScanDate port.Loose `json:"scan_date"`
}

// UnmarshalJSON reads a check, or whatever stands for none.
func (c *control) UnmarshalJSON(raw []byte) error {
	type plain control
	if json.Unmarshal(raw, (*plain)(c)) != nil {
		*c = control{}
	}
	return nil
}

type owner struct {
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	Email     string `json:"email"`
}

// UnmarshalJSON reads an owner, or the empty list that stands for none.
func (o *owner) UnmarshalJSON(raw []byte) error {
	type plain owner
	if json.Unmarshal(raw, (*plain)(o)) != nil {
		*o = owner{}
	}
	return nil
}

// order is the name of the transaction here: with the event, as one transaction
// may hold tickets of several. A ticket without one is an order of its own.
func (p participant) order() string {
	if !p.TransactionID.Yes() {
		return "p" + string(p.ID)
	}
	return string(p.TransactionID)
}

// most is how many participants are asked for at once.
const most = 100

// participants reads a list page by page, with those that are deleted or unpaid,
// which are left out unless asked for. Should pages not be what they are taken
// for, reading ends with the first that brings nobody new.
func (s *session) participants(ctx context.Context, query url.Values) (out []participant, err error) {
	query.Set("include_deleted", "1")
	query.Set("include_unpaid", "1")
	query.Set("full", "1")
	query.Set("max", strconv.Itoa(most))
	known := map[port.Loose]bool{}
	for page := 1; ; page++ {
		query.Set("page", strconv.Itoa(page))
		var l struct {
			Participants []participant `json:"participants"`
		}
		if _, err := s.get(ctx, "/participant/list", query, &l); err != nil {
			return nil, err
		}
		listed, err := port.Listed(l.Participants)
		if err != nil {
			return nil, err
		}
		fresh := 0
		for _, p := range listed {
			if !known[p.ID] {
				known[p.ID] = true
				fresh++
				out = append(out, p)
			}
		}
		if fresh == 0 || len(listed) < most {
			return out, nil
		}
	}
}

// progress is where the first reading is: when it began, and the last event that
// was read.
type progress struct {
	Began time.Time `json:"began"`
	Event string    `json:"event"`
}

func (s *session) readEverything(ctx context.Context, resume string, yield func(port.Page) error) (port.Mark, error) {
	events, answered, err := s.events(ctx)
	if err != nil {
		return port.Mark{}, err
	}
	done := progress{Began: answered}
	_ = json.Unmarshal([]byte(resume), &done) // nothing, or what was written here
	for _, e := range events {
		if done.Event != "" && byNumber(e.ID, port.Loose(done.Event)) <= 0 {
			continue
		}
		tickets, err := s.participants(ctx, url.Values{"id_event[]": {string(e.ID)}})
		if err != nil {
			return port.Mark{}, err
		}
		records, err := s.together(ctx, string(e.ID), tickets)
		if err != nil {
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

func byNumber(a, b port.Loose) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }

// asked is how many events or transactions are named in one request.
const asked = 50

// readChanged asks which tickets changed, and reads their transactions whole.
func (s *session) readChanged(ctx context.Context, since time.Time, yield func(port.Page) error) (port.Mark, error) {
	events, answered, err := s.events(ctx)
	if err != nil {
		return port.Mark{}, err
	}
	wanted := map[string][]string{}
	single := map[string][]participant{}
	for part := range slices.Chunk(events, asked) {
		query := url.Values{"last_update": {s.clock(since)}}
		for _, e := range part {
			query.Add("id_event[]", string(e.ID))
		}
		changed, err := s.participants(ctx, query)
		if err != nil {
			return port.Mark{}, err
		}
		for _, p := range changed {
			event := string(p.Event)
			if !s.reads(event) {
				continue
			}
			if p.Reference == "" {
				single[event] = append(single[event], p)
			} else if !slices.Contains(wanted[event], string(p.Reference)) {
				wanted[event] = append(wanted[event], string(p.Reference))
			}
		}
	}
	for _, e := range events {
		event := string(e.ID)
		tickets := single[event]
		for part := range slices.Chunk(wanted[event], asked) {
			whole, err := s.participants(ctx, url.Values{"id_event[]": {event}, "transaction_reference[]": part})
			if err != nil {
				return port.Mark{}, err
			}
			tickets = append(tickets, slices.DeleteFunc(whole, func(p participant) bool { return !slices.Contains(part, string(p.Reference)) })...)
		}
		if len(tickets) == 0 {
			continue
		}
		records, err := s.together(ctx, event, tickets)
		if err != nil {
			return port.Mark{}, err
		}
		if err := yield(port.Page{Records: records}); err != nil {
			return port.Mark{}, err
		}
	}
	return port.Mark{At: answered}, nil
}

// clock writes a time for a filter of which nobody says whose clock it goes by:
// the earlier of Greenwich's and the source's, so that nothing is missed.
func (s *session) clock(at time.Time) string {
	return min(at.UTC().Format(time.DateTime), at.In(s.c.TimeZone).Format(time.DateTime))
}

func (s *session) fetchOrder(ctx context.Context, event, id string) ([]port.Record, error) {
	tickets, err := s.participants(ctx, url.Values{"id_event[]": {event}})
	if err != nil {
		return nil, err
	}
	tickets = slices.DeleteFunc(tickets, func(p participant) bool { return p.order() != id })
	if len(tickets) == 0 {
		return nil, port.ErrGone
	}
	return s.together(ctx, event, tickets)
}

var _ port.Reconciler = (*session)(nil)

// Reconcile implements port.Reconciler: there is no list by when orders were
// placed, so every event is read.
func (s *session) Reconcile(ctx context.Context, from, to time.Time, yield func(port.Page) error) error {
	_, err := s.readEverything(ctx, "", func(p port.Page) error {
		p.Records = slices.DeleteFunc(p.Records, func(r port.Record) bool {
			d, ok := r.Data.(port.OrderData)
			return !ok || d.PlacedAt == nil || d.PlacedAt.Before(from) || !d.PlacedAt.Before(to)
		})
		return yield(port.Page{Records: p.Records})
	})
	return err
}
