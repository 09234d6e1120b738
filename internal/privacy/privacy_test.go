package privacy_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

const (
	base       = "/v1/ticketing/sources/principale"
	t1, t2, t3 = "2026-11-01T10:00:00Z", "2026-11-02T10:00:00Z", "2026-11-03T10:00:00Z"
)

func owner(t *testing.T, app *parvistest.App) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), app.DB.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// institution is a program with one ticketing source.
func institution(t *testing.T) *parvistest.App {
	t.Helper()
	app := parvistest.New(t)
	app.Post("/v1/ticketing/sources", m{"code": "principale", "name": "Billetterie", "kind": "generic"}).Is(http.StatusCreated)
	return app
}

func record(kind, id, at string, data m) m {
	return m{"kind": kind, "external_id": id, "source_modified_at": at, "data": data}
}

func send(c *parvistest.Client, records ...m) []m {
	var out struct{ Results []m }
	c.Post(base+"/batches", m{"records": records}).Is(http.StatusMultiStatus).Into(&out)
	return out.Results
}

func orderData(buyer m, lines ...m) m {
	return m{"number": "N1", "commercial_state": "confirmed", "placed_at": "2026-11-01T10:00:00Z", "buyer": buyer, "lines": lines,
		"payments": []m{{"external_id": "p1", "amount": "24.00", "state": "settled", "method": "card"}}}
}

func line(id string, holder m) m {
	l := m{"external_id": id, "amount": "24.00", "state": "valid"}
	if holder != nil {
		l["holder"] = holder
	}
	return l
}

func instruction() m {
	return m{"reason": "Demande de la personne", "instruction_reference": "DPO-2026-118"}
}

// erase erases a contact as it is now.
func erase(app *parvistest.App, contact string) m {
	c := app.Get("/v1/contacts/" + contact).Is(http.StatusOK)
	return app.Post("/v1/contacts/"+contact+"/erase", instruction(), parvistest.IfMatch(c.ETag())).Is(http.StatusOK).JSON()
}

// counts reads what an erasure says by kind.
func counts(list any) map[string]float64 {
	out := map[string]float64{}
	for _, e := range list.([]any) {
		out[e.(m)["kind"].(string)] = e.(m)["count"].(float64)
	}
	return out
}

func TestErasingAsksForTheVersionThatWasRead(t *testing.T) {
	t.Parallel()
	app := institution(t)
	c := app.Post("/v1/contacts", m{"kind": "person", "given_name": "Nora", "family_name": "Castellan"}).Is(http.StatusCreated)
	path := "/v1/contacts/" + c.ID() + "/erase"
	app.Post(path, instruction()).Problem(http.StatusPreconditionRequired, "precondition-required")
	app.Patch("/v1/contacts/"+c.ID(), m{"nickname": "No"}).Is(http.StatusOK)
	app.Post(path, instruction(), parvistest.IfMatch(c.ETag())).Problem(http.StatusPreconditionFailed, "stale-version")
	app.Get("/v1/contacts/"+c.ID()+"/erasure").Problem(http.StatusNotFound, "not-found")
	app.Post(path, m{"reason": "x"}, parvistest.IfMatch(`"2"`)).Problem(http.StatusBadRequest, "invalid-request")

	key := parvistest.Header("Idempotency-Key", `"erase-nora"`)
	first := app.Post(path, instruction(), parvistest.IfMatch(`"2"`), key).Is(http.StatusOK)
	again := app.Post(path, instruction(), parvistest.IfMatch(`"2"`), key).Is(http.StatusOK)
	require.Equal(t, string(first.Body), string(again.Body))
	require.Equal(t, "true", again.Header.Get("Idempotency-Replayed"))
	app.Post(path, instruction(), parvistest.IfMatch(`"3"`)).Problem(http.StatusGone, "contact-erased")
	require.JSONEq(t, string(first.Body), string(app.Get("/v1/contacts/"+c.ID()+"/erasure").Is(http.StatusOK).Body))
	require.Equal(t, "DPO-2026-118", first.JSON()["instruction_reference"])
	require.Equal(t, "Demande de la personne", first.JSON()["reason"])
}

func TestWhoIsErasedIsGoneEverywhere(t *testing.T) {
	t.Parallel()
	app := institution(t)
	made := app.Post("/v1/contacts", m{"kind": "person", "given_name": "Nora", "family_name": "Castellan", "external_ids": []m{{"source": "crm-ancien", "external_id": "A-17"}},
		"contact_points": []m{{"kind": "email", "value": "nora@courrier.example"}}}, parvistest.Header("Idempotency-Key", `"make-nora"`)).Is(http.StatusCreated)
	contact := made.ID()
	merged := app.Post("/v1/contacts", m{"kind": "person", "given_name": "Nora", "family_name": "Castelan"}).Is(http.StatusCreated).ID()
	app.AsOwner("UPDATE crm.contacts SET merged_into = $1 WHERE id = $2", contact, merged)
	got := erase(app, contact)
	require.EqualValues(t, 2, counts(got["erased"])["contacts"], "with whom was merged into it")

	at := "/v1/contacts/" + contact
	for _, id := range []string{contact, merged} {
		app.Get("/v1/contacts/"+id).Problem(http.StatusGone, "contact-erased")
		require.Equal(t, got["id"], app.Get("/v1/contacts/" + id + "/erasure").Is(http.StatusOK).JSON()["id"])
	}
	app.Patch(at, m{"nickname": "x"}).Problem(http.StatusGone, "contact-erased")
	app.Post(at+"/contact-points", m{"kind": "email", "value": "a@example.org"}).Problem(http.StatusGone, "contact-erased")
	app.Post(at+"/restore", nil).Problem(http.StatusGone, "contact-erased")
	app.Get(at+"/consents").Problem(http.StatusGone, "contact-erased")
	app.Get("/v1/contacts/by-external-id/crm-ancien/A-17").Problem(http.StatusGone, "contact-erased")
	for _, query := range []string{"?archived=true", "?archived=only", "?q=castellan&archived=true", "?email=nora@courrier.example&archived=true"} {
		require.Empty(t, app.Get("/v1/contacts"+query).Is(http.StatusOK).Data(), query)
	}
	// The answer that made the contact is kept a week for repetition, and given no more.
	app.Post("/v1/contacts", m{"kind": "person", "given_name": "Nora", "family_name": "Castellan", "external_ids": []m{{"source": "crm-ancien", "external_id": "A-17"}},
		"contact_points": []m{{"kind": "email", "value": "nora@courrier.example"}}}, parvistest.Header("Idempotency-Key", `"make-nora"`)).Problem(http.StatusGone, "contact-erased")

	var told []m
	parvistest.Eventually(t, "it is told", func() bool {
		told = nil
		told = append(told, app.Get("/v1/events?types=contact.erased").Is(http.StatusOK).Data()...)
		return len(told) == 2
	})
	require.NotContains(t, string(app.Get("/v1/events?types=contact.erased").Body), "Castel")
	for _, e := range app.Get(at + "/history").Is(http.StatusOK).Data() {
		for _, c := range e["changes"].([]any) {
			require.Nil(t, c.(m)["before"])
			require.Nil(t, c.(m)["after"])
		}
	}
}
