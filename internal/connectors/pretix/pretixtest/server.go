// Package pretixtest is a strict pretix for tests: it answers what pretix
// answers, refuses what pretix refuses and what it has never heard of, and
// counts who asks for what.
package pretixtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// M is a JSON object.
type M = map[string]any

// Request is one that was answered.
type Request struct {
	Method, Path  string
	Query         url.Values
	Status        int
	Authorization string
	Header        http.Header
	Body          M
	Answer        http.Header // of the answer
}

// Server is an organizer's pretix.
type Server struct {
	*httptest.Server
	Token, Organizer string

	mu        sync.Mutex
	now       func() time.Time
	lists     map[string][]M // by address below the organizer: orders, events/e/items
	requests  []Request
	perMinute int
	sent      []time.Time
	answers   []func(http.ResponseWriter, *http.Request) bool
	beforeRun []func(page int)
	intercept func(http.ResponseWriter, *http.Request) bool
	hidden    map[string]int // how often an object is not shown yet
	keys      map[string]M   // answers by idempotency key
	nextID    int64
}

// New starts a server.
func New(tb testing.TB) *Server {
	tb.Helper()
	s := &Server{Token: "tk-" + strconv.FormatInt(time.Now().UnixNano(), 36), Organizer: "arcades", now: func() time.Time { return time.Now().UTC() }, lists: map[string][]M{}, hidden: map[string]int{}, keys: map[string]M{}, nextID: 9000}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	tb.Cleanup(s.Close)
	return s
}

// Clock sets how far the server's clock is ahead.
func (s *Server) Clock(ahead time.Duration) {
	s.mu.Lock()
	s.now = func() time.Time { return time.Now().UTC().Add(ahead) }
	s.mu.Unlock()
}

// Limit allows so many requests a minute, as the hosted service does.
func (s *Server) Limit(perMinute int) { s.mu.Lock(); s.perMinute = perMinute; s.mu.Unlock() }

// Put adds an object to a list, or replaces the one with the same key. Orders
// have their code and event as key, everything else its id, slug or identifier.
func (s *Server) Put(list string, object M) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := keyOf(object)
	at := slices.IndexFunc(s.lists[list], func(o M) bool { return keyOf(o) == key })
	if at < 0 {
		s.lists[list] = append(s.lists[list], object)
		return
	}
	s.lists[list][at] = object
}

// Remove takes an object away.
func (s *Server) Remove(list, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lists[list] = slices.DeleteFunc(s.lists[list], func(o M) bool { return keyOf(o) == key })
}

// Object gives an object as it is now.
func (s *Server) Object(list, key string) M {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.lists[list] {
		if keyOf(o) == key {
			return o
		}
	}
	return nil
}

func keyOf(o M) string {
	if code, ok := o["code"].(string); ok && o["price_mode"] == nil { // not of a voucher, which has a number
		return fmt.Sprint(o["event"], "/", code)
	}
	for _, name := range []string{"identifier", "slug", "id"} {
		if v, ok := o[name]; ok {
			return fmt.Sprint(v)
		}
	}
	return ""
}

// Next lets a function answer the next request instead; it reports whether it
// did.
func (s *Server) Next(answers ...func(http.ResponseWriter, *http.Request) bool) {
	s.mu.Lock()
	s.answers = append(s.answers, answers...)
	s.mu.Unlock()
}

// Fail answers the next n requests with a status.
func (s *Server) Fail(n, status int, header ...string) {
	for range n {
		s.Next(func(w http.ResponseWriter, _ *http.Request) bool {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			fail(w, status, "told to fail")
			return true
		})
	}
}

// Intercept sees every request and may answer it.
func (s *Server) Intercept(f func(http.ResponseWriter, *http.Request) bool) {
	s.mu.Lock()
	s.intercept = f
	s.mu.Unlock()
}

// Hide keeps an object from being shown in the next n answers that would.
func (s *Server) Hide(list, key string, n int) {
	s.mu.Lock()
	s.hidden[list+" "+key] = n
	s.mu.Unlock()
}

// shown tells whether an object is shown by now.
func (s *Server) shown(list, key string) bool {
	if s.hidden[list+" "+key] == 0 {
		return true
	}
	s.hidden[list+" "+key]--
	return false
}

// SetToken changes the token that is right.
func (s *Server) SetToken(token string) { s.mu.Lock(); s.Token = token; s.mu.Unlock() }

// Requests lists what was asked so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Asked counts requests whose path ends so.
func (s *Server) Asked(suffix string) int {
	n := 0
	for _, r := range s.Requests() {
		if strings.HasSuffix(r.Path, suffix) {
			n++
		}
	}
	return n
}

type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) { r.status = status; r.ResponseWriter.WriteHeader(status) }

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	rec := &recorder{ResponseWriter: w, status: http.StatusOK}
	request := Request{Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Authorization: r.Header.Get("Authorization"), Header: r.Header.Clone()}
	if r.Body != nil && r.ContentLength != 0 {
		_ = json.NewDecoder(r.Body).Decode(&request.Body)
	}
	s.mu.Lock()
	var instead func(http.ResponseWriter, *http.Request) bool
	if len(s.answers) > 0 {
		instead, s.answers = s.answers[0], s.answers[1:]
	}
	if instead == nil {
		instead = s.intercept
	}
	s.mu.Unlock()
	if instead == nil || !instead(rec, r) {
		s.mu.Lock()
		s.answer(rec, r, request)
		s.mu.Unlock()
	}
	request.Status, request.Answer = rec.status, rec.Header().Clone()
	s.mu.Lock()
	s.requests = append(s.requests, request)
	s.mu.Unlock()
}

func fail(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(M{"detail": detail})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// answer is pretix' own, under the lock.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, request Request) {
	if s.throttled(w) {
		return
	}
	if request.Authorization != "Token "+s.Token {
		fail(w, http.StatusUnauthorized, "Invalid token.")
		return
	}
	rest, ok := strings.CutPrefix(r.URL.Path, "/api/v1/organizers/"+s.Organizer+"/")
	if !ok || !strings.HasSuffix(rest, "/") {
		fail(w, http.StatusNotFound, "Not found.")
		return
	}
	address := strings.TrimSuffix(rest, "/")
	if r.Method != http.MethodGet {
		s.write(w, r, address, request)
		return
	}
	if name, known := s.listAt(address); known {
		s.page(w, r, name)
		return
	}
	list, key := cutLast(address)
	object := s.find(list, key)
	if object == nil {
		fail(w, http.StatusNotFound, "Not found.")
		return
	}
	for name := range r.URL.Query() {
		if !slices.Contains([]string{"include_canceled_positions", "include_canceled_fees"}, name) {
			fail(w, http.StatusBadRequest, "unknown parameter "+name)
			return
		}
	}
	reply(w, http.StatusOK, hide(object, r.URL.Query()))
}

// throttled counts requests in the last minute.
func (s *Server) throttled(w http.ResponseWriter) bool {
	if s.perMinute == 0 {
		return false
	}
	now := time.Now()
	s.sent = slices.DeleteFunc(s.sent, func(t time.Time) bool { return now.Sub(t) >= time.Minute })
	if len(s.sent) >= s.perMinute {
		w.Header().Set("Retry-After", strconv.Itoa(int(time.Minute.Seconds()-now.Sub(s.sent[0]).Seconds())+1))
		fail(w, http.StatusTooManyRequests, "Request was throttled.")
		return true
	}
	s.sent = append(s.sent, now)
	return false
}

func cutLast(address string) (list, key string) {
	i := strings.LastIndexByte(address, '/')
	if i < 0 {
		return "", address
	}
	return address[:i], address[i+1:]
}

// listAt tells whether the address is that of a list.
func (s *Server) listAt(address string) (string, bool) {
	parts := strings.Split(address, "/")
	last := parts[len(parts)-1]
	switch {
	case len(parts) == 1:
		return address, slices.Contains([]string{"orders", "events", "customers", "memberships", "membershiptypes", "giftcards", "transactions", "saleschannels", "webhooks", "subevents"}, last)
	case len(parts) == 3 && parts[0] == "events":
		return address, slices.Contains([]string{"items", "subevents", "questions", "taxrules", "quotas", "checkinlists", "checkins", "vouchers"}, last)
	case len(parts) == 3 && parts[0] == "giftcards" && last == "transactions":
		return address, true
	}
	return "", false
}

// find looks an object up: orders of an event are those of the organizer.
func (s *Server) find(list, key string) M {
	parts := strings.Split(list, "/")
	if len(parts) == 3 && parts[0] == "events" && parts[2] == "orders" {
		list, key = "orders", parts[1]+"/"+key
	}
	for _, o := range s.lists[list] {
		if keyOf(o) == key && s.shown(list, key) {
			return o
		}
	}
	return nil
}

// hide leaves cancelled positions and fees out unless they are asked for.
func hide(o M, query url.Values) M {
	if _, isOrder := o["positions"]; !isOrder {
		return o
	}
	out := M{}
	maps.Copy(out, o)
	for member, parameter := range map[string]string{"positions": "include_canceled_positions", "fees": "include_canceled_fees"} {
		if query.Get(parameter) == "true" {
			continue
		}
		var kept []any
		all, _ := o[member].([]any)
		for _, p := range all {
			if object, ok := p.(M); ok && object["canceled"] == true {
				continue
			}
			kept = append(kept, p)
		}
		if kept == nil {
			kept = []any{}
		}
		out[member] = kept
	}
	return out
}
