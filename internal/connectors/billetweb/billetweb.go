// Package billetweb reads a Billetweb account (www.billetweb.fr/bo/api.php,
// version 1).
//
// Billetweb gives tickets and no orders: those are put together from the tickets
// of an event. Lists have no pages; what changed is asked for by time over all
// events, and then each event that has changes is read whole. It calls nobody.
package billetweb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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

// Connector is Billetweb.
type Connector struct{}

var _ port.Connector = Connector{}

// Describe implements port.Connector. Billetweb takes none of our commands, and
// no calls of it are documented.
func (Connector) Describe() port.Description {
	return port.Description{
		Name: "billetweb", Title: "Billetweb", BaseURL: "https://www.billetweb.fr", SettingsSchema: "BilletwebSettings",
		Secrets:      []port.Secret{{Name: "key", Required: true, Description: "API key of the user."}},
		Streams:      []port.Stream{{Name: orders, Every: 5 * time.Minute}, {Name: catalogue, Every: 6 * time.Hour}},
		Fetches:      []string{port.Order, port.Production, port.Performance, port.PriceType},
		Capabilities: []string{"reconcile", "scan"},
	}
}

type settings struct {
	User         string            `json:"user"`
	Events       []string          `json:"events"`
	EventKinds   map[string]string `json:"event_kinds"`
	PerMinute    int               `json:"requests_per_minute"`
	PriceClasses map[string]string `json:"price_classes"`
	Channels     map[string]string `json:"channels"`
}

type session struct {
	c      port.Connection
	set    settings
	client *port.Client
	only   map[string]bool // nil: all events
}

// Open implements port.Connector.
func (Connector) Open(c port.Connection) (port.Session, error) {
	set := settings{PerMinute: 60}
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

// challenged is how long a firewall that takes us for a robot is left alone.
const challenged = 2 * time.Minute

// list reads a list. What is wrong comes with any status: as an object that names
// an error, or as a page of the firewall that asks for a browser.
func list[T any](ctx context.Context, s *session, path string, query url.Values) ([]T, port.Answer, error) {
	if query == nil {
		query = url.Values{}
	}
	query.Set("user", s.set.User)
	query.Set("key", s.c.Secrets["key"])
	query.Set("version", "1")
	a, err := s.client.Get(ctx, "/api"+path, query)
	if bytes.Contains(a.Body, []byte("cdn-cgi/challenge-platform")) {
		return nil, a, &port.ThrottledError{Wait: challenged}
	}
	var wrong struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(a.Body, &wrong) == nil && wrong.Error != "" && !errors.As(err, new(*port.ThrottledError)) && !errors.As(err, new(*port.UnreachableError)) {
		switch wrong.Error {
		case "rate_limiting":
			return nil, a, &port.ThrottledError{Wait: time.Minute}
		case "unauthorized":
			return nil, a, port.ErrRefused
		case "not_found":
			return nil, a, port.ErrGone
		}
		if err == nil {
			err = &port.UnexpectedError{Text: "an answer is an error"}
		}
	}
	if err != nil {
		return nil, a, err
	}
	var rows []T
	if err := a.JSON(&rows); err != nil {
		return nil, a, err
	}
	rows, err = port.Listed(rows)
	return rows, a, err
}

// Changes implements port.Session.
func (s *session) Changes(ctx context.Context, stream string, since port.Since, yield func(port.Page) error) (port.Mark, error) {
	switch {
	case stream == orders && since.At.IsZero():
		return s.readEverything(ctx, since.Resume, yield)
	case stream == orders:
		return s.readChanged(ctx, since.At, yield)
	case stream == catalogue:
		return s.readCatalogue(ctx, since, yield)
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
	case port.Production, port.Performance, port.PriceType:
		return s.fetchEvent(ctx, event)
	}
	return nil, port.ErrUnsupported
}

// VerifyHook implements port.Session: Billetweb calls nobody.
func (s *session) VerifyHook(port.Hook) (string, error) { return "", port.ErrForged }

// ReadHook implements port.Session.
func (s *session) ReadHook(port.Hook) port.Reading {
	return port.Reading{Note: "Billetweb calls nobody", Ignored: true}
}

// time reads a time, which is that of the clocks in the zone of the source.
func (s *session) time(l port.Loose) *time.Time { return port.Local(string(l), s.c.TimeZone) }
