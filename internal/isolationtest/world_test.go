package isolationtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/access/apikey"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/web"
)

type m = map[string]any

// names are what a record is called in addresses and bodies, by what it is.
type names map[string]string

// world is an institution with one of everything. Every text of it that a
// person would write holds its word.
type world struct {
	*parvistest.Client
	app    *parvistest.App
	tenant uuid.UUID
	// word is in every text of the institution.
	word string
	// own are the records that belong to no contact.
	own names
}

// person is a contact and all that hangs on it. Its word is in every text of it.
type person struct {
	word  string
	names names
}

func newWorld(t *testing.T, app *parvistest.App, c *parvistest.Client, word string) *world {
	t.Helper()
	actor, err := app.Access().Authenticate(t.Context(), c.Key, netip.IPv4Unspecified())
	require.NoError(t, err)
	w := &world{Client: c, app: app, tenant: actor.Tenant, word: word, own: names{"institution": actor.Tenant.String(), "number": "1", "kind": "order", "quarter": "2026-Q4", "indicator": "orders"}}
	made := func(kind, path string, body m) string {
		w.own[kind] = c.Post(path, body).Is(201).ID()
		return w.own[kind]
	}
	made("department", "/v1/departments", m{"code": "dep-" + word, "name": "Service " + word})
	user := made("user", "/v1/users", m{"email": word + "@personnel.example", "name": "Agent " + word})
	made("role", "/v1/roles", m{"code": "role-" + word, "name": "Rôle " + word, "scopes": []string{"contacts:read"}, "verbs": []string{"see"}})
	team := made("team", "/v1/teams", m{"code": "team-" + word, "name": "Équipe " + word})
	c.Put("/v1/teams/"+team+"/members/"+user, nil).Is(200)
	made("role_assignment", "/v1/role-assignments", m{"principal_kind": "user", "principal_id": user, "role_id": w.own["role"]})
	w.own["principal"] = user
	made("identity_provider", "/v1/identity-providers", m{"name": "Annuaire " + word, "issuer": "http://127.0.0.1/" + word, "audience": word})
	c.Put("/v1/identity-providers/"+w.own["identity_provider"]+"/sign-in", m{"client_id": word, "client_secret": "a secret of " + word}).Is(200)
	made("saml_provider", "/v1/identity-providers", m{"name": "Annuaire SAML " + word, "issuer": "urn:" + word, "audience": word, "protocol": "saml"})
	c.Put("/v1/identity-providers/"+w.own["saml_provider"]+"/saml", m{"metadata": metadata(t, "urn:"+word)}).Is(200)
	made("identity", "/v1/users/"+user+"/identities", m{"issuer": "http://127.0.0.1/" + word, "subject": word})
	made("scim_user", "/v1/scim/v2/Users", m{"userName": word + "@annuaire.example", "displayName": "Agent " + word})
	made("scim_group", "/v1/scim/v2/Groups", m{"displayName": "Groupe " + word})
	w.own["scim_name"] = "nothing-" + word // what describes the service is the same for everybody
	made("api_key", "/v1/api-keys", m{"name": "Clé " + word, "kind": "sk", "scopes": []string{"operations:read"}})
	made("oauth_client", "/v1/oauth-clients", m{"name": "Programme " + word, "scopes": []string{"operations:read"}})
	made("tag", "/v1/tags", m{"name": "Étiquette " + word})
	w.own["into"] = c.Post("/v1/tags", m{"name": "Autre étiquette " + word}).Is(201).ID()
	w.own["tag_name"] = "Étiquette " + word
	made("purpose", "/v1/purposes", m{"code": "purpose-" + word, "name": "Finalité " + word, "legal_basis": "consent", "description": word})
	w.own["purpose_code"] = "purpose-" + word
	made("activity", "/v1/processing-activities", m{"code": "activity-" + word, "name": "Activité " + word, "description": word})
	made("wording", "/v1/consent-wordings", m{"text": "J'accepte " + word, "language": "fr", "label": word})
	w.own["source"] = code(word)
	c.Post("/v1/ticketing/sources", m{"code": w.own["source"], "name": "Billetterie " + word, "kind": "csv", "time_zone": "Europe/Paris", "currency": "EUR"}).Is(201)
	made("vocabulary", "/v1/ticketing/vocabularies", m{"code": code(word), "name": "Vocabulaire " + word, "description": word})
	made("mapping", "/v1/ticketing/mappings", m{"vocabulary": code(word), "source": w.own["source"], "field": "discipline", "value": word, "term_id": word, "term_label": m{"fr": word}})
	w.connect(t)
	file := `{"kind":"venue","external_id":"salle-` + word + `","source_version":1,"data":{"name":{"fr":"Salle"}}}`
	w.own["ticketing_import"] = c.Post("/v1/ticketing/sources/"+w.own["source"]+"/imports", file, parvistest.Header("Content-Type", "application/x-ndjson")).Is(202).ID()
	parvistest.Eventually(t, "the file", func() bool {
		return c.Get("/v1/operations/" + w.own["ticketing_import"]).JSON()["status"] == "succeeded"
	})
	form, _, _ := parvistest.ExampleBody(operation("createForm"))
	form["slug"], form["name"] = "form-"+word, "Formulaire "+word
	made("form", "/v1/forms", form)
	c.Post("/v1/forms/"+w.own["form"]+"/publish", nil, parvistest.IfMatch(`"1"`)).Is(200)
	w.own["sibil_submission"] = ids.New().String()
	as(t, app.DB, "insert into sibil_submissions (tenant_id, id, quarter, operation_id, base_url) values ($1, $2, '2026-Q3', $3, 'http://127.0.0.1:9')", w.tenant, w.own["sibil_submission"], ids.New().String())
	w.own["consumer"] = code("consumer" + word)
	c.Put("/v1/event-consumers/"+w.own["consumer"], m{"sequence": 0})
	endpoint := made("endpoint", "/v1/webhook-endpoints", m{"url": "http://127.0.0.1:9/" + word, "event_types": []string{"contact.*"}, "description": word})
	as(t, app.DB, "update webhook_endpoints set status = 'disabled', disabled_at = now(), disabled_reason = 'requested' where id = $1", endpoint)
	as(t, app.DB, "delete from webhook_deliveries where endpoint_id = $1", endpoint)
	forwarder := made("forwarder", "/v1/audit/forwarders", m{"name": word, "url": "https://127.0.0.1:9/" + word})
	as(t, app.DB, "update siem_forwarders set status = 'paused' where id = $1", forwarder)
	w.own["mailbox"] = "billets" + code(word) + "@revente.example"
	c.Put("/v1/ticketing/mailboxes/"+w.own["mailbox"], m{"is_generic": true, "reason": word}).Is(200)
	w.own["neighbour"] = c.Post("/v1/contacts", m{"kind": "person", "given_name": "Voisin", "family_name": word}).Is(201).ID()
	w.own["conformance_run"] = ids.New().String() // trials take place in sandboxes only
	as(t, app.DB, `insert into conformance_runs (tenant_id, id, hook_url, connector_name, connector_version, patience_seconds, parallel)
		values ($1, $2, $3, $4, '1', 30, 1)`, w.tenant, w.own["conformance_run"], "http://127.0.0.1:9/"+word, "Connecteur "+word)
	w.own["operation"] = c.Post("/v1/exports", m{}).Is(202).ID()
	parvistest.Eventually(t, "the export", func() bool { return c.Get("/v1/operations/" + w.own["operation"]).JSON()["status"] == "succeeded" })
	return w
}

// metadata is that of a SAML provider with a key of its own.
func metadata(t *testing.T, entity string) string {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, &template, &template, private.Public(), private)
	require.NoError(t, err)
	return fmt.Sprintf(`<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID=%q>
		<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing">
		<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>%s</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
		<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://sso.ville.example/"/></md:IDPSSODescriptor></md:EntityDescriptor>`,
		entity, base64.StdEncoding.EncodeToString(certificate))
}

// connect gives the source a connection with what comes of one: a call of the
// vendor, a record that could not be taken in, and something it was asked to do.
func (w *world) connect(t *testing.T) {
	t.Helper()
	at := "/v1/ticketing/sources/" + w.own["source"]
	connection := m{"connector": "pretix", "base_url": "http://127.0.0.1:9", "settings": m{"organizer": w.word}, "secrets": m{"token": "a secret of " + w.word}}
	w.Put(at+"/connection", connection).Is(200)
	hook, err := url.Parse(fmt.Sprint(w.Post(at+"/connection/hook-address", nil).Is(201).JSON()["url"]))
	require.NoError(t, err)
	w.own["connector"], w.own["hook_key"] = "pretix", path.Base(hook.Path)
	w.app.Anonymous().Post(hook.Path, m{"notification_id": 1, "organizer": w.word, "event": w.word, "code": "ABCDE", "action": "pretix.event.order.paid"}).Is(202)
	w.own["message"] = fmt.Sprint(w.Get(at + "/inbound-messages").Is(200).Data()[0]["id"])
	connection["is_enabled"] = false // nobody is there
	w.Put(at+"/connection", connection).Is(200)
	w.own["dead_letter"], w.own["command"] = ids.New().String(), ids.New().String()
	as(t, w.app.DB, `insert into connector_dead_letters (tenant_id, id, source_id, kind, external_id, code, problem)
		select tenant_id, $2, id, 'order', $3, 'invalid-record', '{}' from ticketing_sources where tenant_id = $1 and code = $4`, w.tenant, w.own["dead_letter"], "lost-"+w.word, w.own["source"])
	as(t, w.app.DB, `insert into connector_commands (tenant_id, id, source_id, kind, status, error)
		select tenant_id, $2, id, 'order.cancel', 'rejected', $3 from ticketing_sources where tenant_id = $1 and code = $4`, w.tenant, w.own["command"], w.word, w.own["source"])
}

// code is what an outside program would choose as a name, which others may
// choose too: it is no secret and does not hold the word.
func code(of string) string {
	sum := sha256.Sum256([]byte(of))
	return "n" + hex.EncodeToString(sum[:5])
}

// number is four figures that differ from word to word.
func number(of string) string {
	sum := sha256.Sum256([]byte(of))
	return fmt.Sprintf("%04d", (int(sum[0])<<8|int(sum[1]))%9000)
}

// person makes a contact with one of everything that hangs on a contact.
func (w *world) person(t *testing.T, word string) person {
	t.Helper()
	p := person{word: word, names: names{"voucher_code": "offer-" + word, "campaign": "season-" + word, "email": word + "@courrier.example", "q": word, "name_prefix": word, "external": code("external" + word)}}
	n := p.names
	source := w.own["source"]
	n["contact"] = w.Post("/v1/contacts", m{
		"kind": "person", "given_name": "Prénom " + word, "family_name": word, "tag_ids": []string{w.own["tag"]},
		"external_ids": []m{{"source": source, "external_id": n["external"]}},
	}).Is(201).ID()
	at := "/v1/contacts/" + n["contact"]
	n["contact_point"] = w.Post(at+"/contact-points", m{"kind": "email", "value": n["email"], "label": "work"}).Is(201).ID()
	n["phone"] = "+3363998" + number(word)
	w.Post(at+"/contact-points", m{"kind": "phone", "value": n["phone"]}).Is(201)
	n["address"] = w.Post(at+"/addresses", m{"street": "12 rue " + word, "city": "Ville " + word, "postal_code": "69001"}).Is(201).ID()
	n["sensitive_fact"] = w.Post(at+"/sensitive-facts", m{"category": "access_need", "text": "Besoin " + word, "purpose": w.own["purpose_code"], "source": word}).Is(201).ID()
	n["consent"] = w.Post(at+"/consents", m{
		"purpose": w.own["purpose_code"], "channel": "email", "action": "given", "mechanism": "unticked_box", "contact_point_id": n["contact_point"],
		"at": "2026-11-23T10:15:00Z", "zone": "Europe/Paris", "wording_id": w.own["wording"],
	}).Is(201).ID()
	order := w.Post("/v1/ticketing/sources/"+source+"/batches", m{"batch_id": "b-" + word, "records": []m{{
		"kind": "order", "external_id": n["external"], "source_modified_at": "2026-11-20T09:00:00Z", "data": m{
			"number": "N-" + word, "commercial_state": "confirmed", "placed_at": "2026-11-01T10:00:00Z", "buyer": m{"contact_id": n["contact"]},
			"lines": []m{{"external_id": "t-" + word, "amount": "24.00", "state": "valid", "performance": "soir-" + w.word, "price_type": "plein-" + w.word, "voucher": m{"code": n["voucher_code"], "campaign": n["campaign"]}}},
			"fees":  []m{}, "payments": []m{{"external_id": "p-" + word, "amount": "24.00", "state": "settled", "method": "card"}},
		},
	}, {
		"kind": "performance", "external_id": "soir-" + w.word, "source_modified_at": "2026-11-20T09:00:00Z",
		"data": m{"name": m{"fr": "Soir " + w.word}, "starts_at": "2026-12-04T20:00:00+01:00", "time_zone": "Europe/Paris", "production": "piece-" + w.word, "venue": "salle-" + w.word},
	}, {
		"kind": "membership", "external_id": "m-" + word, "source_modified_at": "2026-11-20T09:00:00Z", "data": m{"order": n["external"], "number": "M-" + word, "product": "carte-" + w.word},
	}, {
		"kind": "gift_card", "external_id": "g-" + word, "source_modified_at": "2026-11-20T09:00:00Z", "data": m{"order": n["external"], "balance": "10.00", "last_four": "ZZ12"},
	}, {
		"kind": "scan", "external_id": "s-" + word, "source_modified_at": "2026-11-20T09:00:00Z", "data": m{"ticket": "t-" + word, "occurred_at": "2026-12-04T18:41:00Z"},
	}, {
		"kind": "group_booking", "external_id": "b-" + word, "source_modified_at": "2026-11-20T09:00:00Z",
		"data": m{"state": "confirmed", "number": "B-" + word, "organisation": m{"contact_id": n["contact"], "organisation": "Groupe " + word}},
	}, {
		"kind": "voucher", "external_id": "v-" + word, "source_modified_at": "2026-11-20T09:00:00Z", "data": m{"code": n["voucher_code"], "campaign": n["campaign"]},
	}, {"kind": "production", "external_id": "piece-" + w.word, "source_modified_at": "2026-11-20T09:00:00Z", "data": m{"name": m{"fr": "Pièce " + w.word}}}}}).Is(207)
	first := order.JSON()["results"].([]any)[0].(m)
	require.NotEmpty(t, first["id"], "%s", order.Body)
	n["order"] = fmt.Sprint(first["id"])
	line := w.Get("/v1/ticketing/orders/" + n["order"]).Is(200).JSON()
	require.Equal(t, n["contact"], line["contact_id"], "%v", line)
	w.own["performance"] = fmt.Sprint(line["lines"].([]any)[0].(m)["performance_id"])
	w.own["price_type"] = fmt.Sprint(line["lines"].([]any)[0].(m)["price_type_id"])
	w.own["production"] = fmt.Sprint(w.Get("/v1/ticketing/productions").Data()[0]["id"])
	w.own["venue"] = fmt.Sprint(w.Get("/v1/ticketing/venues").Data()[0]["id"])
	w.own["product"] = fmt.Sprint(w.Get("/v1/ticketing/products").Data()[0]["id"])
	n["ticket"] = fmt.Sprint(line["lines"].([]any)[0].(m)["id"])
	for kind, list := range map[string]string{"membership": "memberships", "gift_card": "gift-cards", "group_booking": "group-bookings"} {
		found := w.Get("/v1/ticketing/" + list + "?contact_id=" + n["contact"]).Is(200).Data()
		require.Len(t, found, 1, kind)
		n[kind] = fmt.Sprint(found[0]["id"])
	}
	n["voucher"] = fmt.Sprint(w.Get("/v1/ticketing/vouchers?voucher_code=" + n["voucher_code"]).Is(200).Data()[0]["id"])
	w.Patch("/v1/ticketing/vouchers/"+n["voucher"], m{"contact_id": n["contact"]}).Is(200)
	n["scan"] = fmt.Sprint(w.Get("/v1/ticketing/scans?ticket_id=" + n["ticket"]).Is(200).Data()[0]["id"])
	n["ticket"] = fmt.Sprint(line["lines"].([]any)[0].(m)["id"])
	w.decided(t, p)

	// What a visitor would send, in the place where it is kept.
	n["submission"] = ids.New().String()
	as(t, w.app.DB, `insert into form_submissions (tenant_id, id, form_id, form_version, status, data, language, contact_id, received_at, confirmed_at, origin)
		values ($1, $2, $3, 1, 'confirmed', jsonb_build_object('email', $4::text), 'fr', $5, now(), now(), 'https://www.theatre.example.org')`,
		w.tenant, n["submission"], w.own["form"], n["email"], n["contact"])
	link := w.Post(at+"/contact-points/"+n["contact_point"]+"/preference-links", m{"language": "fr", "campaign_id": "c-" + word}).Is(201).JSON()
	address, err := url.Parse(fmt.Sprint(link["url"]))
	require.NoError(t, err)
	n["token"] = path.Base(address.Path)

	parvistest.Eventually(t, "the events of the contact", func() bool {
		found := w.Get("/v1/events?subject_id=" + n["contact"]).Is(200).Data()
		for _, e := range found {
			if strings.HasPrefix(fmt.Sprint(e["type"]), "contact.") {
				n["event"] = fmt.Sprint(e["id"])
			}
		}
		return n["event"] != ""
	})
	n["delivery"], n["subject"] = n["event"], n["contact"]
	// As if it had been erased, of which the record holds the word too.
	as(t, w.app.DB, `insert into privacy_erasures (tenant_id, id, contact_id, instruction_reference, reason, actor_kind, actor_id, erased_at, erased, kept)
		values ($1, $2, $3, $4, $4, 'user', 'somebody', now(), '{}', '{}')`, w.tenant, ids.New().String(), n["contact"], word)
	as(t, w.app.DB, `insert into webhook_deliveries (tenant_id, endpoint_id, event_id, sequence, event_type, status)
		values ($1, $2, $3, 1, 'contact.created', 'failed') on conflict do nothing`, w.tenant, w.own["endpoint"], n["event"])
	return p
}

// quiet waits until everything recorded is numbered, matched and counted.
func (w *world) quiet(t *testing.T) {
	t.Helper()
	conn := owner(t, w.app.DB)
	defer func() { _ = conn.Close(t.Context()) }()
	parvistest.Eventually(t, "the program is done", func() bool {
		var waiting int
		require.NoError(t, conn.QueryRow(t.Context(), "select (select count(*) from event_queue) + (select count(*) from ticketing_rematches) + (select count(*) from indicator_notes)").Scan(&waiting))
		return waiting == 0
	})
}

// holdIn gives a contact to a department and to no other.
func (w *world) holdIn(t *testing.T, p person, department string) {
	t.Helper()
	as(t, w.app.DB, "insert into contact_departments (tenant_id, contact_id, department_id, verbs) values ($1, $2, $3, '{see,see_contact_points,act,edit,merge,delete,export}')",
		w.tenant, p.names["contact"], department)
}

// limitedTo is a key with every scope whose rights end with a department, and
// which does not see restricted contacts.
func (w *world) limitedTo(t *testing.T, department string) *parvistest.Client {
	t.Helper()
	ctx := web.WithActor(t.Context(), web.SystemActor(w.tenant, "test"))
	made, key, err := w.app.Access().CreateKey(ctx, access.NewKey{Name: "limited", Kind: apikey.Secret, Scopes: []string{"*"}})
	require.NoError(t, err)
	as(t, w.app.DB, "update api_keys set department_ids = array[$3::uuid], readable_classes = $4, writable_classes = $4 where tenant_id = $1 and id = $2",
		w.tenant, made.ID, department, []string{"identity", "contact_point", "financial", "demographic", "internal", "sensitive"})
	c := w.app.Acting(w.Client)
	c.Key = key
	return c
}

// decided leaves what people decided about a person's order, and what they were
// asked.
func (w *world) decided(t *testing.T, p person) {
	t.Helper()
	n := p.names
	n["decision"], n["review"], n["household_proposal"] = ids.New().String(), ids.New().String(), ids.New().String()
	as(t, w.app.DB, `insert into ticketing_decisions (tenant_id, id, scope, key, rank, action, contact_id, origin, order_id, reason, actor_kind, actor_id, decided_at)
		values ($1, $2, 'order', $3::uuid::text, 1, 'contact', $4, 'relink', $3::uuid, $5, 'user', 'somebody', now())`, w.tenant, n["decision"], n["order"], n["contact"], p.word)
	as(t, w.app.DB, `insert into ticketing_reviews (tenant_id, id, inputs, source_id, subject_kind, subject_id, reason, score, status, contact_id, decision_id, decided_at)
		select $1, $2, o.match_inputs, o.source_id, 'order', o.id, 'name_and_postcode', 0.65, 'linked', $4, $5, now() from ticketing_orders o where o.id = $3::uuid`,
		w.tenant, n["review"], n["order"], n["contact"], n["decision"])
	as(t, w.app.DB, `insert into ticketing_review_candidates (tenant_id, review_id, contact_id, score, rule, evidence) values ($1, $2, $3, 0.65, 'name_postcode', '{postcode}')`, w.tenant, n["review"], n["contact"])
	as(t, w.app.DB, `insert into ticketing_household_proposals (tenant_id, id, contact_id, other_id, reason, order_id)
		values ($1, $2, least($3::uuid, $4::uuid), greatest($3::uuid, $4::uuid), 'shared_email', $5)`, w.tenant, n["household_proposal"], n["contact"], w.own["neighbour"], n["order"])
}

// boundTo is a key with every scope that is held to a purpose, for which the
// register lists every class of fields.
func (w *world) boundTo(t *testing.T, purpose string) *parvistest.Client {
	t.Helper()
	w.Patch("/v1/processing-activities/"+w.own["activity"], m{
		"status": "active", "purpose_ids": []string{w.own["purpose"]}, "field_classes": []string{"identity", "civil", "contact_point", "financial", "note", "sensitive"},
	}).Is(200)
	ctx := web.WithActor(t.Context(), web.SystemActor(w.tenant, "test"))
	made, key, err := w.app.Access().CreateKey(ctx, access.NewKey{Name: "bound", Kind: apikey.Secret, Scopes: []string{"*"}})
	require.NoError(t, err)
	as(t, w.app.DB, "update api_keys set purposes = array[$3::text] where tenant_id = $1 and id = $2", w.tenant, made.ID, purpose)
	c := w.app.Acting(w.Client)
	c.Key = key
	return c
}
