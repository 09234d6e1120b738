package ticketing_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestDecidingNeedsItsOwnScope(t *testing.T) {
	t.Parallel()
	app := institution(t)
	r := bought(app.Client, "o1", buyer("Nora", "Castellan", "nora@courrier.example"), nil)
	at := "/v1/ticketing/orders/" + r["id"].(string)
	reader, writer, decider := app.As("ticketing:read"), app.As("ticketing:write", "ticketing:read"), app.As("ticketing:match", "ticketing:read")
	reader.Get(at + "/match").Is(200)
	reader.Post(at+"/relink", m{"contact_id": nil}).Problem(403, "insufficient-scope")
	writer.Post(at+"/relink", m{"contact_id": nil}).Problem(403, "insufficient-scope")
	reader.Post("/v1/contacts/lookup", m{"email": "nora@courrier.example"}).Problem(403, "insufficient-scope")
	decider.Post(at+"/relink", m{"contact_id": nil}).Is(200)
	app.AsSource("principale", "ticketing:read").Get("/v1/ticketing/decisions").Problem(404, "not-found")
}

// What an order said of its buyer stays theirs when it becomes somebody else's,
// behind each wall alone.
func TestTheFormerBuyerOutOfSightIsNotInTheHistory(t *testing.T) {
	t.Parallel()
	for wall, reader := range map[string]func(*parvistest.App, parvistest.Limits) *parvistest.Client{
		"both": (*parvistest.App).Limited,
		"the program": func(app *parvistest.App, l parvistest.Limits) *parvistest.Client {
			app.WithoutSightPolicies()
			return app.Limited(l)
		},
		"row-level security": (*parvistest.App).WithoutProgramLook,
	} {
		t.Run(wall, func(t *testing.T) {
			t.Parallel()
			app := institution(t)
			was := bought(app.Client, "o1", buyer("Nora", "Castellan", "nora@courrier.example"), nil)
			send(app.Client, record("order", "o1", t2, orderData(m{"buyer": buyer("Paul", "Ozanne", "paul@courrier.example")})))
			send(app.Client, record("order", "o1", t3, orderData(m{"buyer": buyer("Paul", "Ozanne", "paul@courrier.example"), "number": "N2"})))
			app.Post("/v1/contacts/"+was["contact_id"].(string)+"/restrict", m{"reason": "discrétion"}).Is(200)
			history := "/v1/history?subject_kind=order&subject_id=" + was["id"].(string)
			var events []string
			parvistest.Eventually(t, "the order has a history", func() bool {
				events = nil
				for _, e := range app.Get(history).Data() {
					events = append(events, e["event_id"].(string))
				}
				return len(events) == 5
			})
			require.Contains(t, string(app.Get(history).Body), "nora@")

			desk := reader(app, parvistest.Limits{Scopes: []string{"history:read", "events:read", "events:changes", "ticketing:read"}})
			told := desk.Get(history).Is(200)
			require.NotContains(t, string(told.Body), "nora@")
			require.NotContains(t, string(told.Body), was["contact_id"])
			require.Contains(t, string(told.Body), "N2", "what was said since is told")
			require.Len(t, told.Data(), 3)
			for _, id := range events {
				require.NotContains(t, string(desk.Get("/v1/events/"+id+"/changes").Body), "nora@")
			}
		})
	}
}

// Whose data the history of an order holds is in the log of reads, though its
// events need not name anybody.
func TestTheHistoryOfAnOrderIsARead(t *testing.T) {
	t.Parallel()
	app := institution(t)
	nora := bought(app.Client, "o1", buyer("Nora", "Castellan", "nora@courrier.example"), nil)
	paul := send(app.Client, record("order", "o1", t2, orderData(m{"buyer": buyer("Paul", "Ozanne", "paul@courrier.example")})))[0]
	send(app.Client, record("order", "o1", t3, orderData(m{"buyer": buyer("Paul", "Ozanne", "paul@courrier.example"), "number": "N2"})))
	history := "/v1/history?subject_kind=order&subject_id=" + nora["id"].(string)
	var told []m
	parvistest.Eventually(t, "the order has a history", func() bool { told = app.Get(history).Data(); return len(told) == 5 })
	for i, e := range told { // the newest first
		wanted := []any{nora["contact_id"]}
		switch {
		case i == 0:
			wanted = []any{paul["contact_id"]}
		case i < 3:
			wanted = []any{nora["contact_id"], paul["contact_id"]}
		}
		if e["type"] == "ticketing.order.relinked" {
			continue // names whose it has become
		}
		request := app.Get("/v1/events/" + e["event_id"].(string) + "/changes").Is(200).Header.Get("Request-Id")
		parvistest.Eventually(t, "the read is noted", func() bool {
			for _, r := range app.Get("/v1/audit/reads").Data() {
				if r["request_id"] == request {
					require.ElementsMatch(t, wanted, r["contact_ids"], e["type"])
					return true
				}
			}
			return false
		})
	}
	request := app.Get(history + "&limit=1").Is(200).Header.Get("Request-Id")
	parvistest.Eventually(t, "the read of one page is noted", func() bool {
		return slices.ContainsFunc(app.Get("/v1/audit/reads").Data(), func(r m) bool {
			return r["request_id"] == request && slices.Contains(r["contact_ids"].([]any), paul["contact_id"])
		})
	})
}

// Of the usual roles those that may edit contacts decide whose an order is.
func TestTheUsualRolesOfTheCounterDecide(t *testing.T) {
	t.Parallel()
	app := institution(t)
	r := bought(app.Client, "o1", buyer("Nora", "Castellan", "nora@courrier.example"), nil)
	var deciding []any
	for _, role := range app.Post("/v1/roles/defaults", nil).Is(200).Data() {
		limits := parvistest.Limits{}
		for name, into := range map[string]*[]string{"scopes": &limits.Scopes, "verbs": &limits.Verbs} {
			for _, v := range role[name].([]any) {
				*into = append(*into, v.(string))
			}
		}
		answer := app.Limited(limits).Post("/v1/ticketing/orders/"+r["id"].(string)+"/relink", m{"contact_id": nil})
		if slices.Contains(limits.Verbs, "edit") {
			answer.Is(200)
			deciding = append(deciding, role["code"])
		} else {
			answer.Problem(403, "insufficient-scope")
		}
	}
	require.ElementsMatch(t, []any{"accueil", "relations-publics", "protection-donnees", "droits"}, deciding)
}
