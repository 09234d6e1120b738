package eventbrite_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/eventbrite/eventbritetest"
	"github.com/parvis-crm/parvis/internal/connectors/fakevendor"
	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// readings are everything that follows a list, by the name of the list.
func readings() map[string]string {
	return map[string]string{"orders": "orders", "attendees": "attendees", "catalogue": "events", "comparison": "orders"}
}

func follow(t *testing.T, v *eventbritetest.Server, stream string) error {
	t.Helper()
	s := open(t, v)
	take := func(port.Page) error { return nil }
	if stream == "comparison" {
		return s.(port.Reconciler).Reconcile(t.Context(), day.AddDate(0, -1, 0), day.AddDate(0, 1, 0), take)
	}
	_, err := s.Changes(t.Context(), stream, port.Since{At: day}, take)
	return err
}

// What is no list is not taken for an organization that has sold nothing: neither
// by a reading nor by a comparison.
func TestAnAnswerWithoutItsListIsUnexpected(t *testing.T) {
	t.Parallel()
	for stream, list := range readings() {
		for _, body := range []m{{"error_description": "maintenance"}, {list: nil, "pagination": m{"has_more_items": false}}} {
			v := eventbritetest.New(t)
			v.Instead("/"+list+"/", body)
			require.ErrorAs(t, follow(t, v, stream), new(*port.UnexpectedError), "%s: %v", stream, body)
		}
	}
}

// Nor is what names nothing taken for the order or the event that was asked for: a
// change would be passed over.
func TestAnAnswerThatNamesNothingIsUnexpected(t *testing.T) {
	t.Parallel()
	v := house(t)
	require.NoError(t, follow(t, v, "attendees"))
	v.Instead("/v3/orders/501/", m{"error_description": "maintenance"})
	require.ErrorAs(t, follow(t, v, "attendees"), new(*port.UnexpectedError))
	v.Instead("/v3/events/770/", m{"error_description": "maintenance"})
	_, err := open(t, v).Fetch(t.Context(), port.Performance, "770")
	require.ErrorAs(t, err, new(*port.UnexpectedError))
}

// A list that leads to itself, by its token or by the number of its page, or whose
// tokens lead to the same page again and again, is not followed for ever.
func TestAListThatDoesNotGoOnIsUnexpected(t *testing.T) {
	t.Parallel()
	for stream, list := range readings() {
		for name, pagination := range map[string]func(page int) m{
			"the same token":  func(int) m { return m{"continuation": "go1"} },
			"the same number": func(int) m { return m{"page_number": 1} },
			"the same page":   func(page int) m { return m{"continuation": fmt.Sprint("go", page)} },
		} {
			v := eventbritetest.New(t)
			pages := 0
			v.Intercept(func(w http.ResponseWriter, r fakevendor.Request) bool {
				if !strings.HasSuffix(r.Path, "/"+list+"/") {
					return false
				}
				pages++
				fakevendor.Reply(w, http.StatusOK, m{"pagination": fakevendor.With(m{"has_more_items": true}, pagination(pages)), list: []m{{"id": "1", "status": "draft"}}})
				return true
			})
			require.ErrorAs(t, follow(t, v, stream), new(*port.UnexpectedError), "%s: %s", stream, name)
			require.LessOrEqual(t, pages, 3)
		}
	}
}
