package pretix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

type event struct {
	Slug         string       `json:"slug"`
	Name         multilingual `json:"name"`
	Currency     string       `json:"currency"`
	DateFrom     *time.Time   `json:"date_from"`
	DateTo       *time.Time   `json:"date_to"`
	Location     multilingual `json:"location"`
	HasSubevents bool         `json:"has_subevents"`
	TimeZone     string       `json:"timezone"`
	TestMode     bool         `json:"testmode"`
}

type subevent struct {
	ID       int64        `json:"id"`
	Name     multilingual `json:"name"`
	DateFrom *time.Time   `json:"date_from"`
	DateTo   *time.Time   `json:"date_to"`
	Location multilingual `json:"location"`
	Active   *bool        `json:"active"`
}

type item struct {
	ID                  int64        `json:"id"`
	Name                multilingual `json:"name"`
	Admission           bool         `json:"admission"`
	IssueGiftCard       bool         `json:"issue_giftcard"`
	GrantMembershipType *int64       `json:"grant_membership_type"`
	Variations          []variation  `json:"variations"`
}

type variation struct {
	ID    int64        `json:"id"`
	Value multilingual `json:"value"`
}

func (i item) lineKind() string {
	switch {
	case i.IssueGiftCard:
		return "gift_card"
	case i.GrantMembershipType != nil:
		return "membership"
	case i.Admission:
		return "ticket"
	}
	return "goods"
}

func (i item) label(variation *int64) string {
	name := i.Name.in(languages())
	if variation == nil {
		return name
	}
	for _, v := range i.Variations {
		if v.ID == *variation {
			return name + " – " + v.Value.in(languages())
		}
	}
	return name
}

// languages in which a label is wanted, the best first.
func languages() []string { return []string{"fr", "en", "und"} }

// event is an event by its short name, remembered. One that is gone has its
// orders still: the source's currency stands in.
func (s *session) event(ctx context.Context, slug string) (event, error) {
	if e, ok := s.events[slug]; ok {
		return e, nil
	}
	e := event{Currency: s.c.Currency}
	a, err := s.client.Get(ctx, s.path("events", slug), nil)
	switch {
	case errors.Is(err, port.ErrGone):
		e.Slug = slug
	case err != nil:
		return e, err
	default:
		if err := a.Object(&e, func() bool { return e.Slug != "" }); err != nil {
			return e, err
		}
	}
	s.events[slug] = e
	return e, nil
}

// item is a product of an event, remembered. An unknown one may have been made
// since: the list is read again, once.
func (s *session) item(ctx context.Context, event string, id int64) (item, error) {
	if i, ok := s.items[event][id]; ok {
		return i, nil
	}
	if err := s.readItems(ctx, event); err != nil {
		return item{}, err
	}
	if _, ok := s.items[event][id]; !ok {
		s.items[event][id] = item{ID: id, Admission: true}
	}
	return s.items[event][id], nil
}

// knowItems reads the products of an event unless they are known.
func (s *session) knowItems(ctx context.Context, event string) error {
	if len(s.items[event]) > 0 {
		return nil
	}
	return s.readItems(ctx, event)
}

func (s *session) readItems(ctx context.Context, event string) error {
	known := map[int64]item{}
	_, err := s.walk(ctx, s.path("events", event, "items"), url.Values{"page_size": {"50"}}, func(results []json.RawMessage) error {
		for _, raw := range results {
			i, err := port.Decode[item](raw)
			if err != nil {
				return err
			}
			known[i.ID] = i
		}
		return nil
	})
	if err != nil && !errors.Is(err, port.ErrGone) {
		return err
	}
	s.items[event] = known
	return nil
}

func production(e event) port.Record {
	return port.Record{Kind: port.Production, ExternalID: e.Slug, Data: port.ProductionData{Name: e.Name.neutral()}}
}

// eventRecords are the only date of an event that has none of its own.
func (s *session) eventRecords(e event, capacity *int32) []port.Record {
	return append(s.venueRecord(e.Location), port.Record{Kind: port.Performance, ExternalID: e.Slug, Data: port.PerformanceData{
		Production: e.Slug, Name: e.Name.neutral(), StartsAt: e.DateFrom, EndsAt: ends(e.DateFrom, e.DateTo), TimeZone: s.zone(e), Venue: s.venue(e.Location), Capacity: capacity,
	}})
}

func (s *session) subeventRecords(e event, sub subevent, capacity *int32) []port.Record {
	location := sub.Location
	if s.venue(location) == "" {
		location = e.Location
	}
	d := port.PerformanceData{
		Production: e.Slug, Name: sub.Name.neutral(), StartsAt: sub.DateFrom, EndsAt: ends(sub.DateFrom, sub.DateTo), TimeZone: s.zone(e), Venue: s.venue(location), Capacity: capacity, Status: "scheduled",
	}
	if sub.Active != nil && !*sub.Active {
		d.Status = "closed" // not on sale; pretix does not say why
	}
	return append(s.venueRecord(location), port.Record{Kind: port.Performance, ExternalID: fmt.Sprintf("%s/%d", e.Slug, sub.ID), Data: d})
}

func (s *session) itemRecords(event string, i item) []port.Record {
	out := []port.Record{{Kind: port.PriceType, ExternalID: priceType(event, i.ID, nil), Data: port.PriceTypeData{Name: i.Name.neutral(), Class: s.class(i.ID, nil)}}}
	for _, v := range i.Variations {
		name := port.Text{}
		for lang, t := range i.Name.neutral() {
			name[lang] = port.Clip(t+" – "+v.Value.in([]string{lang, "fr", "en"}), 400)
		}
		out = append(out, port.Record{Kind: port.PriceType, ExternalID: priceType(event, i.ID, &v.ID), Data: port.PriceTypeData{Name: name, Class: s.class(i.ID, &v.ID)}})
	}
	return out
}

// class is what the settings say; it is never guessed, and left out where they
// say nothing.
func (s *session) class(item int64, variation *int64) string {
	key := strconv.FormatInt(item, 10)
	if variation != nil {
		if class := s.set.PriceClasses[fmt.Sprintf("%d/%d", item, *variation)]; class != "" {
			return class
		}
	}
	return s.set.PriceClasses[key]
}

// zone is that of the event where pretix says it, else that of the source.
func (s *session) zone(e event) string {
	if _, err := time.LoadLocation(e.TimeZone); err == nil && e.TimeZone != "" {
		return e.TimeZone
	}
	return s.c.TimeZone.String()
}

// venue is the name of a place: pretix has nothing but a text for it, which is
// an address on several lines.
func (s *session) venue(m multilingual) string { return port.Clip(oneLine(m.in(languages())), 200) }

func (s *session) venueRecord(m multilingual) []port.Record {
	id := s.venue(m)
	if id == "" {
		return nil
	}
	name := port.Text{}
	for lang, t := range m.neutral() {
		name[lang] = port.Clip(oneLine(t), 400)
	}
	return []port.Record{{Kind: port.Venue, ExternalID: id, Data: port.VenueData{Name: name}}}
}

func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), ", ")
}

// ends drops an end before its start, which a date copied from another may have.
func ends(from, to *time.Time) *time.Time {
	if from != nil && to != nil && to.Before(*from) {
		return nil
	}
	return to
}

// over is how long after its end an event or a date is read no more, but the
// first time.
const over = 30 * 24 * time.Hour

// readCatalogue reads events, dates, products and quotas. They have no time of
// change, so each is as of its arrival, and what is the same changes nothing.
func (s *session) readCatalogue(ctx context.Context, since port.Since, yield func(port.Page) error) (port.Mark, error) {
	var events []event
	generated, err := s.walk(ctx, s.path("events"), url.Values{"page_size": {"50"}}, func(results []json.RawMessage) error {
		var records []port.Record
		for _, raw := range results {
			e, err := port.Decode[event](raw)
			if err != nil {
				return err
			}
			if !s.reads(e.Slug) {
				continue
			}
			s.events[e.Slug] = e
			records = append(records, production(e))
			last := first(e.DateTo, e.DateFrom)
			if since.At.IsZero() || e.HasSubevents || last == nil || s.c.Now().Sub(*last) < over {
				events = append(events, e)
			}
		}
		return yield(port.Page{Records: records})
	})
	if err != nil {
		return port.Mark{}, err
	}
	for _, e := range events {
		if err := s.readEvent(ctx, e, since, yield); err != nil {
			return port.Mark{}, err
		}
	}
	return port.Mark{At: generated}, nil
}

func (s *session) readEvent(ctx context.Context, e event, since port.Since, yield func(port.Page) error) error {
	known := map[int64]item{}
	_, err := s.walk(ctx, s.path("events", e.Slug, "items"), url.Values{"page_size": {"50"}}, func(results []json.RawMessage) error {
		var records []port.Record
		for _, raw := range results {
			i, err := port.Decode[item](raw)
			if err != nil {
				return err
			}
			known[i.ID] = i
			records = append(records, s.itemRecords(e.Slug, i)...)
		}
		return yield(port.Page{Records: records})
	})
	if err != nil {
		return err
	}
	s.items[e.Slug] = known
	quotas, err := s.quotas(ctx, e.Slug, url.Values{})
	if err != nil {
		return err
	}
	if !e.HasSubevents {
		return yield(port.Page{Records: s.eventRecords(e, capacity(known, quotas[0]))})
	}
	query := url.Values{"page_size": {"50"}}
	if !since.At.IsZero() {
		query.Set("ends_after", s.c.Now().Add(-over).UTC().Format(stamp))
	}
	_, err = s.walk(ctx, s.path("events", e.Slug, "subevents"), query, func(results []json.RawMessage) error {
		var records []port.Record
		for _, raw := range results {
			sub, err := port.Decode[subevent](raw)
			if err != nil {
				return err
			}
			records = append(records, s.subeventRecords(e, sub, capacity(known, quotas[sub.ID]))...)
		}
		return yield(port.Page{Records: records})
	})
	return err
}

func (s *session) fetchEvent(ctx context.Context, slug string) ([]port.Record, error) {
	a, err := s.client.Get(ctx, s.path("events", slug), nil)
	if err != nil {
		return nil, err
	}
	var e event
	if err := a.Object(&e, func() bool { return e.Slug != "" }); err != nil {
		return nil, err
	}
	s.events[slug] = e
	records := []port.Record{production(e)}
	if e.HasSubevents {
		return records, nil
	}
	n, err := s.capacityOf(ctx, slug, 0)
	return append(records, s.eventRecords(e, n)...), err
}

// capacityOf is the capacity of one date, 0 for the event itself.
func (s *session) capacityOf(ctx context.Context, slug string, date int64) (*int32, error) {
	if err := s.knowItems(ctx, slug); err != nil {
		return nil, err
	}
	query := url.Values{}
	if date != 0 {
		query.Set("subevent", strconv.FormatInt(date, 10))
	}
	quotas, err := s.quotas(ctx, slug, query)
	return capacity(s.items[slug], quotas[date]), err
}

func (s *session) fetchSubevent(ctx context.Context, slug, id string) ([]port.Record, error) {
	e, err := s.event(ctx, slug)
	if err != nil {
		return nil, err
	}
	a, err := s.client.Get(ctx, s.path("events", slug, "subevents", id), nil)
	if err != nil {
		return nil, err
	}
	var sub subevent
	if err := a.Object(&sub, func() bool { return sub.ID != 0 }); err != nil {
		return nil, err
	}
	n, err := s.capacityOf(ctx, slug, sub.ID)
	return s.subeventRecords(e, sub, n), err
}

func (s *session) fetchItem(ctx context.Context, slug, id string) ([]port.Record, error) {
	a, err := s.client.Get(ctx, s.path("events", slug, "items", id), nil)
	if err != nil {
		return nil, err
	}
	var i item
	if err := a.Object(&i, func() bool { return i.ID != 0 }); err != nil {
		return nil, err
	}
	if s.items[slug] == nil {
		s.items[slug] = map[int64]item{}
	}
	s.items[slug][i.ID] = i
	return s.itemRecords(slug, i), nil
}
