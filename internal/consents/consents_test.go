package consents_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/gowebpki/jcs"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// person is a contact with an address and a number, put where the register
// would put it.
type person struct{ contact, email, phone, address string }

func newPerson(t *testing.T, app *parvistest.App, email string) person {
	t.Helper()
	p := person{ids.New().String(), ids.New().String(), ids.New().String(), ids.New().String()}
	owner(t, app, `insert into crm.contacts (tenant_id, id, kind, family_name, display_name, sort_name) values ($1, $2, 'person', 'Morel', 'Morel', 'morel')`, app.Tenant, p.contact)
	owner(t, app, `insert into crm.contact_points (tenant_id, id, contact_id, kind, value, normalized) values ($1, $2, $3, 'email', $4, $4)`, app.Tenant, p.email, p.contact, email)
	owner(t, app, `insert into crm.contact_points (tenant_id, id, contact_id, kind, value, normalized) values ($1, $2, $3, 'phone', '+33123456789', '+33123456789')`, app.Tenant, p.phone, p.contact)
	owner(t, app, `insert into crm.addresses (tenant_id, id, contact_id, street, postal_code, city) values ($1, $2, $3, '1 rue Haute', '69001', 'Lyon')`, app.Tenant, p.address, p.contact)
	return p
}

func owner(t *testing.T, app *parvistest.App, sql string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), app.DB.OwnerURL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	_, err = conn.Exec(t.Context(), "set app.sight = '*'")
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}

func newPurpose(t *testing.T, c *parvistest.Client, code string) string {
	t.Helper()
	return c.Post("/v1/purposes", map[string]any{"code": code, "name": "Lettre", "legal_basis": "consent"}).Is(http.StatusCreated).ID()
}

// said is an answer by e-mail for the newsletter, changed by over.
func (p person) said(action, at string, over map[string]any) map[string]any {
	body := map[string]any{"purpose": "newsletter", "channel": "email", "action": action, "mechanism": "unticked_box", "contact_point_id": p.email, "at": at}
	for name, value := range over {
		if value == nil {
			delete(body, name)
			continue
		}
		body[name] = value
	}
	return body
}

func (p person) path() string { return "/v1/contacts/" + p.contact + "/consents" }

func state(t *testing.T, c *parvistest.Client, p person, query string) []string {
	t.Helper()
	out := []string{}
	for _, s := range c.Get(p.path() + query).Is(http.StatusOK).Data() {
		out = append(out, s["channel"].(string)+" "+s["state"].(string))
	}
	return out
}

// A partner is the same however its name is spaced and capitalised: or a withdrawal
// would leave standing what it withdraws.
func TestAPartnerHasOneName(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	newPurpose(t, app.Client, "newsletter")
	p := newPerson(t, app, "camille@example.org")
	app.Post(p.path(), p.said("given", "2024-01-01T00:00:00Z", map[string]any{"controller": " "})).Problem(http.StatusUnprocessableEntity, "invalid")
	app.Post(p.path(), p.said("given", "2024-01-01T00:00:00Z", map[string]any{"controller": "Radio des  Arcades"})).Is(http.StatusCreated)
	told := app.Post(p.path(), p.said("withdrawn", "2024-02-01T00:00:00Z", map[string]any{"controller": "radio des ARCADES "})).Is(http.StatusCreated).JSON()
	require.Equal(t, "Radio des Arcades", told["controller"])
	states := app.Get(p.path()).Data()
	require.Len(t, states, 1)
	require.Equal(t, []any{"Radio des Arcades", "withdrawn"}, []any{states[0]["controller"], states[0]["state"]})
}

func TestStateIsDerivedByTimeOfAnswer(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	newPurpose(t, app.Client, "newsletter")
	for _, c := range []struct {
		name    string
		answers [][2]string // action, time; recorded in this order
		asOf    string
		want    []string
	}{
		{"nothing said", nil, "", []string{}},
		{"given", [][2]string{{"given", "2024-01-01T00:00:00Z"}}, "", []string{"email given"}},
		{"withdrawn later", [][2]string{{"given", "2024-01-01T00:00:00Z"}, {"withdrawn", "2024-02-01T00:00:00Z"}}, "", []string{"email withdrawn"}},
		{"an old consent learnt late changes nothing", [][2]string{{"withdrawn", "2024-02-01T00:00:00Z"}, {"given", "2024-01-01T00:00:00Z"}}, "", []string{"email withdrawn"}},
		{"of the same instant the stricter", [][2]string{{"withdrawn", "2024-02-01T00:00:00Z"}, {"given", "2024-02-01T00:00:00Z"}}, "", []string{"email withdrawn"}},
		{"given again", [][2]string{{"withdrawn", "2024-02-01T00:00:00Z"}, {"given", "2024-03-01T00:00:00Z"}}, "", []string{"email given"}},
		{"waiting permits nothing", [][2]string{{"pending", "2024-02-01T00:00:00Z"}}, "", []string{"email pending"}},
		{"waiting takes nothing away", [][2]string{{"given", "2024-01-01T00:00:00Z"}, {"pending", "2024-02-01T00:00:00Z"}}, "", []string{"email given"}},
		{"waiting after a no", [][2]string{{"refused", "2024-01-01T00:00:00Z"}, {"pending", "2024-02-01T00:00:00Z"}}, "", []string{"email pending"}},
		{"as of a day before", [][2]string{{"given", "2024-01-01T00:00:00Z"}, {"withdrawn", "2024-02-01T00:00:00Z"}}, "?as_of=2024-01-15T00:00:00Z", []string{"email given"}},
		{"as of before anything", [][2]string{{"given", "2024-01-01T00:00:00Z"}}, "?as_of=2023-01-15T00:00:00Z", []string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPerson(t, app, "camille@example.org")
			for _, a := range c.answers {
				app.Post(p.path(), p.said(a[0], a[1], nil)).Is(http.StatusCreated)
			}
			require.Equal(t, c.want, state(t, app.Client, p, c.asOf))
		})
	}
}

func TestConsentHoldsForOneChannelAndOneAddress(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	newPurpose(t, app.Client, "newsletter")
	p := newPerson(t, app, "camille@example.org")
	app.Post(p.path(), p.said("given", "2024-01-01T00:00:00Z", nil)).Is(http.StatusCreated)
	app.Post(p.path(), p.said("given", "2024-01-01T00:00:00Z", map[string]any{"channel": "post", "contact_point_id": nil, "address_id": p.address})).Is(http.StatusCreated)
	require.Equal(t, []string{"email given", "post given"}, state(t, app.Client, p, ""), "by SMS nothing was said")

	owner(t, app, `update crm.contact_points set value = 'new@example.org', normalized = 'new@example.org' where id = $1`, p.email)
	owner(t, app, `update crm.addresses set street = '2 rue Basse' where id = $1`, p.address)
	require.Equal(t, []string{"email unknown", "post unknown"}, state(t, app.Client, p, ""), "a new address inherits nothing")
	require.Equal(t, []string{"email given", "post given"}, state(t, app.Client, p, "?as_of=2024-06-01T00:00:00Z"), "the past stays what it was")

	owner(t, app, `update crm.contact_points set value = 'camille@example.org', normalized = 'camille@example.org' where id = $1`, p.email)
	app.Post(p.path(), p.said("withdrawn", "2024-07-01T00:00:00Z", map[string]any{"contact_point_id": nil})).Is(http.StatusCreated)
	states := app.Get(p.path()).Is(http.StatusOK).Data()
	require.Len(t, states, 3)
	for _, s := range states {
		if s["channel"] == "email" {
			require.Equal(t, "withdrawn", s["state"], "a no to the channel is a no to each of its addresses")
		}
	}
}

func TestMergedContactsKeepEveryAnswer(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	newPurpose(t, app.Client, "newsletter")
	a, b := newPerson(t, app, "shared@example.org"), newPerson(t, app, "shared@example.org")
	app.Post(a.path(), a.said("given", "2023-01-01T00:00:00Z", nil)).Is(http.StatusCreated)
	app.Post(b.path(), b.said("withdrawn", "2024-01-01T00:00:00Z", nil)).Is(http.StatusCreated)
	owner(t, app, `update crm.contacts set merged_into = $1 where id = $2`, a.contact, b.contact)
	require.Equal(t, []string{"email withdrawn"}, state(t, app.Client, a, ""))
	require.Len(t, app.Get(a.path()+"/history").Is(http.StatusOK).Data(), 2)
	p := app.Get(b.path()).Problem(http.StatusGone, "contact-merged")
	require.Equal(t, a.contact, p["survivor_id"])
	app.Post(a.path(), a.said("given", "2024-02-01T00:00:00Z", nil)).Is(http.StatusCreated)
	require.Equal(t, []string{"email given"}, state(t, app.Client, a, ""))
}

func TestConsentExpires(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	newPurpose(t, app.Client, "newsletter")
	p := newPerson(t, app, "camille@example.org")
	app.Post(p.path(), p.said("given", "2024-01-01T00:00:00Z", map[string]any{"expires_at": "2024-06-01T00:00:00Z"})).Is(http.StatusCreated)
	require.Equal(t, []string{"email expired"}, state(t, app.Client, p, ""))
	require.Equal(t, []string{"email given"}, state(t, app.Client, p, "?as_of=2024-05-31T00:00:00Z"))
}

func TestWhatIsNoConsentIsRefused(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	newPurpose(t, app.Client, "newsletter")
	p := newPerson(t, app, "camille@example.org")
	stranger := newPerson(t, app, "autre@example.org")
	soon := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for name, c := range map[string]struct {
		body  map[string]any
		place string
	}{
		"pre-ticked":            {p.said("given", "2024-01-01T00:00:00Z", map[string]any{"mechanism": "preticked"}), "#/mechanism"},
		"terms accepted":        {p.said("given", "2024-01-01T00:00:00Z", map[string]any{"mechanism": "terms_acceptance"}), "#/mechanism"},
		"unregistered purpose":  {p.said("given", "2024-01-01T00:00:00Z", map[string]any{"purpose": "surprise"}), "#/purpose"},
		"no address":            {p.said("given", "2024-01-01T00:00:00Z", map[string]any{"contact_point_id": nil}), "#/contact_point_id"},
		"number for e-mail":     {p.said("given", "2024-01-01T00:00:00Z", map[string]any{"contact_point_id": p.phone}), "#/contact_point_id"},
		"somebody else's point": {p.said("given", "2024-01-01T00:00:00Z", map[string]any{"contact_point_id": stranger.email}), "#/contact_point_id"},
		"before time":           {p.said("given", "0001-01-01T00:00:00Z", nil), "#/at"},
		"before everybody":      {p.said("given", "1850-01-01T00:00:00Z", nil), "#/at"},
		"future":                {p.said("given", soon, nil), "#/at"},
		"time zone":             {p.said("given", "2024-01-01T00:00:00Z", map[string]any{"zone": "Europe/Atlantis"}), "#/zone"},
		"end before start":      {p.said("given", "2024-01-01T00:00:00Z", map[string]any{"expires_at": "2023-01-01T00:00:00Z"}), "#/expires_at"},
		"unknown wording":       {p.said("given", "2024-01-01T00:00:00Z", map[string]any{"wording_id": ids.New().String()}), "#/wording_id"},
	} {
		t.Run(name, func(*testing.T) {
			a := app.Post(p.path(), c.body)
			a.Problem(http.StatusUnprocessableEntity, "invalid")
			a.Points(c.place)
		})
	}
	require.Empty(t, app.Get(p.path()+"/history").Data())
}

func TestProofStandsByItself(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	purpose := newPurpose(t, app.Client, "newsletter")
	p := newPerson(t, app, "camille@example.org")
	const shown = "J’accepte de recevoir la lettre mensuelle <du théâtre> & ses invitations."
	form := ids.New().String()
	first := app.Post(p.path(), p.said("given", "2024-01-01T10:00:00Z", map[string]any{
		"wording": map[string]any{"text": shown, "language": "fr", "label": "3"}, "form_id": form, "form_version": 3, "zone": "Europe/Paris",
		"url":      "https://theatre.example.org/lettre",
		"evidence": map[string]any{"identity": map[string]any{"email": "Camille@Example.org"}, "ip": "192.0.2.77", "user_agent": "Mozilla/5.0 (X11) Gecko/20100101 Firefox/140.0"},
	})).Is(http.StatusCreated)
	second := app.Post(p.path(), p.said("withdrawn", "2024-02-01T10:00:00Z", nil)).Is(http.StatusCreated)
	before := app.Get("/v1/consents/" + first.ID() + "/proof").Is(http.StatusOK)

	app.Patch("/v1/purposes/"+purpose, map[string]any{"name": "Tout autre chose", "description": "x"}).Is(http.StatusOK)
	owner(t, app, `update crm.tenants set name = 'Autre nom'`)
	after := app.Get("/v1/consents/" + first.ID() + "/proof").Is(http.StatusOK)
	require.JSONEq(t, string(before.Body), string(after.Body), "nothing that changed since changes the proof")

	proof := after.JSON()
	require.Equal(t, true, proof["intact"])
	document := proof["document"].(map[string]any)
	raw, err := json.Marshal(document)
	require.NoError(t, err)
	canonical, err := jcs.Transform(raw)
	require.NoError(t, err)
	sum := sha256.Sum256(canonical)
	require.Equal(t, hex.EncodeToString(sum[:]), proof["digest"], "anyone can verify the document")
	require.Equal(t, first.JSON()["digest"], proof["digest"])

	wording := document["wording"].(map[string]any)
	require.Equal(t, shown, wording["text"])
	textSum := sha256.Sum256([]byte(shown))
	require.Equal(t, hex.EncodeToString(textSum[:]), wording["sha256"])
	require.Equal(t, "Théâtre des Arcades", document["controller"])
	require.Equal(t, map[string]any{"identity": map[string]any{"email": "Camille@Example.org"}, "network": "192.0.2.0/24", "user_agent": "Firefox"}, document["evidence"])

	next := app.Get("/v1/consents/" + second.ID() + "/proof").Is(http.StatusOK).JSON()["document"].(map[string]any)
	require.Equal(t, proof["digest"], next["chain"].(map[string]any)["previous_digest"], "each entry vouches for the one before")

	owner(t, app, `update crm.consents set action = 'refused' where id = $1`, first.ID())
	require.Equal(t, false, app.Get("/v1/consents/" + first.ID() + "/proof").JSON()["intact"], "an altered entry shows")
}

func TestSameAnswerToldTwiceIsRecordedOnce(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	newPurpose(t, app.Client, "newsletter")
	p := newPerson(t, app, "camille@example.org")
	body := p.said("given", "2024-01-01T00:00:00Z", map[string]any{"source": "ticketing:main", "reference": "order 4711", "mechanism": "ticketing"})
	first := app.Post(p.path(), body).Is(http.StatusCreated)
	second := app.Post(p.path(), body).Is(http.StatusCreated)
	require.Equal(t, first.ID(), second.ID())
	require.Len(t, app.Get(p.path()+"/history").Data(), 1)
	body["action"] = "withdrawn"
	require.NotEqual(t, first.ID(), app.Post(p.path(), body).Is(http.StatusCreated).ID(), "another answer is another entry")
}

func TestLedgerIsWalkedAndFiltered(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	newPurpose(t, app.Client, "newsletter")
	newPurpose(t, app.Client, "patronage")
	p := newPerson(t, app, "camille@example.org")
	for range 5 {
		app.Post(p.path(), p.said("given", "2024-01-01T00:00:00Z", nil)).Is(http.StatusCreated)
	}
	app.Post(p.path(), p.said("refused", "2024-01-02T00:00:00Z", map[string]any{"purpose": "patronage"})).Is(http.StatusCreated)
	require.Len(t, app.Walk("/v1/consents?limit=2"), 6)
	require.Len(t, app.Walk(p.path()+"/history?limit=2"), 6)
	require.Len(t, app.Get("/v1/consents?purpose=patronage&action=refused,withdrawn&channel=email").Is(http.StatusOK).Data(), 1)
	require.Empty(t, app.Get("/v1/consents?channel=sms").Is(http.StatusOK).Data())
	one := app.Get("/v1/consents?purpose=patronage").Data()[0]
	read := app.Get("/v1/consents/" + one["id"].(string)).Is(http.StatusOK)
	require.Equal(t, "patronage", read.JSON()["purpose"])
	app.Get("/v1/consents/"+one["id"].(string), parvistest.Header("If-None-Match", read.ETag())).Is(http.StatusNotModified)
}

func TestEachAnswerIsAnEventWithoutPersonalData(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	newPurpose(t, app.Client, "newsletter")
	p := newPerson(t, app, "camille@example.org")
	for _, action := range []string{"pending", "given", "refused", "withdrawn", "expired"} {
		app.Post(p.path(), p.said(action, "2024-01-01T00:00:00Z", nil)).Is(http.StatusCreated)
	}
	var types []string
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		types = nil
		a := app.Get("/v1/events?types=consent.*")
		require.NotContains(c, string(a.Body), "camille@")
		for _, e := range a.Data() {
			types = append(types, e["type"].(string))
			facts := e["data"].(map[string]any)["facts"].(map[string]any)
			require.Equal(c, p.contact, facts["contact_id"])
			require.Equal(c, "newsletter", facts["purpose"])
		}
		require.Len(c, types, 5)
	}, 10*time.Second, 20*time.Millisecond)
	require.Equal(t, []string{"consent.pending", "consent.granted", "consent.refused", "consent.withdrawn", "consent.expired"}, types)
}

func TestPurposesAndWordings(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	id := newPurpose(t, app.Client, "newsletter")
	again := app.Post("/v1/purposes", map[string]any{"code": "newsletter", "name": "Lettre", "legal_basis": "consent"}).Problem(http.StatusConflict, "already-exists")
	require.Equal(t, id, again["existing_id"])
	app.Patch("/v1/purposes/"+id, map[string]any{"name": "Lettre"}, parvistest.IfMatch(`"1"`)).Is(http.StatusOK)
	changed := app.Patch("/v1/purposes/"+id, map[string]any{"description": "Programme", "archived": true}, parvistest.IfMatch(`"1"`)).Is(http.StatusOK)
	require.Equal(t, `"2"`, changed.ETag())
	app.Patch("/v1/purposes/"+id, map[string]any{"name": "x"}, parvistest.IfMatch(`"1"`)).Problem(http.StatusPreconditionFailed, "stale-version")
	require.Empty(t, app.Get("/v1/purposes").Data())
	require.Len(t, app.Get("/v1/purposes?archived=only").Data(), 1)

	p := newPerson(t, app, "camille@example.org")
	a := app.Post(p.path(), p.said("given", "2024-01-01T00:00:00Z", nil))
	a.Problem(http.StatusUnprocessableEntity, "invalid")
	a.Points("#/purpose")
	app.Post(p.path(), p.said("withdrawn", "2024-01-01T00:00:00Z", nil)).Is(http.StatusCreated)

	text := map[string]any{"text": "J'accepte.", "language": "fr", "label": "1"}
	w := app.Post("/v1/consent-wordings", text).Is(http.StatusCreated)
	require.Equal(t, w.ID(), app.Post("/v1/consent-wordings", text).Is(http.StatusCreated).ID())
	text["label"] = "2"
	require.NotEqual(t, w.ID(), app.Post("/v1/consent-wordings", text).Is(http.StatusCreated).ID())
	require.Len(t, app.Walk("/v1/consent-wordings?limit=1&language=fr"), 2)
	app.Get("/v1/consent-wordings/" + w.ID()).Is(http.StatusOK)
	text["language"] = "klingonish-language"
	app.Post("/v1/consent-wordings", text).Problem(http.StatusUnprocessableEntity, "invalid")
}
