// Package egress is the one HTTP client for everything the server calls because
// someone told it to: webhook receivers, key sets and discovery documents of
// identity providers, imports from a URL, logos.
//
// Whoever may name a URL may try to aim the server at its own network
// (server-side request forgery, CWE-918). So a URL is checked when it is given
// ([Client.ValidateURL]), to tell its author what is wrong with it, and again at
// every connection, on the very address dialled, after name resolution. The
// second check is the one that protects: between the two, a name can be made to
// point elsewhere (DNS rebinding), and every connection of [Client.HTTP] passes
// it, whatever the caller forgot.
//
// The rules: https on port 443 only, no user information, no IP address in
// place of a name, only globally reachable addresses ([Public]), no proxy, no
// redirect followed, bounded time and size. An operator can allow networks of
// the house ([Config.AllowCIDRs]): there http, any port and bare addresses are
// allowed too.
package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// What [Config] falls back to.
const (
	DefaultConnectTimeout = 5 * time.Second
	DefaultTimeout        = 15 * time.Second
	DefaultMaxIdlePerHost = 2
	DefaultMaxBody        = 1 << 20
)

const (
	idleConnections       = 100
	idleTimeout           = 30 * time.Second
	maxResponseHeaderSize = 64 << 10
)

// Config says what the client may reach and how long it tries. The zero value
// is the strictest.
type Config struct {
	// AllowCIDRs are networks of the house that may be called although the
	// rules for strangers forbid it. An IPv4 network covers the same addresses
	// written as IPv4-mapped IPv6.
	AllowCIDRs []netip.Prefix
	// AllowPorts are ports besides 443 that strangers may be called on.
	AllowPorts []int
	// ConnectTimeout bounds name resolution and TCP connection together, and
	// the TLS handshake again. Default 5 s.
	ConnectTimeout time.Duration
	// Timeout bounds a whole exchange, reading the body included. Default 15 s.
	Timeout time.Duration
	// MaxIdlePerHost is how many connections to one host are kept alive.
	// Default 2.
	MaxIdlePerHost int
	// MaxBody bounds, in bytes, what can be read of any response body; reading
	// on is [ErrBodyTooLarge]. Default 1 MiB. See also [ReadBody].
	MaxBody int64
	// Resolver resolves names; nil is the system's.
	Resolver *net.Resolver
	// RootCAs are the certificate authorities trusted; nil is the system's.
	RootCAs *x509.CertPool
	// Certificates are what the client shows of itself to whoever asks.
	Certificates []tls.Certificate
}

// Client calls strangers safely. It is safe for concurrent use; make one per
// process, so that connections are shared.
type Client struct {
	allow          []netip.Prefix
	ports          []int
	connectTimeout time.Duration
	resolver       *net.Resolver
	dialer         *net.Dialer
	http           *http.Client
}

// New makes a client, replacing zero values by the defaults.
func New(config Config) *Client {
	if config.ConnectTimeout <= 0 {
		config.ConnectTimeout = DefaultConnectTimeout
	}
	if config.Timeout <= 0 {
		config.Timeout = DefaultTimeout
	}
	if config.MaxIdlePerHost <= 0 {
		config.MaxIdlePerHost = DefaultMaxIdlePerHost
	}
	if config.MaxBody <= 0 {
		config.MaxBody = DefaultMaxBody
	}
	if config.Resolver == nil {
		config.Resolver = net.DefaultResolver
	}
	client := &Client{
		allow:          normalise(config.AllowCIDRs),
		ports:          config.AllowPorts,
		connectTimeout: config.ConnectTimeout,
		resolver:       config.Resolver,
	}
	client.dialer = &net.Dialer{
		Timeout:        config.ConnectTimeout,
		Resolver:       config.Resolver,
		ControlContext: client.control,
	}
	client.http = &http.Client{
		Timeout: config.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
		Transport: &guard{client: client, maxBody: config.MaxBody, next: &http.Transport{
			// Nil on purpose: a proxy of the environment would resolve and
			// connect in our place, out of reach of control.
			Proxy:                  nil,
			DialContext:            client.dialer.DialContext,
			ForceAttemptHTTP2:      true,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: config.RootCAs, Certificates: config.Certificates},
			TLSHandshakeTimeout:    config.ConnectTimeout,
			MaxIdleConns:           idleConnections,
			MaxIdleConnsPerHost:    config.MaxIdlePerHost,
			IdleConnTimeout:        idleTimeout,
			MaxResponseHeaderBytes: maxResponseHeaderSize,
			// A small compressed body can unpack to any size.
			DisableCompression: true,
		}},
	}
	return client
}

// HTTP gives the guarded client. It can be handed to any library; replacing its
// Transport takes the guard away.
func (c *Client) HTTP() *http.Client { return c.http }

// CloseIdle closes the connections kept alive.
func (c *Client) CloseIdle() { c.http.CloseIdleConnections() }

// admission is what a request's URL allows its connections to reach.
type admission struct {
	// excused is the rule that the URL breaks and that only an allowed network
	// excuses; nil when it breaks none.
	excused *Error
}

type admissionKey struct{}

// control sees every address just before it is connected to, after name
// resolution. It must not trust anything that was found out earlier.
func (c *Client) control(ctx context.Context, _, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return refuse(CodeAddressForbidden, "The address of the host cannot be called.")
	}
	// A connection without an admission did not come through the guard.
	admitted, guarded := ctx.Value(admissionKey{}).(admission)
	if !guarded {
		return refuse(CodeAddressForbidden, "The address of the host cannot be called.")
	}
	return c.admit(target.Addr(), admitted.excused)
}

// admit decides on one address, given the rule that the URL itself breaks.
func (c *Client) admit(address netip.Addr, excused *Error) error {
	switch {
	case c.allowed(address):
		return nil
	case excused != nil:
		return excused
	case !Public(address):
		return &Error{
			Code:    CodeAddressForbidden,
			Text:    "The host leads to an address that is not on the public internet.",
			Address: address,
		}
	default:
		return nil
	}
}

// unexcused is the rule that a URL breaks, unless it is that of the port and the
// port is allowed.
func (c *Client) unexcused(t target) *Error {
	if t.excused != nil && t.excused.Code == CodePortForbidden && slices.Contains(c.ports, t.port) {
		return nil
	}
	return t.excused
}

func (c *Client) allowed(address netip.Addr) bool {
	if address.Zone() != "" {
		return false
	}
	address = address.Unmap()
	return slices.ContainsFunc(c.allow, func(prefix netip.Prefix) bool { return prefix.Contains(address) })
}

// normalise writes IPv4-mapped networks as IPv4 and drops invalid ones.
func normalise(prefixes []netip.Prefix) []netip.Prefix {
	const mappedBits = 96
	normal := make([]netip.Prefix, 0, len(prefixes))
	for _, prefix := range prefixes {
		if prefix.Addr().Is4In6() && prefix.Bits() >= mappedBits {
			prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-mappedBits)
		}
		if prefix.IsValid() {
			normal = append(normal, prefix.Masked())
		}
	}
	return normal
}
