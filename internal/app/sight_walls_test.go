package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// secrets are what a reader limited to the theatre must not meet: contacts of
// the museum and a restricted one, with all that hangs on them.
type secrets struct {
	ids     []string // of contacts, orders, consents, events
	paths   []string // that must be 404
	theatre string
}

type body = map[string]any

func furnishSight(t *testing.T, app *parvistest.App) secrets {
	t.Helper()
	s := secrets{theatre: app.Department("theatre", "")}
	museum := app.Department("museum", "")
	app.Post("/v1/purposes", body{"code": "lettre", "name": "Lettre", "legal_basis": "consent"}).Is(http.StatusCreated)
	app.Post("/v1/ticketing/sources", body{"code": "caisse", "name": "Caisse", "kind": "generic", "time_zone": "Europe/Paris", "currency": "EUR"}).Is(http.StatusCreated)
	contact := func(family, department string) string {
		mail := strings.ToLower(family) + "@zqsecret.example"
		id := app.Post("/v1/contacts", body{
			"kind": "person", "given_name": "Zoë", "family_name": family, "department_ids": []string{department},
			"contact_points": []body{{"kind": "email", "value": mail}}, "addresses": []body{{"city": "Zqville"}},
			"external_ids": []body{{"source": "ticketing:caisse", "external_id": family}},
		}).Is(http.StatusCreated).ID()
		point := app.Get("/v1/contacts/" + id + "/contact-points").Data()[0]["id"].(string)
		consent := app.Post("/v1/contacts/"+id+"/consents", body{"purpose": "lettre", "channel": "email", "action": "given", "mechanism": "unticked_box", "contact_point_id": point, "at": "2026-01-01T10:00:00Z"}).Is(http.StatusCreated).ID()
		order := app.Put("/v1/ticketing/sources/caisse/records/order/"+family, body{"source_modified_at": "2026-01-02T10:00:00Z", "data": body{
			"commercial_state": "confirmed", "currency": "EUR", "placed_at": "2026-01-02T10:00:00Z", "buyer": body{"contact_id": id, "email": mail, "family_name": family},
			"lines": []body{{"external_id": "l" + family, "label": "Place", "amount": "10.00", "state": "valid"}},
		}}).Is(http.StatusOK).JSON()
		require.Equal(t, id, order["contact_id"])
		o := order["id"].(string)
		s.ids = append(s.ids, id, consent, o)
		s.paths = append(s.paths, "/v1/ticketing/orders/"+o)
		at := "/v1/contacts/" + id
		s.paths = append(s.paths, at, at+"?expand=contact_points,addresses,tags,external_ids", at+"/contact-points", at+"/contact-points/"+point, at+"/addresses",
			at+"/external-ids", at+"/departments", at+"/consents", at+"/consents/history", at+"/orders", "/v1/consents/"+consent, "/v1/consents/"+consent+"/proof",
			"/v1/contacts/by-external-id/ticketing:caisse/"+family)
		return id
	}
	contact("Zqmusee", museum)
	restricted := contact("Zqrestreint", s.theatre)
	app.Post("/v1/contacts/"+restricted+"/restrict", body{"reason": "discrétion"}).Is(http.StatusOK)
	for _, path := range append([]string{}, s.paths...) {
		app.Get(path).Is(http.StatusOK)
	}
	own := app.Post("/v1/contacts", body{"kind": "person", "family_name": "Visible", "department_ids": []string{s.theatre}}).Is(http.StatusCreated).ID()
	parvistest.Eventually(t, "every event to be numbered", func() bool {
		return len(app.Get("/v1/events?types=contact.created&subject_id="+own).Data()) == 1
	})
	for _, id := range append([]string{}, s.ids...) {
		for _, e := range app.Get("/v1/events?subject_id=" + id).Data() {
			s.ids = append(s.ids, e["id"].(string))
			s.paths = append(s.paths, "/v1/events/"+e["id"].(string), "/v1/events/"+e["id"].(string)+"/changes")
		}
	}
	return s
}

// holds asks in every way there is and meets nothing of the secrets.
func (s secrets) holds(t *testing.T, reader *parvistest.Client) {
	t.Helper()
	for _, path := range s.paths {
		reader.Get(path).Problem(http.StatusNotFound, "not-found")
	}
	lists := []string{
		"/v1/contacts", "/v1/contacts?archived=true&expand=contact_points,addresses,tags,external_ids", "/v1/contacts?sort=name", "/v1/contacts?restricted=true", "/v1/contacts?q=Zqmusee",
		"/v1/contacts?q=zqrestreint@zqsecret.example", "/v1/contacts?email=zqmusee@zqsecret.example", "/v1/contacts?q=zq", "/v1/contacts?name_prefix=zq",
		"/v1/contacts?external_id=Zqmusee", "/v1/contacts?external_source=ticketing:caisse", "/v1/consents", "/v1/ticketing/orders", "/v1/events?limit=1000", "/v1/events?types=*",
		"/v1/audit/reads",
	}
	accept := []string{"application/json", "text/csv", "application/x-ndjson"}
	for _, path := range lists {
		for _, media := range accept {
			if strings.HasPrefix(path, "/v1/events") && media != accept[0] {
				continue
			}
			s.silent(t, path, reader.Get(path, parvistest.Header("Accept", media)).Is(http.StatusOK))
		}
	}
	for _, filter := range []body{
		{"field": "family_name", "op": "prefix", "value": "Zq"}, {"field": "city", "op": "eq", "value": "Zqville"}, {"field": "email", "op": "contains", "value": "zqsecret"},
		{"not": body{"field": "family_name", "op": "eq", "value": "Visible"}},
	} {
		a := reader.Post("/v1/contacts/search", body{"filter": filter, "count": "exact"}).Is(http.StatusOK)
		require.Empty(t, a.Data(), filter)
		require.EqualValues(t, 0, a.JSON()["total_count"], filter)
	}
	require.EqualValues(t, 1, reader.Get("/v1/contacts?count=exact").JSON()["total_count"])
}

func (s secrets) silent(t *testing.T, path string, a *parvistest.Answer) {
	t.Helper()
	text := string(a.Body)
	require.NotContains(t, strings.ToLower(text), "zq", path)
	for _, id := range s.ids {
		require.NotContains(t, text, id, path)
	}
}

var readEverything = []string{"contacts:read", "consents:read", "ticketing:read", "events:read", "events:changes", "audit:read"}

func TestSightHoldsBehindTwoWalls(t *testing.T) {
	t.Parallel()
	t.Run("both", func(t *testing.T) {
		t.Parallel()
		app := parvistest.New(t)
		s := furnishSight(t, app)
		s.holds(t, app.Limited(parvistest.Limits{Scopes: readEverything, Departments: []string{s.theatre}}))
	})
	t.Run("without row-level security", func(t *testing.T) {
		t.Parallel()
		app := parvistest.New(t)
		s := furnishSight(t, app)
		app.WithoutSightPolicies()
		s.holds(t, app.Limited(parvistest.Limits{Scopes: readEverything, Departments: []string{s.theatre}}))
	})
	t.Run("without the program's look", func(t *testing.T) {
		t.Parallel()
		app := parvistest.New(t)
		s := furnishSight(t, app)
		s.holds(t, app.WithoutProgramLook(parvistest.Limits{Departments: []string{s.theatre}}))
	})
}
