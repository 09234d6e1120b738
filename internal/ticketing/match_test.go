package ticketing_test

import (
	"maps"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// bought sends an order of one buyer and returns its result.
func bought(c *parvistest.Client, id string, who any, changes m) m {
	d := orderData(m{"buyer": who, "lines": []m{line("ticket-"+id, "10.00", "valid")}, "fees": nil, "payments": nil})
	maps.Copy(d, changes)
	return send(c, record("order", id, t1, d))[0]
}

func rule(result m) any {
	if result["match"] == nil {
		return nil
	}
	return result["match"].(m)["rule"]
}

func confidence(result m) any { return result["match"].(m)["confidence"] }

// names of the contacts in the register, with the number there are.
func contactsNamed(t *testing.T, app *parvistest.App) []string {
	t.Helper()
	var out []string
	conn, err := pgx.Connect(t.Context(), app.DB.OwnerURL)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	rows, err := conn.Query(t.Context(), "select display_name from crm.contacts where tenant_id = $1 order by display_name", app.Tenant)
	require.NoError(t, err)
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		out = append(out, name)
	}
	require.NoError(t, rows.Err())
	return out
}

func TestRule1AccountIsTheIdentity(t *testing.T) {
	t.Parallel()
	app := institution(t)
	customer := send(app.Client, record("customer", "C1", t1, m{"email": "lise.amoros@courrier.example", "given_name": "Lise", "family_name": "Amoros"}))[0]
	require.Equal(t, "new_contact", rule(customer))
	r := bought(app.Client, "o1", m{"customer": "C1", "email": "autre@courrier.example", "given_name": "L.", "family_name": "Autre"}, nil)
	require.Equal(t, []any{"external_ref", 1.0, customer["contact_id"]}, []any{rule(r), confidence(r), r["contact_id"]})
	require.Equal(t, []string{"Lise Amoros"}, contactsNamed(t, app), "nobody is renamed")
	require.Len(t, app.Get("/v1/ticketing/orders?contact_id="+r["contact_id"].(string)).Data(), 1)
}

func TestOrderWaitsForItsAccount(t *testing.T) {
	t.Parallel()
	app := institution(t)
	waiting := bought(app.Client, "o1", m{"customer": "C9"}, nil)
	require.Equal(t, []any{"anonymous", nil}, []any{rule(waiting), waiting["contact_id"]})
	customer := send(app.Client, record("customer", "C9", t1, m{"email": "ida@courrier.example", "given_name": "Ida", "family_name": "Morvan"}))[0]
	require.Equal(t, customer["contact_id"], orderOf(app.Client, waiting)["contact_id"])
}

func TestRule2IdentifierOfOurs(t *testing.T) {
	t.Parallel()
	app := institution(t)
	first := bought(app.Client, "o1", buyer("Nora", "Castellan", "nora@courrier.example"), nil)
	r := bought(app.Client, "o2", m{"contact_id": first["contact_id"], "email": "guichet@autre.example"}, nil)
	require.Equal(t, []any{"contact_id", 1.0, first["contact_id"]}, []any{rule(r), confidence(r), r["contact_id"]})
}

func TestRules3And4AddressAndName(t *testing.T) {
	t.Parallel()
	app := institution(t)
	first := bought(app.Client, "o1", buyer("Nora", "Castellan", "Nora@Courrier.example"), nil)
	require.Equal(t, "new_contact", rule(first))
	r := bought(app.Client, "o2", buyer("NORA", "castellan", "nora@courrier.example"), nil)
	require.Equal(t, []any{"email_name", 0.93, first["contact_id"]}, []any{rule(r), confidence(r), r["contact_id"]})
	r = bought(app.Client, "o3", m{"name": "Nora Castellan", "email": "nora@courrier.example", "email_verified": true}, nil)
	require.Equal(t, []any{"verified_email_name", 0.97, first["contact_id"]}, []any{rule(r), confidence(r), r["contact_id"]})
}

func TestRule5MobileAndName(t *testing.T) {
	t.Parallel()
	app := institution(t)
	first := bought(app.Client, "o1", m{"given_name": "Paul", "family_name": "Ozanne", "phone": "06 39 98 40 11"}, nil)
	r := bought(app.Client, "o2", m{"given_name": "Paul", "family_name": "Ozanne", "phone": "+33639984011", "email": "paul@courrier.example"}, nil)
	require.Equal(t, []any{"phone_name", 0.92, first["contact_id"]}, []any{rule(r), confidence(r), r["contact_id"]})
	r = bought(app.Client, "o3", buyer("Paul", "Ozanne", "paul@courrier.example"), nil)
	require.Equal(t, []any{"email_name", first["contact_id"]}, []any{rule(r), r["contact_id"]}, "the address was learnt")
}

func TestRule6SharedAddressIsNotAnIdentity(t *testing.T) {
	t.Parallel()
	app := institution(t)
	first := bought(app.Client, "o1", buyer("Nora", "Castellan", "famille@courrier.example"), nil)
	second := bought(app.Client, "o2", buyer("Yann", "Castellan", "famille@courrier.example"), nil)
	require.Equal(t, "email_other_name", rule(second))
	require.NotEqual(t, first["contact_id"], second["contact_id"])
	require.Equal(t, []string{"Nora Castellan", "Yann Castellan"}, contactsNamed(t, app))
	again := bought(app.Client, "o3", buyer("Yann", "Castellan", "famille@courrier.example"), nil)
	require.Equal(t, second["contact_id"], again["contact_id"])
}

func TestRule9GenericMailboxes(t *testing.T) {
	t.Parallel()
	app := institution(t)
	school := m{"email": "secretariat@college-des-pins.example", "organisation": "Collège des Pins", "family_name": "Gestion"}
	first := bought(app.Client, "o1", school, nil)
	require.Equal(t, "organisation", rule(first))
	require.Equal(t, first["contact_id"], bought(app.Client, "o2", school, nil)["contact_id"])
	r := bought(app.Client, "o3", buyer("Zoé", "Lafon", "billets+noreply@revente.example"), nil)
	require.Equal(t, []any{"generic_mailbox", nil}, []any{rule(r), r["contact_id"]})
	r = bought(app.Client, "o4", m{"email": "vente@revente.example", "organisation": "Revente Démo"}, m{"channel": m{"kind": "reseller"}})
	require.Equal(t, "organisation", rule(r))
	r = bought(app.Client, "o5", buyer("Zoé", "Lafon", "zoe@courrier.example"), m{"channel": m{"kind": "reseller"}})
	require.Nil(t, r["contact_id"], "a reseller's address says nothing about a person")
	require.Equal(t, []string{"Collège des Pins", "Revente Démo"}, contactsNamed(t, app))
}

func TestRule10AnonymousAndTestOrders(t *testing.T) {
	t.Parallel()
	app := institution(t)
	for id, who := range map[string]any{"o1": m{}, "o2": m{"given_name": "Nora", "family_name": "Castellan"}, "o3": m{"email": "x@courrier.example"}, "o4": buyer("Info", "Requested", "y@courrier.example")} {
		r := bought(app.Client, id, who, nil)
		require.Equal(t, []any{"anonymous", nil}, []any{rule(r), r["contact_id"]}, id)
	}
	r := bought(app.Client, "o5", buyer("Nora", "Castellan", "nora@courrier.example"), m{"test": true})
	require.Equal(t, []any{"test", nil}, []any{rule(r), r["contact_id"]})
	require.Empty(t, contactsNamed(t, app))
	require.Len(t, app.Get("/v1/ticketing/orders").Data(), 4)
	require.Len(t, app.Get("/v1/ticketing/orders?test=true").Data(), 1)
}

func TestBuyerWhoChangesIsRelinked(t *testing.T) {
	t.Parallel()
	app := institution(t)
	first := bought(app.Client, "o1", buyer("Nora", "Castellan", "nora@courrier.example"), nil)
	second := send(app.Client, record("order", "o1", t2, orderData(m{"buyer": buyer("Paul", "Ozanne", "paul@courrier.example")})))[0]
	require.NotEqual(t, first["contact_id"], second["contact_id"])
	parvistest.Eventually(t, "the order is relinked", func() bool {
		return len(app.Get("/v1/events?types=ticketing.order.relinked").JSON()["data"].([]any)) == 1
	})
}

func TestHolders(t *testing.T) {
	t.Parallel()
	app := institution(t)
	spouse := bought(app.Client, "o0", buyer("Yann", "Castellan", "famille@courrier.example"), nil)
	holder := func(id string, who m) m {
		l := line(id, "10.00", "valid")
		l["holder"] = who
		return l
	}
	r := send(app.Client, record("order", "o1", t1, orderData(m{"buyer": buyer("Nora", "Castellan", "famille@courrier.example"), "lines": []m{
		holder("a", m{"given_name": "Nora", "family_name": "Castellan"}), holder("b", m{"given_name": "Yann", "family_name": "Castellan"}),
		holder("c", m{"name": "Billet 2"}), holder("d", m{"given_name": "Odile", "family_name": "Nouvelle", "email": "famille@courrier.example"}),
	}})))[0]
	var rules, people []any
	for _, l := range orderOf(app.Client, r)["lines"].([]any) {
		rules, people = append(rules, l.(m)["holder_rule"]), append(people, l.(m)["holder_contact_id"])
	}
	require.Equal(t, []any{"holder_is_buyer", "household", "placeholder", "unknown"}, rules)
	require.Equal(t, []any{r["contact_id"], spouse["contact_id"], nil, nil}, people)
	require.Equal(t, []string{"Nora Castellan", "Yann Castellan"}, contactsNamed(t, app), "a holder makes no contact")
}

func TestTwoBatchesMakeOneContact(t *testing.T) {
	t.Parallel()
	app := institution(t)
	app.Post("/v1/ticketing/sources", m{"code": "musee", "name": "Musée", "kind": "generic"}).Is(201)
	var wait sync.WaitGroup
	for i, source := range []string{"principale", "musee", "principale", "musee"} {
		wait.Go(func() {
			data := orderData(m{"lines": []m{}, "fees": nil, "payments": nil})
			app.Post("/v1/ticketing/sources/"+source+"/batches", m{"records": []m{record("order", string(rune('a'+i)), t1, data)}})
		})
	}
	wait.Wait()
	require.Equal(t, []string{"Nora Castellan"}, contactsNamed(t, app))
	require.Len(t, app.Get("/v1/ticketing/orders").Data(), 4)
}
