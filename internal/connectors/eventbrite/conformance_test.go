package eventbrite_test

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/eventbrite/eventbritetest"
	"github.com/parvis-crm/parvis/internal/connectors/fakevendor"
	"github.com/parvis-crm/parvis/internal/parvistest/conformance"
)

type m = map[string]any

// conforming plays Eventbrite to the suite. Orders have numbers there, and names
// in the suite.
type conforming struct {
	*eventbritetest.Server
	good   string
	names  []string
	placed map[string]time.Time
}

func (v *conforming) Kind() string { return "eventbrite" }

func (v *conforming) Connection() m { return v.Server.Connection(nil) }

func (v *conforming) Secrets() []string { return []string{v.good, "barcodesecret"} }

func (v *conforming) id(name string) string {
	for i, n := range v.names {
		if n == name {
			return strconv.Itoa(7000 + i)
		}
	}
	v.names = append(v.names, name)
	return strconv.Itoa(7000 + len(v.names) - 1)
}

// Named is what the suite calls an order.
func (v *conforming) Named(number string) string {
	n, err := strconv.Atoi(number)
	if err != nil || n < 7000 || n >= 7000+len(v.names) {
		return ""
	}
	return v.names[n-7000]
}

func (v *conforming) PutOrder(name, net string, at time.Time) {
	id := v.id(name)
	if _, ok := v.placed[name]; !ok {
		v.placed[name] = at
	}
	costs := eventbritetest.Costs(net, "0.00", "0.00", net)
	v.Server.PutOrder(eventbritetest.Order(id, at, costs, m{"created": eventbritetest.Stamp(v.placed[name]), "a_member_of_tomorrow": m{"deep": []any{nil}}}, eventbritetest.Attendee("1"+id, at, costs, m{"profile": m{"first_name": nil}, "barcodes": nil})))
}

func (v *conforming) Fail(n, status, retryAfter int) { v.Server.Fail(n, status, retryAfter) }

func (v *conforming) AtList(n int, answer func(http.ResponseWriter) bool) {
	var pages atomic.Int64
	v.Intercept(func(w http.ResponseWriter, r fakevendor.Request) bool {
		if !strings.HasSuffix(r.Path, "/orders/") {
			return false
		}
		return pages.Add(1) == int64(n)+1 && answer(w)
	})
}

func (v *conforming) Hide(name string, n int) { v.Server.Hide(v.id(name), n) }

func (v *conforming) Refuse(refuse bool) {
	if refuse {
		v.SetToken("another")
	} else {
		v.SetToken(v.good)
	}
}

func (v *conforming) Hook(t testing.TB, address, name string, _ int) *http.Request {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, bytes.NewReader(eventbritetest.Notice("order.updated", "https://www.eventbriteapi.com/v3/orders/"+v.id(name)+"/")))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	return r
}

func (v *conforming) ListsRead() int {
	n := 0
	for _, r := range v.Asked("/" + v.Organization + "/orders/") {
		if r.Query.Get("continuation") == "" {
			n++
		}
	}
	return n
}

func (v *conforming) Page() int { return 50 }

func TestConformance(t *testing.T) {
	conformance.Run(t, func(t *testing.T) conformance.Vendor {
		v := eventbritetest.New(t)
		v.PutEvent(eventbritetest.Event("770", nil))
		return &conforming{Server: v, good: v.Token, placed: map[string]time.Time{}}
	})
}
