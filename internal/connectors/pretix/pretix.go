// Package pretix reads a pretix organizer, hosted or self-hosted, through its
// REST interface (docs.pretix.eu, version 1).
//
// Orders are read across events by the time of their last change, with their
// cancelled positions and fees, which are left out unless asked for. The ticket
// is the position: it keeps its id when an order is split. Webhooks carry names
// only and no signature, do not tell of everything and are not sent again
// forever, so they only say when to read.
package pretix

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// The streams.
const (
	orders    = "orders"
	catalogue = "catalogue"
	customers = "customers"
	checkins  = "checkins"
	members   = "memberships"
	giftCards = "gift_cards"
	vouchers  = "vouchers"
)

// Connector is pretix.
type Connector struct{}

var _ port.Connector = Connector{}

// Describe implements port.Connector.
func (Connector) Describe() port.Description {
	return port.Description{
		Name: "pretix", Title: "pretix", SettingsSchema: "PretixSettings",
		Secrets: []port.Secret{
			{Name: "token", Required: true, Description: "API token of a team that may see events, orders and customers of the organizer."},
			{Name: "hook_password", Description: "Password of Basic authentication at the hook address."},
		},
		Streams: []port.Stream{
			{Name: orders, Every: 5 * time.Minute},
			{Name: catalogue, Every: 15 * time.Minute},
			{Name: checkins, Every: 5 * time.Minute},
			{Name: customers, Every: 24 * time.Hour},
			{Name: members, Every: 24 * time.Hour},
			{Name: giftCards, Every: 24 * time.Hour},
			{Name: vouchers, Every: 24 * time.Hour},
		},
		Fetches:       []string{port.Order, port.Production, port.Performance, port.PriceType, port.Customer, port.GiftCard, port.Voucher},
		Commands:      []string{"customer.upsert", "customer.anonymize", "voucher.create", "membership.grant", "giftcard.transact"},
		CommandKeyFor: 24 * time.Hour,
		Capabilities:  []string{"push", "reconcile", "register_hooks", "scan"},
	}
}

type settings struct {
	Organizer string   `json:"organizer"`
	Events    []string `json:"events"`
	Without   []string `json:"without"`
	PerMinute int      `json:"requests_per_minute"`
	HookUser  string   `json:"hook_user"`
	Consents  []struct {
		Question string `json:"question"`
		Purpose  string `json:"purpose"`
		Channel  string `json:"channel"`
		Wording  string `json:"wording"`
	} `json:"consents"`
	PriceClasses map[string]string `json:"price_classes"`
	Channels     map[string]string `json:"channels"`
}

// session talks to one organizer.
type session struct {
	c      port.Connection
	set    settings
	client *port.Client
	// only are the events that are read; nil: all.
	only map[string]bool
	// What is remembered as long as the session lives: events, their products and
	// tax rules, and the types of sales channels (nil: not asked for yet).
	events   map[string]event
	items    map[string]map[int64]item
	rates    map[string]map[int64]*int32
	channels map[string]string
	// blind: the token may not see codes.
	blind bool
}

// Open implements port.Connector.
func (Connector) Open(c port.Connection) (port.Session, error) {
	set := settings{PerMinute: 300}
	if err := json.Unmarshal(c.Settings, &set); err != nil {
		return nil, err
	}
	s := &session{c: c, set: set, events: map[string]event{}, items: map[string]map[int64]item{}, rates: map[string]map[int64]*int32{}}
	if len(set.Events) > 0 {
		s.only = map[string]bool{}
		for _, e := range set.Events {
			s.only[e] = true
		}
	}
	token := c.Secrets["token"]
	s.client = &port.Client{
		HTTP: c.HTTP, Base: c.BaseURL, Pace: c.Pace.Limit(set.PerMinute), Now: c.Now,
		Authorize: func(r *http.Request) { r.Header.Set("Authorization", "Token "+token) },
	}
	return s, nil
}

func (s *session) reads(event string) bool { return s.only == nil || s.only[event] }

// path is an address below the organizer.
func (s *session) path(parts ...string) string {
	var out strings.Builder
	out.WriteString("/api/v1/organizers/" + url.PathEscape(s.set.Organizer) + "/")
	for _, p := range parts {
		out.WriteString(url.PathEscape(p) + "/")
	}
	return out.String()
}

// list is a page of anything.
type list struct {
	Next    *string           `json:"next"`
	Results []json.RawMessage `json:"results"`
}

// walk follows a list by its own links to the end. generated is the vendor's
// time at the start of the first page, by its own clock.
func (s *session) walk(ctx context.Context, address string, query url.Values, page func(results []json.RawMessage) error) (generated time.Time, err error) {
	walk := s.client.Walk()
	for first := true; ; first = false {
		answer, err := walk.Get(ctx, address, query)
		if err != nil {
			return generated, err
		}
		if first {
			generated = s.generated(answer.Header)
		}
		var l list
		if err := answer.JSON(&l); err != nil {
			return generated, err
		}
		results, err := walk.Rows(l.Results)
		if err != nil {
			return generated, err
		}
		if err := page(results); err != nil {
			return generated, err
		}
		if l.Next == nil || *l.Next == "" {
			return generated, nil
		}
		address, query = *l.Next, nil
	}
}

// generated reads when the vendor began to make the page. Lists without that
// header are dated by the answer, which is later: a minute is taken off.
func (s *session) generated(h http.Header) time.Time {
	if t, err := time.Parse(time.RFC3339Nano, h.Get("X-Page-Generated")); err == nil {
		return t.UTC()
	}
	if t, err := http.ParseTime(h.Get("Date")); err == nil {
		return t.UTC().Add(-time.Minute)
	}
	return s.c.Now().Add(-time.Minute)
}

// Changes implements port.Session.
func (s *session) Changes(ctx context.Context, stream string, since port.Since, yield func(port.Page) error) (port.Mark, error) {
	if slices.Contains(s.set.Without, stream) {
		return port.Mark{At: since.At, Token: since.Token}, nil
	}
	switch stream {
	case orders:
		return s.readOrders(ctx, since, yield)
	case catalogue:
		return s.readCatalogue(ctx, since, yield)
	case customers:
		return s.readCustomers(ctx, since, yield)
	case checkins:
		return s.readCheckins(ctx, since, yield)
	case members:
		return s.readMemberships(ctx, since, yield)
	case giftCards:
		return s.readGiftCards(ctx, since, yield)
	case vouchers:
		return s.readVouchers(ctx, since, yield)
	}
	return port.Mark{}, port.ErrUnsupported
}

// Fetch implements port.Session.
func (s *session) Fetch(ctx context.Context, kind, externalID string) ([]port.Record, error) {
	parts := strings.Split(externalID, "/")
	if kind != port.Customer && kind != port.GiftCard && !s.reads(parts[0]) {
		return nil, port.ErrUnsupported
	}
	switch {
	case kind == port.Order && len(parts) == 2:
		return s.fetchOrder(ctx, parts[0], parts[1])
	case kind == port.Customer && len(parts) == 1:
		return s.fetchCustomer(ctx, externalID)
	case kind == port.Voucher && len(parts) == 2:
		return s.fetchVoucher(ctx, parts[0], parts[1])
	case kind == port.GiftCard:
		return s.fetchGiftCard(ctx, externalID)
	case kind == port.Production && len(parts) == 1, kind == port.Performance && len(parts) == 1:
		return s.fetchEvent(ctx, externalID)
	case kind == port.Performance && len(parts) == 2:
		return s.fetchSubevent(ctx, parts[0], parts[1])
	case kind == port.PriceType && len(parts) >= 2:
		return s.fetchItem(ctx, parts[0], parts[1])
	}
	return nil, port.ErrUnsupported
}
