package weezevent_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/fakevendor"
	"github.com/parvis-crm/parvis/internal/connectors/weezevent/weezeventtest"
	"github.com/parvis-crm/parvis/internal/parvistest/conformance"
)

type m = map[string]any

// page is how many orders the suite's events have: the first reading goes event
// by event.
const page = 40

// conforming plays Weezevent to the suite. An amount is the price of a ticket
// there, so each amount has a price of its own.
type conforming struct {
	*weezeventtest.Server
	good   string
	names  map[string]int
	placed map[string]time.Time
	prices map[string]int
}

func (v *conforming) Kind() string { return "weezevent" }

func (v *conforming) Connection() m { return v.Server.Connection(nil) }

func (v *conforming) Secrets() []string {
	return []string{v.good, v.APIKey, v.Username, "barcodesecret", "weezsecret"}
}

func (v *conforming) PutOrder(name, net string, at time.Time) {
	n, ok := v.names[name]
	if !ok {
		n = len(v.names)
		v.names[name], v.placed[name] = n, at
	}
	event := 100 + n/page
	if n%page == 0 && !ok {
		v.PutEvent(event, "Le Bal des gabians", "2026-12-05 20:30:00")
	}
	if v.prices[net] == 0 {
		v.prices[net] = 10 + len(v.prices)
	}
	v.PutPrice(event, v.prices[net], "Plein tarif", net)
	v.Put(weezeventtest.Participant(7000+n, event, v.prices[net], 500+n, m{
		"transaction_reference": name, "create_date": weezeventtest.Clock(v.placed[name]), "owner": []any{}, "control_status": nil, "promo_code": nil, "a_member_of_tomorrow": m{"deep": []any{nil}},
	}), at)
}

func (v *conforming) Fail(n, status, retryAfter int) { v.Server.Fail(n, status, retryAfter) }

func (v *conforming) AtList(n int, answer func(http.ResponseWriter) bool) {
	var pages atomic.Int64
	v.Intercept(func(w http.ResponseWriter, r fakevendor.Request) bool {
		if !strings.HasSuffix(r.Path, "/participant/list") {
			return false
		}
		return pages.Add(1) == int64(n)+1 && answer(w)
	})
}

func (v *conforming) Hide(string, int) {}

func (v *conforming) Refuse(refuse bool) {
	if refuse {
		v.SetPassword("another")
	} else {
		v.SetPassword(v.good)
	}
}

func (v *conforming) Hook(testing.TB, string, string, int) *http.Request { return nil }

// ListsRead counts how often events were listed, with which every reading begins.
func (v *conforming) ListsRead() int { return len(v.Asked("/events")) }

func (v *conforming) Page() int { return page }

func TestConformance(t *testing.T) {
	conformance.Run(t, func(t *testing.T) conformance.Vendor {
		v := weezeventtest.New(t)
		return &conforming{Server: v, good: v.Password, names: map[string]int{}, placed: map[string]time.Time{}, prices: map[string]int{}}
	})
}
