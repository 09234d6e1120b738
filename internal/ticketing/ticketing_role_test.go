package ticketing_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestScopes(t *testing.T) {
	t.Parallel()
	app := institution(t)
	reader, writer := app.As("ticketing:read"), app.As("ticketing:write")
	reader.Get("/v1/ticketing/orders").Is(200)
	reader.Post(base+"/batches", m{"records": []m{record("order", "o1", t1, orderData(nil))}}).Problem(403, "insufficient-scope")
	reader.Put(base+"/records/order/o1", m{"data": orderData(nil)}).Problem(403, "insufficient-scope")
	reader.Delete(base+"/records/order/o1").Problem(403, "insufficient-scope")
	writer.Post(base+"/batches", m{"records": []m{record("order", "o1", t1, orderData(nil))}}).Is(207)
	writer.Get("/v1/ticketing/orders").Problem(403, "insufficient-scope")
	writer.Post("/v1/ticketing/sources", m{"code": "x", "name": "X", "kind": "csv"}).Problem(403, "insufficient-scope")
	app.Anonymous().Get("/v1/ticketing/orders").Problem(401, "unauthenticated")
}

func TestKeyOfOneSourceSeesThatSource(t *testing.T) {
	t.Parallel()
	app := institution(t)
	app.Post("/v1/ticketing/sources", m{"code": "musee", "name": "Musée", "kind": "generic"}).Is(201)
	mine := send(app.Client, record("order", "o1", t1, orderData(nil)))[0]
	other := app.Post("/v1/ticketing/sources/musee/batches", m{"records": []m{record("order", "o2", t1, orderData(m{"lines": []m{line("z", "1.00", "valid")}}))}}).Is(207).JSON()["results"].([]any)[0].(m)
	performance := app.Get("/v1/ticketing/performances?source=musee").Data()[0]["id"].(string)
	key := app.AsSource("principale", "ticketing:read", "ticketing:write", "ticketing:manage")
	require.Len(t, key.Get("/v1/ticketing/sources").Data(), 1)
	require.Len(t, key.Get("/v1/ticketing/orders").Data(), 1)
	require.Len(t, key.Get("/v1/ticketing/performances").Data(), 1)
	key.Get("/v1/ticketing/orders/" + mine["id"].(string)).Is(200)
	key.Get("/v1/ticketing/orders/"+other["id"].(string)).Problem(404, "not-found")
	key.Get("/v1/ticketing/performances/"+performance).Problem(404, "not-found")
	require.Empty(t, key.Get("/v1/ticketing/orders?source=musee").Data())
	key.Get("/v1/ticketing/sources/musee").Problem(404, "not-found")
	key.Post("/v1/ticketing/sources/musee/batches", m{"records": []m{record("order", "o3", t1, orderData(nil))}}).Problem(404, "not-found")
	key.Put("/v1/ticketing/sources/musee/records/order/o2", m{"data": orderData(nil)}).Problem(404, "not-found")
	key.Delete("/v1/ticketing/sources/musee/records/order/o2").Problem(404, "not-found")
	key.Post("/v1/ticketing/sources", m{"code": "y", "name": "Y", "kind": "csv"}).Problem(404, "not-found")
	send(key, record("order", "o4", t1, orderData(m{"lines": []m{}})))
}
