// Package reading is an institution that reads a fake vendor, for tests: the whole
// program, and what it has taken in.
package reading

import (
	"bytes"
	"maps"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// M is a JSON object.
type M = map[string]any

// Reader is an institution that reads a vendor, the whole program with it.
type Reader struct {
	*parvistest.App
	T    testing.TB
	Base string
}

// Connect makes an institution whose source is of a kind, connects it and waits
// until it has read once.
func Connect(t *testing.T, kind string, connection M, options ...parvistest.Option) Reader {
	t.Helper()
	r := Reader{App: parvistest.New(t, options...), T: t, Base: "/v1/ticketing/sources/guichet"}
	r.App.Post("/v1/ticketing/sources", M{"code": "guichet", "name": "Billetterie", "kind": kind}).Is(201)
	r.App.Put(r.Base+"/connection", connection).Is(200)
	r.Settled()
	return r
}

// State of the connection.
func (r Reader) State() M { return r.Get(r.Base + "/connection").Is(200).JSON()["state"].(M) }

// Settled waits until nothing is being read and the last turn went well.
func (r Reader) Settled() {
	r.T.Helper()
	parvistest.Eventually(r.T, "a reading that went well", func() bool {
		st := r.State()
		return st["last_success_at"] != nil && st["status"] == "idle" && st["failures"] == 0.0
	})
}

// Address at which the vendor calls.
func (r Reader) Address() string {
	url := r.App.Post(r.Base+"/connection/hook-address", nil).Is(201).JSON()["url"].(string)
	return r.URL + parvistest.Here(url)
}

// Pull reads some streams now, or all.
func (r Reader) Pull(streams ...string) {
	body := M{}
	if len(streams) > 0 {
		body["streams"] = streams
	}
	r.App.Post(r.Base+"/pulls", body).Is(202)
}

// Orders by their number.
func (r Reader) Orders() map[string]M {
	out := map[string]M{}
	for _, o := range r.Walk("/v1/ticketing/orders") {
		if number, ok := o["number"].(string); ok {
			out[number] = o
		}
	}
	return out
}

// Order by its number, whole; empty: there is none.
func (r Reader) Order(number string) M {
	o, ok := r.Orders()[number]
	if !ok {
		return M{}
	}
	return r.Get("/v1/ticketing/orders/" + o["id"].(string)).Is(200).JSON()
}

// Totals of an order, by name; empty: there is no such order.
func (r Reader) Totals(number string) map[string]string {
	out := map[string]string{}
	totals, _ := r.Order(number)["totals"].(M)
	for name, v := range totals {
		if amount, ok := v.(M); ok {
			out[name], _ = amount["amount"].(string)
		}
	}
	return out
}

// Line of an order by its external id.
func Line(order M, id string) M {
	lines, _ := order["lines"].([]any)
	for _, l := range lines {
		if line := l.(M); line["external_id"] == id {
			return line
		}
	}
	return M{}
}

// Compare runs a comparison over all times and returns its result.
func (r Reader) Compare() M {
	r.T.Helper()
	o := r.App.Post(r.Base+"/reconciliations", M{"from": "2020-01-01T00:00:00Z", "to": "2040-01-01T00:00:00Z"}).Is(202)
	var out M
	parvistest.Eventually(r.T, "the comparison", func() bool {
		out = r.Get("/v1/operations/" + o.ID()).Is(200).JSON()
		return out["status"] != "queued" && out["status"] != "running"
	})
	require.Equal(r.T, "succeeded", out["status"], "%v", out["problem"])
	return out["result"].(M)
}

// Deliver sends a call to a hook address as vendors do: one POST, and what is
// behind a redirect is not followed. It returns the status.
func (r Reader) Deliver(address string, body []byte, header http.Header) int {
	r.T.Helper()
	request, err := http.NewRequestWithContext(r.T.Context(), http.MethodPost, address, bytes.NewReader(body))
	require.NoError(r.T, err)
	maps.Copy(request.Header, header)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(r.T, err)
	require.NoError(r.T, response.Body.Close())
	return response.StatusCode
}
