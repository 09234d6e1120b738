package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/parvis-crm/parvis/internal/fault"
)

// bodyTime is how long the body of an ordinary request may take to arrive. Files
// take as long as they need.
const bodyTime = 30 * time.Second

// RequireHTTPS refuses what came in by plain HTTP, with an answer rather than a
// redirect: a client that is redirected has already sent its credential for all
// to read. A proxy that ends TLS says so in X-Forwarded-Proto, and is believed when
// the operator named it. Probes of the machine itself are let through.
func RequireHTTPS(trusted []netip.Prefix) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if r.TLS != nil || (throughProxy(r, trusted) && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")) || probe(r.URL.Path) {
				return next(c)
			}
			return fault.New(fault.Forbidden, "https-required")
		}
	}
}

func probe(path string) bool { return path == "/healthz" || path == "/readyz" || path == "/metrics" }

// throughProxy reports whether a request comes from a proxy that the operator
// named.
func throughProxy(r *http.Request, trusted []netip.Prefix) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(peer.Addr().Unmap()) })
}

// Watchers guards what tells how the program fares: for those who come from a
// network that the operator named or who hold the token, and not there for
// anybody else.
func Watchers(networks []netip.Prefix, token string) echo.MiddlewareFunc {
	wanted := sha256.Sum256([]byte(token))
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if held, ok := strings.CutPrefix(r.Header.Get(echo.HeaderAuthorization), "Bearer "); ok && token != "" {
				sum := sha256.Sum256([]byte(held))
				if subtle.ConstantTimeCompare(sum[:], wanted[:]) == 1 {
					return next(c)
				}
			}
			// Behind a proxy that nobody named, everybody comes from its address.
			peer, err := netip.ParseAddrPort(r.RemoteAddr)
			remote := RemoteAddr(c)
			forwarded := r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != ""
			if err == nil && (!forwarded || remote != peer.Addr().Unmap()) && slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(remote) }) {
				return next(c)
			}
			return fault.New(fault.Missing, "not-found")
		}
	}
}

// hurry bounds how long the body of a request may take; done lifts the bound, or
// it would end a handler that takes its time.
func hurry(c echo.Context) (done func()) {
	control := http.NewResponseController(c.Response())
	if control.SetReadDeadline(time.Now().Add(bodyTime)) != nil {
		return func() {}
	}
	return func() { _ = control.SetReadDeadline(time.Time{}) }
}

// refuseCoding refuses a body in a content coding: nothing that we take is
// compressed on the way, so nothing can swell here (RFC 7694 §3).
func refuseCoding(r *http.Request) error {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return fault.New(fault.UnsupportedMedia, "unsupported-encoding").With("encoding", coding).Header("Accept-Encoding", "identity")
	}
	return nil
}
