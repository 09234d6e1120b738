package weezevent

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

type event struct {
	ID   port.Loose `json:"id"`
	Name string     `json:"name"`
	Date period     `json:"date"`
}

type period struct {
	Start port.Loose `json:"start"`
	End   port.Loose `json:"end"`
}

// category is a price, in groups that may hold groups.
type category struct {
	ID    port.Loose `json:"id"`
	Name  string     `json:"name"`
	Price port.Loose `json:"price"`
}

type group struct {
	ID         port.Loose `json:"id"`
	Tickets    []category `json:"tickets"`
	Categories []group    `json:"categories"`
}

func (g group) all() []category {
	out := slices.Clone(g.Tickets)
	for _, inner := range g.Categories {
		out = append(out, inner.all()...)
	}
	return out
}

// events are all that are read, closed and unpublished ones too, by their numbers.
func (s *session) events(ctx context.Context) ([]event, time.Time, error) {
	var l struct {
		Events []event `json:"events"`
	}
	a, err := s.get(ctx, "/events", url.Values{"include_closed": {"1"}, "include_not_published": {"1"}, "include_without_sales": {"1"}}, &l)
	if err != nil {
		return nil, time.Time{}, err
	}
	events, err := port.Listed(l.Events)
	if err != nil {
		return nil, time.Time{}, err
	}
	events = slices.DeleteFunc(events, func(e event) bool { return !s.reads(string(e.ID)) })
	slices.SortFunc(events, func(a, b event) int { return byNumber(a.ID, b.ID) })
	return events, a.Answered(s.c.Now()), nil
}

// prices of an event, by their identifiers.
func (s *session) prices(ctx context.Context, event string) (map[string]category, error) {
	var l struct {
		Events []group `json:"events"`
	}
	if _, err := s.get(ctx, "/tickets", url.Values{"id_event[]": {event}}, &l); err != nil {
		return nil, err
	}
	groups, err := port.Listed(l.Events)
	if err != nil {
		return nil, err
	}
	out := map[string]category{}
	for _, g := range groups {
		for _, c := range g.all() {
			out[string(c.ID)] = c
		}
	}
	return out, nil
}

func (s *session) readCatalogue(ctx context.Context, yield func(port.Page) error) (port.Mark, error) {
	events, answered, err := s.events(ctx)
	if err != nil {
		return port.Mark{}, err
	}
	for _, e := range events {
		records, err := s.describe(ctx, e)
		if err != nil {
			return port.Mark{}, err
		}
		if err := yield(port.Page{Records: records}); err != nil {
			return port.Mark{}, err
		}
	}
	return port.Mark{At: answered}, nil
}

func (s *session) fetchEvent(ctx context.Context, id string) ([]port.Record, error) {
	events, _, err := s.events(ctx)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(events, func(e event) bool { return string(e.ID) == id })
	if at < 0 {
		return nil, port.ErrGone
	}
	return s.describe(ctx, events[at])
}

func (s *session) describe(ctx context.Context, e event) ([]port.Record, error) {
	id, name := string(e.ID), text(e.Name, string(e.ID))
	out := []port.Record{{Kind: port.Production, ExternalID: id, Data: port.ProductionData{Name: name}}}
	var l struct {
		Dates []struct {
			ID   port.Loose `json:"id"`
			Date port.Loose `json:"date"`
		} `json:"dates"`
	}
	if _, err := s.get(ctx, "/dates", url.Values{"id_event": {id}, "display_passed": {"1"}}, &l); err != nil {
		return nil, err
	}
	dates, err := port.Listed(l.Dates)
	if err != nil {
		return nil, err
	}
	if len(dates) == 0 {
		out = append(out, s.performance(id, id, name, e.Date.Start, e.Date.End))
	}
	for _, d := range dates {
		out = append(out, s.performance(performance(id, string(d.ID)), id, name, d.Date, ""))
	}
	prices, err := s.prices(ctx, id)
	if err != nil {
		return nil, err
	}
	for key, c := range prices {
		out = append(out, port.Record{Kind: port.PriceType, ExternalID: key, Data: port.PriceTypeData{Name: text(c.Name, key), Class: s.set.PriceClasses[key]}})
	}
	return out, nil
}

func (s *session) performance(id, event string, name port.Text, start, end port.Loose) port.Record {
	d := port.PerformanceData{Production: event, Name: name, StartsAt: s.time(start), EndsAt: s.time(end), TimeZone: s.c.TimeZone.String(), Status: "scheduled"}
	if d.StartsAt == nil || (d.EndsAt != nil && d.EndsAt.Before(*d.StartsAt)) {
		d.EndsAt = nil
	}
	return port.Record{Kind: port.Performance, ExternalID: id, Data: d}
}

func text(name, instead string) port.Text {
	return port.Text{"fr": port.Clip(cmp.Or(port.Clip(name, 400), instead), 400)}
}
