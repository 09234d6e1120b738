package pretix_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/pretix/pretixtest"
	"github.com/parvis-crm/parvis/internal/parvistest/conformance"
)

// conforming plays pretix to the suite.
type conforming struct {
	*pretixtest.Server
	good string // the token that is right
}

func (v *conforming) Kind() string { return "pretix" }

func (v *conforming) Connection() m {
	return m{"connector": "pretix", "base_url": v.URL, "settings": m{"organizer": v.Organizer}, "secrets": m{"token": v.good}}
}

func (v *conforming) Secrets() []string { return []string{v.good, "ticketsecret", "ordersecret"} }

func (v *conforming) PutOrder(number, net string, at time.Time) {
	v.Put("orders", pretixtest.Order(number, at, m{
		"fees": []any{}, "positions": []any{pretixtest.Position(10000+hash(number), 1, 301, net, nil)}, "payments": []any{pretixtest.Payment(1, "confirmed", net, nil)},
		"a_member_of_tomorrow": m{"deep": []any{nil}}, "phone": nil, "customer": nil,
	}))
}

func hash(s string) int {
	n := 0
	for _, c := range s {
		n = (n*31 + int(c)) % 1_000_000
	}
	return n
}

func (v *conforming) Fail(n, status, retryAfter int) {
	if retryAfter > 0 {
		v.Server.Fail(n, status, "Retry-After", strconv.Itoa(retryAfter))
		return
	}
	v.Server.Fail(n, status)
}

func (v *conforming) AtList(n int, answer func(http.ResponseWriter) bool) {
	var pages atomic.Int64
	v.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/orders/") {
			return false
		}
		return pages.Add(1) == int64(n)+1 && answer(w)
	})
}

func (v *conforming) Hide(number string, n int) { v.Server.Hide("orders", "saison/"+number, n) }

func (v *conforming) Refuse(refuse bool) {
	if refuse {
		v.SetToken("another")
	} else {
		v.SetToken(v.good)
	}
}

func (v *conforming) Hook(t testing.TB, address, number string, id int) *http.Request {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(fmt.Sprintf(`{"notification_id":%d,"organizer":"arcades","event":"saison","code":%q,"action":"pretix.event.order.changed.price"}`, id, number)))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	return r
}

func (v *conforming) ListsRead() int {
	n := 0
	for _, r := range v.Requests() {
		if strings.HasSuffix(r.Path, v.Organizer+"/orders/") && r.Query.Get("page") == "" {
			n++
		}
	}
	return n
}

func (v *conforming) Page() int { return 50 }

func TestConformance(t *testing.T) {
	conformance.Run(t, func(t *testing.T) conformance.Vendor {
		v := pretixtest.New(t)
		v.Put("events", pretixtest.Event("saison", nil))
		v.Put("events/saison/items", pretixtest.Item(301, "Plein tarif", nil))
		v.Put("events/saison/subevents", pretixtest.Subevent(51, "2026-12-04T19:30:00Z", nil))
		return &conforming{Server: v, good: v.Token}
	})
}
