// Package helloassotest is a strict HelloAsso for tests: it answers what the
// published description says, refuses what it does not know, and gives tokens
// that end.
package helloassotest

import (
	"fmt"
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

// Server is one association's HelloAsso.
type Server struct {
	fakevendor.Server
	Organization, ClientID, ClientSecret, SignatureKey string

	orders  []M
	forms   []M
	access  map[string]bool
	refresh map[string]bool
	tokens  int
	before  func()
}

// New starts a server.
func New(tb testing.TB) *Server {
	tb.Helper()
	s := &Server{Organization: "les-arcades", ClientID: "client-arcades", ClientSecret: fakevendor.Secret("hs"), SignatureKey: fakevendor.Secret("sk"), access: map[string]bool{}, refresh: map[string]bool{}}
	s.Answer = s.answer
	s.Start(tb)
	return s
}

// Connection is the body with which a source is connected to it.
func (s *Server) Connection(changes M) M {
	settings := M{"organization": s.Organization, "client_id": s.ClientID, "requests_per_minute": 100000, "holder_email_field": "E-mail de la personne"}
	return M{"connector": "helloasso", "base_url": s.URL, "settings": fakevendor.With(settings, changes), "secrets": M{"client_secret": s.ClientSecret, "signature_key": s.SignatureKey}}
}

// PutOrder makes or replaces an order.
func (s *Server) PutOrder(o M) {
	s.Lock()
	defer s.Unlock()
	s.putLocked(o)
}

func (s *Server) putLocked(o M) {
	at := slices.IndexFunc(s.orders, func(other M) bool { return other["id"] == o["id"] })
	if at < 0 {
		s.orders = append(s.orders, o)
		return
	}
	s.orders[at] = o
}

// PutForm makes or replaces a form.
func (s *Server) PutForm(f M) {
	s.Lock()
	defer s.Unlock()
	at := slices.IndexFunc(s.forms, func(other M) bool { return other["formSlug"] == f["formSlug"] })
	if at < 0 {
		s.forms = append(s.forms, f)
		return
	}
	s.forms[at] = f
}

// SetSecret changes the client's secret; what was given out ends.
func (s *Server) SetSecret(secret string) {
	s.Lock()
	s.ClientSecret = secret
	s.Unlock()
	s.EndTokens(true)
}

// EndTokens ends what was given out; with refresh also what renews it.
func (s *Server) EndTokens(refresh bool) {
	s.Lock()
	defer s.Unlock()
	clear(s.access)
	if refresh {
		clear(s.refresh)
	}
}

// BetweenPages calls something, under the lock, before each page is made.
func (s *Server) BetweenPages(f func(put func(M))) {
	s.Lock()
	s.before = func() { f(s.putLocked) }
	s.Unlock()
}

func refuse(w http.ResponseWriter, status int, message string) {
	fakevendor.Reply(w, status, M{"errors": []any{M{"message": message}}})
}

func (s *Server) answer(w http.ResponseWriter, r fakevendor.Request) {
	if r.Path == "/oauth2/token" {
		s.token(w, r)
		return
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || !s.access[token] {
		refuse(w, http.StatusUnauthorized, "Unauthorized")
		return
	}
	if r.Method != http.MethodGet {
		refuse(w, http.StatusForbidden, "Forbidden")
		return
	}
	if id, ok := strings.CutPrefix(r.Path, "/v5/orders/"); ok {
		s.order(w, r, id)
		return
	}
	rest, ok := strings.CutPrefix(r.Path, "/v5/organizations/"+s.Organization+"/")
	parts := strings.Split(rest, "/")
	switch {
	case !ok:
		refuse(w, http.StatusForbidden, "Forbidden")
	case rest == "orders":
		s.listOrders(w, r)
	case rest == "payments":
		s.listPayments(w, r)
	case rest == "forms":
		s.listForms(w, r)
	case len(parts) == 4 && parts[0] == "forms" && parts[3] == "public":
		s.form(w, parts[1], parts[2])
	default:
		refuse(w, http.StatusNotFound, "Not found")
	}
}

// token follows RFC 6749: a form, and what is wrong is a bad request.
func (s *Server) token(w http.ResponseWriter, r fakevendor.Request) {
	wrong := func(name string) { fakevendor.Reply(w, http.StatusBadRequest, M{"error": name}) }
	switch {
	case r.Method != http.MethodPost || r.Form == nil:
		wrong("invalid_request")
		return
	case r.Form.Get("client_id") != s.ClientID:
		wrong("invalid_client")
		return
	case r.Form.Get("grant_type") == "client_credentials" && r.Form.Get("client_secret") == s.ClientSecret:
	case r.Form.Get("grant_type") == "refresh_token" && s.refresh[r.Form.Get("refresh_token")]:
		delete(s.refresh, r.Form.Get("refresh_token"))
	default:
		wrong("invalid_grant")
		return
	}
	s.tokens++
	access, refresh := fmt.Sprintf("at-%d-%s", s.tokens, s.ClientSecret[3:]), fmt.Sprintf("rt-%d-%s", s.tokens, s.ClientSecret[3:])
	s.access[access], s.refresh[refresh] = true, true
	fakevendor.Reply(w, http.StatusOK, M{"access_token": access, "refresh_token": refresh, "token_type": "bearer", "expires_in": 1799})
}

func timeOf(v any) time.Time {
	text, _ := v.(string)
	t, _ := time.Parse(time.RFC3339Nano, text)
	return t
}

func (s *Server) order(w http.ResponseWriter, r fakevendor.Request, id string) {
	if name := fakevendor.Unknown(r.Query, "withFormData"); name != "" {
		refuse(w, http.StatusBadRequest, "unknown parameter "+name)
		return
	}
	for _, o := range s.orders {
		if fakevendor.Text(o["id"]) == id && s.Shown(id) {
			fakevendor.Reply(w, http.StatusOK, o)
			return
		}
	}
	refuse(w, http.StatusNotFound, "Not found")
}

func (s *Server) form(w http.ResponseWriter, formType, slug string) {
	for _, f := range s.forms {
		if f["formType"] == formType && f["formSlug"] == slug {
			fakevendor.Reply(w, http.StatusOK, f)
			return
		}
	}
	refuse(w, http.StatusNotFound, "Not found")
}

// page writes part of a list: the end is a page without anything, and the token
// is there even then; counts are not told.
func (s *Server) page(w http.ResponseWriter, r fakevendor.Request, rows []M) {
	size, start := 20, 0
	if text := r.Query.Get("pageSize"); text != "" {
		size, _ = strconv.Atoi(text)
	}
	if size < 1 || size > 100 {
		refuse(w, http.StatusBadRequest, "pageSize")
		return
	}
	if text := r.Query.Get("continuationToken"); text != "" {
		n, err := strconv.Atoi(strings.TrimPrefix(text, "ct"))
		if err != nil {
			refuse(w, http.StatusBadRequest, "continuationToken")
			return
		}
		start = min(n, len(rows))
	}
	end := min(start+size, len(rows))
	fakevendor.Reply(w, http.StatusOK, M{"data": append([]M{}, rows[start:end]...), "pagination": M{"pageSize": size, "totalCount": -1, "pageIndex": 1, "totalPages": -1, "continuationToken": fmt.Sprintf("ct%d", end)}})
}
