package pretix

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// transaction is an entry of the organizer's book of sales (pretix 2025.7 and
// later), which only grows: what is taken back is an entry with a negative count.
type transaction struct {
	Order   string     `json:"order"`
	Event   string     `json:"event"`
	Created time.Time  `json:"created"`
	Count   int64      `json:"count"`
	Price   port.Loose `json:"price"`
}

// ledger adds up what the book says of the orders that are wanted. Those that
// changed since the comparison began are left out, as are those that the book
// does not know; a pretix that has no book says nothing of any.
func (s *session) ledger(ctx context.Context, from, began time.Time, wanted map[string]bool) ([]port.LedgerSum, error) {
	sums := map[string]int64{}
	query := url.Values{"ordering": {"created"}, "page_size": {"50"}, "created_since": {from.AddDate(0, 0, -1).UTC().Format(stamp)}}
	_, err := s.walk(ctx, s.path("transactions"), query, func(results []json.RawMessage) error {
		for _, raw := range results {
			t, err := port.Decode[transaction](raw)
			if err != nil {
				return err
			}
			name := t.Event + "/" + t.Order
			price, readable := t.Price.Hundredths()
			if t.Created.After(began) || !readable {
				wanted[name] = false
			}
			if wanted[name] {
				sums[name] += t.Count * price
			}
		}
		return nil
	})
	if errors.Is(err, port.ErrGone) || errors.Is(err, port.ErrRefused) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []port.LedgerSum
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		if wanted[name] {
			out = append(out, port.LedgerSum{Order: name, Amount: port.Decimal(sums[name])})
		}
	}
	return out, nil
}
