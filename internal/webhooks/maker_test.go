package webhooks_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/parvistest/smtpsink"
)

type object = map[string]any

// maker is a program that made an endpoint, with what it is called.
type maker struct {
	*parvistest.Client
	id string
}

// newMaker makes a key by the API.
func newMaker(t testing.TB, program *parvistest.App, over object) maker {
	t.Helper()
	made := program.Post("/v1/api-keys", parvistest.With(object{
		"name": "Prestataire", "kind": "sk", "scopes": []string{"webhooks:read", "webhooks:write", "events:read", "contacts:read", "ticketing:read"},
	}, over)).Is(http.StatusCreated).JSON()
	c := program.Acting(program.Client)
	c.Key = made["secret"].(string)
	return maker{c, made["id"].(string)}
}

// person makes a contact, held by a department or by the whole institution.
func person(program *parvistest.App, name, department string) string {
	id := program.Post("/v1/contacts", object{"kind": "person", "given_name": name, "family_name": name}).Is(http.StatusCreated).ID()
	if department != "" {
		program.AsOwner(`INSERT INTO crm.contact_departments (tenant_id, contact_id, department_id, verbs) VALUES ($1, $2, $3, '{see,see_contact_points,act,edit,merge,delete,export}')`,
			program.Tenant, id, department)
	}
	return id
}

// about are the contacts that what arrived is about.
func (r *receiver) about(t testing.TB, eventType string) []string {
	t.Helper()
	var out []string
	for _, d := range r.of(eventType) {
		out = append(out, d.members(t)["data"].(map[string]any)["id"].(string))
	}
	return out
}

// arrived waits until a witness that sees everything has had as many events, and
// the log has been given out to everybody by then.
func arrived(t testing.TB, witness *receiver, eventType string, n int) {
	t.Helper()
	parvistest.Eventually(t, "the witness has them", func() bool { return witness.distinct(eventType) == n })
}

// What the maker of an endpoint does not see is not sent to it, at once, again or
// by retry, and what it may not read of a record is masked.
func TestNothingIsSentThatItsMakerDoesNotSee(t *testing.T) {
	t.Parallel()
	program := parvistest.New(t, quickly(40))
	own, other := program.Department("accueil", ""), program.Department("mecenat", "")
	m := newMaker(t, program, object{"department_ids": []string{own}, "readable_classes": []string{"identity"}, "writable_classes": []string{}})
	all, some := newReceiver(t), newReceiver(t)
	subscribe(t, program.Client, all.URL, object{"event_types": []string{"contact.*"}})
	e := subscribe(t, m.Client, some.URL, object{"event_types": []string{"contact.*"}, "payload": "full"})
	require.Equal(t, object{"kind": "api_key", "id": m.id}, e["made_by"])

	seen, hidden, leaving := person(program, "Ondine", own), person(program, "Perceval", other), person(program, "Roxane", own)
	arrived(t, all, "contact.created", 3)
	// Made visible to nobody else but after the fact, so that a change tells.
	for _, id := range []string{seen, hidden, leaving} {
		program.Patch("/v1/contacts/"+id, object{"given_name": "Autre", "birthdate": "1990-01-01"}).Is(http.StatusOK)
	}
	arrived(t, all, "contact.updated", 3)
	parvistest.Eventually(t, "the limited endpoint has its own", func() bool { return len(some.of("contact.updated")) >= 2 })
	require.ElementsMatch(t, []string{seen, leaving}, some.about(t, "contact.updated"))
	resource := some.of("contact.updated")[0].members(t)["data"].(object)["resource"].(object)
	require.Contains(t, []string{"Ondine", "Roxane"}, resource["family_name"])
	require.Contains(t, resource["masked"], "/birthdate", "%v", resource)
	require.Nil(t, resource["birthdate"])

	// What goes out of sight while it waits is no longer sent and leaves no trace.
	some.answers(status(http.StatusServiceUnavailable))
	program.Patch("/v1/contacts/"+leaving, object{"given_name": "Tiers"}).Is(http.StatusOK)
	program.Patch("/v1/contacts/"+seen, object{"given_name": "Tiers"}).Is(http.StatusOK)
	parvistest.Eventually(t, "both are tried", func() bool { return some.distinct("contact.updated") == 4 })
	program.Post("/v1/contacts/"+leaving+"/restrict", object{"reason": "secret professionnel"}).Is(http.StatusOK)
	pendingFor := func(c *parvistest.Client) (n int) {
		return len(c.Get(path(e) + "/deliveries?status=pending").Is(http.StatusOK).Data())
	}
	parvistest.Eventually(t, "it is out of the queue", func() bool { return pendingFor(program.Client) == 1 })
	before := len(some.about(t, "contact.updated"))
	some.answers(nil)
	parvistest.Eventually(t, "what is still seen arrives", func() bool { return pendingFor(program.Client) == 0 })
	for _, id := range some.about(t, "contact.updated")[before:] {
		require.Equal(t, seen, id)
	}

	// The list of deliveries is as limited for its reader, and so is sending again.
	for _, d := range m.Get(path(e) + "/deliveries").Is(http.StatusOK).Data() {
		if d["sequence"] != float64(0) {
			m.Get("/v1/events/" + d["id"].(string)).Is(http.StatusOK)
		}
	}
	var gone string
	for _, d := range program.Get(path(e) + "/deliveries?event_type=contact.updated").Is(http.StatusOK).Data() {
		if program.Get("/v1/events/" + d["id"].(string)).JSON()["data"].(object)["id"] == leaving {
			gone = d["id"].(string)
		}
	}
	require.NotEmpty(t, gone)
	m.Get(path(e)+"/deliveries/"+gone).Problem(http.StatusNotFound, "not-found")
	m.Post(path(e)+"/deliveries/"+gone+"/retry", nil).Problem(http.StatusNotFound, "not-found")
	count := len(some.about(t, "contact.updated"))
	program.Post(path(e)+"/deliveries/"+gone+"/retry", nil).Is(http.StatusAccepted)
	parvistest.Eventually(t, "it is taken out of the queue again", func() bool { return pendingFor(program.Client) == 0 })
	require.Len(t, some.about(t, "contact.updated"), count)
	recovered := program.Post(path(e)+"/recover", object{"since": "2020-01-01T00:00:00Z", "only_failed": false}).Is(http.StatusAccepted)
	parvistest.Eventually(t, "the period is queued", func() bool {
		return program.Get(recovered.Header.Get("Location")).JSON()["status"] == "succeeded" && pendingFor(program.Client) == 0
	})
	for _, id := range some.about(t, "contact.updated")[count:] {
		require.Equal(t, seen, id)
	}
}

// A key that is held to purposes later is held to them by what is sent as well.
func TestPurposesHoldWhatIsSent(t *testing.T) {
	t.Parallel()
	program := parvistest.New(t, quickly(5))
	program.Post("/v1/purposes", object{"code": "lettre", "name": "Lettre", "legal_basis": "consent"}).Is(http.StatusCreated)
	m := newMaker(t, program, nil)
	all, some := newReceiver(t), newReceiver(t)
	subscribe(t, program.Client, all.URL, object{"event_types": []string{"contact.updated"}})
	subscribe(t, m.Client, some.URL, object{"event_types": []string{"contact.updated"}})
	with, without := person(program, "Ondine", ""), person(program, "Perceval", "")
	point := program.Post("/v1/contacts/"+with+"/contact-points", object{"kind": "email", "value": "ondine@courrier.example"}).Is(http.StatusCreated).ID()
	consent := object{"contact_point_id": point, "wording": object{"text": "J'accepte", "language": "fr", "label": "v1"}, "purpose": "lettre", "channel": "email", "action": "given", "mechanism": "unticked_box", "at": "2026-11-23T10:15:00Z", "zone": "Europe/Paris"}
	program.Post("/v1/contacts/"+with+"/consents", consent).Is(http.StatusCreated)
	change := func(n int, name string) {
		for _, id := range []string{with, without} {
			program.Patch("/v1/contacts/"+id, object{"given_name": name}).Is(http.StatusOK)
		}
		arrived(t, all, "contact.updated", n)
	}
	change(2, "A")
	parvistest.Eventually(t, "it has both", func() bool { return some.distinct("contact.updated") == 2 })
	program.Patch("/v1/api-keys/"+m.id, object{"purposes": []string{"lettre"}}).Is(http.StatusOK)
	change(4, "B")
	parvistest.Eventually(t, "it has one more", func() bool { return some.distinct("contact.updated") == 3 })
	require.Equal(t, with, some.about(t, "contact.updated")[2])
	program.Post("/v1/contacts/"+with+"/consents", parvistest.With(consent, object{"action": "withdrawn", "mechanism": "unsubscribe_link", "at": "2026-11-24T10:15:00Z"})).Is(http.StatusCreated)
	change(6, "C")
	require.Equal(t, 3, some.distinct("contact.updated"), "withdrawn is withheld")
}

// On whose behalf nobody may act any more, nothing is sent; somebody else can take
// the endpoint over. A rotation hands it on.
func TestEndpointsEndWithTheirMakers(t *testing.T) {
	t.Parallel()
	sink := smtpsink.Start(t)
	program := parvistest.New(t, quickly(5), mailing(sink))
	program.Patch("/v1/institution", object{"technical_contacts": []string{"info@theatre.example"}, "locale": "en"}).Is(http.StatusOK)
	watcher := newReceiver(t)
	subscribe(t, program.Client, watcher.URL, object{"event_types": []string{"webhook_endpoint.*", "tag.*"}})

	rotated, r := newMaker(t, program, nil), newReceiver(t)
	e := subscribe(t, rotated.Client, r.URL, nil)
	successor := program.Post("/v1/api-keys/"+rotated.id+"/rotate", object{"overlap_seconds": 0}).Is(http.StatusCreated).ID()
	emit(t, program.App.DB, program.Tenant, "tag.happened", 1)
	parvistest.Eventually(t, "its successor stands for it", func() bool { return len(r.of("tag.happened")) == 1 })

	program.Post("/v1/api-keys/"+successor+"/revoke", nil, parvistest.IfMatch("*")).Is(http.StatusOK)
	ended := awaitStatus(t, program.Client, e["id"].(string), "disabled")
	require.Equal(t, "orphaned", ended["disabled_reason"])
	parvistest.Eventually(t, "the others are told", func() bool { return len(watcher.of("webhook_endpoint.disabled")) == 1 })
	require.Equal(t, object{"reason": "orphaned", "made_by": "revoked"}, watcher.of("webhook_endpoint.disabled")[0].members(t)["data"].(object)["facts"])
	parvistest.Eventually(t, "and those who look after it", func() bool { _, texts := notices(t, sink, "info@theatre.example"); return len(texts) == 1 })
	_, texts := notices(t, sink, "info@theatre.example")
	require.Contains(t, strings.ReplaceAll(texts[0], "\r\n", " "), "may no longer act")
	emit(t, program.App.DB, program.Tenant, "tag.happened", 1)
	arrived(t, watcher, "tag.happened", 2)
	require.Len(t, r.of("tag.happened"), 1)

	me := program.Get("/v1/me").JSON()["actor"].(object)["id"]
	taken := program.Patch(path(e), object{"status": "active"}).Is(http.StatusOK).JSON()
	require.Equal(t, object{"kind": "api_key", "id": me}, taken["made_by"])
	awaitStatus(t, program.Client, e["id"].(string), "active")

	// Who turns a stream elsewhere is the one that it is sent for.
	second := newMaker(t, program, nil)
	moved := second.Patch(path(e), object{"event_types": []string{"tag.*", "contact.*"}}).Is(http.StatusOK).JSON()
	require.Equal(t, object{"kind": "api_key", "id": second.id}, moved["made_by"])
	require.Equal(t, object{"kind": "api_key", "id": second.id}, program.Patch(path(e), object{"description": "x"}).Is(http.StatusOK).JSON()["made_by"])

	// Time alone ends one too, though no event tells.
	brief := newMaker(t, program, object{"expires_at": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)})
	fading := subscribe(t, brief.Client, newReceiver(t).URL, nil)
	program.AsOwner("UPDATE crm.api_keys SET expires_at = now() - interval '1 second' WHERE id = $1", brief.id)
	parvistest.Eventually(t, "it is noticed", func() bool {
		require.NoError(t, program.Webhooks().PurgeAll(t.Context(), time.Now()))
		return program.Get(path(fading)).JSON()["disabled_reason"] == "orphaned"
	})
}

// Facts about money go to those who read about money.
func TestFactsAreThoseOfTheFeed(t *testing.T) {
	t.Parallel()
	program := parvistest.New(t, quickly(5))
	m, r := newMaker(t, program, object{"readable_classes": []string{"identity"}, "writable_classes": []string{}}), newReceiver(t)
	subscribe(t, m.Client, r.URL, object{"event_types": []string{"ticketing.*"}})
	program.Post("/v1/ticketing/sources", object{"code": "bill", "name": "Billetterie", "kind": "csv", "time_zone": "Europe/Paris", "currency": "EUR"}).Is(http.StatusCreated)
	program.Post("/v1/ticketing/sources/bill/batches", object{"batch_id": "b1", "records": []object{{
		"kind": "order", "external_id": "o1", "source_modified_at": "2026-11-20T09:00:00Z", "data": object{
			"number": "N1", "commercial_state": "confirmed", "placed_at": "2026-11-01T10:00:00Z",
			"lines": []object{{"external_id": "t1", "amount": "24.00", "state": "valid"}}, "fees": []object{},
			"payments": []object{{"external_id": "p1", "amount": "24.00", "state": "settled", "method": "card"}},
		},
	}}}).Is(http.StatusMultiStatus)
	parvistest.Eventually(t, "the order arrives", func() bool { return len(r.of("ticketing.order.created")) == 1 })
	r.mu.Lock()
	got := append([]delivery(nil), r.got...)
	r.mu.Unlock()
	for _, d := range got {
		require.NotContains(t, string(d.body), "24.00")
		if read := m.Get("/v1/events/" + d.id()); read.Status == http.StatusOK {
			require.JSONEq(t, string(read.Body), string(d.body), "what is pushed is what is pulled")
		}
	}
}
