package accounts_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// payload is what a token says.
func payload(t *testing.T, token any) (header, claims object) {
	t.Helper()
	parts := strings.Split(token.(string), ".")
	require.Len(t, parts, 3)
	for i, to := range []*object{&header, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(raw, to))
	}
	return header, claims
}

func oauth(w *world, path string, client object, form url.Values) *parvistest.Answer {
	return w.Anonymous().Post(path, form.Encode(), parvistest.Header("Content-Type", "application/x-www-form-urlencoded"), parvistest.Header("Idempotency-Key", ""),
		func(r *http.Request) { r.SetBasicAuth(client["id"].(string), client["secret"].(string)) })
}

func TestAUsersTokenSaysThatItIsOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	tokens := w.signedIn()
	header, claims := payload(t, tokens["access_token"])
	require.Equal(t, "at+jwt", header["typ"])
	require.Equal(t, "user", claims["principal"])
	require.Equal(t, w.ines, claims["sub"])
	require.Equal(t, "parvis", claims["client_id"])
	require.Equal(t, tokens["session_id"], claims["sid"])
	for _, required := range []string{"iss", "aud", "exp", "iat", "jti", "auth_time"} {
		require.NotEmpty(t, claims[required], required)
	}
	require.NotContains(t, claims, "email")

	client := w.Post("/v1/oauth-clients", object{"name": "Site web", "scopes": []string{"users:read"}}).Is(201).JSON()
	theirs := oauth(w, "/oauth/token", client, url.Values{"grant_type": {"client_credentials"}}).Is(200).JSON()["access_token"]
	_, claims = payload(t, theirs)
	require.NotContains(t, claims, "principal")
	require.NotContains(t, claims, "sid")

	// A client's token is no session, and a user's is none of the client's.
	asClient := w.Anonymous()
	asClient.Key = theirs.(string)
	asClient.Get("/v1/sessions").Problem(403, "insufficient-scope")
	asClient.Get("/v1/users").Is(200)
	oauth(w, "/oauth/revoke", client, url.Values{"token": {tokens["access_token"].(string)}}).Is(200)
	w.as(tokens).Get("/v1/me").Is(200)
	told := oauth(w, "/oauth/introspect", client, url.Values{"token": {tokens["access_token"].(string)}}).Is(200).JSON()
	require.Equal(t, []any{true, w.ines, "parvis"}, []any{told["active"], told["sub"], told["client_id"]})
	stranger := w.OtherTenant().Post("/v1/oauth-clients", object{"name": "Site web", "scopes": []string{"users:read"}}).Is(201).JSON()
	require.Equal(t, false, oauth(w, "/oauth/introspect", stranger, url.Values{"token": {tokens["access_token"].(string)}}).Is(200).JSON()["active"])
	w.as(object{"access_token": tokens["refresh_token"]}).Get("/v1/me").Problem(401, "unauthenticated")
	w.refresh(strings.Repeat("a", 43)).Problem(401, "session-ended")
}

// What a thief would make of a token: other claims, another signature.
func TestAlteredTokensAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	token := w.signedIn()["access_token"].(string)
	parts := strings.Split(token, ".")
	_, claims := payload(t, token)
	for name, value := range map[string]any{"principal": "", "sub": w.user("luc@arcades.example", "Luc"), "sid": nil, "client_id": w.ines, "exp": 4_000_000_000} {
		forged := object{}
		maps.Copy(forged, claims)
		forged[name] = value
		raw, err := json.Marshal(forged)
		require.NoError(t, err)
		w.as(object{"access_token": parts[0] + "." + base64.RawURLEncoding.EncodeToString(raw) + "." + parts[2]}).Get("/v1/me").Problem(401, "unauthenticated")
	}
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`))
	w.as(object{"access_token": none + "." + parts[1] + "."}).Get("/v1/me").Problem(401, "unauthenticated")
}
