package helloasso

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// most is how many objects HelloAsso gives at once.
const most = "100"

// path is an address below the association.
func (s *session) path(rest string) string {
	return "/organizations/" + url.PathEscape(s.set.Organization) + "/" + rest
}

// walk reads a list to its end, which is the first page without anything: the
// token that leads on is there even then, and counts are not told. page reports
// whether to go on. generated is about when the first page was made.
func (s *session) walk(ctx context.Context, path string, query url.Values, page func([]json.RawMessage) (bool, error)) (generated time.Time, err error) {
	query.Set("pageSize", most)
	walk := s.client.Walk()
	for {
		if err := walk.Ask(path, query); err != nil {
			return generated, err
		}
		a, err := s.get(ctx, path, query)
		if err != nil {
			return generated, err
		}
		if generated.IsZero() {
			generated = a.Answered(s.c.Now())
		}
		var l struct {
			Data       []json.RawMessage `json:"data"`
			Pagination struct {
				Token string `json:"continuationToken"`
			} `json:"pagination"`
		}
		if err := a.JSON(&l); err != nil {
			return generated, err
		}
		rows, err := walk.Rows(l.Data)
		if err != nil || len(rows) == 0 {
			return generated, err
		}
		more, err := page(rows)
		if err != nil || !more || l.Pagination.Token == "" {
			return generated, err
		}
		query.Set("continuationToken", l.Pagination.Token)
	}
}

// time reads a date of HelloAsso, which has an offset and seven digits after the
// second; one without an offset is in the zone of the source.
func (s *session) time(text string) *time.Time { return port.Local(text, s.c.TimeZone) }
