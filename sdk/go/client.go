package parvis

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"mime"
	"net/http"
	"time"

	"github.com/oapi-codegen/nullable"
)

// maxProblem is more than any problem has.
const maxProblem = 1 << 20

// New returns a client of the API at an address such as
// "https://crm.example.org", which acts with an API key or an access token. An
// answer of 400 or more is returned as an error that [errors.As] finds to be a
// [*Problem]. Options come after what New sets, so that WithHTTPClient replaces
// how requests are sent: give it Problems around a client of your own.
func New(address, key string, options ...ClientOption) (*ClientWithResponses, error) {
	all := append([]ClientOption{
		WithHTTPClient(Problems(&http.Client{Timeout: time.Minute})),
		WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+key)
			return nil
		}),
	}, options...)
	return NewClientWithResponses(address, all...)
}

// Problems sends requests through next and returns an answer of 400 or more as
// a [*Problem].
func Problems(next HttpRequestDoer) HttpRequestDoer { return doer{next} }

type doer struct{ next HttpRequestDoer }

func (d doer) Do(r *http.Request) (*http.Response, error) {
	response, err := d.next.Do(r)
	if err != nil || response.StatusCode < http.StatusBadRequest {
		return response, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxProblem))
	if err != nil {
		return nil, fmt.Errorf("parvis: reading the answer %s: %w", response.Status, err)
	}
	p := &Problem{}
	media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if media != "application/problem+json" || json.NewDecoder(bytes.NewReader(body)).Decode(p) != nil {
		// It comes from something that stands before the API.
		p = &Problem{Title: http.StatusText(response.StatusCode), Detail: string(body)}
	}
	p.Status = int32(response.StatusCode)
	return nil, p
}

// Error implements error.
func (p *Problem) Error() string {
	return fmt.Sprintf("parvis: %d %s: %s (request %s)", p.Status, p.Code, p.Detail, p.RequestID)
}

// Walk visits every item of a list, page by page. page fetches the page at the
// cursor; the first has none.
func Walk[T any](page func(cursor *Cursor) ([]T, nullable.Nullable[string], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var at *Cursor
		for {
			items, next, err := page(at)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			cursor, err := next.Get()
			if err != nil || cursor == "" {
				return
			}
			at = &cursor
		}
	}
}
