package helloasso

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// page is a form of HelloAsso: an event, a membership campaign, a shop. One form
// is one date.
type page struct {
	Slug      string `json:"formSlug"`
	Type      string `json:"formType"`
	Title     string `json:"title"`
	State     string `json:"state"`
	StartDate string `json:"startDate"`
	EndDate   string `json:"endDate"`
	Meta      meta   `json:"meta"`
	Place     *struct {
		Name    string `json:"name"`
		Address string `json:"address"`
		City    string `json:"city"`
		ZipCode string `json:"zipCode"`
		Country string `json:"country"`
	} `json:"place"`
	Tiers []tier `json:"tiers"`
}

type tier struct {
	ID    int64  `json:"id"`
	Label string `json:"label"`
}

// form is the name of a form here: the slug alone is unique by type only.
func form(formType, slug string) string { return formType + "/" + slug }

// readCatalogue reads the forms that have changed since the mark.
func (s *session) readCatalogue(ctx context.Context, since port.Since, yield func(port.Page) error) (port.Mark, error) {
	var changed []page
	generated, err := s.walk(ctx, s.path("forms"), url.Values{"formTypes": s.set.FormTypes}, func(results []json.RawMessage) (bool, error) {
		for _, raw := range results {
			p, err := port.Decode[page](raw)
			if err != nil {
				return false, err
			}
			at := s.time(p.Meta.UpdatedAt)
			if s.reads(p.Type) && p.State != "Draft" && (at == nil || !at.Before(since.At)) {
				changed = append(changed, p)
			}
		}
		return true, nil
	})
	if err != nil {
		return port.Mark{}, err
	}
	for _, p := range changed {
		records, err := s.fetchForm(ctx, p.Type, p.Slug)
		if errors.Is(err, port.ErrGone) {
			records, err = s.formRecords(p), nil // no longer shown to the public: what the list says must do
		}
		if err != nil {
			return port.Mark{}, err
		}
		if err := yield(port.Page{Records: records}); err != nil {
			return port.Mark{}, err
		}
	}
	return port.Mark{At: generated}, nil
}

func (s *session) fetchForm(ctx context.Context, formType, slug string) ([]port.Record, error) {
	a, err := s.get(ctx, s.path("forms/"+url.PathEscape(formType)+"/"+url.PathEscape(slug)+"/public"), nil)
	if err != nil {
		return nil, err
	}
	p := page{Type: formType}
	if err := a.Object(&p, func() bool { return p.Slug != "" || p.Title != "" }); err != nil {
		return nil, err
	}
	p.Slug = cmp.Or(p.Slug, slug)
	return s.formRecords(p), nil
}

func (s *session) formRecords(p page) []port.Record {
	id, name := form(p.Type, p.Slug), port.Text{"fr": port.Clip(p.Title, 400)}
	if name["fr"] == "" {
		name["fr"] = p.Slug
	}
	var out []port.Record
	if p.Type == "Event" {
		d := port.PerformanceData{Production: id, Name: name, StartsAt: s.time(p.StartDate), EndsAt: s.time(p.EndDate), TimeZone: s.c.TimeZone.String(), Status: "scheduled"}
		if p.State == "Deleted" || p.State == "Disabled" {
			d.Status = "closed" // not on sale; HelloAsso does not say why
		}
		if d.StartsAt != nil && d.EndsAt != nil && d.EndsAt.Before(*d.StartsAt) {
			d.EndsAt = nil
		}
		if p.Place != nil && strings.TrimSpace(p.Place.Name) != "" {
			d.Venue = port.Clip(strings.TrimSpace(p.Place.Name+", "+p.Place.City), 200)
			out = append(out, port.Record{Kind: port.Venue, ExternalID: d.Venue, Data: port.VenueData{
				Name: port.Text{"fr": port.Clip(p.Place.Name, 400)}, Address: address(p.Place.Address, p.Place.ZipCode, p.Place.City, p.Place.Country),
			}})
		}
		out = append(out, port.Record{Kind: port.Production, ExternalID: id, Data: port.ProductionData{Name: name}}, port.Record{Kind: port.Performance, ExternalID: id, Data: d})
	}
	if p.Type == "Membership" {
		out = append(out, port.Record{Kind: port.Product, ExternalID: id, Data: port.ProductData{Name: name, Kind: "membership"}})
	}
	for _, t := range p.Tiers {
		label := port.Clip(t.Label, 400)
		if label == "" {
			label = name["fr"] // a price that is free to choose has no name
		}
		key := strconv.FormatInt(t.ID, 10)
		out = append(out, port.Record{Kind: port.PriceType, ExternalID: key, Data: port.PriceTypeData{Name: port.Text{"fr": label}, Class: s.set.PriceClasses[key]}})
	}
	return out
}
