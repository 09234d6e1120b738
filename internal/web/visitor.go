package web

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/parvis-crm/parvis/internal/fault"
)

// maxSent bounds what a stranger can have read, in bytes.
const maxSent = 64 << 10

// PublicPrefix begins the addresses that strangers may call.
const PublicPrefix = "/v1/public/"

// Visitor is what is known of a stranger's request besides its body.
type Visitor struct {
	Origin, UserAgent, AcceptLanguage string
	WantsPage                         bool // a browser navigates: answer with a page
	Address                           netip.Addr
	// Fields are those of a page without scripts, nil for JSON.
	Fields url.Values
}

type visitorKey struct{}

// VisitorOf returns what is known of whoever makes a public request.
func VisitorOf(ctx context.Context) Visitor {
	v, _ := ctx.Value(visitorKey{}).(Visitor)
	return v
}

// PublicDoor is the middleware of everything under PublicPrefix: it bounds the
// body and keeps what the handlers need to know of the visitor. allow decides
// which other origins may read an answer, and is the only place that speaks
// CORS (Fetch Standard §3.2).
func PublicDoor(allow func(c echo.Context, origin string) error) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if !strings.HasPrefix(r.URL.Path, PublicPrefix) {
				return next(c)
			}
			h := c.Response().Header()
			h.Add("Vary", "Origin")
			h.Set("Cache-Control", "no-store")
			v := Visitor{
				Origin: r.Header.Get("Origin"), UserAgent: ClipBytes(r.UserAgent(), 1000), AcceptLanguage: ClipBytes(r.Header.Get("Accept-Language"), 200),
				WantsPage: strings.Contains(r.Header.Get("Accept"), "text/html"), Address: RemoteAddr(c),
			}
			if v.Origin != "" {
				if err := allow(c, v.Origin); err != nil {
					return err
				}
			}
			if r.Method == http.MethodOptions {
				return c.NoContent(http.StatusNoContent)
			}
			if r.Body != nil {
				r.Body = http.MaxBytesReader(c.Response(), r.Body, maxSent)
			}
			if err := refuseCoding(r); err != nil {
				return err
			}
			switch media, parameters, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); {
			case media == "application/x-www-form-urlencoded":
				if err := r.ParseForm(); err != nil {
					return UnreadableBody(err, media)
				}
				v.Fields = r.PostForm
			case media == "multipart/form-data" && parameters["boundary"] == "":
				return UnreadableBody(http.ErrMissingBoundary, media)
			}
			c.SetRequest(r.WithContext(context.WithValue(r.Context(), visitorKey{}, v)))
			return next(c)
		}
	}
}

// noteVisitor keeps what is known of whoever calls an operation that needs no
// credential and is not behind PublicDoor.
func noteVisitor(c echo.Context) {
	r := c.Request()
	if _, known := r.Context().Value(visitorKey{}).(Visitor); known {
		return
	}
	v := Visitor{UserAgent: ClipBytes(r.UserAgent(), 1000), Address: RemoteAddr(c)}
	c.SetRequest(r.WithContext(context.WithValue(r.Context(), visitorKey{}, v)))
}

// UnreadableBody is the fault of a body that is not what its media type says,
// or that is too large to be read by strangers' leave.
func UnreadableBody(err error, media string) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fault.New(fault.TooLarge, "too-large").With("limit", maxSent)
	}
	return fault.New(fault.Malformed, "invalid-request").At("#", "format", "want", media).Because(err)
}

// ClipBytes cuts a text to n bytes and leaves valid UTF-8.
func ClipBytes(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "")
	}
	return strings.ToValidUTF8(s, "")
}

// pageCSP lets a page do nothing but send its own form here.
const pageCSP = "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// WriteHTML sends a page of ours to a person. It is not kept anywhere, since
// its address is often a secret.
func WriteHTML(w http.ResponseWriter, status int, body []byte) error {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pageCSP)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, err := w.Write(body)
	return err
}
