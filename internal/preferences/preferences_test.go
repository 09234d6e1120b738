package preferences_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func item(t *testing.T, a *parvistest.Answer, purpose, channel string) map[string]any {
	t.Helper()
	for _, i := range a.JSON()["preferences"].([]any) {
		if i := i.(map[string]any); i["purpose"] == purpose && i["channel"] == channel {
			return i
		}
	}
	require.Fail(t, "no such preference", "%s %s: %s", purpose, channel, a.Body)
	return nil
}

func TestPersonSeesAndChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.give("agenda", "email", w.email)
	link := w.link(w.email, map[string]any{"language": "fr", "campaign_id": "lettre-12"})
	shown := w.Anonymous().Get(link).Is(http.StatusOK)
	require.Equal(t, "c…@example.org", shown.JSON()["address"], "a link that is passed on does not tell the address")
	require.Len(t, shown.JSON()["preferences"], 2, "what rests on a contract is not for choosing")
	require.Equal(t, true, item(t, shown, "agenda", "email")["active"])
	profile := item(t, shown, "profile", "email")
	require.Equal(t, true, profile["active"], "an interest counts until somebody objects")
	require.Equal(t, "unknown", profile["state"])
	require.Equal(t, "no-store", shown.Header.Get("Cache-Control"))

	w.clock.Advance(time.Minute)
	after := w.Anonymous().Post(link, map[string]any{"choices": []any{
		map[string]any{"purpose": "agenda", "channel": "email", "choice": "withdrawn"}, map[string]any{"purpose": "profile", "channel": "email", "choice": "withdrawn"},
	}}).Is(http.StatusOK)
	require.Equal(t, false, item(t, after, "agenda", "email")["active"])
	require.Equal(t, map[string]string{"agenda:email": "withdrawn", "profile:email": "withdrawn"}, w.states(), "effective before the answer returned")

	w.clock.Advance(time.Minute)
	give := map[string]any{"choices": []any{map[string]any{"purpose": "agenda", "channel": "email", "choice": "given"}}}
	w.Anonymous().Post(link, give).Problem(http.StatusConflict, "preferences-changed")
	give["shown"] = shown.JSON()["shown"]
	w.Anonymous().Post(link, give, parvistest.Header("User-Agent", "Mozilla/5.0 Firefox/140.0")).Is(http.StatusOK)
	require.Equal(t, "given", w.states()["agenda:email"])
	entries := w.ledger()
	w.Anonymous().Post(link, give).Is(http.StatusOK)
	require.Equal(t, entries, w.ledger(), "what is as they want it leaves no trace")

	consent := w.Get("/v1/contacts/" + w.person + "/consents/history").Data()[0]
	proof := w.Get("/v1/consents/" + consent["id"].(string) + "/proof").Is(http.StatusOK).JSON()
	require.Equal(t, true, proof["intact"])
	document := proof["document"].(map[string]any)
	require.Equal(t, "preference_page", document["mechanism"])
	require.Equal(t, "lettre-12", document["campaign_id"])
	require.Equal(t, item(t, shown, "agenda", "email")["wording"], document["wording"].(map[string]any)["text"])
	require.Contains(t, document["wording"].(map[string]any)["text"], "Théâtre des Arcades")
	evidence := document["evidence"].(map[string]any)
	require.Equal(t, "Firefox", evidence["user_agent"])
	require.Equal(t, "127.0.0.0/24", evidence["network"])
	require.NotEmpty(t, evidence["submitted_at"])
	require.NotContains(t, string(w.Get("/v1/consents/"+consent["id"].(string)+"/proof").Body), link[len("/v1/public/preferences/"):], "the secret is in no proof")
}

// The words are part of the consent: whoever read others has not given it.
func TestNothingIsGivenToWordsThatWereNotRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	link := w.link(w.email, map[string]any{})
	shown := w.Anonymous().Get(link).JSON()["shown"]
	id := w.purpose("news", "consent")
	p := w.Get("/v1/purposes/" + id)
	w.Patch("/v1/purposes/"+id, map[string]any{"name": "Partenaires"}, parvistest.IfMatch(p.ETag())).Is(http.StatusOK)
	w.Anonymous().Post(link, map[string]any{"shown": shown, "choices": []any{map[string]any{"purpose": "news", "channel": "email", "choice": "given"}}}).
		Problem(http.StatusConflict, "preferences-changed")
	page := w.public(link, asForm, url.Values{"shown": {shown.(string)}, "offered": {"news:email"}, "given": {"news:email"}}.Encode(), parvistest.Header("Accept", "text/html"))
	page.Is(http.StatusConflict)
	require.Contains(t, string(page.Body), "Read them again")
	require.Zero(t, w.ledger())
}

func TestPageWithoutScripts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.give("agenda", "sms", w.phone)
	link := w.link(w.phone, map[string]any{"language": "en"})
	browser := parvistest.Header("Accept", "text/html,application/xhtml+xml")
	page := w.Anonymous().Get(link, browser).Is(http.StatusOK)
	require.Contains(t, page.Header.Get("Content-Security-Policy"), "default-src 'none'")
	require.Contains(t, string(page.Body), `value="agenda:sms" checked`)
	require.Contains(t, string(page.Body), `name="given" value="agenda:phone">`)
	entries := w.ledger()
	w.Anonymous().Get(link, browser).Is(http.StatusOK)
	require.Equal(t, entries, w.ledger(), "a mail scanner's GET changes nothing")

	shown := w.Anonymous().Get(link).JSON()["shown"].(string)
	offered := []string{"agenda:sms", "agenda:phone", "profile:sms", "profile:phone"}
	saved := w.public(link, asForm, url.Values{"shown": {shown}, "offered": offered, "given": {"agenda:phone", "profile:sms", "profile:phone"}}.Encode(), browser).Is(http.StatusOK)
	require.Contains(t, string(saved.Body), "recorded")
	require.Equal(t, map[string]string{"agenda:sms": "withdrawn", "agenda:phone": "given"}, w.states(), "an empty box that was empty is no answer")
	w.clock.Advance(time.Minute)
	w.public(link, asForm, "stop=all", browser).Is(http.StatusOK)
	require.Equal(t, map[string]string{"agenda:sms": "withdrawn", "agenda:phone": "withdrawn", "profile:sms": "withdrawn", "profile:phone": "withdrawn"}, w.states())
}

// RFC 8058: a POST without cookies, as a form or as multipart; no redirect; it
// may come twice.
func TestOneClickUnsubscribe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.give("agenda", "email", w.email)
	made := w.Post(linksPath(w.person, w.email), map[string]any{"purpose": "agenda"}).Is(http.StatusCreated).JSON()
	require.Equal(t, map[string]any{"List-Unsubscribe": "<" + made["url"].(string) + ">", "List-Unsubscribe-Post": click}, made["headers"])
	link := parvistest.Here(made["url"].(string))
	a := w.public(link, asForm, click).Is(http.StatusOK)
	require.Empty(t, a.Header.Get("Set-Cookie"))
	require.Equal(t, map[string]string{"agenda:email": "withdrawn"}, w.states(), "only the purpose of the mail")
	entries := w.ledger()
	w.clock.Advance(time.Minute)
	w.public(link, asForm, click).Is(http.StatusOK)
	require.Equal(t, entries, w.ledger())
	history := w.Get("/v1/contacts/" + w.person + "/consents/history").Data()
	require.Equal(t, "unsubscribe_link", history[0]["mechanism"])

	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	require.NoError(t, form.WriteField("List-Unsubscribe", "One-Click"))
	require.NoError(t, form.Close())
	everything := w.link(w.email, map[string]any{})
	w.public(everything, form.FormDataContentType(), body.String()).Is(http.StatusOK)
	require.Equal(t, map[string]string{"agenda:email": "withdrawn", "profile:email": "withdrawn"}, w.states(), "a link of no purpose ends all")
}

func TestLinksOfNoUseLookTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.give("agenda", "email", w.email)
	expiring := w.link(w.email, map[string]any{"expires_in_days": 1})
	moved := w.link(w.email, map[string]any{})
	w.clock.Advance(25 * time.Hour)
	w.Anonymous().Get(moved).Is(http.StatusOK)
	w.Anonymous().Get(expiring).Problem(http.StatusNotFound, "preference-link-unknown")
	w.public(expiring, asForm, click).Problem(http.StatusNotFound, "preference-link-unknown")
	point := w.Get("/v1/contacts/" + w.person + "/contact-points/" + w.email)
	w.Patch("/v1/contacts/"+w.person+"/contact-points/"+w.email, map[string]any{"value": "other@example.org"}, parvistest.IfMatch(point.ETag())).Is(http.StatusOK)
	plain := func(a *parvistest.Answer) map[string]any {
		p := a.Problem(http.StatusNotFound, "preference-link-unknown")
		delete(p, "instance")
		delete(p, "request_id")
		return p
	}
	unknown := "/v1/public/preferences/" + strings.Repeat("a", 32)
	for _, link := range []string{expiring, moved} {
		require.Equal(t, plain(w.Anonymous().Get(unknown)), plain(w.Anonymous().Get(link)))
		require.Equal(t, plain(w.public(unknown, asForm, click)), plain(w.public(link, asForm, click)))
		page := parvistest.Header("Accept", "text/html")
		require.Equal(t, string(w.Anonymous().Get(unknown, page).Is(http.StatusNotFound).Body), string(w.Anonymous().Get(link, page).Is(http.StatusNotFound).Body))
	}
	require.Equal(t, 1, w.ledger())
	w.clock.Advance(40 * 24 * time.Hour)
	parvistest.Eventually(t, "ended links go", func() bool { return count(t, w, "select count(*) from crm.preference_links") == 1 })
}

// The link follows the person into whom somebody was merged, with the address.
func TestLinkFollowsAMerge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.give("agenda", "email", w.email)
	link := w.link(w.email, map[string]any{})
	survivor := w.contact(t, w.Client, "Camille")
	w.point(w.Client, survivor, "email", "camille@example.org")
	_, err := w.App.App.DB.Tenant(w.Tenant).Exec(t.Context(), "update contacts set merged_into = $1 where tenant_id = $2 and id = $3", survivor, w.Tenant, w.person)
	require.NoError(t, err)
	require.Equal(t, true, item(t, w.Anonymous().Get(link).Is(http.StatusOK), "agenda", "email")["active"])
	w.public(link, asForm, click).Is(http.StatusOK)
	w.person = survivor
	require.Equal(t, "withdrawn", w.states()["agenda:email"])
}

// Who had opted out of everything comes back by saying yes to something.
func TestGivingTakesBackAnOptOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at := "/v1/contacts/" + w.person + "/contact-points/" + w.email
	w.Patch(at, map[string]any{"status": "opted_out"}, parvistest.IfMatch(w.Get(at).ETag())).Is(http.StatusOK)
	link := w.link(w.email, map[string]any{})
	shown := w.Anonymous().Get(link).JSON()["shown"]
	w.Anonymous().Post(link, map[string]any{"shown": shown, "choices": []any{map[string]any{"purpose": "agenda", "channel": "email", "choice": "given"}}}).Is(http.StatusOK)
	require.Equal(t, "unverified", w.Get(at).JSON()["status"])
}

func TestSecretsAreKeptNowhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	link := w.link(w.email, map[string]any{})
	secret := link[len("/v1/public/preferences/"):]
	require.Len(t, secret, 32, "192 bits")
	require.Equal(t, 1, count(t, w, "select count(*) from crm.preference_links where link_hash = sha256(convert_to($1, 'UTF8'))", secret))
	require.Zero(t, count(t, w, "select count(*) from crm.preference_links l where l::text like '%' || $1 || '%'", secret))
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	link := w.link(w.email, map[string]any{})
	w.Anonymous().Post(link, map[string]any{"choices": []any{map[string]any{"purpose": "tickets", "channel": "email", "choice": "withdrawn"}}}).Problem(422, "invalid")
	w.Anonymous().Post(link, map[string]any{"choices": []any{map[string]any{"purpose": "agenda", "channel": "sms", "choice": "withdrawn"}}}).Points("#/choices/0")
	w.public(link, asForm, "List-Unsubscribe=Perhaps").Problem(400, "invalid-request")
	w.public(link, asForm, "offered=%00").Problem(400, "invalid-request")
	w.public(link, "multipart/form-data", "x").Problem(400, "invalid-request")
	w.public(link, "multipart/form-data; boundary=x", "--x\r\nbroken").Problem(400, "invalid-request")
	w.public(link, asForm, "offered="+strings.Repeat("x", 100_000)).Problem(413, "too-large")
	require.Zero(t, w.ledger())

	w.Post(linksPath(w.person, w.email), map[string]any{"purpose": "nothing"}).Problem(422, "invalid")
	w.Post(linksPath(w.person, w.email), map[string]any{"purpose": "tickets"}).Points("#/purpose")
	w.Post(linksPath(w.person, w.email), map[string]any{"language": "klingon-of-no-kind"}).Problem(422, "invalid")
	w.Post(linksPath(w.person, w.email), map[string]any{"expires_in_days": 500}).Problem(400, "invalid-request")
	social := w.Post("/v1/contacts/"+w.person+"/contact-points", map[string]any{"kind": "social", "platform": "mastodon", "value": "@camille@example.org"}).Is(201).ID()
	w.Post(linksPath(w.person, social), map[string]any{}).Problem(422, "invalid")
}
