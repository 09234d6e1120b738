package billetweb_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// What is no list is not taken for an account that has sold nothing: neither by a
// reading nor by a comparison.
func TestAnAnswerWithoutItsListIsUnexpected(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		stream, list string
		since        time.Time
	}{
		{"orders", "/events", time.Time{}}, {"orders", "/event/100/attendees", time.Time{}}, {"orders", "/api/attendees", day}, {"orders", "/event/100/attendees", day.Add(-time.Hour)},
		{"catalogue", "/events", time.Time{}}, {"catalogue", "/dates", time.Time{}}, {"catalogue", "/tickets", time.Time{}},
		{"comparison", "/events", day}, {"comparison", "/event/100/attendees", day},
	} {
		for _, body := range []any{nil, m{"detail": "maintenance"}} {
			v := house(t)
			v.Instead(c.list, body)
			s := open(t, v, nil)
			take := func(port.Page) error { return nil }
			var err error
			if c.stream == "comparison" {
				err = s.(port.Reconciler).Reconcile(t.Context(), day.AddDate(0, -1, 0), day.AddDate(0, 1, 0), take)
			} else {
				_, err = s.Changes(t.Context(), c.stream, port.Since{At: c.since}, take)
			}
			require.ErrorAs(t, err, new(*port.UnexpectedError), "%s of %s: %v", c.list, c.stream, body)
		}
	}
}
