// Package eventbrite reads an Eventbrite organization through its interface,
// version 3 (www.eventbrite.com/platform/api).
//
// Orders and attendees can be listed by when they changed. Calls are not signed
// and name an address, of which only the numbers are taken: it is never called.
package eventbrite

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// The streams.
const (
	orders    = "orders"
	attendees = "attendees"
	catalogue = "catalogue"
)

// Connector is Eventbrite.
type Connector struct{}

var _ port.Connector = Connector{}

// Describe implements port.Connector. Eventbrite takes none of our commands.
func (Connector) Describe() port.Description {
	return port.Description{
		Name: "eventbrite", Title: "Eventbrite", BaseURL: "https://www.eventbriteapi.com", SettingsSchema: "EventbriteSettings",
		Secrets:      []port.Secret{{Name: "token", Required: true, Description: "Private token of a member of the organization who may see its orders."}},
		Streams:      []port.Stream{{Name: orders, Every: 5 * time.Minute}, {Name: attendees, Every: 15 * time.Minute}, {Name: catalogue, Every: time.Hour}},
		Fetches:      []string{port.Order, port.Production, port.Performance},
		Capabilities: []string{"push", "reconcile", "register_hooks", "scan"},
	}
}

type settings struct {
	Organization string            `json:"organization"`
	Events       []string          `json:"events"`
	PerMinute    int               `json:"requests_per_minute"`
	PriceClasses map[string]string `json:"price_classes"`
}

type session struct {
	c      port.Connection
	set    settings
	client *port.Client
	only   map[string]bool // nil: all events
	// read are orders that were read lately, with their time of change then.
	read map[string]time.Time
	// began is when everything began to be read, by the vendor's clock; zero: not in
	// this session.
	began time.Time
}

// Open implements port.Connector.
func (Connector) Open(c port.Connection) (port.Session, error) {
	set := settings{PerMinute: 30}
	if err := json.Unmarshal(c.Settings, &set); err != nil {
		return nil, err
	}
	s := &session{c: c, set: set, read: map[string]time.Time{}}
	token := c.Secrets["token"]
	s.client = &port.Client{HTTP: c.HTTP, Base: c.BaseURL, Pace: c.Pace.Limit(set.PerMinute), Now: c.Now, Authorize: func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }}
	for _, e := range set.Events {
		if s.only == nil {
			s.only = map[string]bool{}
		}
		s.only[e] = true
	}
	return s, nil
}

func (s *session) reads(event string) bool { return s.only == nil || s.only[event] }

// path is an address below the organization.
func (s *session) path(rest string) string {
	return "/v3/organizations/" + url.PathEscape(s.set.Organization) + "/" + rest + "/"
}

// Changes implements port.Session.
func (s *session) Changes(ctx context.Context, stream string, since port.Since, yield func(port.Page) error) (port.Mark, error) {
	switch stream {
	case orders:
		return s.readOrders(ctx, since, yield)
	case attendees:
		return s.readAttendees(ctx, since, yield)
	case catalogue:
		return s.readCatalogue(ctx, yield)
	}
	return port.Mark{}, port.ErrUnsupported
}

// Fetch implements port.Session.
func (s *session) Fetch(ctx context.Context, kind, externalID string) ([]port.Record, error) {
	switch {
	case !number(externalID):
		return nil, port.ErrUnsupported
	case kind == port.Order:
		return s.fetchOrder(ctx, externalID)
	case kind == port.Production, kind == port.Performance:
		return s.fetchEvent(ctx, externalID)
	}
	return nil, port.ErrUnsupported
}

// number reports whether a text is a number, as Eventbrite's names are.
func number(text string) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return text != "" && len(text) <= 40
}
