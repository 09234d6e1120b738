package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/fault"
)

// bodyTime is how long the body of a request may take to arrive. Files may take
// longer, by their size.
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

// RequireCertificate refuses a credential that comes without a certificate of one
// of the authorities that the operator named (mutual TLS), so that a key which got
// out opens nothing by itself. What needs no credential, such as the page behind a
// link in a mail, is for people whose browser has no certificate.
func RequireCertificate(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		carries := r.Header.Get(echo.HeaderAuthorization) != "" || r.URL.Path == "/oauth/token" || r.URL.Path == "/oauth/introspect" || r.URL.Path == "/oauth/revoke"
		if carries && (r.TLS == nil || len(r.TLS.VerifiedChains) == 0) {
			return fault.New(fault.Forbidden, "certificate-required")
		}
		return next(c)
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

// fileRate is what the body of a file has to come with at least, in bytes a
// second, after the time of an ordinary one.
const fileRate = 4 << 10

// timedBody is a body that has to arrive in time. The bound stands until it has
// arrived whole, also when nobody reads it: the server itself reads what a
// handler left before it answers, and would wait for ever. It is lifted at the
// end, or it would end a handler that takes its time.
type timedBody struct {
	io.ReadCloser
	control  *http.ResponseController
	begun    time.Time
	received int64
	file     bool
}

// hurry bounds how long the body of a request may take to arrive. The request is
// a copy of what net/http was given: by the body of its own it knows that a client
// still waits to be asked for it (RFC 9110 §10.1.1), or that too much of it is left
// to be read before the answer.
func hurry(c echo.Context, copied *http.Request) {
	if copied.Body == nil || copied.Body == http.NoBody {
		return
	}
	b := &timedBody{ReadCloser: copied.Body, control: http.NewResponseController(c.Response()), begun: clock.Mark()}
	if b.control.SetReadDeadline(b.begun.Add(bodyTime)) == nil {
		copied.Body = b
	}
}

// takeTime lets a file arrive at the rate of its line, if not too slowly.
func takeTime(r *http.Request) {
	if b, ok := r.Body.(*timedBody); ok {
		b.file = true
	}
}

// Read implements io.Reader.
func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.received += int64(n)
	switch {
	case errors.Is(err, io.EOF):
		_ = b.control.SetReadDeadline(time.Time{})
	case b.file:
		_ = b.control.SetReadDeadline(b.begun.Add(bodyTime + time.Duration(b.received)*time.Second/fileRate))
	}
	return n, err
}

// refuseCoding refuses a body in a content coding: nothing that we take is
// compressed on the way, so nothing can swell here (RFC 7694 §3).
func refuseCoding(r *http.Request) error {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return fault.New(fault.UnsupportedMedia, "unsupported-encoding").With("encoding", coding).Header("Accept-Encoding", "identity")
	}
	return nil
}
