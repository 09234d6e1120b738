package ticketing_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func reachedUnder(email string) m {
	return m{"contact_points": []m{{"kind": "email", "value": email}}}
}

func TestOfSeveralAtOneAddressItIsTheOneWhomTheNameFitsBest(t *testing.T) {
	t.Parallel()
	app := institution(t)
	const home = "maison@courrier.example"
	older := person(app, "J.", "Castellan", reachedUnder(home))
	julie := person(app, "Julie", "Castellan", reachedUnder(home))
	frederic := person(app, "Frédéric", "Castellan", reachedUnder(home))
	fred := person(app, "Fred", "Castellan", reachedUnder(home))
	for i, one := range []struct {
		given, who string
	}{{"Julie", julie}, {"J.", older}, {"Frédéric", frederic}, {"FRED", fred}} {
		r := bought(app.Client, fmt.Sprint("o", i), buyer(one.given, "Castellan", home), nil)
		require.Equal(t, []any{one.who, "email_name"}, []any{r["contact_id"], rule(r)}, one.given)
	}
}

func TestWhoCanBeSeveralAtOneAddressIsAskedAbout(t *testing.T) {
	t.Parallel()
	app := institution(t)
	const home = "maison@courrier.example"
	marie := person(app, "Marie", "Castellan", reachedUnder(home))
	michel := person(app, "Michel", "Castellan", parvistest.With(reachedUnder(home), m{"birthdate": "1950-02-03"}))
	son := person(app, "Michel", "Castellan", parvistest.With(reachedUnder(home), m{"birthdate": "1980-02-03"}))

	for name, b := range map[string]m{"o1": buyer("M.", "Castellan", home), "o2": buyer("Michel", "Castellan", home)} {
		r := bought(app.Client, name, b, nil)
		require.Equal(t, []any{nil, "review"}, []any{r["contact_id"], rule(r)}, name)
	}
	var asked []any
	for _, review := range app.Get("/v1/ticketing/reviews").Data() {
		require.Equal(t, "several_candidates", review["reason"])
		for _, c := range review["candidates"].([]any) {
			asked = append(asked, c.(m)["contact_id"])
		}
	}
	require.ElementsMatch(t, []any{marie, michel, son, michel, son}, asked)

	// The date of birth says which, and so does a number that only one has.
	r := bought(app.Client, "o3", parvistest.With(buyer("Michel", "Castellan", home), m{"birthdate": "1980-02-03"}), nil)
	require.Equal(t, son, r["contact_id"])
	app.Post("/v1/contacts/"+marie+"/contact-points", m{"kind": "phone", "value": "+33639981204"}).Is(201)
	r = bought(app.Client, "o4", parvistest.With(buyer("M.", "Castellan", home), m{"phone": "06 39 98 12 04"}), nil)
	require.Equal(t, []any{marie, "phone_name"}, []any{r["contact_id"], rule(r)})

	// A holder is not asked about, and stays unknown.
	l := line("ticket-h", "10.00", "valid")
	l["holder"] = m{"given_name": "M.", "family_name": "Castellan"}
	bought(app.Client, "o5", buyer("Zoé", "Castellan", home), m{"lines": []m{l}})
	order := app.Get("/v1/ticketing/orders/" + orderIDOf(app, "o5")).Is(200).JSON()
	require.Equal(t, "unknown", order["lines"].([]any)[0].(m)["holder_rule"])
}

func TestOnePersonMetTwiceIsNotAskedAbout(t *testing.T) {
	t.Parallel()
	app := institution(t)
	const address = "nora@courrier.example"
	first := person(app, "Nora", "Castellan", reachedUnder(address))
	person(app, "Nora", "Castellan", reachedUnder(address))
	r := bought(app.Client, "o1", buyer("Nora", "Castellan", address), nil)
	require.Equal(t, []any{first, "email_name"}, []any{r["contact_id"], rule(r)})
}

func TestWhatFollowsAPlusMakesNoServiceOfAPerson(t *testing.T) {
	t.Parallel()
	app := institution(t)
	for i, address := range []string{"nora+theatre@courrier.example", "nora+billetterie@courrier.example"} {
		r := bought(app.Client, fmt.Sprint("o", i), buyer("Nora", fmt.Sprint("Castellan", i), address), nil)
		require.Equal(t, "new_contact", rule(r), address)
	}
	require.Equal(t, "generic_mailbox", rule(bought(app.Client, "o9", buyer("Nora", "Castellan", "billetterie+nora@courrier.example"), nil)))
}

func TestWordsThatSystemsPutForANameAreNone(t *testing.T) {
	t.Parallel()
	app := institution(t)
	for i, name := range [][2]string{{"Madame", ""}, {"M.", "Invité"}, {"Guest", "1 of 3"}, {"undefined", "undefined"}, {"null", "null"}, {"à", "définir"}, {"Sans", "Nom"}} {
		b := buyer(name[0], name[1], fmt.Sprint("n", i, "@courrier.example"))
		require.Equal(t, "anonymous", rule(bought(app.Client, fmt.Sprint("o", i), b, nil)), name)
	}
}

func TestAnAccountIsWhomItNamesThoughASpouseOrderedUnderItFirst(t *testing.T) {
	t.Parallel()
	for _, guest := range []bool{false, true} {
		t.Run(fmt.Sprint("guest ", guest), func(t *testing.T) {
			t.Parallel()
			app := institution(t)
			const address = "maison@courrier.example"
			account := record("customer", "K1", t1, buyer("Nora", "Castellan", address))
			bought(app.Client, "spouse", parvistest.With(buyer("Malo", "Tanguy", address), m{"customer": "K1"}), nil)
			if guest {
				bought(app.Client, "guest", buyer("Nora", "Castellan", address), nil)
			}
			require.Equal(t, []any{"created"}, statuses(send(app.Client, account)))
			bought(app.Client, "bare", m{"customer": "K1"}, nil)

			whose := func(order string) any {
				return app.Get("/v1/ticketing/orders/" + orderIDOf(app, order)).Is(200).JSON()["contact_id"]
			}
			owner := whose("bare")
			require.Equal(t, owner, whose("spouse"))
			if guest {
				require.Equal(t, owner, whose("guest"))
			}
			require.Equal(t, "Nora Castellan", app.Get("/v1/contacts/" + owner.(string)).Is(200).JSON()["display_name"])
			require.Len(t, app.Get("/v1/contacts").Data(), 1)
		})
	}
}

func TestTheHolderOfATicketThatCameBackIsLookedForAgain(t *testing.T) {
	t.Parallel()
	app := institution(t)
	l := line("ticket", "10.00", "valid")
	l["holder"] = buyer("Ada", "de Lorme", "ada@courrier.example")
	at := func(id, when string, who m, lines ...m) m {
		lines = append([]m{}, lines...)
		return record("order", id, when, orderData(m{"buyer": who, "lines": lines, "fees": nil, "payments": nil}))
	}
	ada := m{"customer": "K2", "given_name": "Ada", "family_name": "de Lorme", "email": "ada@courrier.example"}
	require.Equal(t, []any{"created"}, statuses(send(app.Client, at("B", t1, buyer("Nora", "Castellan", "nora@courrier.example"), l))))
	require.Equal(t, []any{"created"}, statuses(send(app.Client, at("C", t2, ada, l))))
	require.Equal(t, []any{"updated"}, statuses(send(app.Client, at("C", t3, ada))))
	who := app.Get("/v1/ticketing/orders/" + orderIDOf(app, "C")).Is(200).JSON()["contact_id"]
	require.NotNil(t, who)
	held := app.Get("/v1/ticketing/orders/" + orderIDOf(app, "B")).Is(200).JSON()["lines"].([]any)[0].(m)
	require.Equal(t, who, held["holder_contact_id"])
}

func TestWhatWasDeletedAndComesBackIsCreated(t *testing.T) {
	t.Parallel()
	app := institution(t)
	gone := func(at string) m {
		return m{"kind": "order", "external_id": "o1", "op": "delete", "source_modified_at": at}
	}
	order := func(at string) m { return record("order", "o1", at, orderData(nil)) }
	require.Equal(t, []any{"applied", "ignored_stale", "created"}, statuses(send(app.Client, gone(t2), order(t1), order(t3))))
	require.Equal(t, []any{"applied", "created"}, statuses(send(app.Client, gone("2026-11-04T10:00:00Z"), order("2026-11-05T10:00:00Z"))))
}

func TestAnAdultWhoIsNamedLaterStandsBesideAChild(t *testing.T) {
	t.Parallel()
	app := institution(t)
	child := parvistest.With(buyer("Zoé", "Castellan", "zoe@courrier.example"), m{"birthdate": "2018-01-01"})
	order := func(at string, changes m) m {
		return send(app.Client, record("order", "o1", at, orderData(parvistest.With(m{"buyer": child}, changes))))[0]
	}
	require.Equal(t, "anonymous", rule(order(t1, nil)))
	require.Equal(t, "new_contact", rule(order(t2, m{"payer": buyer("Nora", "Castellan", "nora@courrier.example")})))
}

func TestWhoIsInTheTrashCountsWhereNobodyElseCanBeMeant(t *testing.T) {
	t.Parallel()
	app := institution(t)
	const home = "maison@courrier.example"
	archive := func(contact string) {
		c := app.Get("/v1/contacts/" + contact).Is(200)
		app.Post("/v1/contacts/"+contact+"/archive", nil, parvistest.IfMatch(c.ETag())).Is(200)
	}
	exact := bought(app.Client, "o1", buyer("Julie", "Castellan", home), nil)["contact_id"].(string)
	archive(exact)
	require.Equal(t, exact, bought(app.Client, "o2", buyer("Julie", "Castellan", home), nil)["contact_id"], "there is nobody else")
	living := person(app, "J.", "Castellan", reachedUnder(home))
	require.Equal(t, living, bought(app.Client, "o3", buyer("Julie", "Castellan", home), nil)["contact_id"])

	// A spouse who was taken for the owner of an account, and went to the trash
	// for it, is met anew by an order of their own.
	const other = "autre@courrier.example"
	spouse := buyer("Malo", "Tanguy", other)
	bought(app.Client, "o4", parvistest.With(spouse, m{"customer": "K1"}), nil)
	send(app.Client, record("customer", "K1", t1, buyer("Nora", "Rivoal", other)))
	r := bought(app.Client, "o5", spouse, nil)
	require.Equal(t, "email_other_name", rule(r))
	require.Nil(t, app.Get("/v1/contacts/" + r["contact_id"].(string)).Is(200).JSON()["archived_at"])
}
