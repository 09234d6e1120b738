package pretix_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/port"
	"github.com/parvis-crm/parvis/internal/connectors/pretix/pretixtest"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// confirmed has pretix do something.
func (a reader) confirmed(kind string, data m) m {
	a.t.Helper()
	id := a.Post(base+"/commands", m{"kind": kind, "data": data}).Is(202).ID()
	var c m
	parvistest.Eventually(a.t, "the end of the command", func() bool {
		c = a.Get(base + "/commands/" + id).Is(200).JSON()
		return c["status"] == "confirmed" || c["status"] == "rejected"
	})
	require.Equal(a.t, "confirmed", c["status"], "%v", c["error"])
	return c
}

// recorded are the events about cards and memberships, each with who did it.
func (a reader) recorded() []string {
	a.t.Helper()
	conn, err := pgx.Connect(a.t.Context(), a.DB.OwnerURL)
	require.NoError(a.t, err)
	defer func() { require.NoError(a.t, conn.Close(a.t.Context())) }()
	rows, err := conn.Query(a.t.Context(), "select type || ' by ' || actor_id from crm.events where tenant_id = $1 and (type like 'ticketing.gift_card.%' or type like 'ticketing.membership.%') order by 1", a.Tenant)
	require.NoError(a.t, err)
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(a.t, err)
	return out
}

// What pretix answers is its new state, known as soon as the command is
// confirmed; when pretix tells of it, by a call or in a list, nothing follows.
func TestWhatACommandAnswersIsTakenIn(t *testing.T) {
	t.Parallel()
	v := shop(t)
	v.Put("customers", pretixtest.Customer("Q7XW", "mael.lebihan@courrier.example", "Maël", "Le Bihan", day, nil))
	v.Put("membershiptypes", m{"id": 3, "name": m{"fr": "Carte Arcades"}, "max_usages": nil})
	v.Put("giftcards", m{"id": 9, "secret": "QZ7GABIANS", "value": "50.00", "currency": "EUR", "testmode": false, "expires": nil, "owner_ticket": nil, "issuer": "arcades"})
	v.Put("giftcards/9/transactions", m{"id": 91, "datetime": "2026-11-01T09:00:00Z", "value": "50.00", "event": nil, "order": nil})
	app := connect(t, v)
	address := app.address()
	require.Contains(t, fmt.Sprint(app.Walk("/v1/ticketing/gift-cards")), "50.00")
	lists := func() int {
		n := 0
		for _, r := range v.Requests() {
			if r.Method == http.MethodGet && (strings.HasSuffix(r.Path, "/arcades/giftcards/") || strings.HasSuffix(r.Path, "/arcades/memberships/")) {
				n++
			}
		}
		return n
	}
	listed, before := lists(), len(app.recorded())

	spent := app.confirmed("giftcard.transact", m{"gift_card": "9", "amount": "-5.00"})
	require.Equal(t, []any{"gift_card", "9"}, []any{spent["result_kind"], spent["result_id"]})
	card := app.Walk("/v1/ticketing/gift-cards")[0]
	require.Contains(t, fmt.Sprint(card), "45.00")
	granted := app.confirmed("membership.grant", m{"customer": "Q7XW", "product": "3", "valid_from": "2026-09-01T00:00:00Z", "valid_to": "2027-08-31T00:00:00Z", "holder": m{"given_name": "Maël", "family_name": "Le Bihan"}})
	memberships := app.Walk("/v1/ticketing/memberships")
	require.Len(t, memberships, 1)
	require.Equal(t, granted["result_id"], memberships[0]["external_id"])
	require.Equal(t, listed, lists(), "without reading a list")
	told := app.recorded()
	require.Greater(t, len(told), before)
	require.Contains(t, strings.Join(told, "\n"), "by command:"+spent["id"].(string))
	require.Contains(t, strings.Join(told, "\n"), "by command:"+granted["id"].(string))

	read := v.Asked("/giftcards/9/")
	deliver(t, v, address, []byte(`{"notification_id":3,"issuer_id":1,"giftcard":9,"acceptor_id":1,"action":"pretix.giftcards.transaction.manual"}`))
	parvistest.Eventually(t, "the call was read", func() bool { return v.Asked("/giftcards/9/") > read })
	app.pull("gift_cards", "memberships")
	parvistest.Eventually(t, "the lists", func() bool { return lists() >= listed+2 })
	app.settled()
	require.Equal(t, told, app.recorded())
	require.Equal(t, card["version"], app.Walk("/v1/ticketing/gift-cards")[0]["version"])
	require.Equal(t, memberships[0]["version"], app.Walk("/v1/ticketing/memberships")[0]["version"])
}

// Money that has moved has moved, even where the card cannot be read then.
func TestACommandThatWasDoneIsConfirmedThoughTheCardCannotBeRead(t *testing.T) {
	t.Parallel()
	v := full(t)
	s := session(t, v, nil)
	v.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet {
			w.WriteHeader(http.StatusForbidden)
		}
		return r.Method == http.MethodGet
	})
	result, err := s.(port.Commander).Send(t.Context(), port.Command{ID: "0199c0de", Kind: "giftcard.transact", Data: []byte(`{"gift_card":"9","amount":"-5.00"}`)})
	require.NoError(t, err)
	require.Equal(t, port.Result{Kind: port.GiftCard, ExternalID: "9"}, result)
}

// An answer that names nothing, such as a notice of maintenance, is of nobody who
// did what the command asked for.
func TestAnAnswerThatNamesNothingConfirmsNoCommand(t *testing.T) {
	t.Parallel()
	for kind, data := range map[string]string{
		"customer.upsert": `{"profile":{"email":"mael.lebihan@courrier.example"}}`, "customer.anonymize": `{"customer":"Q7XW"}`, "voucher.create": `{"performance":"saison/51"}`,
		"membership.grant": `{"customer":"Q7XW","product":"3"}`, "giftcard.transact": `{"gift_card":"9","amount":"-5.00"}`,
	} {
		v := full(t)
		v.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
			_ = json.NewEncoder(w).Encode(m{"detail": "maintenance"})
			return true
		})
		_, err := session(t, v, nil).(port.Commander).Send(t.Context(), port.Command{ID: "0199c0de", Kind: kind, Data: []byte(data)})
		require.ErrorAs(t, err, new(*port.UnexpectedError), kind)
	}
}
