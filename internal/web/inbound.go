package web

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/parvis-crm/parvis/internal/fault"
)

// InboundPrefix begins the addresses at which other systems call us with bodies
// of their own making.
const InboundPrefix = "/v1/ticketing/hooks/"

// maxInbound bounds such a body, in bytes.
const maxInbound = 1 << 20

// Inbound is a call of another system as it came.
type Inbound struct {
	Header      http.Header
	ContentType string
	Body        []byte
	// User and Password of Basic authentication (RFC 7617), empty when there was none.
	User, Password string
}

type inboundKey struct{}

// InboundOf returns the call that is being answered.
func InboundOf(ctx context.Context) Inbound {
	in, _ := ctx.Value(inboundKey{}).(Inbound)
	return in
}

const opaque = "application/octet-stream"

// InboundDoor is the middleware of everything under InboundPrefix: it keeps the
// bytes of the body, over which signatures go, whatever kind of text they are,
// and never sends anybody elsewhere.
func InboundDoor(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if !strings.HasPrefix(r.URL.Path, InboundPrefix) || r.Method != http.MethodPost {
			return next(c)
		}
		in := Inbound{Header: r.Header.Clone(), ContentType: r.Header.Get(echo.HeaderContentType)}
		in.User, in.Password, _ = r.BasicAuth()
		if err := refuseCoding(r); err != nil {
			return err
		}
		body, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, maxInbound))
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(err, &tooLarge):
			return fault.New(fault.TooLarge, "too-large").With("limit", maxInbound)
		case err != nil:
			return fault.New(fault.Malformed, "invalid-request").At("#", "format", "want", "a whole body").Because(err)
		}
		in.Body = body
		if media, _, _ := mime.ParseMediaType(in.ContentType); in.ContentType == "" || fromVendor(media) {
			r.Header.Set(echo.HeaderContentType, opaque)
		}
		r.Body = http.NoBody
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), inboundKey{}, in)))
		return next(c)
	}
}

// fromVendor tells whether a body of that type is taken as it is.
func fromVendor(media string) bool {
	switch media {
	case opaque, "application/x-www-form-urlencoded", "text/plain":
		return true
	}
	return isJSON(media)
}
