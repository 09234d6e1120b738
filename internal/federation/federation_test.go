package federation_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestATrustedProvidersTokenOpensTheDoor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.good(nil).Get("/v1/me").Problem(401, "unauthenticated")
	w.trust(w.Client, nil).Is(201)
	w.clock.Advance(2 * time.Second)
	me := w.good(nil).Get("/v1/me").Is(200).JSON()["actor"].(object)
	require.Equal(t, "user", me["kind"])
	again := w.with(w.token(w.header(object{"alg": "ES256", "kid": "ec-1"}), w.claims(nil))).Get("/v1/me").Is(200).JSON()["actor"].(object)
	require.Equal(t, me, again, "the same person")
	user := w.Get("/v1/users/" + me["id"].(string)).Is(200)
	require.Equal(t, []any{w.idp.issuer, "agent-1", "ines.marchand@arcades.example"}, []any{user.JSON()["issuer"], user.JSON()["subject"], user.JSON()["email"]})
	w.good(nil).Get("/v1/users").Problem(403, "insufficient-scope")
	require.Equal(t, 1, w.idp.fetched())
	w.Post("/v1/users/"+me["id"].(string)+"/deactivate", nil, parvistest.IfMatch(user.ETag())).Is(200)
	w.good(nil).Get("/v1/me").Problem(401, "unauthenticated")
}

// Every way to be wrong, one at a time, with a good token beside each.
func TestTokensThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.trust(w.Client, object{"required_claims": object{"acr": "eidas1"}}).Is(201)
	w.clock.Advance(2 * time.Second)
	claims := func(changes object) object { return w.claims(parvistest.With(object{"acr": "eidas1"}, changes)) }
	now := w.clock.Now()
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(w.idp.rsa.Public())
	require.NoError(t, err)
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	h := w.header
	w.with(w.token(h(nil), claims(nil))).Get("/v1/me").Is(200)
	w.with(w.token(h(object{"typ": "application/at+jwt"}), claims(nil))).Get("/v1/me").Is(200)
	w.with(w.token(h(nil), claims(object{"aud": []string{"other", audience}}))).Get("/v1/me").Is(200)
	w.with(w.token(h(nil), claims(object{"exp": now.Add(-29 * time.Second).Unix()}))).Get("/v1/me").Is(200)
	for name, token := range map[string]string{
		"another audience":             w.token(h(nil), claims(object{"aud": "https://other.example"})),
		"no audience":                  w.token(h(nil), claims(object{"aud": nil})),
		"empty audience":               w.token(h(nil), claims(object{"aud": []string{}})),
		"another issuer":               w.token(h(nil), claims(object{"iss": "https://evil.example"})),
		"issuer with a slash more":     w.token(h(nil), claims(object{"iss": w.idp.issuer + "/"})),
		"no issuer":                    w.token(h(nil), claims(object{"iss": nil})),
		"our own issuer":               w.token(h(nil), claims(object{"iss": w.URL})),
		"no expiry":                    w.token(h(nil), claims(object{"exp": nil})),
		"expiry zero":                  w.token(h(nil), claims(object{"exp": 0})),
		"expired":                      w.token(h(nil), claims(object{"exp": now.Add(-31 * time.Second).Unix()})),
		"issued in the future":         w.token(h(nil), claims(object{"iat": now.Add(31 * time.Second).Unix()})),
		"no time of issue":             w.token(h(nil), claims(object{"iat": nil})),
		"not yet valid":                w.token(h(nil), claims(object{"nbf": now.Add(time.Minute).Unix()})),
		"no subject":                   w.token(h(nil), claims(object{"sub": nil})),
		"type JWT":                     w.token(h(object{"typ": "JWT"}), claims(nil)),
		"no type":                      w.token(h(object{"typ": nil}), claims(nil)),
		"type logout+jwt":              w.token(h(object{"typ": "logout+jwt"}), claims(nil)),
		"critical extension":           w.token(h(object{"crit": []string{"b64"}}), claims(nil)),
		"empty critical extension":     w.token(h(object{"crit": []string{}}), claims(nil)),
		"no key id":                    w.token(h(object{"kid": nil}), claims(nil)),
		"unknown key id":               w.token(h(object{"kid": "other"}), claims(nil)),
		"a stranger's signature":       sign(t, stranger, h(nil), claims(nil)),
		"RS256 with an EC key id":      w.token(h(object{"kid": "ec-1"}), claims(nil)),
		"PS256":                        sign(t, w.idp.rsa, h(object{"alg": "PS256"}), claims(nil)),
		"RS512":                        sign(t, w.idp.rsa, h(object{"alg": "RS512"}), claims(nil)),
		"HMAC with the public key":     sign(t, public, h(object{"alg": "HS256"}), claims(nil)),
		"none":                         sign(t, jwt.UnsafeAllowNoneSignatureType, h(object{"alg": "none"}), claims(nil)),
		"an ID token by its nonce":     w.token(h(nil), claims(object{"nonce": "n"})),
		"an ID token by its hash":      w.token(h(nil), claims(object{"at_hash": "h"})),
		"an ID token by its type":      w.token(h(nil), claims(object{"typ": "ID"})),
		"a logout token":               w.token(h(nil), claims(object{"events": object{"http://schemas.openid.net/event/backchannel-logout": object{}}})),
		"without a required claim":     w.token(h(nil), claims(object{"acr": nil})),
		"another required value":       w.token(h(nil), claims(object{"acr": "eidas0"})),
		"required value of other type": w.token(h(nil), claims(object{"acr": []string{"eidas1"}})),
		"longer than 8 KiB":            w.token(h(nil), claims(object{"padding": strings.Repeat("x", 8<<10)})),
		"cut":                          w.token(h(nil), claims(nil))[:200],
	} {
		p := w.with(token).Get("/v1/me").Problem(401, "unauthenticated")
		require.NotContains(t, p["detail"], "kid", name)
	}
}

func TestKeysAreAskedForSeldom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.trust(w.Client, nil).Is(201)
	w.clock.Advance(2 * time.Second)
	for range 20 {
		w.good(nil).Get("/v1/me").Is(200)
	}
	require.Equal(t, 1, w.idp.fetched())
	for range 20 { // whatever keys are named
		w.with(w.token(w.header(object{"kid": "other"}), w.claims(nil))).Get("/v1/me").Is(401)
	}
	require.Equal(t, 1, w.idp.fetched())
	w.clock.Advance(61 * time.Second)
	for range 20 {
		w.with(w.token(w.header(object{"kid": "other"}), w.claims(nil))).Get("/v1/me").Is(401)
	}
	require.Equal(t, 2, w.idp.fetched())

	// A new key is found once the minute is over; the former still counts while
	// the provider cannot be asked.
	w.idp.mu.Lock()
	w.idp.keys["rsa-2"] = w.idp.rsa.Public()
	w.idp.mu.Unlock()
	w.with(w.token(w.header(object{"kid": "rsa-2"}), w.claims(nil))).Get("/v1/me").Is(401)
	w.clock.Advance(61 * time.Second)
	w.with(w.token(w.header(object{"kid": "rsa-2"}), w.claims(nil))).Get("/v1/me").Is(200)
	w.idp.mu.Lock()
	w.idp.down = true
	w.idp.mu.Unlock()
	w.clock.Advance(time.Hour)
	w.good(nil).Get("/v1/me").Is(200)
	w.clock.Advance(12 * time.Hour)
	require.NotEqual(t, 200, w.good(nil).Get("/v1/me").Status)
}

func TestTheDiscoveryDocumentIsOfTheIssuer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.idp.claims = "https://evil.example"
	w.trust(w.Client, nil).Is(201)
	w.clock.Advance(2 * time.Second)
	require.NotEqual(t, 200, w.good(nil).Get("/v1/me").Status)
}

// A key says itself what it is for.
func TestAKeysOwnAlgorithmCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.trust(w.Client, object{"jwks_uri": strings.TrimSuffix(w.idp.issuer, "/realms/agents") + "/mislabelled"}).Is(201)
	w.clock.Advance(2 * time.Second)
	w.good(nil).Get("/v1/me").Problem(401, "unauthenticated")
}

func TestIDTokensAndOtherTypesAreOptedIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.trust(w.Client, object{"token_types": []string{"JWT"}, "accepts_id_tokens": true}).Is(201)
	w.clock.Advance(2 * time.Second)
	w.with(w.token(w.header(object{"typ": "JWT"}), w.claims(object{"nonce": "n"}))).Get("/v1/me").Is(200)
	w.good(nil).Get("/v1/me").Problem(401, "unauthenticated")
	w.Patch("/v1/identity-providers/"+made.ID(), object{"is_enabled": false}, parvistest.IfMatch(made.ETag())).Is(200)
	w.with(w.token(w.header(object{"typ": "JWT"}), w.claims(nil))).Get("/v1/me").Problem(401, "unauthenticated")
}

func TestRolesComeAndGoWithTheClaim(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Post("/v1/roles", object{"code": "desk", "name": "Desk", "scopes": []string{"contacts:read"}, "verbs": []string{"see"}}).Is(201)
	w.Post("/v1/roles", object{"code": "people", "name": "People", "scopes": []string{"users:read"}, "verbs": []string{"see"}}).Is(201)
	department := w.Post("/v1/departments", object{"code": "accueil", "name": "Accueil"}).Is(201).ID()
	w.trust(w.Client, object{"role_claim": "realm_access.roles", "role_mapping": []object{
		{"value": "crm-desk", "role": "desk", "department_id": department}, {"value": "crm-people", "role": "people"},
	}}).Is(201)
	w.clock.Advance(2 * time.Second)
	roles := func(names ...string) object {
		return object{"realm_access": object{"roles": append([]string{}, names...)}}
	}
	w.good(roles("crm-desk", "unheard-of")).Get("/v1/contacts").Is(200)
	old := w.token(w.header(nil), w.claims(roles("crm-people")))
	list := w.Get("/v1/role-assignments").Is(200).Data()
	require.Len(t, list, 1)
	w.clock.Advance(2 * time.Second)
	w.good(roles("crm-people")).Get("/v1/users").Is(200)
	w.good(roles("crm-people")).Get("/v1/contacts").Problem(403, "insufficient-scope")
	w.clock.Advance(2 * time.Second)
	w.good(roles()).Get("/v1/users").Problem(403, "insufficient-scope")
	w.with(old).Get("/v1/users").Problem(403, "insufficient-scope") // an older token brings nothing back
	parvistest.Eventually(t, "the log tells", func() bool { return len(w.Get("/v1/events?types=role_assignment.revoked").Is(200).Data()) == 2 })
}

// The same subject at two issuers is two persons, and nobody is found by an
// address.
func TestAPersonIsAnIssuerAndASubject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.trust(w.Client, nil).Is(201)
	other := &world{App: w.App, t: t, clock: w.clock, idp: newProvider(t)}
	other.trust(w.Client, nil).Is(201)
	w.clock.Advance(2 * time.Second)
	one := w.good(nil).Get("/v1/me").Is(200).JSON()["actor"].(object)["id"]
	other.good(nil).Get("/v1/me").Problem(401, "unauthenticated") // the address is another user's
	two := other.good(object{"email": "i.marchand@arcades.example"}).Get("/v1/me").Is(200).JSON()["actor"].(object)["id"]
	require.NotEqual(t, one, two)
	w.good(object{"sub": "agent-2", "email": "x@arcades.example", "email_verified": false}).Get("/v1/me").Problem(401, "unauthenticated")
	w.good(object{"sub": "agent-2", "email": nil}).Get("/v1/me").Problem(401, "unauthenticated")
	w.with(other.token(w.header(nil), w.claims(nil))).Get("/v1/me").Problem(401, "unauthenticated")
}

func TestUsersAreMadeOnlyWhereThatIsSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.trust(w.Client, object{"provision": "none"}).Is(201)
	w.clock.Advance(2 * time.Second)
	w.good(nil).Get("/v1/me").Problem(401, "unauthenticated")
	w.Post("/v1/users", object{"email": "ines@arcades.example", "name": "Inès", "issuer": w.idp.issuer, "subject": "agent-1"}).Is(201)
	w.good(nil).Get("/v1/me").Is(200)
}

func TestWhatCannotBeTrusted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for pointer, change := range map[string]object{
		"#/issuer":              {"issuer": "http://10.0.0.1/realms/x"},
		"#/jwks_uri":            {"jwks_uri": "http://169.254.169.254/latest"},
		"#/tenant_value":        {"tenant_claim": "org"},
		"#/role_claim":          {"role_mapping": []object{{"value": "x", "role": "y"}}},
		"#/role_mapping/0/role": {"role_claim": "roles", "role_mapping": []object{{"value": "x", "role": "nobody"}}},
	} {
		a := w.trust(w.Client, change)
		a.Problem(422, "invalid")
		a.Points(pointer)
	}
	a := w.trust(w.Client, object{"issuer": w.URL})
	a.Problem(422, "invalid")
	made := w.trust(w.Client, nil).Is(201)
	w.trust(w.Client, nil).Problem(409, "already-exists")
	w.Patch("/v1/identity-providers/"+made.ID(), object{"name": "Autre"}, parvistest.IfMatch(`"7"`)).Problem(412, "stale-version")
	require.Len(t, w.Walk("/v1/identity-providers?limit=1"), 1)
}
