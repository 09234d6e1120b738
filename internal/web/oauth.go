package web

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/parvis-crm/parvis/internal/api"
)

// maxOAuthBody bounds a form sent to an OAuth endpoint, in bytes.
const maxOAuthBody = 64 << 10

// OAuthRequest is what an OAuth endpoint needs of a request and the generated
// binding does not give: the form as sent, where a repeated parameter is a
// mistake and an unknown one is not (RFC 6749 §3.2), and the client's
// credential.
type OAuthRequest struct {
	Form url.Values
	// Readable is false when the body was no form in UTF-8 or too long.
	Readable bool
	// Authorized says that there was an Authorization header; Basic that it held
	// a client id and secret as RFC 6749 §2.3.1 writes them.
	Authorized, Basic    bool
	ClientID, ClientPass string
	// Remote is the address that the request came from.
	Remote netip.Addr
}

type oauthKey struct{}

// OAuthRequestFrom returns the OAuth request being answered.
func OAuthRequestFrom(ctx context.Context) OAuthRequest {
	r, _ := ctx.Value(oauthKey{}).(OAuthRequest)
	return r
}

// readOAuth keeps the form and the client's credential for the handlers of the
// OAuth endpoints.
func readOAuth(op api.OperationSpec) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if op.Rate != "oauth" || op.Method != http.MethodPost {
			return next
		}
		return func(c echo.Context) error {
			r := c.Request()
			r.Body = http.MaxBytesReader(c.Response(), r.Body, maxOAuthBody)
			in := OAuthRequest{Readable: r.ParseForm() == nil && readable(r.PostForm), Form: r.PostForm, Remote: RemoteAddr(c)}
			if !in.Readable {
				in.Form = url.Values{}
			}
			in.Authorized = r.Header.Get(echo.HeaderAuthorization) != ""
			if id, pass, ok := r.BasicAuth(); ok {
				// Both parts are form-encoded inside the Basic credential.
				var errID, errPass error
				in.ClientID, errID = url.QueryUnescape(id)
				in.ClientPass, errPass = url.QueryUnescape(pass)
				in.Basic = errID == nil && errPass == nil
			}
			// The binding sees nothing that could fail there: the handler reads the form itself.
			r.Form, r.PostForm = url.Values{}, url.Values{}
			c.SetRequest(r.WithContext(context.WithValue(r.Context(), oauthKey{}, in)))
			return next(c)
		}
	}
}

func readable(form url.Values) bool {
	for name, values := range form {
		for _, text := range append(values, name) {
			if !utf8.ValidString(text) || textFlaw(text) != "" {
				return false
			}
		}
	}
	return true
}
