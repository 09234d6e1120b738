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
