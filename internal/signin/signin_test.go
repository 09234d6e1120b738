package signin_test

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// The whole way, in the profile of ProConnect: begin, sign in there, come back,
// exchange, work, refresh, and sign out here and there.
func TestAnAgentSignsInWithProConnect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	started := w.start(nil).Is(201).JSON()
	callback := w.browse(started["authorization_url"].(string))
	require.Equal(t, "openid given_name usual_name email uid siret idp_id", w.idp.asked.Get("scope"))
	require.JSONEq(t, `{"id_token": {"acr": {"essential": true, "values": ["eidas1"]}, "amr": {"essential": true}}}`, w.idp.asked.Get("claims"))
	require.GreaterOrEqual(t, len(w.idp.asked.Get("state")), 32)
	require.GreaterOrEqual(t, len(w.idp.asked.Get("nonce")), 32)
	back := w.back(callback)
	require.NotContains(t, callback, "access_token")
	tokens := w.exchange(back.Get("code"), verifier).Is(201).JSON()

	me := w.as(tokens).Get("/v1/me").Is(200).JSON()["actor"].(object)
	user := w.Get("/v1/users/" + me["id"].(string)).Is(200).JSON()
	require.Equal(t, []any{w.idp.issuer, "agent-1", "ines.marchand@arcades.example", "Inès Marchand"}, []any{user["issuer"], user["subject"], user["email"], user["name"]})
	session := w.as(tokens).Get("/v1/sessions").Is(200).Data()[0]
	require.Equal(t, []any{"fed", "pwd"}, session["methods"])
	created, _ := time.Parse(time.RFC3339Nano, session["created_at"].(string))
	expires, _ := time.Parse(time.RFC3339Nano, session["expires_at"].(string))
	require.InDelta(t, 12*time.Hour, expires.Sub(created), float64(time.Minute))

	next := w.Anonymous().Post("/v1/sessions/refresh", object{"refresh_token": tokens["refresh_token"]}, parvistest.Header("Idempotency-Key", "")).Is(200).JSON()
	w.as(next).Get("/v1/me").Is(200)
	again := w.signIn(nil)
	require.Equal(t, tokens["user_id"], again["user_id"], "the same person")

	out := w.as(next).Post("/v1/sign-ins/sign-out", object{"return_to": returnTo, "state": "bye"}).Is(200).JSON()
	at, err := url.Parse(out["logout_url"].(string))
	require.NoError(t, err)
	require.Equal(t, w.idp.issuer+"/session/end", at.Scheme+"://"+at.Host+at.Path)
	require.Equal(t, []string{returnTo, "bye"}, []string{at.Query().Get("post_logout_redirect_uri"), at.Query().Get("state")})
	require.Len(t, strings.Split(at.Query().Get("id_token_hint"), "."), 3)
	require.Len(t, at.Query(), 3)
	w.clock.Advance(2 * time.Second)
	w.as(next).Get("/v1/me").Problem(401, "unauthenticated")
	w.as(again).Get("/v1/me").Is(200)
	w.clock.Advance(12*time.Hour + time.Second)
	w.Anonymous().Post("/v1/sessions/refresh", object{"refresh_token": again["refresh_token"]}, parvistest.Header("Idempotency-Key", "")).Problem(401, "session-ended")
}

// Each provider has its profile; what it was not told about is not sent.
func TestProfilesOfProviders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, profile := range map[string]struct {
		client object
		idp    func(*provider)
	}{
		"secret in the header, PKCE, JSON": {object{"authentication": "client_secret_basic", "uses_pkce": true, "userinfo": "json", "acr_request": "none", "required_acr": []string{}, "requests_amr": false},
			func(p *provider) {
				p.authentication, p.pkce, p.infoJWT = "client_secret_basic", true, false
				p.known = []string{"response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method"}
			}},
		"acr_values and parameters": {object{"acr_request": "acr_values", "requests_amr": false, "parameters": object{"idp_hint": "ville"}},
			func(p *provider) {
				p.known = []string{"response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "acr_values", "idp_hint"}
			}},
		"ES256 everywhere": {object{"id_token_alg": "ES256", "userinfo_alg": "ES256"},
			func(p *provider) {
				p.header = object{"alg": "ES256", "kid": "ec-1"}
				p.userinfo = func(_, claims object) (string, string) {
					return "application/jwt; charset=utf-8", p.sign(object{"alg": "ES256", "kid": "ec-1"}, claims)
				}
			}},
		"no key id, one key": {nil, func(p *provider) { p.header = object{"kid": nil} }},
		"no userinfo": {object{"userinfo": "none"}, func(p *provider) {
			p.claims = func(c object) { c["email"], c["given_name"] = "i.marchand@arcades.example", "Inès" }
		}},
	} {
		t.Run(name, func(*testing.T) {
			w.bend(func(p *provider) {
				p.authentication, p.pkce, p.infoJWT, p.header, p.userinfo, p.claims = "client_secret_post", false, true, nil, nil, nil
				p.known = []string{"response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "claims"}
				profile.idp(p)
			})
			w.client(profile.client).Is(200)
			w.as(w.signIn(nil)).Get("/v1/me").Is(200)
		})
	}
}

// The program proves itself with a key that was made here and never leaves.
func TestAClientThatProvesItselfByAKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.client(object{"authentication": "private_key_jwt"}).Is(200).JSON()
	key := made["public_key"].(object)
	require.NotContains(t, key, "d")
	require.Equal(t, key, w.client(object{"authentication": "private_key_jwt"}).Is(200).JSON()["public_key"], "the key stays")
	w.bend(func(p *provider) { p.authentication, p.clientKey = "private_key_jwt", key })
	w.as(w.signIn(nil)).Get("/v1/me").Is(200)
}

// Secrets are sealed, and what a database holds of a sign-in opens nothing.
func TestSecretsOfSignInsAreNowhereInTheClear(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	read := w.Get("/v1/identity-providers/" + w.id + "/sign-in").Is(200)
	require.NotContains(t, string(read.Body), clientSecret)
	require.Equal(t, true, read.JSON()["has_client_secret"])
	w.client(object{"client_secret": nil}).Problem(400, "invalid-request")
	back := w.back(w.callback(nil))
	tokens := w.exchange(back.Get("code"), verifier).Is(201).JSON()
	owner, err := pgx.Connect(t.Context(), w.DB.OwnerURL)
	require.NoError(t, err)
	defer func() { _ = owner.Close(context.Background()) }()
	for _, table := range []string{"sign_in_clients", "sign_ins", "account_sessions", "event_changes", "events"} {
		var rows []string
		found, err := owner.Query(t.Context(), "select row_to_json(t)::text from crm."+table+" t")
		require.NoError(t, err)
		for found.Next() {
			var row string
			require.NoError(t, found.Scan(&row))
			rows = append(rows, row)
		}
		require.NotEmpty(t, rows, table)
		for _, secret := range []string{clientSecret, w.idp.asked.Get("state"), w.idp.asked.Get("nonce"), back.Get("code"), verifier, tokens["refresh_token"].(string), "eyJ"} {
			require.NotContains(t, strings.Join(rows, "\n"), secret, table)
		}
	}
}

func TestRolesComeWithTheSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Post("/v1/roles", object{"code": "people", "name": "People", "scopes": []string{"users:read"}, "verbs": []string{"see"}}).Is(201)
	w.Patch("/v1/identity-providers/"+w.id, object{"role_claim": "roles", "role_mapping": []object{{"value": "crm", "role": "people"}}}).Is(200)
	w.bend(func(p *provider) { p.claims = func(c object) { c["roles"] = []string{"crm"} } })
	tokens := w.signIn(nil)
	w.as(tokens).Get("/v1/users").Is(200)
	w.bend(func(p *provider) { p.claims = nil })
	w.clock.Advance(2 * time.Second)
	w.signIn(nil)
	w.clock.Advance(2 * time.Second)
	w.as(tokens).Get("/v1/users").Problem(403, "insufficient-scope")
}

// The same person at two providers is two users until an administrator says
// otherwise.
func TestAPersonAtTwoProvidersIsTwoUntilLinked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.signIn(nil)["user_id"].(string)
	other := &world{App: w.App, t: t, clock: w.clock, idp: newProvider(t, w.clock)}
	other.idp.redirectURI = w.idp.redirectURI
	other.id = other.trust(object{"name": "Keycloak"})
	other.client(nil).Is(200)
	other.refused("user_unknown") // the address is another user's, and nobody is found by it
	info := func(address string) {
		other.bend(func(p *provider) {
			p.userinfo = func(_, claims object) (string, string) {
				claims["email"] = address
				return "application/jwt", p.sign(nil, claims)
			}
		})
	}
	info("i.marchand@ville.example")
	second := other.signIn(nil)["user_id"].(string)
	require.NotEqual(t, first, second, "the same subject at two issuers is two persons")

	link := object{"issuer": other.idp.issuer, "subject": "agent-1"}
	w.Post("/v1/users/"+first+"/identities", link).Problem(409, "already-exists")
	w.Patch("/v1/users/"+second, object{"issuer": nil, "subject": nil}).Is(200)
	made := w.Post("/v1/users/"+first+"/identities", link).Is(201)
	w.Post("/v1/users/"+second+"/identities", link).Problem(409, "already-exists")
	w.Post("/v1/users/"+first+"/identities", object{"issuer": "https://nobody.example", "subject": "x"}).Problem(422, "invalid")
	require.Equal(t, first, other.signIn(nil)["user_id"])
	require.Len(t, w.Walk("/v1/users/"+first+"/identities?limit=1"), 1)
	w.Post("/v1/users/"+first+"/identities/"+made.ID()+"/unlink", nil).Is(204)
	w.Post("/v1/users/"+first+"/identities/"+made.ID()+"/unlink", nil).Problem(404, "not-found")
	other.refused("user_unknown")
}

func TestWhoMayNotSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.signIn(nil)["user_id"].(string)
	w.Post("/v1/users/"+user+"/deactivate", nil, parvistest.IfMatch(w.Get("/v1/users/"+user).ETag())).Is(200)
	w.refused("user_unknown")
	w.Post("/v1/users/"+user+"/reactivate", nil, parvistest.IfMatch(w.Get("/v1/users/"+user).ETag())).Is(200)
	tokens := w.signIn(nil)

	// Whoever is deactivated between the answer and the exchange has no session.
	back := w.back(w.callback(nil))
	w.Post("/v1/users/"+user+"/deactivate", nil, parvistest.IfMatch(w.Get("/v1/users/"+user).ETag())).Is(200)
	w.exchange(back.Get("code"), verifier).Problem(401, "sign-in-unknown")
	w.as(tokens).Get("/v1/me").Problem(401, "unauthenticated")
	w.Post("/v1/users/"+user+"/reactivate", nil, parvistest.IfMatch(w.Get("/v1/users/"+user).ETag())).Is(200)

	// A provider that is trusted no more has no sessions either.
	tokens = w.signIn(nil)
	w.Patch("/v1/identity-providers/"+w.id, object{"is_enabled": false}).Is(200)
	w.clock.Advance(2 * time.Second)
	w.as(tokens).Get("/v1/me").Problem(401, "unauthenticated")
	w.Anonymous().Post("/v1/sessions/refresh", object{"refresh_token": tokens["refresh_token"]}, parvistest.Header("Idempotency-Key", "")).Problem(401, "session-ended")
	w.start(nil).Problem(404, "not-found")
	require.Empty(t, w.Anonymous().Get("/v1/public/institutions/"+w.Tenant.String()+"/identity-providers").Is(200).Data())
}

func TestAFrontEndLearnsWhatToOffer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := w.Anonymous().Get("/v1/public/institutions/" + w.Tenant.String() + "/identity-providers").Is(200).Data()
	require.Equal(t, []object{{"id": w.id, "object": "sign_in_provider", "name": "ProConnect", "protocol": "oidc"}}, list)
	require.Empty(t, w.Anonymous().Get("/v1/public/institutions/0199c0de-7b11-7e0a-9d1f-5b8f0a3b9e99/identity-providers").Is(200).Data())
}

func TestFailuresAreInTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bend(func(p *provider) { p.claims = func(c object) { c["nonce"] = "another" } })
	w.refused("sign_in_refused")
	parvistest.Eventually(t, "the log tells", func() bool {
		for _, e := range w.Get("/v1/events?types=sign_in.failed").Is(200).Data() {
			raw, _ := json.Marshal(e)
			return strings.Contains(string(raw), `"reason":"sign_in_refused"`) && strings.Contains(string(raw), w.id)
		}
		return false
	})
}
