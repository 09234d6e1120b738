package forms

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

func visitor(ctx context.Context) web.Visitor { return web.VisitorOf(ctx) }

func clip(s string, n int) string { return web.ClipBytes(s, n) }

// Allow lets the exact origins of a form's list read its public answers, never
// with credentials.
func (s *Service) Allow(c echo.Context, origin string) error {
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
	rest, ok := strings.CutPrefix(path, web.PublicPrefix+"forms/")
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
	row, err := s.q.ResolvePublicForm(ctx, s.db.Unscoped(), id)
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
