package webtest_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// claiming makes a request claim to have been sent to another host.
func claiming(host string) parvistest.RequestOption {
	return func(r *http.Request) {
		r.Host = host
		r.Header.Set("X-Forwarded-Host", host)
		r.Header.Set("X-Forwarded-Server", host)
		r.Header.Set("X-Forwarded-Proto", "https")
		r.Header.Set("Forwarded", "host="+host+";proto=https")
	}
}

// The Host of a request is whatever its sender wrote: no answer to any operation
// repeats it, in a header or in a body, so that no cache, link or client is led
// elsewhere by it.
func TestNoAnswerRepeatsTheHostOfTheRequest(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	for range 3 {
		app.Post("/v1/tags", map[string]any{"name": "tag " + strings.Repeat("x", len(app.Get("/v1/tags").Data()))}).Is(http.StatusCreated)
	}
	const elsewhere = "elsewhere.example"
	asked := 0
	paths := []string{"/docs", "/.well-known/api-catalog", "/.well-known/security.txt", "/nowhere", "/v1/tags?limit=1"}
	for id, op := range api.Operations {
		if op.Method == http.MethodGet && !strings.Contains(op.Path, "{") && id != "streamEvents" {
			paths = append(paths, op.Path)
		}
	}
	slices.Sort(paths)
	for _, path := range paths {
		for _, client := range []*parvistest.Client{app.Client, app.Anonymous()} {
			a := client.Get(path, claiming(elsewhere))
			asked++
			require.NotContains(t, string(a.Body), elsewhere, path)
			for name, values := range a.Header {
				require.NotContains(t, strings.Join(values, "\n"), elsewhere, "%s of %s", name, path)
			}
		}
	}
	require.Greater(t, asked, 100)
	made := app.Post("/v1/tags", map[string]any{"name": "made"}, claiming(elsewhere)).Is(http.StatusCreated)
	require.NotContains(t, made.Header.Get("Location"), elsewhere)
	token := app.Anonymous().Post("/oauth/token", "grant_type=client_credentials", parvistest.Header("Content-Type", "application/x-www-form-urlencoded"), claiming(elsewhere))
	require.NotContains(t, string(token.Body)+token.Header.Get("WWW-Authenticate"), elsewhere)
}

// Links are to where the outside reaches the server, or relative where nobody
// said where that is.
func TestLinksLeadToTheAddressThatIsConfigured(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, parvistest.WithConfig(func(c *config.Config) { c.PublicURL = "https://crm.theatre.example/parvis" }))
	for _, name := range []string{"a", "b"} {
		app.Post("/v1/tags", map[string]any{"name": name}).Is(http.StatusCreated)
	}
	link := app.Get("/v1/tags?limit=1", claiming("elsewhere.example")).Is(http.StatusOK).Header.Get("Link")
	require.True(t, strings.HasPrefix(link, "<https://crm.theatre.example/parvis/v1/tags?"), link)
	require.Contains(t, app.Anonymous().Get("/v1/tags").Header.Get("WWW-Authenticate"), `resource_metadata="https://crm.theatre.example/parvis/.well-known/oauth-protected-resource"`)
	relative := parvistest.New(t)
	for _, name := range []string{"a", "b"} {
		relative.Post("/v1/tags", map[string]any{"name": name}).Is(http.StatusCreated)
	}
	require.True(t, strings.HasPrefix(relative.Get("/v1/tags?limit=1").Header.Get("Link"), "</v1/tags?"))
}

// What says one thing twice says nothing: a proxy before the server may have
// judged the one and the server the other.
func TestWhatIsSaidTwiceIsRefused(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	twice := func(name, first, second string) parvistest.RequestOption {
		return func(r *http.Request) { r.Header[http.CanonicalHeaderKey(name)] = []string{first, second} }
	}
	for name, option := range map[string]parvistest.RequestOption{
		"Parvis-Reason":   twice("Parvis-Reason", "dossier 114", "none"),
		"Parvis-Purpose":  twice("Parvis-Purpose", "newsletter", "prospection"),
		"Authorization":   twice("Authorization", "Bearer "+app.Key, "Bearer "+app.Key),
		"Idempotency-Key": twice("Idempotency-Key", "one-intent-1", "one-intent-2"),
		"Content-Type":    twice("Content-Type", "application/json", "text/plain"),
	} {
		p := app.Post("/v1/tags", map[string]any{"name": "x"}, option).Problem(http.StatusBadRequest, "invalid-request")
		require.Equal(t, name, p["errors"].([]any)[0].(map[string]any)["header"])
	}
	require.Empty(t, app.Get("/v1/tags").Data())
}
