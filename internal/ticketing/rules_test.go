package ticketing_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// person adds a contact by hand.
func person(app *parvistest.App, given, family string, more m) string {
	body := m{"kind": "person", "given_name": given, "family_name": family}
	maps.Copy(body, more)
	return app.Post("/v1/contacts", body).Is(201).ID()
}

func home(street, code string) []m {
	return []m{{"street": street, "postal_code": code, "city": "Nantes"}}
}

func pointsOf(app *parvistest.App, contact any) []m {
	return app.Get("/v1/contacts/" + contact.(string) + "/contact-points").Data()
}

func TestRule2CardNumber(t *testing.T) {
	t.Parallel()
	app := institution(t)
	member := person(app, "Nora", "Castellan", m{"external_ids": []m{{"source": "card", "external_id": "A-77"}}})
	r := bought(app.Client, "o1", m{"card_number": " A-77 ", "name": "N."}, nil)
	require.Equal(t, []any{"card_number", 1.0, member}, []any{rule(r), confidence(r), r["contact_id"]})
	r = bought(app.Client, "o2", m{"card_number": "A-78"}, nil)
	require.Equal(t, "anonymous", rule(r))
}

func TestNamesAreComparedAsFrenchPeopleWriteThem(t *testing.T) {
	t.Parallel()
	app := institution(t)
	who := person(app, "Frédéric", "de La Tour", m{"contact_points": []m{{"kind": "email", "value": "f@courrier.example"}}})
	for i, b := range []m{buyer("fred", "LATOUR", "f@courrier.example"), buyer("FREDERIC", "De La Tour", "F@courrier.example"), buyer("F.", "La Tour", "f@courrier.example")} {
		require.Equal(t, who, bought(app.Client, fmt.Sprint("o", i), b, nil)["contact_id"], b)
	}
	match := app.Get("/v1/ticketing/orders/" + orderIDOf(app, "o0") + "/match").Is(200).JSON()
	require.Equal(t, []any{"email", "family_name_spelling", "given_name_short"}, codesOf(match["evidence"]))
	wife := bought(app.Client, "o9", buyer("Frédérique", "de La Tour", "f@courrier.example"), nil)
	require.NotEqual(t, who, wife["contact_id"])
}

func codesOf(evidence any) []any {
	var out []any
	for _, e := range evidence.([]any) {
		out = append(out, e.(m)["code"])
	}
	return out
}

func orderIDOf(app *parvistest.App, external string) string {
	return app.Get(base + "/records/order/" + external).Is(200).ID()
}

func TestTwoOfOneNameAndAddressAreToldApartByBirth(t *testing.T) {
	t.Parallel()
	app := institution(t)
	father := person(app, "Jean", "Castellan", m{"birthdate": "1950-02-03", "contact_points": []m{{"kind": "email", "value": "jean@courrier.example"}}})
	b := buyer("Jean", "Castellan", "jean@courrier.example")
	b["birthdate"] = "1985-06-07"
	son := bought(app.Client, "o1", b, nil)
	require.NotEqual(t, father, son["contact_id"])
	b["birthdate"] = "1950-02-03"
	require.Equal(t, father, bought(app.Client, "o2", b, nil)["contact_id"])
}

func TestRule7NameWithBirthOrAddress(t *testing.T) {
	t.Parallel()
	app := institution(t)
	who := person(app, "Nora", "Castellan", m{"birthdate": "1990-05-06", "addresses": home("12 avenue des Pins", "44000")})
	r := bought(app.Client, "o1", m{"given_name": "Nora", "family_name": "Castellan", "birthdate": "1990-05-06"}, nil)
	require.Equal(t, []any{"name_birthdate", 0.9, who}, []any{rule(r), confidence(r), r["contact_id"]})
	r = bought(app.Client, "o2", m{"given_name": "Nora", "family_name": "CASTELLAN", "email": "nora@courrier.example", "address": m{"street": "12, av. des pins", "postal_code": "44 000", "city": "Nantes"}}, nil)
	require.Equal(t, []any{"name_address", 0.9, who}, []any{rule(r), confidence(r), r["contact_id"]})
	require.Equal(t, who, bought(app.Client, "o3", buyer("Nora", "Castellan", "nora@courrier.example"), nil)["contact_id"], "the address was learnt")
	twin := person(app, "Nora", "Castellan", m{"birthdate": "1990-05-06"})
	r = bought(app.Client, "o4", m{"given_name": "Nora", "family_name": "Castellan", "birthdate": "1990-05-06"}, m{"channel": m{"kind": "phone"}})
	require.Equal(t, []any{"review", nil}, []any{rule(r), r["contact_id"]}, "not unique any more")
	review := app.Get("/v1/ticketing/reviews?status=open").Is(200).Data()[0]
	require.Len(t, review["candidates"], 2)
	_ = twin
}

func TestRule8NameAndPostcodeAreAskedAbout(t *testing.T) {
	t.Parallel()
	app := institution(t)
	who := person(app, "Nora", "Castellan", m{"addresses": home("12 avenue des Pins", "44000")})
	known := m{"given_name": "Nora", "family_name": "Castellan", "address": m{"postal_code": "44000", "city": "Nantes"}}
	first := bought(app.Client, "o1", known, nil)
	require.Equal(t, []any{"review", 0.65, nil}, []any{rule(first), confidence(first), first["contact_id"]})
	second := bought(app.Client, "o2", known, nil)
	reviews := app.Get("/v1/ticketing/reviews").Is(200).Data()
	require.Len(t, reviews, 1, "one description, one question")
	parvistest.Eventually(t, "somebody is asked", func() bool {
		return len(app.Get("/v1/events?types=ticketing.match.review_required").JSON()["data"].([]any)) == 1
	})
	at := "/v1/ticketing/reviews/" + reviews[0]["id"].(string)
	review := app.Get(at).Is(200)
	require.Len(t, review.JSON()["orders"], 2)
	require.Equal(t, "Nora", review.JSON()["person"].(m)["given_name"])
	require.Equal(t, reviews[0]["id"], app.Get("/v1/ticketing/orders/" + first["id"].(string) + "/match").Is(200).JSON()["review_id"])

	app.Post(at+"/decide", m{"action": "choose"}).Problem(422, "invalid")
	app.Post(at+"/decide", m{"action": "reject", "contact_id": who}).Problem(422, "invalid")
	app.Post(at+"/decide", m{"action": "accept"}, parvistest.IfMatch(`"9"`)).Problem(412, "stale-version")
	done := app.Post(at+"/decide", m{"action": "accept", "reason": "seen at the desk"}, parvistest.IfMatch(review.ETag())).Is(200).JSON()
	require.Equal(t, []any{"linked", who}, []any{done["status"], done["contact_id"]})
	for _, r := range []m{first, second} {
		o := orderOf(app.Client, r)
		require.Equal(t, []any{who, "review_contact"}, []any{o["contact_id"], o["match"].(m)["rule"]})
	}
	app.Post(at+"/decide", m{"action": "reject"}).Problem(409, "ticketing-review-closed")
	third := bought(app.Client, "o3", known, nil)
	require.Equal(t, who, third["contact_id"], "remembered and not asked again")
	require.Empty(t, app.Get("/v1/ticketing/reviews?status=open").Data())

	// Taken back, everything is as it was, and asked again.
	app.Post("/v1/ticketing/decisions/"+done["decision_id"].(string)+"/revert", m{"reason": "the wrong one"}).Is(200)
	for _, r := range []m{first, second, third} {
		require.Nil(t, orderOf(app.Client, r)["contact_id"])
	}
	require.Len(t, app.Get("/v1/ticketing/reviews?status=open").Data(), 1)
	app.Post("/v1/ticketing/decisions/"+done["decision_id"].(string)+"/revert", m{}).Problem(409, "ticketing-decision-superseded")
}

func TestReviewsAnsweredTogether(t *testing.T) {
	t.Parallel()
	app := institution(t)
	var orders, named []any
	for i, family := range []string{"Amoros", "Brunet", "Castel"} {
		person(app, "Ida", family, m{"addresses": home("1 rue Haute", "44000")})
		orders = append(orders, bought(app.Client, fmt.Sprint("o", i), m{"given_name": "Ida", "family_name": family, "address": m{"postal_code": "44000", "city": "Nantes"}}, nil))
	}
	for _, r := range app.Get("/v1/ticketing/reviews").Data() {
		named = append(named, r["id"])
	}
	a := app.Post("/v1/ticketing/reviews/decide", m{"answers": []m{{"review_id": named[0], "action": "create"}, {"review_id": named[1], "action": "reject"}, {"review_id": named[0], "action": "reject"}, {"review_id": named[2], "action": "accept"},
		{"review_id": named[2], "action": "guess"}, {"review_id": 7, "action": "reject"}}}).Is(207).JSON()["results"].([]any)
	var statuses []any
	for _, r := range a {
		statuses = append(statuses, r.(m)["status"])
	}
	require.Equal(t, []any{"decided", "decided", "failed", "decided", "failed", "failed"}, statuses, "an answer that cannot be read fails alone")
	require.Equal(t, named[2], a[4].(m)["review_id"])
	require.Equal(t, []any{"#/answers/4/action", "#/answers/5/review_id"}, []any{a[4].(m)["problem"].(m)["errors"].([]any)[0].(m)["pointer"], a[5].(m)["problem"].(m)["errors"].([]any)[0].(m)["pointer"]})
	require.Equal(t, "ticketing-review-closed", a[2].(m)["problem"].(m)["code"])
	require.Len(t, contactsNamed(t, app), 4)
	require.Empty(t, app.Get("/v1/ticketing/reviews?status=open").Data())
	require.Nil(t, orderOf(app.Client, orders[1].(m))["contact_id"])
	require.NotNil(t, orderOf(app.Client, orders[0].(m))["contact_id"])
}

func TestCrowdedAddressesAreLearnt(t *testing.T) {
	t.Parallel()
	app := institution(t)
	var last m
	for i, given := range []string{"Ada", "Bea", "Cleo", "Dina", "Elsa", "Fanny"} {
		last = bought(app.Client, fmt.Sprint("o", i), buyer(given, "Lorme", "les.pins@courrier.example"), nil)
		require.NotNil(t, last["contact_id"])
	}
	seventh := bought(app.Client, "o7", buyer("Gina", "Lorme", "les.pins@courrier.example"), nil)
	require.Equal(t, []any{"generic_mailbox", nil}, []any{rule(seventh), seventh["contact_id"]})
	require.Equal(t, last["contact_id"], bought(app.Client, "o8", buyer("Fanny", "Lorme", "les.pins@courrier.example"), nil)["contact_id"], "who was known stays known")
	learnt := app.Get("/v1/ticketing/mailboxes").Is(200).Data()
	require.Equal(t, []any{"les.pins@courrier.example", "learnt"}, []any{learnt[0]["mailbox"], learnt[0]["origin"]})
	app.Put("/v1/ticketing/mailboxes/les.pins@courrier.example", m{"is_generic": false, "reason": "a large family"}).Is(200)
	require.NotNil(t, bought(app.Client, "o9", buyer("Gina", "Lorme", "les.pins@courrier.example"), nil)["contact_id"])

	app.Put("/v1/ticketing/mailboxes/@Revente.example", m{"is_generic": true}).Is(200)
	r := bought(app.Client, "o10", buyer("Zoé", "Lafon", "zoe.lafon@revente.example"), nil)
	require.Equal(t, []any{"generic_mailbox", nil}, []any{rule(r), r["contact_id"]})
	app.Delete("/v1/ticketing/mailboxes/@revente.example").Is(204)
	app.Delete("/v1/ticketing/mailboxes/@revente.example").Problem(404, "not-found")
	require.NotNil(t, bought(app.Client, "o11", buyer("Zoé", "Lafon", "zoe.lafon@revente.example"), nil)["contact_id"])
	app.Put("/v1/ticketing/mailboxes/nobody", m{"is_generic": true}).Problem(422, "invalid")
	for _, address := range []string{"ce.0441234a@ac-nantes.example", "accueil.mairie@ville.example", "x@fnacspectacles.com", "vie-scolaire@lycee.example"} {
		r := bought(app.Client, address, buyer("Zoé", "Autre", address), nil)
		require.Equal(t, "generic_mailbox", rule(r), address)
	}
	require.NotNil(t, bought(app.Client, "o12", buyer("Zoé", "Autre", "zoe.autre@ac-nantes.example"), nil)["contact_id"])
}

func TestServiceOfAKnownOrganisationNeedsNoName(t *testing.T) {
	t.Parallel()
	app := institution(t)
	school := app.Post("/v1/contacts", m{"kind": "organisation", "legal_name": "Collège des Pins", "contact_points": []m{{"kind": "email", "value": "secretariat@pins.example"}}}).Is(201).ID()
	r := bought(app.Client, "o1", buyer("Zoé", "Lafon", "secretariat@pins.example"), nil)
	require.Equal(t, []any{"organisation", school}, []any{rule(r), r["contact_id"]})
	require.Equal(t, []string{"Collège des Pins"}, contactsNamed(t, app), "the person is described on the sale and nowhere else")
}

func TestChildrenGetNoContactPoint(t *testing.T) {
	t.Parallel()
	app := institution(t)
	child := buyer("Léo", "Castellan", "leo@courrier.example")
	child["birthdate"] = "2015-05-06"
	alone := bought(app.Client, "o1", child, nil)
	require.Equal(t, "anonymous", rule(alone), "name alone is too little")
	require.Empty(t, contactsNamed(t, app))
	withParent := bought(app.Client, "o2", child, m{"payer": buyer("Nora", "Castellan", "nora@courrier.example")})
	require.NotNil(t, withParent["contact_id"], "%v", withParent)
	require.Len(t, pointsOf(app, withParent["contact_id"]), 1)
	// An account of a child is known, and no way to reach it.
	account := m{"customer": "K", "email": "zoe@courrier.example", "given_name": "Zoé", "family_name": "Lafon", "birthdate": "2015-05-06"}
	r := bought(app.Client, "o3", account, nil)
	require.NotNil(t, r["contact_id"])
	require.Empty(t, pointsOf(app, r["contact_id"]))
	match := app.Get("/v1/ticketing/orders/" + r["id"].(string) + "/match").Is(200).JSON()
	require.Contains(t, codesOf(match["evidence"]), "minor_without_guardian")
	// A child who holds a ticket is nobody new.
	l := line("tick", "5.00", "valid")
	l["holder"] = child
	send(app.Client, record("order", "o4", t1, orderData(m{"buyer": buyer("Paul", "Ozanne", "paul@courrier.example"), "lines": []m{l}})))
	require.NotContains(t, contactsNamed(t, app), "")
}

func TestHoldersAreFoundAmongThoseBoughtForBefore(t *testing.T) {
	t.Parallel()
	app := institution(t)
	friend := person(app, "Yann", "Autre", m{"contact_points": []m{{"kind": "email", "value": "yann@courrier.example"}}})
	holder := func(id string, who m) m {
		l := line(id, "10.00", "valid")
		l["holder"] = who
		return l
	}
	nora := buyer("Nora", "Castellan", "nora@courrier.example")
	send(app.Client, record("order", "o1", t1, orderData(m{"buyer": nora, "lines": []m{holder("a", buyer("Yann", "Autre", "yann@courrier.example"))}})))
	r := send(app.Client, record("order", "o2", t1, orderData(m{"buyer": nora, "lines": []m{holder("b", m{"given_name": "Yann", "family_name": "Autre"})}})))[0]
	match := app.Get("/v1/ticketing/orders/" + r["id"].(string) + "/match").Is(200).JSON()["holders"].([]any)[0].(m)
	require.Equal(t, []any{friend, "household"}, []any{match["contact_id"], match["rule"]})
	require.NotEmpty(t, match["inputs_digest"])
	require.Contains(t, match["explanation"], "bought before")
}

func TestSharedAddressProposesAHome(t *testing.T) {
	t.Parallel()
	app := institution(t)
	first := bought(app.Client, "o1", buyer("Nora", "Castellan", "famille@courrier.example"), nil)
	second := bought(app.Client, "o2", buyer("Yann", "Ozanne", "famille@courrier.example"), nil)
	bought(app.Client, "o3", buyer("Yann", "Ozanne", "famille@courrier.example"), nil)
	all := app.Get("/v1/ticketing/household-proposals?contact_id=" + first["contact_id"].(string)).Is(200).Data()
	require.Len(t, all, 1)
	require.ElementsMatch(t, []any{first["contact_id"], second["contact_id"]}, []any{all[0]["contact_id"], all[0]["other_contact_id"]})
	require.Len(t, pointsOf(app, second["contact_id"]), 1, "the address is shared")
	at := "/v1/ticketing/household-proposals/" + all[0]["id"].(string) + "/decide"
	app.Post(at, m{"status": "confirmed"}, parvistest.IfMatch(`"7"`)).Problem(412, "stale-version")
	require.Equal(t, "confirmed", app.Post(at, m{"status": "confirmed"}).Is(200).JSON()["status"])
	require.Empty(t, app.Get("/v1/ticketing/household-proposals?status=open").Data())
}

func TestExplanationsSpeakFrenchAndEnglish(t *testing.T) {
	t.Parallel()
	app := institution(t)
	bought(app.Client, "o1", buyer("Nora", "Castellan", "nora@courrier.example"), nil)
	r := bought(app.Client, "o2", buyer("Nora", "Castellan", "nora@courrier.example"), nil)
	at := "/v1/ticketing/orders/" + r["id"].(string) + "/match"
	en := app.Get(at, parvistest.Header("Accept-Language", "en")).Is(200).JSON()
	fr := app.Get(at, parvistest.Header("Accept-Language", "fr")).Is(200).JSON()
	require.Contains(t, en["explanation"], "same e-mail address")
	require.Contains(t, fr["explanation"], "même adresse électronique")
	require.True(t, strings.HasSuffix(fr["explanation"].(string), "93 %."))
	require.Equal(t, orderOf(app.Client, r)["match"].(m)["inputs_digest"], en["inputs_digest"])
}
