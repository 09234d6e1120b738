// Package billetwebtest is a strict Billetweb for tests: times of the clocks in
// Paris, numbers as text, zeros instead of dates, no pages, errors with the
// status of success, and a firewall that asks for a browser.
package billetwebtest

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/fakevendor"
)

// M is a JSON object.
type M = map[string]any

// Server is one user's Billetweb.
type Server struct {
	fakevendor.Server
	User, Key string

	events  []M
	dates   map[string][]M
	tickets map[string][]M
	sold    []M
	changed map[string]time.Time
}

// New starts a server.
func New(tb testing.TB) *Server {
	tb.Helper()
	s := &Server{User: "4711", Key: fakevendor.Secret("bk"), dates: map[string][]M{}, tickets: map[string][]M{}, changed: map[string]time.Time{}}
	s.Answer = s.answer
	s.Start(tb)
	return s
}

// Connection is the body with which a source is connected to it.
func (s *Server) Connection(changes M) M {
	return M{"connector": "billetweb", "base_url": s.URL, "settings": fakevendor.With(M{"user": s.User, "requests_per_minute": 100000}, changes), "secrets": M{"key": s.Key}}
}

// SetKey changes the key that is right.
func (s *Server) SetKey(key string) { s.Lock(); s.Key = key; s.Unlock() }

// Clock writes a time as the clocks in Paris show it.
func Clock(at time.Time) string {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		zone = time.UTC
	}
	return at.In(zone).Format(time.DateTime)
}

// PutEvent makes an event with its dates and prices.
func (s *Server) PutEvent(e M, dates, tickets []M) {
	s.Lock()
	defer s.Unlock()
	id := fakevendor.Text(e["id"])
	s.events = slices.DeleteFunc(s.events, func(o M) bool { return o["id"] == id })
	s.events = append(s.events, e)
	s.dates[id], s.tickets[id] = dates, tickets
}

// PutTicket sells a ticket, or changes one, as of a time.
func (s *Server) PutTicket(t M, at time.Time) {
	s.Lock()
	defer s.Unlock()
	id := fakevendor.Text(t["id"])
	t["last_update"] = Clock(at)
	s.sold = slices.DeleteFunc(s.sold, func(o M) bool { return o["id"] == id })
	s.sold = append(s.sold, t)
	s.changed[id] = at
}

// wrong is an error: with 200, as the real one has them.
func wrong(w http.ResponseWriter, name, text string) {
	fakevendor.Reply(w, http.StatusOK, M{"error": name, "description": text})
}

// Challenge answers the next requests with the page of the firewall.
func (s *Server) Challenge(n, status int) {
	s.Intercept(func(w http.ResponseWriter, _ fakevendor.Request) bool {
		if n--; n < 0 {
			return false
		}
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`<html><script src="/cdn-cgi/challenge-platform/x"></script></html>`))
		return true
	})
}

func (s *Server) answer(w http.ResponseWriter, r fakevendor.Request) {
	if r.Query.Get("user") != s.User || r.Query.Get("key") != s.Key || r.Query.Get("version") != "1" {
		wrong(w, "unauthorized", "wrong key")
		return
	}
	if r.Method != http.MethodGet {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	known := func(names ...string) bool {
		if name := fakevendor.Unknown(r.Query, append(names, "user", "key", "version")...); name != "" {
			wrong(w, "bad_parameter", name)
			return false
		}
		return true
	}
	parts := strings.Split(strings.TrimPrefix(r.Path, "/api/"), "/")
	switch {
	case len(parts) == 1 && parts[0] == "events" && known("past", "online", "description"):
		fakevendor.Reply(w, http.StatusOK, append([]M{}, s.events...))
	case len(parts) == 1 && parts[0] == "attendees" && known("last_update", "to", "since"):
		s.attendees(w, r, "")
	case len(parts) == 3 && parts[0] == "event":
		if !slices.ContainsFunc(s.events, func(e M) bool { return e["id"] == parts[1] }) {
			wrong(w, "not_found", "no such event")
			return
		}
		switch {
		case parts[2] == "attendees" && known("last_update", "to", "since", "session", "used", "ticket", "email"):
			s.attendees(w, r, parts[1])
		case parts[2] == "dates" && known("past", "last_update"):
			fakevendor.Reply(w, http.StatusOK, append([]M{}, s.dates[parts[1]]...))
		case parts[2] == "tickets" && known():
			fakevendor.Reply(w, http.StatusOK, append([]M{}, s.tickets[parts[1]]...))
		}
	}
}

func (s *Server) attendees(w http.ResponseWriter, r fakevendor.Request, event string) {
	since := time.Time{}
	if text := r.Query.Get("last_update"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			wrong(w, "bad_parameter", "last_update")
			return
		}
		since = time.Unix(n, 0)
	}
	rows, hidden := []M{}, map[string]bool{}
	for _, t := range s.sold {
		order := fakevendor.Text(t["order_id"])
		if _, asked := hidden[order]; !asked {
			hidden[order] = !s.Shown(order)
		}
		if hidden[order] || (event != "" && t["event"] != event) || s.changed[fakevendor.Text(t["id"])].Before(since) {
			continue
		}
		t = maps.Clone(t)
		if event != "" {
			delete(t, "event")
		}
		rows = append(rows, t)
	}
	fakevendor.Reply(w, http.StatusOK, rows)
}
