package helloasso_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/fakevendor"
	"github.com/parvis-crm/parvis/internal/connectors/helloasso/helloassotest"
	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// readings are everything that follows a list, by the list.
func readings() map[string]string {
	return map[string]string{"orders": "/orders", "changes": "/payments", "catalogue": "/forms", "look_back": "/orders", "comparison": "/orders"}
}

func follow(t *testing.T, v *helloassotest.Server, stream string) error {
	t.Helper()
	s := open(t, v, nil, time.Now)
	take := func(port.Page) error { return nil }
	if stream == "comparison" {
		return s.(port.Reconciler).Reconcile(t.Context(), day.AddDate(0, -1, 0), day.AddDate(0, 1, 0), take)
	}
	_, err := s.Changes(t.Context(), stream, port.Since{At: day}, take)
	return err
}

// What is no list is not taken for an association that has sold nothing: neither
// by a reading nor by a comparison.
func TestAnAnswerWithoutItsListIsUnexpected(t *testing.T) {
	t.Parallel()
	for stream, list := range readings() {
		for _, body := range []m{{"message": "maintenance"}, {"data": nil, "pagination": m{}}} {
			v := helloassotest.New(t)
			v.Instead(list, body)
			require.ErrorAs(t, follow(t, v, stream), new(*port.UnexpectedError), "%s: %v", stream, body)
		}
	}
}

// Nor is what names nothing taken for the order or the form that was asked for: a
// change would be passed over, or a form be called by its short name.
func TestAnAnswerThatNamesNothingIsUnexpected(t *testing.T) {
	t.Parallel()
	v := helloassotest.New(t)
	v.PutForm(helloassotest.Form("bal-des-gabians", nil))
	v.PutOrder(helloassotest.Order(9, day, nil))
	form := func() error {
		_, err := open(t, v, nil, time.Now).Fetch(t.Context(), port.Production, "Event/bal-des-gabians")
		return err
	}
	require.NoError(t, follow(t, v, "changes"))
	require.NoError(t, form())
	v.Instead("/v5/orders/9", m{"message": "maintenance"})
	require.ErrorAs(t, follow(t, v, "changes"), new(*port.UnexpectedError))
	v.Instead("/public", m{"message": "maintenance"})
	require.ErrorAs(t, form(), new(*port.UnexpectedError))
}

// A list that leads to itself, or whose tokens lead to the same page again and
// again, is not followed for ever.
func TestAListThatDoesNotGoOnIsUnexpected(t *testing.T) {
	t.Parallel()
	for stream, list := range readings() {
		for _, token := range []string{"ct1", "ct%d"} {
			v := helloassotest.New(t)
			pages := 0
			v.Intercept(func(w http.ResponseWriter, r fakevendor.Request) bool {
				if r.Path != "/v5/organizations/"+v.Organization+list {
					return false
				}
				next := token
				if pages++; token != "ct1" {
					next = fmt.Sprintf(token, pages)
				}
				fakevendor.Reply(w, http.StatusOK, m{"data": []m{{"id": 1, "formSlug": "bal", "formType": "Shop", "state": "Draft"}}, "pagination": m{"continuationToken": next}})
				return true
			})
			require.ErrorAs(t, follow(t, v, stream), new(*port.UnexpectedError), "%s: %s", stream, token)
			require.LessOrEqual(t, pages, 3)
		}
	}
}
