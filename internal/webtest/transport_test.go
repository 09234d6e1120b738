package webtest_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

func proxied(c *config.Config) {
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
}

func TestPlainHTTPIsRefusedWhereHTTPSIsRequired(t *testing.T) {
	t.Parallel()
	direct := parvistest.New(t, parvistest.WithConfig(func(c *config.Config) { c.RequireHTTPS = true }))
	for name, value := range map[string]string{"": "", "X-Forwarded-Proto": "https", "Forwarded": "proto=https"} {
		a := direct.Get("/v1/me", parvistest.Header(name, value))
		a.Problem(403, "https-required")
		require.NotEmpty(t, a.Header.Get("Strict-Transport-Security"))
		require.Empty(t, a.Header.Get("Location"), "no redirect: the credential is already out")
	}
	direct.Anonymous().Get("/healthz").Is(200)
	behind := parvistest.New(t, parvistest.WithConfig(func(c *config.Config) { c.RequireHTTPS = true; proxied(c) }))
	behind.Get("/v1/me", parvistest.Header("X-Forwarded-Proto", "https")).Is(200)
	behind.Get("/v1/me", parvistest.Header("X-Forwarded-Proto", "http")).Problem(403, "https-required")
	behind.Get("/v1/me").Problem(403, "https-required")
}

func TestMetricsAreNotForEverybody(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	open := app.Anonymous()
	open.Get("/metrics").Is(200)
	open.Get("/metrics", parvistest.Header("X-Forwarded-For", "127.0.0.1")).Problem(404, "not-found")
	behind := parvistest.New(t, parvistest.WithConfig(func(c *config.Config) { c.MetricsToken = "of the watcher"; proxied(c) })).Anonymous()
	behind.Get("/metrics", parvistest.Header("X-Forwarded-For", "192.0.2.1")).Problem(404, "not-found")
	behind.Get("/metrics", parvistest.Header("X-Forwarded-For", "192.0.2.1"), parvistest.Header("Authorization", "Bearer of nobody")).Problem(404, "not-found")
	behind.Get("/metrics", parvistest.Header("X-Forwarded-For", "192.0.2.1"), parvistest.Header("Authorization", "Bearer of the watcher")).Is(200)
}

// Whoever is not a trusted proxy cannot choose the address that counts.
func TestAddressesAreNotBelievedFromAnybody(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, parvistest.WithConfig(func(c *config.Config) { c.RateAddress = 20 }))
	refused := 0
	for i := range 40 {
		if app.Get("/v1/me", parvistest.Header("X-Forwarded-For", fmt.Sprintf("192.0.2.%d", i))).Status == 429 {
			refused++
		}
	}
	require.Greater(t, refused, 10)
}

// Requests whose boundaries two servers could read differently are refused whole
// (RFC 9112 §6.1, §6.3).
func TestAmbiguousMessagesAreRefused(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	const line = "POST /v1/tags HTTP/1.1\r\nHost: parvis.example\r\n"
	for name, rest := range map[string]string{
		"two lengths":           "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
		"no length":             "Content-Length: many\r\n\r\n",
		"signed length":         "Content-Length: +5\r\n\r\nhello",
		"unknown coding":        "Transfer-Encoding: xchunked\r\n\r\n",
		"twice chunked":         "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
		"space before colon":    "Content-Length : 5\r\n\r\nhello",
		"two hosts":             "Host: other.example\r\n\r\n",
		"header without a name": ": x\r\n\r\n",
		"null in a header":      "X-A: a\x00b\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(app.URL, "http://"))
		require.NoError(t, err)
		_, err = conn.Write([]byte(line + rest))
		require.NoError(t, err)
		a, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err, name)
		require.GreaterOrEqual(t, a.StatusCode, 400, name)
		require.Less(t, a.StatusCode, 502, name)
		require.NotEqual(t, 401, a.StatusCode, "%s: refused before anything is read of it", name)
		require.True(t, a.Close, "%s: nothing that follows is believed", name)
		require.NoError(t, a.Body.Close())
		require.NoError(t, conn.Close())
	}
}

// No body that we take is unpacked on the way: a bomb is refused by its label.
func TestEveryEncodedBodyIsRefused(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	for _, path := range []string{"/v1/tags", "/oauth/token", "/v1/public/forms/0199c0de-7b11-7e0a-9d1f-5b8f0a3b9e03/submissions"} {
		media := "application/json"
		if path == "/oauth/token" {
			media = "application/x-www-form-urlencoded"
		}
		for _, coding := range []string{"gzip", "deflate", "br", "zstd", "gzip, gzip", "x-unheard-of"} {
			a := app.Post(path, "{}", parvistest.Header("Content-Encoding", coding), parvistest.Header("Content-Type", media))
			a.Problem(http.StatusUnsupportedMediaType, "unsupported-encoding")
			require.Equal(t, "identity", a.Header.Get("Accept-Encoding"), path)
		}
	}
}

// RFC 9116: who finds a flaw learns whom to tell.
func TestSecurityTextNamesWhomToTell(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, parvistest.WithConfig(func(c *config.Config) { c.SecurityContact = "mailto:security@theatre.example" }))
	a := app.Anonymous().Get("/.well-known/security.txt").Is(200)
	require.Equal(t, "text/plain; charset=utf-8", a.Header.Get("Content-Type"))
	require.True(t, strings.HasPrefix(string(a.Body), "Contact: mailto:security@theatre.example\nContact: https://"))
	require.Regexp(t, `\nExpires: 20\d\d-\d\d-\d\dT00:00:00Z\n`, string(a.Body))
}

// A CSV is true to the byte unless it is asked to be safe for spreadsheets.
func TestSpreadsheetsComputeNothing(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	for _, name := range []string{"=1+1", "+33 1", "-2", "@SUM(A1)", "plain", "a=b"} {
		app.Post("/v1/tags", map[string]any{"name": name}).Is(201)
	}
	asCSV := parvistest.Header("Accept", "text/csv")
	raw := string(app.Get("/v1/tags", asCSV).Is(200).Body)
	safe := string(app.Get("/v1/tags?csv_safe=true", asCSV).Is(200).Body)
	for _, name := range []string{"=1+1", "+33 1", "-2", "@SUM(A1)"} {
		require.Contains(t, raw, ","+name+",")
		require.Contains(t, safe, ",'"+name+",")
		require.NotContains(t, safe, ","+name+",")
	}
	for _, text := range []string{raw, safe} {
		require.Contains(t, text, ",plain,")
		require.Contains(t, text, ",a=b,")
	}
	app.Get("/v1/tags?csv_safe=perhaps", asCSV).Problem(400, "invalid-request")
}
