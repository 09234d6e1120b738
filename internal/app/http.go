package app

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"gopkg.in/yaml.v3"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/telemetry"
	"github.com/parvis-crm/parvis/internal/web"
	"github.com/parvis-crm/parvis/internal/web/docs"
)

func (a *App) setUpHTTP(h handlers, auth web.Authenticator, purposes web.Purposes) error {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = web.ErrorHandler(a.Log)
	e.IPExtractor = a.ipExtractor()
	e.Use(web.Arrival(Version, a.Config.Public(), a.Config.PublicURL != ""))
	e.Use(telemetry.Requests(a.metrics, a.traces, a.Log))
	e.Use(middleware.RecoverWithConfig(middleware.RecoverConfig{DisableErrorHandler: true, DisablePrintStack: true}))
	if a.Config.HTTPSRequired() {
		e.Use(web.RequireHTTPS(a.Config.TrustedProxies))
	}
	if a.Config.TLSClientCA != "" {
		e.Use(web.RequireCertificate)
	}
	e.Use(web.InboundDoor)
	e.Use(web.PublicDoor(a.domains.forms.Allow))
	e.Use(web.RefusedCodings)
	e.Use(middleware.GzipWithConfig(middleware.GzipConfig{MinLength: 1024, Skipper: streaming}))

	validator, err := web.ContractValidator()
	if err != nil {
		return err
	}
	classes, err := web.ContractClasses()
	if err != nil {
		return err
	}
	chain := web.Chain{
		Auth:        auth,
		Limiter:     web.NewLimiter(a.DB, a.Clock, web.LimiterConfig{Secret: a.master.Derive("quotas"), Policies: a.policies(), BulkPlaces: a.Config.BulkPlaces, Patience: a.quotaPatience, Log: a.Log}),
		Validator:   validator,
		Classes:     classes,
		Idempotency: web.Idempotency{DB: a.DB, Log: a.Log, Box: a.sealed(a.keptAnswers()), Subjects: a.domains.contacts, Classes: classes, Reads: a.domains.reads},
		Reads:       a.domains.reads,
		Refusals:    a.domains.refusals,
		Purposes:    purposes,
		Clock:       a.Clock,
		Log:         a.Log,
		Patience:    a.patience,
	}
	api.RegisterHandlersWithOptions(e, api.NewStrictHandler(h, nil), api.RegisterHandlersOptions{
		OperationMiddlewares: chain.Middlewares(api.Operations),
	})
	a.registerDocs(e)
	// What watches a server often asks by HEAD.
	asked := []string{http.MethodGet, http.MethodHead}
	e.Match(asked, "/healthz", func(c echo.Context) error { return c.JSON(http.StatusOK, map[string]string{"status": "alive"}) })
	e.Match(asked, "/readyz", a.ready)
	e.GET("/metrics", echo.WrapHandler(a.metrics.Handler()), web.Watchers(a.Config.MetricsCIDRs, a.Config.MetricsToken))
	a.echo = e
	return nil
}

// ready answers whether requests can be served: the database answers and has
// at least this program's schema, the workers run where there are any, and the
// program is not about to end.
func (a *App) ready(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), 2*time.Second)
	defer cancel()
	if missing, err := a.unready(ctx); missing != "" {
		f := fault.New(fault.Unavailable, "unavailable").Because(err).Extra("missing", missing)
		f.RetryAfter = 2 * time.Second
		return f
	}
	return c.JSON(http.StatusOK, map[string]string{"status": "ready"})
}

// unready says what is missing, nothing if the program is ready.
func (a *App) unready(ctx context.Context) (string, error) {
	if a.leaving.Load() {
		return "time", nil
	}
	version, dirty, err := a.DB.SchemaVersion(ctx)
	switch {
	case err != nil:
		return "database", err
	case dirty || version < a.latest:
		return "migrations", fmt.Errorf("the schema is at version %d (half applied: %t), this program needs %d", version, dirty, a.latest)
	case a.Config.Workers && !a.working.Load():
		return "workers", nil
	}
	return "", nil
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

// policies are the quotas of a minute, by rate class and for all classes.
func (a *App) policies() map[string]web.Policy {
	c := a.Config
	out := map[string]web.Policy{}
	for name, requests := range map[string]int{
		"default": c.RateDefault, "search": c.RateSearch, "bulk": c.RateBulk, "public-form": c.RateForm, "oauth": c.RateOAuth, "sign-in": c.RateSignIn, "inbound": c.RateInbound,
		web.InstitutionPolicy: c.RateInstitution, web.AddressPolicy: c.RateAddress,
	} {
		if requests > 0 {
			out[name] = web.Policy{Name: name, Requests: requests}
		}
	}
	return out
}

// registerDocs serves the contract and its documentation.
func (a *App) registerDocs(e *echo.Echo) {
	docs.Register(e, docs.Spec{JSON: api.SpecJSON, YAML: contractYAML, Version: Version, Origin: a.Config.Public(), Problems: problemPages{}, SecurityContact: a.Config.SecurityContact, Clock: a.Clock})
}

// contractYAML is made again from the JSON that the program embeds.
func contractYAML() ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(api.SpecJSON, &doc); err != nil {
		return nil, err
	}
	plainStyle(&doc)
	return yaml.Marshal(&doc)
}

// plainStyle drops the JSON notation that the nodes were read with.
func plainStyle(n *yaml.Node) {
	n.Style = 0
	for _, child := range n.Content {
		plainStyle(child)
	}
}

// problemPages describes the codes of the catalogue.
type problemPages struct{}

func (problemPages) Describe(code, lang string) (title, cause, fix string, ok bool) {
	text, ok := fault.Lookup(code, lang)
	return text.Title, text.Detail, text.Fix, ok
}

// streaming answers are not held back by compression, and the documentation
// compresses its own.
func streaming(c echo.Context) bool {
	path := c.Request().URL.Path
	return strings.HasPrefix(path, "/docs") || streams(path)
}

// streams reports whether the answer at a path has no end of its own, or is a great
// file.
func streams(path string) bool {
	return path == "/v1/events/stream" || (strings.HasPrefix(path, "/v1/exports/") && strings.HasSuffix(path, "/archive"))
}
