package app_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// authority signs certificates of a test.
type authority struct {
	t    *testing.T
	dir  string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	a := &authority{t: t, dir: t.TempDir(), key: key}
	a.cert = a.sign(&x509.Certificate{Subject: pkix.Name{CommonName: "Autorité"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, &key.PublicKey)
	a.write("ca.pem", "CERTIFICATE", a.cert.Raw)
	return a
}

func (a *authority) sign(template *x509.Certificate, key *ecdsa.PublicKey) *x509.Certificate {
	a.t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	require.NoError(a.t, err)
	template.SerialNumber, template.NotBefore, template.NotAfter = serial, time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	parent := a.cert
	if parent == nil {
		parent = template
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, key, a.key)
	require.NoError(a.t, err)
	cert, err := x509.ParseCertificate(raw)
	require.NoError(a.t, err)
	return cert
}

// issue writes a certificate and its key, and returns the paths.
func (a *authority) issue(name string) (cert, key string) {
	a.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	signed := a.sign(&x509.Certificate{Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}, &private.PublicKey)
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(a.t, err)
	return a.write(name+".pem", "CERTIFICATE", signed.Raw), a.write(name+".key", "PRIVATE KEY", raw)
}

func (a *authority) write(name, kind string, raw []byte) string {
	a.t.Helper()
	path := filepath.Join(a.dir, name)
	require.NoError(a.t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}), 0o600))
	return path
}

// client trusts the authority, and shows a certificate if it has one.
func (a *authority) client(own ...tls.Certificate) *http.Client {
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: own}, ForceAttemptHTTP2: true, DisableKeepAlives: true}
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

func ask(t *testing.T, c *http.Client, url, key string) (*http.Response, map[string]any, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := c.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	var body map[string]any
	_ = json.Unmarshal(raw, &body)
	return response, body, nil
}

// The server speaks TLS 1.2 and 1.3 itself, with suites that have forward
// secrecy, and a renewed certificate without a restart. It says nothing by plain
// HTTP.
func TestTheServerSpeaksTLSItself(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	cert, key := ca.issue("server")
	app := parvistest.New(t, parvistest.WithConfig(func(c *config.Config) { c.TLSCert, c.TLSKey = cert, key }))
	address := strings.TrimPrefix(app.URL, "http://")
	response, me, err := ask(t, ca.client(), "https://"+address+"/v1/me", app.Key)
	require.NoError(t, err)
	require.Equal(t, 200, response.StatusCode, me)
	require.Equal(t, 2, response.ProtoMajor)
	require.Equal(t, "max-age=31536000; includeSubDomains", response.Header.Get("Strict-Transport-Security"))
	require.EqualValues(t, tls.VersionTLS13, response.TLS.Version)
	first := response.TLS.PeerCertificates[0].SerialNumber

	dial := func(c *tls.Config) error {
		c.RootCAs = x509.NewCertPool()
		c.RootCAs.AddCert(ca.cert)
		conn, err := (&tls.Dialer{Config: c}).DialContext(t.Context(), "tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err
	}
	require.NoError(t, dial(&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}}))
	require.Error(t, dial(&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}), "TLS 1.1 is refused")
	for _, suite := range tls.InsecureCipherSuites() {
		require.Error(t, dial(&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite.ID}}), suite.Name)
	}
	response, _, err = ask(t, http.DefaultClient, app.URL+"/v1/me", app.Key)
	require.NoError(t, err)
	require.Equal(t, http.StatusBadRequest, response.StatusCode, "plain HTTP is no request")

	ca.issue("server")
	parvistest.Eventually(t, "the renewed certificate is shown", func() bool {
		response, _, err := ask(t, ca.client(), "https://"+address+"/healthz", "")
		return err == nil && response.TLS.PeerCertificates[0].SerialNumber.Cmp(first) != 0
	})
	require.NoError(t, os.WriteFile(cert, []byte("half of it"), 0o600))
	response, _, err = ask(t, ca.client(), "https://"+address+"/healthz", "")
	require.NoError(t, err, "a certificate that is being written leaves the former one")
	require.Equal(t, 200, response.StatusCode)
}

// With an authority for callers, a key or token opens nothing without a
// certificate of it; what needs no credential stays open.
func TestACredentialNeedsACertificateWhereOneIsAskedFor(t *testing.T) {
	t.Parallel()
	ca, other := newAuthority(t), newAuthority(t)
	cert, key := ca.issue("server")
	app := parvistest.New(t, parvistest.WithConfig(func(c *config.Config) {
		c.TLSCert, c.TLSKey, c.TLSClientCA = cert, key, filepath.Join(ca.dir, "ca.pem")
	}))
	url := "https://" + strings.TrimPrefix(app.URL, "http://")
	own, err := tls.LoadX509KeyPair(ca.issue("billetterie"))
	require.NoError(t, err)
	strange, err := tls.LoadX509KeyPair(other.issue("billetterie"))
	require.NoError(t, err)

	response, body, err := ask(t, ca.client(), url+"/v1/me", app.Key)
	require.NoError(t, err)
	require.Equal(t, http.StatusForbidden, response.StatusCode)
	require.Equal(t, "certificate-required", body["code"])
	response, body, err = ask(t, ca.client(), url+"/oauth/token", "")
	require.NoError(t, err)
	require.Equal(t, "certificate-required", body["code"], response.Status)
	response, _, err = ask(t, ca.client(own), url+"/v1/me", app.Key)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	_, _, err = ask(t, ca.client(strange), url+"/v1/me", app.Key)
	require.Error(t, err, "a certificate of another authority ends the connection")
	response, _, err = ask(t, ca.client(), url+"/healthz", "")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	response, _, err = ask(t, ca.client(own), url+"/v1/me", "")
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, response.StatusCode, "a certificate is no credential")
}

// Where others than this machine can reach the server, plain HTTP is refused
// without anybody asking for that.
func TestPlainHTTPIsRefusedBeyondThisMachine(t *testing.T) {
	t.Parallel()
	for addr, refused := range map[string]bool{
		"127.0.0.1:8080": false, "[::1]:8080": false, "localhost:8080": false, ":8080": true, "0.0.0.0:8080": true, "192.0.2.7:8080": true, "crm.ville.example:8080": true,
	} {
		require.Equal(t, refused, config.Config{Addr: addr}.HTTPSRequired(), addr)
		require.False(t, config.Config{Addr: addr, AllowPlainHTTP: true}.HTTPSRequired(), addr)
		require.True(t, config.Config{Addr: addr, AllowPlainHTTP: true, RequireHTTPS: true}.HTTPSRequired(), addr)
	}
	app := parvistest.New(t, parvistest.WithConfig(func(c *config.Config) { c.Addr = "0.0.0.0:8080" }))
	app.Get("/v1/me").Problem(http.StatusForbidden, "https-required")
	app.Anonymous().Get("/healthz").Is(http.StatusOK)
}
