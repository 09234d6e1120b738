package helloasso_test

import (
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/helloasso"
	"github.com/parvis-crm/parvis/internal/connectors/helloasso/helloassotest"
	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// day is when the orders of these tests were placed.
var day = time.Date(2026, 11, 20, 18, 12, 2, 0, time.UTC)

func open(t *testing.T, v *helloassotest.Server, changes m, now func() time.Time) port.Session {
	t.Helper()
	c := v.Connection(changes)
	settings, err := json.Marshal(c["settings"])
	require.NoError(t, err)
	base, err := url.Parse(c["base_url"].(string))
	require.NoError(t, err)
	zone, err := time.LoadLocation("Europe/Paris")
	require.NoError(t, err)
	s, err := helloasso.Connector{}.Open(port.Connection{
		Source: "guichet", TimeZone: zone, Currency: "EUR", BaseURL: base, Settings: settings, Secrets: map[string]string{"client_secret": v.ClientSecret, "signature_key": v.SignatureKey}, HTTP: v.Client(), Now: now,
	})
	require.NoError(t, err)
	return s
}

func read(t *testing.T, s port.Session, stream string, since port.Since) (map[string]port.Record, port.Mark, []string) {
	t.Helper()
	out := map[string]port.Record{}
	var resumes []string
	mark, err := s.Changes(t.Context(), stream, since, func(p port.Page) error {
		for _, r := range p.Records {
			out[r.Kind+" "+r.ExternalID] = r
		}
		resumes = append(resumes, p.Resume)
		return nil
	})
	require.NoError(t, err)
	return out, mark, resumes
}

// Everything is read page by page until a page that holds nothing, even while
// orders come in; what broke off goes on a little before where it was.
func TestListsEndWithAnEmptyPage(t *testing.T) {
	t.Parallel()
	v := helloassotest.New(t)
	for i := range 230 {
		v.PutOrder(helloassotest.Order(100+i, day.Add(time.Duration(i)*time.Minute), nil))
	}
	come := 0
	v.BetweenPages(func(put func(m)) {
		if come < 3 {
			come++
			put(helloassotest.Order(5000+come, time.Now().Add(time.Duration(come)*time.Second), nil))
		}
	})
	s := open(t, v, nil, time.Now)
	records, mark, resumes := read(t, s, "orders", port.Since{})
	require.Len(t, records, 233)
	require.WithinDuration(t, time.Now().Add(-time.Minute), mark.At, 3*time.Second)
	lists := v.Asked("/orders")
	require.Len(t, lists, 4, "three pages and an empty one")
	require.Empty(t, lists[0].Query.Get("from"), "everything, the first time")
	for _, r := range lists {
		require.Equal(t, []string{"Event", "Membership", "Shop"}, r.Query["formTypes"])
		require.Equal(t, "100", r.Query.Get("pageSize"))
		require.Equal(t, 200, r.Status)
	}
	read(t, s, "orders", port.Since{At: day, Resume: resumes[0]})
	lists = v.Asked("/orders")
	from, err := time.Parse(time.RFC3339Nano, lists[4].Query.Get("from"))
	require.NoError(t, err)
	require.Equal(t, day.Add(99*time.Minute-5*time.Minute), from.UTC(), "the last order of the first page, less five minutes")
}

// A token is used until a minute before its end, is renewed then, and replaced
// when it is refused before its time.
func TestTokens(t *testing.T) {
	t.Parallel()
	v := helloassotest.New(t)
	now := time.Now()
	s := open(t, v, nil, func() time.Time { return now })
	grants := func() []string {
		var out []string
		for _, r := range v.Asked("/oauth2/token") {
			require.Equal(t, "application/x-www-form-urlencoded", r.Header.Get("Content-Type"))
			require.Empty(t, r.Header.Get("Authorization"))
			out = append(out, r.Form.Get("grant_type"))
		}
		return out
	}
	read(t, s, "orders", port.Since{})
	now = now.Add(28 * time.Minute)
	read(t, s, "orders", port.Since{})
	require.Equal(t, []string{"client_credentials"}, grants())
	now = now.Add(2 * time.Minute)
	read(t, s, "orders", port.Since{})
	require.Equal(t, []string{"client_credentials", "refresh_token"}, grants())
	v.EndTokens(false)
	read(t, s, "orders", port.Since{})
	require.Equal(t, []string{"client_credentials", "refresh_token", "refresh_token"}, grants())
	v.EndTokens(true)
	read(t, s, "orders", port.Since{})
	require.Equal(t, []string{"client_credentials", "refresh_token", "refresh_token", "refresh_token", "client_credentials"}, grants())
	v.SetSecret("hs-another")
	_, err := s.Changes(t.Context(), "orders", port.Since{}, func(port.Page) error { return nil })
	require.ErrorIs(t, err, port.ErrRefused, "credentials that are wrong are not tried for ever")
}

// Payments tell of what changed, the last first: reading ends at the mark, an
// order is read once however many payments it has, and not at all in the state
// in which it was read already.
func TestChangesAreFoundThroughPayments(t *testing.T) {
	t.Parallel()
	v := helloassotest.New(t)
	now := time.Now().Truncate(time.Second)
	old := now.AddDate(0, -2, 0)
	for i := range 150 {
		v.PutOrder(helloassotest.Order(1000+i, old.Add(time.Duration(i)*time.Second), nil))
	}
	twice := func(amount int, changed time.Time) m {
		return helloassotest.Order(1001, old, m{"payments": []any{
			helloassotest.Payment(10015, amount, old, m{"meta": m{"createdAt": helloassotest.Stamp(old), "updatedAt": helloassotest.Stamp(changed)}}),
			helloassotest.Payment(10016, 900, old, m{"meta": m{"createdAt": helloassotest.Stamp(old), "updatedAt": helloassotest.Stamp(changed)}}),
		}})
	}
	s := open(t, v, nil, func() time.Time { return now })
	first, mark, _ := read(t, s, "changes", port.Since{})
	require.Empty(t, first, "nothing changed this week")
	v.PutOrder(twice(900, now))
	records, _, _ := read(t, s, "changes", port.Since{At: mark.At.Add(-5 * time.Minute)})
	require.Len(t, records, 1)
	require.Len(t, v.Asked("/orders/1001"), 1)
	require.Len(t, v.Asked("/payments"), 2, "no further than the mark")
	records, _, _ = read(t, s, "changes", port.Since{At: mark.At.Add(-5 * time.Minute)})
	require.Empty(t, records, "the same state is not read again")
	v.PutOrder(twice(1900, now.Add(time.Second)))
	records, _, _ = read(t, s, "changes", port.Since{At: mark.At.Add(-5 * time.Minute)})
	require.Len(t, records, 1)
}

// Reading everything may take hours and may break off: the first changes are those
// since it began, or of a week where nobody remembers when that was.
func TestTheFirstChanges(t *testing.T) {
	t.Parallel()
	v := helloassotest.New(t)
	now := time.Now().Truncate(time.Second)
	old := now.AddDate(0, -2, 0)
	put := func(id int, changed time.Time) {
		v.PutOrder(helloassotest.Order(id, old, m{"payments": []any{helloassotest.Payment(id*10, 1800, old, m{"meta": m{"createdAt": helloassotest.Stamp(old), "updatedAt": helloassotest.Stamp(changed)}})}}))
	}
	put(11, now.AddDate(0, 0, -3))
	put(12, now.AddDate(0, 0, -20))
	records, _, _ := read(t, open(t, v, nil, func() time.Time { return now }), "changes", port.Since{})
	require.Contains(t, records, "order 11")
	require.NotContains(t, records, "order 12")

	s := open(t, v, nil, func() time.Time { return now })
	read(t, s, "orders", port.Since{})
	put(12, now.Add(time.Hour)) // after its page was read
	now = now.Add(3 * time.Hour)
	records, _, _ = read(t, s, "changes", port.Since{})
	require.Contains(t, records, "order 12")
	require.NotContains(t, records, "order 11")
}

// What is read of the sandbox is a test.
func TestTheSandboxIsATest(t *testing.T) {
	t.Parallel()
	v := helloassotest.New(t)
	v.PutOrder(helloassotest.Order(9, day, m{"payments": []any{helloassotest.Payment(95, 1800, day, m{"state": "AuthorizedPreprod"})}}))
	records, _, _ := read(t, open(t, v, nil, time.Now), "orders", port.Since{})
	played := records["order 9"].Data.(port.OrderData)
	require.False(t, played.Test)
	require.Equal(t, "cancelled", played.Payments[0].State, "money of the sandbox is none")
}

// Birth dates, codes that open a door and addresses of tickets are not read.
func TestWhatIsNotRead(t *testing.T) {
	t.Parallel()
	v := helloassotest.New(t)
	v.PutOrder(helloassotest.Order(9, day, nil))
	records, _, _ := read(t, open(t, v, nil, time.Now), "orders", port.Since{})
	raw, err := json.Marshal(records)
	require.NoError(t, err)
	for _, secret := range []string{"1984", "qrsecret", "ticketsecret", "receiptsecret"} {
		require.NotContains(t, string(raw), secret)
	}
}
