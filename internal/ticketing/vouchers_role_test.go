package ticketing_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestWhoMaySeeAndIssueCodes(t *testing.T) {
	t.Parallel()
	app := institution(t)
	send(app.Client, record("voucher", "v1", t1, m{"code": "A", "campaign": "automne"}))
	v := vouchers + "/" + at(app.Client, "voucher", "v1")["id"].(string)
	reader, writer := app.As("ticketing:read"), app.As("ticketing:write")
	reader.Get(v).Is(200)
	reader.Get("/v1/ticketing/voucher-campaigns/automne").Is(200)
	reader.Patch(v, m{"campaign": "x"}).Problem(403, "insufficient-scope")
	writer.Get(v).Problem(403, "insufficient-scope")
	writer.Get(v+"/redemptions").Problem(403, "insufficient-scope")
	writer.Patch(v, m{"campaign": "x"}).Problem(403, "insufficient-scope")
	app.Anonymous().Get(v).Problem(401, "unauthenticated")

	// A key of one source sees and issues the codes of that source.
	app.Post("/v1/ticketing/sources", m{"code": "musee", "name": "Musée", "kind": "generic"}).Is(201)
	app.Put("/v1/ticketing/sources/musee/records/voucher/m1", m{"source_version": 1, "data": m{"code": "M", "campaign": "automne"}}).Is(200)
	theirs := vouchers + "/" + app.Get(vouchers + "?source=musee").Data()[0]["id"].(string)
	key := app.AsSource("principale", "ticketing:read", "ticketing:manage")
	require.Len(t, key.Get(vouchers).Data(), 1)
	key.Get(theirs).Problem(404, "not-found")
	key.Get(theirs+"/redemptions").Problem(404, "not-found")
	key.Patch(theirs, m{"campaign": "x"}).Problem(404, "not-found")
	key.Patch(v, m{"campaign": "x"}).Is(200)
	key.Get("/v1/ticketing/voucher-campaigns/automne").Problem(404, "not-found")
	require.Equal(t, 1.0, app.Get("/v1/ticketing/voucher-campaigns/automne").JSON()["issued"])
}

// Whoever does not see a contact sees no code that was issued to it, and counts none.
func TestACodeOfSomebodyUnseenIsUnseen(t *testing.T) {
	t.Parallel()
	app := institution(t)
	nora := givenTo(app, "Nora")
	send(app.Client, record("voucher", "v1", t1, m{"code": "A", "campaign": "automne"}), boughtWith("o1", "t1", m{"contact_id": nora}, m{"record": "v1"}))
	v := vouchers + "/" + at(app.Client, "voucher", "v1")["id"].(string)
	app.Patch(v, m{"contact_id": nora}).Is(200)
	app.Post("/v1/contacts/"+nora+"/restrict", m{"reason": "discrétion"}).Is(200)
	reader := app.Limited(parvistest.Limits{Scopes: []string{"ticketing:read", "contacts:read"}, Verbs: []string{"see", "see_contact_points"}})
	reader.Get("/v1/contacts/"+nora).Problem(404, "not-found")
	reader.Get(v).Problem(404, "not-found")
	reader.Get(v+"/redemptions").Problem(404, "not-found")
	require.Empty(t, reader.Get(vouchers).Data())
	reader.Get("/v1/ticketing/voucher-campaigns/automne").Problem(404, "not-found")
}
