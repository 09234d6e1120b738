package billetweb_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/billetweb/billetwebtest"
	"github.com/parvis-crm/parvis/internal/connectors/fakevendor"
	"github.com/parvis-crm/parvis/internal/parvistest/conformance"
)

type m = map[string]any

// page is how many orders the suite's events have: what is a page elsewhere is
// an event here.
const page = 40

// conforming plays Billetweb to the suite.
type conforming struct {
	*billetwebtest.Server
	good   string
	names  map[string]int
	placed map[string]time.Time
}

func (v *conforming) Kind() string { return "billetweb" }

func (v *conforming) Connection() m { return v.Server.Connection(nil) }

func (v *conforming) Secrets() []string {
	return []string{v.good, "barcodesecret", "managesecret", "downloadsecret", "ordersecret"}
}

func (v *conforming) PutOrder(name, net string, at time.Time) {
	n, ok := v.names[name]
	if !ok {
		n = len(v.names)
		v.names[name], v.placed[name] = n, at
	}
	event := fmt.Sprint(100 + n/page)
	if n%page == 0 && !ok {
		v.PutEvent(billetwebtest.Event(event, nil), nil, []m{billetwebtest.Price("7", "Plein tarif")})
	}
	v.PutTicket(billetwebtest.Ticket(7000+n, event, fmt.Sprint(500+n), net, m{
		"order_ext_id": name, "order_date": billetwebtest.Clock(v.placed[name]), "seating_location": nil, "order_language": nil, "email": nil, "a_member_of_tomorrow": m{"deep": []any{nil}},
	}), at)
}

func (v *conforming) Fail(n, status, retryAfter int) { v.Server.Fail(n, status, retryAfter) }

func (v *conforming) AtList(n int, answer func(http.ResponseWriter) bool) {
	var pages atomic.Int64
	v.Intercept(func(w http.ResponseWriter, r fakevendor.Request) bool {
		if !strings.HasSuffix(r.Path, "/attendees") {
			return false
		}
		return pages.Add(1) == int64(n)+1 && answer(w)
	})
}

func (v *conforming) Hide(name string, n int) { v.Server.Hide(fmt.Sprint(500+v.names[name]), n) }

func (v *conforming) Refuse(refuse bool) {
	if refuse {
		v.SetKey("another")
	} else {
		v.SetKey(v.good)
	}
}

func (v *conforming) Hook(testing.TB, string, string, int) *http.Request { return nil }

// ListsRead counts how often reading began: with all events, or with what changed.
func (v *conforming) ListsRead() int {
	n := 0
	for _, r := range v.Requests() {
		if r.Path == "/api/attendees" || r.Path == "/api/events" {
			n++
		}
	}
	return n
}

func (v *conforming) Page() int { return page }

func TestConformance(t *testing.T) {
	conformance.Run(t, func(t *testing.T) conformance.Vendor {
		v := billetwebtest.New(t)
		return &conforming{Server: v, good: v.Key, names: map[string]int{}, placed: map[string]time.Time{}}
	})
}
