package connectors_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/pretix/pretixtest"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// ended waits for a command to end.
func ended(t *testing.T, app *parvistest.App, kind string, data m) m {
	t.Helper()
	id := app.Post(base+"/commands", m{"kind": kind, "data": data}).Is(202).ID()
	var out m
	parvistest.Eventually(t, "the command", func() bool {
		out = app.Get(base + "/commands/" + id).Is(200).JSON()
		return out["status"] == "confirmed" || out["status"] == "rejected"
	})
	return out
}

// What we asked for comes back as the vendor's news. It must change nothing, or
// two systems would tell each other the same for ever.
func TestTheEchoOfACommandChangesNothing(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	vendor.Put("customers", pretixtest.Customer("Q7XW", "solene@courrier.example", "Solène", "Kermarrec", time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC), nil))
	connect(app, vendor)
	parvistest.Eventually(t, "the account", func() bool {
		return app.Do("GET", base+"/records/customer/Q7XW", nil).Status == 200
	})
	address := hookAddress(app)
	c := ended(t, app, "customer.upsert", m{"customer": "Q7XW", "profile": m{"email": "solene.k@courrier.example", "given_name": "Solène", "family_name": "Kermarrec"}})
	require.Equal(t, "confirmed", c["status"], "%v", c["error"])
	require.Equal(t, "Q7XW", c["result_id"])
	require.Equal(t, "solene.k@courrier.example", vendor.Object("customers", "Q7XW")["email"])
	parvistest.Eventually(t, "the end", func() bool { return eventTypes(t, app)["ticketing.command.confirmed"] == 1 })
	before := eventTypes(t, app)
	require.Equal(t, 1, before["ticketing.customer.updated"], "the change itself, by the command")
	for i := range 3 {
		status, err := vendor.Deliver(address, []byte(`{"notification_id":`+string(rune('1'+i))+`,"organizer":"arcades","customer":"Q7XW","action":"pretix.customer.changed"}`))
		require.NoError(t, err)
		require.Equal(t, 202, status)
	}
	read := vendor.Asked("/customers/Q7XW/")
	parvistest.Eventually(t, "the echo was read", func() bool {
		return state(app)["pending_messages"] == 0.0 && state(app)["pending_fetches"] == 0.0 && vendor.Asked("/customers/Q7XW/") >= read
	})
	lists := vendor.Asked("/customers/")
	app.Post(base+"/pulls", m{"streams": []string{"customers"}}).Is(202)
	parvistest.Eventually(t, "the scan", func() bool { return vendor.Asked("/customers/") > lists && state(app)["status"] == "idle" })
	require.Equal(t, before, eventTypes(t, app))
}

func TestCommandsAreSentOnce(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	connect(app, vendor)
	parvistest.Eventually(t, "the first reading", func() bool { return state(app)["last_success_at"] != nil })
	vendor.Fail(2, 503)
	c := ended(t, app, "customer.upsert", m{"customer": nil, "profile": m{"email": "ines@courrier.example", "name": "Inès Castellan"}})
	require.Equal(t, "confirmed", c["status"])
	require.EqualValues(t, 3, c["attempts"])
	keys := map[string]bool{}
	for _, r := range vendor.Requests() {
		if r.Method == http.MethodPost {
			require.Equal(t, c["id"], r.Header.Get("X-Idempotency-Key"))
			keys[r.Header.Get("X-Idempotency-Key")] = true
		}
	}
	require.Len(t, keys, 1)

	refused := ended(t, app, "customer.upsert", m{"customer": nil, "profile": m{"email": "ines@courrier.example"}})
	require.Equal(t, "rejected", refused["status"])
	require.Equal(t, "pretix refuses: email", refused["error"])
	require.Equal(t, "rejected", ended(t, app, "customer.anonymize", m{"customer": "NOBODY"})["status"])
	require.Equal(t, "rejected", ended(t, app, "giftcard.transact", m{"gift_card": "9", "amount": "-1.00"})["status"])
	vendor.Put("giftcards", m{"id": 9, "value": "10.00", "currency": "EUR"})
	require.Equal(t, "rejected", ended(t, app, "giftcard.transact", m{"gift_card": "9", "amount": "-11.00"})["status"], "409: not enough on it")
	require.Equal(t, "confirmed", ended(t, app, "giftcard.transact", m{"gift_card": "9", "amount": "-4.00"})["status"])
	require.Equal(t, "6.00", vendor.Object("giftcards", "9")["value"])
	require.Equal(t, "confirmed", ended(t, app, "voucher.create", m{"performance": "saison/51", "price_type": "saison/301", "percent": "10.00"})["status"])
	require.Equal(t, "confirmed", ended(t, app, "voucher.create", m{"performance": "saison/51", "code": "DEUX"})["status"])
	require.Equal(t, "pretix refuses: code", ended(t, app, "voucher.create", m{"performance": "saison/51", "code": "deux"})["error"])
	require.Equal(t, "confirmed", ended(t, app, "membership.grant", m{"customer": c["result_id"], "product": "3", "valid_from": "2026-09-01T00:00:00Z", "valid_to": "2027-08-31T00:00:00Z"})["status"])

	anonymised := ended(t, app, "customer.anonymize", m{"customer": c["result_id"]})
	require.Equal(t, "confirmed", anonymised["status"])
	require.Nil(t, vendor.Object("customers", c["result_id"].(string))["email"])

	app.Post(base+"/commands", m{"kind": "tag.set", "data": m{"customer": "Q", "tags": []string{"ami"}}}).Problem(409, "capability-missing")
	app.Post(base+"/commands", m{"kind": "customer.anonymize", "data": m{}}).Points("#/data/customer")
	require.NotEmpty(t, app.Get(base+"/commands?status=rejected").Is(200).Data())
}

// pretix keeps the name of a command for a day. After that what was sent and not
// answered is not sent again: it might be done twice.
func TestACommandIsNotSentAgainOnceItsNameIsForgotten(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	connect(app, vendor)
	parvistest.Eventually(t, "the first reading", func() bool { return state(app)["last_success_at"] != nil })
	owner, err := pgx.Connect(t.Context(), app.DB.OwnerURL)
	require.NoError(t, err)
	defer func() { _ = owner.Close(t.Context()) }()
	vendor.Put("giftcards", m{"id": 9, "value": "10.00", "currency": "EUR"})
	sent := 0
	vendor.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost {
			return false
		}
		sent++
		_, err := owner.Exec(t.Context(), "update crm.connector_commands set sent_at = now() - interval '23 hours 1 minute'")
		assert.NoError(t, err)
		w.WriteHeader(http.StatusBadGateway)
		return true
	})
	c := ended(t, app, "giftcard.transact", m{"gift_card": "9", "amount": "-4.00"})
	require.Equal(t, "rejected", c["status"])
	require.Contains(t, c["error"], "it might be done twice")
	require.Equal(t, 1, sent)
}

func TestHookRegistration(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	app.Post(base+"/connection/hook-registration", nil).Problem(404, "not-found")
	connect(app, vendor)
	require.Equal(t, true, app.Post(base+"/connection/hook-registration", nil).Is(200).JSON()["hooks_registered"])
	app.Post(base+"/connection/hook-registration", nil).Is(200)
	hooks := 0
	for _, r := range vendor.Requests() {
		if r.Method == http.MethodPost && r.Path == "/api/v1/organizers/arcades/webhooks/" {
			hooks++
			require.Contains(t, r.Body["target_url"], app.URL+"/v1/ticketing/hooks/pretix/")
			require.Equal(t, true, r.Body["all_events"])
		}
	}
	require.Equal(t, 1, hooks, "the second time mends the first")
	vendor.SetToken("another")
	app.Post(base+"/connection/hook-registration", nil).Problem(503, "vendor-unavailable")
}

// A code that we have the vendor give out is remembered with whom it is for, and
// its use is traced to them and to the campaign. The vendor learns of the campaign
// and not of the person.
func TestACodeIsIssuedToAContactAndTraced(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	nora := app.Post("/v1/contacts", m{"kind": "person", "given_name": "Nora", "family_name": "Castellan"}).Is(201).ID()
	connect(app, vendor)
	parvistest.Eventually(t, "the first reading", func() bool { return state(app)["last_success_at"] != nil })
	app.Post(base+"/commands", m{"kind": "voucher.create", "data": m{"performance": "saison/51", "contact_id": "0199c0de-7b11-7e0a-9d1f-5b8f0a3b9fff"}}).Problem(422, "invalid")
	app.Post(base+"/commands", m{"kind": "voucher.create", "data": m{"performance": "saison/51", "kind": "gift"}}).Points("#/data/kind")
	c := ended(t, app, "voucher.create", m{"performance": "saison/51", "code": "POUR-NORA", "campaign": "automne", "contact_id": nora, "kind": "invitation", "max_usages": 2, "valid_until": "2099-01-01T00:00:00Z"})
	require.Equal(t, []any{"confirmed", "voucher"}, []any{c["status"], c["result_kind"]}, "%v", c)
	for _, r := range vendor.Requests() {
		if r.Method == http.MethodPost && r.Path == "/api/v1/organizers/arcades/events/saison/vouchers/" {
			require.Equal(t, "automne", r.Body["tag"])
			require.Equal(t, []any{"set", "0.00"}, []any{r.Body["price_mode"], r.Body["value"]})
			require.NotContains(t, r.Body, "contact_id")
		}
	}
	found := app.Get("/v1/ticketing/vouchers?voucher_code=POUR-NORA").Is(200).Data()
	require.Len(t, found, 1)
	v := found[0]
	require.Equal(t, []any{nora, c["id"], "automne", "invitation", 2.0, "active", c["result_id"]}, []any{v["contact_id"], v["command_id"], v["campaign"], v["kind"], v["max_uses"], v["state"], v["external_id"]})
	// Somebody buys with it: pretix says which code by its number alone.
	_, number, _ := strings.Cut(fmt.Sprint(c["result_id"]), "/")
	code, err := strconv.Atoi(number)
	require.NoError(t, err)
	vendor.Put("orders", pretixtest.Order("VCHR1", time.Now(), m{"positions": []any{pretixtest.Position(80001, 1, 301, "0.00", m{"voucher": code})}}))
	app.Post(base+"/pulls", m{"streams": []string{"orders"}}).Is(202)
	var uses []m
	parvistest.Eventually(t, "the use", func() bool {
		uses = app.Get("/v1/ticketing/vouchers/" + v["id"].(string) + "/redemptions").Is(200).Data()
		return len(uses) == 1
	})
	require.Equal(t, []any{"80001", "other", true}, []any{uses[0]["external_id"], uses[0]["by"], uses[0]["is_counted"]})
	require.Equal(t, 1.0, app.Get("/v1/ticketing/voucher-campaigns/automne").Is(200).JSON()["by_others"])
}

// Whoever is erased while a code for them waits is given none.
func TestNoCodeIsMadeForSomebodyWhoWasErasedMeanwhile(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	nora := app.Post("/v1/contacts", m{"kind": "person", "given_name": "Nora", "family_name": "Castellan"}).Is(201).ID()
	connect(app, vendor)
	parvistest.Eventually(t, "the first reading", func() bool { return state(app)["last_success_at"] != nil })
	var tried, down atomic.Bool
	down.Store(true)
	vendor.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost || !down.Load() {
			return false
		}
		tried.Store(true)
		w.WriteHeader(http.StatusBadGateway)
		return true
	})
	id := app.Post(base+"/commands", m{"kind": "voucher.create", "data": m{"performance": "saison/51", "code": "POUR-NORA", "contact_id": nora}}).Is(202).ID()
	parvistest.Eventually(t, "an attempt", tried.Load)
	app.Post("/v1/contacts/"+nora+"/erase", m{"reason": "Demande reçue par courrier", "instruction_reference": "RGPD-2026-12"}, parvistest.IfMatch("*")).Is(200)
	down.Store(false)
	var c m
	parvistest.Eventually(t, "the end", func() bool {
		c = app.Get(base + "/commands/" + id).JSON()
		return c["status"] == "rejected" || c["status"] == "confirmed"
	})
	require.Equal(t, []any{"rejected", "The person was erased before it was sent."}, []any{c["status"], c["error"]})
	require.Empty(t, app.Get("/v1/ticketing/vouchers").Data())
}

// Codes that are made, changed and removed at the vendor are known as well.
func TestCodesOfTheVendorAreRead(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	vendor.Put("events/saison/vouchers", pretixtest.Voucher(501, "AMIS", m{"tag": "amis", "price_mode": "percent", "value": "100.00", "redeemed": 1, "max_usages": 3, "subevent": 51}))
	connect(app, vendor)
	address := hookAddress(app)
	code := func(name string) m {
		list := app.Get("/v1/ticketing/vouchers?voucher_code=" + name).Is(200).Data()
		if len(list) == 0 {
			return m{}
		}
		return list[0]
	}
	parvistest.Eventually(t, "the first reading", func() bool { return code("AMIS")["uses"] == 1.0 })
	require.Equal(t, []any{"invitation", "amis", 3.0, "saison/501", nil}, []any{code("AMIS")["kind"], code("AMIS")["campaign"], code("AMIS")["max_uses"], code("AMIS")["external_id"], code("AMIS")["contact_id"]})
	require.NotNil(t, code("AMIS")["performance_id"])
	vendor.Put("events/saison/vouchers", pretixtest.Voucher(502, "PRESSE", nil))
	tell := func(action string, id int) {
		status, err := vendor.Deliver(address, fmt.Appendf(nil, `{"notification_id":%d,"organizer":"arcades","event":"saison","voucher":%d,"action":"pretix.voucher.%s"}`, id*10+len(action), id, action))
		require.NoError(t, err)
		require.Equal(t, 202, status)
	}
	tell("added", 502)
	parvistest.Eventually(t, "the new code", func() bool { return code("PRESSE")["kind"] == "discount" })
	vendor.Remove("events/saison/vouchers", "502")
	tell("deleted", 502)
	parvistest.Eventually(t, "the removed code", func() bool { return code("PRESSE")["state"] == "withdrawn" })
}

// A token that may see orders and no codes reads on, and asks once.
func TestATokenThatMaySeeNoCodesReadsOn(t *testing.T) {
	t.Parallel()
	app, vendor := connected(t)
	refused := 0
	vendor.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/vouchers/") {
			return false
		}
		refused++
		w.WriteHeader(http.StatusForbidden)
		return true
	})
	vendor.Put("orders", pretixtest.Order("VCHR2", time.Now(), m{"positions": []any{pretixtest.Position(80002, 1, 301, "10.00", m{"voucher": 77})}}))
	connect(app, vendor)
	parvistest.Eventually(t, "the order", func() bool { return app.Do("GET", base+"/records/order/saison%2FVCHR2", nil).Status == 200 })
	parvistest.Eventually(t, "all of it", func() bool { return state(app)["status"] == "idle" && state(app)["last_success_at"] != nil })
	require.Nil(t, state(app)["failing_since"])
	require.LessOrEqual(t, refused, 2)
}
