package privacy_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// stays is what of the planted words may be in the database after the erasure,
// and why. Nothing in it is about the person alone.
var stays = map[string]string{
	"crm.ticketing_orders.external_id":                 "the name of the sale in the books of the source",
	"crm.ticketing_orders.number":                      "the number of the sale in the books",
	"crm.ticketing_records.external_id":                "names of sales and tickets at the source; the account's is replaced",
	"crm.ticketing_lines.external_id":                  "the ticket, which the books list",
	"crm.ticketing_lines.label":                        "what was sold",
	"crm.ticketing_lines.seat":                         "what was sold",
	"crm.ticketing_lines.exemption":                    "why less was paid, as the books say it",
	"crm.ticketing_lines.voucher_code":                 "the offer it was bought with",
	"crm.ticketing_lines.campaign":                     "the campaign that gave the offer out",
	"crm.ticketing_lines.parent":                       "another ticket of the sale",
	"crm.ticketing_lines.replaces":                     "another ticket",
	"crm.ticketing_fees.external_id":                   "a fee, which the books list",
	"crm.ticketing_fees.label":                         "what was charged",
	"crm.ticketing_payments.external_id":               "a payment, which the books list",
	"crm.ticketing_payments.payment":                   "the payment that a refund is of",
	"crm.ticketing_payments.reason":                    "why money went back, as the books say it",
	"crm.ticketing_movements.external_id":              "the ledger of what was paid, which is only added to",
	"crm.ticketing_movements.reason":                   "the ledger of what was paid",
	"crm.ticketing_orders.channel_code":                "where it was sold",
	"crm.ticketing_scans.external_id":                  "an entry, of a ticket of nobody",
	"crm.event_changes.changes of TicketingScanRecord": "the history of an entry, of a ticket of nobody",
	"crm.ticketing_scans.gate":                         "where somebody entered",
	"crm.ticketing_scans.reason":                       "why a ticket was refused at the door",
	"crm.ticketing_memberships.stated_state":           "the source's word for a state",
	"crm.ticketing_gift_cards.stated_state":            "the source's word for a state",
	"crm.events.source":                                "the system that sent something, part of what the chain proves",
	"crm.ticketing_memberships.external_id":            "the subscription that was sold",
	"crm.ticketing_memberships.benefits":               "what it gives",
	"crm.ticketing_gift_cards.external_id":             "the card that was sold",
	"crm.ticketing_gift_cards.transactions":            "the ledger of the card",
	"crm.ticketing_gift_card_entries.external_id":      "the ledger of the card",
	"crm.ticketing_group_bookings.external_id":         "the booking",
	"crm.ticketing_group_bookings.number":              "the number of the booking",
	"crm.ticketing_performances.external_id":           "what is played",
	"crm.ticketing_price_types.external_id":            "a price",
	"crm.ticketing_products.external_id":               "a product",
	"crm.ticketing_venues.external_id":                 "a place",
	"crm.ticketing_vouchers.external_id":               "the code that was given out",
	"crm.ticketing_vouchers.code":                      "the code that was given out",
	"crm.ticketing_vouchers.stated_campaign":           "what it was given out for",
	"crm.ticketing_vouchers.issue_campaign":            "what it was given out for",
	"crm.ticketing_vouchers.campaign":                  "what it was given out for",
	"crm.consents.controller":                          "a partner of the institution",
	"crm.consents.controller_name":                     "a partner of the institution",
	"crm.privacy_erasures.reason":                      "on whose word and why somebody was erased; whoever writes it is asked to say nothing of who they are",
	"crm.privacy_erasures.instruction_reference":       "the same",
}

// A person is given a word of their own in every field that any operation takes
// about somebody; erased; and every column of every table is searched for all of
// them. What a new domain keeps of persons and does not let go of is found here.
func TestNothingOfSomebodyWhoIsErasedIsLeft(t *testing.T) {
	t.Parallel()
	app := institution(t)
	p := newPlanter(t)
	contact, form := plant(t, app, p)
	// What is looked for can be found: each word lies somewhere in the open before.
	before := p.found(app)
	for word, where := range p.words {
		if len(before[word]) == 0 && !p.sealed[word] {
			t.Errorf("%s (%s) is nowhere: the test would not see it stay", where, word)
		}
	}
	c := app.Get("/v1/contacts/" + contact).Is(http.StatusOK)
	erasure := app.Post("/v1/contacts/"+contact+"/erase", p.body("eraseContact", nil), parvistest.IfMatch(c.ETag())).Is(http.StatusOK).JSON()
	left := map[string][]string{}
	for word, places := range p.found(app) {
		for _, place := range places {
			body, _, _ := strings.Cut(p.words[word], ".")
			if stays[place] == "" && stays[place+" of "+body] == "" {
				left[place] = append(left[place], p.words[word])
			}
		}
	}
	for _, place := range slices.Sorted(maps.Keys(left)) {
		t.Errorf("%s still has %s", place, strings.Join(left[place], ", "))
	}
	// What is not searched, since it is sealed or derived, is not there; figures that
	// were being counted meanwhile go at the next count.
	parvistest.Eventually(t, "nothing is counted", func() bool {
		return parvistest.Ask[int](t, app, "select count(*)::int from crm.indicator_notes") == 0
	})
	for table, condition := range map[string]string{
		"contact_search": "contact_id = $1", "contact_bases": "contact_id = $1", "contact_indicators": "contact_id = $1", "sensitive_facts": "contact_id = $1",
		"vault_keys": "id = $1 and sealed is not null", "preference_links": "contact_id = $1", "ticketing_review_candidates": "contact_id = $1",
		"form_submissions": "contact_id = $1 and (data_sealed is not null or email_hash is not null or data <> '{}')",
		"ticketing_orders": "contact_id = $1", "ticketing_customers": "contact_id = $1", "ticketing_lines": "holder_contact_id = $1", "ticketing_memberships": "contact_id = $1",
		"ticketing_gift_cards": "contact_id = $1", "ticketing_vouchers": "contact_id = $1", "ticketing_group_bookings": "$1 in (contact_id, person_contact_id)", "ticketing_decisions": "contact_id = $1",
		"event_changes": "event_id in (select crm.events_of_contact(tenant_id, $1))",
	} {
		require.Zero(t, parvistest.Ask[int](t, app, "select count(*)::int from crm."+table+" where "+condition, contact), table)
	}
	require.Zero(t, parvistest.Ask[int](t, app, "select count(*)::int from crm.mails where body_sealed is not null"))
	require.Zero(t, parvistest.Ask[int](t, app, "select count(*)::int from crm.form_submissions where data_sealed is not null"), "also what waits to be confirmed")

	erased, kept := counts(erasure["erased"]), counts(erasure["kept"])
	for _, kind := range []string{"contacts", "contact_points", "addresses", "external_ids", "tags", "sensitive_facts", "form_submissions", "preference_links", "mails", "consents",
		"ticketing_accounts", "tickets_of_others", "changes_in_history", "reasons_of_reads"} {
		require.NotZero(t, erased[kind], kind)
	}
	for _, kind := range []string{"orders", "memberships", "gift_cards", "group_bookings", "vouchers", "consents", "name_hashes", "opposition_hashes"} {
		require.NotZero(t, kept[kind], kind)
	}
	require.Equal(t, "confirmed", submissions(app, form)[0]["status"], "that there was a submission stays")

	// What stays can be read, and says nothing.
	for _, list := range []string{"/v1/consents", "/v1/ticketing/orders", "/v1/ticketing/memberships", "/v1/ticketing/gift-cards", "/v1/ticketing/group-bookings",
		"/v1/ticketing/reviews", "/v1/ticketing/household-proposals", "/v1/contacts/" + contact + "/history", "/v1/contacts/" + contact + "/access-log", "/v1/events?limit=200"} {
		app.Get(list).Is(http.StatusOK)
	}
	for _, entry := range app.Get("/v1/consents").Data() {
		app.Get("/v1/consents/" + entry["id"].(string)).Is(http.StatusOK)
		app.Get("/v1/consents/"+entry["id"].(string)+"/proof").Problem(http.StatusGone, "contact-erased")
	}
	// The chains of all logs agree, and the money is what it was.
	parvistest.Eventually(t, "the log agrees", func() bool { return app.Get("/v1/audit/verification").Is(http.StatusOK).JSON()["intact"] == true })
	all := app.Post("/v1/audit/verifications", nil).Is(http.StatusAccepted).ID()
	var o m
	parvistest.Eventually(t, "all logs are verified", func() bool {
		o = app.Get("/v1/operations/" + all).Is(http.StatusOK).JSON()
		return o["status"] == "succeeded"
	})
	require.Equal(t, true, o["result"].(m)["intact"])
	require.Equal(t, "2400", fmt.Sprint(parvistest.Ask[int64](t, app, "select sum(paid_minor)::bigint from crm.ticketing_orders where buyer is null and number is not null and paid_minor > 0 and customer_id is not null")))
}

// plant makes a contact about whom every operation has said all that it can, and
// returns it and a form.
func plant(t *testing.T, app *parvistest.App, p *planter) (contact, form string) {
	t.Helper()
	mailbox, phone := p.word("email")+"@courrier.example", p.number("phone")
	given, family := p.word("given name"), p.word("family name")
	app.Post("/v1/purposes", m{"code": "lettre", "name": "Lettre", "legal_basis": "consent"}).Is(http.StatusCreated)
	tag := app.Post("/v1/tags", m{"name": "Ami"}).Is(http.StatusCreated).ID()
	organisationOnly := []string{"legal_name", "trade_name", "siren", "siret", "rna", "locale", "zoneinfo", "website", "external_id", "source"}
	contact = app.Post("/v1/contacts", p.body("createContact", m{"kind": "person", "given_name": given, "family_name": family, "tag_ids": []string{tag},
		"contact_points": []m{{"kind": "email", "value": strings.ToUpper(mailbox[:3]) + mailbox[3:]}, {"kind": "phone", "value": phone}, {"kind": "social", "platform": "mastodon"}},
		"addresses":      []m{{"country": "FR", "postal_code": "69001"}}, "external_ids": []m{{"source": "crm-ancien", "external_id": p.word("external id")}},
	}, append(organisationOnly, "platform")...)).Is(http.StatusCreated).ID()
	at := "/v1/contacts/" + contact
	app.Patch(at, p.body("updateContact", m{"given_name": given, "family_name": family}, organisationOnly...)).Is(http.StatusOK)
	point := app.Post(at+"/contact-points", p.body("createContactPoint", m{"kind": "email", "value": p.word("second address") + "@courrier.example"}, "platform")).Is(http.StatusCreated).ID()
	app.Patch(at+"/contact-points/"+point, p.body("updateContactPoint", m{"status": "invalid", "value": p.word("changed address") + "@courrier.example"}, "platform")).Is(http.StatusOK)
	address := app.Post(at+"/addresses", p.body("createAddress", m{"country": "FR", "postal_code": "69002"}, "insee_code")).Is(http.StatusCreated).ID()
	app.Patch(at+"/addresses/"+address, p.body("updateAddress", m{"status": "moved"}, "country", "postal_code", "insee_code")).Is(http.StatusOK)
	app.Put(at+"/external-ids/crm-ancien/"+p.word("linked id"), nil).Is(http.StatusOK)
	app.Put(at+"/external-ids/ticketing:principale/"+p.word("account linked by hand"), nil).Is(http.StatusOK)
	app.Post(at+"/sensitive-facts", seal(p, "createSensitiveFact", m{"category": "access_need", "purpose": "lettre"}, "identifier")).Is(http.StatusCreated)
	app.Get(at, parvistest.Header("Parvis-Reason", p.word("reason of a read"))).Is(http.StatusOK)
	points := app.Get(at + "/contact-points").Is(http.StatusOK).Data()
	app.Post(at+"/consents", p.body("createConsent", m{"purpose": "lettre", "channel": "email", "action": "given", "mechanism": "paper", "contact_point_id": points[0]["id"],
		"at": "2026-11-23T10:15:00Z", "evidence": m{"identity": m{"name": p.word("identity as typed")}}}, "zone", "ip", "user_agent", "wording", "expires_at")).Is(http.StatusCreated)
	app.Post(at+"/contact-points/"+points[0]["id"].(string)+"/preference-links", p.body("createPreferenceLink", m{}, "purpose", "language")).Is(http.StatusCreated)
	form = publish(t, app, "contact", false)
	submit(t, app, form, m{"email": mailbox, "given_name": given, "family_name": family, "message": hidden(p, "message of a form")})
	parvistest.Eventually(t, "it is applied", func() bool { return submissions(app, form)[0]["status"] == "confirmed" })
	submit(t, app, publish(t, app, "lettre", true), m{"email": mailbox, "given_name": given, "family_name": family, "message": hidden(p, "message that waits")})
	app.Anonymous().Post("/v1/public/institutions/"+app.Tenant.String()+"/preference-requests", m{"email": mailbox}, parvistest.Header("Idempotency-Key", "")).Is(http.StatusAccepted)
	parvistest.Eventually(t, "the mail", func() bool {
		return parvistest.Ask[int](t, app, "select count(*)::int from crm.mails where lower(recipient) = $1", mailbox) == 2
	})
	sold(t, app, p, contact, m{"email": mailbox, "phone": phone, "given_name": given, "family_name": family})
	return contact, form
}

// seal is a body whose words are never in the open.
func seal(p *planter, operation string, given m, except ...string) m {
	had := maps.Clone(p.words)
	out := p.body(operation, given, except...)
	for word := range p.words {
		if had[word] == "" {
			p.sealed[word] = true
		}
	}
	return out
}

func hidden(p *planter, where string) string {
	word := p.word(where)
	p.sealed[word] = true
	return word
}

// sold has the source tell all that it could tell: an account with an order that
// two others hold tickets of, an order of somebody else with a ticket that is the
// person's, and one without an account that somebody gave to the person.
func sold(t *testing.T, app *parvistest.App, p *planter, contact string, who m) {
	t.Helper()
	account := p.word("account")
	said := func(name string, given m) m {
		out := maps.Clone(who)
		maps.Copy(out, given)
		return p.component(name, out, "country", "locale", "currency", "postal_code", "customer")
	}
	other := m{"given_name": "Yves", "family_name": "Autrement", "email": "yves@autrement.example"}
	words := []string{"country", "locale", "currency", "postal_code", "customer", "claim_secret", "purpose", "wording", "split_from", "time_zone"}
	tickets := []string{p.word("ticket"), p.word("ticket")}
	payments := []m{{"external_id": p.word("payment"), "amount": "24.00", "state": "settled", "method": "card"}}
	results := send(app.Client,
		record("customer", account, t1, said("TicketingCustomerRecord", m{})),
		record("order", p.word("order"), t1, p.component("TicketingOrderRecord", m{
			"commercial_state": "confirmed", "placed_at": t1, "buyer": mergedWith(who, m{"customer": account}), "payer": m{},
			"lines": []m{{"external_id": tickets[0], "amount": "24.00", "state": "valid", "holder": maps.Clone(who)}, {"external_id": tickets[1], "amount": "0.00", "state": "valid", "holder": other, "parent": nil, "replaces": nil}},
			"fees":  []m{}, "payments": payments, "refunds": []m{},
			"consents": []m{},
		}, words...)),
		record("order", "of another", t1, m{"number": "N8", "commercial_state": "confirmed", "placed_at": t1, "buyer": other, "lines": []m{
			{"external_id": "t8", "amount": "12.00", "state": "valid", "holder": p.component("TicketingPerson", mergedWith(who, m{"contact_id": contact}), words...)}}}),
		record("order", "anonymous", t1, m{"number": "N9", "commercial_state": "confirmed", "placed_at": t1, "lines": []m{line("t9", nil)}}),
		record("membership", p.word("membership"), t1, p.component("TicketingMembershipRecord", m{"customer": account, "holder": maps.Clone(who), "valid_from": "2026-01-01", "valid_to": "2027-01-01"},
			append(words, "order", "ticket", "renews")...)),
		record("scan", p.word("scan"), t1, p.component("TicketingScanRecord", m{"ticket": tickets[0], "occurred_at": t2}, append(words, "performance", "result", "direction")...)),
		record("gift_card", p.word("gift card"), t1, p.component("TicketingGiftCardRecord", m{"customer": account, "balance": "10.00"}, append(words, "order", "ticket", "code")...)),
		record("group_booking", p.word("booking"), t1, p.component("TicketingGroupBookingRecord", m{"state": "option", "organisation": nil, "contact_person": mergedWith(who, m{"contact_id": contact})},
			append(words, "order")...)),
		record("voucher", p.word("code's name"), t1, p.component("TicketingVoucherRecord", m{"issued_at": t1, "valid_until": t2}, append(words, "performance", "state", "kind")...)),
	)
	for _, r := range results {
		require.Equal(t, "created", r["status"], "%v", r)
	}
	require.Equal(t, contact, results[0]["contact_id"], "%v", results[0])
	require.Equal(t, contact, results[1]["contact_id"], "%v", results[1])
	app.Patch("/v1/ticketing/vouchers/"+results[len(results)-1]["id"].(string), m{"contact_id": contact, "campaign": p.word("campaign of an issue")}).Is(http.StatusOK)
	anonymous := app.Get("/v1/ticketing/orders/" + results[3]["id"].(string)).Is(http.StatusOK)
	app.Post("/v1/ticketing/orders/"+anonymous.ID()+"/relink", m{"contact_id": contact, "reason": p.word("reason of a decision")}, parvistest.IfMatch(anonymous.ETag())).Is(http.StatusOK)
	parvistest.Eventually(t, "it is counted", func() bool {
		return parvistest.Ask[int](t, app, "select count(*)::int from crm.contact_indicators where contact_id = $1", contact) == 1
	})
}

func mergedWith(a, b m) m {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}
