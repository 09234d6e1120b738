package webtest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

type object = map[string]any

// repeated is a request that was answered, to be sent again.
type repeated struct {
	c            *parvistest.Client
	method, path string
	body         any
	key          string
}

func (r repeated) again() *parvistest.Answer {
	return r.c.Do(r.method, r.path, r.body, parvistest.Header("Idempotency-Key", r.key), parvistest.IfMatch("*"))
}

// A kept answer is given again to whoever may still read what is in it, and
// nothing of it to anybody else.
func TestReplayIsHeldToTheRightsOfNow(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	key := app.Post("/v1/api-keys", object{"name": "k", "kind": "sk", "scopes": []string{"contacts:read", "contacts:write", "consents:write"}}).Is(http.StatusCreated).JSON()
	limited := app.Acting(app.Client)
	limited.Key = key["secret"].(string)
	made := repeated{limited, http.MethodPost, "/v1/contacts", object{"kind": "person", "family_name": "Vexomiral"}, "replay-1"}
	id := made.again().Is(http.StatusCreated).ID()
	at := "/v1/contacts/" + id
	point := repeated{limited, http.MethodPost, at + "/contact-points", object{"kind": "email", "value": "vexomiral@courrier.example"}, "replay-2"}
	point.again().Is(http.StatusCreated)
	changed := repeated{limited, http.MethodPatch, at, object{"given_name": "Ada", "website": "https://vexomiral.example"}, "replay-3"}
	changed.again().Is(http.StatusOK)
	batch := repeated{limited, http.MethodPost, "/v1/contacts/batch", object{"items": []object{
		{"op": "create", "body": object{"kind": "person", "family_name": "Quithasel"}}, {"op": "create", "body": object{"kind": "person", "family_name": "Dromifaux"}},
	}}, "replay-4"}
	first := batch.again().Is(http.StatusMultiStatus)
	second := first.JSON()["results"].([]any)[1].(object)["id"].(string)
	all := []repeated{made, point, changed}
	for _, r := range append(all, batch) {
		require.Equal(t, "true", r.again().Header.Get("Idempotency-Replayed"))
	}
	require.Equal(t, string(first.Body), string(batch.again().Body))

	// It is a read, and logged as one.
	parvistest.Eventually(t, "the repetition is logged", func() bool { return readsBy(app, id, "createContact") == 1 })
	made.again().Is(http.StatusCreated)
	parvistest.Eventually(t, "and each after it", func() bool { return readsBy(app, id, "createContact") == 2 })

	// Restricted: for this reader it is not there, whatever was answered before.
	app.Post(at+"/restrict", object{"reason": "discrétion"}).Is(http.StatusOK)
	app.Post("/v1/contacts/"+second+"/restrict", object{"reason": "discrétion"}).Is(http.StatusOK)
	fresh := limited.Get(at).Problem(http.StatusNotFound, "not-found")
	for _, r := range all {
		again := r.again()
		require.Equal(t, fresh["code"], again.Problem(http.StatusNotFound, "not-found")["code"])
		require.NotContains(t, string(again.Body), "exomiral")
		require.Empty(t, again.Header.Get("Location")+again.ETag()+again.Header.Get("Idempotency-Replayed"))
	}
	partly := batch.again().Is(http.StatusMultiStatus)
	require.NotContains(t, string(partly.Body), "Dromifaux")
	require.NotContains(t, string(partly.Body), second)
	results := partly.JSON()["results"].([]any)
	require.Equal(t, first.JSON()["results"].([]any)[0], results[0])
	require.Equal(t, "not-found", results[1].(object)["problem"].(object)["code"])
	require.EqualValues(t, http.StatusNotFound, results[1].(object)["status"])
	app.Post(at+"/unrestrict", object{"reason": "levée"}).Is(http.StatusOK)
	made.again().Is(http.StatusCreated)

	// Seen and no longer reached: what tells how to reach the person is masked.
	app.Patch("/v1/api-keys/"+key["id"].(string), object{"verbs": []string{"see", "edit"}}).Is(http.StatusOK)
	point.again().Problem(http.StatusForbidden, "verb-not-held")
	again := changed.again().Is(http.StatusOK)
	require.NotContains(t, string(again.Body), "vexomiral.example")
	require.Contains(t, again.JSON()["masked"], "/website")

	// Nothing of it without the scope, and a contact that is gone is gone.
	app.Patch("/v1/api-keys/"+key["id"].(string), object{"scopes": []string{"contacts:read"}, "verbs": nil}).Is(http.StatusOK)
	made.again().Problem(http.StatusForbidden, "insufficient-scope")
	app.Patch("/v1/api-keys/"+key["id"].(string), object{"scopes": []string{"contacts:write"}}).Is(http.StatusOK)
	survivor := app.Post("/v1/contacts", object{"kind": "person", "family_name": "Ostrevane"}).Is(http.StatusCreated).ID()
	app.AsOwner("UPDATE crm.contacts SET merged_into = $1 WHERE id = $2", survivor, id)
	made.again().Problem(http.StatusGone, "contact-merged")
}

// A withdrawal changes the very next answer, a repeated one too.
func TestReplayEndsWithTheBasis(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	app.Post("/v1/purposes", object{"code": "lettre", "name": "Lettre", "legal_basis": "consent"}).Is(http.StatusCreated)
	app.Post("/v1/processing-activities", object{
		"code": "lettre", "name": "Lettre", "description": "x", "purposes": []string{"lettre"}, "field_classes": []string{"identity", "contact_point"},
	})
	id := app.Post("/v1/contacts", object{"kind": "person", "family_name": "Vexomiral"}).Is(http.StatusCreated).ID()
	at := "/v1/contacts/" + id
	point := app.Post(at+"/contact-points", object{"kind": "email", "value": "vexomiral@courrier.example"}).Is(http.StatusCreated).ID()
	consent := object{
		"purpose": "lettre", "channel": "email", "action": "given", "mechanism": "unticked_box", "contact_point_id": point, "at": "2026-11-23T10:15:00Z", "zone": "Europe/Paris",
		"wording": object{"text": "J'accepte", "language": "fr", "label": "v1"},
	}
	given := repeated{app.Client, http.MethodPost, at + "/consents", consent, "basis-1"}
	given.again().Is(http.StatusCreated)
	key := app.Post("/v1/api-keys", object{"name": "k", "kind": "sk", "scopes": []string{"contacts:read", "contacts:write"}, "purposes": []string{"lettre"}}).Is(http.StatusCreated).JSON()
	bound := app.Acting(app.Client)
	bound.Key = key["secret"].(string)
	archived := repeated{bound, http.MethodPost, at + "/archive", nil, "basis-2"}
	archived.again().Is(http.StatusOK)
	again := archived.again().Is(http.StatusOK)
	require.Equal(t, "true", again.Header.Get("Idempotency-Replayed"))
	require.NotEmpty(t, again.Header.Get("Parvis-Receipt"), "a read for a purpose has its receipt")
	app.Post(at+"/consents", parvistest.With(consent, object{"action": "withdrawn", "mechanism": "unsubscribe_link", "at": "2026-11-24T10:15:00Z"})).Is(http.StatusCreated)
	bound.Get(at).Problem(http.StatusNotFound, "not-found")
	archived.again().Problem(http.StatusNotFound, "not-found")

	// An answer that tells of a person is a read too where the first one was not.
	require.Zero(t, readsBy(app, id, "createConsent"))
	given.again().Is(http.StatusCreated)
	parvistest.Eventually(t, "the repetition is logged", func() bool { return readsBy(app, id, "createConsent") == 1 })
}

// readsBy counts the reads of a contact by an operation.
func readsBy(app *parvistest.App, contact, operation string) (n int) {
	for _, r := range app.Walk("/v1/audit/reads?contact_id=" + contact) {
		if r["operation"] == operation {
			n++
		}
	}
	return n
}
