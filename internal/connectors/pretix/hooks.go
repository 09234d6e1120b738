package pretix

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// notice is the body of a webhook. Which members it has depends on the action.
type notice struct {
	ID       json.Number `json:"notification_id"`
	Action   string      `json:"action"`
	Event    string      `json:"event"`
	Code     string      `json:"code"`
	Customer string      `json:"customer"`
	Subevent *int64      `json:"subevent_id"`
	GiftCard json.Number `json:"giftcard"`
	Voucher  *int64      `json:"voucher"`
}

// VerifyHook implements port.Session. pretix signs nothing: what protects is
// the address, and Basic authentication where the settings want it.
func (s *session) VerifyHook(h port.Hook) (string, error) {
	if password := s.c.Secrets["hook_password"]; password != "" {
		user := subtle.ConstantTimeCompare([]byte(h.User), []byte(s.set.HookUser))
		if user&subtle.ConstantTimeCompare([]byte(h.Password), []byte(password)) != 1 {
			return "", port.ErrForged
		}
	}
	var n notice
	if json.Unmarshal(h.Body, &n) != nil {
		return "", nil //nolint:nilerr // what cannot be read has no number, and ReadHook says what it is
	}
	return n.ID.String(), nil
}

// ReadHook implements port.Session. Actions that nobody knows yet make us read
// orders.
func (s *session) ReadHook(h port.Hook) port.Reading {
	var n notice
	if json.Unmarshal(h.Body, &n) != nil || n.Action == "" {
		return port.Reading{Note: "no notification of pretix", Ignored: true}
	}
	if n.Event != "" && !s.reads(n.Event) {
		return port.Reading{Note: "of an event that is not read", Ignored: true}
	}
	r := port.Reading{Note: n.Action}
	kind, _, _ := strings.Cut(strings.TrimPrefix(n.Action, "pretix."), ".")
	switch {
	case strings.HasPrefix(n.Action, "pretix.event.order.") && n.Event != "" && n.Code != "":
		ref := port.Ref{Kind: port.Order, ExternalID: n.Event + "/" + n.Code}
		if n.Action == "pretix.event.order.deleted" {
			r.Deleted = []port.Ref{ref}
			return r
		}
		r.Streams, r.Changed = []string{orders}, []port.Ref{ref}
	case strings.HasPrefix(n.Action, "pretix.customer.") && n.Customer != "":
		r.Changed = []port.Ref{{Kind: port.Customer, ExternalID: n.Customer}}
	case strings.HasPrefix(n.Action, "pretix.event.checkin"):
		r.Streams = []string{checkins}
	case kind == "giftcards" && n.GiftCard != "":
		r.Changed = []port.Ref{{Kind: port.GiftCard, ExternalID: n.GiftCard.String()}}
	case kind == "voucher" && n.Voucher != nil && n.Event != "":
		ref := port.Ref{Kind: port.Voucher, ExternalID: voucherName(n.Event, *n.Voucher)}
		if n.Action == "pretix.voucher.deleted" {
			r.Deleted = []port.Ref{ref}
			return r
		}
		r.Changed = []port.Ref{ref}
	case n.Action == "pretix.subevent.deleted" && n.Subevent != nil:
		r.Deleted = []port.Ref{{Kind: port.Performance, ExternalID: fmt.Sprintf("%s/%d", n.Event, *n.Subevent)}}
	case kind == "subevent", kind == "event":
		r.Streams = []string{catalogue}
	default:
		r.Streams = []string{orders}
	}
	return r
}
