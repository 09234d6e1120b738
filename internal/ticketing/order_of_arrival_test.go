package ticketing_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// A guest's order, an account that is described without an address and then with
// one, and orders under the account with and without it: in whatever order and
// batches they arrive, they are of one person, who keeps her name.
func TestAGuestAndHerAccountAreOnePersonWhateverArrivesFirst(t *testing.T) {
	t.Parallel()
	app := institution(t)
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		tag := fmt.Sprint("r", runs)
		family, email, account := "Castellan"+tag, tag+"@courrier.example", "K"+tag
		named := m{"given_name": "Nora", "family_name": family}
		reached := parvistest.With(named, m{"email": email})
		var records []m
		for i, b := range []m{reached, parvistest.With(named, m{"customer": account}), parvistest.With(reached, m{"customer": account})} {
			id := fmt.Sprint(tag, "-", i)
			records = append(records, record("order", id, t1, orderData(m{"number": id, "buyer": b, "lines": []m{line("t"+id, "10.00", "valid")}})))
		}
		records = append(records, record("customer", account, t1, named), record("customer", account, t2, reached))
		use := rapid.SliceOfNDistinct(rapid.IntRange(0, len(records)-1), 2, len(records), rapid.ID).Draw(rt, "records")
		if !slices.Contains(use, 4) && !slices.Contains(use, 2) {
			use = append(use, 4) // nothing else says that the account is hers
		}
		orders := map[string]bool{}
		for len(use) > 0 {
			n := rapid.IntRange(1, len(use)).Draw(rt, "batch")
			var batch []m
			for _, i := range use[:n] {
				batch = append(batch, records[i])
				if records[i]["kind"] == "order" {
					orders[records[i]["external_id"].(string)] = true
				}
			}
			require.NotContains(rt, statuses(send(app.Client, batch...)), "failed")
			use = use[n:]
		}
		var got struct {
			Living   int
			Owners   []string
			Names    []string
			Contacts []string
		}
		raw := parvistest.Ask[string](t, app, `select jsonb_build_object(
			'living', (select count(*) from crm.contacts c where c.family_name = $1 and c.archived_at is null),
			'names', (select jsonb_agg(distinct c.given_name || ' ' || c.family_name) from crm.contacts c where c.family_name = $1),
			'contacts', (select jsonb_agg(c.id) from crm.contacts c where c.family_name = $1 and c.archived_at is null),
			'owners', (select coalesce(jsonb_agg(distinct o.contact_id), '[]') from crm.ticketing_orders o where o.number like $2))::text`, family, tag+"-%")
		require.NoError(t, json.Unmarshal([]byte(raw), &got))
		require.Equal(rt, 1, got.Living, raw)
		require.Equal(rt, []string{"Nora " + family}, got.Names)
		if len(orders) > 0 {
			require.Equal(rt, got.Contacts, got.Owners, raw)
		}
	})
}

// The account's own description says less of it than an order of the same batch.
func TestAnAccountIsKnownByAnOrderBesideIt(t *testing.T) {
	t.Parallel()
	app := institution(t)
	named := m{"given_name": "Nora", "family_name": "Castellan"}
	reached := parvistest.With(named, m{"email": "nora@courrier.example"})
	guest := bought(app.Client, "g", reached, m{"lines": []m{line("tg", "10.00", "valid")}})
	under := func(id, account string, buyer m) m {
		return record("order", id, t1, orderData(m{"number": id, "buyer": parvistest.With(buyer, m{"customer": account}), "lines": []m{line("t"+id, "10.00", "valid")}}))
	}
	answers := send(app.Client, under("o", "K1", reached), record("customer", "K1", t1, named))
	require.Equal(t, []any{"created", "created"}, statuses(answers))
	for _, a := range answers {
		require.Equal(t, guest["contact_id"], a["contact_id"])
	}
	// Whom a spouse's order reaches is not whose account it is.
	answers = send(app.Client, under("s", "K2", reached), record("customer", "K2", t1, m{"given_name": "Paul", "family_name": "Castellan"}))
	require.Equal(t, []any{"created", "created"}, statuses(answers))
	require.NotEqual(t, guest["contact_id"], answers[1]["contact_id"])
}

func TestAnAccountIsBroughtToWhoItTurnsOutToBe(t *testing.T) {
	t.Parallel()
	app := institution(t)
	app.Post("/v1/purposes", m{"code": "newsletter", "name": "Lettre", "legal_basis": "consent"}).Is(201)
	named := m{"given_name": "Nora", "family_name": "Castellan"}
	reached := parvistest.With(named, m{"email": "nora@courrier.example"})
	guest := bought(app.Client, "g", reached, m{"lines": []m{line("tg", "10.00", "valid")}})
	answer := m{"purpose": "newsletter", "channel": "email", "value": "granted", "at": "2026-10-02T10:00:00Z"}
	first := send(app.Client, record("customer", "K1", t1, parvistest.With(named, m{"consents": []m{answer}})))[0]["contact_id"]
	under := bought(app.Client, "o", parvistest.With(named, m{"customer": "K1"}), m{"lines": []m{line("to", "10.00", "valid")}})
	kept := bought(app.Client, "kept", parvistest.With(named, m{"customer": "K1"}), m{"lines": []m{line("tk", "10.00", "valid")}})
	send(app.Client, record("membership", "m", t1, m{"customer": "K1", "valid_from": "2026-09-01"}))
	require.Equal(t, first, under["contact_id"])
	require.NotEqual(t, guest["contact_id"], first)
	require.Equal(t, guest["contact_id"], send(app.Client, record("customer", "K1", t2, parvistest.With(reached, m{"consents": []m{answer}})))[0]["contact_id"])
	for _, o := range []m{guest, under, kept} {
		require.Equal(t, guest["contact_id"], orderOf(app.Client, o)["contact_id"])
	}
	require.Equal(t, guest["contact_id"], at(app.Client, "membership", "m")["contact_id"])
	require.Len(t, app.Get("/v1/contacts/"+guest["contact_id"].(string)+"/consents").Data(), 1)
	require.Equal(t, 2, eventTypes(t, app, "ticketing.order.relinked")["ticketing.order.relinked"])
	before := len(app.Get("/v1/events?limit=1000").Data())
	require.Equal(t, []any{"unchanged"}, statuses(send(app.Client, record("customer", "K1", t2, parvistest.With(reached, m{"consents": []m{answer}})))))
	require.Len(t, app.Get("/v1/events?limit=1000").Data(), before)
}

// Whoever is known by anything else stays, and so does whom people decided about;
// and the order of a spouse does not give an account away.
func TestAnAccountOfSomebodyKnownOtherwiseStays(t *testing.T) {
	t.Parallel()
	app := institution(t)
	named := func(family string) m { return m{"given_name": "Nora", "family_name": family} }
	for name, known := range map[string]func(contact, order string){
		"changed by hand": func(contact, _ string) { app.Patch("/v1/contacts/"+contact, m{"birth_name": "Ozanne"}).Is(200) },
		"decided": func(contact, order string) {
			app.Post("/v1/ticketing/orders/"+order+"/relink", m{"contact_id": nil}).Is(200)
			app.Post("/v1/ticketing/orders/"+order+"/relink", m{"contact_id": contact}).Is(200)
		},
		"known elsewhere": func(contact, _ string) {
			exec(t, app, "insert into contact_external_ids (tenant_id, source, external_id, contact_id) select tenant_id, 'crm', 'x', id from contacts where id = $1", contact)
		},
	} {
		tag := strings.ReplaceAll(name, " ", "")
		reached := parvistest.With(named(tag), m{"email": tag + "@courrier.example"})
		guest := bought(app.Client, "g"+tag, reached, m{"lines": []m{line("tg"+tag, "10.00", "valid")}})
		account := send(app.Client, record("customer", "K"+tag, t1, named(tag)))[0]["contact_id"].(string)
		order := bought(app.Client, "o"+tag, parvistest.With(named(tag), m{"customer": "K" + tag}), m{"lines": []m{line("to"+tag, "10.00", "valid")}})
		known(account, order["id"].(string))
		require.Equal(t, account, send(app.Client, record("customer", "K"+tag, t2, reached))[0]["contact_id"], name)
		require.Equal(t, guest["contact_id"], orderOf(app.Client, guest)["contact_id"])
		require.Equal(t, account, orderOf(app.Client, order)["contact_id"])
	}
	paul := bought(app.Client, "p", m{"given_name": "Paul", "family_name": "Morvan", "email": "paul@courrier.example"}, m{"lines": []m{line("tp", "10.00", "valid")}})
	nora := send(app.Client, record("customer", "KN", t1, named("Morvan")))[0]["contact_id"]
	bought(app.Client, "pn", m{"customer": "KN", "given_name": "Paul", "family_name": "Morvan", "email": "paul@courrier.example"}, m{"lines": []m{line("tpn", "10.00", "valid")}})
	require.NotEqual(t, paul["contact_id"], nora)
	require.Equal(t, nora, send(app.Client, record("customer", "KN", t2, parvistest.With(named("Morvan"), m{"phone": "0639984077"})))[0]["contact_id"])
}

// The postal address of an account finds its owner at the counter, whether they
// bought as a guest, registered or came to the counter first.
func TestAnAccountsAddressFindsItsOwnerAtTheCounter(t *testing.T) {
	t.Parallel()
	home := m{"street": "12 rue des Halles", "postal_code": "44000", "city": "Nantes"}
	guest := record("order", "guest", t1, orderData(m{"buyer": buyer("Odile", "Pastre", "odile@courrier.example"), "lines": []m{}}))
	account := record("customer", "K1", t1, m{"given_name": "Odile", "family_name": "Pastre", "email": "odile@courrier.example", "address": home})
	counter := record("order", "counter", t1, orderData(m{"buyer": m{"given_name": "Odile", "family_name": "Pastre", "address": home}, "lines": []m{}}))
	for _, arrivals := range [][]m{{guest, account, counter}, {guest, counter, account}, {counter, guest, account}, {account, guest, counter}, {counter, account, guest}} {
		app := institution(t)
		for _, r := range arrivals {
			send(app.Client, r)
		}
		parvistest.Eventually(t, "both orders are hers", func() bool {
			a, b := at(app.Client, "order", "guest")["contact_id"], at(app.Client, "order", "counter")["contact_id"]
			return a != nil && a == b
		})
		who := at(app.Client, "order", "guest")["contact_id"].(string)
		require.Len(t, app.Get("/v1/contacts/"+who+"/addresses").Data(), 1)
		require.Len(t, contactsNamed(t, app), 1)
	}
}
