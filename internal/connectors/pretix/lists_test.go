package pretix_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/port"
	"github.com/parvis-crm/parvis/internal/connectors/pretix/pretixtest"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// lists are all that are followed, with what follows them.
func lists() map[string][]string {
	return map[string][]string{
		"orders":         {"/arcades/orders/", "/items/", "/taxrules/", "/saleschannels/"},
		"catalogue":      {"/arcades/events/", "/items/", "/quotas/", "/subevents/"},
		"customers":      {"/customers/"},
		"checkins":       {"/arcades/events/", "/checkinlists/", "/checkins/"},
		"memberships":    {"/membershiptypes/", "/memberships/"},
		"gift_cards":     {"/giftcards/", "/giftcards/9/transactions/"},
		"vouchers":       {"/arcades/events/", "/vouchers/"},
		"a comparison":   {"/arcades/orders/", "/arcades/transactions/"},
		"a single order": {"/items/"},
	}
}

// full is a shop with something in every list.
func full(t *testing.T) *pretixtest.Server {
	t.Helper()
	v := shop(t)
	v.Put("orders", pretixtest.Order("QK41", day, m{"sales_channel": "kiosk", "positions": []any{pretixtest.Position(1, 1, 301, "24.00", m{"tax_rate": nil})}}))
	v.Put("giftcards", m{"id": 9, "secret": "QZ7GABIANS", "value": "35.00", "currency": "EUR"})
	return v
}

func follow(t *testing.T, v *pretixtest.Server, what string) error {
	t.Helper()
	s := session(t, v, nil)
	take := func(port.Page) error { return nil }
	var err error
	switch what {
	case "a comparison":
		err = s.(port.Reconciler).Reconcile(t.Context(), day.AddDate(0, -1, 0), day.AddDate(0, 1, 0), take)
	case "a single order":
		_, err = s.Fetch(t.Context(), port.Order, "saison/QK41")
	default:
		_, err = s.Changes(t.Context(), what, port.Since{}, take)
	}
	return err
}

// answers makes every request for a list be answered by a body, and counts them.
func answers(v *pretixtest.Server, list string, body func(r *http.Request, page int64) m) *atomic.Int64 {
	var pages atomic.Int64
	v.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, list) {
			return false
		}
		_ = json.NewEncoder(w).Encode(body(r, pages.Add(1)))
		return true
	})
	return &pages
}

// What is no list is not taken for an empty one, whichever list it is.
func TestAnAnswerWithoutItsListIsUnexpected(t *testing.T) {
	t.Parallel()
	for what, all := range lists() {
		for _, list := range all {
			v := full(t)
			require.NoError(t, follow(t, v, what))
			for _, body := range []m{{"detail": "maintenance"}, {"count": 0, "next": nil, "results": nil}} {
				asked := answers(v, list, func(*http.Request, int64) m { return body })
				require.ErrorAs(t, follow(t, v, what), new(*port.UnexpectedError), "%s of %s: %v", list, what, body)
				require.EqualValues(t, 1, asked.Load())
			}
		}
	}
}

// Nor is what names nothing taken for the object that was asked for: of an order,
// which may be of a form that nobody documents, it is refused and kept.
func TestAnAnswerThatNamesNothingIsUnexpected(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]string{"Q7XW": port.Customer, "9": port.GiftCard, "saison": port.Production, "saison/51": port.Performance, "saison/301": port.PriceType, "saison/77": port.Voucher} {
		v := full(t)
		answers(v, "/", func(*http.Request, int64) m { return m{"detail": "maintenance"} })
		_, err := session(t, v, nil).Fetch(t.Context(), kind, name)
		require.ErrorAs(t, err, new(*port.UnexpectedError), name)
	}
	v := full(t)
	answers(v, "/orders/QK41/", func(*http.Request, int64) m { return m{"detail": "maintenance"} })
	_, err := session(t, v, nil).Fetch(t.Context(), port.Order, "saison/QK41")
	require.ErrorAs(t, err, new(*port.UnexpectedError), "it is asked for again when the vendor is itself again")
	v = full(t)
	answers(v, "/events/saison/", func(*http.Request, int64) m { return m{"detail": "maintenance"} })
	require.ErrorAs(t, follow(t, v, "orders"), new(*port.UnexpectedError), "the currency of an order is its event's")
}

// A list that leads to itself, or whose pages are all the same, is not followed
// for ever.
func TestAListThatDoesNotGoOnIsUnexpected(t *testing.T) {
	t.Parallel()
	for what, all := range lists() {
		for _, list := range all {
			for name, next := range map[string]func(r *http.Request, page int64) string{
				"to itself": func(r *http.Request, _ int64) string { return "https://tickets.example.org" + r.URL.String() },
				"to the same page": func(r *http.Request, page int64) string {
					return fmt.Sprint("https://tickets.example.org", r.URL.Path, "?page=", page)
				},
			} {
				v := full(t)
				asked := answers(v, list, func(r *http.Request, page int64) m {
					return m{"count": 2, "next": next(r, page), "results": []m{{"id": 1, "slug": "saison", "code": "QK41", "event": "saison", "identifier": "Q7XW", "last_modified": day.Format(time.RFC3339)}}}
				})
				require.ErrorAs(t, follow(t, v, what), new(*port.UnexpectedError), "%s of %s leads %s", list, what, name)
				require.LessOrEqual(t, asked.Load(), int64(3))
			}
		}
	}
}

// While pretix is being maintained nothing is taken for read: the mark stays where
// it was, and older orders are read when it is back.
func TestAMaintenanceLosesNoOrder(t *testing.T) {
	t.Parallel()
	v := shop(t)
	v.Put("orders", pretixtest.Order("QK41", day, nil))
	asked := answers(v, "/arcades/orders/", func(*http.Request, int64) m { return m{"detail": "maintenance"} })
	app := reader{parvistest.New(t), t}
	app.Post("/v1/ticketing/sources", m{"code": "guichet", "name": "Billetterie", "kind": "pretix"}).Is(201)
	app.Put(base+"/connection", m{"connector": "pretix", "base_url": v.URL, "settings": m{"organizer": v.Organizer}, "secrets": m{"token": v.Token}}).Is(200)
	parvistest.Eventually(t, "a turn that ended badly", func() bool {
		return app.Get(base + "/connection").JSON()["state"].(m)["last_error"] != nil
	})
	require.Positive(t, asked.Load())
	require.Contains(t, fmt.Sprint(app.Get(base + "/connection").JSON()["state"].(m)["last_error"]), "unexpected")
	v.Intercept(nil)
	app.settled()
	require.Len(t, app.orders(), 1)
}
