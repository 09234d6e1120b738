package pretix

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

var _ port.HookRegistrar = (*session)(nil)

// actions that we want to hear of. Which of them a pretix knows depends on its
// version: those that it names in a refusal are left out.
func actions() []string {
	return []string{
		"pretix.event.order.placed", "pretix.event.order.placed.require_approval", "pretix.event.order.paid", "pretix.event.order.canceled", "pretix.event.order.reactivated",
		"pretix.event.order.expired", "pretix.event.order.expirychanged", "pretix.event.order.modified", "pretix.event.order.contact.changed", "pretix.event.order.changed.*",
		"pretix.event.order.approved", "pretix.event.order.denied", "pretix.event.order.deleted", "pretix.event.order.payment.confirmed",
		"pretix.event.order.refund.created", "pretix.event.order.refund.created.externally", "pretix.event.order.refund.requested", "pretix.event.order.refund.done",
		"pretix.event.order.refund.canceled", "pretix.event.order.refund.failed", "pretix.event.checkin", "pretix.event.checkin.reverted",
		"pretix.event.added", "pretix.event.changed", "pretix.event.deleted", "pretix.subevent.added", "pretix.subevent.changed", "pretix.subevent.deleted", "pretix.event.item.*",
		"pretix.customer.created", "pretix.customer.changed", "pretix.customer.anonymized", "pretix.giftcards.created", "pretix.giftcards.modified", "pretix.giftcards.transaction.*",
		"pretix.voucher.added", "pretix.voucher.changed", "pretix.voucher.deleted",
	}
}

// unknownAction finds the action that a refusal names.
var unknownAction = regexp.MustCompile(`(pretix\.[a-z_.*]+)`)

// RegisterHook implements port.HookRegistrar.
func (s *session) RegisterHook(ctx context.Context, target, known string) (string, error) {
	if password := s.c.Secrets["hook_password"]; password != "" {
		u, err := url.Parse(target)
		if err != nil {
			return "", &port.UnexpectedError{Text: "the hook address cannot be read"}
		}
		u.User = url.UserPassword(s.set.HookUser, password)
		target = u.String()
	}
	wanted := actions()
	for {
		id, unknown, err := s.putHook(ctx, target, known, wanted)
		switch {
		case errors.Is(err, port.ErrGone) && known != "":
			known = "" // somebody removed it
		case unknown != "" && slices.Contains(wanted, unknown):
			wanted = slices.DeleteFunc(wanted, func(a string) bool { return a == unknown })
		default:
			return id, err
		}
	}
}

func (s *session) putHook(ctx context.Context, target, known string, wanted []string) (id, unknown string, err error) {
	body := map[string]any{"enabled": true, "target_url": target, "all_events": s.only == nil, "limit_events": append([]string{}, s.set.Events...), "action_types": wanted, "comment": "Parvis"}
	method, address := http.MethodPost, s.path("webhooks")
	if known != "" {
		method, address = http.MethodPatch, s.path("webhooks", known)
	}
	a, err := s.client.Do(ctx, method, address, nil, body, nil)
	var rejected *port.RejectedError
	if errors.As(err, &rejected) && bytes.Contains(a.Body, []byte("action type")) {
		return "", string(unknownAction.Find(a.Body)), err
	}
	if err != nil {
		return "", "", err
	}
	var made struct {
		ID int64 `json:"id"`
	}
	if err := a.JSON(&made); err != nil {
		return "", "", err
	}
	return strconv.FormatInt(made.ID, 10), "", nil
}
