package eventbrite

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// notice is a call: what happened, and the address of what it happened to.
type notice struct {
	Config struct {
		Action string `json:"action"`
	} `json:"config"`
	APIURL string `json:"api_url"`
}

// VerifyHook implements port.Session. Eventbrite signs nothing and names no
// deliveries: what protects is the address.
func (s *session) VerifyHook(port.Hook) (string, error) { return "", nil }

// ReadHook implements port.Session. Of the address in a call only a number is
// taken, and only where it is an address of Eventbrite's.
func (s *session) ReadHook(h port.Hook) port.Reading {
	var n notice
	if json.Unmarshal(h.Body, &n) != nil || n.Config.Action == "" {
		return port.Reading{Note: "no notification of Eventbrite", Ignored: true}
	}
	r := port.Reading{Note: port.Clip(n.Config.Action, 60)}
	kind, _, _ := strings.Cut(n.Config.Action, ".")
	switch kind {
	case "order":
		r.Streams = []string{orders}
		if id := s.named(n.APIURL); id != "" {
			r.Changed = []port.Ref{{Kind: port.Order, ExternalID: id}}
		}
	case "attendee", "barcode":
		r.Streams = []string{attendees}
	case "event", "venue", "ticket_class", "organizer":
		r.Streams = []string{catalogue}
	case "test":
		r.Ignored = true
	default:
		r.Streams = []string{orders}
	}
	return r
}

// named is the number of the order that an address is of; empty: it is of none.
func (s *session) named(address string) string {
	u, err := url.Parse(address)
	if err != nil || (u.Host != "www.eventbriteapi.com" && u.Host != s.c.BaseURL.Host) {
		return ""
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(parts) != 3 || parts[0] != "v3" || parts[1] != "orders" || !number(parts[2]) {
		return ""
	}
	return parts[2]
}

var _ port.HookRegistrar = (*session)(nil)

// actions that we want to hear of.
const actions = "order.placed,order.updated,order.refunded,attendee.updated,attendee.checked_in,attendee.checked_out,event.created,event.updated,event.published,event.unpublished"

// RegisterHook implements port.HookRegistrar: what was registered before is
// removed, as Eventbrite changes none.
func (s *session) RegisterHook(ctx context.Context, target, known string) (string, error) {
	if number(known) {
		if _, err := s.client.Do(ctx, http.MethodDelete, "/v3/webhooks/"+known+"/", nil, nil, nil); err != nil && !errors.Is(err, port.ErrGone) {
			return "", err
		}
	}
	a, err := s.client.Do(ctx, http.MethodPost, s.path("webhooks"), nil, map[string]string{"endpoint_url": target, "actions": actions}, nil)
	if err != nil {
		return "", err
	}
	var made struct {
		ID port.Loose `json:"id"`
	}
	if err := a.JSON(&made); err != nil {
		return "", err
	}
	if !number(string(made.ID)) {
		return "", &port.UnexpectedError{Text: "what was registered has no number"}
	}
	return string(made.ID), nil
}
