package pretixtest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parameters that a list knows besides page and page_size, by the last part of
// its address. pretix ignores what it does not know; this one does not, so that
// a misspelt filter is found.
var parameters = map[string][]string{
	"orders":       {"modified_since", "created_since", "created_before", "ordering", "include_canceled_positions", "include_canceled_fees", "testmode"},
	"events":       {"ordering", "modified_since"},
	"customers":    {"email"},
	"checkins":     {"created_since", "created_before", "ordering"},
	"transactions": {"created_since", "created_before", "ordering", "event", "order"},
	"subevents":    {"ends_after", "modified_since"},
	"quotas":       {"subevent"},
}

// page answers a page of a list.
func (s *Server) page(w http.ResponseWriter, r *http.Request, name string) {
	query := r.URL.Query()
	_, last := cutLast(name)
	for parameter := range query {
		if parameter != "page" && parameter != "page_size" && !slices.Contains(parameters[last], parameter) {
			fail(w, http.StatusBadRequest, "unknown parameter "+parameter)
			return
		}
	}
	size, number := 50, 1
	if v := query.Get("page_size"); v != "" {
		size, _ = strconv.Atoi(v)
	}
	if v := query.Get("page"); v != "" {
		number, _ = strconv.Atoi(v)
	}
	if size < 1 || size > 50 || number < 1 {
		fail(w, http.StatusBadRequest, "page")
		return
	}
	for _, f := range s.beforeRun {
		f(number)
	}
	rows, err := s.filtered(name, last, query)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	start := min((number-1)*size, len(rows))
	end := min(start+size, len(rows))
	if number > 1 && start == len(rows) {
		fail(w, http.StatusNotFound, "Invalid page.")
		return
	}
	results := []any{}
	for _, o := range rows[start:end] {
		results = append(results, hide(o, query))
	}
	body := M{"count": len(rows), "next": nil, "previous": nil, "results": results}
	if end < len(rows) {
		next := *r.URL
		q := query
		q.Set("page", strconv.Itoa(number+1))
		next.RawQuery, next.Scheme, next.Host = q.Encode(), "https", "tickets.example.org" // as behind a proxy
		body["next"] = next.String()
	}
	w.Header().Set("X-Page-Generated", s.now().Format(time.RFC3339Nano))
	reply(w, http.StatusOK, body)
}

// Move changes something between the pages of a list: f is called, under the
// lock, before each page is made.
func (s *Server) Move(f func(page int)) {
	s.mu.Lock()
	s.beforeRun = append(s.beforeRun, f)
	s.mu.Unlock()
}

// PutLocked is Put for functions of Move.
func (s *Server) PutLocked(list string, object M) { s.lists[list] = append(s.lists[list], object) }

func (s *Server) filtered(name, last string, query url.Values) ([]M, error) {
	rows := slices.DeleteFunc(slices.Clone(s.lists[name]), func(o M) bool { return !s.shown(name, keyOf(o)) })
	for _, f := range []struct {
		parameter, member string
		before            bool
	}{
		{"modified_since", "last_modified", false}, {"created_since", created(last), false}, {"created_before", created(last), true},
	} {
		text := query.Get(f.parameter)
		if text == "" {
			continue
		}
		limit, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return nil, fmt.Errorf("%s is no time", f.parameter)
		}
		rows = slices.DeleteFunc(rows, func(o M) bool {
			at := timeOf(o[f.member])
			if f.before {
				return !at.Before(limit)
			}
			return at.Before(limit)
		})
	}
	order := query.Get("ordering")
	if order == "" {
		return rows, nil
	}
	if !slices.Contains([]string{"last_modified", "datetime", "created", "code", "status", "cancellation_date", "date_from", "slug"}, strings.TrimPrefix(order, "-")) {
		return nil, fmt.Errorf("ordering by %s", order)
	}
	slices.SortStableFunc(rows, func(a, b M) int { return timeOf(a[order]).Compare(timeOf(b[order])) })
	return rows, nil
}

func created(last string) string {
	if last == "orders" {
		return "datetime"
	}
	return "created"
}

func timeOf(v any) time.Time {
	text, _ := v.(string)
	t, _ := time.Parse(time.RFC3339Nano, text)
	return t
}

// Deliver sends a notification as pretix does: JSON, one POST, what is behind a
// redirect is not followed.
func (s *Server) Deliver(target string, body []byte) (int, error) {
	client := *s.Client()
	client.Timeout = 30 * time.Second
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Post(target, "application/json", strings.NewReader(string(body)))
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode, nil
}
