package pretix

import (
	"context"
	"encoding/json"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

var _ port.Reconciler = (*session)(nil)

// Reconcile implements port.Reconciler: every order that was placed in the
// window, whole, whatever its time of change says. So it also finds what was
// altered in bulk, which moves no time of change. What the organizer's book of
// sales says of them follows; orders that wait for approval are not in it.
func (s *session) Reconcile(ctx context.Context, from, to time.Time, yield func(port.Page) error) error {
	query := whole()
	query.Set("ordering", "datetime")
	query.Set("page_size", "50")
	query.Set("created_since", from.UTC().Format(stamp))
	query.Set("created_before", to.UTC().Format(stamp))
	wanted := map[string]bool{}
	began, err := s.walk(ctx, s.path("orders"), query, func(results []json.RawMessage) error {
		for _, raw := range results {
			o, err := port.Decode[order](raw)
			if err != nil {
				return err
			}
			wanted[o.Event+"/"+o.Code] = s.reads(o.Event) && !o.RequireApproval
		}
		records, _, err := s.ordersOf(ctx, results)
		if err != nil {
			return err
		}
		return yield(port.Page{Records: records})
	})
	if err != nil || len(wanted) == 0 {
		return err
	}
	sums, err := s.ledger(ctx, from, began, wanted)
	if err != nil || len(sums) == 0 {
		return err
	}
	return yield(port.Page{Ledger: sums})
}
