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
// altered in bulk, which moves no time of change.
func (s *session) Reconcile(ctx context.Context, from, to time.Time, yield func(port.Page) error) error {
	query := whole()
	query.Set("ordering", "datetime")
	query.Set("page_size", "50")
	query.Set("created_since", from.UTC().Format(stamp))
	query.Set("created_before", to.UTC().Format(stamp))
	_, err := s.walk(ctx, s.path("orders"), query, func(results []json.RawMessage) error {
		records, _, err := s.ordersOf(ctx, results)
		if err != nil {
			return err
		}
		return yield(port.Page{Records: records})
	})
	return err
}
