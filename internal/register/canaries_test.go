package register_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// canary is a text that is found wherever it gets to.
type canary struct{ about, text string }

// cage is an institution with somebody who agreed to the newsletter and somebody
// who did not. Of the second nothing at all may come out for that purpose; of the
// first nothing that it does not need.
type cage struct {
	*parvistest.App
	canaries []canary
	values   map[string][]string // of path parameters
	source   string
}

func newCage(t *testing.T) *cage {
	t.Helper()
	c := &cage{App: parvistest.New(t), values: map[string][]string{}, source: "caisse"}
	purpose(t, c.App, "newsletter", "consent", "identity", "contact_point")
	purpose(t, c.App, "gifts", "consent", "identity", "contact_point", "financial")
	c.Post("/v1/ticketing/sources", map[string]any{"code": c.source, "name": "Caisse", "kind": "generic"}).Is(http.StatusCreated)

	shown, hidden := person(t, c.App, "Montré"), person(t, c.App, "Zqhidden")
	shown.says(c.Client, "newsletter", "given", nil).Is(http.StatusCreated)
	other := shown.says(c.Client, "gifts", "given", map[string]any{"evidence": map[string]any{"note": "zqothernote"}}).Is(http.StatusCreated).ID()
	hers := hidden.says(c.Client, "gifts", "given", nil).Is(http.StatusCreated).ID()
	gone := hidden.says(c.Client, "newsletter", "given", nil).Is(http.StatusCreated).ID()
	hidden.says(c.Client, "newsletter", "withdrawn", nil).Is(http.StatusCreated)
	address := func(s somebody, street string) string {
		return c.Post("/v1/contacts/"+s.id+"/addresses", map[string]any{"street": street, "postal_code": "69001", "city": "Lyon"}).Is(http.StatusCreated).ID()
	}
	streets := []string{address(shown, "Zqshownstreet 1"), address(hidden, "Zqhiddenstreet 1")}
	order := func(id, family, email string) string {
		return c.Put("/v1/ticketing/sources/"+c.source+"/records/order/"+id, map[string]any{"source_modified_at": "2026-11-01T10:00:00Z", "data": map[string]any{
			"number": id, "commercial_state": "confirmed", "placed_at": "2026-11-01T10:00:00Z",
			"buyer": map[string]any{"given_name": family, "family_name": family, "email": email},
			"lines": []any{map[string]any{"external_id": id + "-t", "amount": "24.00", "state": "valid"}},
		}}).JSON()["id"].(string)
	}
	orders := []string{order("zqhiddenorder", "Zqhidden", "Zqhidden@example.org"), order("zqstranger", "Zqstranger", "zqstranger@example.org")}

	c.canaries = []canary{
		{"somebody without a basis", "qhidden"}, {"the number of somebody without a basis", phoneOf("Zqhidden")},
		{"somebody without a basis", hidden.id}, {"a way of reaching them", hidden.email}, {"a way of reaching them", hidden.phone},
		{"their order", orders[0]}, {"the order of a stranger", orders[1]}, {"a stranger", "qstranger"},
		{"their consent", hers}, {"their withdrawn consent", gone},
		{"a number that was not consented to", phoneOf("Montré")}, {"a street that was not consented to", "qshownstreet"},
		{"a consent for another purpose", other}, {"a note of another consent", "zqothernote"},
	}
	c.values = map[string][]string{
		"contact_id": {shown.id, hidden.id}, "contact_point_id": {shown.email, shown.phone, hidden.email}, "address_id": streets,
		"consent_id": {other, hers, gone}, "order_id": orders, "source": {c.source, "vendor"}, "kind": {"order", "customer"},
		"external_id": {"Zqhidden", "zqhiddenorder", "Montré", "zqstranger"},
	}
	seen := c.Get("/v1/events?limit=200").Is(http.StatusOK).Data()
	parvistest.Eventually(t, "all events are numbered", func() bool {
		now := c.Get("/v1/events?limit=200").Is(http.StatusOK).Data()
		same := len(now) == len(seen) && len(now) > 10
		seen = now
		return same
	})
	for _, e := range seen {
		c.values["event_id"] = append(c.values["event_id"], e["id"].(string))
	}
	return c
}

// paths are the addresses of an operation with what there is in every place.
func (c *cage) paths(op api.OperationSpec) []string {
	out := []string{op.Path}
	for _, p := range op.PathParameters {
		values := c.values[p.Name]
		if len(values) == 0 {
			values = []string{ids.New().String()}
		}
		var more []string
		for _, path := range out {
			for _, v := range values {
				more = append(more, strings.ReplaceAll(path, "{"+p.Name+"}", v))
			}
		}
		out = more
	}
	return out
}

// queries are ways of asking an operation for as much as it gives.
func queries(op api.OperationSpec) []string {
	out := []string{""}
	for _, q := range op.Query {
		switch q.Name {
		case "expand":
			out = append(out, "?expand=contact_points,addresses,external_ids", "?expand=contact_points", "?expand=tags", "?expand=contact")
		case "email":
			out = append(out, "?email=Zqhidden@example.org")
		case "phone":
			out = append(out, "?phone=%2B"+phoneOf("Montré")[1:], "?phone=%2B"+phoneOf("Zqhidden")[1:])
		case "q":
			out = append(out, "?q=Zqhidden", "?q=Zqhidden@example.org", "?q="+phoneOf("Montré")[1:])
		case "archived", "count", "as_of":
			out = append(out, "?"+q.Name+"="+map[string]string{"archived": "true", "count": "exact", "as_of": time.Now().UTC().Format(time.RFC3339)}[q.Name])
		case "subject_id", "contact_id":
			continue
		}
	}
	return out
}

// ask gives the raw answer, or what of it comes within a moment.
func (c *cage) ask(t *testing.T, key, method, path string, body any, headers ...string) (int, string) {
	t.Helper()
	wait := 20 * time.Second
	if strings.Contains(path, "/stream") {
		wait = 700 * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	var reader io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		require.NoError(t, err)
		reader = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.URL+path, reader)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("If-Match", `"1"`)
	r.Header.Set("Accept-Language", "en")
	if method != http.MethodGet {
		r.Header.Set("Idempotency-Key", ids.New().String())
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	raw, _ := io.ReadAll(response.Body) // a stream ends with the moment
	var head strings.Builder
	_ = response.Header.Write(&head)
	return response.StatusCode, head.String() + string(raw)
}

// Whatever operation of the contract a key that is bound to a purpose calls, and
// however: nothing of a person without a basis leaves, and nothing of another
// that the purpose does not need.
func TestNothingOutsideThePurposeEverLeaves(t *testing.T) {
	t.Parallel()
	c := newCage(t)
	key := bound(t, c.App, []string{"*"}, "newsletter").Key
	order := slices.SortedFunc(maps.Keys(api.Operations), func(a, b string) int { // reads first: writes change what there is
		read := func(id string) int {
			return map[bool]int{true: 0, false: 1}[api.Operations[id].Method == http.MethodGet]
		}
		return read(a)*2 - read(b)*2 + strings.Compare(a, b)
	})
	answered, asked := 0, 0
	walk := func(t *testing.T, key string, headers ...string) {
		for _, id := range order {
			op := api.Operations[id]
			if op.Public {
				continue
			}
			for _, path := range c.paths(op) {
				for _, query := range queries(op) {
					var body any
					sent := headers
					if example, media, ok := parvistest.ExampleBody(op); ok {
						body, sent = example, append(slices.Clone(headers), "Content-Type", media)
					}
					status, answer := c.ask(t, key, op.Method, path+query, body, sent...)
					asked++
					if status < 300 {
						answered++
					}
					// What the question says may be said back; what it did not, not.
					for _, canary := range c.canaries {
						if strings.Contains(path+query, canary.text) {
							continue
						}
						if at := strings.Index(answer, canary.text); at >= 0 {
							t.Errorf("%s %s%s (%d) tells of %s: …%s…", op.Method, path, query, status, canary.about, answer[max(0, at-150):min(len(answer), at+80)])
						}
					}
				}
			}
		}
	}
	walk(t, key)
	t.Logf("%d questions, %d answered", asked, answered)
	require.Greater(t, answered, 20, "a bound key still reads")
}

// The same of an administrator's key that names the purpose, in other forms of
// answers.
func TestNothingOutsideANamedPurposeEverLeaves(t *testing.T) {
	t.Parallel()
	c := newCage(t)
	for _, id := range slices.Sorted(maps.Keys(api.Operations)) {
		op := api.Operations[id]
		if op.Public || op.Method != http.MethodGet {
			continue
		}
		for _, accept := range []string{"application/x-ndjson", "text/csv"} {
			for _, path := range c.paths(op) {
				status, answer := c.ask(t, c.Key, op.Method, path, nil, "Parvis-Purpose", "newsletter", "Accept", accept)
				for _, canary := range c.canaries {
					if strings.Contains(path, canary.text) {
						continue
					}
					require.NotContains(t, answer, canary.text, "%s as %s (%d) tells of %s", path, accept, status, canary.about)
				}
			}
		}
	}
}

// The canaries are real: who is not bound finds every one of them.
func TestTheCanariesSing(t *testing.T) {
	t.Parallel()
	c := newCage(t)
	var heard strings.Builder
	for _, id := range slices.Sorted(maps.Keys(api.Operations)) {
		op := api.Operations[id]
		if op.Public || op.Method != http.MethodGet || strings.Contains(op.Path, "/stream") {
			continue
		}
		for _, path := range c.paths(op) {
			_, answer := c.ask(t, c.Key, op.Method, path, nil)
			heard.WriteString(answer)
		}
	}
	for _, canary := range c.canaries {
		require.Contains(t, heard.String(), canary.text, canary.about)
	}
}
