package app

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

func (a *App) setUpHTTP(h handlers) error {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = web.ErrorHandler(a.Log)
	e.IPExtractor = a.ipExtractor()
	e.Use(web.Arrival(Version))
	e.Use(middleware.RecoverWithConfig(middleware.RecoverConfig{DisableErrorHandler: true, DisablePrintStack: true}))
	e.Use(middleware.GzipWithConfig(middleware.GzipConfig{MinLength: 1024, Skipper: streaming}))

	validator, err := web.NewValidator(api.SpecJSON, api.Operations)
	if err != nil {
		return err
	}
	chain := web.Chain{
		Auth:        a.domains.access,
		Limiter:     web.NewLimiter(a.Clock, a.policies()),
		Validator:   validator,
		Idempotency: web.Idempotency{DB: a.DB, Log: a.Log},
		Log:         a.Log,
	}
	api.RegisterHandlersWithOptions(e, api.NewStrictHandler(h, nil), api.RegisterHandlersOptions{
		OperationMiddlewares: chain.Middlewares(api.Operations),
	})
	e.GET("/healthz", func(c echo.Context) error { return c.JSON(http.StatusOK, map[string]string{"status": "alive"}) })
	e.GET("/readyz", a.ready)
	e.RouteNotFound("/*", func(echo.Context) error { return fault.NotFound() })
	a.echo = e
	return nil
}

// ready answers whether requests can be served: the database answers.
func (a *App) ready(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), 2*time.Second)
	defer cancel()
	if err := a.DB.Pool().Ping(ctx); err != nil {
		f := fault.New(fault.Unavailable, "unavailable").Because(err)
		f.RetryAfter = 2 * time.Second
		return f
	}
	return c.JSON(http.StatusOK, map[string]string{"status": "ready"})
}

// ipExtractor believes X-Forwarded-For only behind the proxies that the
// operator named.
func (a *App) ipExtractor() echo.IPExtractor {
	if len(a.Config.TrustedProxies) == 0 {
		return echo.ExtractIPDirect()
	}
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range a.Config.TrustedProxies {
		_, network, err := net.ParseCIDR(p.String())
		if err == nil {
			trust = append(trust, echo.TrustIPRange(network))
		}
	}
	return echo.ExtractIPFromXFFHeader(trust...)
}

func (a *App) policies() map[string]web.Policy {
	c := a.Config
	return map[string]web.Policy{
		"default":     {Name: "default", Requests: c.RateDefault, Window: time.Minute},
		"search":      {Name: "search", Requests: c.RateSearch, Window: time.Minute},
		"bulk":        {Name: "bulk", Requests: c.RateBulk, Window: time.Minute},
		"public-form": {Name: "public-form", Requests: c.RateForm, Window: time.Minute},
		"oauth":       {Name: "oauth", Requests: c.RateOAuth, Window: time.Minute},
	}
}

// streaming answers are not held back by compression.
func streaming(c echo.Context) bool {
	op, ok := web.Operation(c)
	if !ok {
		return c.Path() == "/v1/events/stream"
	}
	return op.ID == "streamEvents"
}
