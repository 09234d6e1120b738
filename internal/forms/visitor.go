package forms

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// maxSent bounds what a stranger can have read, in bytes.
const maxSent = 64 << 10

const publicPrefix = "/v1/public/"

// Visitor is what is known of a stranger's request besides its body.
type Visitor struct {
	Origin, UserAgent, AcceptLanguage string
	WantsPage                         bool // a browser navigates: answer with a page
	Address                           netip.Addr
	// Fields are those of a page without scripts, nil for JSON.
	Fields url.Values
}

type visitorKey struct{}

func visitor(ctx context.Context) Visitor {
	v, _ := ctx.Value(visitorKey{}).(Visitor)
	return v
}

// Public is the middleware of everything under /v1/public: it bounds the body,
// keeps what the handlers need to know of the visitor, and is the only place
// that speaks CORS (Fetch Standard §3.2). A form answers to the exact origins
// of its list, never with credentials.
func (s *Service) Public(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if !strings.HasPrefix(r.URL.Path, publicPrefix) {
			return next(c)
		}
		h := c.Response().Header()
		h.Add("Vary", "Origin")
		h.Set("Cache-Control", "no-store")
		v := Visitor{
			Origin: r.Header.Get("Origin"), UserAgent: clip(r.UserAgent(), 1000), AcceptLanguage: clip(r.Header.Get("Accept-Language"), 200),
			WantsPage: strings.Contains(r.Header.Get("Accept"), "text/html"), Address: web.RemoteAddr(c),
		}
		if v.Origin != "" {
			if err := s.allow(c, v.Origin); err != nil {
				return err
			}
		}
		if r.Method == http.MethodOptions {
			return c.NoContent(http.StatusNoContent)
		}
		if r.Body != nil {
			r.Body = http.MaxBytesReader(c.Response(), r.Body, maxSent)
		}
		if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media == "application/x-www-form-urlencoded" {
			if err := r.ParseForm(); err != nil {
				var tooLarge *http.MaxBytesError
				if errors.As(err, &tooLarge) {
					return fault.New(fault.TooLarge, "too-large").With("limit", maxSent)
				}
				return fault.New(fault.Malformed, "invalid-request").At("#", "format", "want", media)
			}
			v.Fields = r.PostForm
		}
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), visitorKey{}, v)))
		return next(c)
	}
}

func (s *Service) allow(c echo.Context, origin string) error {
	id, ok := formOf(c.Request().URL.Path)
	if !ok {
		return nil
	}
	p, err := s.resolve(c.Request().Context(), id)
	if fault.Is(err, "not-found") {
		return nil
	}
	if err != nil {
		return err
	}
	if !slices.Contains(p.origins, origin) {
		return nil
	}
	h := c.Response().Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "Location, Retry-After, RateLimit, RateLimit-Policy, Request-Id")
	if c.Request().Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "GET, POST")
		h.Set("Access-Control-Allow-Headers", "Content-Type, Accept-Language")
		h.Set("Access-Control-Max-Age", "7200")
	}
	return nil
}

// formOf reads the form's id out of a public path.
func formOf(path string) (uuid.UUID, bool) {
	rest, ok := strings.CutPrefix(path, publicPrefix+"forms/")
	if !ok {
		return uuid.Nil, false
	}
	text, _, _ := strings.Cut(rest, "/")
	id, err := ids.Parse(text)
	return id, err == nil
}

// published is a form as the public may know it.
type published struct {
	tenant  uuid.UUID
	test    bool
	version int64
	origins []string
}

// resolve finds whose form it is, before any tenant is known.
func (s *Service) resolve(ctx context.Context, id uuid.UUID) (published, error) {
	row, err := s.q.ResolvePublicForm(ctx, s.db.Pool(), id)
	if pg.IsNoRows(err) {
		return published{}, fault.NotFound()
	}
	if err != nil {
		return published{}, err
	}
	p := published{tenant: row.TenantID, test: row.Mode == "test", version: row.PublishedVersion}
	return p, json.Unmarshal(row.AllowedOrigins, &p.origins)
}

func (p published) actor(ctx context.Context, form uuid.UUID) context.Context {
	return web.WithActor(ctx, web.Actor{Kind: web.PublicForm, ID: form.String(), Tenant: p.tenant, Test: p.test, Sight: pg.Everything()})
}

func clip(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "")
	}
	return strings.ToValidUTF8(s, "")
}
