// Package weezevent reads a Weezevent account (api.weezevent.com).
//
// Weezevent gives participants: tickets with the number of their transaction, of
// which orders are put together. It tells no amount that was paid, so what a
// ticket is sold for stands in. It calls nobody, and shuts out for half an hour
// whoever signs in wrongly five times.
package weezevent

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// The streams.
const (
	orders    = "orders"
	catalogue = "catalogue"
)

// Connector is Weezevent.
type Connector struct{}

var _ port.Connector = Connector{}

// Describe implements port.Connector.
func (Connector) Describe() port.Description {
	return port.Description{
		Name: "weezevent", Title: "Weezevent", BaseURL: "https://api.weezevent.com", SettingsSchema: "WeezeventSettings",
		Secrets: []port.Secret{
			{Name: "api_key", Required: true, Description: "API key of the account."},
			{Name: "username", Required: true, Description: "User of the account, for signing in."},
			{Name: "password", Required: true, Description: "Password of that user."},
		},
		Streams:      []port.Stream{{Name: orders, Every: 5 * time.Minute}, {Name: catalogue, Every: 6 * time.Hour}},
		Fetches:      []string{port.Order, port.Production, port.Performance},
		Capabilities: []string{"reconcile", "scan"},
	}
}

type settings struct {
	Events       []string          `json:"events"`
	EventKinds   map[string]string `json:"event_kinds"`
	PerMinute    int               `json:"requests_per_minute"`
	PriceClasses map[string]string `json:"price_classes"`
}

type session struct {
	c      port.Connection
	set    settings
	client *port.Client
	only   map[string]bool // nil: all events
	token  string
}

// Open implements port.Connector.
func (Connector) Open(c port.Connection) (port.Session, error) {
	set := settings{PerMinute: 120}
	if err := json.Unmarshal(c.Settings, &set); err != nil {
		return nil, err
	}
	s := &session{c: c, set: set, client: &port.Client{HTTP: c.HTTP, Base: c.BaseURL, Pace: c.Pace.Limit(set.PerMinute), Now: c.Now}}
	for _, e := range set.Events {
		if s.only == nil {
			s.only = map[string]bool{}
		}
		s.only[e] = true
	}
	return s, nil
}

func (s *session) reads(event string) bool { return s.only == nil || s.only[event] }

// get reads an address. A token that is refused is replaced once; who signs in
// wrongly does not try again.
func (s *session) get(ctx context.Context, path string, query url.Values, into any) (port.Answer, error) {
	for fresh := false; ; fresh = true {
		if s.token == "" {
			if err := s.signIn(ctx); err != nil {
				return port.Answer{}, err
			}
			fresh = true
		}
		query.Set("api_key", s.c.Secrets["api_key"])
		query.Set("access_token", s.token)
		a, err := s.client.Get(ctx, path, query)
		if errors.Is(err, port.ErrRefused) && !fresh {
			s.token = ""
			continue
		}
		if err != nil {
			return a, err
		}
		return a, a.JSON(into)
	}
}

func (s *session) signIn(ctx context.Context) error {
	form := url.Values{}
	for _, name := range []string{"username", "password", "api_key"} {
		form.Set(name, s.c.Secrets[name])
	}
	a, err := s.client.Do(ctx, http.MethodPost, "/auth/access_token", nil, form, nil)
	if rejected := (*port.RejectedError)(nil); errors.As(err, &rejected) {
		return port.ErrRefused
	}
	if err != nil {
		return err
	}
	var got struct {
		Token string `json:"accessToken"`
	}
	if err := a.JSON(&got); err != nil {
		return err
	}
	if got.Token == "" {
		return port.ErrRefused // an error with the status of success
	}
	s.token = got.Token
	return nil
}

// Changes implements port.Session.
func (s *session) Changes(ctx context.Context, stream string, since port.Since, yield func(port.Page) error) (port.Mark, error) {
	switch {
	case stream == orders && since.At.IsZero():
		return s.readEverything(ctx, since.Resume, yield)
	case stream == orders:
		return s.readChanged(ctx, since.At, yield)
	case stream == catalogue:
		return s.readCatalogue(ctx, yield)
	}
	return port.Mark{}, port.ErrUnsupported
}

// Fetch implements port.Session.
func (s *session) Fetch(ctx context.Context, kind, externalID string) ([]port.Record, error) {
	event, rest, _ := strings.Cut(externalID, "/")
	if !s.reads(event) {
		return nil, port.ErrUnsupported
	}
	switch kind {
	case port.Order:
		return s.fetchOrder(ctx, event, rest)
	case port.Production, port.Performance:
		return s.fetchEvent(ctx, event)
	}
	return nil, port.ErrUnsupported
}

// VerifyHook implements port.Session: Weezevent calls nobody.
func (s *session) VerifyHook(port.Hook) (string, error) { return "", port.ErrForged }

// ReadHook implements port.Session.
func (s *session) ReadHook(port.Hook) port.Reading {
	return port.Reading{Note: "Weezevent calls nobody", Ignored: true}
}

// time reads a time, which is that of the clocks in the zone of the source.
func (s *session) time(l port.Loose) *time.Time { return port.Local(string(l), s.c.TimeZone) }
