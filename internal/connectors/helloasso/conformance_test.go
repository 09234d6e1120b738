package helloasso_test

import (
	"bytes"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/fakevendor"
	"github.com/parvis-crm/parvis/internal/connectors/helloasso/helloassotest"
	"github.com/parvis-crm/parvis/internal/parvistest/conformance"
)

type m = map[string]any

// conforming plays HelloAsso to the suite. Orders have numbers there, and names
// in the suite.
type conforming struct {
	*helloassotest.Server
	good   string
	names  []string
	placed map[string]time.Time
}

func (v *conforming) Kind() string { return "helloasso" }

func (v *conforming) Connection() m { return v.Server.Connection(nil) }

func (v *conforming) Secrets() []string {
	return []string{v.good, v.SignatureKey, "qrsecret", "ticketsecret", "receiptsecret", "at-1-" + v.good[3:]}
}

func (v *conforming) id(name string) int {
	for i, n := range v.names {
		if n == name {
			return 7000 + i
		}
	}
	v.names = append(v.names, name)
	return 7000 + len(v.names) - 1
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
	placed, ok := v.placed[name]
	if !ok {
		placed, v.placed[name] = at, at
	}
	var cents any = net
	if f, err := strconv.ParseFloat(net, 64); err == nil {
		cents = int(math.Round(f * 100))
	}
	v.Server.PutOrder(helloassotest.Order(id, placed, m{
		"meta":             m{"createdAt": helloassotest.Stamp(placed), "updatedAt": helloassotest.Stamp(placed)}, // only payments tell of changes
		"items":            []any{helloassotest.Item(id*10+1, cents, m{"customFields": nil, "options": nil, "user": nil})},
		"payments":         []any{helloassotest.Payment(id*10+5, cents, placed, m{"meta": m{"createdAt": helloassotest.Stamp(placed), "updatedAt": helloassotest.Stamp(at)}, "amountTip": nil, "refundOperations": nil})},
		"checkoutIntentId": nil, "a_member_of_tomorrow": m{"deep": []any{nil}},
	}))
}

func (v *conforming) Fail(n, status, retryAfter int) { v.Server.Fail(n, status, retryAfter) }

func (v *conforming) AtList(n int, answer func(http.ResponseWriter) bool) {
	var pages atomic.Int64
	v.Intercept(func(w http.ResponseWriter, r fakevendor.Request) bool {
		if !strings.HasSuffix(r.Path, "/orders") {
			return false
		}
		return pages.Add(1) == int64(n)+1 && answer(w)
	})
}

func (v *conforming) Hide(name string, n int) { v.Server.Hide(strconv.Itoa(v.id(name)), n) }

func (v *conforming) Refuse(refuse bool) {
	if refuse {
		v.SetSecret("hs-another")
	} else {
		v.SetSecret(v.good)
	}
}

func (v *conforming) Hook(t testing.TB, address, name string, _ int) *http.Request {
	body := helloassotest.Notice("Order", helloassotest.Order(v.id(name), time.Now(), nil))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, bytes.NewReader(body))
	require.NoError(t, err)
	r.Header = v.Signed(body)
	return r
}

func (v *conforming) ListsRead() int {
	n := 0
	for _, r := range v.Asked("/" + v.Organization + "/orders") {
		if r.Query.Get("continuationToken") == "" {
			n++
		}
	}
	return n
}

func (v *conforming) Page() int { return 100 }

func TestConformance(t *testing.T) {
	conformance.Run(t, func(t *testing.T) conformance.Vendor {
		v := helloassotest.New(t)
		v.PutForm(helloassotest.Form("bal-des-gabians", nil))
		return &conforming{Server: v, good: v.ClientSecret, placed: map[string]time.Time{}}
	})
}
