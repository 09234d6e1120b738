// Package sibiltest plays the State's system for the quarterly ticketing return,
// as strict as what is published of its test system allows: it refuses members
// that it does not know, amounts that are no numbers with two decimals, keys of
// another form, a declaration without its parts, and the same show at the same
// time under another key.
package sibiltest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// User name and password that the server takes.
const (
	Username = "theatre-des-arcades"
	Password = "mot-de-passe-fictif"
)

// Server is the system. Its fields are for a test to change under Lock.
type Server struct {
	*httptest.Server
	sync.Mutex
	// Held are the declarations that it has, by key.
	Held map[string]map[string]any
	// Requests are method and path of everything asked, and Bodies what was declared.
	Requests []string
	Bodies   []string
	// Faults are answered, one a request, before anything else; zero lets a request
	// through.
	Faults []int
	// RetryAfter goes with each fault.
	RetryAfter string
	// Domains are the labels by number.
	Domains map[int]string
	// NoPut: declarations are changed by POST only.
	NoPut bool
	// Hold, where set, lets no declaration be taken before it is closed.
	Hold chan struct{}
	// Mute, where set, lets no declaration be answered before it is closed, after
	// so many Answers; they are taken.
	Mute    chan struct{}
	Answers int
	// Forbidden, where set, is what declarations hold that may not be made.
	Forbidden string
	token     int
	next      int
}

// New starts a server that ends with the test.
func New(tb testing.TB) *Server {
	tb.Helper()
	s := &Server{Held: map[string]map[string]any{}, Domains: map[int]string{1: "Théâtre", 2: "Danse de création", 7: "Cirque"}, next: 900123}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	tb.Cleanup(s.Close)
	return s
}

// Count is how often something was asked: "POST /api/v2/declarations".
func (s *Server) Count(request string) int {
	s.Lock()
	defer s.Unlock()
	n := 0
	for _, r := range s.Requests {
		if r == request {
			n++
		}
	}
	return n
}

// Expire makes every token that was given out invalid.
func (s *Server) Expire() {
	s.Lock()
	defer s.Unlock()
	s.token++
}

// Declared is what it has under a key.
func (s *Server) Declared(key string) map[string]any {
	s.Lock()
	defer s.Unlock()
	return s.Held[key]
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	s.Lock()
	s.Requests = append(s.Requests, r.Method+" "+r.URL.Path)
	fault := 0
	if len(s.Faults) > 0 {
		fault, s.Faults = s.Faults[0], s.Faults[1:]
	}
	after, token := s.RetryAfter, fmt.Sprintf("jeton-%d", s.token)
	s.Unlock()
	switch {
	case fault != 0:
		if after != "" {
			w.Header().Set("Retry-After", after)
		}
		w.WriteHeader(fault)
	case r.URL.Path == "/api/v2/authenticate" && r.Method == http.MethodPost:
		s.authenticate(w, raw, token)
	case r.Header.Get("Authorization") != "Bearer "+token:
		answer(w, http.StatusUnauthorized, map[string]any{"title": "Unauthorized", "status": 401, "message": "error.http.401"})
	case r.URL.Path == "/api/v2/domaine-representations" && r.Method == http.MethodGet && r.URL.Query().Get("sansPagination") == "true":
		s.domains(w)
	case r.URL.Path == "/api/v2/declarations" && (r.Method == http.MethodPost || r.Method == http.MethodPut):
		s.declare(w, r, raw)
	default:
		answer(w, http.StatusNotFound, map[string]any{"title": "Not Found", "status": 404})
	}
}

func (s *Server) authenticate(w http.ResponseWriter, raw []byte, token string) {
	var in struct {
		Username string `json:"username"`
		Password string `json:"password"`
	}
	if strict(raw, &in) != nil || in.Username != Username || in.Password != Password {
		answer(w, http.StatusOK, map[string]any{"id_token": "", "typeError": "NOT AUTHENTICATED", "versions": nil})
		return
	}
	answer(w, http.StatusOK, map[string]any{"id_token": token, "typeError": "AUTHENTICATED", "versions": []string{"v2"}})
}

func (s *Server) domains(w http.ResponseWriter) {
	s.Lock()
	defer s.Unlock()
	list := []map[string]any{{"id": 99, "libelle": "Ancien domaine", "actif": false}}
	for id, label := range s.Domains {
		list = append(list, map[string]any{"id": id, "libelle": label, "actif": true})
	}
	answer(w, http.StatusOK, list)
}

// declaration is everything that may be said.
type declaration struct {
	ID               *int64          `json:"id"`
	Key              *string         `json:"idExtBilletterie"`
	MultipleManagers *bool           `json:"gestionnaireMultiple"`
	At               *string         `json:"dateHeureRepresentationUnique"`
	Performances     *int            `json:"nbRepresentations"`
	Tickets          *int            `json:"nbBilletsTotalBilletterie"`
	Revenue          json.RawMessage `json:"recetteTotalBilletterie"`
	Average          json.RawMessage `json:"prixMoyenTotalBilletterie"`
	Full             *int            `json:"nbBilletsTarifPlein"`
	FullRevenue      json.RawMessage `json:"recetteTarifPlein"`
	FullAverage      json.RawMessage `json:"prixMoyenTarifPlein"`
	Subscription     *int            `json:"nbBilletsTarifAbonnementForfait"`
	Exempt           *int            `json:"nbBilletsExoneres"`
	Capacity         *int            `json:"jauge"`
	Young            *bool           `json:"jeunePublic"`
	Domain           *int            `json:"domaineRepresentationId"`
	Venue            *struct {
		Name   string  `json:"nom"`
		Street string  `json:"adresse"`
		Code   string  `json:"codePostal"`
		City   string  `json:"ville"`
		SIRET  *string `json:"siret"`
		Type   string  `json:"typeLieu"`
	} `json:"lieuChamps"`
	Show *struct {
		Domain int    `json:"domaineSpectacleId"`
		Title  string `json:"critere1"`
		Second string `json:"critere2"`
	} `json:"spectacleChamps"`
	State *string `json:"statutDeclaration"`
}

var (
	euros      = regexp.MustCompile(`^(0|[1-9][0-9]*)\.[0-9]{2}$`)
	keys       = regexp.MustCompile(`^.{1,17}$`)
	postalCode = regexp.MustCompile(`^[0-9]{5}$`)
	places     = "THEATRE ESPACE_POLYVALENT CASINO_DISCOTHEQUE_HOTEL_CAFE_RESTAURANT SALLE_CONCERT_AUDITORIUM_OPERA_ZENITH CABARET_MUSIC_HALL PLEIN_AIR_PARC_LOISIRS_ATTRACTION STRUCTURE_ITINERANTE_DEMONTABLE_CHAPITEAU LIEU_DE_CULTE LIEU_DE_SANTE AUTRE"
)

// wrong says what is wrong with a declaration.
func (d declaration) wrong(domains map[int]string) string {
	switch {
	case d.Key == nil || !keys.MatchString(*d.Key):
		return "idExtBilletterie"
	case d.Performances == nil || *d.Performances != 1:
		return "nbRepresentations"
	case d.Tickets == nil || d.Full == nil || d.Subscription == nil || d.Exempt == nil || *d.Full+*d.Subscription+*d.Exempt > *d.Tickets:
		return "nbBillets"
	case d.Capacity == nil || d.Young == nil || d.MultipleManagers == nil:
		return "jauge"
	case d.Domain == nil || domains[*d.Domain] == "":
		return "domaineRepresentationId"
	case d.Venue == nil || d.Venue.Name == "" || d.Venue.Street == "" || d.Venue.City == "" || !postalCode.MatchString(d.Venue.Code) || !strings.Contains(" "+places+" ", " "+d.Venue.Type+" "):
		return "lieuChamps"
	case d.Show == nil || d.Show.Title == "" || d.Show.Domain != *d.Domain:
		return "spectacleChamps"
	case d.State == nil || (*d.State != "BROUILLON" && *d.State != "ENREGISTRE"):
		return "statutDeclaration"
	}
	for name, raw := range map[string]json.RawMessage{
		"recetteTotalBilletterie": d.Revenue, "prixMoyenTotalBilletterie": d.Average, "recetteTarifPlein": d.FullRevenue, "prixMoyenTarifPlein": d.FullAverage,
	} {
		if !euros.Match(raw) {
			return name
		}
	}
	if d.At == nil {
		return "dateHeureRepresentationUnique"
	}
	if at, err := time.Parse("2006-01-02T15:04:05.000Z07:00", *d.At); err != nil || at.Location() != time.UTC {
		return "dateHeureRepresentationUnique"
	}
	return ""
}

func (s *Server) declare(w http.ResponseWriter, r *http.Request, raw []byte) {
	s.Lock()
	hold := s.Hold
	s.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-r.Context().Done():
			return
		}
	}
	s.Lock()
	status, document := s.take(r.Method, raw)
	mute := s.Mute
	if s.Answers > 0 {
		s.Answers--
		mute = nil
	}
	s.Unlock()
	if mute != nil {
		select {
		case <-mute:
		case <-r.Context().Done():
			return
		}
	}
	if document == nil {
		w.WriteHeader(status)
		return
	}
	answer(w, status, document)
}

// take takes a declaration, or says why not.
func (s *Server) take(method string, raw []byte) (int, any) {
	if s.Forbidden != "" && bytes.Contains(raw, []byte(s.Forbidden)) {
		return http.StatusForbidden, map[string]any{"title": "Forbidden", "status": 403, "detail": "Accès refusé", "message": "error.http.403"}
	}
	if method == http.MethodPut && s.NoPut {
		return http.StatusMethodNotAllowed, nil
	}
	var d declaration
	if err := strict(raw, &d); err != nil {
		return refusal("Requête illisible: " + err.Error())
	}
	if what := d.wrong(s.Domains); what != "" {
		return refusal("Champ invalide: " + what)
	}
	held := s.Held[*d.Key]
	if method == http.MethodPut && (held == nil || d.ID == nil || held["id"] != *d.ID) {
		return refusal("Identifiant inconnu")
	}
	for key, other := range s.Held {
		if key != *d.Key && other["dateHeureRepresentationUnique"] == *d.At && other["spectacleCritere1"] == d.Show.Title {
			return refusal("Une déclaration existe déjà dans la base de données SIBIL avec les mêmes données saisies")
		}
	}
	var now map[string]any
	_ = json.Unmarshal(raw, &now) // it was read a moment ago
	status := http.StatusOK
	now["version"] = 1
	if held != nil {
		now["id"], now["version"] = held["id"], held["version"].(int)+1
	} else {
		now["id"] = int64(s.next)
		s.next++
		status = http.StatusCreated
	}
	now["spectacleCritere1"], now["valide"], now["declarantId"] = d.Show.Title, true, 3310
	s.Held[*d.Key] = now
	s.Bodies = append(s.Bodies, string(raw))
	return status, now
}

// strict reads a document that has nothing unknown in it and nothing behind it.
func strict(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return fmt.Errorf("more than one document")
	}
	return nil
}

func refusal(title string) (int, any) {
	return http.StatusBadRequest, map[string]any{
		"entityName": "declaration", "errorKey": "errorsDataSib", "type": "http://www.jhipster.tech/problem/problem-with-message", "title": title, "status": 400,
		"message": "error.errorsDataSib", "params": "declaration",
	}
}

func answer(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(document)
}
