// Package docs serves the documentation portal of the API: the reference
// (Redoc), the explorer (Swagger UI), the published contract, the pages that
// explain problem codes, and the catalogue that lets machines find them.
//
// Everything comes from the binary. The pages work under
// "Content-Security-Policy: default-src 'self'" with no exception, so they make
// no request elsewhere and run no script that the server did not ship; a test
// drives a real browser to prove it. What had to be changed in the two
// applications for that is in assets/build.mjs.
package docs

import (
	"net/http"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"

	"github.com/parvis-crm/parvis/internal/clock"
)

// contentSecurityPolicy is sent with every answer of the portal.
const contentSecurityPolicy = "default-src 'self'"

// Spec is what the portal documents.
type Spec struct {
	JSON     []byte                 // the OpenAPI document
	YAML     func() ([]byte, error) // the same, made when somebody first asks for it
	Version  string                 // shown in the header, such as "1.4.0"
	Origin   string                 // the address by which the outside reaches the server
	Problems Problems               // nil: no problem code has a page
	// SecurityContact is where the operator wants to hear of flaws, a URI.
	SecurityContact string
	// Clock tells until when the portal may say that this is so.
	Clock clock.Clock
}

// Problems explains the problem codes of the API (the last segment of "type" in
// an RFC 9457 answer) to people, in the language "en" or "fr".
type Problems interface {
	Describe(code, lang string) (title, cause, fix string, ok bool)
}

// Register adds the portal's routes. A middleware that compresses answers has
// to leave them alone: they negotiate their own encoding.
func Register(e *echo.Echo, spec Spec) {
	assets := newAssets()
	pages := newPages(spec, assets.base)

	serve := func(path string, handler echo.HandlerFunc) {
		e.Match([]string{http.MethodGet, http.MethodHead}, path, guarded(handler))
	}
	serve("/docs", pages.reference)
	serve("/docs/", func(c echo.Context) error { return c.Redirect(http.StatusPermanentRedirect, "/docs") })
	serve("/docs/try", pages.explorer)
	serve("/docs/problems/:code", pages.problem)
	serve("/docs/assets/:revision/:name", assets.serve)
	serve(catalogPath, func(c echo.Context) error { return catalog(c, strings.TrimRight(spec.Origin, "/")) })
	serve("/.well-known/security.txt", securityText(spec.SecurityContact, spec.Clock))

	// Writing and compressing them takes longer than everything else at start.
	for path, document := range map[string]func() (*representation, error){
		"/v1/openapi.json": sync.OnceValues(func() (*representation, error) { return newRepresentation("application/json", spec.JSON), nil }),
		"/v1/openapi.yaml": sync.OnceValues(func() (*representation, error) { // RFC 9512
			text, err := spec.YAML()
			if err != nil {
				return nil, err
			}
			return newRepresentation("application/yaml", text), nil
		}),
	} {
		serve(path, published(document))
		e.OPTIONS(path, preflight)
	}
}

// guarded adds the headers every answer of the portal has.
func guarded(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		header := c.Response().Header()
		header.Set("Content-Security-Policy", contentSecurityPolicy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "same-origin")
		return next(c)
	}
}

// published serves the contract to scripts of any origin: it is public, and
// tools in a browser read it.
func published(document func() (*representation, error)) echo.HandlerFunc {
	return func(c echo.Context) error {
		r, err := document()
		if err != nil {
			return err
		}
		header := c.Response().Header()
		header.Set(echo.HeaderAccessControlAllowOrigin, "*")
		header.Set(echo.HeaderAccessControlExposeHeaders, "ETag")
		header.Set(echo.HeaderCacheControl, "public, max-age=300")
		return r.serve(c)
	}
}

// preflight allows the one request header a reader of the contract may add
// that the Fetch standard does not consider simple.
func preflight(c echo.Context) error {
	header := c.Response().Header()
	header.Set(echo.HeaderAccessControlAllowOrigin, "*")
	header.Set(echo.HeaderAccessControlAllowMethods, "GET, HEAD")
	header.Set(echo.HeaderAccessControlAllowHeaders, "If-None-Match")
	header.Set(echo.HeaderAccessControlMaxAge, "7200")
	return c.NoContent(http.StatusNoContent)
}
