package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/parvis-crm/parvis/internal/ids"
)

// object is a resource of the API, read without types: what is judged is what
// anybody would see.
type object map[string]any

func (o object) text(name string) string {
	s, _ := o[name].(string)
	return s
}

func (o object) in(name string) object {
	m, _ := o[name].(map[string]any)
	return m
}

func (o object) each(name string) []object {
	list, _ := o[name].([]any)
	out := make([]object, 0, len(list))
	for _, v := range list {
		if m, ok := v.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// named finds a member of a list by what the source calls it.
func (o object) named(list, externalID string) object {
	for _, m := range o.each(list) {
		if m.text("external_id") == externalID {
			return m
		}
	}
	return nil
}

// amount is a sum of the resource as text: "12.50".
func (o object) amount(name string) string { return o.in(name).text("amount") }

// apiClient asks the API of this installation as its own client.
type apiClient struct {
	api    http.Handler
	key    string
	source string
}

const loopback = "127.0.0.1:1"

func (c *apiClient) do(ctx context.Context, method, path, query string, body any) (int, object, error) {
	header := http.Header{"Authorization": {"Bearer " + c.key}}
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return 0, nil, err
		}
		header.Set("Content-Type", "application/json")
		header.Set("Idempotency-Key", ids.New().String())
	}
	for {
		a := call(ctx, c.api, method, path, query, header, raw, loopback)
		if a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable {
			seconds, _ := strconv.Atoi(a.header.Get("Retry-After"))
			select {
			case <-ctx.Done():
				return 0, nil, ctx.Err()
			case <-time.After(time.Duration(max(seconds, 1)) * time.Second):
				continue
			}
		}
		var o object
		if len(a.body) > 0 {
			if err := json.Unmarshal(a.body, &o); err != nil {
				return a.status, nil, fmt.Errorf("conformance: %s %s answered %d with no JSON: %w", method, path, a.status, err)
			}
		}
		return a.status, o, ctx.Err()
	}
}

func (c *apiClient) get(ctx context.Context, path, query string) (object, error) {
	status, o, err := c.do(ctx, http.MethodGet, path, query, nil)
	switch {
	case err != nil:
		return nil, err
	case status == http.StatusNotFound || status == http.StatusGone:
		return nil, nil
	case status != http.StatusOK:
		return nil, fmt.Errorf("conformance: GET %s answered %d %s", path, status, o.text("code"))
	}
	return o, nil
}

// position is what is held of a record's place in time; nil if it is unknown.
func (c *apiClient) position(ctx context.Context, kind, externalID string) (object, error) {
	return c.get(ctx, "/v1/ticketing/sources/"+c.source+"/records/"+kind+"/"+url.PathEscape(externalID), "")
}

// record reads what has become of a record; nil while it is not described.
func (c *apiClient) record(ctx context.Context, kind, externalID string) (object, error) {
	r, err := c.position(ctx, kind, externalID)
	if err != nil || r == nil || r["is_stub"] == true || r["is_deleted"] == true || r.text("url") == "" {
		return nil, err
	}
	return c.get(ctx, r.text("url"), "")
}

// list reads one page.
func (c *apiClient) list(ctx context.Context, path, query string) ([]object, error) {
	o, err := c.get(ctx, path, query)
	return o.each("data"), err
}
