package ticketing_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnotherInstitutionSeesNothing(t *testing.T) {
	t.Parallel()
	app := institution(t)
	r := send(app.Client, record("order", "o1", t1, orderData(nil)))[0]
	o := orderOf(app.Client, r)
	other := app.OtherTenant()
	for _, path := range []string{
		base, base + "/health", base + "/records/order/o1", "/v1/ticketing/sources/" + o["source_id"].(string), "/v1/ticketing/orders/" + r["id"].(string),
		"/v1/ticketing/performances/" + o["lines"].([]any)[0].(m)["performance_id"].(string), "/v1/ticketing/price-types/" + o["lines"].([]any)[0].(m)["price_type_id"].(string),
		"/v1/contacts/" + r["contact_id"].(string) + "/orders",
	} {
		other.Get(path).Problem(404, "not-found")
	}
	for _, path := range []string{"/v1/ticketing/sources", "/v1/ticketing/orders", "/v1/ticketing/productions", "/v1/ticketing/performances", "/v1/ticketing/price-types", "/v1/ticketing/orders?contact_id=" + r["contact_id"].(string)} {
		require.Empty(t, other.Get(path).Is(200).Data(), path)
	}
	other.Post(base+"/batches", m{"records": []m{record("order", "o1", t2, orderData(nil))}}).Problem(404, "not-found")
	other.Put(base+"/records/order/o1", m{"data": orderData(nil)}).Problem(404, "not-found")
	other.Delete(base+"/records/order/o1").Problem(404, "not-found")
	other.Patch(base, m{"name": "X"}).Problem(404, "not-found")
	// The same names and the same contact id mean nothing there.
	other.Post("/v1/ticketing/sources", m{"code": "principale", "name": "X", "kind": "csv"}).Is(201)
	foreign := send(other, record("order", "o1", t1, orderData(m{"buyer": m{"contact_id": r["contact_id"]}})))[0]
	require.Nil(t, foreign["contact_id"])
	require.NotEqual(t, r["id"], foreign["id"])
}
