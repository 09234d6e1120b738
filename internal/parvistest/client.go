package parvistest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/web"
)

// Client sends requests to a test's program. Every answer is checked against
// the contract.
type Client struct {
	Key      string
	tb       testing.TB
	url      string
	contract *responses
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	tb     testing.TB
}

// RequestOption changes one request.
type RequestOption func(*http.Request)

// Header sets a header; an empty value removes it.
func Header(name, value string) RequestOption {
	return func(r *http.Request) {
		if value == "" {
			r.Header.Del(name)
			return
		}
		r.Header.Set(name, value)
	}
}

// IfMatch sets the version that a change is meant for.
func IfMatch(etag string) RequestOption { return Header("If-Match", etag) }

var httpClient = &http.Client{Timeout: 60 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// Do sends a request. body is nil, raw bytes, a string, or anything that
// becomes JSON; PATCH is sent as a merge patch, and a POST, PUT or PATCH gets an
// Idempotency-Key of its own unless an option sets one.
func (c *Client) Do(method, path string, body any, options ...RequestOption) *Answer {
	c.tb.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case []byte:
		reader = bytes.NewReader(b)
	case string:
		reader = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		require.NoError(c.tb, err)
		reader = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(c.tb.Context(), method, c.url+path, reader)
	require.NoError(c.tb, err)
	if c.Key != "" {
		r.Header.Set("Authorization", "Bearer "+c.Key)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
		if method == http.MethodPatch {
			r.Header.Set("Content-Type", "application/merge-patch+json")
		}
	}
	if method == http.MethodPost || method == http.MethodPatch || method == http.MethodPut {
		r.Header.Set("Idempotency-Key", ids.New().String())
	}
	r.Header.Set("Accept-Language", "en")
	for _, option := range options {
		option(r)
	}
	response, err := httpClient.Do(r)
	require.NoError(c.tb, err)
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	require.NoError(c.tb, err)
	a := &Answer{Status: response.StatusCode, Header: response.Header, Body: raw, tb: c.tb}
	if c.contract != nil {
		c.contract.check(c.tb, r, a)
	}
	return a
}

// Get is Do with GET.
func (c *Client) Get(path string, options ...RequestOption) *Answer {
	c.tb.Helper()
	return c.Do(http.MethodGet, path, nil, options...)
}

// Post is Do with POST.
func (c *Client) Post(path string, body any, options ...RequestOption) *Answer {
	c.tb.Helper()
	return c.Do(http.MethodPost, path, body, options...)
}

// Patch is Do with PATCH.
func (c *Client) Patch(path string, body any, options ...RequestOption) *Answer {
	c.tb.Helper()
	return c.Do(http.MethodPatch, path, body, options...)
}

// Put is Do with PUT.
func (c *Client) Put(path string, body any, options ...RequestOption) *Answer {
	c.tb.Helper()
	return c.Do(http.MethodPut, path, body, options...)
}

// Delete is Do with DELETE.
func (c *Client) Delete(path string, options ...RequestOption) *Answer {
	c.tb.Helper()
	return c.Do(http.MethodDelete, path, nil, options...)
}

// Is requires a status, showing the body otherwise, and returns the answer.
func (a *Answer) Is(status int) *Answer {
	a.tb.Helper()
	require.Equal(a.tb, status, a.Status, "%s", a.Body)
	return a
}

// Problem requires a problem of this status and code and returns its members.
func (a *Answer) Problem(status int, code string) map[string]any {
	a.tb.Helper()
	a.Is(status)
	p := a.facts()
	require.Equal(a.tb, code, p["code"], "%s", a.Body)
	return p
}

// facts are the members of a refusal that are for programs: of the problem, or of
// the header that stands for it where a standard has a message of its own.
func (a *Answer) facts() map[string]any {
	a.tb.Helper()
	if a.Header.Get("Content-Type") == "application/scim+json" {
		require.Equal(a.tb, strconv.Itoa(a.Status), a.JSON()["status"], "%s", a.Body)
		var p map[string]any
		require.NoError(a.tb, json.Unmarshal([]byte(a.Header.Get(web.ProblemHeader)), &p), "%s", a.Header.Get(web.ProblemHeader))
		return p
	}
	require.Equal(a.tb, "application/problem+json", a.Header.Get("Content-Type"))
	return a.JSON()
}

// Points requires that the problem names this place: a pointer ("#/x"), a
// parameter or a header.
func (a *Answer) Points(place string) {
	a.tb.Helper()
	for _, e := range a.facts()["errors"].([]any) {
		for _, member := range []string{"pointer", "parameter", "header"} {
			if e.(map[string]any)[member] == place {
				return
			}
		}
	}
	require.Fail(a.tb, "nothing points at "+place, "%s", a.Body)
}

// JSON decodes the body as an object.
func (a *Answer) JSON() map[string]any {
	a.tb.Helper()
	var m map[string]any
	require.NoError(a.tb, json.Unmarshal(a.Body, &m), "%s", a.Body)
	return m
}

// Into decodes the body.
func (a *Answer) Into(v any) {
	a.tb.Helper()
	require.NoError(a.tb, json.Unmarshal(a.Body, v), "%s", a.Body)
}

// Data is the items of a list.
func (a *Answer) Data() []map[string]any {
	a.tb.Helper()
	var page struct {
		Data []map[string]any `json:"data"`
	}
	a.Into(&page)
	return page.Data
}

// ID is the id of the resource.
func (a *Answer) ID() string {
	a.tb.Helper()
	return fmt.Sprint(a.JSON()["id"])
}

// ETag is the version for If-Match.
func (a *Answer) ETag() string { return a.Header.Get("ETag") }

// Walk follows the cursors of a list to its end and returns every item.
func (c *Client) Walk(path string) []map[string]any {
	c.tb.Helper()
	var all []map[string]any
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	next := path
	for range 10_000 {
		a := c.Get(next).Is(http.StatusOK)
		all = append(all, a.Data()...)
		cursor, ok := a.JSON()["next_cursor"].(string)
		if !ok {
			return all
		}
		next = path + separator + "cursor=" + cursor
	}
	require.Fail(c.tb, "the walk does not end")
	return nil
}

// Eventually polls until the condition holds, for what workers do in their own
// time; it fails after twenty seconds.
func Eventually(tb testing.TB, what string, condition func() bool) {
	tb.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			require.Fail(tb, "did not happen: "+what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Here is the path of an address that the application gives of itself, by which a
// client reaches it where the test has it.
func Here(address string) string {
	_, below, of := strings.Cut(address, "/v1/")
	if !of {
		panic("parvistest: no address of the API: " + address)
	}
	return "/v1/" + below
}

// With returns a copy of m with changes, for tables of requests.
func With(m map[string]any, changes map[string]any) map[string]any {
	out := maps.Clone(m)
	maps.Copy(out, changes)
	return out
}
