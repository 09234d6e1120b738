// Package fakevendor is what fake servers of ticketing systems have in common: a
// record of what was asked, and failures on request. What a vendor answers and
// refuses is each one's own.
package fakevendor

import (
	"encoding/json"
	"fmt"
	"io"
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
	Method, Path string
	Query        url.Values
	Form         url.Values
	Header       http.Header
	Body         []byte
	Status       int
	At           time.Time
}

// Server is a vendor's. The embedding one sets Answer, which is called under the
// lock.
type Server struct {
	*httptest.Server
	sync.Mutex
	Answer func(w http.ResponseWriter, r Request)

	perMinute int
	sent      []time.Time
	requests  []Request
	instead   []func(http.ResponseWriter, Request) bool
	intercept func(http.ResponseWriter, Request) bool
	hidden    map[string]int
}

// Start starts the server.
func (s *Server) Start(tb testing.TB) {
	tb.Helper()
	s.hidden = map[string]int{}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	tb.Cleanup(s.Close)
}

// Secret makes a credential that no other server has.
func Secret(name string) string { return name + "-" + strconv.FormatInt(time.Now().UnixNano(), 36) }

// Limit allows so many requests a minute; the next is answered 429.
func (s *Server) Limit(perMinute int) { s.Lock(); s.perMinute = perMinute; s.Unlock() }

// Fail answers the next n requests with a status, whatever they are.
func (s *Server) Fail(n, status, retryAfter int) {
	s.Lock()
	defer s.Unlock()
	for range n {
		s.instead = append(s.instead, func(w http.ResponseWriter, _ Request) bool {
			if retryAfter > 0 {
				w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
			}
			Reply(w, status, M{"error": "told to fail"})
			return true
		})
	}
}

// Intercept sees every request and may answer it.
func (s *Server) Intercept(f func(http.ResponseWriter, Request) bool) {
	s.Lock()
	s.intercept = f
	s.Unlock()
}

// Hide keeps something from being shown in the next n answers that would.
func (s *Server) Hide(key string, n int) { s.Lock(); s.hidden[key] = n; s.Unlock() }

// Shown tells, under the lock, whether something is shown by now.
func (s *Server) Shown(key string) bool {
	if s.hidden[key] == 0 {
		return true
	}
	s.hidden[key]--
	return false
}

// Requests lists what was asked so far.
func (s *Server) Requests() []Request {
	s.Lock()
	defer s.Unlock()
	return slices.Clone(s.requests)
}

// Asked gives the requests whose path ends so.
func (s *Server) Asked(suffix string) []Request {
	return slices.DeleteFunc(s.Requests(), func(r Request) bool { return !strings.HasSuffix(r.Path, suffix) })
}

type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) { r.status = status; r.ResponseWriter.WriteHeader(status) }

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	rec := &recorder{ResponseWriter: w, status: http.StatusOK}
	request := Request{Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Header: r.Header.Clone(), At: time.Now()}
	request.Body, _ = io.ReadAll(r.Body)
	if r.Header.Get("Content-Type") == "application/x-www-form-urlencoded" {
		request.Form, _ = url.ParseQuery(string(request.Body))
	}
	s.Lock()
	var instead func(http.ResponseWriter, Request) bool
	if len(s.instead) > 0 {
		instead, s.instead = s.instead[0], s.instead[1:]
	}
	if instead == nil {
		instead = s.intercept
	}
	s.Unlock()
	if instead == nil || !instead(rec, request) {
		s.Lock()
		if !s.throttled(rec) {
			s.Answer(rec, request)
		}
		s.Unlock()
	}
	request.Status = rec.status
	s.Lock()
	s.requests = append(s.requests, request)
	s.Unlock()
}

func (s *Server) throttled(w http.ResponseWriter) bool {
	if s.perMinute == 0 {
		return false
	}
	now := time.Now()
	s.sent = slices.DeleteFunc(s.sent, func(t time.Time) bool { return now.Sub(t) >= time.Minute })
	if len(s.sent) >= s.perMinute {
		w.Header().Set("Retry-After", "1")
		Reply(w, http.StatusTooManyRequests, M{"error": "too many requests"})
		return true
	}
	s.sent = append(s.sent, now)
	return false
}

// Reply writes JSON.
func Reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// Unknown names a parameter that is not one of those that are known; empty: all
// are. Vendors ignore what they do not know; a fake one does not, so that a
// misspelt filter is found.
func Unknown(query url.Values, known ...string) string {
	for name := range query {
		if !slices.Contains(known, name) {
			return name
		}
	}
	return ""
}

// With changes members of an object.
func With(m, changes M) M {
	maps.Copy(m, changes)
	return m
}

// Text of a value, as keys of maps are.
func Text(v any) string { return fmt.Sprint(v) }

// Instead answers requests whose path ends so by a body, with the status of
// success.
func (s *Server) Instead(suffix string, body any) {
	s.Intercept(func(w http.ResponseWriter, r Request) bool {
		if !strings.HasSuffix(r.Path, suffix) {
			return false
		}
		Reply(w, http.StatusOK, body)
		return true
	})
}
