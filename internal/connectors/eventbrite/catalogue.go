package eventbrite

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"

	"golang.org/x/text/language"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

type event struct {
	ID       port.Loose `json:"id"`
	SeriesID port.Loose `json:"series_id"`
	Name     struct {
		Text string `json:"text"`
	} `json:"name"`
	Start    moment     `json:"start"`
	End      moment     `json:"end"`
	Status   string     `json:"status"`
	Capacity *int32     `json:"capacity"`
	Venue    *venue     `json:"venue"`
	Classes  []class    `json:"ticket_classes"`
	Locale   port.Loose `json:"locale"`
}

type moment struct {
	TimeZone string `json:"timezone"`
	UTC      string `json:"utc"`
}

type venue struct {
	ID      port.Loose `json:"id"`
	Name    string     `json:"name"`
	Address struct {
		Street     string `json:"address_1"`
		City       string `json:"city"`
		PostalCode string `json:"postal_code"`
		Country    string `json:"country"`
	} `json:"address"`
}

type class struct {
	ID   port.Loose `json:"id"`
	Name string     `json:"name"`
}

const expansions = "venue,ticket_classes"

func (s *session) readCatalogue(ctx context.Context, yield func(port.Page) error) (port.Mark, error) {
	began, err := s.walk(ctx, s.path("events"), "events", url.Values{"status": {"all"}, "expand": {expansions}}, place{}, func(rows []json.RawMessage, _ place) (bool, error) {
		var p port.Page
		for _, raw := range rows {
			e, err := port.Decode[event](raw)
			if err != nil {
				return false, err
			}
			if s.reads(string(e.ID)) && e.Status != "draft" {
				p.Records = append(p.Records, s.eventRecords(e)...)
			}
		}
		return true, yield(p)
	})
	return port.Mark{At: began}, err
}

func (s *session) fetchEvent(ctx context.Context, id string) ([]port.Record, error) {
	if !s.reads(id) {
		return nil, port.ErrUnsupported
	}
	a, err := s.client.Get(ctx, "/v3/events/"+id+"/", url.Values{"expand": {expansions}})
	if err != nil {
		return nil, err
	}
	var e event
	if err := a.Object(&e, func() bool { return e.ID != "" }); err != nil {
		return nil, err
	}
	return s.eventRecords(e), nil
}

// eventRecords: an event is a date; those of a series are dates of one production.
func (s *session) eventRecords(e event) []port.Record {
	id, name := string(e.ID), text(e.Name.Text, string(e.ID))
	production := cmp.Or(string(e.SeriesID), id)
	d := port.PerformanceData{Production: production, Name: name, StartsAt: s.time(e.Start.UTC), EndsAt: s.time(e.End.UTC), TimeZone: cmp.Or(e.Start.TimeZone, s.c.TimeZone.String()), Capacity: e.Capacity, Status: "scheduled"}
	if e.Status == "canceled" {
		d.Status = "cancelled"
	}
	if d.StartsAt == nil || (d.EndsAt != nil && d.EndsAt.Before(*d.StartsAt)) {
		d.EndsAt = nil
	}
	var out []port.Record
	if v := e.Venue; v != nil && v.ID != "" {
		d.Venue = string(v.ID)
		out = append(out, port.Record{Kind: port.Venue, ExternalID: d.Venue, Data: port.VenueData{Name: text(v.Name, d.Venue), Address: address(*v)}})
	}
	out = append(out, port.Record{Kind: port.Production, ExternalID: production, Data: port.ProductionData{Name: name}}, port.Record{Kind: port.Performance, ExternalID: id, Data: d})
	for _, c := range e.Classes {
		key := string(c.ID)
		out = append(out, port.Record{Kind: port.PriceType, ExternalID: key, Data: port.PriceTypeData{Name: text(c.Name, key), Class: s.set.PriceClasses[key]}})
	}
	return out
}

func address(v venue) *port.Address {
	a := port.Address{Street: port.Clip(v.Address.Street, 200), City: port.Clip(v.Address.City, 120), PostalCode: port.Clip(v.Address.PostalCode, 20)}
	if a == (port.Address{}) {
		return nil
	}
	if region, err := language.ParseRegion(v.Address.Country); err == nil && len(region.String()) == 2 {
		a.Country = region.String()
	}
	return &a
}

func text(name, instead string) port.Text {
	return port.Text{"und": port.Clip(cmp.Or(port.Clip(name, 400), instead), 400)}
}
