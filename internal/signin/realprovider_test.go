package signin_test

import (
	"bufio"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// run starts a program of others and gives the line that it writes first.
func run(t *testing.T, name string, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, arguments...)
	command.Stderr = t.Output()
	out, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(line)
}

// surf is a browser with cookies that stops where it is sent to the program or
// to the front end, and says where that is.
func surf(t *testing.T, browser *http.Client, address, until string) string {
	t.Helper()
	for range 12 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		require.NoError(t, err)
		response, err := browser.Do(r)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		_ = response.Body.Close()
		require.Contains(t, []int{302, 303}, response.StatusCode, "%s: %s", address, body)
		next, err := response.Request.URL.Parse(response.Header.Get("Location"))
		require.NoError(t, err)
		if address = next.String(); strings.HasPrefix(address, until) {
			return address
		}
	}
	require.Fail(t, "going in circles", address)
	return ""
}

func newBrowser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

var logoutSecret = regexp.MustCompile(`name="xsrf" value="([^"]+)"`)

// The whole way with a provider that others wrote and that is certified
// (oidc-provider), in the profile of ProConnect. It needs Node: make test-oidc.
func TestACertifiedProviderInTheProfileOfProConnect(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("PARVIS_TEST_OIDC")
	if folder == "" {
		t.Skip("make test-oidc runs it")
	}
	for _, algorithm := range []string{"RS256", "ES256"} {
		t.Run(algorithm, func(t *testing.T) {
			w := &world{t: t, App: parvistest.New(t)}
			issuer := run(t, "node", filepath.Join(folder, "proconnect.mjs"), w.URL+"/v1/sign-ins/callback", returnTo, algorithm)
			w.idp = &provider{issuer: issuer}
			w.Patch("/v1/sign-in-policy", object{"return_addresses": []string{returnTo}}).Is(200)
			w.id = w.trust(nil)
			profile := object{
				"client_secret": "a secret of this test only, and long enough", "scopes": []string{"openid", "given_name", "usual_name", "email", "uid", "siret"},
				"id_token_alg": algorithm, "userinfo_alg": algorithm,
			}
			w.client(profile).Is(200)
			browser := newBrowser(t)
			goThrough := func() url.Values {
				at := surf(t, browser, w.start(nil).Is(201).JSON()["authorization_url"].(string), w.URL)
				return w.back(strings.TrimPrefix(at, w.URL))
			}
			back := goThrough()
			require.Empty(t, back.Get("error"))
			tokens := w.exchange(back.Get("code"), verifier).Is(201).JSON()
			user := w.Get("/v1/users/" + tokens["user_id"].(string)).Is(200).JSON()
			require.Equal(t, []any{issuer, "agent-1", "ines.marchand@arcades.example", "Inès Marchand"}, []any{user["issuer"], user["subject"], user["email"], user["name"]})
			require.Equal(t, []any{"fed", "pwd"}, w.as(tokens).Get("/v1/sessions").Is(200).Data()[0]["methods"])
			next := w.Anonymous().Post("/v1/sessions/refresh", object{"refresh_token": tokens["refresh_token"]}, parvistest.Header("Idempotency-Key", "")).Is(200).JSON()

			// The algorithm that was agreed on is the only one.
			other := map[string]string{"RS256": "ES256", "ES256": "RS256"}[algorithm]
			w.client(parvistest.With(profile, object{"userinfo_alg": other})).Is(200)
			require.Equal(t, "sign_in_refused", goThrough().Get("error"))
			w.client(parvistest.With(profile, object{"userinfo": "json"})).Is(200)
			require.Equal(t, "sign_in_refused", goThrough().Get("error"))
			// What the provider does not know it refuses.
			w.client(parvistest.With(profile, object{"uses_pkce": true})).Is(200)
			r, err := browser.Get(w.start(nil).Is(201).JSON()["authorization_url"].(string))
			require.NoError(t, err)
			_ = r.Body.Close()
			require.Equal(t, 400, r.StatusCode)
			w.client(profile).Is(200)

			out := w.as(next).Post("/v1/sign-ins/sign-out", object{"return_to": returnTo, "state": "bye"}).Is(200).JSON()
			r, err = browser.Get(out["logout_url"].(string))
			require.NoError(t, err)
			page, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			_ = r.Body.Close()
			require.Equal(t, 200, r.StatusCode, "%s", page)
			secret := logoutSecret.FindSubmatch(page)
			require.NotNil(t, secret, "%s", page)
			r, err = browser.PostForm(issuer+"/session/end/confirm", url.Values{"xsrf": {string(secret[1])}, "logout": {"yes"}})
			require.NoError(t, err)
			_ = r.Body.Close()
			require.Equal(t, returnTo+"&state=bye", r.Header.Get("Location"))
		})
	}
}

var posted = regexp.MustCompile(`name="(SAMLResponse|RelayState)"\s+value="([^"]+)"`)

// The whole way with a SAML provider that others wrote (samlp), which judges the
// signature of our requests. It needs Node: make test-saml.
func TestASAMLProviderThatOthersWrote(t *testing.T) {
	t.Parallel()
	programs := os.Getenv("PARVIS_TEST_SAML")
	if programs == "" {
		t.Skip("make test-saml runs it")
	}
	c := clock.NewFixed(time.Now())
	w := &samlWorld{world: &world{t: t, App: parvistest.New(t), clock: c}, saml: newIDP(t, c)}
	folder := t.TempDir()
	keep := func(name, kind string, der []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	}
	keep("idp.key", "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(w.saml.key))
	keep("idp.pem", "CERTIFICATE", w.saml.certificate)
	at := run(t, "node", filepath.Join(programs, "provider.mjs"), folder, w.URL+"/v1/public/sign-ins/saml")
	const entity = "urn:samlp"
	w.Patch("/v1/sign-in-policy", object{"return_addresses": []string{returnTo}}).Is(200)
	w.id = w.Post("/v1/identity-providers", object{
		"name": "samlp", "protocol": "saml", "issuer": entity, "audience": "parvis", "provision": "on_first_use",
		"email_claim": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress", "name_claim": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
	}).Is(201).ID()
	connect := func(how string) object {
		metadata := strings.Replace(w.saml.metadata(entity), "https://sso.ville.example/saml/singleSignOn", at+"/saml"+how, 1)
		return w.connect(object{"metadata": metadata}).Is(200).JSON()
	}
	made := connect("")
	u, err := url.Parse(made["metadata_url"].(string))
	require.NoError(t, err)
	ours := regexp.MustCompile(`<X509Certificate[^>]*>([^<]+)<`).FindSubmatch(w.Anonymous().Get(u.Path).Is(200).Body)
	require.NotNil(t, ours)
	der, err := base64.StdEncoding.DecodeString(string(ours[1]))
	require.NoError(t, err)
	keep("sp.pem", "CERTIFICATE", der)

	browser := newBrowser(t)
	open := func(address string) (int, string) {
		r, err := browser.Get(address)
		require.NoError(t, err)
		defer func() { _ = r.Body.Close() }()
		page, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		return r.StatusCode, string(page)
	}
	goThrough := func() url.Values {
		status, page := open(w.start(nil).Is(201).JSON()["authorization_url"].(string))
		require.Equal(t, 200, status, page)
		form := url.Values{}
		for _, field := range posted.FindAllStringSubmatch(page, -1) {
			form.Set(field[1], html.UnescapeString(field[2]))
		}
		require.Len(t, form, 2, page)
		a := w.Anonymous().Post("/v1/public/sign-ins/saml", form.Encode(), parvistest.Header("Content-Type", "application/x-www-form-urlencoded"), parvistest.Header("Idempotency-Key", ""))
		to, err := url.Parse(a.Is(303).Header.Get("Location"))
		require.NoError(t, err)
		return to.Query()
	}
	back := goThrough()
	require.Empty(t, back.Get("error"))
	tokens := w.exchange(back.Get("code"), verifier).Is(201).JSON()
	user := w.Get("/v1/users/" + tokens["user_id"].(string)).Is(200).JSON()
	require.Equal(t, []any{entity, "agent-1", "ines.marchand@arcades.example"}, []any{user["issuer"], user["subject"], user["email"]})

	// It judges what we sign; and what it signs otherwise than agreed is not taken.
	signed := w.start(nil).Is(201).JSON()["authorization_url"].(string)
	status, _ := open(strings.Replace(signed, "RelayState=", "RelayState=x", 1))
	require.Equal(t, 400, status)
	connect("?sign=response")
	require.Equal(t, "sign_in_refused", goThrough().Get("error"))
}
