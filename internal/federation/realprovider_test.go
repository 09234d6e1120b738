package federation_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// The same against a provider that others wrote and that is certified
// (oidc-provider): discovery, keys and tokens as they are in the world. It needs
// Node: make test-oidc.
func TestACertifiedProvider(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("PARVIS_TEST_OIDC")
	if folder == "" {
		t.Skip("make test-oidc runs it")
	}
	command := exec.CommandContext(t.Context(), "node", filepath.Join(folder, "provider.mjs"))
	out, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	issuer := strings.TrimSpace(line)

	token := func(client, resource string) string {
		form := url.Values{"grant_type": {"client_credentials"}, "resource": {resource}}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, issuer+"/token", strings.NewReader(form.Encode()))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(client, url.QueryEscape("a secret of this test only, and long enough"))
		response, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer func() { _ = response.Body.Close() }()
		var answer struct {
			Token string `json:"access_token"`
		}
		require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
		require.NotEmpty(t, answer.Token)
		return answer.Token
	}
	app := parvistest.New(t)
	w := &world{App: app, t: t}
	app.Post("/v1/roles", object{"code": "people", "name": "People", "scopes": []string{"users:read"}, "verbs": []string{"see"}}).Is(201)
	for _, resource := range []string{audience, audience + "/es"} { // RS256, ES256
		app.Post("/v1/identity-providers", object{
			"name": "Certified", "issuer": issuer, "audience": resource, "provision": "on_first_use",
			"role_claim": "groups", "role_mapping": []object{{"value": "crm", "role": "people"}},
		}).Is(201)
	}
	parvistest.Eventually(t, "it is trusted", func() bool { return w.with(token("agent-1", audience)).Get("/v1/me").Status == 200 })
	one := w.with(token("agent-1", audience)).Get("/v1/me").Is(200).JSON()["actor"].(object)["id"]
	require.Equal(t, one, w.with(token("agent-1", audience+"/es")).Get("/v1/me").Is(200).JSON()["actor"].(object)["id"])
	w.with(token("agent-1", audience)).Get("/v1/users").Is(200)
	w.with(token("agent-2", audience)).Get("/v1/users").Problem(403, "insufficient-scope")
	w.with(token("agent-1", "https://other.example")).Get("/v1/me").Problem(401, "unauthenticated")
}
