package ticketing_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func exec(t *testing.T, app *parvistest.App, sql string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), app.DB.OwnerURL)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	_, err = conn.Exec(t.Context(), "set search_path = crm; set app.sight = '*'")
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}

func TestOrdersOfNobodyAreFoundWhenTheirBuyerIsKnown(t *testing.T) {
	t.Parallel()
	app := institution(t)
	born := m{"given_name": "Nora", "family_name": "Castellan", "birthdate": "1990-05-06"}
	first := bought(app.Client, "o1", born, nil)
	decided := bought(app.Client, "o2", born, nil)
	require.Equal(t, "anonymous", rule(first))
	app.Post("/v1/ticketing/orders/"+decided["id"].(string)+"/relink", m{"contact_id": nil}).Is(200)
	who := person(app, "Nora", "Castellan", m{"contact_points": []m{{"kind": "email", "value": "nora@courrier.example"}}})
	app.Patch("/v1/contacts/"+who, m{"birthdate": "1990-05-06"}).Is(200)
	parvistest.Eventually(t, "the order is hers", func() bool { return orderOf(app.Client, first)["contact_id"] == who })
	require.Nil(t, orderOf(app.Client, decided)["contact_id"], "what a person decided stands")
	require.Equal(t, "name_birthdate", orderOf(app.Client, first)["match"].(m)["rule"])
}

func TestAMergeMovesOrdersAndItsRevertMovesThemBack(t *testing.T) {
	t.Parallel()
	app := institution(t)
	r := bought(app.Client, "o1", buyer("Nora", "Castellan", "nora@courrier.example"), nil)
	loser := r["contact_id"].(string)
	survivor := person(app, "Nora", "Castellan", nil)
	relinked := func(n int) {
		parvistest.Eventually(t, "it is told", func() bool {
			return len(app.Get("/v1/events?types=ticketing.order.relinked").JSON()["data"].([]any)) == n
		})
	}
	exec(t, app, "update contacts set merged_into = $2 where id = $1", loser, survivor)
	require.Equal(t, survivor, orderOf(app.Client, r)["contact_id"])
	require.Len(t, app.Get("/v1/contacts/"+survivor+"/orders").Data(), 1)
	relinked(1)
	again := bought(app.Client, "o2", buyer("Nora", "Castellan", "nora@courrier.example"), nil)
	require.NotNil(t, again["contact_id"])
	exec(t, app, "update contacts set merged_into = null where id = $1", loser)
	require.Equal(t, loser, orderOf(app.Client, r)["contact_id"])
	relinked(2)
}

// A ticket whose holder nobody knew is found when the holder is met: as a buyer at
// another source, as somebody's guest, or because the buyer can be reached where
// the holder can. The order stays whose it is.
func TestTicketsOfNobodyAreFoundWhenTheirHolderIsMet(t *testing.T) {
	t.Parallel()
	app := institution(t)
	app.Post("/v1/ticketing/sources", m{"code": "musee", "name": "Musée", "kind": "generic"}).Is(201)
	held := func(ticket string, who m) m {
		l := line(ticket, "10.00", "valid")
		l["holder"] = who
		return l
	}
	nora, yann := m{"given_name": "Nora", "family_name": "Castellan"}, m{"given_name": "Yann", "family_name": "Ozanne", "email": "yann@courrier.example"}
	order := bought(app.Client, "o1", buyer("Ada", "Lorme", "famille@courrier.example"), m{"lines": []m{held("t1", nora), held("t2", yann), held("t3", m{"given_name": "Nora", "family_name": "Autre"})}})
	buys := order["contact_id"]
	holders := func() []any {
		var out []any
		for _, l := range orderOf(app.Client, order)["lines"].([]any) {
			out = append(out, l.(m)["holder_contact_id"])
		}
		return out
	}
	require.Equal(t, []any{nil, nil, nil}, holders())
	// By the address on the ticket, from another source.
	r := app.Post("/v1/ticketing/sources/musee/batches", m{"records": []m{record("order", "m1", t1, orderData(m{"buyer": yann, "lines": []m{}}))}}).Is(207).JSON()["results"].([]any)[0].(m)
	parvistest.Eventually(t, "the ticket is Yann's", func() bool { return holders()[1] == r["contact_id"] })
	// By the address that she shares with the buyer.
	her := bought(app.Client, "o2", buyer("Nora", "Castellan", "famille@courrier.example"), m{"lines": []m{}})["contact_id"]
	parvistest.Eventually(t, "the ticket is Nora's", func() bool { return holders()[0] == her })
	// By her having been the buyer's guest elsewhere.
	other := bought(app.Client, "o3", buyer("Ida", "Morvan", "ida@courrier.example"), m{"lines": []m{held("t5", m{"given_name": "Yann", "family_name": "Ozanne"})}})
	require.Nil(t, orderOf(app.Client, other)["lines"].([]any)[0].(m)["holder_contact_id"], "a name alone is nobody")
	bought(app.Client, "o4", buyer("Ida", "Morvan", "ida@courrier.example"), m{"lines": []m{held("t6", yann)}})
	parvistest.Eventually(t, "so is the other", func() bool {
		return orderOf(app.Client, other)["lines"].([]any)[0].(m)["holder_contact_id"] == r["contact_id"]
	})
	require.Nil(t, holders()[2])
	require.Equal(t, buys, orderOf(app.Client, order)["contact_id"])
	parvistest.Eventually(t, "nothing is left to be looked at", func() bool {
		return parvistest.Ask[int](t, app, "select (select count(*) from crm.ticketing_rematches) + (select count(*) from river.river_job where kind = 'ticketing_rematch' and finalized_at is null)::int") == 0
	})
}
