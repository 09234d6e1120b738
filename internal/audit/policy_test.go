package audit_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

func policy(changes map[string]any) map[string]any {
	return parvistest.With(map[string]any{"operations": []any{}, "purposes": []any{}, "restricted": false, "noted": "all"}, changes)
}

func someone(t *testing.T, a *parvistest.App) string {
	t.Helper()
	return a.Post("/v1/contacts", map[string]any{"kind": "person", "family_name": "Martin"}).Is(http.StatusCreated).ID()
}

func TestReadsThatNeedAReasonAreRefusedWithoutOne(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	contact := someone(t, a)
	path := "/v1/contacts/" + contact
	none := a.Get("/v1/audit/read-policy").Is(http.StatusOK)
	require.EqualValues(t, 0, none.JSON()["version"])
	a.Get(path).Is(http.StatusOK)

	put := a.Put("/v1/audit/read-policy", policy(map[string]any{"operations": []any{"getContact"}, "purposes": []any{"prospection"}})).Is(http.StatusOK)
	refused := a.Get(path).Problem(http.StatusForbidden, "reason-required")
	require.Equal(t, "Parvis-Reason", refused["required_header"])
	a.Get("/v1/contacts").Is(http.StatusOK)
	a.Get("/v1/contacts", parvistest.Header("Parvis-Reason", strings.Repeat("é", 201))).Problem(http.StatusBadRequest, "invalid-request")
	a.Get(path, parvistest.Header("Parvis-Reason", "Appel de la personne, dossier 114 été")).Is(http.StatusOK)

	a.Put("/v1/audit/read-policy", policy(nil)).Problem(http.StatusPreconditionRequired, "precondition-required")
	a.Put("/v1/audit/read-policy", policy(nil), parvistest.IfMatch(`"9"`)).Problem(http.StatusPreconditionFailed, "stale-version")
	a.Put("/v1/audit/read-policy", policy(map[string]any{"operations": []any{"getNothing"}}), parvistest.IfMatch(put.ETag())).Problem(http.StatusUnprocessableEntity, "invalid")
	a.Put("/v1/audit/read-policy", policy(nil), parvistest.IfMatch(put.ETag())).Is(http.StatusOK)
	a.Get(path).Is(http.StatusOK)

	parvistest.Eventually(t, "the person's log tells who, when and why", func() bool {
		list := a.Get(path + "/access-log").Is(http.StatusOK).Data()
		return slices.ContainsFunc(list, func(r map[string]any) bool {
			return r["operation"] == "getContact" && r["reason"] == "Appel de la personne, dossier 114 été"
		})
	})
	one := a.Get(path + "/access-log").Data()[0]
	require.NotContains(t, one, "contact_ids", "nobody else is named")
	// Reading the log is a read too: what is walked ends before what the walk adds.
	until := "occurred_at_lt=" + url.QueryEscape(one["occurred_at"].(string))
	earlier := a.Get(path + "/access-log?" + until).Is(http.StatusOK).Data()
	require.GreaterOrEqual(t, len(earlier), 2, "the reads before the last one that is told of")
	require.Equal(t, earlier, a.Walk(path+"/access-log?limit=1&"+until))
}

func TestReadsOfRestrictedContactsNeedAReasonAndAreAlwaysNoted(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	open, restricted := someone(t, a), someone(t, a)
	owner(t, a, `update contacts set restricted = true where id = '%s'`, restricted)
	a.Put("/v1/audit/read-policy", policy(map[string]any{"restricted": true, "noted": "none"})).Is(http.StatusOK)
	a.Get("/v1/contacts/"+restricted).Problem(http.StatusForbidden, "reason-required")
	a.Get("/v1/contacts").Problem(http.StatusForbidden, "reason-required")
	a.Get("/v1/contacts/" + open).Is(http.StatusOK)
	a.Get("/v1/contacts/"+restricted, parvistest.Header("Parvis-Reason", "114")).Is(http.StatusOK)
	parvistest.Eventually(t, "the read of the restricted contact is noted", func() bool {
		return len(a.Get("/v1/contacts/"+restricted+"/access-log").Data()) == 1
	})
	for _, r := range a.Get("/v1/contacts/" + open + "/access-log").Data() {
		require.NotEqual(t, "getContact", r["operation"], "others are not, by this policy")
	}
}

// An answer to a change has the contact too: where nothing was changed no event
// tells of it, so that it is a read as any other.
func TestAChangeThatChangesNothingIsARead(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	contact := a.Post("/v1/contacts", map[string]any{"kind": "person", "family_name": "Martin", "contact_points": []any{map[string]any{"kind": "email", "value": "martin@example.org"}},
		"addresses": []any{map[string]any{"city": "Lyon"}}, "external_ids": []any{map[string]any{"source": "x", "external_id": "1"}}}).Is(http.StatusCreated).ID()
	path := "/v1/contacts/" + contact
	point, address := a.Get(path + "/contact-points").Data()[0]["id"].(string), a.Get(path + "/addresses").Data()[0]["id"].(string)
	a.Post(path+"/restrict", map[string]any{"reason": "114"}).Is(http.StatusOK)
	a.Put("/v1/audit/read-policy", policy(map[string]any{"restricted": true})).Is(http.StatusOK)
	always, why := parvistest.IfMatch("*"), parvistest.Header("Parvis-Reason", "dossier 115")
	nothing := map[string]any{}
	for operation, ask := range map[string]func(...parvistest.RequestOption) *parvistest.Answer{
		"updateContact": func(o ...parvistest.RequestOption) *parvistest.Answer { return a.Patch(path, nothing, o...) },
		"upsertContactByExternalId": func(o ...parvistest.RequestOption) *parvistest.Answer {
			return a.Patch("/v1/contacts/by-external-id/x/1", nothing, o...)
		},
		"restoreContact": func(o ...parvistest.RequestOption) *parvistest.Answer { return a.Post(path+"/restore", nil, o...) },
		"restrictContact": func(o ...parvistest.RequestOption) *parvistest.Answer {
			return a.Post(path+"/restrict", map[string]any{"reason": "114"}, o...)
		},
		"updateContactPoint": func(o ...parvistest.RequestOption) *parvistest.Answer {
			return a.Patch(path+"/contact-points/"+point, nothing, o...)
		},
		"updateAddress": func(o ...parvistest.RequestOption) *parvistest.Answer {
			return a.Patch(path+"/addresses/"+address, nothing, o...)
		},
	} {
		ask(always).Problem(http.StatusForbidden, "reason-required")
		ask(always, why).Is(http.StatusOK)
		parvistest.Eventually(t, operation+" is noted", func() bool {
			return slices.ContainsFunc(a.Get(path+"/access-log", why).Data(), func(r map[string]any) bool {
				return r["operation"] == operation && r["reason"] == "dossier 115"
			})
		})
	}
	a.Patch(path, map[string]any{"nickname": "Mar"}).Is(http.StatusOK) // the event tells of it
}

// TestNobodyIsWatched: what the logs hold about agents is not to be had by agent
// (CNIL, recommendation on logging measures: no reuse for other ends).
func TestNobodyIsWatched(t *testing.T) {
	t.Parallel()
	for id, op := range api.Operations {
		if !strings.Contains(op.Path, "audit") && !strings.Contains(op.Path, "access-log") && !strings.Contains(op.Path, "history") {
			continue
		}
		for _, p := range op.PathParameters {
			require.NotContains(t, []string{"actor_id", "user_id", "agent_id"}, p.Name, id)
		}
		for _, q := range op.Query {
			require.NotContains(t, []string{"group_by", "count"}, q.Name, id)
			if q.Name == "actor_id" || q.Name == "user_id" {
				require.Contains(t, op.Scopes, "audit:actors", id)
			}
		}
	}
	a := parvistest.New(t)
	reader := a.As("audit:read")
	reader.Get("/v1/audit/reads").Is(http.StatusOK)
	require.Equal(t, "audit:actors", reader.Get("/v1/audit/reads?actor_id=x").Problem(http.StatusForbidden, "insufficient-scope")["required_scope"])
	a.As("audit:read", "audit:actors").Get("/v1/audit/reads?actor_id=x").Is(http.StatusOK)
}

func TestPolicyAndAccessLogAreForThoseWhoMay(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	contact := someone(t, a)
	a.As("audit:read").Put("/v1/audit/read-policy", policy(nil)).Problem(http.StatusForbidden, "insufficient-scope")
	a.As("audit:read", "contacts:read").Get("/v1/contacts/"+contact+"/access-log").Problem(http.StatusForbidden, "insufficient-scope")
	reader := a.As("access-log:read")
	reader.Get("/v1/contacts/" + contact + "/access-log").Is(http.StatusOK)
	owner(t, a, `update contacts set restricted = true where id = '%s'`, contact)
	reader.Get("/v1/contacts/"+contact+"/access-log").Problem(http.StatusNotFound, "not-found")

	other := a.OtherTenant()
	other.Get("/v1/contacts/"+contact+"/access-log").Problem(http.StatusNotFound, "not-found")
	other.Put("/v1/audit/read-policy", policy(map[string]any{"noted": "none"})).Is(http.StatusOK)
	require.Equal(t, "all", a.Get("/v1/audit/read-policy").JSON()["noted"])
}
