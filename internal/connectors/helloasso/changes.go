package helloasso

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"strconv"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// remembered is how long the state in which an order was read is kept in mind.
const remembered = 24 * time.Hour

// unknownFirst is how far back changes are looked for the first time where nobody
// remembers when orders began to be read: the program was stopped meanwhile.
const unknownFirst = 7 * 24 * time.Hour

// readChanges reads payments by their time of change, the last first, down to
// the mark, and then the orders that they are of. The first time the mark is when
// all orders began to be read, which may take hours.
func (s *session) readChanges(ctx context.Context, since port.Since, yield func(port.Page) error) (port.Mark, error) {
	if since.At.IsZero() {
		if since.At = s.began.Add(-overlap); s.began.IsZero() {
			since.At = s.c.Now().Add(-unknownFirst)
		}
	}
	maps.DeleteFunc(s.read, func(_ int64, at time.Time) bool { return s.c.Now().Sub(at) > remembered })
	var ids []int64
	changed := map[int64]bool{}
	query := url.Values{"sortField": {"UpdateDate"}, "sortOrder": {"Desc"}}
	generated, err := s.walk(ctx, s.path("payments"), query, func(results []json.RawMessage) (bool, error) {
		for _, raw := range results {
			p, err := port.Decode[payment](raw)
			if err != nil {
				return false, err
			}
			at := s.paymentChanged(p)
			if at != nil && at.Before(since.At) {
				return false, nil
			}
			id := p.OfOrders.ID
			known, ok := s.read[id]
			if id == 0 || changed[id] || (ok && at != nil && !at.After(known)) {
				continue
			}
			changed[id] = true
			ids = append(ids, id)
		}
		return true, nil
	})
	if err != nil {
		return port.Mark{}, err
	}
	for _, id := range ids {
		records, err := s.fetchOrder(ctx, strconv.FormatInt(id, 10))
		if errors.Is(err, port.ErrUnsupported) || errors.Is(err, port.ErrGone) {
			continue
		}
		if err != nil {
			return port.Mark{}, err
		}
		if err := yield(port.Page{Records: records}); err != nil {
			return port.Mark{}, err
		}
	}
	return port.Mark{At: generated}, nil
}

// paymentChanged is the last time that a payment names.
func (s *session) paymentChanged(p payment) *time.Time {
	last := port.Latest(s.time(p.Meta.UpdatedAt), s.time(p.Meta.CreatedAt))
	for _, r := range p.Refunds {
		last = port.Latest(last, s.time(r.Meta.UpdatedAt), s.time(r.Meta.CreatedAt))
	}
	return last
}
