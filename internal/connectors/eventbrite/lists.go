package eventbrite

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

const stamp = "2006-01-02T15:04:05Z"

// place is where a reading is: when it began, and what leads on.
type place struct {
	Began        time.Time `json:"began"`
	Continuation string    `json:"continuation"`
}

// walk reads a list to its end, from a place, by what each page says leads on, or
// by its number where it says nothing. page gets the place after it; it reports
// whether to go on.
func (s *session) walk(ctx context.Context, path, name string, query url.Values, from place, page func([]json.RawMessage, place) (bool, error)) (time.Time, error) {
	if from.Continuation != "" {
		query.Set("continuation", from.Continuation)
	}
	walk := s.client.Walk()
	for {
		a, err := walk.Get(ctx, path, query)
		if err != nil {
			return from.Began, err
		}
		if from.Began.IsZero() {
			from.Began = a.Answered(s.c.Now())
		}
		var l struct {
			Pagination struct {
				Number       int    `json:"page_number"`
				More         bool   `json:"has_more_items"`
				Continuation string `json:"continuation"`
			} `json:"pagination"`
		}
		var lists map[string]json.RawMessage
		if err := a.JSON(&l); err != nil {
			return from.Began, err
		}
		if err := a.JSON(&lists); err != nil {
			return from.Began, err
		}
		var rows []json.RawMessage
		if raw, there := lists[name]; there {
			if rows, err = port.Decode[[]json.RawMessage](raw); err != nil {
				return from.Began, err
			}
		}
		if rows, err = walk.Rows(rows); err != nil {
			return from.Began, err
		}
		from.Continuation = l.Pagination.Continuation
		more, err := page(rows, from)
		if err != nil || !more || !l.Pagination.More {
			return from.Began, err
		}
		if l.Pagination.Continuation != "" {
			query.Set("continuation", l.Pagination.Continuation)
		} else {
			query.Set("page", strconv.Itoa(l.Pagination.Number+1))
		}
	}
}

// time reads a time of Eventbrite, which is in Greenwich's.
func (s *session) time(text string) *time.Time { return port.Local(text, time.UTC) }
