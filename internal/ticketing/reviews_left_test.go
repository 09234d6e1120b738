package ticketing_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// asked makes a namesake known and lets orders wait for an answer about the one
// description that they bear. It returns the path of the review.
func asked(t *testing.T, app *parvistest.App, given string, orders ...string) string {
	t.Helper()
	person(app, given, "Castellan", m{"addresses": home("12 avenue des Pins", "44000")})
	for _, id := range orders {
		require.Equal(t, "review", rule(bought(app.Client, id, m{"given_name": given, "family_name": "Castellan", "address": m{"postal_code": "44000", "city": "Nantes"}}, nil)))
	}
	open := app.Get("/v1/ticketing/reviews?status=open").Is(200).Data()
	require.Len(t, open, 1)
	return "/v1/ticketing/reviews/" + open[0]["id"].(string)
}

// ordersOf are the orders of a contact.
func ordersOf(app *parvistest.App, contact any) (out []any) {
	for _, o := range app.Walk("/v1/ticketing/orders?contact_id=" + contact.(string)) {
		out = append(out, o["id"])
	}
	return out
}

// described is an order under another description, received later.
func described(id string, changes m) m { return record("order", id, t2, orderData(changes)) }

// What raised a review may come to be somebody else's; the review stays about whom
// it was raised for.
func TestAReviewIsOfWhomItsDescriptionIs(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(app *parvistest.App){
		"described anew": func(app *parvistest.App) {
			send(app.Client, described("o1", m{"buyer": buyer("Zoé", "Autre", "zoe@courrier.example")}))
		},
		"deleted": func(app *parvistest.App) {
			send(app.Client, m{"kind": "order", "external_id": "o1", "op": "delete", "source_modified_at": t2})
		},
		"anonymised": func(app *parvistest.App) { app.Post(base+"/records/order/o1/anonymize", nil).Is(200) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := institution(t)
			review := asked(t, app, "Nora", "o1", "o2")
			change(app)
			r := app.Get(review).Is(200).JSON()
			second := orderIDOf(app, "o2")
			require.Equal(t, []any{"open", second, "Nora", nil}, []any{r["status"], r["subject_id"], r["person"].(m)["given_name"], r["person"].(m)["email"]})
			require.Equal(t, second, r["orders"].([]any)[0].(m)["id"])
			done := app.Post(review+"/decide", m{"action": "create"}).Is(200).JSON()
			made := app.Get("/v1/contacts/" + done["contact_id"].(string)).Is(200).JSON()
			require.Equal(t, []any{"created", "Nora", "Castellan"}, []any{done["status"], made["given_name"], made["family_name"]})
			require.Empty(t, pointsOf(app, made["id"]), "nothing of anybody else")
			require.Equal(t, made["id"], at(app.Client, "order", "o2")["contact_id"])
			require.ElementsMatch(t, []any{second}, ordersOf(app, made["id"]), "it is of nothing else")
		})
	}
}

// A question that nothing waits for the answer of is not put to anybody.
func TestAReviewThatNothingWaitsForIsSettled(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(app *parvistest.App){
		"described anew": func(app *parvistest.App) {
			send(app.Client, described("o1", m{"buyer": buyer("Zoé", "Autre", "zoe@courrier.example")}))
		},
		"deleted": func(app *parvistest.App) {
			send(app.Client, m{"kind": "order", "external_id": "o1", "op": "delete", "source_modified_at": t2})
		},
		"anonymised": func(app *parvistest.App) { app.Post(base+"/records/order/o1/anonymize", nil).Is(200) },
		"attributed": func(app *parvistest.App) {
			app.Post("/v1/ticketing/orders/"+orderIDOf(app, "o1")+"/relink", m{"contact_id": nil}).Is(200)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := institution(t)
			review := asked(t, app, "Nora", "o1")
			change(app)
			r := app.Get(review).Is(200).JSON()
			require.Equal(t, []any{"settled", nil, []any{}}, []any{r["status"], r["contact_id"], r["orders"]})
			app.Post(review+"/decide", m{"action": "create"}).Problem(409, "ticketing-review-closed")
			require.Equal(t, 1, eventTypes(t, app, "ticketing.match.*")["ticketing.match.review_decided"])
			// It is put again once something waits for it again.
			again := asked(t, app, "Nora", "o3")
			require.Equal(t, review, again)
			require.Equal(t, orderIDOf(app, "o3"), app.Get(again).Is(200).JSON()["subject_id"])
		})
	}
}

// Taking an answer back asks nobody about what nothing bears any more.
func TestAnAnswerTakenBackAboutNothingStaysSettled(t *testing.T) {
	t.Parallel()
	app := institution(t)
	review := asked(t, app, "Nora", "o1")
	done := app.Post(review+"/decide", m{"action": "accept"}).Is(200).JSON()
	send(app.Client, m{"kind": "order", "external_id": "o1", "op": "delete", "source_modified_at": t2})
	app.Post("/v1/ticketing/decisions/"+done["decision_id"].(string)+"/revert", m{}).Is(200)
	require.Equal(t, "settled", app.Get(review).Is(200).JSON()["status"])
}
