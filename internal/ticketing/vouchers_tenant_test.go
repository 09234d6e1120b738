package ticketing_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCodesOfAnotherInstitution(t *testing.T) {
	t.Parallel()
	app := institution(t)
	send(app.Client, record("voucher", "v1", t1, m{"code": "A", "campaign": "automne"}))
	v := vouchers + "/" + at(app.Client, "voucher", "v1")["id"].(string)
	nora := givenTo(app, "Nora")
	other := app.OtherTenant()
	other.Get(v).Problem(404, "not-found")
	other.Get(v+"/redemptions").Problem(404, "not-found")
	other.Patch(v, m{"campaign": "x"}).Problem(404, "not-found")
	require.Empty(t, other.Get(vouchers).Data())
	other.Get("/v1/ticketing/voucher-campaigns/automne").Problem(404, "not-found")
	other.Post("/v1/ticketing/sources", m{"code": "principale", "name": "X", "kind": "csv"}).Is(201)
	send(other, record("voucher", "v1", t1, m{"code": "A"}))
	theirs := other.Get(vouchers).Data()[0]["id"].(string)
	other.Patch(vouchers+"/"+theirs, m{"contact_id": nora}).Problem(422, "invalid")
}
