package accounts_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestAPasswordIsSetByALinkOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	link := w.invited(w.ines, inesMail)
	shown := w.Anonymous().Get(link).Is(200).JSON()
	require.Equal(t, "open", shown["status"])
	require.Equal(t, "i…@arcades.example", shown["email"])
	w.Anonymous().Get(link).Is(200) // reading, as mail scanners do, changes nothing
	w.public(link, object{"password": "too short"}).Problem(422, "invalid")
	w.public(link, object{"password": good}).Is(200)
	w.public(link, object{"password": better}).Problem(404, "password-link-unknown")
	w.Anonymous().Get(link).Problem(404, "password-link-unknown")
	w.signedIn()
	parvistest.Eventually(t, "the person is told", func() bool { return len(w.sink.Mails()) == 2 })
	require.Equal(t, "invitation", w.eventually("account.invited", 1)[0]["data"].(object)["facts"].(object)["kind"])
	w.eventually("password.set", 1)
	require.Zero(t, w.count("select count(*) from crm.account_passwords p where p::text like '%lanternes%'"))
	require.Zero(t, w.count("select count(*) from crm.mails m where status = 'sent' and m::text like '%/password-links/%'"))
}

func TestALinkEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old, other := w.invited(w.ines, inesMail), w.invited(w.ines, inesMail)
	w.clock.Advance(24*time.Hour + time.Second)
	w.public(old, object{"password": good}).Problem(404, "password-link-unknown")
	fresh, second := w.invited(w.ines, inesMail), w.invited(w.ines, inesMail)
	w.public(fresh, object{"password": good}).Is(200)
	w.public(second, object{"password": better}).Problem(404, "password-link-unknown")
	w.public(other, object{"password": better}).Problem(404, "password-link-unknown")

	// A link does not follow to another address.
	third := w.invited(w.ines, inesMail)
	w.Patch("/v1/users/"+w.ines, object{"email": "ines@elsewhere.example"}).Is(200)
	w.public(third, object{"password": better}).Problem(404, "password-link-unknown")
	w.Anonymous().Get("/v1/public/password-links/"+strings.Repeat("x", 43)).Problem(404, "password-link-unknown")
}

func TestTheLinkIsAPageToABrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	link := w.invited(w.ines, inesMail)
	asPage := []parvistest.RequestOption{parvistest.Header("Accept", "text/html"), parvistest.Header("Content-Type", "application/x-www-form-urlencoded")}
	page := w.Anonymous().Get(link, parvistest.Header("Accept", "text/html")).Is(200)
	require.Contains(t, string(page.Body), `type="password"`)
	require.Contains(t, page.Header.Get("Content-Security-Policy"), "form-action 'self'")
	require.Equal(t, "no-referrer", page.Header.Get("Referrer-Policy"))
	again := w.public(link, url.Values{"password": {"motdepassemotdepasse"}}.Encode(), asPage...).Is(422)
	require.Contains(t, string(again.Body), "devine trop facilement")
	done := w.public(link, url.Values{"password": {good}}.Encode(), asPage...).Is(200)
	require.Contains(t, string(done.Body), "enregistré")
	w.Anonymous().Get(link, parvistest.Header("Accept", "text/html")).Is(404)
	w.signedIn()
}

// Whether there is such a user, the answer does not tell; only the mailbox does.
func TestRequestsTellNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at := "/v1/public/institutions/" + w.Tenant.String() + "/password-requests"
	gone := w.user("gone@arcades.example", "Gone")
	w.setActive(gone, "deactivate")
	w.Post("/v1/users", object{"email": "fed@arcades.example", "name": "Fed", "issuer": "https://idp.example", "subject": "1"}).Is(201)
	var bodies []string
	for _, email := range []string{"INES.Marchand@arcades.example", "nobody@arcades.example", "gone@arcades.example", "fed@arcades.example"} {
		bodies = append(bodies, string(w.public(at, object{"email": email}).Is(202).Body))
	}
	for _, b := range bodies {
		require.Equal(t, bodies[0], b)
	}
	parvistest.Eventually(t, "all are answered", func() bool { return w.count("select count(*) from crm.account_requests where email is not null") == 0 })
	parvistest.Eventually(t, "the link comes", func() bool { return len(w.mailed(inesMail)) == 1 })
	require.Len(t, w.sink.Mails(), 1)
	for range 5 {
		w.public(at, object{"email": inesMail}).Is(202)
	}
	parvistest.Eventually(t, "three an hour", func() bool { return len(w.mailed(inesMail)) == 3 })
	w.public(w.mailed(inesMail)[0], object{"password": good}).Is(200)
	w.signedIn()
	w.clock.Advance(61 * time.Minute)
	parvistest.Eventually(t, "the count is forgotten", func() bool { return w.count("select count(*) from crm.account_requests") == 0 })
	w.public(at, object{"email": "no address"}).Problem(400, "invalid-request")
	w.public(strings.Replace(at, w.Tenant.String(), w.ines, 1), object{"email": inesMail}).Problem(404, "not-found")
}

func TestOnlyLocalAndActiveUsersAreInvited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fed := w.Post("/v1/users", object{"email": "fed@arcades.example", "name": "Fed", "issuer": "https://idp.example", "subject": "1"}).Is(201).ID()
	w.Post("/v1/users/"+fed+"/invitations", nil).Problem(http.StatusConflict, "signs-in-elsewhere")
	w.setActive(w.ines, "deactivate")
	w.Post("/v1/users/"+w.ines+"/invitations", nil).Problem(http.StatusConflict, "user-not-active")
}

func TestPasswordIsChangedByWhoKnowsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	here, elsewhere := w.signedIn(), w.signedIn()
	at := "/v1/account/password"
	a := w.as(here).Post(at, object{"current_password": "wrong", "new_password": better})
	a.Problem(422, "invalid")
	a.Points("#/current_password")
	a = w.as(here).Post(at, object{"current_password": good, "new_password": "Theatre des Arcades!"})
	a.Problem(422, "invalid")
	a.Points("#/new_password")
	w.as(here).Post(at, object{"current_password": good, "new_password": better}).Is(204)
	w.as(here).Get("/v1/me").Is(200)
	w.as(elsewhere).Get("/v1/me").Problem(401, "unauthenticated")
	w.signIn(inesMail, good).Problem(401, "sign-in-refused")
	w.signIn(inesMail, better).Is(201)
}
