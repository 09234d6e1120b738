package isolationtest

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// canaries are values that nobody would write by chance, by the class of the
// fields into which they were put.
type canaries struct {
	t      *testing.T
	n      int
	values map[string]map[string]bool
	// planted are the properties that had one, as name and class.
	planted map[string]bool
}

func newCanaries(t *testing.T) *canaries {
	return &canaries{t: t, values: map[string]map[string]bool{}, planted: map[string]bool{}}
}

// known keeps a value for every class that it is of.
func (c *canaries) known(v any, classes ...string) {
	text := strings.TrimSpace(fmt.Sprint(v))
	if !recognisable(text) {
		return
	}
	for _, class := range classes {
		if c.values[class] == nil {
			c.values[class] = map[string]bool{}
		}
		c.values[class][text] = true
	}
}

var ordinary = regexp.MustCompile(`^(?:[A-Z]{2,3}|[a-z_]{1,20}|-?\d{1,4}(?:\.\d{1,2})?|true|false|\d{4}-\d\d-\d\dT.*)$`)

// recognisable: what is found in an answer is found for a reason. Words of the
// contract, small numbers and instants are anywhere.
func recognisable(text string) bool {
	return len(text) > 3 && !ordinary.MatchString(text) && !anID.MatchString(text)
}

var aDecimal = regexp.MustCompile(`^-?\d+\.\d+$`)

// value is one for a property, as its schema wants it.
func (c *canaries) value(name string, s map[string]any) any {
	c.n++
	// Unlike one another, or a search that forgives mistakes finds one by another.
	sum := sha256.Sum256([]byte(fmt.Sprint("canary ", c.n)))
	word := "Zq" + strings.Map(func(r rune) rune { return 'a' + r%26 }, string([]rune{rune(sum[0]), rune(sum[1]), rune(sum[2]), rune(sum[3]), rune(sum[4]), rune(sum[5]), rune(sum[6]), rune(sum[7])}))
	for _, p := range parts(s) {
		if list, ok := p["enum"].([]any); ok {
			return list[0]
		}
		if p["format"] == "date" {
			return fmt.Sprintf("19%02d-0%d-%02d", 21+c.n%40, 1+c.n%9, 1+c.n%28)
		}
		if pattern, ok := p["pattern"].(string); ok && strings.Contains(pattern, `[0-9]{1,9}(\.`) {
			return fmt.Sprintf("%d.%02d", 61000+31*c.n, 11+c.n%80)
		}
	}
	switch name {
	case "siren":
		return luhn("73209417")
	case "siret":
		return luhn(luhn("73209417") + "0007")
	case "rna":
		return fmt.Sprintf("W69%07d", 2000+c.n)
	case "postal_code":
		return fmt.Sprintf("%05d", 29100+c.n)
	case "insee_code":
		return fmt.Sprintf("%05d", 29500+c.n)
	case "website":
		return "https://" + strings.ToLower(word) + ".example"
	case "email":
		return strings.ToLower(word) + "@courrier.example"
	case "phone":
		return fmt.Sprintf("+3363998%04d", 3000+c.n)
	case "ip":
		return fmt.Sprintf("203.0.113.%d", 10+c.n%200)
	case "last_four":
		return "ZQ7X"
	case "user_agent":
		return "Zqcanaribrowser/1.0"
	case "particle":
		return fmt.Sprintf("zq%d", c.n)
	}
	return word
}

// luhn gives digits the check digit of a SIREN or SIRET.
func luhn(digits string) string {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return digits + fmt.Sprint((10-sum%10)%10)
}

// fill puts a canary into every property with a class that a body could have and
// does not, but for those left out, and keeps those that are there.
func (c *canaries) fill(s map[string]any, body map[string]any, except ...string) map[string]any {
	for _, p := range parts(s) {
		properties, _ := p["properties"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			property := properties[name].(map[string]any)
			classes := classesAt(property)
			have, there := body[name]
			if slices.Contains(except, name) {
				continue
			}
			if !there && classes != nil {
				have, there = c.whole(name, property), true
				body[name] = have
			}
			if !there {
				continue
			}
			for _, class := range classes {
				c.planted[name+" "+class] = true
			}
			c.below(property, have)
		}
	}
	for _, l := range within(s, body, "", nil) {
		if _, container := l.value.(map[string]any); !container {
			c.known(l.value, l.classes...)
		}
	}
	return body
}

// below fills what is in a value.
func (c *canaries) below(s map[string]any, v any) {
	switch v := v.(type) {
	case map[string]any:
		c.fill(s, v)
	case []m:
		for _, p := range parts(s) {
			if items, ok := p["items"].(map[string]any); ok {
				for _, item := range v {
					c.fill(items, item)
				}
			}
		}
	}
}

// whole is a value for a property of any type.
func (c *canaries) whole(name string, s map[string]any) any {
	for _, p := range parts(s) {
		if properties, ok := p["properties"].(map[string]any); ok {
			out := m{}
			for inner, q := range properties {
				out[inner] = c.value(inner, q.(map[string]any))
			}
			if _, ok := out["country"]; ok {
				out["country"] = "FR"
			}
			for _, v := range out {
				c.known(v, classesAt(s)...)
			}
			return out
		}
		if extra, ok := p["additionalProperties"].(map[string]any); ok && p["type"] == "object" {
			v := c.value(name, extra)
			c.known(v, classesAt(s)...)
			return m{"name": v}
		}
	}
	return c.value(name, s)
}

func component(name string) map[string]any {
	return map[string]any{"$ref": "#/components/schemas/" + name}
}

func bodyOf(id string) map[string]any {
	for media, pointer := range operation(id).Bodies {
		if strings.HasSuffix(media, "json") {
			return map[string]any{"$ref": pointer}
		}
	}
	panic(id + " takes no JSON")
}

// plant puts canaries into everything that a person has, and returns names of
// other records that have one where the person's own has none: an organisation,
// and what else the person has.
func (w *world) plant(t *testing.T, c *canaries, p person) (others []names) {
	t.Helper()
	n := p.names
	at := "/v1/contacts/" + n["contact"]
	organisationOnly := []string{"legal_name", "trade_name", "organisation_type", "siren", "siret", "rna"}
	w.Patch(at, c.fill(bodyOf("updateContact"), m{}, organisationOnly...)).Is(200)
	w.Patch(at+"/addresses/"+n["address"], c.fill(bodyOf("updateAddress"), m{"status": "moved"})).Is(200)
	w.Patch(at+"/contact-points/"+n["contact_point"], c.fill(bodyOf("updateContactPoint"), m{"value": c.value("email", nil), "status": "invalid"})).Is(200)
	former := names{"contact_point": n["contact_point"], "indicator": "net"}
	n["email"] = c.value("email", nil).(string)
	n["contact_point"] = w.Post(at+"/contact-points", c.fill(bodyOf("createContactPoint"), m{"kind": "email", "value": n["email"]})).Is(201).ID()
	w.Post(at+"/contact-points", c.fill(bodyOf("createContactPoint"), m{"kind": "phone", "value": c.value("phone", nil)})).Is(201)
	w.Post(at+"/addresses", c.fill(bodyOf("createAddress"), m{})).Is(201)
	w.Post(at+"/restrict", c.fill(bodyOf("restrictContact"), m{})).Is(200)
	w.Post(at+"/unrestrict", c.fill(bodyOf("unrestrictContact"), m{})).Is(200)
	consent := c.fill(bodyOf("createConsent"), m{
		"purpose": w.own["purpose_code"], "channel": "email", "action": "given", "mechanism": "unticked_box", "contact_point_id": n["contact_point"],
		"at": "2026-11-23T10:15:00Z", "zone": "Europe/Paris", "wording_id": w.own["wording"], "evidence": m{},
	})
	n["consent"] = w.Post(at+"/consents", consent).Is(201).ID()
	fact := c.fill(bodyOf("createSensitiveFact"), m{"category": "access_need", "purpose": w.own["purpose_code"], "source": p.word}, "identifier")
	n["sensitive_fact"] = w.Post(at+"/sensitive-facts", fact).Is(201).ID()
	c.known("FR7630006000011234567890189", "sensitive")
	c.planted["identifier sensitive"], c.planted["value sensitive"] = true, true
	former["sensitive_fact"] = w.Post(at+"/sensitive-facts", m{"category": "identifier", "purpose": w.own["purpose_code"], "source": p.word, "identifier": m{"scheme": "iban", "value": "FR7630006000011234567890189"}}).Is(201).ID()

	external := code("organisation" + p.word)
	organisation := w.Post("/v1/contacts", c.fill(bodyOf("createContact"), m{
		"kind": "organisation", "external_ids": []m{{"source": w.own["source"], "external_id": external}}, "addresses": []m{{}}, "contact_points": []m{{"kind": "email", "value": c.value("email", nil)}},
	}, "civility", "title", "given_name", "given_names", "family_name", "birth_name", "particle", "name_suffix", "nickname", "birthdate")).Is(201).ID()
	w.sold(t, c, p, organisation)

	n["submission"] = ids.New().String()
	said := c.value("data", nil)
	c.known(said, "identity", "civil", "contact_point", "note")
	as(t, w.app.DB, `insert into form_submissions (tenant_id, id, form_id, form_version, status, data, language, contact_id, received_at, confirmed_at, origin)
		values ($1, $2, $3, 1, 'confirmed', jsonb_build_object('email', $4::text), 'fr', $5, now(), now(), 'https://www.theatre.example.org')`,
		w.tenant, n["submission"], w.own["form"], said, n["contact"])
	return []names{{"contact": organisation, "subject": organisation, "external": external}, former}
}

// sold has a ticketing system say all that it could say of the person.
func (w *world) sold(t *testing.T, c *canaries, p person, organisation string) {
	t.Helper()
	n, word := p.names, p.word
	record := func(kind, schema, external string, data m) m {
		return m{"kind": kind, "external_id": external, "source_modified_at": "2026-11-21T09:00:00Z", "data": c.fill(component(schema), data)}
	}
	sent := w.Post("/v1/ticketing/sources/"+w.own["source"]+"/batches", m{"batch_id": "full-" + word, "records": []m{
		record("customer", "TicketingCustomerRecord", "c-"+word, m{"contact_id": n["contact"]}),
		record("order", "TicketingOrderRecord", n["external"], m{
			"number": "N-" + word, "commercial_state": "confirmed", "placed_at": "2026-11-01T10:00:00Z", "buyer": m{"contact_id": n["contact"]}, "payer": m{},
			"lines": []m{{"external_id": "t-" + word, "state": "valid", "performance": "soir-" + w.word, "price_type": "plein-" + w.word, "holder": m{},
				"voucher": m{"code": n["voucher_code"], "campaign": n["campaign"]}}},
			"fees": []m{{"external_id": "f-" + word}}, "payments": []m{{"external_id": "p-" + word, "state": "settled", "method": "card"}},
			"refunds":  []m{{"external_id": "r-" + word, "state": "settled", "method": "card", "lines": []string{"t-" + word}}},
			"consents": []m{{"purpose": w.own["purpose_code"], "channel": "email", "value": "granted", "at": "2026-11-01T10:00:00Z"}},
		}),
		record("membership", "TicketingMembershipRecord", "m-"+word, m{"order": n["external"], "product": "carte-" + w.word, "holder": m{"contact_id": n["contact"]}}),
		record("gift_card", "TicketingGiftCardRecord", "g-"+word, m{"order": n["external"], "transactions": []m{{"external_id": "x-" + word, "at": "2026-11-20T09:00:00Z"}}}),
		record("scan", "TicketingScanRecord", "s-"+word, m{"ticket": "t-" + word, "occurred_at": "2026-12-04T18:41:00Z"}),
		record("group_booking", "TicketingGroupBookingRecord", "b-"+word, m{"state": "confirmed", "number": "B-" + word,
			"organisation": m{"contact_id": organisation}, "contact_person": m{"contact_id": n["contact"]}}),
	}}).Is(http.StatusMultiStatus)
	for _, r := range sent.JSON()["results"].([]any) {
		require.Contains(t, []any{"applied", "created", "updated"}, r.(m)["status"], "%s", sent.Body)
	}
	// The review of the order is of whom it describes now.
	as(t, w.app.DB, "update ticketing_reviews r set inputs = o.match_inputs from ticketing_orders o where o.tenant_id = r.tenant_id and o.id = r.subject_id and r.tenant_id = $1 and r.id = $2", w.tenant, n["review"])
	w.Put("/v1/ticketing/mailboxes/"+c.value("email", nil).(string), m{"is_generic": true, "reason": "Revendeur"}).Is(200)
	said := c.value("error", nil)
	c.known(said, "note")
	as(t, w.app.DB, "update connector_commands set error = $2 where tenant_id = $1 and id = $3", w.tenant, said, w.own["command"])
	parvistest.Eventually(t, "what was sold is counted", func() bool {
		return len(w.Get("/v1/contacts/"+n["contact"]+"/tickets").Is(200).Data()) > 0
	})
}
