package billetweb

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

type event struct {
	ID       port.Loose `json:"id"`
	Name     string     `json:"name"`
	Start    port.Loose `json:"start"`
	End      port.Loose `json:"end"`
	Multiple port.Loose `json:"multiple"`
	Place    string     `json:"place"`
}

type date struct {
	ID    port.Loose `json:"id"`
	Name  string     `json:"name"`
	Start port.Loose `json:"start"`
	End   port.Loose `json:"end"`
	Place string     `json:"place"`
}

type ticket struct {
	ID   port.Loose `json:"id"`
	Name string     `json:"name"`
}

// events are all that are read, past ones too, by their identifiers.
func (s *session) events(ctx context.Context) ([]event, port.Answer, error) {
	events, a, err := list[event](ctx, s, "/events", url.Values{"past": {"1"}})
	events = slices.DeleteFunc(events, func(e event) bool { return !s.reads(string(e.ID)) })
	slices.SortFunc(events, func(a, b event) int {
		return cmp.Or(cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
	})
	return events, a, err
}

// settled is how long after its end an event is still described anew.
const settled = 30 * 24 * time.Hour

// readCatalogue describes events: all of them the first time, later those that
// are not long over. There is no list of what changed.
func (s *session) readCatalogue(ctx context.Context, since port.Since, yield func(port.Page) error) (port.Mark, error) {
	events, a, err := s.events(ctx)
	if err != nil {
		return port.Mark{}, err
	}
	for _, e := range events {
		end := port.Latest(s.time(e.Start), s.time(e.End))
		if !since.At.IsZero() && end != nil && s.c.Now().Sub(*end) > settled {
			continue
		}
		records, err := s.describe(ctx, e)
		if err != nil {
			return port.Mark{}, err
		}
		if err := yield(port.Page{Records: records}); err != nil {
			return port.Mark{}, err
		}
	}
	return port.Mark{At: a.Answered(s.c.Now())}, nil
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
	out := s.venue(e.Place)
	out = append(out, port.Record{Kind: port.Production, ExternalID: id, Data: port.ProductionData{Name: name}})
	if !e.Multiple.Yes() {
		out = append(out, port.Record{Kind: port.Performance, ExternalID: id, Data: s.performance(id, name, e.Start, e.End, e.Place)})
	} else {
		dates, _, err := list[date](ctx, s, "/event/"+url.PathEscape(id)+"/dates", url.Values{"past": {"1"}})
		if err != nil {
			return nil, err
		}
		for _, d := range dates {
			place := cmp.Or(d.Place, e.Place)
			out = append(out, s.venue(place)...)
			out = append(out, port.Record{Kind: port.Performance, ExternalID: performance(id, string(d.ID)), Data: s.performance(id, text(d.Name, e.Name), d.Start, d.End, place)})
		}
	}
	tickets, _, err := list[ticket](ctx, s, "/event/"+url.PathEscape(id)+"/tickets", nil)
	if err != nil {
		return nil, err
	}
	for _, t := range tickets {
		key := id + "/" + string(t.ID)
		out = append(out, port.Record{Kind: port.PriceType, ExternalID: key, Data: port.PriceTypeData{Name: text(t.Name, key), Class: s.set.PriceClasses[key]}})
	}
	return out, nil
}

// performance has no times where Billetweb writes zeros, as old events have.
func (s *session) performance(event string, name port.Text, start, end port.Loose, place string) port.PerformanceData {
	d := port.PerformanceData{Production: event, Name: name, StartsAt: s.time(start), EndsAt: s.time(end), TimeZone: s.c.TimeZone.String(), Venue: port.Clip(place, 200), Status: "scheduled"}
	if d.StartsAt == nil || (d.EndsAt != nil && d.EndsAt.Before(*d.StartsAt)) {
		d.EndsAt = nil
	}
	return d
}

// venue is a text on one line, which is all that there is of a place.
func (s *session) venue(place string) []port.Record {
	id := port.Clip(place, 200)
	if id == "" {
		return nil
	}
	return []port.Record{{Kind: port.Venue, ExternalID: id, Data: port.VenueData{Name: port.Text{"fr": id}}}}
}

func text(name, instead string) port.Text {
	return port.Text{"fr": port.Clip(cmp.Or(port.Clip(name, 400), instead), 400)}
}
