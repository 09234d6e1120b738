package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/pretix/pretixtest"
)

// seller is a ticketing system in the manner of pretix that sells by itself:
// its list of orders is ordered by their last change, fifty a page, and it
// answers only so many requests a minute.
type seller struct {
	token     string
	perMinute int
	server    *http.Server
	address   string

	mu        sync.Mutex
	orders    []sale // in the order of their last change
	byCode    map[string]int
	sent      []time.Time
	requests  int
	throttled int
}

type sale struct {
	code     string
	modified time.Time
	body     json.RawMessage
}

func openSeller(perMinute int) (*seller, error) {
	v := &seller{token: "bench", perMinute: perMinute, byCode: map[string]int{}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	v.address = "http://" + listener.Addr().String()
	v.server = &http.Server{Handler: http.HandlerFunc(v.serve), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = v.server.Serve(listener) }()
	return v, nil
}

func (v *seller) close() { _ = v.server.Shutdown(context.Background()) }

// sell adds the n-th order, of somebody new, with two or three tickets.
func (v *seller) sell(n int) (code string, err error) {
	code = "B" + strings.ToUpper(strconv.FormatInt(int64(n)+1_000_000, 36))
	at := time.Now().UTC()
	var positions []any
	tickets := 3 - n%5/3
	for t := range tickets {
		positions = append(positions, pretixtest.Position(n*3+t+1, t+1, 301, "24.00", nil))
	}
	total := fmt.Sprintf("%d.00", 24*tickets)
	raw, err := json.Marshal(pretixtest.Order(code, at, pretixtest.M{
		"email": fmt.Sprintf("acheteuse.%d@courriel.example", n), "phone": nil, "fees": []any{}, "total": total, "positions": positions,
		"payments": []any{pretixtest.Payment(1, "confirmed", total, nil)},
		"invoice_address": pretixtest.M{"is_business": false, "company": "", "name": "Odile Ferrandis", "name_parts": pretixtest.M{
			"_scheme": "given_family", "given_name": "Odile", "family_name": fmt.Sprintf("Ferrandis %d", n)}, "street": "", "zipcode": "", "city": "", "country": "FR", "state": "", "vat_id": ""},
	}))
	if err != nil {
		return "", err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.byCode[code] = len(v.orders)
	v.orders = append(v.orders, sale{code, at, raw})
	return code, nil
}

func (v *seller) allow(w http.ResponseWriter) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.requests++
	if v.perMinute == 0 {
		return true
	}
	now := time.Now()
	v.sent = slices.DeleteFunc(v.sent, func(t time.Time) bool { return now.Sub(t) >= time.Minute })
	if len(v.sent) < v.perMinute {
		v.sent = append(v.sent, now)
		return true
	}
	v.throttled++
	w.Header().Set("Retry-After", strconv.Itoa(int(time.Minute.Seconds()-now.Sub(v.sent[0]).Seconds())+1))
	answer(w, http.StatusTooManyRequests, map[string]any{"detail": "Request was throttled."})
	return false
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (v *seller) serve(w http.ResponseWriter, r *http.Request) {
	if !v.allow(w) {
		return
	}
	if r.Header.Get("Authorization") != "Token "+v.token {
		answer(w, http.StatusUnauthorized, map[string]any{"detail": "Invalid token."})
		return
	}
	parts := strings.Split(strings.Trim(strings.TrimPrefix(r.URL.Path, "/api/v1/organizers/bench/"), "/"), "/")
	switch {
	case len(parts) == 1 && parts[0] == "orders":
		v.page(w, r)
	case len(parts) == 4 && parts[2] == "orders":
		v.mu.Lock()
		i, ok := v.byCode[parts[3]]
		var body json.RawMessage
		if ok {
			body = v.orders[i].body
		}
		v.mu.Unlock()
		if !ok {
			answer(w, http.StatusNotFound, map[string]any{"detail": "Not found."})
			return
		}
		answer(w, http.StatusOK, body)
	case len(parts) == 2 && parts[0] == "events":
		answer(w, http.StatusOK, pretixtest.Event(parts[1], nil))
	case len(parts)%2 == 0: // one record of something else, of which it has none
		answer(w, http.StatusNotFound, map[string]any{"detail": "Not found."})
	default: // whatever else an organizer has, this one has none of
		answer(w, http.StatusOK, map[string]any{"count": 0, "next": nil, "previous": nil, "results": []any{}})
	}
}

func (v *seller) page(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	since, _ := time.Parse(time.RFC3339Nano, query.Get("modified_since"))
	number := max(1, atoi(query.Get("page")))
	w.Header().Set("X-Page-Generated", time.Now().UTC().Format(time.RFC3339Nano))
	v.mu.Lock()
	first, _ := slices.BinarySearchFunc(v.orders, since, func(s sale, t time.Time) int { return cmp.Compare(s.modified.UnixNano(), t.UnixNano()) })
	rows := v.orders[first:]
	start, end := min((number-1)*50, len(rows)), min(number*50, len(rows))
	results := make([]json.RawMessage, 0, 50)
	for _, s := range rows[start:end] {
		results = append(results, s.body)
	}
	v.mu.Unlock()
	body := map[string]any{"count": len(rows), "next": nil, "previous": nil, "results": results}
	if end < len(rows) {
		query.Set("page", strconv.Itoa(number+1))
		body["next"] = v.address + r.URL.Path + "?" + query.Encode()
	}
	answer(w, http.StatusOK, body)
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
