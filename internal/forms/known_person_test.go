package forms_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func text(most int) map[string]any { return map[string]any{"type": "string", "maxLength": most} }

// askingWhereToWrite is a form that asks for every way to reach somebody, with a
// box for post and one for text messages.
func askingWhereToWrite(d map[string]any) {
	asking(d, map[string]map[string]any{
		"phone": text(40), "street": text(300), "postal_code": text(50), "city": text(200), "country": text(20), "birthdate": text(20), "locale": text(20),
		"by_post": {"type": "boolean"}, "by_sms": {"type": "boolean"},
	}, "phone", "street", "postal_code", "city", "country", "birthdate", "locale")
	for _, name := range []string{"given_name", "family_name"} {
		d["schema"].(map[string]any)["properties"].(map[string]any)[name] = text(300)
	}
	consents := d["consents"].([]map[string]any)
	for field, channel := range map[string]string{"by_post": "post", "by_sms": "sms"} {
		consents = append(consents, map[string]any{"field": field, "purpose": "newsletter", "channel": channel, "wording_ids": consents[0]["wording_ids"]})
	}
	d["consents"] = consents
}

// confirm sends a form and uses the nth link that went to its address; it
// returns whose the submission is.
func (w *world) confirm(t *testing.T, n int, data map[string]any) string {
	t.Helper()
	w.send(w.visit(t, data)).Is(http.StatusAccepted)
	w.Anonymous().Post(w.links(t, data["email"].(string), n)[n-1], nil).Is(http.StatusOK)
	sub := w.submissions(t)[0]
	require.Equal(t, "confirmed", sub["status"])
	return sub["contact_id"].(string)
}

func (w *world) person(t *testing.T, given, family string, points ...map[string]any) string {
	t.Helper()
	body := map[string]any{"kind": "person", "contact_points": points}
	for name, value := range map[string]string{"given_name": given, "family_name": family} {
		if value != "" {
			body[name] = value
		}
	}
	return w.Post("/v1/contacts", body).Is(http.StatusCreated).ID()
}

// given is the state of the consent on a channel.
func (w *world) given(t *testing.T, contact, channel string) map[string]any {
	t.Helper()
	for _, state := range w.Get("/v1/contacts/" + contact + "/consents").Is(http.StatusOK).Data() {
		if state["channel"] == channel && state["state"] == "given" {
			return state
		}
	}
	require.Fail(t, "nothing given", channel)
	return nil
}

func TestKnownPersonKeepsTheirNewAddressAndWhatHoldsForIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, askingWhereToWrite)
	const mail = "zoe@example.org"
	zoe := w.person(t, "Zoé", "Martin", map[string]any{"kind": "email", "value": "old@example.org"}, map[string]any{"kind": "email", "value": mail},
		map[string]any{"kind": "phone", "value": "01 42 68 53 00"})
	home := map[string]any{
		"email": mail, "given_name": "Zoé", "family_name": "Martin", "newsletter": true,
		"street": "2 rue B", "postal_code": "69002", "city": "Lyon", "by_post": true, "phone": "06 39 98 12 34", "by_sms": true,
	}
	require.Equal(t, zoe, w.confirm(t, 1, home))
	addresses := w.Get("/v1/contacts/" + zoe + "/addresses").Is(http.StatusOK).Data()
	require.Len(t, addresses, 1)
	require.Equal(t, "2 rue B", addresses[0]["street"])
	require.Equal(t, "69002", addresses[0]["postal_code"])
	require.Equal(t, "form:"+w.form, addresses[0]["source"])
	require.Equal(t, addresses[0]["id"], w.given(t, zoe, "post")["address_id"])

	points := map[any]any{}
	for _, p := range w.Get("/v1/contacts/" + zoe + "/contact-points").Is(http.StatusOK).Data() {
		points[p["id"]] = p["value"]
	}
	require.Equal(t, mail, points[w.given(t, zoe, "email")["contact_point_id"]], "not the first address of the contact")
	require.Equal(t, "06 39 98 12 34", points[w.given(t, zoe, "sms")["contact_point_id"]], "not the first number of the contact")

	moved := map[string]any{
		"email": mail, "given_name": "Zoé", "family_name": "Martin", "street": "9 quai C", "postal_code": "13002", "city": "Marseille", "by_post": true,
	}
	require.Equal(t, zoe, w.confirm(t, 2, moved))
	addresses = w.Get("/v1/contacts/" + zoe + "/addresses").Is(http.StatusOK).Data()
	require.Len(t, addresses, 2)
	require.Equal(t, "9 quai C", addresses[1]["street"])
	require.Equal(t, 1, count(t, w, "select count(*) from crm.consents where channel = 'post' and address_id = $1", addresses[1]["id"]))

	spelled := map[string]any{
		"email": mail, "given_name": "Zoé", "family_name": "Martin", "street": "2, RUE B", "postal_code": "69 002", "city": "LYON", "country": "fr", "by_post": true,
	}
	require.Equal(t, zoe, w.confirm(t, 3, spelled))
	require.Len(t, w.Get("/v1/contacts/"+zoe+"/addresses").Is(http.StatusOK).Data(), 2, "the same address, spelled otherwise")
	require.Equal(t, 2, count(t, w, "select count(*) from crm.consents where channel = 'post' and address_id = $1", addresses[0]["id"]))
}

func TestAddressOfANewPersonIsThereOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, askingWhereToWrite)
	camille := w.confirm(t, 1, map[string]any{"email": "camille@example.org", "family_name": "Morel", "street": "2 rue B", "city": "Lyon", "by_post": true})
	addresses := w.Get("/v1/contacts/" + camille + "/addresses").Is(http.StatusOK).Data()
	require.Len(t, addresses, 1)
	require.Equal(t, addresses[0]["id"], w.given(t, camille, "post")["address_id"])
}

func TestFamilyNameAloneIsThatPersonAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	const mail = "martin@example.org"
	first := w.confirm(t, 1, map[string]any{"email": mail, "family_name": "Martin", "newsletter": true})
	require.Equal(t, first, w.confirm(t, 2, map[string]any{"email": mail, "family_name": "MARTIN", "newsletter": true}))
	other := w.confirm(t, 3, map[string]any{"email": mail, "family_name": "Durand"})
	require.NotEqual(t, first, other, "families share an address")

	const single = "zoe@example.org"
	zoe := w.person(t, "Zoé", "Martin", map[string]any{"kind": "email", "value": single})
	require.Equal(t, zoe, w.confirm(t, 1, map[string]any{"email": single, "family_name": "Martin"}), "nobody else can be meant")

	const shared = "family@example.org"
	both := []string{
		w.person(t, "Zoé", "Martin", map[string]any{"kind": "email", "value": shared}), w.person(t, "Paul", "Martin", map[string]any{"kind": "email", "value": shared}),
	}
	third := w.confirm(t, 1, map[string]any{"email": shared, "family_name": "Martin"})
	require.NotContains(t, both, third, "either can be meant")
	require.Equal(t, third, w.confirm(t, 2, map[string]any{"email": shared, "family_name": "Martin"}))
}

func TestGivenNameCompletesWhoHadNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	const mail = "martin@example.org"
	first := w.confirm(t, 1, map[string]any{"email": mail, "family_name": "Martin"})
	require.Equal(t, first, w.confirm(t, 2, map[string]any{"email": mail, "given_name": "Zoé", "family_name": "Martin"}))
	require.Equal(t, "Zoé", w.Get("/v1/contacts/" + first).Is(http.StatusOK).JSON()["given_name"])
	require.NotEqual(t, first, w.confirm(t, 3, map[string]any{"email": mail, "given_name": "Paul", "family_name": "Martin"}), "Zoé is told from Paul now")
}

// What would bring an erased person back once it is confirmed goes with them,
// also where it says half their name.
func TestErasingTakesWhatWaitsUnderHalfTheName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	const mail = "zoe@example.org"
	zoe := w.person(t, "Zoé", "Martin", map[string]any{"kind": "email", "value": mail})
	w.send(w.visit(t, map[string]any{"email": mail, "family_name": "Martin", "newsletter": true})).Is(http.StatusAccepted)
	w.send(w.visit(t, map[string]any{"email": mail, "family_name": "Durand"})).Is(http.StatusAccepted)
	links := w.links(t, mail, 2)
	c := w.Get("/v1/contacts/" + zoe).Is(http.StatusOK)
	w.Post("/v1/contacts/"+zoe+"/erase", map[string]any{"reason": "Demande de la personne", "instruction_reference": "DPO-2026-118"}, parvistest.IfMatch(c.ETag())).Is(http.StatusOK)
	w.Anonymous().Post(links[0], nil).Problem(http.StatusGone, "confirmation-gone")
	w.Anonymous().Post(links[1], nil).Is(http.StatusOK)
}
