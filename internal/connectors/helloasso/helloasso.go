// Package helloasso reads an association's HelloAsso through its interface,
// version 5 (dev.helloasso.com, OpenAPI description of February 2026).
//
// Orders can be listed by when they were placed only: what changes later is
// found through payments, which have a time of change, and by reading the last
// months again every night. A call of HelloAsso holds the whole order, of which
// nothing is believed but its number.
package helloasso

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// The streams.
const (
	orders    = "orders"
	changes   = "changes"
	catalogue = "catalogue"
	lookBack  = "look_back"
)

// Connector is HelloAsso.
type Connector struct{}

var _ port.Connector = Connector{}

// Describe implements port.Connector. HelloAsso takes no commands, has no scans
// and lets only its partners register addresses.
func (Connector) Describe() port.Description {
	return port.Description{
		Name: "helloasso", Title: "HelloAsso", BaseURL: "https://api.helloasso.com", SettingsSchema: "HelloAssoSettings",
		Secrets: []port.Secret{
			{Name: "client_secret", Required: true, Description: "Secret of the API client of the association."},
			{Name: "signature_key", Description: "Key with which calls are signed; HelloAsso gives one to its partners."},
		},
		Streams: []port.Stream{
			{Name: orders, Every: 5 * time.Minute},
			{Name: changes, Every: 15 * time.Minute},
			{Name: catalogue, Every: time.Hour},
			{Name: lookBack, Every: 24 * time.Hour},
		},
		Fetches:      []string{port.Order, port.Production, port.Performance},
		Capabilities: []string{"push", "reconcile"},
	}
}

type settings struct {
	Organization string            `json:"organization"`
	ClientID     string            `json:"client_id"`
	FormTypes    []string          `json:"form_types"`
	EmailField   string            `json:"holder_email_field"`
	LookBack     int               `json:"look_back_days"`
	PerMinute    int               `json:"requests_per_minute"`
	PriceClasses map[string]string `json:"price_classes"`
}

// session talks to one association's account.
type session struct {
	c      port.Connection
	set    settings
	client *port.Client
	token  token
	// read are orders that were read lately, with their time of change then.
	read map[int64]time.Time
	// began is when everything began to be read, by the vendor's clock; zero: not in
	// this session.
	began time.Time
}

// Open implements port.Connector.
func (Connector) Open(c port.Connection) (port.Session, error) {
	set := settings{PerMinute: 60, LookBack: 90, FormTypes: []string{"Event", "Membership", "Shop"}}
	if err := json.Unmarshal(c.Settings, &set); err != nil {
		return nil, err
	}
	s := &session{c: c, set: set, read: map[int64]time.Time{}}
	s.client = &port.Client{HTTP: c.HTTP, Base: c.BaseURL, Pace: c.Pace.Limit(set.PerMinute), Now: c.Now}
	return s, nil
}

// reads reports whether forms of a type are read.
func (s *session) reads(formType string) bool {
	return slices.ContainsFunc(s.set.FormTypes, func(t string) bool { return strings.EqualFold(t, formType) })
}

// sandbox is where nothing is real.
func (s *session) sandbox() bool { return strings.Contains(s.c.BaseURL.Host, "helloasso-sandbox") }

// Changes implements port.Session.
func (s *session) Changes(ctx context.Context, stream string, since port.Since, yield func(port.Page) error) (port.Mark, error) {
	switch stream {
	case orders:
		return s.readOrders(ctx, since, yield)
	case changes:
		return s.readChanges(ctx, since, yield)
	case catalogue:
		return s.readCatalogue(ctx, since, yield)
	case lookBack:
		return s.lookBack(ctx, since, yield)
	}
	return port.Mark{}, port.ErrUnsupported
}

// Fetch implements port.Session.
func (s *session) Fetch(ctx context.Context, kind, externalID string) ([]port.Record, error) {
	switch kind {
	case port.Order:
		return s.fetchOrder(ctx, externalID)
	case port.Production, port.Performance:
		formType, slug, ok := strings.Cut(externalID, "/")
		if !ok || !s.reads(formType) {
			return nil, port.ErrUnsupported
		}
		return s.fetchForm(ctx, formType, slug)
	}
	return nil, port.ErrUnsupported
}
