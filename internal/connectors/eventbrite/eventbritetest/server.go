// Package eventbritetest is a strict Eventbrite for tests: lists that go on by a
// token, amounts written twice, errors by name, and calls that are not signed.
package eventbritetest

import (
	"encoding/json"
	"fmt"
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

// Server is one organization's Eventbrite.
type Server struct {
	fakevendor.Server
	Token, Organization string

	orders []M
	events []M
	hooks  map[string]M
	made   int
}

// New starts a server.
func New(tb testing.TB) *Server {
	tb.Helper()
	s := &Server{Token: fakevendor.Secret("et"), Organization: "330044", hooks: map[string]M{}}
	s.Answer = s.answer
	s.Start(tb)
	return s
}

// Connection is the body with which a source is connected to it.
func (s *Server) Connection(changes M) M {
	return M{"connector": "eventbrite", "base_url": s.URL, "settings": fakevendor.With(M{"organization": s.Organization, "requests_per_minute": 100000}, changes), "secrets": M{"token": s.Token}}
}

// SetToken changes the token that is right.
func (s *Server) SetToken(token string) { s.Lock(); s.Token = token; s.Unlock() }

// PutOrder makes or replaces an order.
func (s *Server) PutOrder(o M) {
	s.Lock()
	defer s.Unlock()
	s.orders = slices.DeleteFunc(s.orders, func(other M) bool { return other["id"] == o["id"] })
	s.orders = append(s.orders, o)
}

// PutEvent makes or replaces an event.
func (s *Server) PutEvent(e M) {
	s.Lock()
	defer s.Unlock()
	s.events = slices.DeleteFunc(s.events, func(other M) bool { return other["id"] == e["id"] })
	s.events = append(s.events, e)
}

// Hooks are what is registered, by number.
func (s *Server) Hooks() map[string]M { s.Lock(); defer s.Unlock(); return maps.Clone(s.hooks) }

func refuse(w http.ResponseWriter, status int, name string) {
	fakevendor.Reply(w, status, M{"status_code": status, "error": name, "error_description": "refused"})
}

func (s *Server) answer(w http.ResponseWriter, r fakevendor.Request) {
	if r.Header.Get("Authorization") != "Bearer "+s.Token {
		refuse(w, http.StatusUnauthorized, "INVALID_AUTH")
		return
	}
	if !strings.HasSuffix(r.Path, "/") {
		refuse(w, http.StatusNotFound, "NOT_FOUND")
		return
	}
	parts := strings.Split(strings.Trim(r.Path, "/"), "/")
	own := len(parts) == 4 && parts[1] == "organizations" && parts[2] == s.Organization
	switch {
	case own && r.Method == http.MethodPost && parts[3] == "webhooks":
		s.register(w, r)
	case r.Method == http.MethodDelete && len(parts) == 3 && parts[1] == "webhooks" && s.hooks[parts[2]] != nil:
		delete(s.hooks, parts[2])
		fakevendor.Reply(w, http.StatusOK, M{"success": true})
	case r.Method != http.MethodGet:
		refuse(w, http.StatusNotFound, "NOT_FOUND")
	case own && parts[3] == "orders" && s.known(w, r, "changed_since", "status", "expand"):
		s.page(w, r, "orders", s.since(r, s.shown(r)))
	case own && parts[3] == "attendees" && s.known(w, r, "changed_since", "status", "expand"):
		s.page(w, r, "attendees", s.since(r, s.attendees()))
	case own && parts[3] == "events" && s.known(w, r, "status", "expand", "order_by", "time_filter", "show_series_parent"):
		s.page(w, r, "events", slices.Clone(s.events))
	case len(parts) == 3 && parts[1] == "orders":
		s.one(w, s.shown(r), parts[2])
	case len(parts) == 3 && parts[1] == "events":
		s.one(w, s.events, parts[2])
	case !own:
		refuse(w, http.StatusNotFound, "NOT_FOUND")
	}
}

func (s *Server) known(w http.ResponseWriter, r fakevendor.Request, names ...string) bool {
	if name := fakevendor.Unknown(r.Query, append(names, "page", "continuation", "page_size")...); name != "" {
		refuse(w, http.StatusBadRequest, "ARGUMENTS_ERROR")
		return false
	}
	return true
}

func (s *Server) register(w http.ResponseWriter, r fakevendor.Request) {
	var body M
	if json.Unmarshal(r.Body, &body) != nil || body["endpoint_url"] == nil || body["actions"] == nil {
		refuse(w, http.StatusBadRequest, "ARGUMENTS_ERROR")
		return
	}
	s.made++
	id := strconv.Itoa(8800 + s.made)
	s.hooks[id] = body
	fakevendor.Reply(w, http.StatusOK, M{"id": id, "endpoint_url": body["endpoint_url"]})
}

func (s *Server) one(w http.ResponseWriter, rows []M, id string) {
	for _, o := range rows {
		if o["id"] == id {
			fakevendor.Reply(w, http.StatusOK, o)
			return
		}
	}
	refuse(w, http.StatusNotFound, "NOT_FOUND")
}

// shown are the orders, without attendees unless these are asked for.
func (s *Server) shown(r fakevendor.Request) []M {
	var rows []M
	for _, o := range s.orders {
		if !s.Shown(fakevendor.Text(o["id"])) {
			continue
		}
		if r.Query.Get("expand") != "attendees" {
			o = maps.Clone(o)
			delete(o, "attendees")
		}
		rows = append(rows, o)
	}
	return rows
}

func (s *Server) attendees() []M {
	var rows []M
	for _, o := range s.orders {
		all, _ := o["attendees"].([]any)
		for _, a := range all {
			rows = append(rows, a.(M))
		}
	}
	return rows
}

func (s *Server) since(r fakevendor.Request, rows []M) []M {
	since, err := time.Parse("2006-01-02T15:04:05Z", r.Query.Get("changed_since"))
	return slices.DeleteFunc(rows, func(o M) bool {
		at, _ := time.Parse("2006-01-02T15:04:05Z", fakevendor.Text(o["changed"]))
		return err == nil && at.Before(since)
	})
}

// page has fifty of a list, and a token for the next.
func (s *Server) page(w http.ResponseWriter, r fakevendor.Request, name string, rows []M) {
	start := 0
	if token := r.Query.Get("continuation"); token != "" {
		n, err := strconv.Atoi(strings.TrimPrefix(token, "go"))
		if err != nil {
			refuse(w, http.StatusBadRequest, "BAD_CONTINUATION_TOKEN")
			return
		}
		start = min(n, len(rows))
	}
	end := min(start+50, len(rows))
	pagination := M{"object_count": len(rows), "page_number": start/50 + 1, "page_size": 50, "page_count": len(rows)/50 + 1, "has_more_items": end < len(rows)}
	if end < len(rows) {
		pagination["continuation"] = fmt.Sprintf("go%d", end)
	}
	fakevendor.Reply(w, http.StatusOK, M{"pagination": pagination, name: append([]M{}, rows[start:end]...)})
}
