package signin_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// Where a role asks for a second factor, the provider has to have seen one; what
// is refused says what to do.
func TestStrongRolesAskTheProviderForMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Post("/v1/roles", object{"code": "people", "name": "People", "scopes": []string{"users:read"}, "verbs": []string{"see"}}).Is(201)
	w.Patch("/v1/identity-providers/"+w.id, object{"role_claim": "roles", "role_mapping": []object{{"value": "crm", "role": "people"}}}).Is(200)
	w.Patch("/v1/sign-in-policy", object{"mfa_roles": []string{"people"}}).Is(200)
	says := func(acr any, amr ...string) {
		w.bend(func(p *provider) {
			p.claims = func(c object) {
				c["roles"], c["amr"] = []string{"crm"}, amr
				if acr != nil {
					c["acr"] = acr
				}
			}
		})
	}
	says(nil, "pwd")
	tokens := w.signIn(nil)
	p := w.as(tokens).Get("/v1/users").Problem(403, "stronger-sign-in-required")
	require.Contains(t, p["detail"], "Sign in there again with a second factor")
	require.Equal(t, "users:read", p["required_scope"])
	w.as(tokens).Get("/v1/contacts").Problem(403, "insufficient-scope")
	w.as(tokens).Get("/v1/sessions").Is(200)

	// Asked for more, the provider is asked for it, and less is refused.
	says("eidas1", "pwd")
	require.Equal(t, "sign_in_too_weak", w.back(w.callback(object{"level": "strong"})).Get("error"))
	require.JSONEq(t, `{"id_token": {"acr": {"essential": true, "values": ["eidas2"]}, "amr": {"essential": true}}}`, w.idp.asked.Get("claims"))
	for _, c := range []struct {
		acr any
		amr []string
	}{{nil, []string{"pwd"}}, {"eidas1", []string{"pwd", "mfa"}}} {
		says(c.acr, c.amr...)
		tokens = w.signIn(object{"level": "strong"})
		w.as(tokens).Get("/v1/users").Is(200)
		require.Contains(t, w.as(tokens).Get("/v1/sessions").Is(200).Data()[0]["methods"], "mfa")
	}

	// A provider whose word for it the institution does not take cannot say it.
	w.Patch("/v1/identity-providers/"+w.id, object{"strong_amr": []string{"hwk"}, "strong_acr": []string{}}).Is(200)
	says("eidas1", "mfa")
	tokens = w.signIn(nil)
	require.Equal(t, []any{"fed"}, w.as(tokens).Get("/v1/sessions").Is(200).Data()[0]["methods"])
	w.as(tokens).Get("/v1/users").Problem(403, "stronger-sign-in-required")
}

func TestEverybodyIsAskedForAMethod(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.client(object{"required_amr": []string{"totp", "pop"}}).Is(200)
	w.refused("sign_in_too_weak")
	w.bend(func(p *provider) { p.claims = func(c object) { c["amr"] = []string{"pwd", "totp"} } })
	w.signIn(nil)
}

// The provider's own tokens are no way around the policy.
func TestBearerTokensFollowThePolicyToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const audience = "https://crm.arcades.example"
	w.Post("/v1/roles", object{"code": "people", "name": "People", "scopes": []string{"users:read"}, "verbs": []string{"see"}}).Is(201)
	w.Post("/v1/identity-providers", object{
		"name": "API", "issuer": w.idp.issuer, "audience": audience, "provision": "on_first_use", "strong_amr": []string{"mfa"},
		"role_claim": "roles", "role_mapping": []object{{"value": "crm", "role": "people"}},
	}).Is(201)
	with := func(aud string, amr ...string) *parvistest.Client {
		now := w.clock.Now()
		c := w.Anonymous()
		c.Key = w.idp.sign(object{"typ": "at+jwt"}, object{
			"iss": w.idp.issuer, "aud": aud, "sub": "agent-9", "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "email": "x@arcades.example",
			"roles": []string{"crm"}, "amr": amr,
		})
		return c
	}
	w.clock.Advance(2 * time.Second)
	with(audience, "pwd").Get("/v1/users").Is(200)
	w.Patch("/v1/sign-in-policy", object{"mfa_scopes": []string{"users:read"}}).Is(200)
	w.clock.Advance(2 * time.Second)
	with(audience, "pwd").Get("/v1/users").Problem(403, "stronger-sign-in-required")
	with(audience, "pwd", "mfa").Get("/v1/users").Is(200)
	with(clientID, "mfa").Get("/v1/me").Problem(401, "unauthenticated") // people sign in with that one, and no more
}
