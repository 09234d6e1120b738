package port

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/url"
)

// Walk is one reading of a list, page by page. It ends one that does not get on:
// a vendor whose pages lead back to themselves would be read for ever.
type Walk struct {
	client *Client
	asked  map[string]bool
	seen   map[[sha256.Size]byte]bool
	stale  int
}

// Walk begins to read a list.
func (c *Client) Walk() *Walk {
	return &Walk{client: c, asked: map[string]bool{}, seen: map[[sha256.Size]byte]bool{}}
}

// mostStale is how many pages in a row may bring nothing that another page of the
// walk has not brought. One is no fault: asked for by the time of the last object,
// a page of objects of one instant comes a second time before what follows it.
const mostStale = 1

// Ask notes the address of a page before it is asked for. No page is asked for
// twice.
func (w *Walk) Ask(address string, query url.Values) error {
	target, err := w.client.resolve(address, query)
	if err != nil {
		return err
	}
	name := target.Path + "?" + target.Query().Encode()
	if w.asked[name] {
		return &UnexpectedError{"a list does not go on: a page leads to one that was read"}
	}
	w.asked[name] = true
	return nil
}

// Get reads a page.
func (w *Walk) Get(ctx context.Context, address string, query url.Values) (Answer, error) {
	if err := w.Ask(address, query); err != nil {
		return Answer{}, err
	}
	return w.client.Get(ctx, address, query)
}

// Rows gives the objects of a page.
func (w *Walk) Rows(rows []json.RawMessage) ([]json.RawMessage, error) {
	if _, err := Listed(rows); err != nil {
		return nil, err
	}
	digest := sha256.New() // which takes everything
	for _, raw := range rows {
		_, _ = digest.Write(raw)
		_, _ = digest.Write([]byte{'\n'})
	}
	page := [sha256.Size]byte(digest.Sum(nil))
	if w.stale++; !w.seen[page] {
		w.stale = 0
	}
	w.seen[page] = true
	if w.stale > mostStale {
		return nil, &UnexpectedError{"a list does not go on: its pages bring nothing new"}
	}
	return rows, nil
}

// Listed gives the objects of a list as they are, unless there is no list where
// one is documented: a notice of maintenance must not be taken for a vendor that
// has sold nothing. An empty list is one.
func Listed[T any](rows []T) ([]T, error) {
	if rows == nil {
		return nil, &UnexpectedError{"an answer holds no list"}
	}
	return rows, nil
}
