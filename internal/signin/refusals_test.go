package signin_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// Every way in which what a provider answers can be wrong, one at a time, with
// a good answer before and after.
func TestAnswersThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(w.idp.rsa.Public())
	require.NoError(t, err)
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	claims := func(changes object) func(*provider) {
		return func(p *provider) {
			p.claims = func(c object) {
				maps.Copy(c, changes)
			}
		}
	}
	header := func(h object) func(*provider) { return func(p *provider) { p.header = h } }
	now := w.clock.Now()
	info := func(say func(p *provider, header, claims object) (string, string)) func(*provider) {
		return func(p *provider) {
			p.userinfo = func(header, claims object) (string, string) { return say(p, header, claims) }
		}
	}
	plain := func(claims object) string { raw, _ := json.Marshal(claims); return string(raw) }
	const refused, weak, gone = "sign_in_refused", "sign_in_too_weak", "provider_unavailable"
	w.signIn(nil)
	for name, c := range map[string]struct {
		word string
		bend func(*provider)
	}{
		"another nonce":                  {refused, claims(object{"nonce": strings.Repeat("n", 43)})},
		"no nonce":                       {refused, claims(object{"nonce": nil})},
		"another issuer":                 {refused, claims(object{"iss": "https://evil.example"})},
		"issuer with a slash more":       {refused, claims(object{"iss": w.idp.issuer + "/"})},
		"no issuer":                      {refused, claims(object{"iss": nil})},
		"another audience":               {refused, claims(object{"aud": "another"})},
		"no audience":                    {refused, claims(object{"aud": nil})},
		"two audiences, no party":        {refused, claims(object{"aud": []string{clientID, "another"}})},
		"another authorised party":       {refused, claims(object{"azp": "another"})},
		"expired":                        {refused, claims(object{"exp": now.Add(-31 * time.Second).Unix()})},
		"no expiry":                      {refused, claims(object{"exp": nil})},
		"issued in the future":           {refused, claims(object{"iat": now.Add(31 * time.Second).Unix()})},
		"issued before the sign-in":      {refused, claims(object{"iat": now.Add(-31 * time.Second).Unix()})},
		"no time of issue":               {refused, claims(object{"iat": nil})},
		"no subject":                     {refused, claims(object{"sub": nil})},
		"subject too long":               {refused, claims(object{"sub": strings.Repeat("s", 256)})},
		"another access token":           {refused, claims(object{"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"})},
		"a logout token":                 {refused, claims(object{"events": object{"http://schemas.openid.net/event/backchannel-logout": object{}}})},
		"acr too low":                    {weak, claims(object{"acr": "eidas0"})},
		"no acr":                         {weak, claims(object{"acr": nil})},
		"acr of another type":            {weak, claims(object{"acr": []string{"eidas1"}})},
		"alg none":                       {refused, header(object{"alg": "none", "key": jwt.UnsafeAllowNoneSignatureType})},
		"HS256 with the public key":      {refused, header(object{"alg": "HS256", "key": public})},
		"HS256 with the client's secret": {refused, header(object{"alg": "HS256", "key": []byte(clientSecret)})},
		"ES256 where RS256 is agreed":    {refused, header(object{"alg": "ES256", "kid": "ec-1"})},
		"RS512":                          {refused, header(object{"alg": "RS512"})},
		"PS256":                          {refused, header(object{"alg": "PS256"})},
		"RS256 with an EC key's id":      {refused, header(object{"kid": "ec-1"})},
		"a stranger's signature":         {refused, header(object{"key": stranger})},
		"unknown key":                    {refused, header(object{"kid": "other"})},
		"critical extension":             {refused, header(object{"crit": []string{"b64"}})},
		"an access token":                {refused, header(object{"typ": "at+jwt"})},
		"no ID token":                    {refused, func(p *provider) { p.tokens = func(o object) { delete(o, "id_token") } }},
		"an ID token that is none":       {refused, func(p *provider) { p.tokens = func(o object) { o["id_token"] = "x.y.z" } }},
		"an ID token too long": {refused, func(p *provider) {
			p.tokens = func(o object) { o["id_token"] = o["id_token"].(string) + strings.Repeat("A", 33<<10) }
		}},
		"no access token":          {refused, func(p *provider) { p.tokens = func(o object) { delete(o, "access_token") } }},
		"another token type":       {refused, func(p *provider) { p.tokens = func(o object) { o["token_type"] = "mac" } }},
		"unsigned userinfo":        {refused, info(func(_ *provider, _, c object) (string, string) { return "application/json", plain(c) })},
		"userinfo of another type": {refused, info(func(p *provider, _, c object) (string, string) { return "text/html", p.sign(nil, c) })},
		"userinfo with alg none": {refused, info(func(p *provider, _, c object) (string, string) {
			return "application/jwt", p.sign(object{"alg": "none", "key": jwt.UnsafeAllowNoneSignatureType}, c)
		})},
		"userinfo of another alg": {refused, info(func(p *provider, _, c object) (string, string) {
			return "application/jwt", p.sign(object{"alg": "ES256", "kid": "ec-1"}, c)
		})},
		"userinfo signed with the public key": {refused, info(func(p *provider, _, c object) (string, string) {
			return "application/jwt", p.sign(object{"alg": "HS256", "key": public}, c)
		})},
		"userinfo signed by a stranger": {refused, info(func(p *provider, _, c object) (string, string) {
			return "application/jwt", p.sign(object{"key": stranger}, c)
		})},
		"userinfo of another person": {refused, info(func(p *provider, _, c object) (string, string) {
			c["sub"] = "agent-2"
			return "application/jwt", p.sign(nil, c)
		})},
		"userinfo of nobody": {refused, info(func(p *provider, _, c object) (string, string) {
			delete(c, "sub")
			return "application/jwt", p.sign(nil, c)
		})},
		"userinfo for another client": {refused, info(func(p *provider, _, c object) (string, string) {
			c["aud"] = "another"
			return "application/jwt", p.sign(nil, c)
		})},
		"userinfo of another issuer": {refused, info(func(p *provider, _, c object) (string, string) {
			c["iss"] = "https://evil.example"
			return "application/jwt", p.sign(nil, c)
		})},
		"userinfo that has expired": {refused, info(func(p *provider, _, c object) (string, string) {
			c["exp"] = now.Add(-time.Minute).Unix()
			return "application/jwt", p.sign(nil, c)
		})},
		"an access token that opens nothing": {gone, func(p *provider) {
			p.tokens = func(o object) { o["access_token"] = "another" }
			claims(object{"at_hash": nil})(p)
		}},
		"another secret":                {refused, func(p *provider) { p.authentication = "client_secret_basic" }},
		"a token endpoint that is down": {gone, func(p *provider) { p.down = "/api/v2/token" }},
	} {
		w.bend(func(p *provider) {
			p.header, p.claims, p.tokens, p.userinfo, p.authentication, p.down = nil, nil, nil, nil, "client_secret_post", ""
			c.bend(p)
		})
		back := w.back(w.callback(nil))
		require.Equal(t, c.word, back.Get("error"), name)
		require.Empty(t, back.Get("code"), name)
	}
	w.bend(func(p *provider) {
		p.header, p.claims, p.tokens, p.userinfo, p.authentication, p.down = nil, nil, nil, nil, "client_secret_post", ""
	})
	w.signIn(nil)
	w.bend(claims(object{"aud": []string{clientID, "another"}, "azp": clientID}))
	w.signIn(nil)
}

// A state is good for one answer, whatever comes of it, and for ten minutes.
func TestAStateIsGoodOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	callback := w.callback(nil)
	require.NotEmpty(t, w.back(callback).Get("code"))
	w.Anonymous().Get(callback).Problem(401, "sign-in-unknown")
	w.Anonymous().Get("/v1/sign-ins/callback?code=x&state="+strings.Repeat("s", 43)).Problem(401, "sign-in-unknown")

	// Nor does a wrong code leave it good.
	callback = w.callback(nil)
	u, err := url.Parse(callback)
	require.NoError(t, err)
	query := u.Query()
	query.Set("code", "guessed")
	require.Equal(t, "sign_in_refused", w.back(u.Path+"?"+query.Encode()).Get("error"))
	w.Anonymous().Get(callback).Problem(401, "sign-in-unknown")

	callback = w.callback(nil)
	w.clock.Advance(10*time.Minute + time.Second)
	w.Anonymous().Get(callback).Problem(401, "sign-in-unknown")

	// Of many answers at once one counts.
	callback = w.callback(nil)
	var mu sync.Mutex
	statuses := map[int]int{}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			a := w.Anonymous().Get(callback)
			mu.Lock()
			defer mu.Unlock()
			statuses[a.Status]++
		})
	}
	all.Wait()
	require.Equal(t, map[int]int{303: 1, 401: 7}, statuses)
}

// The provider's code lives half a minute; whoever is late begins again.
func TestALateCodeIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	callback := w.callback(nil)
	w.clock.Advance(31 * time.Second)
	require.Equal(t, "sign_in_refused", w.back(callback).Get("error"))
}

// The code is of use to the front end that began, once, for a minute.
func TestACodeIsForWhoBegan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code := w.back(w.callback(nil)).Get("code")
	w.exchange(code, verifier).Is(201)
	w.exchange(code, verifier).Problem(401, "sign-in-unknown")

	// An attacker who has the code of somebody's browser, or who gives somebody
	// a code of their own, does not have the other's secret; the code is spent.
	code = w.back(w.callback(nil)).Get("code")
	w.exchange(code, strings.Repeat("x", 43)).Problem(401, "sign-in-unknown")
	w.exchange(code, verifier).Problem(401, "sign-in-unknown")

	code = w.back(w.callback(nil)).Get("code")
	w.clock.Advance(time.Minute)
	w.exchange(code, verifier).Problem(401, "sign-in-unknown")
	w.exchange("pvc_"+strings.Repeat("y", 43), verifier).Problem(401, "sign-in-unknown")

	// The state is no code.
	callback := w.callback(nil)
	u, err := url.Parse(callback)
	require.NoError(t, err)
	w.exchange(u.Query().Get("state"), verifier).Problem(401, "sign-in-unknown")
	require.NotEmpty(t, w.back(callback).Get("code"))
}

func TestABrowserGoesOnlyWhereTheInstitutionSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, elsewhere := range []string{"https://evil.example/", returnTo + "&x=1", strings.TrimSuffix(returnTo, "?from=parvis"), strings.ToUpper(returnTo)} {
		a := w.start(object{"return_to": elsewhere})
		a.Problem(422, "invalid")
		a.Points("#/return_to")
	}
	tokens := w.signIn(nil)
	w.as(tokens).Post("/v1/sign-ins/sign-out", object{"return_to": "https://evil.example/"}).Problem(422, "invalid")
	w.as(tokens).Get("/v1/me").Is(200)
	for _, unfit := range []string{"http://agents.arcades.example/", "https://agents.arcades.example/#x", "https://a:b@agents.arcades.example/", "/signed-in", "javascript:alert(1)", "https:agents"} {
		a := w.Patch("/v1/sign-in-policy", object{"return_addresses": []string{unfit}})
		a.Problem(422, "invalid")
		a.Points("#/return_addresses/0")
	}
	w.Patch("/v1/sign-in-policy", object{"return_addresses": []string{"http://localhost:3000/"}}).Is(200)
	w.start(nil).Problem(422, "invalid")
}

// An answer of another provider than the one that was asked is not taken
// (RFC 9207).
func TestProvidersCannotBeMixedUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	with := func(iss string) string { return w.callback(nil) + "&iss=" + url.QueryEscape(iss) }
	require.NotEmpty(t, w.back(with(w.idp.issuer)).Get("code"))
	require.Equal(t, "sign_in_refused", w.back(with("https://evil.example")).Get("error"))
	w.bend(func(p *provider) {
		p.doc = func(d object) { d["authorization_response_iss_parameter_supported"] = true }
	})
	w.clock.Advance(11 * time.Minute)
	require.Equal(t, "sign_in_refused", w.back(w.callback(nil)).Get("error"), "it names itself, and did not")
	require.NotEmpty(t, w.back(with(w.idp.issuer)).Get("code"))
}

func TestWhatTheProviderDenies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u, err := url.Parse(w.callback(nil))
	require.NoError(t, err)
	state := u.Query().Get("state")
	require.Equal(t, "access_denied", w.back("/v1/sign-ins/callback?error=access_denied&error_description=no&state="+state).Get("error"))
	w.Anonymous().Get(u.String()).Problem(401, "sign-in-unknown")
}

// What a discovery document says must fit the issuer.
func TestDiscoveryIsOfTheIssuer(t *testing.T) {
	t.Parallel()
	for name, bend := range map[string]func(object){
		"another issuer":          func(d object) { d["issuer"] = "https://evil.example" },
		"no token endpoint":       func(d object) { delete(d, "token_endpoint") },
		"a script for an address": func(d object) { d["authorization_endpoint"] = "javascript:alert(1)" },
		"not a document":          func(d object) { d["issuer"] = 7 },
	} {
		w := newWorld(t)
		w.bend(func(p *provider) { p.doc = bend })
		p := w.start(nil).Problem(503, "provider-unavailable")
		require.NotContains(t, p["detail"], "evil", name)
	}
}

func TestClientsThatCannotWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for pointer, change := range map[string]object{
		"#/scopes":                  {"scopes": []string{"email"}},
		"#/parameters/redirect_uri": {"parameters": object{"redirect_uri": "https://evil.example"}},
	} {
		a := w.client(change)
		a.Problem(422, "invalid")
		a.Points(pointer)
	}
	made := w.Post("/v1/identity-providers", object{"name": "Other", "issuer": w.idp.issuer, "audience": "other"}).Is(201).ID()
	a := w.Put("/v1/identity-providers/"+made+"/sign-in", object{"client_id": "x"})
	a.Problem(422, "invalid")
	a.Points("#/client_secret")
	a = w.Put("/v1/identity-providers/"+made+"/sign-in", object{"client_id": "x", "client_secret": clientSecret, "acr_request": "claims"})
	a.Points("#/requested_acr")
	w.Get("/v1/identity-providers/"+made+"/sign-in").Problem(404, "not-found")
	w.start(object{"identity_provider_id": made}).Problem(404, "not-found")
	w.start(object{"code_challenge": strings.Repeat("_", 43)}).Problem(422, "invalid")
	w.Put("/v1/identity-providers/"+w.id+"/sign-in", object{"client_id": "x"}, parvistest.IfMatch(`"7"`)).Problem(412, "stale-version")
	w.client(object{"is_enabled": false}).Is(200)
	w.start(nil).Problem(404, "not-found")
	saml := w.Post("/v1/identity-providers", object{"name": "SAML", "issuer": "urn:idp", "audience": "x", "protocol": "saml"}).Is(201)
	require.Equal(t, false, saml.JSON()["accepts_bearer_tokens"])
	w.Put("/v1/identity-providers/"+saml.ID()+"/sign-in", object{"client_id": "x", "client_secret": clientSecret}).Problem(422, "invalid")
}
