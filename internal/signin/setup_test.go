package signin_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

const (
	returnTo = "https://agents.arcades.example/signed-in?from=parvis"
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// world is a program whose agents sign in with a provider, and a clock to move.
type world struct {
	*parvistest.App
	t     *testing.T
	clock *clock.Fixed
	idp   *provider
	id    string // of the identity provider
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewFixed(time.Now())}
	w.App = parvistest.New(t, parvistest.WithClock(w.clock))
	w.idp = newProvider(t, w.clock)
	w.idp.redirectURI = w.URL + "/v1/sign-ins/callback"
	w.Patch("/v1/sign-in-policy", object{"return_addresses": []string{returnTo}}).Is(200)
	w.id = w.trust(nil)
	w.client(nil).Is(200)
	return w
}

// trust makes the provider known, for signing in only.
func (w *world) trust(changes object) string {
	w.t.Helper()
	return w.Post("/v1/identity-providers", parvistest.With(object{
		"name": "ProConnect", "issuer": w.idp.issuer, "audience": clientID, "accepts_bearer_tokens": false, "provision": "on_first_use",
		"name_claim": "given_name usual_name", "strong_acr": []string{"eidas2"}, "strong_amr": []string{"mfa"},
	}, changes)).Is(201).ID()
}

// client says how people sign in with it: ProConnect's profile.
func (w *world) client(changes object) *parvistest.Answer {
	w.t.Helper()
	return w.Put("/v1/identity-providers/"+w.id+"/sign-in", parvistest.With(object{
		"client_id": clientID, "authentication": "client_secret_post", "client_secret": clientSecret,
		"scopes": []string{"openid", "given_name", "usual_name", "email", "uid", "siret", "idp_id"}, "userinfo": "jwt", "uses_pkce": false,
		"acr_request": "claims", "requested_acr": []string{"eidas1"}, "requests_amr": true, "required_acr": []string{"eidas1"},
	}, changes))
}

func (w *world) start(changes object) *parvistest.Answer {
	w.t.Helper()
	return w.Anonymous().Post("/v1/sign-ins", parvistest.With(object{
		"institution_id": w.Tenant.String(), "identity_provider_id": w.id, "return_to": returnTo, "code_challenge": challenge(verifier), "state": "front",
	}, changes), parvistest.Header("Idempotency-Key", ""))
}

// browse opens an address of the provider and gives the one it sends on to, as
// a path of the program.
func (w *world) browse(address string) string {
	w.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, address, nil)
	require.NoError(w.t, err)
	response, err := client.Do(r)
	require.NoError(w.t, err)
	_ = response.Body.Close()
	require.Equal(w.t, http.StatusFound, response.StatusCode, address)
	to := response.Header.Get("Location")
	require.True(w.t, strings.HasPrefix(to, w.URL+"/"), to)
	return strings.TrimPrefix(to, w.URL)
}

// callback is the address that the provider sends the browser to.
func (w *world) callback(changes object) string {
	w.t.Helper()
	return w.browse(w.start(changes).Is(201).JSON()["authorization_url"].(string))
}

// back is what the front end is told after the provider's answer.
func (w *world) back(callback string) url.Values {
	w.t.Helper()
	to := w.Anonymous().Get(callback).Is(303).Header.Get("Location")
	require.True(w.t, strings.HasPrefix(to, "https://agents.arcades.example/signed-in?"), to)
	u, err := url.Parse(to)
	require.NoError(w.t, err)
	require.Equal(w.t, []string{"parvis", "front"}, []string{u.Query().Get("from"), u.Query().Get("state")})
	return u.Query()
}

func (w *world) exchange(code, verifier string) *parvistest.Answer {
	w.t.Helper()
	return w.Anonymous().Post("/v1/sign-ins/exchange", object{"code": code, "code_verifier": verifier}, parvistest.Header("Idempotency-Key", ""))
}

// signIn goes the whole way.
func (w *world) signIn(changes object) object {
	w.t.Helper()
	back := w.back(w.callback(changes))
	require.Empty(w.t, back.Get("error"))
	return w.exchange(back.Get("code"), verifier).Is(201).JSON()
}

// refused goes as far as the answer, which is not good.
func (w *world) refused(why string) {
	w.t.Helper()
	back := w.back(w.callback(nil))
	require.Equal(w.t, why, back.Get("error"))
	require.Empty(w.t, back.Get("code"))
}

func (w *world) as(tokens object) *parvistest.Client {
	c := w.Anonymous()
	c.Key = tokens["access_token"].(string)
	return c
}

// bend changes what the provider says.
func (w *world) bend(change func(p *provider)) {
	w.idp.mu.Lock()
	defer w.idp.mu.Unlock()
	change(w.idp)
}
