package audit_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// historied has a contact with a story.
func historied(t *testing.T) (a *parvistest.App, contact string) {
	t.Helper()
	a = parvistest.New(t)
	tag := a.Post("/v1/tags", map[string]any{"name": "Presse"}).Is(http.StatusCreated).ID()
	contact = a.Post("/v1/contacts", map[string]any{
		"kind": "person", "family_name": "Martin", "birthdate": "1980-02-29",
		"contact_points": []any{map[string]any{"kind": "email", "value": "m@example.org"}},
	}).Is(http.StatusCreated).ID()
	base := "/v1/contacts/" + contact
	a.Patch(base, map[string]any{"family_name": "Durand", "given_name": "Ana"}).Is(http.StatusOK)
	a.Put(base+"/tags/"+tag, nil)
	point := a.Get(base + "/contact-points").Data()[0]["id"].(string)
	a.Delete(base+"/contact-points/"+point, parvistest.IfMatch(`"1"`)).Is(http.StatusNoContent)
	parvistest.Eventually(t, "everything is numbered", func() bool { return len(a.Get(base+"/history").Is(http.StatusOK).Data()) == 5 })
	return a, contact
}

func TestHistoryTellsEachFieldOfAContact(t *testing.T) {
	t.Parallel()
	a, contact := historied(t)
	base := "/v1/contacts/" + contact + "/history"
	all := a.Get(base).Is(http.StatusOK).Data()
	types := make([]string, 0, len(all))
	for _, e := range all {
		types = append(types, e["type"].(string))
	}
	require.Equal(t, []string{"contact_point.removed", "contact.tagged", "contact.updated", "contact_point.added", "contact.created"}, types)
	updated := all[2]
	require.NotEmpty(t, updated["request_id"])
	require.Equal(t, "api_key", updated["actor"].(map[string]any)["kind"])
	require.Equal(t, map[string]any{"kind": "contact", "id": contact, "version": float64(2)}, updated["subject"])
	require.Equal(t, []any{
		map[string]any{"pointer": "/family_name", "before": "Martin", "after": "Durand", "masked": false},
		map[string]any{"pointer": "/given_name", "before": nil, "after": "Ana", "masked": false},
	}, updated["changes"])

	field := a.Get(base + "?pointer=" + url.QueryEscape("/family_name")).Data()
	require.Len(t, field, 2)
	require.Len(t, field[0]["changes"], 1)
	require.Len(t, a.Get(base+"?subject_kind=contact_point").Data(), 2)
	require.Equal(t, all, a.Walk(base+"?limit=2"))
	middle := url.QueryEscape(updated["occurred_at"].(string))
	require.Len(t, a.Get(base+"?occurred_at_gte="+middle).Data(), 3)
	require.Len(t, a.Get(base+"?occurred_at_lt="+middle).Data(), 2)

	one := a.Get("/v1/history?subject_kind=contact&subject_id=" + contact).Is(http.StatusOK).Data()
	require.Len(t, one, 3, "of the record alone")
	require.Len(t, a.Walk("/v1/history?limit=1&subject_kind=contact&subject_id="+contact), 3)
	require.Empty(t, a.Get("/v1/history?subject_kind=address&subject_id="+contact).Data())
	parvistest.Eventually(t, "the reading of a history is noted", func() bool {
		return len(a.Get("/v1/audit/reads?contact_id="+contact).Data()) > 0
	})
	a.Get("/v1/contacts/"+uuid.NewString()+"/history").Problem(http.StatusNotFound, "not-found")
}

func TestErasedHistorySaysSo(t *testing.T) {
	t.Parallel()
	a, contact := historied(t)
	owner(t, a, `delete from event_changes where event_id = (select id from events where type = 'contact.updated' and subject_id = '%s')`, contact)
	updated := a.Get("/v1/contacts/" + contact + "/history").Is(http.StatusOK).Data()[2]
	require.Equal(t, true, updated["erased"])
	require.Equal(t, []any{
		map[string]any{"pointer": "/family_name", "before": nil, "after": nil, "masked": false},
		map[string]any{"pointer": "/given_name", "before": nil, "after": nil, "masked": false},
	}, updated["changes"])
}

func TestHistoryHoldsToScopesAndClasses(t *testing.T) {
	t.Parallel()
	a, contact := historied(t)
	paths := []string{"/v1/contacts/" + contact + "/history", "/v1/history?subject_kind=contact&subject_id=" + contact}
	for _, path := range paths {
		a.Anonymous().Get(path).Problem(http.StatusUnauthorized, "unauthenticated")
		a.As("contacts:read", "audit:read", "events:changes").Get(path).Problem(http.StatusForbidden, "insufficient-scope")
		a.As("history:read").Get(path).Is(http.StatusOK)
	}
	narrow := a.As("history:read")
	owner(t, a, `update api_keys set readable_classes = '{identity}' where scopes = '{history:read}' and id = (select id from api_keys order by created_at desc, id desc limit 1)`)
	for _, e := range narrow.Get(paths[0]).Is(http.StatusOK).Data() {
		for _, c := range e["changes"].([]any) {
			change := c.(map[string]any)
			kind := e["subject"].(map[string]any)["kind"]
			hidden := kind == "contact_point" || change["pointer"] == "/birthdate"
			require.Equal(t, hidden, change["masked"], "%s %s", kind, change["pointer"])
			if hidden {
				require.Nil(t, change["before"])
				require.Nil(t, change["after"])
			}
		}
	}
}

func TestHistoryOfWhomOneDoesNotSeeIsNotThere(t *testing.T) {
	t.Parallel()
	a, contact := historied(t)
	base := "/v1/contacts/" + contact
	moment := url.QueryEscape(time.Now().Format(time.RFC3339Nano))
	reader := a.As("history:read", "contacts:read")
	owner(t, a, `update contacts set restricted = true where id = '%s'`, contact)
	reader.Get(base+"/history").Problem(http.StatusNotFound, "not-found")
	reader.Get(base+"?as_of="+moment).Problem(http.StatusNotFound, "not-found")
	require.Empty(t, reader.Get("/v1/history?subject_kind=contact&subject_id="+contact).Is(http.StatusOK).Data())
	a.Get(base + "/history").Is(http.StatusOK)
}

func TestAnotherInstitutionsHistoryIsNotThere(t *testing.T) {
	t.Parallel()
	a, contact := historied(t)
	other := a.OtherTenant()
	other.Get("/v1/contacts/"+contact+"/history").Problem(http.StatusNotFound, "not-found")
	require.Empty(t, other.Get("/v1/history?subject_kind=contact&subject_id="+contact).Is(http.StatusOK).Data())
}
