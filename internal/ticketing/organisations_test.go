package ticketing_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// A school, a company or an association is an organisation with or without an
// e-mail address: never a person named after its telephone.
func TestAnOrganisationIsKnownWithoutAnEMailAddress(t *testing.T) {
	t.Parallel()
	app := institution(t)
	school := m{"organisation": "École Jean Moulin", "phone": "+33298000001"}
	r := send(app.Client, record("customer", "S1", t1, school), record("order", "o1", t1, orderData(m{"buyer": m{"customer": "S1", "organisation": "École Jean Moulin"}})))
	made := app.Get("/v1/contacts/" + r[0]["contact_id"].(string)).Is(200).JSON()
	require.Equal(t, []any{"organisation", "organisation", "École Jean Moulin", "École Jean Moulin"}, []any{rule(r[0]), made["kind"], made["display_name"], made["legal_name"]})
	require.Equal(t, []any{"external_ref", made["id"]}, []any{rule(r[1]), r[1]["contact_id"]})
	require.Len(t, pointsOf(app, made["id"]), 1)

	// A guest's order from there is known by the number and the name.
	guest := bought(app.Client, "o2", school, m{"lines": []m{line("g1", "10.00", "valid")}})
	require.Equal(t, []any{"organisation", made["id"]}, []any{rule(guest), guest["contact_id"]})
	match := app.Get("/v1/ticketing/orders/" + guest["id"].(string) + "/match").Is(200).JSON()
	require.Equal(t, []any{"phone", "organisation_named"}, codesOf(match["evidence"]))
	other := bought(app.Client, "o3", m{"organisation": "Association Jean Moulin", "phone": "+33298000001"}, m{"lines": []m{line("g2", "10.00", "valid")}})
	require.NotEqual(t, made["id"], other["contact_id"], "another name at the same number")

	// With an account a postal address is enough, and is the organisation's.
	r = send(app.Client, record("customer", "S2", t1, m{"organisation": "Lycée des Pins", "address": m{"street": "12 avenue des Pins", "postal_code": "44000", "city": "Nantes"}}))
	made = app.Get("/v1/contacts/" + r[0]["contact_id"].(string)).Is(200).JSON()
	require.Equal(t, []any{"organisation", "Lycée des Pins"}, []any{made["kind"], made["legal_name"]})
	require.Len(t, app.Get("/v1/contacts/"+made["id"].(string)+"/addresses").Is(200).Data(), 1)
	// A name alone is too little, as of a person.
	require.Equal(t, "anonymous", rule(bought(app.Client, "o4", m{"organisation": "Amicale"}, m{"lines": []m{line("g3", "10.00", "valid")}})))
	// Who is named is a person, at a place of work.
	r = send(app.Client, record("customer", "S3", t1, m{"organisation": "École Trois", "given_name": "Luc", "family_name": "Ozanne", "phone": "+33298000002"}))
	require.Equal(t, "person", app.Get("/v1/contacts/" + r[0]["contact_id"].(string)).Is(200).JSON()["kind"])
}

// What is said of an organisation, and who orders under its account, in any order.
func TestAnOrganisationIsOneWhateverArrivesFirst(t *testing.T) {
	t.Parallel()
	app := institution(t)
	for n, order := range permutations([]int{0, 1, 2, 3}) {
		name, account := fmt.Sprint("Lycée ", n), fmt.Sprint("L", n)
		phone, email := fmt.Sprintf("+332980001%02d", n), fmt.Sprintf("contact@lycee%d.example", n)
		all := []m{
			record("customer", account, t1, m{"organisation": name, "phone": phone}),
			record("customer", account, t2, m{"organisation": name, "phone": phone, "email": email}),
			record("order", fmt.Sprint("named", n), t1, orderData(m{"buyer": m{"customer": account, "given_name": "Luc", "family_name": "Ozanne"}, "lines": []m{line(fmt.Sprint("a", n), "10.00", "valid")}})),
			record("order", fmt.Sprint("bare", n), t1, orderData(m{"buyer": m{"customer": account}, "lines": []m{line(fmt.Sprint("b", n), "10.00", "valid")}})),
		}
		for _, i := range order {
			require.NotContains(t, statuses(send(app.Client, all[i])), "failed")
		}
		owners := []any{}
		for _, id := range []string{"named", "bare"} {
			owners = append(owners, at(app.Client, "order", fmt.Sprint(id, n))["contact_id"])
		}
		require.Equal(t, owners[0], owners[1], "%v", order)
		made := app.Get("/v1/contacts/" + owners[0].(string)).Is(200).JSON()
		require.Equal(t, []any{"organisation", name}, []any{made["kind"], made["display_name"]}, "%v", order)
		var points []string
		for _, p := range pointsOf(app, made["id"]) {
			points = append(points, p["value"].(string))
		}
		require.Len(t, points, 2, "%v %v", order, points)
		require.Equal(t, 1, parvistest.Ask[int](t, app, `select count(*)::int from crm.contacts where display_name = $1 and archived_at is null`, name), "%v", order)
	}
}

// An organisation that was known by its address is the account's whose address
// shows later.
func TestAnAccountOfAKnownOrganisationIsFoundOnceItsAddressShows(t *testing.T) {
	t.Parallel()
	app := institution(t)
	known := app.Post("/v1/contacts", m{"kind": "organisation", "legal_name": "Collège des Pins", "contact_points": []m{{"kind": "email", "value": "secretariat@pins.example"}}}).Is(201).ID()
	first := send(app.Client, record("customer", "S1", t1, m{"organisation": "Collège des Pins", "phone": "+33298000001"}))[0]
	require.NotEqual(t, known, first["contact_id"])
	then := send(app.Client, record("customer", "S1", t2, m{"organisation": "COLLÈGE des Pins", "phone": "+33298000001", "email": "secretariat@pins.example"}))[0]
	require.Equal(t, known, then["contact_id"])
	require.NotNil(t, app.Get("/v1/contacts/" + first["contact_id"].(string)).Is(200).JSON()["archived_at"])
	require.Len(t, pointsOf(app, known), 2, "and its number is learnt")
}

func permutations(of []int) (out [][]int) {
	if len(of) < 2 {
		return [][]int{slices.Clone(of)}
	}
	for i := range of {
		rest := append(slices.Clone(of[:i]), of[i+1:]...)
		for _, p := range permutations(rest) {
			out = append(out, append([]int{of[i]}, p...))
		}
	}
	return out
}
