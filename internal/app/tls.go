package app

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/config"
)

// lookAgain is how long a certificate is believed to be the one in its file.
const lookAgain = 5 * time.Second

// certificate is that of the server, read again when its files are others, so
// that renewing it restarts nothing.
type certificate struct {
	cert, key string

	mu     sync.Mutex
	looked time.Time
	stamps [2]time.Time
	loaded *tls.Certificate
}

// serverTLS is how the server speaks TLS; nil where it does not. What is
// negotiated is Go's list of suites that are neither broken nor without forward
// secrecy, from TLS 1.2 on (RFC 9325).
func serverTLS(cfg config.Config) (*tls.Config, error) {
	if cfg.TLSCert == "" {
		return nil, nil
	}
	c := &certificate{cert: cfg.TLSCert, key: cfg.TLSKey}
	if _, err := c.current(); err != nil {
		return nil, err
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current() }}
	if cfg.TLSClientCA == "" {
		return out, nil
	}
	pem, err := os.ReadFile(cfg.TLSClientCA)
	if err != nil {
		return nil, fmt.Errorf("the authorities of PARVIS_TLS_CLIENT_CA cannot be read: %w", err)
	}
	out.ClientCAs = x509.NewCertPool()
	if !out.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New("PARVIS_TLS_CLIENT_CA holds no certificate in PEM")
	}
	// One that is shown has to be good; whether one is needed depends on what is asked.
	out.ClientAuth = tls.VerifyClientCertIfGiven
	return out, nil
}

// current is the certificate in the files. One that cannot be read, such as in
// the moment of its renewal, leaves the former one in use.
func (c *certificate) current() (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := clock.Mark()
	if c.loaded != nil && now.Sub(c.looked) < lookAgain {
		return c.loaded, nil
	}
	c.looked = now
	var stamps [2]time.Time
	for i, path := range []string{c.cert, c.key} {
		if info, err := os.Stat(path); err == nil {
			stamps[i] = info.ModTime()
		}
	}
	if c.loaded != nil && stamps == c.stamps {
		return c.loaded, nil
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	switch {
	case err == nil:
		c.loaded, c.stamps = &pair, stamps
	case c.loaded == nil:
		return nil, fmt.Errorf("the certificate of PARVIS_TLS_CERT and PARVIS_TLS_KEY cannot be used: %w", err)
	}
	return c.loaded, nil
}
