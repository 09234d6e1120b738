package egress_test

import (
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/egress"
)

// Every test of this package runs under an environment that asks for a proxy
// which is not there.
func TestMain(m *testing.M) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		_ = os.Setenv(name, "http://127.0.0.1:1")
	}
	_ = os.Unsetenv("NO_PROXY")
	_ = os.Unsetenv("no_proxy")
	os.Exit(m.Run())
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// receiver is a plain HTTP server on the loopback, and its URL under name.
func receiver(t *testing.T, name string, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return "http://" + net.JoinHostPort(name, port(t, server.URL))
}

func port(t *testing.T, raw string) string {
	t.Helper()
	parsed, err := url.Parse(raw)
	require.NoError(t, err)
	return parsed.Port()
}

func get(t *testing.T, client *egress.Client, raw string) (*http.Response, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, raw, nil)
	require.NoError(t, err)
	response, err := client.HTTP().Do(request)
	if err == nil {
		t.Cleanup(func() { _ = response.Body.Close() })
	}
	return response, err
}

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }

func TestTheProxyOfTheEnvironmentIsIgnored(t *testing.T) {
	t.Parallel()
	target := receiver(t, "inhouse.example.org", ok)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	require.NoError(t, err)
	proxy, err := http.ProxyFromEnvironment(request)
	require.NoError(t, err)
	require.NotNil(t, proxy, "an ordinary client would go through the proxy")

	inhouse := egress.New(egress.Config{
		AllowCIDRs: loopback,
		Resolver:   newNameServer(map[string][][]netip.Addr{"inhouse.example.org.": once("127.0.0.1")}).resolver(t),
	})
	response, err := get(t, inhouse, target)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
}

func TestANameThatTurnsInwardsIsNotFollowed(t *testing.T) {
	t.Parallel()
	for _, inward := range []string{"127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00:ec2::254", "::ffff:127.0.0.1"} {
		t.Run(inward, func(t *testing.T) {
			t.Parallel()
			dns := newNameServer(map[string][][]netip.Addr{
				"rebind.example.org.": {parseAll("93.184.215.14", "2606:2800:220:1::1"), parseAll(inward)},
			})
			client := egress.New(egress.Config{Resolver: dns.resolver(t)})
			valid, err := client.ValidateURL("https://rebind.example.org/")
			require.NoError(t, err, "it pointed outwards when it was given")

			_, err = get(t, client, valid.String())
			requireRefused(t, err, egress.CodeAddressForbidden)
		})
	}
}

// A name that the allow-list excused loses the excuse with the address.
func TestANameThatLeavesTheHouseIsNotFollowed(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	target := receiver(t, "moving.example.org", func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		w.Header().Set("Connection", "close")
		ok(w, r)
	})
	dns := newNameServer(map[string][][]netip.Addr{
		"moving.example.org.": {parseAll("127.0.0.1"), parseAll("127.0.0.1"), parseAll("93.184.215.14")},
	})
	client := egress.New(egress.Config{Resolver: dns.resolver(t), AllowCIDRs: loopback})
	_, err := client.ValidateURL(target)
	require.NoError(t, err)
	_, err = get(t, client, target)
	require.NoError(t, err)

	_, err = get(t, client, target)
	requireRefused(t, err, egress.CodeSchemeForbidden)
	require.EqualValues(t, 1, calls.Load())
}

func TestRequestsAreCheckedWithoutValidateURL(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { calls.Add(1); ok(w, r) }))
	t.Cleanup(server.Close)
	strict, inhouse := client(t), client(t, "172.20.0.0/16")
	for raw, want := range map[string]egress.Code{
		server.URL: egress.CodeSchemeForbidden,
		strings.Replace(server.URL, "http", "https", 1): egress.CodeIPLiteral,
		"https://hooks.example.org:8443/":               egress.CodePortForbidden,
		"https://u:p@hooks.example.org/":                egress.CodeUserInfo,
		"https://0x7f.1/":                               egress.CodeIPLiteral,
		"https://private.example.org/":                  egress.CodeAddressForbidden,
		"https://loopback.example.org/":                 egress.CodeAddressForbidden,
		"https://localhost/":                            egress.CodeAddressForbidden,
	} {
		_, err := get(t, strict, raw)
		requireRefused(t, err, want)
		_, err = get(t, inhouse, raw)
		requireRefused(t, err, want)
	}
	_, err := get(t, inhouse, "http://loopback.example.org:"+port(t, server.URL))
	requireRefused(t, err, egress.CodeSchemeForbidden)
	require.Zero(t, calls.Load())
}

type closeRecorder struct {
	io.Reader
	closed atomic.Bool
}

func (c *closeRecorder) Close() error { c.closed.Store(true); return nil }

func TestARefusedRequestHasItsBodyClosed(t *testing.T) {
	t.Parallel()
	body := &closeRecorder{Reader: strings.NewReader("{}")}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://hooks.example.org/", body)
	require.NoError(t, err)
	_, err = client(t).HTTP().Do(request)
	requireRefused(t, err, egress.CodeSchemeForbidden)
	require.True(t, body.closed.Load())
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var followed atomic.Bool
	target := receiver(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			followed.Store(true)
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	response, err := get(t, egress.New(egress.Config{AllowCIDRs: loopback}), target+"/")
	require.NoError(t, err)
	require.Equal(t, http.StatusTemporaryRedirect, response.StatusCode)
	require.False(t, followed.Load())
}

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	target := receiver(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/small" {
			_, _ = io.WriteString(w, strings.Repeat("a", egress.WebhookBodyLimit))
			return
		}
		chunk := []byte(strings.Repeat("a", 4096))
		for {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	client := egress.New(egress.Config{AllowCIDRs: loopback, MaxBody: 100_000})

	response, err := get(t, client, target+"/small")
	require.NoError(t, err)
	body, truncated, err := egress.ReadBody(response, egress.WebhookBodyLimit)
	require.NoError(t, err)
	require.False(t, truncated)
	require.Len(t, body, egress.WebhookBodyLimit)

	response, err = get(t, client, target+"/small")
	require.NoError(t, err)
	body, truncated, err = egress.ReadBody(response, egress.WebhookBodyLimit-1)
	require.NoError(t, err)
	require.True(t, truncated)
	require.Len(t, body, egress.WebhookBodyLimit-1)

	response, err = get(t, client, target+"/endless")
	require.NoError(t, err)
	body, truncated, err = egress.ReadBody(response, egress.WebhookBodyLimit)
	require.NoError(t, err)
	require.True(t, truncated)
	require.Len(t, body, egress.WebhookBodyLimit)

	response, err = get(t, client, target+"/endless")
	require.NoError(t, err)
	body, err = io.ReadAll(response.Body)
	require.ErrorIs(t, err, egress.ErrBodyTooLarge, "a library that reads everything")
	require.Len(t, body, 100_000)

	response, err = get(t, client, target+"/endless")
	require.NoError(t, err)
	body, truncated, err = egress.ReadBody(response, 200_000)
	require.NoError(t, err)
	require.True(t, truncated)
	require.Len(t, body, 100_000)
}

func TestCompressedBodiesAreNotUnpacked(t *testing.T) {
	t.Parallel()
	var accepted atomic.Value
	target := receiver(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		accepted.Store(r.Header.Get("Accept-Encoding"))
		ok(w, r)
	})
	_, err := get(t, egress.New(egress.Config{AllowCIDRs: loopback}), target)
	require.NoError(t, err)
	require.Empty(t, accepted.Load())
}

func TestASilentReceiverIsGivenUp(t *testing.T) {
	t.Parallel()
	target := receiver(t, "127.0.0.1", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	_, err := get(t, egress.New(egress.Config{AllowCIDRs: loopback, Timeout: 50 * time.Millisecond}), target)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestTLSIsVerifiedAndConnectionsAreKept(t *testing.T) {
	t.Parallel()
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(ok))
	server.EnableHTTP2 = true
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	trusted := x509.NewCertPool()
	trusted.AddCert(server.Certificate())
	// The name of the certificate that httptest serves.
	target := "https://example.com:" + port(t, server.URL)
	resolver := newNameServer(map[string][][]netip.Addr{"example.com.": once("127.0.0.1")}).resolver(t)

	client := egress.New(egress.Config{AllowCIDRs: loopback, Resolver: resolver, RootCAs: trusted})
	for range 3 {
		response, err := get(t, client, target)
		require.NoError(t, err)
		require.Equal(t, 2, response.ProtoMajor)
		_, _, err = egress.ReadBody(response, egress.WebhookBodyLimit)
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, connections.Load())
	client.CloseIdle()
	_, err := get(t, client, target)
	require.NoError(t, err)
	require.EqualValues(t, 2, connections.Load())

	distrustful := egress.New(egress.Config{AllowCIDRs: loopback, Resolver: resolver})
	_, err = get(t, distrustful, target)
	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, err, &unknown)
}
