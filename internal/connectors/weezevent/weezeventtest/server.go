// Package weezeventtest is a strict Weezevent for tests: it gives tokens for a
// form with the right credentials, shuts out who signs in wrongly too often, and
// mixes text, numbers, and true and false as the real one does.
package weezeventtest

import (
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/fakevendor"
)

// M is a JSON object.
type M = map[string]any

// Server is one account's Weezevent.
type Server struct {
	fakevendor.Server
	APIKey, Username, Password string

	events  []M
	dates   map[string][]M
	prices  map[string][]M
	sold    []M
	changed map[string]time.Time
	tokens  []string
	wrong   int
}

// New starts a server.
func New(tb testing.TB) *Server {
	tb.Helper()
	s := &Server{APIKey: fakevendor.Secret("wk"), Username: fakevendor.Secret("regie"), Password: fakevendor.Secret("wp"), dates: map[string][]M{}, prices: map[string][]M{}, changed: map[string]time.Time{}}
	s.Answer = s.answer
	s.Start(tb)
	return s
}

// Connection is the body with which a source is connected to it.
func (s *Server) Connection(changes M) M {
	return M{"connector": "weezevent", "base_url": s.URL, "settings": fakevendor.With(M{"requests_per_minute": 100000}, changes), "secrets": M{"api_key": s.APIKey, "username": s.Username, "password": s.Password}}
}

// SetPassword changes the password; tokens that were given out end.
func (s *Server) SetPassword(password string) {
	s.Lock()
	s.Password, s.tokens, s.wrong = password, nil, 0
	s.Unlock()
}

// EndTokens ends what was given out.
func (s *Server) EndTokens() { s.Lock(); s.tokens = nil; s.Unlock() }

// PutEvent makes an event with its dates.
func (s *Server) PutEvent(id int, name, start string, dates ...M) {
	s.Lock()
	defer s.Unlock()
	s.events = append(s.events, M{"id": id, "name": name, "date": M{"start": start, "end": "0000-00-00 00:00:00"}, "participants": "0"})
	s.dates[strconv.Itoa(id)] = dates
}

// PutPrice makes a price of an event, in a group of a group.
func (s *Server) PutPrice(event, id int, name string, price any) {
	s.Lock()
	defer s.Unlock()
	key := strconv.Itoa(event)
	s.prices[key] = slices.DeleteFunc(s.prices[key], func(p M) bool { return p["id"] == id })
	s.prices[key] = append(s.prices[key], M{"id": id, "name": name, "price": price, "quota": "0"})
}

// Put sells a ticket, or changes one, as of a time.
func (s *Server) Put(p M, at time.Time) {
	s.Lock()
	defer s.Unlock()
	id := fakevendor.Text(p["id_participant"])
	s.sold = slices.DeleteFunc(s.sold, func(o M) bool { return fakevendor.Text(o["id_participant"]) == id })
	s.sold = append(s.sold, p)
	s.changed[id] = at
}

// Clock writes a time as the clocks in Paris show it.
func Clock(at time.Time) string {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		zone = time.UTC
	}
	return at.In(zone).Format(time.DateTime)
}

// Participant is a ticket of a transaction, on line and paid.
func Participant(id, event, ticket, transaction int, changes M) M {
	return fakevendor.With(M{
		"id_participant": id, "id_event": event, "id_date": nil, "id_ticket": ticket, "barcode": "barcodesecret", "id_weez_ticket": "weezsecret", "deleted": "0", "refund": "0", "comment": "", "create_date": "2026-11-20 19:12:02", "origin": "Vente en ligne",
		"id_transaction": transaction, "transaction_reference": "R" + strconv.Itoa(transaction), "code_member": "", "promo_code": "", "paid": true,
		"control_status": M{"status": "0", "scan_date": "0000-00-00 00:00:00", "scan_user": "0", "scan_user_name": ""},
		"owner":          M{"first_name": "Oriane", "last_name": "Kersaho", "email": "oriane.kersaho@courrier.example"}, "answers": []any{},
	}, changes)
}

func refuse(w http.ResponseWriter, status int, text string) {
	fakevendor.Reply(w, status, M{"error": M{"code": status, "message": text}})
}

func (s *Server) answer(w http.ResponseWriter, r fakevendor.Request) {
	if r.Path == "/auth/access_token" {
		s.signIn(w, r)
		return
	}
	query := r.Query
	if query.Get("api_key") != s.APIKey || !slices.Contains(s.tokens, query.Get("access_token")) {
		refuse(w, http.StatusUnauthorized, "access token")
		return
	}
	known := map[string][]string{
		"/events":           {"include_closed", "include_not_published", "include_without_sales"},
		"/dates":            {"id_event", "display_passed"},
		"/tickets":          {"id_event[]"},
		"/participant/list": {"id_event[]", "id_ticket[]", "last_update", "last_update_before", "include_deleted", "include_unpaid", "full", "minimized", "max", "page", "transaction_reference[]"},
	}
	names, ok := known[r.Path]
	switch name := fakevendor.Unknown(query, append(names, "api_key", "access_token")...); {
	case !ok || r.Method != http.MethodGet:
		refuse(w, http.StatusNotFound, "no such method")
	case name != "":
		refuse(w, http.StatusBadRequest, "unknown parameter "+name)
	case r.Path == "/events":
		fakevendor.Reply(w, http.StatusOK, M{"events": append([]M{}, s.events...)})
	case r.Path == "/dates":
		fakevendor.Reply(w, http.StatusOK, M{"dates": append([]M{}, s.dates[query.Get("id_event")]...)})
	case r.Path == "/tickets":
		fakevendor.Reply(w, http.StatusOK, M{"events": []M{{"id": query.Get("id_event[]"), "tickets": []M{}, "categories": []M{{"id": 1, "categories": []M{{"id": 2, "tickets": append([]M{}, s.prices[query.Get("id_event[]")]...)}}}}}}})
	default:
		s.list(w, r)
	}
}

// signIn counts what is wrong: the fifth shuts the account out.
func (s *Server) signIn(w http.ResponseWriter, r fakevendor.Request) {
	if r.Method != http.MethodPost || r.Form.Get("api_key") != s.APIKey || r.Form.Get("username") != s.Username || r.Form.Get("password") != s.Password || s.wrong >= 5 {
		s.wrong++
		refuse(w, http.StatusOK, "wrong credentials") // with the status of success
		return
	}
	s.tokens = append(s.tokens, "wt"+strconv.Itoa(len(s.tokens)+1)+s.Password)
	fakevendor.Reply(w, http.StatusOK, M{"accessToken": s.tokens[len(s.tokens)-1]})
}

func (s *Server) list(w http.ResponseWriter, r fakevendor.Request) {
	query := r.Query
	size, _ := strconv.Atoi(query.Get("max"))
	page, _ := strconv.Atoi(query.Get("page"))
	zone, _ := time.LoadLocation("Europe/Paris")
	since, err := time.ParseInLocation(time.DateTime, query.Get("last_update"), zone)
	if size < 1 || page < 1 || (query.Has("last_update") && err != nil) {
		refuse(w, http.StatusBadRequest, "parameters")
		return
	}
	hidden := map[string]bool{}
	var rows []M
	for _, p := range s.sold {
		order := fakevendor.Text(p["id_transaction"])
		if _, seen := hidden[order]; !seen {
			hidden[order] = !s.Shown(order)
		}
		references := query["transaction_reference[]"]
		switch {
		case hidden[order], !slices.Contains(query["id_event[]"], fakevendor.Text(p["id_event"])),
			len(references) > 0 && !slices.Contains(references, fakevendor.Text(p["transaction_reference"])),
			fakevendor.Text(p["deleted"]) == "1" && query.Get("include_deleted") != "1", fakevendor.Text(p["paid"]) == "false" && query.Get("include_unpaid") != "1",
			query.Has("last_update") && s.changed[fakevendor.Text(p["id_participant"])].Before(since):
		default:
			rows = append(rows, p)
		}
	}
	start := min((page-1)*size, len(rows))
	fakevendor.Reply(w, http.StatusOK, M{"participants": append([]M{}, rows[start:min(start+size, len(rows))]...), "server_time": Clock(time.Now())})
}
