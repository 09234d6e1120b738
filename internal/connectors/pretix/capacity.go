package pretix

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/url"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// quota is how often some products may be sold together, for one date or for an
// event without dates.
type quota struct {
	Size       *int64  `json:"size"` // nil: without limit
	Items      []int64 `json:"items"`
	Variations []int64 `json:"variations"`
	Subevent   *int64  `json:"subevent"`
}

// quotas of an event by date, 0 for the event itself. They are not there for
// tokens that may not see them, and capacities are then unknown.
func (s *session) quotas(ctx context.Context, event string, query url.Values) (map[int64][]quota, error) {
	out := map[int64][]quota{}
	query.Set("page_size", "50")
	_, err := s.walk(ctx, s.path("events", event, "quotas"), query, func(results []json.RawMessage) error {
		for _, raw := range results {
			q, err := port.Decode[quota](raw)
			if err != nil {
				return err
			}
			date := int64(0)
			if q.Subevent != nil {
				date = *q.Subevent
			}
			out[date] = append(out[date], q)
		}
		return nil
	})
	if errors.Is(err, port.ErrGone) || errors.Is(err, port.ErrRefused) {
		return map[int64][]quota{}, nil
	}
	return out, err
}

// sold is what admits: a product, or one of its variations.
type sold struct{ item, variation int64 }

// capacity is how many may be let in, as far as the quotas of a date say it: the
// size of one that holds everything that admits, or the sum of those that share
// it out among them, whichever is less. Quotas that overlap otherwise say nothing.
func capacity(items map[int64]item, quotas []quota) *int32 {
	all := map[sold]int{} // in how many quotas that are not for all
	held := make([][]sold, len(quotas))
	for i, q := range quotas {
		held[i] = q.holds(items)
		for _, what := range held[i] {
			all[what] += 0
		}
	}
	if len(all) == 0 {
		return nil
	}
	most, sum, shared := int64(math.MaxInt64), int64(0), true
	for i, q := range quotas {
		switch {
		case len(held[i]) == 0:
			continue
		case len(held[i]) == len(all):
			if q.Size != nil {
				most = min(most, *q.Size)
			}
			continue
		case q.Size == nil:
			shared = false
			continue
		}
		sum += *q.Size
		for _, what := range held[i] {
			all[what]++
		}
	}
	for _, times := range all {
		shared = shared && times == 1
	}
	if shared {
		most = min(most, sum)
	}
	if most < 0 || most > math.MaxInt32 {
		return nil
	}
	n := int32(most)
	return &n
}

// holds lists what of a quota admits.
func (q quota) holds(items map[int64]item) []sold {
	var out []sold
	seen := map[sold]bool{}
	add := func(what sold) {
		if !seen[what] {
			seen[what] = true
			out = append(out, what)
		}
	}
	chosen := map[int64]bool{}
	for _, v := range q.Variations {
		chosen[v] = true
	}
	for _, id := range q.Items {
		i, known := items[id]
		switch {
		case !known, !i.Admission:
		case len(i.Variations) == 0:
			add(sold{item: id})
		default:
			for _, v := range i.Variations {
				if chosen[v.ID] {
					add(sold{id, v.ID})
				}
			}
		}
	}
	return out
}
