package ticketing_test

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"
)

// A ticket that went from one order to another is of the other, however often the
// first was changed before and is described afterwards, and whichever comes first.
func TestATicketThatMovedIsOfTheOrderInWhichItStands(t *testing.T) {
	t.Parallel()
	versioned := func(r m, version int) m { r["source_version"] = version; return r }
	line := func(id, state string) m { return m{"external_id": id, "amount": "10.00", "state": state} }
	anne, paul := buyer("Anne", "Lebrun", "anne@courrier.example"), buyer("Paul", "Ozanne", "paul@courrier.example")
	for _, left := range []string{"transferred", "cancelled", "resold", "exchanged"} {
		first := versioned(record("order", "a", t1, orderData(m{"buyer": anne, "lines": []m{line("a1", "valid"), line("tk", "valid")}})), 5)
		moved := versioned(record("order", "a", t1, orderData(m{"buyer": anne, "lines": []m{line("a1", "valid"), line("tk", left)}})), 6)
		child := versioned(record("order", "b", t2, orderData(m{"buyer": paul, "split_from": "a", "fees": []m{}, "lines": []m{line("tk", "valid")}, "payments": []m{{"external_id": "pb", "amount": "10.00", "state": "settled", "method": "card"}}})), 1)
		later := versioned(record("order", "a", t3, orderData(m{"buyer": anne, "number": "A-2", "lines": []m{line("a1", "valid"), line("tk", left)}})), 7)
		for name, arrivals := range map[string][]m{"in order": {first, moved, child, later}, "backwards": {later, child, moved, first}, "the child first": {child, first, later}} {
			app := institution(t)
			for _, r := range arrivals {
				send(app.Client, r)
			}
			b := at(app.Client, "order", "b")
			require.Len(t, b["lines"], 1, "%s, %s", left, name)
			require.Equal(t, []any{"valid", "10.00", "paid"}, []any{b["lines"].([]any)[0].(m)["state"], b["totals"].(m)["due"].(m)["amount"], b["payment_state"]}, "%s, %s", left, name)
			require.Len(t, at(app.Client, "order", "a")["lines"], 1, "%s, %s", left, name)
		}
	}

	// Where it stands in both, it is of the one described later, and of the one split
	// off where both are of one moment.
	app := institution(t)
	both := func(id, when, number string, more m) m {
		d := orderData(m{"buyer": anne, "number": number, "lines": []m{line("tk", "valid")}})
		maps.Copy(d, more)
		return record("order", id, when, d)
	}
	send(app.Client, both("z", t1, "z", nil), both("c", t1, "c", m{"split_from": "z"}))
	require.Len(t, at(app.Client, "order", "c")["lines"], 1)
	require.Empty(t, at(app.Client, "order", "z")["lines"])
	send(app.Client, both("z", t2, "z2", nil))
	require.Len(t, at(app.Client, "order", "z")["lines"], 1)
	require.Empty(t, at(app.Client, "order", "c")["lines"])
}
