package access_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/parvis-crm/parvis/internal/access/jwk"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

const public = "https://parvis.example"

// publicly gives the program an address of its own, as behind a proxy.
func publicly() parvistest.Option {
	return parvistest.WithConfig(func(c *config.Config) { c.PublicURL = public })
}

func newClient(c *parvistest.Client, in object) object {
	return c.Post("/v1/oauth-clients", parvistest.With(object{"name": "Site web", "scopes": []string{"operations:read", "events:read"}}, in)).Is(201).JSON()
}

// form sends a form to an OAuth endpoint; id and secret go into HTTP Basic.
func form(c *parvistest.Client, path, id, secret string, values url.Values) *parvistest.Answer {
	return c.Post(path, values.Encode(), parvistest.Header("Content-Type", "application/x-www-form-urlencoded"), func(r *http.Request) {
		r.Header.Del("Authorization")
		r.Header.Del("Idempotency-Key")
		if id != "" {
			r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
		}
	})
}

func grant(kv ...string) url.Values {
	v := url.Values{"grant_type": {"client_credentials"}}
	for i := 0; i < len(kv); i += 2 {
		v.Add(kv[i], kv[i+1])
	}
	return v
}

func secretOf(o object) string { return o["secret"].(string) }

func idOf(o object) string { return o["id"].(string) }

func tokenFor(c *parvistest.Client, client object, kv ...string) string {
	return form(c, "/oauth/token", idOf(client), secretOf(client), grant(kv...)).Is(200).JSON()["access_token"].(string)
}

func oauthError(t *testing.T, a *parvistest.Answer, status int, code string) {
	t.Helper()
	a.Is(status)
	require.Equal(t, "application/json", a.Header.Get("Content-Type"))
	require.Equal(t, code, a.JSON()["error"], "%s", a.Body)
	require.NotEmpty(t, a.JSON()["error_description"])
	require.Contains(t, a.Header.Get("Cache-Control"), "no-store")
	if status == 401 {
		require.Contains(t, a.Header.Get("WWW-Authenticate"), "Basic")
	}
}

// What an integrator does: the usual library, and nothing of ours.
func TestTokenThroughALibrary(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	client := newClient(app.Client, nil)
	for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleAutoDetect, oauth2.AuthStyleInHeader} {
		library := clientcredentials.Config{
			ClientID: client["client_id"].(string), ClientSecret: secretOf(client), TokenURL: app.URL + "/oauth/token",
			Scopes: []string{"operations:read"}, AuthStyle: style,
		}
		token, err := library.Token(t.Context())
		require.NoError(t, err)
		require.Equal(t, "Bearer", token.TokenType)
		require.InDelta(t, 900, time.Until(token.Expiry).Seconds(), 30)
		answer, err := library.Client(t.Context()).Get(app.URL + "/v1/operations")
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, 200, answer.StatusCode)
	}
	library := clientcredentials.Config{ClientID: client["client_id"].(string), ClientSecret: "wrong", TokenURL: app.URL + "/oauth/token"}
	_, err := library.Token(t.Context())
	var refused *oauth2.RetrieveError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "invalid_client", refused.ErrorCode)
}

// What a verifier of ours sees: RFC 9068, and nothing but the published keys.
func TestTokenVerifiesWithThePublishedKeys(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, publicly())
	client := newClient(app.Client, nil)
	answer := form(app.Client, "/oauth/token", idOf(client), secretOf(client), grant("resource", public)).Is(200)
	require.Equal(t, "no-store", answer.Header.Get("Cache-Control"))
	require.Equal(t, "events:read operations:read", answer.JSON()["scope"])
	require.NotContains(t, answer.JSON(), "refresh_token")

	var set jwk.Set
	keys := app.Anonymous().Get("/.well-known/jwks.json").Is(200)
	require.Contains(t, keys.Header.Get("Cache-Control"), "public")
	require.NotContains(t, string(keys.Body), `"d"`)
	keys.Into(&set)
	parsed, err := jwt.Parse(answer.JSON()["access_token"].(string), func(token *jwt.Token) (any, error) {
		require.Equal(t, "at+jwt", token.Header["typ"])
		for _, k := range set.Keys {
			if k.ID == token.Header["kid"] {
				key, _, err := k.Decode()
				return key, err
			}
		}
		return nil, jwt.ErrTokenUnverifiable
	}, jwt.WithValidMethods([]string{"ES256"}), jwt.WithIssuer(public), jwt.WithAudience(public), jwt.WithExpirationRequired())
	require.NoError(t, err)
	claims := parsed.Claims.(jwt.MapClaims)
	require.Equal(t, idOf(client), claims["sub"])
	require.Equal(t, idOf(client), claims["client_id"])
	require.Equal(t, app.Tenant.String(), claims["tenant"])
	require.Equal(t, 900, int(claims["exp"].(float64)-claims["iat"].(float64)))
	require.NoError(t, uuid.Validate(claims["jti"].(string)))
}

func TestTokensCanBeSignedWithRSA(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, parvistest.WithConfig(func(c *config.Config) { c.TokenAlgorithm = "RS256" }))
	token := tokenFor(app.Client, newClient(app.Client, nil))
	header, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
	require.NoError(t, err)
	require.Equal(t, "RS256", header.Header["alg"])
	with(app.Client, token).Get("/v1/operations").Is(200)
}

func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, publicly())
	client := newClient(app.Client, nil)
	id, secret := idOf(client), secretOf(client)
	ask := func(id, secret string, v url.Values) *parvistest.Answer {
		return form(app.Client, "/oauth/token", id, secret, v)
	}

	unknown := ask(uuid.NewString(), secret, grant())
	oauthError(t, unknown, 401, "invalid_client")
	wrong := ask(id, secret+"x", grant())
	oauthError(t, wrong, 401, "invalid_client")
	require.Equal(t, string(unknown.Body), string(wrong.Body), "nobody learns which clients exist")
	oauthError(t, ask("not an id", secret, grant()), 401, "invalid_client")
	oauthError(t, ask(id, "", grant()), 401, "invalid_client")
	oauthError(t, ask("", "", grant()), 401, "invalid_client")
	inBody := ask("", "", grant("client_id", id, "client_secret", secret))
	oauthError(t, inBody, 401, "invalid_client")
	require.Contains(t, inBody.JSON()["error_description"], "HTTP Basic")
	oauthError(t, ask(id, secret, grant("client_secret", secret)), 400, "invalid_request")
	oauthError(t, ask(id, secret, grant("client_id", uuid.NewString())), 400, "invalid_request")
	oauthError(t, ask(id, secret, grant("grant_type", "client_credentials")), 400, "invalid_request")
	oauthError(t, ask(id, secret, url.Values{}), 400, "invalid_request")
	oauthError(t, ask(id, secret, url.Values{"grant_type": {"password"}}), 400, "unsupported_grant_type")
	oauthError(t, ask(id, secret, grant("scope", "users:write")), 400, "invalid_scope")
	oauthError(t, ask(id, secret, grant("scope", "nothing:known")), 400, "invalid_scope")
	oauthError(t, ask(id, secret, grant("scope", "*")), 400, "invalid_scope")
	oauthError(t, ask(id, secret, grant("resource", "https://other.example")), 400, "invalid_target")
	oauthError(t, ask(id, secret, grant("resource", public, "resource", "https://other.example")), 400, "invalid_target")
	ask(id, secret, grant("resource", public+"/", "resource", public, "unknown", "ignored")).Is(200)
	app.Post("/oauth/token", "{}").Problem(415, "unsupported-media-type")
	oauthError(t, ask(id, secret, grant("scope", "a\x00b")), 400, "invalid_request")
	app.Post("/oauth/token", strings.Repeat("a=b&", 40_000), parvistest.Header("Content-Type", "application/x-www-form-urlencoded")).Is(400)
	none := newClient(app.Client, object{"scopes": []string{}})
	oauthError(t, ask(idOf(none), secretOf(none), grant()), 400, "invalid_scope")
}

func TestTokenIsNeverStrongerThanItsClient(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	client := newClient(app.Client, nil)
	narrow := with(app.Client, tokenFor(app.Client, client, "scope", "events:read"))
	narrow.Get("/v1/operations").Problem(403, "insufficient-scope")
	narrow.Get("/v1/events").Is(200)
	wide := with(app.Client, tokenFor(app.Client, client))
	wide.Get("/v1/operations").Is(200)
	require.Equal(t, "oauth_client", wide.Get("/v1/me").Is(200).JSON()["actor"].(object)["kind"])

	app.Patch("/v1/oauth-clients/"+idOf(client), object{"scopes": []string{"events:read"}}).Is(200)
	wide.Get("/v1/operations").Problem(403, "insufficient-scope")
	wide.Get("/v1/events").Is(200)

	all := newClient(app.Client, object{"scopes": []string{"*"}})
	some := with(app.Client, tokenFor(app.Client, all, "scope", "users:read"))
	some.Get("/v1/users").Is(200)
	some.Get("/v1/operations").Problem(403, "insufficient-scope")
	with(app.Client, tokenFor(app.Client, all)).Get("/v1/operations").Is(200)
}

func TestTokensEnd(t *testing.T) {
	t.Parallel()
	now := clock.NewFixed(time.Now())
	app := parvistest.New(t, parvistest.WithClock(now))
	client, stranger := newClient(app.Client, nil), newClient(app.Client, nil)
	revoke := func(by object, token string) {
		form(app.Client, "/oauth/revoke", idOf(by), secretOf(by), url.Values{"token": {token}}).Is(200)
	}
	one, two := tokenFor(app.Client, client), tokenFor(app.Client, client)
	with(app.Client, one).Get("/v1/events").Is(200)
	revoke(stranger, one)
	revoke(client, "nonsense")
	revoke(client, app.Key)
	with(app.Client, one).Get("/v1/events").Is(200)
	revoke(client, one)
	with(app.Client, one).Get("/v1/events").Problem(401, "unauthenticated")
	revoke(client, one)
	with(app.Client, two).Get("/v1/events").Is(200)
	require.NoError(t, app.Access().ForgetEndedTokens(t.Context()))
	with(app.Client, one).Get("/v1/events").Problem(401, "unauthenticated")

	now.Advance(15*time.Minute + 31*time.Second)
	with(app.Client, two).Get("/v1/events").Problem(401, "unauthenticated")
	now.Advance(time.Hour)
	require.NoError(t, app.Access().ForgetEndedTokens(t.Context()))

	three := tokenFor(app.Client, client)
	with(app.Client, three).Get("/v1/events").Is(200)
	app.Post("/v1/oauth-clients/"+idOf(client)+"/revoke", nil, parvistest.IfMatch("*")).Is(200)
	with(app.Client, three).Get("/v1/events").Problem(401, "unauthenticated")
	oauthError(t, form(app.Client, "/oauth/token", idOf(client), secretOf(client), grant()), 401, "invalid_client")
	require.Len(t, app.Walk("/v1/oauth-clients?status=revoked"), 1)
	require.Len(t, app.Walk("/v1/oauth-clients?limit=1"), 2)
	eventTypes(t, app.Client, "oauth_client.created", "oauth_client.revoked")

	four := tokenFor(app.Client, stranger)
	with(app.Client, four).Get("/v1/events").Is(200)
	owner(t, app, "update crm.tenants set status = 'suspended' where tenant_id = $1", app.Tenant)
	now.Advance(2 * time.Second)
	with(app.Client, four).Get("/v1/events").Problem(401, "unauthenticated")
	oauthError(t, form(app.Client, "/oauth/token", idOf(stranger), secretOf(stranger), grant()), 401, "invalid_client")
}

func TestIntrospection(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	client, reader := newClient(app.Client, nil), newClient(app.Client, nil)
	foreign := app.OtherTenant()
	outsider := newClient(foreign, nil)
	ask := func(by object, token string) *parvistest.Answer {
		return form(app.Client, "/oauth/introspect", idOf(by), secretOf(by), url.Values{"token": {token}})
	}
	token := tokenFor(app.Client, client, "scope", "events:read")
	got := ask(reader, token).Is(200).JSON()
	require.Equal(t, true, got["active"])
	require.Equal(t, "events:read", got["scope"])
	require.Equal(t, idOf(client), got["client_id"])
	for _, inactive := range []*parvistest.Answer{ask(outsider, token), ask(reader, token+"x"), ask(reader, "nonsense"), ask(reader, app.Key)} {
		require.JSONEq(t, `{"active":false}`, string(inactive.Is(200).Body))
	}
	oauthError(t, form(app.Client, "/oauth/introspect", "", "", url.Values{"token": {token}}), 401, "invalid_client")
	oauthError(t, ask(reader, ""), 400, "invalid_request")
	form(app.Client, "/oauth/revoke", idOf(client), secretOf(client), url.Values{"token": {token}}).Is(200)
	require.JSONEq(t, `{"active":false}`, string(ask(reader, token).Is(200).Body))
}

func TestSecretRotation(t *testing.T) {
	t.Parallel()
	now := clock.NewFixed(time.Now())
	app := parvistest.New(t, parvistest.WithClock(now))
	client := newClient(app.Client, nil)
	path := "/v1/oauth-clients/" + idOf(client)
	ask := func(secret string) int {
		return form(app.Client, "/oauth/token", idOf(client), secret, grant()).Status
	}
	second := app.Post(path+"/rotate-secret", object{"overlap_seconds": 60}).Is(200).JSON()
	require.NotNil(t, second["former_secret_expires_at"])
	require.Equal(t, []int{200, 200}, []int{ask(secretOf(client)), ask(secretOf(second))})
	third := app.Post(path+"/rotate-secret", object{"overlap_seconds": 60}).Is(200).JSON()
	require.Equal(t, []int{401, 200, 200}, []int{ask(secretOf(client)), ask(secretOf(second)), ask(secretOf(third))})
	now.Advance(61 * time.Second)
	require.Equal(t, []int{401, 200}, []int{ask(secretOf(second)), ask(secretOf(third))})
	require.Nil(t, app.Get(path).Is(200).JSON()["secret"])
	require.NotNil(t, app.Get(path).JSON()["last_used_at"])
	eventTypes(t, app.Client, "oauth_client.rotated")
}

func TestClientThatSignsItsAssertions(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, publicly())
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	published, err := jwk.Encode("one", &key.PublicKey)
	require.NoError(t, err)
	client := newClient(app.Client, object{"jwks": jwk.Set{Keys: []jwk.Key{published}}})
	require.Nil(t, client["secret"])
	require.Equal(t, "private_key_jwt", client["token_endpoint_auth_method"])
	id := idOf(client)

	assertion := func(changes object) string {
		claims := jwt.MapClaims(parvistest.With(object{
			"iss": id, "sub": id, "aud": public + "/oauth/token", "jti": uuid.NewString(), "exp": time.Now().Add(time.Minute).Unix(), "iat": time.Now().Unix(),
		}, changes))
		for name, value := range claims {
			if value == nil {
				delete(claims, name)
			}
		}
		token := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
		token.Header["kid"] = "one"
		text, err := token.SignedString(key)
		require.NoError(t, err)
		return text
	}
	ask := func(text string, kv ...string) *parvistest.Answer {
		return form(app.Client, "/oauth/token", "", "", grant(append(kv, "client_assertion", text,
			"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")...))
	}
	good := assertion(nil)
	token := ask(good, "client_id", id).Is(200).JSON()["access_token"].(string)
	with(app.Client, token).Get("/v1/operations").Is(200)
	oauthError(t, ask(good), 401, "invalid_client") // never twice
	ask(assertion(object{"aud": public})).Is(200)

	for name, changes := range map[string]object{
		"another audience": {"aud": "https://other.example"}, "no audience": {"aud": nil}, "no expiry": {"exp": nil}, "no id": {"jti": nil},
		"expired": {"exp": time.Now().Add(-time.Minute).Unix()}, "far ahead": {"exp": time.Now().Add(time.Hour).Unix()},
		"other subject": {"sub": uuid.NewString()}, "other issuer": {"iss": uuid.NewString()}, "no issuer": {"iss": nil},
		"issued in the future": {"iat": time.Now().Add(time.Hour).Unix()},
	} {
		a := ask(assertion(changes))
		require.Equal(t, 401, a.Status, name)
		oauthError(t, a, 401, "invalid_client")
	}
	parts := strings.Split(assertion(nil), ".")
	oauthError(t, ask(parts[0]+"."+parts[1]+"."), 401, "invalid_client")
	oauthError(t, ask(strings.Repeat("a", 9000)), 401, "invalid_client")
	oauthError(t, form(app.Client, "/oauth/token", "", "", grant("client_assertion", assertion(nil))), 400, "invalid_request")
	oauthError(t, form(app.Client, "/oauth/token", id, "", grant()), 401, "invalid_client")

	app.Post("/v1/oauth-clients/"+id+"/rotate-secret", nil).Problem(409, "no-secret")
	bad := published
	bad.X = bad.Y
	app.Patch("/v1/oauth-clients/"+id, object{"jwks": jwk.Set{Keys: []jwk.Key{bad}}}).Points("#/jwks/keys/0")
	app.Patch("/v1/oauth-clients/"+id, object{"jwks": jwk.Set{Keys: []jwk.Key{published, published}}}).Points("#/jwks/keys/1/kid")
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	replacement, err := jwk.Encode("two", &other.PublicKey)
	require.NoError(t, err)
	app.Patch("/v1/oauth-clients/"+id, object{"jwks": jwk.Set{Keys: []jwk.Key{replacement}}}).Is(200)
	oauthError(t, ask(assertion(nil)), 401, "invalid_client")
	withSecret := newClient(app.Client, nil)
	app.Patch("/v1/oauth-clients/"+idOf(withSecret), object{"jwks": jwk.Set{Keys: []jwk.Key{replacement}}}).Points("#/jwks")
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, publicly())
	server := app.Anonymous().Get("/.well-known/oauth-authorization-server").Is(200).JSON()
	require.Equal(t, public, server["issuer"])
	require.Equal(t, public+"/oauth/token", server["token_endpoint"])
	require.Contains(t, server["scopes_supported"], "operations:read")
	resource := app.Anonymous().Get("/.well-known/oauth-protected-resource").Is(200).JSON()
	require.Equal(t, public, resource["resource"])
	require.Equal(t, []any{"header"}, resource["bearer_methods_supported"])
}

// A token that is signed with our own key but says something else is refused
// by the API in the same words as any other.
func TestForgedTokensAreRefusedWithoutAReason(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	token := tokenFor(app.Client, newClient(app.Client, nil))
	reference := with(app.Client, "nonsense").Get("/v1/me").Problem(401, "unauthenticated")
	parts := strings.Split(token, ".")
	for _, forged := range []string{
		"a.b.c", "..", parts[0] + "." + parts[1] + ".", parts[0] + "." + parts[2] + "." + parts[1], token + "x",
		"eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + parts[1] + ".",
	} {
		p := with(app.Client, forged).Get("/v1/me").Problem(401, "unauthenticated")
		require.Equal(t, reference["detail"], p["detail"])
	}
	long := with(app.Client, token+strings.Repeat("x", 9000)).Get("/v1/me")
	long.Problem(401, "unauthenticated")
}

func TestSigningKeysRotate(t *testing.T) {
	t.Parallel()
	now := clock.NewFixed(time.Now())
	app := parvistest.New(t, parvistest.WithClock(now))
	client := newClient(app.Client, nil)
	published := func() []string {
		require.NoError(t, app.Access().RotateSigningKeys(t.Context()))
		var set jwk.Set
		app.Anonymous().Get("/.well-known/jwks.json").Is(200).Into(&set)
		ids := []string{}
		for _, k := range set.Keys {
			ids = append(ids, k.ID)
		}
		return ids
	}
	kid := func(token string) string {
		parsed, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
		require.NoError(t, err)
		return parsed.Header["kid"].(string)
	}
	first := published()
	require.Len(t, first, 1)
	require.Equal(t, first[0], kid(tokenFor(app.Client, client)))

	now.Advance(28*24*time.Hour + time.Minute)
	both := published()
	require.Len(t, both, 2, "the next key is known long before its use")
	require.Equal(t, both, published(), "and made once")
	require.Equal(t, first[0], kid(tokenFor(app.Client, client)))

	now.Advance(24 * time.Hour)
	require.Equal(t, first[0], kid(tokenFor(app.Client, client)), "a day later it still does not sign")
	now.Advance(23*time.Hour + 58*time.Minute)
	last := tokenFor(app.Client, client)
	require.Equal(t, first[0], kid(last))
	now.Advance(2 * time.Minute)
	require.Equal(t, both[1], kid(tokenFor(app.Client, client)))
	with(app.Client, last).Get("/v1/events").Is(200)
	now.Advance(70 * time.Minute)
	require.Len(t, published(), 2, "a key stays as long as a token of its may be looked at")
	now.Advance(10 * time.Minute)
	require.Equal(t, both[1:], published())
}

// Two processes share the keys; one with another master key makes its own.
func TestSigningKeysAreSharedAndSealed(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, publicly())
	token := tokenFor(app.Client, newClient(app.Client, nil))
	other := parvistest.NewOn(t, app.DB, publicly()) // its master key is another
	with(other.Client, token).Get("/v1/events").Problem(401, "unauthenticated")
	mine := tokenFor(other.Client, newClient(other.Client, nil))
	with(other.Client, mine).Get("/v1/events").Is(200)

	rows, err := app.App.DB.Pool().Query(t.Context(), "select private_key from signing_keys")
	require.NoError(t, err)
	for rows.Next() {
		var sealed []byte
		require.NoError(t, rows.Scan(&sealed))
		require.NotContains(t, string(sealed), "\x06\x08\x2a\x86\x48\xce\x3d", "the curve's name would show in an open key")
	}
	require.NoError(t, rows.Err())
	raw, err := json.Marshal(app.Get("/v1/events?limit=200").Is(200).JSON())
	require.NoError(t, err)
	require.NotContains(t, string(raw), "pv_client_")
}
